/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of an Exynos 5422 on one clock: accesses of every offset, width and value in any
 * order, input, pins that move, time that passes, and resets.
 */
#include <sel4vmmplatsupport/vmmp/exynos_cmu.h>
#include <sel4vmmplatsupport/vmmp/exynos_combiner.h>
#include <sel4vmmplatsupport/vmmp/exynos_gpio.h>
#include <sel4vmmplatsupport/vmmp/exynos_mct.h>
#include <sel4vmmplatsupport/vmmp/exynos_pmu.h>
#include <sel4vmmplatsupport/vmmp/exynos_sdhc.h>
#include <sel4vmmplatsupport/vmmp/exynos_uart.h>

#include "fuzz_uart_bench.h"

#define GPIOS 5

static struct vmmp_exynos_uart console;
static struct vmmp_exynos_mct mct;
static struct vmmp_exynos_combiner combiner;
static struct vmmp_exynos_pmu pmu;
static struct vmmp_exynos_cmu cmu;
static struct vmmp_exynos_sdhc sdhc;
static struct vmmp_exynos_gpio gpios[GPIOS];
static struct vmmp_irq_line lines[32];
static bool levels[32];
static uint64_t now_ns;
static struct vmmp_timer *timer;
static unsigned fired;

/* ---- The host ---- */

static uint64_t now(void *cookie)
{
    (void)cookie;
    return now_ns;
}

static void timer_arm(void *cookie, struct vmmp_timer *armed, uint64_t deadline_ns)
{
    (void)cookie;
    FUZZ_CHECK(!timer || timer == armed); /* Only the MCT has one. */
    timer = armed;
    timer->deadline_ns = deadline_ns;
}

static void timer_cancel(void *cookie, struct vmmp_timer *cancelled)
{
    (void)cookie;
    timer = timer == cancelled ? NULL : timer;
}

static const struct vmmp_host_ops host_ops = {
    .now = now,
    .defer = defer,
    .cancel = cancel,
    .timer_arm = timer_arm,
    .timer_cancel = timer_cancel,
};
static const struct vmmp_host host = { &host_ops, NULL };

/* Timers run at their deadlines, and not without end: an interrupt that waits arms nothing. */
static void advance(uint64_t nanoseconds)
{
    uint64_t end = now_ns + nanoseconds;
    unsigned rounds = 0;
    while (timer && timer->deadline_ns <= end) {
        struct vmmp_timer *due = timer;
        timer = NULL;
        now_ns = due->deadline_ns > now_ns ? due->deadline_ns : now_ns;
        due->work.run(due->work.cookie);
        FUZZ_CHECK(++rounds <= VMMP_EXYNOS_MCT_COMPARATORS + VMMP_EXYNOS_MCT_LOCALS);
        fired++;
    }
    now_ns = end;
}

/* ---- What the devices are connected to ---- */

static void pin_changed(void *cookie, unsigned bank, unsigned pin, bool high)
{
    const struct vmmp_exynos_gpio *gpio = cookie;
    FUZZ_CHECK(bank < gpio->config.layout->count && pin < gpio->config.layout->banks[bank].pins);
    FUZZ_CHECK((gpio->levels[bank] >> pin & 1) == high && gpio->outputs[bank] >> pin & 1);
}

static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    (void)cookie, (void)on;
    FUZZ_CHECK(cpu < VMMP_EXYNOS_PMU_CPUS);
}

static void make(uint8_t how)
{
    for (unsigned i = 0; i < 32; i++) {
        levels[i] = false;
        FUZZ_CHECK(!vmmp_irq_line_init(&lines[i], &line_ops, &levels[i], NULL));
    }
    struct vmmp_exynos_combiner_config combined = { .groups = 32 };
    for (unsigned i = 0; i < 32; i++) {
        combined.outputs[i] = &lines[i];
    }
    FUZZ_CHECK(!vmmp_exynos_combiner_init(&combiner, &combined));
    struct vmmp_exynos_mct_config timers = { .host = host };
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
        timers.comparator_irqs[i] = vmmp_exynos_combiner_line(&combiner, 23, 3 + i);
    }
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_LOCALS; i++) {
        timers.local_irqs[i] = vmmp_exynos_combiner_line(&combiner, i, 0);
    }
    FUZZ_CHECK(!vmmp_exynos_mct_init(&mct, &timers));
    const struct vmmp_uart_config port = {
        .host = host,
        .irq = vmmp_exynos_combiner_line(&combiner, 31, 7),
        .backend = &backend,
    };
    FUZZ_CHECK(!vmmp_exynos_uart_init(&console, &port, how & 1 ? 16 : 256));
    for (unsigned i = 0; i < GPIOS; i++) {
        struct vmmp_exynos_gpio_config pins = {
            .layout = vmmp_exynos5422_gpio(i),
            .irq = vmmp_exynos_combiner_line(&combiner, 8 + i, 1),
            .output = pin_changed,
            .cookie = &gpios[i],
        };
        for (unsigned n = 0; n < VMMP_EXYNOS_GPIO_WAKEUP_PINS; n++) {
            pins.wakeup_irqs[n] = vmmp_exynos_combiner_line(&combiner, 24 + n % 4, i);
        }
        FUZZ_CHECK(!vmmp_exynos_gpio_init(&gpios[i], &pins));
    }
    const struct vmmp_exynos_pmu_config power = { .cpu_power = cpu_power, .cpus_on = 1 };
    FUZZ_CHECK(!vmmp_exynos_pmu_init(&pmu, &power));
    FUZZ_CHECK(!vmmp_exynos_cmu_init(&cmu, NULL));
    const struct vmmp_exynos_sdhc_config slot = {
        .irq = vmmp_exynos_combiner_line(&combiner, 30, 7),
    };
    FUZZ_CHECK(!vmmp_exynos_sdhc_init(&sdhc, &slot));
}

static void unmake(void)
{
    for (unsigned i = 0; i < GPIOS; i++) {
        vmmp_exynos_gpio_fini(&gpios[i]);
    }
    vmmp_uart_fini(&console.uart);
    vmmp_exynos_mct_fini(&mct);
    vmmp_exynos_pmu_fini(&pmu);
    vmmp_exynos_cmu_fini(&cmu);
    vmmp_exynos_sdhc_fini(&sdhc);
    vmmp_exynos_combiner_fini(&combiner);
    for (unsigned i = 0; i < 32; i++) {
        FUZZ_CHECK(!levels[i] && !lines[i].sources);
        vmmp_irq_line_fini(&lines[i]);
    }
    FUZZ_CHECK(!timer && !queued);
}

/* ---- Steps ---- */

static struct vmmp_window *window(struct fuzz_input *in)
{
    struct vmmp_window *const windows[] = {
        &console.uart.window, &mct.window,      &combiner.window, &pmu.window,
        &cmu.window,          &gpios[0].window, &gpios[1].window, &gpios[2].window,
        &gpios[3].window,     &gpios[4].window, &sdhc.window
    };
    return windows[fuzz_u8(in) % (sizeof(windows) / sizeof(windows[0]))];
}

static void access(struct fuzz_input *in)
{
    struct vmmp_window *at = window(in);
    uint64_t offset = fuzz_u32(in) % (at->size + 16);
    unsigned size = fuzz_width(in);
    if (fuzz_u8(in) & 1) {
        vmmp_window_write(at, offset, size, fuzz_number(in, size));
    } else {
        uint64_t value = vmmp_window_read(at, offset, size);
        FUZZ_CHECK((value & ~vmmp_all_ones(size)) == 0);
    }
}

static void step(struct fuzz_input *in)
{
    switch (fuzz_u8(in) % 16) {
    case 0:
        advance(fuzz_u32(in));
        break;
    case 1:
        advance(fuzz_number(in, 6));
        break;
    case 2:
        vmmp_uart_notify(&console.uart);
        break;
    case 3:
        run_queued();
        break;
    case 4: {
        struct vmmp_exynos_gpio *gpio = &gpios[fuzz_u8(in) % GPIOS];
        uint8_t bank = fuzz_u8(in) & 0xf;
        uint8_t pin = fuzz_u8(in);
        if (pin & 0x80) {
            vmmp_exynos_gpio_release(gpio, bank, pin & 0xf);
        } else {
            vmmp_exynos_gpio_drive(gpio, bank, pin & 0xf, pin & 0x40);
        }
        break;
    }
    case 5:
        switch (fuzz_u8(in) % 8) {
        case 0:
            vmmp_uart_reset(&console.uart);
            break;
        case 1:
            vmmp_exynos_mct_reset(&mct);
            break;
        case 2:
            vmmp_exynos_combiner_reset(&combiner);
            break;
        case 3:
            vmmp_exynos_pmu_reset(&pmu);
            break;
        default:
            vmmp_exynos_gpio_reset(&gpios[fuzz_u8(in) % GPIOS]);
            break;
        }
        break;
    default:
        access(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    input = &in;
    now_ns = 1000;
    timer = NULL;
    queued = NULL;
    make(fuzz_u8(&in));
    while (in.left > 0) {
        step(&in);
        FUZZ_CHECK(console.uart.input_count <= console.fifo_size);
    }
    unmake();
    return 0;
}
