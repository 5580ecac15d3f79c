/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does anything with a PC's interval timer, while time goes on. */
#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/i8254.h>

struct machine {
    uint64_t now;
    uint64_t interrupted;
    struct vmmp_timer *timer; /* Armed. */
};

static uint64_t now(void *cookie)
{
    return ((struct machine *)cookie)->now;
}

static void arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct machine *m = cookie;
    FUZZ_CHECK(deadline_ns > m->now);
    m->timer = timer;
    timer->deadline_ns = deadline_ns;
}

static void cancel(void *cookie, struct vmmp_timer *timer)
{
    (void)timer;
    ((struct machine *)cookie)->timer = NULL;
}

static void on_level(void *cookie, bool high)
{
    struct machine *m = cookie;
    if (high) {
        FUZZ_CHECK(!m->interrupted || m->now - m->interrupted >= VMMP_I8254_LEAST_NS);
        m->interrupted = m->now;
    }
}

/* A step has a bound to its timers by the least time between them. */
static void advance(struct machine *m, uint64_t nanoseconds)
{
    uint64_t end = m->now + nanoseconds;
    for (unsigned i = 0; m->timer && m->timer->deadline_ns <= end; i++) {
        struct vmmp_timer *due = m->timer;
        FUZZ_CHECK(i <= 2 + nanoseconds / VMMP_I8254_LEAST_NS);
        m->now = due->deadline_ns;
        m->timer = NULL;
        due->work.run(due->work.cookie);
    }
    m->now = end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmmp_host_ops host_ops = { .now = now,
                                                   .timer_arm = arm,
                                                   .timer_cancel = cancel };
    static const struct vmmp_irq_line_ops line_ops = { .level = on_level };
    struct fuzz_input in = { data, size };
    struct machine m = { .now = 1000000 };
    struct vmmp_host host = { &host_ops, &m };
    struct vmmp_irq_line line;
    struct vmmp_i8254 pit;
    const struct vmmp_i8254_config config = { host, &line };
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &line_ops, &m, &host));
    FUZZ_CHECK(!vmmp_i8254_init(&pit, &config));
    while (in.left) {
        uint8_t what = fuzz_u8(&in);
        switch (what & 7) {
        case 0:
        case 1:
            vmmp_window_write(&pit.ports, what >> 6, 1, fuzz_u8(&in));
            break;
        case 2: /* A channel of a mode, with its count. */
            vmmp_window_write(&pit.ports, 3, 1, fuzz_u8(&in));
            vmmp_window_write(&pit.ports, what >> 6, 1, fuzz_u8(&in));
            vmmp_window_write(&pit.ports, what >> 6, 1, fuzz_u8(&in));
            break;
        case 3:
            vmmp_window_read(&pit.ports, what >> 6, 1);
            break;
        case 4:
            vmmp_window_write(&pit.speaker, 0, 1, what >> 3);
            break;
        case 5: /* Up to 13 ms, some clocks at a time. */
            advance(&m, (uint64_t)fuzz_u8(&in) * 50287);
            break;
        case 6: /* A clock, or a few. */
            advance(&m, (uint64_t)(what >> 3) * 419);
            break;
        default:
            vmmp_window_read(&pit.speaker, 0, 1);
            break;
        }
        for (unsigned i = 0; i < VMMP_I8254_CHANNELS; i++) {
            FUZZ_CHECK(pit.channels[i].count >= 1 && pit.channels[i].count <= 0x10000);
            FUZZ_CHECK(pit.channels[i].mode <= 5);
        }
    }
    vmmp_i8254_fini(&pit);
    FUZZ_CHECK(!m.timer);
    vmmp_irq_line_fini(&line);
    return 0;
}
