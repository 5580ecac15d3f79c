/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The models of a Tegra K1: accesses of every offset, width and value in any order, input, deferred
 * work, and resets.
 */
#include <sel4vmmplatsupport/vmmp/as3722.h>
#include <sel4vmmplatsupport/vmmp/tegra_car.h>
#include <sel4vmmplatsupport/vmmp/tegra_flow.h>
#include <sel4vmmplatsupport/vmmp/tegra_gpio.h>
#include <sel4vmmplatsupport/vmmp/tegra_i2c.h>
#include <sel4vmmplatsupport/vmmp/tegra_ictlr.h>
#include <sel4vmmplatsupport/vmmp/tegra_pmc.h>
#include <sel4vmmplatsupport/vmmp/uart16550.h>

#include "fuzz_uart_bench.h"

static struct vmmp_tegra_car car;
static struct vmmp_tegra_pmc pmc;
static struct vmmp_tegra_flow flow;
static struct vmmp_tegra_ictlr ictlr;
static struct vmmp_tegra_i2c i2c;
static struct vmmp_tegra_gpio gpio;
static struct vmmp_as3722 chip;
static struct vmmp_uart16550 console;
#define LINES (2 + VMMP_TEGRA_GPIO_CONTROLLERS)
static struct vmmp_irq_line lines[LINES];
static bool levels[LINES];

static const struct vmmp_host_ops host_ops = { .defer = defer, .cancel = cancel };
static const struct vmmp_host host = { &host_ops, NULL };

static void guest_resets(void *cookie)
{
    (void)cookie;
}

static void guest_ended(void *cookie, bool reset)
{
    (void)cookie, (void)reset;
}

static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    (void)cookie;
    FUZZ_CHECK(cpu < VMMP_TEGRA_CAR_CPUS);
    vmmp_tegra_car_cpu(&car, cpu, !on);
}

static void pin_changed(void *cookie, unsigned port, unsigned pin, bool high)
{
    (void)cookie;
    FUZZ_CHECK(port < VMMP_TEGRA_GPIO_PORTS && pin < VMMP_TEGRA_GPIO_PINS);
    const struct vmmp_tegra_gpio_port *at = &gpio.ports[port];
    FUZZ_CHECK((at->level >> pin & 1) == high && (at->gpio & at->enabled) >> pin & 1);
}

static void make(uint8_t how)
{
    for (unsigned i = 0; i < LINES; i++) {
        levels[i] = false;
        FUZZ_CHECK(!vmmp_irq_line_init(&lines[i], &line_ops, &levels[i], NULL));
    }
    const struct vmmp_tegra_car_config clocks = { .reset = how & 1 ? guest_resets : NULL };
    FUZZ_CHECK(!vmmp_tegra_car_init(&car, &clocks));
    const struct vmmp_tegra_pmc_config power = {
        .reset = how & 1 ? guest_resets : NULL,
        .cpu_power = how & 2 ? cpu_power : NULL,
    };
    FUZZ_CHECK(!vmmp_tegra_pmc_init(&pmc, &power));
    const struct vmmp_tegra_flow_config halts = { .cpu_power = how & 2 ? cpu_power : NULL };
    FUZZ_CHECK(!vmmp_tegra_flow_init(&flow, &halts));
    FUZZ_CHECK(!vmmp_tegra_ictlr_init(&ictlr, NULL));
    const struct vmmp_as3722_config ends = { .ended = how & 1 ? guest_ended : NULL };
    vmmp_as3722_init(&chip, &ends);
    chip.bus.address = how & 4 ? 0 : VMMP_AS3722_ADDRESS; /* Found by accident, too. */
    const struct vmmp_tegra_i2c_config bus = {
        .irq = &lines[0],
        .devices = &chip.bus,
        .device_count = 1,
    };
    FUZZ_CHECK(!vmmp_tegra_i2c_init(&i2c, &bus));
    struct vmmp_tegra_gpio_config pins = { .pulled_up = { how }, .output = pin_changed };
    for (unsigned i = 0; i < VMMP_TEGRA_GPIO_CONTROLLERS; i++) {
        pins.irqs[i] = &lines[2 + i];
    }
    FUZZ_CHECK(!vmmp_tegra_gpio_init(&gpio, &pins));
    const struct vmmp_uart16550_config port = {
        .uart = { .host = host, .irq = &lines[1], .backend = &backend },
        .reg_shift = how >> 3 & 3,
        .wired = how & 32,
    };
    FUZZ_CHECK(!vmmp_uart16550_init(&console, &port));
}

static void unmake(void)
{
    vmmp_uart_fini(&console.uart);
    vmmp_tegra_gpio_fini(&gpio);
    vmmp_tegra_i2c_fini(&i2c);
    vmmp_tegra_ictlr_fini(&ictlr);
    vmmp_tegra_flow_fini(&flow);
    vmmp_tegra_pmc_fini(&pmc);
    vmmp_tegra_car_fini(&car);
    for (unsigned i = 0; i < LINES; i++) {
        FUZZ_CHECK(!levels[i] && !lines[i].sources);
        vmmp_irq_line_fini(&lines[i]);
    }
    FUZZ_CHECK(!queued);
}

static void access(struct fuzz_input *in)
{
    struct vmmp_window *const windows[] = { &car.window,   &pmc.window, &flow.window,
                                            &ictlr.window, &i2c.window, &console.uart.window,
                                            &gpio.window };
    struct vmmp_window *at = windows[fuzz_u8(in) % (sizeof(windows) / sizeof(windows[0]))];
    uint64_t offset = fuzz_u32(in) % (at->size + 16);
    unsigned size = fuzz_width(in);
    if (fuzz_u8(in) & 1) {
        vmmp_window_write(at, offset, size, fuzz_number(in, size));
    } else {
        uint64_t value = vmmp_window_read(at, offset, size);
        FUZZ_CHECK((value & ~vmmp_all_ones(size)) == 0);
    }
}

/* A packet's beginning, which accidents rarely make. */
static void packet(struct fuzz_input *in)
{
    vmmp_window_write(&i2c.window, 0x5c, 4, fuzz_u8(in));
    vmmp_window_write(&i2c.window, 0x50, 4, 0x10);
    vmmp_window_write(&i2c.window, 0x50, 4, fuzz_u8(in));
    vmmp_window_write(&i2c.window, 0x50, 4,
                      (fuzz_u8(in) & 1u) << 19 | (uint32_t)chip.bus.address << 1);
}

static void pin(struct fuzz_input *in)
{
    unsigned port = fuzz_u8(in) % (VMMP_TEGRA_GPIO_PORTS + 1);
    unsigned number = fuzz_u8(in) % (VMMP_TEGRA_GPIO_PINS + 1);
    uint8_t what = fuzz_u8(in);
    if (what & 2) {
        vmmp_tegra_gpio_release(&gpio, port, number);
    } else {
        vmmp_tegra_gpio_drive(&gpio, port, number, what & 1);
    }
}

static void reset(struct fuzz_input *in)
{
    switch (fuzz_u8(in) % 8) {
    case 0:
        vmmp_tegra_car_reset(&car);
        break;
    case 1:
        vmmp_tegra_pmc_reset(&pmc);
        break;
    case 2:
        vmmp_tegra_flow_reset(&flow);
        break;
    case 3:
        vmmp_tegra_i2c_reset(&i2c);
        break;
    case 4:
        vmmp_uart_reset(&console.uart);
        break;
    case 5:
        vmmp_tegra_gpio_reset(&gpio);
        break;
    default:
        break;
    }
}

static void step(struct fuzz_input *in)
{
    switch (fuzz_u8(in) % 16) {
    case 0:
        vmmp_uart_notify(&console.uart);
        break;
    case 1:
        run_queued();
        break;
    case 2:
        reset(in);
        break;
    case 3:
        packet(in);
        break;
    case 4:
        pin(in);
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
    queued = NULL;
    make(fuzz_u8(&in));
    while (in.left > 0) {
        step(&in);
        FUZZ_CHECK(i2c.input_count <= VMMP_TEGRA_I2C_FIFO_WORDS);
        FUZZ_CHECK(i2c.header_count <= 3 && i2c.left <= 4096);
        FUZZ_CHECK(console.uart.input_count <= VMMP_UART16550_FIFO_SIZE);
    }
    unmake();
    return 0;
}
