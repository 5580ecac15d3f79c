/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_jetson_tk1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/boot.h>

#include <sel4vmmplatsupport/vmmp/boot_arm.h>

#include "../machine_console.h"

#define SPI_INTID(spi) (32 + (spi))
/* Of the board: pin Q0, low when the key is pressed. */
#define POWER_KEY_PORT ('q' - 'a')
#define POWER_KEY_PIN  0
#define MEMORY_MINIMUM (UINT64_C(64) << 20)

/* Words of the stores. */
#define EVP_CPU_RESET (0x100 / 4)
#define MISC_HIDREV   (0x804 / 4)
#define STRAPS_OPT_A  (0x064 / 4)
#define FUSE_SKU      (0x110 / 4)

/* GP_HIDREV: minor 1, Tegra 0x40 (K1), major 1, handheld. */
#define HIDREV 0x00014017
/* Fuses of a Jetson TK1's chip, and the strap that tells its memory. */
#define SKU      0x81
#define RAM_CODE (3u << 4)

static struct tk1 *tk1_of(const struct machine *machine)
{
    return machine->board_state;
}

static int attach(struct machine *machine, struct vmmp_window *window, uint64_t base)
{
    int error = vmmp_vm_attach_window(&machine->vmmp, window, vmmp_gpa(base));
    return error ? machine_said(machine, error, window->name) : 0;
}

static int add_line(struct machine *machine, struct vmmp_irq_line *line, int spi)
{
    int error = vmmp_vm_irq_line_init(&machine->vmmp, line, SPI_INTID(spi));
    return error ? machine_said(machine, error, "registering an interrupt") : 0;
}

/* ---- what only stores ------------------------------------------------------------------------ */

/* The identification among the registers that can be written. */
static void misc_written(void *cookie, uint32_t index)
{
    struct tk1 *tk1 = cookie;
    if (index == MISC_HIDREV) {
        tk1->misc_words[index] = HIDREV;
    }
}

static int add_stores(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    const struct {
        const char *name;
        uint64_t base;
        uint32_t *words;
        uint32_t size;
        bool read_only;
        void (*written)(void *, uint32_t);
    } stores[TK1_STORES] = {
        [TK1_STORE_SB] = { "tegra-sb", TK1_SB, tk1->sb_words, TK1_SB_SIZE, false, NULL },
        [TK1_STORE_EVP] = { "tegra-evp", TK1_EVP, tk1->evp_words, TK1_EVP_SIZE, false, NULL },
        [TK1_STORE_MISC] = { "tegra-misc", TK1_MISC, tk1->misc_words, TK1_MISC_SIZE, false,
                             misc_written },
        [TK1_STORE_STRAPS] = { "tegra-straps", TK1_STRAPS, tk1->straps_words, TK1_STRAPS_SIZE, true,
                               NULL },
        [TK1_STORE_FUSE] = { "tegra-fuse", TK1_FUSE, tk1->fuse_words, TK1_FUSE_SIZE, true, NULL },
    };
    tk1->misc_words[MISC_HIDREV] = HIDREV;
    tk1->straps_words[STRAPS_OPT_A] = RAM_CODE;
    tk1->fuse_words[FUSE_SKU] = SKU;
    for (unsigned i = 0; i < TK1_STORES; i++) {
        const struct vmmp_word_store_config config = {
            .name = stores[i].name,
            .host = machine->config->host,
            .words = stores[i].words,
            .count = stores[i].size / 4,
            .read_only = stores[i].read_only,
            .written = stores[i].written,
            .cookie = tk1,
        };
        int error = vmmp_word_store_init(&tk1->stores[i], &config);
        if (error) {
            return machine_said(machine, error, config.name);
        }
        tk1->stores_made++;
        error = attach(machine, &tk1->stores[i].window, stores[i].base);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* ---- power ---------------------------------------------------------------------------------- */

static void guest_ended(void *cookie, bool reset)
{
    const struct tk1 *tk1 = cookie;
    const struct machine_config *config = tk1->machine->config;
    config->ended(config->ended_cookie, tk1->machine->vmmp.vm, reset);
}

static void guest_resets(void *cookie)
{
    guest_ended(cookie, true);
}

/*
 * A CPU that gets power begins where the exception vectors say. One that loses it has nothing more
 * to do than to wait for its end in a WFI, and does so until it gets power again.
 */
static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    struct tk1 *tk1 = cookie;
    const struct machine *machine = tk1->machine;
    const struct vmmp_arm_entry entry = {
        .mode = VMMP_ARM_MODE_AARCH32,
        .interrupts_masked = true,
        .pc = __atomic_load_n(&tk1->evp_words[EVP_CPU_RESET], __ATOMIC_RELAXED),
    };
    if (cpu >= machine->config->cpus) {
        return;
    }
    vmmp_tegra_car_cpu(&tk1->car, cpu, !on);
    int error = on ? vmmp_arm_start(machine->vmmp.vm->vcpus[cpu], cpu, &entry) : 0;
    if (error) {
        vmmp_log(&machine->config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "CPU %u, turned on by the guest, cannot begin (error %d)", cpu, -error);
    }
}

static int add_car(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    const struct vmmp_tegra_car_config config = {
        .host = machine->config->host,
        .reset = guest_resets,
        .cookie = tk1,
        .log = &machine->config->log,
    };
    int error = vmmp_tegra_car_init(&tk1->car, &config);
    if (error) {
        return machine_said(machine, error, "making the clock and reset controller");
    }
    tk1->car_made = true;
    return attach(machine, &tk1->car.window, TK1_CAR);
}

static int add_flow(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    const struct vmmp_tegra_flow_config config = {
        .host = machine->config->host,
        .cpu_power = cpu_power,
        .cookie = tk1,
    };
    int error = vmmp_tegra_flow_init(&tk1->flow, &config);
    if (error) {
        return machine_said(machine, error, "making the flow controller");
    }
    tk1->flow_made = true;
    return attach(machine, &tk1->flow.window, TK1_FLOW);
}

static int add_pmc(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    const struct vmmp_tegra_pmc_config config = {
        .host = machine->config->host,
        .reset = guest_resets,
        .cpu_power = cpu_power,
        .cookie = tk1,
        .log = &machine->config->log,
    };
    int error = vmmp_tegra_pmc_init(&tk1->pmc, &config);
    if (error) {
        return machine_said(machine, error, "making the power management controller");
    }
    tk1->pmc_made = true;
    return attach(machine, &tk1->pmc.window, TK1_PMC);
}

/* ---- devices -------------------------------------------------------------------------------- */

static int add_ictlr(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    int error = vmmp_tegra_ictlr_init(&tk1->ictlr, &machine->config->host);
    if (error) {
        return machine_said(machine, error, "making the legacy interrupt controller");
    }
    tk1->ictlr_made = true;
    return attach(machine, &tk1->ictlr.window, TK1_ICTLR);
}

static int add_uarts(struct machine *machine)
{
    static const struct vmmp_serial_backend backend = {
        .write = machine_uart_write,
        .read = machine_uart_read,
    };
    static const struct {
        uint32_t base;
        int spi;
    } places[TK1_UARTS] = {
        { 0x70006000, 36 },
        { 0x70006040, 37 },
        { 0x70006200, 46 },
        { 0x70006300, 90 },
    };
    struct tk1 *tk1 = tk1_of(machine);
    for (unsigned i = 0; i < TK1_UARTS; i++) {
        bool outside = i == TK1_CONSOLE && machine->config->serial;
        const struct vmmp_uart16550_config config = {
            .uart = { .host = machine->config->host,
                      .irq = &tk1->uart_lines[i],
                      .backend = outside ? &backend : NULL,
                      .backend_cookie = machine,
                      .log = &machine->config->log },
            .reg_shift = 2,
            .wired = true,
        };
        int error = add_line(machine, &tk1->uart_lines[i], places[i].spi);
        if (error) {
            return error;
        }
        tk1->uart_lines_made++;
        error = vmmp_uart16550_init(&tk1->uarts[i], &config);
        if (error) {
            return machine_said(machine, error, "making a UART");
        }
        tk1->uarts_made++;
        error = attach(machine, &tk1->uarts[i].uart.window, places[i].base);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int add_i2cs(struct machine *machine)
{
    static const struct {
        uint32_t base;
        int spi;
    } places[TK1_I2CS] = {
        { 0x7000c000, 38 },  { 0x7000c400, 84 }, { 0x7000c500, 92 },
        { 0x7000c700, 120 }, { 0x7000d000, 53 }, { 0x7000d100, 63 },
    };
    struct tk1 *tk1 = tk1_of(machine);
    const struct vmmp_as3722_config pmic = {
        .host = machine->config->host,
        .seconds = machine->config->rtc_seconds,
        .ended = guest_ended,
        .cookie = tk1,
        .log = &machine->config->log,
    };
    vmmp_as3722_init(&tk1->pmic, &pmic);
    for (unsigned i = 0; i < TK1_I2CS; i++) {
        const struct vmmp_tegra_i2c_config config = {
            .host = machine->config->host,
            .irq = &tk1->i2c_lines[i],
            .devices = &tk1->pmic.bus,
            .device_count = i == TK1_PMIC,
        };
        int error = add_line(machine, &tk1->i2c_lines[i], places[i].spi);
        if (error) {
            return error;
        }
        tk1->i2c_lines_made++;
        error = vmmp_tegra_i2c_init(&tk1->i2cs[i], &config);
        if (error) {
            return machine_said(machine, error, "making an I2C controller");
        }
        tk1->i2cs_made++;
        error = attach(machine, &tk1->i2cs[i].window, places[i].base);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int add_gpio(struct machine *machine)
{
    static const uint8_t spis[VMMP_TEGRA_GPIO_CONTROLLERS] = { 32, 33, 34, 35, 55, 87, 89, 125 };
    struct tk1 *tk1 = tk1_of(machine);
    struct vmmp_tegra_gpio_config config = {
        .host = machine->config->host,
        .pulled_up = { [POWER_KEY_PORT] = 1u << POWER_KEY_PIN },
    };
    for (unsigned i = 0; i < VMMP_TEGRA_GPIO_CONTROLLERS; i++) {
        int error = add_line(machine, &tk1->gpio_lines[i], spis[i]);
        if (error) {
            return error;
        }
        tk1->gpio_lines_made++;
        config.irqs[i] = &tk1->gpio_lines[i];
    }
    int error = vmmp_tegra_gpio_init(&tk1->gpio, &config);
    if (error) {
        return machine_said(machine, error, "making the GPIO controller");
    }
    tk1->gpio_made = true;
    return attach(machine, &tk1->gpio.window, TK1_GPIO);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int add_devices(struct machine *machine)
{
    /* The clock and reset controller before those that tell it of CPUs. */
    static int (*const steps[])(struct machine *) = {
        add_stores, add_ictlr, add_car, add_flow, add_pmc, add_uarts, add_i2cs, add_gpio,
    };
    tk1_of(machine)->machine = machine;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int error = steps[i](machine);
        if (error) {
            return error;
        }
    }
    return 0;
}

static void remove_all(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    if (tk1->gpio_made) {
        vmmp_tegra_gpio_fini(&tk1->gpio);
    }
    while (tk1->gpio_lines_made) {
        vmmp_irq_line_fini(&tk1->gpio_lines[--tk1->gpio_lines_made]);
    }
    while (tk1->i2cs_made) {
        vmmp_tegra_i2c_fini(&tk1->i2cs[--tk1->i2cs_made]);
    }
    while (tk1->i2c_lines_made) {
        vmmp_irq_line_fini(&tk1->i2c_lines[--tk1->i2c_lines_made]);
    }
    while (tk1->uarts_made) {
        vmmp_uart_fini(&tk1->uarts[--tk1->uarts_made].uart);
    }
    while (tk1->uart_lines_made) {
        vmmp_irq_line_fini(&tk1->uart_lines[--tk1->uart_lines_made]);
    }
    if (tk1->pmc_made) {
        vmmp_tegra_pmc_fini(&tk1->pmc);
    }
    if (tk1->flow_made) {
        vmmp_tegra_flow_fini(&tk1->flow);
    }
    if (tk1->car_made) {
        vmmp_tegra_car_fini(&tk1->car);
    }
    if (tk1->ictlr_made) {
        vmmp_tegra_ictlr_fini(&tk1->ictlr);
    }
    while (tk1->stores_made) {
        vmmp_word_store_fini(&tk1->stores[--tk1->stores_made]);
    }
}

static unsigned ram_ranges(uint64_t memory, struct machine_range ranges[2])
{
    ranges[0] = (struct machine_range){ "RAM", TK1_RAM_BASE, memory };
    return 1;
}

static int trim_fdt(const struct machine_config *config, void *fdt)
{
    /* Devices, and nodes that need none. */
    static const char *const modelled[] = {
        "arm,cortex-a15-gic",
        "nvidia,tegra124-ictlr",
        "nvidia,tegra124-car",
        "nvidia,tegra124-flowctrl",
        "nvidia,tegra124-apbmisc",
        "nvidia,tegra124-pinmux",
        "nvidia,tegra124-gpio",
        "nvidia,tegra124-uart",
        "nvidia,tegra124-i2c",
        "nvidia,tegra124-pmc",
        "nvidia,tegra124-efuse",
        "arm,armv7-timer",
        "operating-points-v2",
        "fixed-clock",
        "regulator-fixed",
        "gpio-keys",
        NULL,
    };
    static const char *const removed[] = { NULL };
    /* Of the DMA controller, which drivers would wait for. */
    static const char *const dropped[] = { "dmas", "dma-names", NULL };
    static const struct arm_trim trim = { NULL, modelled, removed, dropped };
    return arm_trim_fdt(config, fdt, &trim);
}

static void serial_notify(struct machine *machine)
{
    struct tk1 *tk1 = tk1_of(machine);
    if (tk1->uarts_made > TK1_CONSOLE) {
        vmmp_uart_notify(&tk1->uarts[TK1_CONSOLE].uart);
    }
}

static bool power_key(struct machine *machine, bool pressed)
{
    struct tk1 *tk1 = tk1_of(machine);
    if (!tk1->gpio_made) {
        return false;
    }
    if (pressed) {
        vmmp_tegra_gpio_drive(&tk1->gpio, POWER_KEY_PORT, POWER_KEY_PIN, false);
    } else {
        vmmp_tegra_gpio_release(&tk1->gpio, POWER_KEY_PORT, POWER_KEY_PIN);
    }
    return vmmp_tegra_gpio_interrupts(&tk1->gpio, POWER_KEY_PORT, POWER_KEY_PIN);
}

/* "q-0": port and pin. */
static int touch_pin(struct machine *machine, const char *name, enum machine_pin_action action,
                     bool *high)
{
    struct vmmp_tegra_gpio *gpio = &tk1_of(machine)->gpio;
    char bank[ARM_PIN_BANK];
    unsigned pin;
    int port = arm_pin_name(name, bank, &pin) ? vmmp_tegra_gpio_find_port(bank) : -1;
    if (port < 0) {
        return -ENOENT;
    }
    if (action == MACHINE_PIN_RELEASE) {
        vmmp_tegra_gpio_release(gpio, (unsigned)port, pin);
    } else if (action != MACHINE_PIN_LOOK) {
        vmmp_tegra_gpio_drive(gpio, (unsigned)port, pin, action == MACHINE_PIN_HIGH);
    }
    *high = vmmp_tegra_gpio_level(gpio, (unsigned)port, pin);
    return 0;
}

static uint64_t raised(const struct vmmp_irq_line *lines, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += __atomic_load_n(&lines[i].raised, __ATOMIC_RELAXED);
    }
    return sum;
}

static unsigned count(const struct machine *machine,
                      struct machine_counter counters[MACHINE_COUNTERS])
{
    const struct tk1 *tk1 = tk1_of(machine);
    counters[0] = (struct machine_counter){ "uart", raised(tk1->uart_lines, TK1_UARTS) };
    counters[1] = (struct machine_counter){ "i2c", raised(tk1->i2c_lines, TK1_I2CS) };
    counters[2] =
        (struct machine_counter){ "gpio", raised(tk1->gpio_lines, VMMP_TEGRA_GPIO_CONTROLLERS) };
    return 3;
}

static const struct machine_gic gic = {
    .distributor = TK1_GIC_DIST,
    .cpu_interface = TK1_GIC_CPU,
    .interrupts = SPI_INTID(TK1_SPIS),
};

const struct machine_board machine_board_jetson_tk1 = {
    .name = "jetson-tk1",
    .serial_console = "ttyS0,115200n8",
    .early_console = "earlycon",
    .cpus = TK1_CPUS,
    .memory_minimum = MEMORY_MINIMUM,
    .memory_maximum = TK1_RAM_SIZE,
    .state_size = sizeof(struct tk1),
    .nowhere_is_zero = true, /* As registers of what is not modelled. */
    .own_fdt = "tegra124-jetson-tk1.dtb",
    .gic = &gic,
    .chip_memory = { "IRAM", TK1_IRAM_BASE, TK1_IRAM_SIZE },
    .ram_ranges = ram_ranges,
    .add_devices = add_devices,
    .remove = remove_all,
    .plan = arm_plan_aarch32,
    .trim_fdt = trim_fdt,
    .load = arm_load,
    .serial_notify = serial_notify,
    .power_key = power_key,
    .pin_example = "q-0",
    .pin = touch_pin,
    .count = count,
};
