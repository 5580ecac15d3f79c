/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vm.h>

#include "machine_console.h"

#define VCPU_PRIORITY 100 /* Means something to seL4 only. */

static int said(const struct machine *machine, int error, const char *what)
{
    vmmp_log(&machine->config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST, "%s failed (error %d)", what,
             -error);
    return error;
}

static int register_ram(vm_t *vm, uintptr_t base, size_t size)
{
    return vm_ram_register_at(vm, base, size, true);
}

static int add_ram(struct machine *machine, vm_t *vm)
{
    int (*add)(vm_t *, uintptr_t, size_t) = machine->config->made_by.add_ram;
    struct machine_range ranges[2];
    unsigned count = machine_ram_ranges(machine->config->memory, ranges);
    if (!count) {
        return -EINVAL;
    }
    add = add ? add : register_ram;
    for (unsigned i = 0; i < count; i++) {
        if (add(vm, (uintptr_t)ranges[i].base, (size_t)ranges[i].size)) {
            vmmp_log(&machine->config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "the host cannot give the guest %llu MiB of RAM",
                     (unsigned long long)(machine->config->memory >> 20));
            return -ENOMEM;
        }
    }
    return vmmp_vm_map_ram(&machine->vmmp);
}

static int add_cpus(struct machine *machine, vm_t *vm)
{
    vm_vcpu_t *(*add)(vm_t *, int) = machine->config->made_by.add_cpu;
    add = add ? add : vm_create_vcpu;
    if (machine->config->cpus > CONFIG_MAX_NUM_NODES) {
        vmmp_log(&machine->config->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "the host gives a VM %d vCPUs at most", CONFIG_MAX_NUM_NODES);
        return -EINVAL;
    }
    for (unsigned i = 0; i < machine->config->cpus; i++) {
        vm_vcpu_t *vcpu = add(vm, VCPU_PRIORITY);
        if (!vcpu) {
            return said(machine, -EIO, "making a vCPU");
        }
        if (machine->firmware_made && vm_register_unhandled_vcpu_fault_callback(
                                          vcpu, vmmp_arm_firmware_exception, &machine->firmware)) {
            return said(machine, -EIO, "registering the firmware");
        }
        /* The boot vCPU runs first; PSCI assigns the others. */
        if (i == BOOT_VCPU && vm_assign_vcpu_target(vcpu, 0)) {
            return said(machine, -EIO, "assigning the boot vCPU");
        }
    }
    return 0;
}

/* Before the vCPUs, which call it. */
static int add_firmware(struct machine *machine, vm_t *vm)
{
    const struct machine_config *config = machine->config;
    const struct vmmp_arm_firmware_config firmware = {
        .smccc = { .entropy = config->entropy },
        .system_event = config->system_event,
        .cookie = config->system_cookie,
    };
    if (!config->firmware) {
        return 0;
    }
    int error =
        vmmp_arm_firmware_init(&machine->firmware, vm, &firmware, &config->host, &config->log);
    machine->firmware_made = !error;
    return error ? said(machine, error, "making the firmware") : 0;
}

/* KVM wants the vCPUs first; on seL4 a vCPU brings interrupts of its own. */
static int add_cpus_and_controller(struct machine *machine, vm_t *vm)
{
    bool controller_first = machine->config->made_by.add_cpu != NULL;
    int error = controller_first ? 0 : add_cpus(machine, vm);
    if (!error && vm_create_default_irq_controller(vm)) {
        error = said(machine, -EIO, "making the interrupt controller");
    }
    if (!error && controller_first) {
        error = add_cpus(machine, vm);
    }
    return error;
}

static int add_pci_lines(struct machine *machine)
{
    for (unsigned i = 0; i < MACHINE_PCI_INTX_PINS; i++) {
        int irq = MACHINE_SPI_INTID(MACHINE_PCI_INTX_SPI + (int)i);
        int error = vmmp_vm_irq_line_init(&machine->vmmp, &machine->intx[i], irq);
        if (error) {
            return said(machine, error, "registering a PCI interrupt");
        }
        machine->intx_made++;
        machine->pci_lines[i].line = &machine->intx[i];
        machine->pci_lines[i].number = (uint32_t)irq;
    }
    return 0;
}

static int add_pci(struct machine *machine)
{
    int error = add_pci_lines(machine);
    if (error) {
        return error;
    }
    /* One bus is all there is; a window for 256 would only be more to describe. */
    struct vmmp_pci_host_config config = {
        .config_kind = VMMP_PCI_CONFIG_CAM,
        .buses = 1,
        .memory_base = MACHINE_PCI_MEM_BASE,
        .memory_size = MACHINE_PCI_MEM_SIZE,
        .port_size = MACHINE_PCI_IO_SIZE,
        /* Linux leaves the first 4 KiB to what a PC has there. */
        .port_allocation_base = 0x1000,
        .lines = machine->pci_lines,
        .line_count = MACHINE_PCI_INTX_PINS,
    };
    error =
        vmmp_pci_host_init(&machine->pci, &config, &machine->config->host, &machine->config->log);
    if (error) {
        return said(machine, error, "making the PCI host");
    }
    machine->pci_made = true;
    struct vmmp_vm *vmmp = &machine->vmmp;
    error = vmmp_vm_attach_window(vmmp, &machine->pci.config, vmmp_gpa(MACHINE_PCI_CFG_BASE));
    if (!error) {
        error = vmmp_vm_attach_window(vmmp, &machine->pci.memory, vmmp_gpa(MACHINE_PCI_MEM_BASE));
    }
    if (!error) {
        error = vmmp_vm_attach_window(vmmp, &machine->pci.ports, vmmp_gpa(MACHINE_PCI_IO_BASE));
    }
    return error ? said(machine, error, "attaching the PCI windows") : 0;
}

static int add_uart(struct machine *machine)
{
    static const struct vmmp_serial_backend backend = {
        .write = machine_uart_write,
        .read = machine_uart_read,
    };
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &machine->uart_line,
                                      MACHINE_SPI_INTID(MACHINE_PL011_SPI));
    if (error) {
        return said(machine, error, "registering the UART's interrupt");
    }
    machine->uart_line_made = true;
    struct vmmp_pl011_config config = {
        .host = machine->config->host,
        .irq = &machine->uart_line,
        .backend = &backend,
        .backend_cookie = machine,
        .log = &machine->config->log,
    };
    error = vmmp_pl011_init(&machine->uart, &config);
    if (error) {
        return said(machine, error, "making the UART");
    }
    machine->uart_made = true;
    error =
        vmmp_vm_attach_window(&machine->vmmp, &machine->uart.window, vmmp_gpa(MACHINE_PL011_BASE));
    return error ? said(machine, error, "attaching the UART") : 0;
}

static int add_rtc(struct machine *machine)
{
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &machine->rtc_line,
                                      MACHINE_SPI_INTID(MACHINE_PL031_SPI));
    if (error) {
        return said(machine, error, "registering the clock's interrupt");
    }
    machine->rtc_line_made = true;
    struct vmmp_pl031_config config = {
        .host = machine->config->host,
        .irq = &machine->rtc_line,
        .seconds = machine->config->rtc_seconds,
        .log = &machine->config->log,
    };
    error = vmmp_pl031_init(&machine->rtc, &config);
    if (error) {
        return said(machine, error, "making the clock");
    }
    machine->rtc_made = true;
    error =
        vmmp_vm_attach_window(&machine->vmmp, &machine->rtc.window, vmmp_gpa(MACHINE_PL031_BASE));
    return error ? said(machine, error, "attaching the clock") : 0;
}

static int assemble(struct machine *machine, vm_t *vm)
{
    int error = vmmp_vm_init(&machine->vmmp, vm, &machine->config->log, &machine->config->host);
    if (!error) {
        error = add_ram(machine, vm);
    }
    if (!error) {
        error = add_firmware(machine, vm);
    }
    if (!error) {
        error = add_cpus_and_controller(machine, vm);
    }
    if (!error) {
        error = machine_msi_add(&machine->msi, &machine->vmmp);
        error = error ? said(machine, error, "making the MSI frame") : 0;
    }
    if (!error) {
        error = add_pci(machine);
    }
    if (!error && machine->config->console) {
        error = machine_console_add(machine);
    }
    if (!error) {
        error = machine_devices_add(machine);
    }
    if (!error && machine->config->serial) {
        error = add_uart(machine);
    }
    if (!error) {
        error = add_rtc(machine);
    }
    return error;
}

int machine_init(struct machine *machine, vm_t *vm, const struct machine_config *config)
{
    memset(machine, 0, sizeof(*machine));
    machine->config = config;
    int error = assemble(machine, vm);
    if (error) {
        machine_fini(machine);
    }
    return error;
}

void machine_fini(struct machine *machine)
{
    if (!machine->config) {
        return;
    }
    /* Windows first: nothing reaches a device while it goes away. Guest memory last: until then
     * completions from outside may come. */
    while (machine->vmmp.windows) {
        vmmp_vm_detach_window(machine->vmmp.windows);
    }
    machine_devices_remove(machine);
    machine_console_remove(machine);
    if (machine->uart_made) {
        vmmp_pl011_fini(&machine->uart);
    }
    if (machine->rtc_made) {
        vmmp_pl031_fini(&machine->rtc);
    }
    if (machine->firmware_made) {
        vmmp_arm_firmware_fini(&machine->firmware);
    }
    if (machine->pci_made) {
        vmmp_pci_host_fini(&machine->pci);
    }
    machine_msi_remove(&machine->msi);
    if (machine->uart_line_made) {
        vmmp_irq_line_fini(&machine->uart_line);
    }
    if (machine->rtc_line_made) {
        vmmp_irq_line_fini(&machine->rtc_line);
    }
    for (unsigned i = 0; i < machine->intx_made; i++) {
        vmmp_irq_line_fini(&machine->intx[i]);
    }
    vmmp_vm_fini(&machine->vmmp);
    memset(machine, 0, sizeof(*machine));
}
