/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_exynos5422.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/boot.h>

#include <sel4vmmplatsupport/vmmp/boot_arm.h>

#include "../machine_console.h"

#define SPI_INTID(spi) (32 + (spi))
#define MEMORY_MINIMUM (UINT64_C(64) << 20)

/* Of the board: gpx0-3, with a pull-up beside it, low when the key is pressed. */
#define POWER_KEY_BANK "gpx0"
#define POWER_KEY_PIN  3

/* Chip id (User's Manual, chapter Chip ID): PRODUCT_ID of an Exynos 5422, revision 0.1. */
#define PRODUCT_ID 0xe5422001

/* Where a CPU that has been turned on goes, above the first words of the boot ROM's SYSRAM. */
#define BOOT_ADDRESS_WORD 1

static struct exynos *exynos_of(const struct machine *machine)
{
    return machine->board_state;
}

/* ---- interrupts and windows ----------------------------------------------------------------- */

/* The line of an SPI, made when it is first asked for; NULL if it cannot be (said). */
static struct vmmp_irq_line *spi_line(struct machine *machine, unsigned spi)
{
    struct exynos_spi *entry = &exynos_of(machine)->spis[spi];
    if (!entry->made) {
        int error = vmmp_vm_irq_line_init(&machine->vmmp, &entry->line, SPI_INTID((int)spi));
        if (error) {
            machine_said(machine, error, "registering an interrupt");
            return NULL;
        }
        entry->made = true;
    }
    return &entry->line;
}

static int attach(struct machine *machine, struct vmmp_window *window, uint64_t base)
{
    int error = vmmp_vm_attach_window(&machine->vmmp, window, vmmp_gpa(base));
    return error ? machine_said(machine, error, window->name) : 0;
}

/* ---- devices -------------------------------------------------------------------------------- */

static int add_combiner(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    struct vmmp_exynos_combiner_config config = {
        .host = machine->config->host,
        .groups = VMMP_EXYNOS_COMBINER_GROUPS,
        .log = &machine->config->log,
    };
    for (unsigned i = 0; i < config.groups; i++) {
        config.outputs[i] = spi_line(machine, i);
        if (!config.outputs[i]) {
            return -EIO;
        }
    }
    int error = vmmp_exynos_combiner_init(&exynos->combiner, &config);
    if (error) {
        return machine_said(machine, error, "making the interrupt combiner");
    }
    exynos->combiner_made = true;
    return attach(machine, &exynos->combiner.window, EXYNOS_COMBINER);
}

static int add_mct(struct machine *machine)
{
    /* Of the combiner: group and input of each comparator. */
    static const uint8_t comparators[VMMP_EXYNOS_MCT_COMPARATORS][2] = {
        { 23, 3 }, { 23, 4 }, { 25, 2 }, { 25, 3 }
    };
    struct exynos *exynos = exynos_of(machine);
    struct vmmp_exynos_mct_config config = {
        .host = machine->config->host,
        .log = &machine->config->log,
    };
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
        config.comparator_irqs[i] =
            vmmp_exynos_combiner_line(&exynos->combiner, comparators[i][0], comparators[i][1]);
    }
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_LOCALS; i++) {
        unsigned spi = i < 4 ? EXYNOS_SPI_MCT_LOCAL + i : EXYNOS_SPI_MCT_MORE + i - 4;
        config.local_irqs[i] = spi_line(machine, spi);
        if (!config.local_irqs[i]) {
            return -EIO;
        }
    }
    int error = vmmp_exynos_mct_init(&exynos->mct, &config);
    if (error) {
        return machine_said(machine, error, "making the Multi Core Timer");
    }
    exynos->mct_made = true;
    return attach(machine, &exynos->mct.window, EXYNOS_MCT);
}

static int add_uarts(struct machine *machine)
{
    static const struct vmmp_serial_backend backend = {
        .write = machine_uart_write,
        .read = machine_uart_read,
    };
    static const uint16_t fifos[EXYNOS_UARTS] = { 256, 64, 16, 16 };
    struct exynos *exynos = exynos_of(machine);
    for (unsigned i = 0; i < EXYNOS_UARTS; i++) {
        bool outside = i == EXYNOS_CONSOLE && machine->config->serial;
        struct vmmp_uart_config config = {
            .host = machine->config->host,
            .irq = spi_line(machine, EXYNOS_SPI_UART + i),
            .backend = outside ? &backend : NULL,
            .backend_cookie = machine,
            .log = &machine->config->log,
        };
        int error = config.irq ? vmmp_exynos_uart_init(&exynos->uarts[i], &config, fifos[i]) : -EIO;
        if (error) {
            return machine_said(machine, error, "making a UART");
        }
        exynos->uarts_made++;
        error = attach(machine, &exynos->uarts[i].uart.window, EXYNOS_UART + i * EXYNOS_UART_GAP);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* The wake-up pins gpx0.0 to gpx1.7 are inputs of the combiner; gpx2 and gpx3 share an SPI. */
static void wire_wakeup(struct machine *machine, struct vmmp_exynos_gpio_config *config)
{
    static const uint8_t combined[16][2] = {
        { 23, 0 }, { 24, 0 }, { 25, 0 }, { 25, 1 }, { 26, 0 }, { 26, 1 }, { 27, 0 }, { 27, 1 },
        { 28, 0 }, { 28, 1 }, { 29, 0 }, { 29, 1 }, { 30, 0 }, { 30, 1 }, { 31, 0 }, { 31, 1 },
    };
    for (unsigned i = 0; i < VMMP_EXYNOS_GPIO_WAKEUP_PINS; i++) {
        config->wakeup_irqs[i] = i < 16 ? vmmp_exynos_combiner_line(&exynos_of(machine)->combiner,
                                                                    combined[i][0], combined[i][1])
                                        : spi_line(machine, EXYNOS_SPI_WAKEUP);
    }
}

/* The key is on the first controller. */
static bool power_key(struct machine *machine, bool pressed)
{
    struct exynos *exynos = exynos_of(machine);
    int bank = vmmp_exynos_gpio_find_bank(vmmp_exynos5422_gpio(0), POWER_KEY_BANK);
    if (!exynos->gpios_made || bank < 0) {
        return false;
    }
    vmmp_exynos_gpio_drive(&exynos->gpios[0], (unsigned)bank, POWER_KEY_PIN, !pressed);
    return vmmp_exynos_gpio_interrupts(&exynos->gpios[0], (unsigned)bank, POWER_KEY_PIN);
}

static int add_gpios(struct machine *machine)
{
    static const uint8_t spis[EXYNOS_GPIOS] = { 45, 78, 46, 50, 47 };
    struct exynos *exynos = exynos_of(machine);
    for (unsigned i = 0; i < EXYNOS_GPIOS; i++) {
        struct vmmp_exynos_gpio_config config = {
            .host = machine->config->host,
            .layout = vmmp_exynos5422_gpio(i),
            .irq = spi_line(machine, spis[i]),
            .log = &machine->config->log,
        };
        if (i == 0) {
            wire_wakeup(machine, &config);
        }
        int error = config.irq ? vmmp_exynos_gpio_init(&exynos->gpios[i], &config) : -EIO;
        if (error) {
            return machine_said(machine, error, "making a GPIO controller");
        }
        exynos->gpios_made++;
        error = attach(machine, &exynos->gpios[i].window, config.layout->base);
        if (error) {
            return error;
        }
    }
    (void)power_key(machine, false);
    return 0;
}

static int add_sdhcs(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    for (unsigned i = 0; i < EXYNOS_SDHCS; i++) {
        struct vmmp_exynos_sdhc_config config = {
            .host = machine->config->host,
            .irq = spi_line(machine, EXYNOS_SPI_SDHC + i),
            .log = &machine->config->log,
        };
        int error = config.irq ? vmmp_exynos_sdhc_init(&exynos->sdhcs[i], &config) : -EIO;
        if (error) {
            return machine_said(machine, error, "making an SD/MMC controller");
        }
        exynos->sdhcs_made++;
        error = attach(machine, &exynos->sdhcs[i].window, EXYNOS_SDHC + i * EXYNOS_SDHC_GAP);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* ---- power ---------------------------------------------------------------------------------- */

static void end_guest(const struct exynos *exynos, bool reset)
{
    const struct machine_config *config = exynos->machine->config;
    config->ended(config->ended_cookie, exynos->machine->vmmp.vm, reset);
}

static void guest_resets(void *cookie)
{
    end_guest(cookie, true);
}

static void guest_powers_off(void *cookie)
{
    end_guest(cookie, false);
}

/*
 * What the boot ROM does with CPUs that have got power: they wait for SYSRAM to say where to go,
 * and go there. Inside SYSRAM's context.
 */
static void start_waiting(struct exynos *exynos)
{
    const struct machine *machine = exynos->machine;
    const struct vmmp_arm_entry entry = {
        .mode = VMMP_ARM_MODE_AARCH32,
        .interrupts_masked = true,
        .pc = exynos->sysram_words[BOOT_ADDRESS_WORD],
    };
    for (unsigned cpu = 0; cpu < machine->config->cpus && entry.pc; cpu++) {
        if (!(exynos->waiting >> cpu & 1)) {
            continue;
        }
        exynos->waiting &= ~(1u << cpu);
        int error = vmmp_arm_start(machine->vmmp.vm->vcpus[cpu], cpu, &entry);
        if (error) {
            vmmp_log(&machine->config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "CPU %u, turned on by the guest, cannot begin (error %d)", cpu, -error);
        }
    }
}

static void sysram_written(void *cookie, uint32_t index)
{
    if (index == BOOT_ADDRESS_WORD) {
        start_waiting(cookie);
    }
}

/*
 * One that loses power has nothing more to do than to wait for its end in a WFI, and does so here
 * until it gets power again.
 */
static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    struct exynos *exynos = cookie;
    vmmp_context_enter(&exynos->sysram.context);
    exynos->waiting &= ~(1u << cpu);
    if (on) {
        exynos->waiting |= 1u << cpu;
        start_waiting(exynos);
    }
    vmmp_context_leave(&exynos->sysram.context);
}

static int add_pmu(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    const struct vmmp_exynos_pmu_config config = {
        .host = machine->config->host,
        .reset = guest_resets,
        .power_off = guest_powers_off,
        .cpu_power = cpu_power,
        .cookie = exynos,
        .cpus_on = 1u << BOOT_VCPU,
        .log = &machine->config->log,
    };
    int error = vmmp_exynos_pmu_init(&exynos->pmu, &config);
    if (error) {
        return machine_said(machine, error, "making the PMU");
    }
    exynos->pmu_made = true;
    return attach(machine, &exynos->pmu.window, EXYNOS_PMU);
}

static int add_cmu(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    int error = vmmp_exynos_cmu_init(&exynos->cmu, &machine->config->host);
    if (error) {
        return machine_said(machine, error, "making the CMU");
    }
    exynos->cmu_made = true;
    return attach(machine, &exynos->cmu.window, EXYNOS_CMU);
}

/* ---- what only stores ------------------------------------------------------------------------ */

static int add_store(struct machine *machine, struct vmmp_word_store *store,
                     const struct vmmp_word_store_config *config, uint64_t base, bool *made)
{
    int error = vmmp_word_store_init(store, config);
    if (error) {
        return machine_said(machine, error, config->name);
    }
    *made = true;
    return attach(machine, &store->window, base);
}

static int add_stores(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    struct vmmp_word_store_config config = {
        .name = "exynos-chipid",
        .host = machine->config->host,
        .words = exynos->chipid_words,
        .count = EXYNOS_CHIPID_SIZE / 4,
        .read_only = true,
    };
    exynos->chipid_words[0] = PRODUCT_ID;
    int error = add_store(machine, &exynos->chipid, &config, EXYNOS_CHIPID, &exynos->chipid_made);
    config.read_only = false;
    config.name = "exynos-sysreg";
    config.words = exynos->sysreg_words;
    config.count = EXYNOS_SYSREG_SIZE / 4;
    if (!error) {
        error = add_store(machine, &exynos->sysreg, &config, EXYNOS_SYSREG, &exynos->sysreg_made);
    }
    config.name = "exynos-sysram";
    config.words = exynos->sysram_words;
    config.count = EXYNOS_SYSRAM_SIZE / 4;
    config.written = sysram_written;
    config.cookie = exynos;
    if (!error) {
        error = add_store(machine, &exynos->sysram, &config, EXYNOS_SYSRAM, &exynos->sysram_made);
    }
    return error;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int add_devices(struct machine *machine)
{
    /* The combiner first: others have inputs of it. SYSRAM before the PMU, which reads it. */
    static int (*const steps[])(struct machine *) = {
        add_combiner, add_mct, add_uarts, add_gpios, add_sdhcs, add_stores, add_cmu, add_pmu,
    };
    exynos_of(machine)->machine = machine;
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
    struct exynos *exynos = exynos_of(machine);
    if (exynos->pmu_made) {
        vmmp_exynos_pmu_fini(&exynos->pmu);
    }
    if (exynos->cmu_made) {
        vmmp_exynos_cmu_fini(&exynos->cmu);
    }
    if (exynos->sysram_made) {
        vmmp_word_store_fini(&exynos->sysram);
    }
    if (exynos->sysreg_made) {
        vmmp_word_store_fini(&exynos->sysreg);
    }
    if (exynos->chipid_made) {
        vmmp_word_store_fini(&exynos->chipid);
    }
    while (exynos->sdhcs_made) {
        vmmp_exynos_sdhc_fini(&exynos->sdhcs[--exynos->sdhcs_made]);
    }
    while (exynos->gpios_made) {
        vmmp_exynos_gpio_fini(&exynos->gpios[--exynos->gpios_made]);
    }
    while (exynos->uarts_made) {
        vmmp_uart_fini(&exynos->uarts[--exynos->uarts_made].uart);
    }
    if (exynos->mct_made) {
        vmmp_exynos_mct_fini(&exynos->mct);
    }
    if (exynos->combiner_made) {
        vmmp_exynos_combiner_fini(&exynos->combiner);
    }
    for (unsigned i = 0; i < EXYNOS_SPIS; i++) {
        if (exynos->spis[i].made) {
            vmmp_irq_line_fini(&exynos->spis[i].line);
        }
    }
}

static unsigned ram_ranges(uint64_t memory, struct machine_range ranges[2])
{
    ranges[0] = (struct machine_range){ "RAM", EXYNOS_RAM_BASE, memory };
    return 1;
}

static int trim_fdt(const struct machine_config *config, void *fdt)
{
    /* Devices, and nodes that need none. */
    static const char *const modelled[] = {
        "samsung,exynos4210-chipid",
        "samsung,exynos4210-combiner",
        "arm,gic-400",
        "samsung,exynos5-sysreg",
        "samsung,exynos4210-uart",
        "mmio-sram",
        "samsung,exynos4210-mct",
        "samsung,exynos5800-clock",
        "samsung,exynos4210-pd",
        "samsung,exynos5420-pmu",
        "samsung,exynos5420-pinctrl",
        "samsung,exynos5420-dw-mshc",
        "samsung,exynos5420-dw-mshc-smu",
        "simple-bus",
        "arm,armv7-timer",
        "operating-points-v2",
        "gpio-keys",
        NULL,
    };
    /* Secure firmware, which there is none of to call; the cache-coherent interconnect and the CPU
     * map, which drivers of disabled CPUs would use. */
    static const char *const removed[] = { "/firmware", "/soc/cci", "/cpus/cpu-map", NULL };
    static const char *const dropped[] = { NULL };
    static const struct arm_trim trim = { "/soc", modelled, removed, dropped };
    return arm_trim_fdt(config, fdt, &trim);
}

static void serial_notify(struct machine *machine)
{
    struct exynos *exynos = exynos_of(machine);
    if (exynos->uarts_made > EXYNOS_CONSOLE) {
        vmmp_uart_notify(&exynos->uarts[EXYNOS_CONSOLE].uart);
    }
}

/* "gpx0-3": bank and pin. */
static struct vmmp_exynos_gpio *find_pin(struct exynos *exynos, const char *name, unsigned *bank,
                                         unsigned *pin)
{
    char text[ARM_PIN_BANK];
    if (!arm_pin_name(name, text, pin)) {
        return NULL;
    }
    for (unsigned i = 0; i < exynos->gpios_made; i++) {
        const struct vmmp_exynos_gpio_layout *layout = vmmp_exynos5422_gpio(i);
        int found = vmmp_exynos_gpio_find_bank(layout, text);
        if (found >= 0 && *pin < layout->banks[found].pins) {
            *bank = (unsigned)found;
            return &exynos->gpios[i];
        }
    }
    return NULL;
}

static int touch_pin(struct machine *machine, const char *name, enum machine_pin_action action,
                     bool *high)
{
    unsigned bank;
    unsigned pin;
    struct vmmp_exynos_gpio *gpio = find_pin(exynos_of(machine), name, &bank, &pin);
    if (!gpio) {
        return -ENOENT;
    }
    if (action == MACHINE_PIN_RELEASE) {
        vmmp_exynos_gpio_release(gpio, bank, pin);
    } else if (action != MACHINE_PIN_LOOK) {
        vmmp_exynos_gpio_drive(gpio, bank, pin, action == MACHINE_PIN_HIGH);
    }
    *high = vmmp_exynos_gpio_level(gpio, bank, pin);
    return 0;
}

static uint64_t raised(const struct exynos *exynos, unsigned first, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = first; i < first + count; i++) {
        sum += __atomic_load_n(&exynos->spis[i].line.raised, __ATOMIC_RELAXED);
    }
    return sum;
}

static unsigned count(const struct machine *machine,
                      struct machine_counter counters[MACHINE_COUNTERS])
{
    const struct exynos *exynos = exynos_of(machine);
    counters[0] =
        (struct machine_counter){ "combiner", raised(exynos, 0, VMMP_EXYNOS_COMBINER_GROUPS) };
    counters[1] = (struct machine_counter){ "mct-local", raised(exynos, EXYNOS_SPI_MCT_LOCAL, 4) };
    counters[2] = (struct machine_counter){ "uart", raised(exynos, EXYNOS_SPI_UART, EXYNOS_UARTS) };
    return 3;
}

static const struct machine_gic gic = {
    .distributor = EXYNOS_GIC_DIST,
    .cpu_interface = EXYNOS_GIC_CPU,
    .interrupts = SPI_INTID(EXYNOS_SPIS),
};

const struct machine_board machine_board_exynos5422 = {
    .name = "exynos5422",
    .serial_console = "ttySAC2,115200n8",
    .early_console = "earlycon",
    .cpus = EXYNOS_CPUS,
    .memory_minimum = MEMORY_MINIMUM,
    .memory_maximum = EXYNOS_RAM_SIZE,
    .state_size = sizeof(struct exynos),
    .nowhere_is_zero = true, /* As registers of what is not modelled. */
    .own_fdt = "exynos5422-odroidxu4.dtb",
    .gic = &gic,
    .ram_ranges = ram_ranges,
    .add_devices = add_devices,
    .remove = remove_all,
    .plan = arm_plan_aarch32,
    .trim_fdt = trim_fdt,
    .load = arm_load,
    .serial_notify = serial_notify,
    .power_key = power_key,
    .pin_example = "gpx0-3",
    .pin = touch_pin,
    .count = count,
};
