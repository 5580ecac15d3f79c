/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does anything with a PC's clock, while time goes on. */
#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/rtc_cmos.h>

struct machine {
    uint64_t now;
    struct vmmp_timer *timer; /* Armed. */
    bool level;
};

static uint64_t now(void *cookie)
{
    return ((struct machine *)cookie)->now;
}

static void arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct machine *m = cookie;
    FUZZ_CHECK(deadline_ns > m->now);
    FUZZ_CHECK(!m->level); /* The guest has not seen the last one. */
    m->timer = timer;
    timer->deadline_ns = deadline_ns;
}

static void cancel(void *cookie, struct vmmp_timer *timer)
{
    (void)timer;
    ((struct machine *)cookie)->timer = NULL;
}

static void set_level(void *cookie, bool high)
{
    FUZZ_CHECK(((struct machine *)cookie)->level != high);
    ((struct machine *)cookie)->level = high;
}

static void advance(struct machine *m, uint64_t nanoseconds)
{
    uint64_t end = m->now + nanoseconds;
    for (unsigned i = 0; m->timer && m->timer->deadline_ns <= end; i++) {
        struct vmmp_timer *due = m->timer;
        FUZZ_CHECK(i < 2); /* One, and it waits until it is seen. */
        m->now = due->deadline_ns;
        m->timer = NULL;
        due->work.run(due->work.cookie);
    }
    m->now = end;
}

static unsigned get(struct vmmp_rtc_cmos *rtc, unsigned index)
{
    vmmp_window_write(&rtc->window, 0, 1, index);
    return (unsigned)vmmp_window_read(&rtc->window, 1, 1);
}

/* While the clock runs it shows a time of day. */
static void check_time(struct vmmp_rtc_cmos *rtc)
{
    if (!rtc->stopped) {
        unsigned format = get(rtc, 0x0b);
        unsigned most = format & 4 ? 59 : 0x59;
        FUZZ_CHECK(get(rtc, 0) <= most && get(rtc, 2) <= most);
        FUZZ_CHECK(get(rtc, 6) >= 1 && get(rtc, 6) <= 7 && get(rtc, 8) >= 1);
        FUZZ_CHECK((get(rtc, 4) & 0x7f) <= (format & 4 ? 23 : 0x23));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmmp_host_ops host_ops = { .now = now,
                                                   .timer_arm = arm,
                                                   .timer_cancel = cancel };
    static const struct vmmp_irq_line_ops line_ops = { .level = set_level };
    struct fuzz_input in = { data, size };
    struct machine m = { .now = 1 };
    struct vmmp_host host = { &host_ops, &m };
    struct vmmp_irq_line line;
    struct vmmp_rtc_cmos rtc;
    struct vmmp_rtc_cmos_config config = {
        .host = host, .irq = &line, .seconds = INT64_C(1709251197), .ram_below_4g = 1 << 30
    };

    FUZZ_CHECK(!vmmp_irq_line_init(&line, &line_ops, &m, &host));
    FUZZ_CHECK(!vmmp_rtc_cmos_init(&rtc, &config));
    while (in.left) {
        uint8_t what = fuzz_u8(&in);
        switch (what & 7) {
        case 0:
        case 1:
            vmmp_window_write(&rtc.window, what >> 7, 1, fuzz_u8(&in));
            break;
        case 2:
            vmmp_window_write(&rtc.window, 0, 2, fuzz_u8(&in) | (unsigned)fuzz_u8(&in) << 8);
            break;
        case 3:
            vmmp_window_read(&rtc.window, what >> 7, 1);
            break;
        case 4: /* Up to some 4 minutes, or 130 days. */
            advance(&m, (uint64_t)fuzz_u8(&in) * (what & 8 ? UINT64_C(44236800000000) : 999999999));
            break;
        case 5: /* Up to 16 ms. */
            advance(&m, (uint64_t)fuzz_u8(&in) * 61035);
            break;
        case 6:
            get(&rtc, 0x0c);
            FUZZ_CHECK(!m.level);
            break;
        default:
            check_time(&rtc);
            break;
        }
        FUZZ_CHECK(m.level == rtc.irq_high && rtc.index < sizeof(rtc.bytes));
    }
    vmmp_rtc_cmos_fini(&rtc);
    vmmp_irq_line_fini(&line);
    return 0;
}
