/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_pc.h"

#include <errno.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/ports_x86.h>

#include "../machine_console.h"

/* ---- messages ------------------------------------------------------------------------------- */

static void send_message(void *cookie, uint64_t address, uint32_t data)
{
    const struct machine *machine = cookie;
    struct pc *pc = machine->board_state;
    const struct vmmp_msi *host = &machine->config->msi;
    __atomic_fetch_add(&pc->messages, 1, __ATOMIC_RELAXED);
    host->ops->send(host->cookie, address, data);
}

/* ---- the guest's end ------------------------------------------------------------------------ */

static void reset(void *cookie)
{
    const struct machine *machine = cookie;
    machine->config->ended(machine->config->ended_cookie, machine->vmmp.vm, true);
}

static void enter_sleep(void *cookie, unsigned type)
{
    const struct machine *machine = cookie;
    if (type == VMMP_ACPI_S5_TYPE) {
        machine->config->ended(machine->config->ended_cookie, machine->vmmp.vm, false);
    }
}

/* ---- parts ---------------------------------------------------------------------------------- */

static int add_reset(struct machine *machine, struct pc *pc)
{
    const struct vmmp_pc_reset_config config = {
        .host = machine->config->host,
        .reset = reset,
        .cookie = machine,
    };
    int error = vmmp_pc_reset_init(&pc->reset, &config);
    if (error) {
        return error;
    }
    pc->reset_made = true;
    /* The register at 0xCF9 is in the middle of the PCI host's ports, which pass it on. */
    error = vmmp_io_port_add(&pc->ports, &pc->reset.port_a, VMMP_PC_RESET_PORT_A);
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pc->reset.keyboard_data, VMMP_PC_RESET_KEYBOARD_DATA);
    }
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pc->reset.keyboard_command,
                                 VMMP_PC_RESET_KEYBOARD_COMMAND);
    }
    return error;
}

static int add_controllers(struct machine *machine)
{
    static const struct vmmp_msi_ops ops = { send_message };
    struct pc *pc = machine->board_state;
    vmmp_io_port_space_init(&pc->ports, pc->port_ranges, PC_PORT_RANGES, PC_PCI_PORTS, NULL);
    int error = vmmp_vm_attach_ports(&machine->vmmp, &pc->ports);
    if (!error) {
        error = add_reset(machine, pc);
    }
    if (error) {
        return machine_said(machine, error, "making the I/O ports");
    }
    if (machine->config->msi.ops) {
        pc->msi = (struct vmmp_msi){ &ops, machine };
        machine->msi = &pc->msi;
    }
    return 0;
}

/* A host bridge without registers of its own, as QEMU's generic one is. */
static int add_bridge(struct machine *machine, struct pc *pc)
{
    const struct vmmp_pci_identity identity = {
        .vendor = 0x1b36,
        .device = 0x0008,
        .class_code = 0x060000,
    };
    vmmp_pci_function_init(&pc->bridge, "host bridge", &identity, NULL, NULL);
    int place = vmmp_pci_host_add(&machine->pci, &pc->bridge, 0, 0);
    return place < 0 ? place : 0;
}

static int attach_pci(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    struct vmmp_pci_host *pci = &machine->pci;
    vmmp_pci_host_set_port(pci, VMMP_PC_RESET_CONTROL, &pc->reset.control);
    int error = add_bridge(machine, pc);
    if (!error) {
        error = vmmp_vm_attach_window(&machine->vmmp, &pci->config, vmmp_gpa(PC_PCI_ECAM_BASE));
    }
    if (!error) {
        error = vmmp_vm_attach_window(&machine->vmmp, &pci->memory, vmmp_gpa(PC_PCI_MEM_BASE));
    }
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pci->config_ports, VMMP_PCI_CONFIG_PORTS);
    }
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pci->ports, PC_PCI_PORTS);
    }
    return error;
}

static int add_pm(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &pc->sci, PC_SCI_IRQ);
    if (error) {
        return machine_said(machine, error, "registering ACPI's interrupt");
    }
    pc->sci_made = true;
    const struct vmmp_acpi_pm_config config = {
        .host = machine->config->host,
        .sci = &pc->sci,
        .sleep = enter_sleep,
        .cookie = machine,
    };
    error = vmmp_acpi_pm_init(&pc->pm, &config);
    if (error) {
        return machine_said(machine, error, "making the power management block");
    }
    pc->pm_made = true;
    error = vmmp_io_port_add(&pc->ports, &pc->pm.block, PC_PM_PORT);
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pc->pm.timer, PC_PM_TIMER_PORT);
    }
    return error ? machine_said(machine, error, "attaching the power management block") : 0;
}

static int add_rtc(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    struct machine_range ram[2];
    unsigned pieces = machine_ram_ranges(&machine_board_pc, machine->config->memory, ram);
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &pc->rtc_line, VMMP_RTC_CMOS_IRQ);
    if (error) {
        return machine_said(machine, error, "registering the clock's interrupt");
    }
    pc->rtc_line_made = true;
    const struct vmmp_rtc_cmos_config config = {
        .host = machine->config->host,
        .irq = &pc->rtc_line,
        .seconds = machine->config->rtc_seconds,
        .ram_below_4g = ram[0].size,
        .ram_above_4g = pieces > 1 ? ram[1].size : 0,
    };
    error = vmmp_rtc_cmos_init(&pc->rtc, &config);
    if (error) {
        return machine_said(machine, error, "making the clock");
    }
    pc->rtc_made = true;
    error = vmmp_io_port_add(&pc->ports, &pc->rtc.window, VMMP_RTC_CMOS_PORT);
    return error ? machine_said(machine, error, "attaching the clock") : 0;
}

static int add_pit(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &pc->pit_line, VMMP_I8254_IRQ);
    if (error) {
        return machine_said(machine, error, "registering the interval timer's interrupt");
    }
    pc->pit_line_made = true;
    const struct vmmp_i8254_config config = {
        .host = machine->config->host,
        .irq = &pc->pit_line,
    };
    error = vmmp_i8254_init(&pc->pit, &config);
    if (error) {
        return machine_said(machine, error, "making the interval timer");
    }
    pc->pit_made = true;
    error = vmmp_io_port_add(&pc->ports, &pc->pit.ports, VMMP_I8254_PORTS);
    if (!error) {
        error = vmmp_io_port_add(&pc->ports, &pc->pit.speaker, VMMP_I8254_SPEAKER);
    }
    return error ? machine_said(machine, error, "attaching the interval timer") : 0;
}

static int add_uart(struct machine *machine)
{
    static const struct vmmp_serial_backend backend = {
        .write = machine_uart_write,
        .read = machine_uart_read,
    };
    struct pc *pc = machine->board_state;
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &pc->uart_line, PC_UART_IRQ);
    if (error) {
        return machine_said(machine, error, "registering the UART's interrupt");
    }
    pc->uart_line_made = true;
    const struct vmmp_uart16550_config config = {
        .uart = { .host = machine->config->host,
                  .irq = &pc->uart_line,
                  .backend = &backend,
                  .backend_cookie = machine,
                  .log = &machine->config->log },
    };
    error = vmmp_uart16550_init(&pc->com1, &config);
    if (error) {
        return machine_said(machine, error, "making the UART");
    }
    pc->uart_made = true;
    error = vmmp_io_port_add(&pc->ports, &pc->com1.uart.window, PC_UART_PORT);
    return error ? machine_said(machine, error, "attaching the UART") : 0;
}

static int add_devices(struct machine *machine)
{
    int error = add_pm(machine);
    if (!error) {
        error = add_rtc(machine);
    }
    if (!error && machine->config->interval_timer) {
        error = add_pit(machine);
    }
    return !error && machine->config->serial ? add_uart(machine) : error;
}

static void remove_all(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    if (pc->uart_made) {
        vmmp_uart_fini(&pc->com1.uart);
    }
    if (pc->uart_line_made) {
        vmmp_irq_line_fini(&pc->uart_line);
    }
    if (pc->pit_made) {
        vmmp_i8254_fini(&pc->pit);
    }
    if (pc->pit_line_made) {
        vmmp_irq_line_fini(&pc->pit_line);
    }
    if (pc->rtc_made) {
        vmmp_rtc_cmos_fini(&pc->rtc);
    }
    if (pc->rtc_line_made) {
        vmmp_irq_line_fini(&pc->rtc_line);
    }
    if (pc->pm_made) {
        vmmp_acpi_pm_fini(&pc->pm);
    }
    if (pc->sci_made) {
        vmmp_irq_line_fini(&pc->sci);
    }
    if (pc->reset_made) {
        vmmp_pc_reset_fini(&pc->reset);
    }
}

static void serial_notify(struct machine *machine)
{
    struct pc *pc = machine->board_state;
    if (pc->uart_made) {
        vmmp_uart_notify(&pc->com1.uart);
    }
}

static bool power_key(struct machine *machine, bool pressed)
{
    struct pc *pc = machine->board_state;
    return pressed && vmmp_acpi_pm_power_button(&pc->pm);
}

static unsigned count(const struct machine *machine,
                      struct machine_counter counters[MACHINE_COUNTERS])
{
    const struct pc *pc = machine->board_state;
    unsigned kinds = 0;
    counters[kinds++] =
        (struct machine_counter){ "msi", __atomic_load_n(&pc->messages, __ATOMIC_RELAXED) };
    if (pc->uart_line_made) {
        counters[kinds++] = (struct machine_counter){ "uart", __atomic_load_n(&pc->uart_line.raised,
                                                                              __ATOMIC_RELAXED) };
    }
    return kinds;
}

static const struct machine_pci_place pci = {
    .config = {
        .config_kind = VMMP_PCI_CONFIG_ECAM,
        .buses = 1,
        .memory_base = PC_PCI_MEM_BASE,
        .memory_size = PC_PCI_MEM_SIZE,
        .port_base = PC_PCI_PORTS,
        .port_size = PC_PCI_PORT_SIZE,
        .port_allocation_base = PC_PCI_PORTS,
    },
    .intx = { PC_PCI_INTX_GSI, PC_PCI_INTX_GSI + 1, PC_PCI_INTX_GSI + 2, PC_PCI_INTX_GSI + 3 },
};

const struct machine_board machine_board_pc = {
    .name = "pc",
    .serial_console = "ttyS0",
    .early_console = "earlyprintk=ttyS0",
    .cpus = PC_CPUS,
    .split_irqchip = true,
    .memory_minimum = PC_MEMORY_MINIMUM,
    .memory_maximum = PC_MEMORY_MAXIMUM,
    .state_size = sizeof(struct pc),
    .pci = &pci,
    .mmio = { .base = PC_VIRTIO_MMIO_BASE,
              .stride = PC_VIRTIO_MMIO_SLOT,
              .slots = PC_VIRTIO_MMIO_SLOTS,
              .irqs = pc_virtio_mmio_gsis,
              .command_line_slot = PC_VIRTIO_MMIO_ISA_SLOT },
    .ram_ranges = pc_ram_ranges,
    .screen_memory = pc_screen_memory,
    .add_controllers = add_controllers,
    .attach_pci = attach_pci,
    .add_devices = add_devices,
    .remove = remove_all,
    .plan = pc_plan,
    .load = pc_load,
    .serial_notify = serial_notify,
    .power_key = power_key,
    .count = count,
};
