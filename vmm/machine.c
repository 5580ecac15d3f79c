/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vm/guest_vm.h>

#include "machine_console.h"
#include "machine_screen.h"

#define VCPU_PRIORITY 100 /* Means something to seL4 only. */

int machine_said(const struct machine *machine, int error, const char *what)
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
    unsigned count =
        machine_ram_ranges(machine_board_of(machine->config), machine->config->memory, ranges);
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
    const struct machine_range *chip = &machine_board_of(machine->config)->chip_memory;
    if (chip->size && add(vm, (uintptr_t)chip->base, (size_t)chip->size)) {
        return machine_said(machine, -ENOMEM, "making the chip's own memory");
    }
    struct machine_range screen = machine_screen_memory(machine->config);
    if (screen.size && add(vm, (uintptr_t)screen.base, (size_t)screen.size)) {
        return machine_said(machine, -ENOMEM, "making memory for the screen");
    }
    return vmmp_vm_map_ram(&machine->vmmp);
}

static int add_cpus(struct machine *machine, vm_t *vm)
{
    const struct machine_board *board = machine_board_of(machine->config);
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
            return machine_said(machine, -EIO, "making a vCPU");
        }
        int error = board->add_cpu ? board->add_cpu(machine, vcpu) : 0;
        if (error) {
            return error;
        }
        /* The boot vCPU runs first; the guest starts the others. */
        if (i == BOOT_VCPU && vm_assign_vcpu_target(vcpu, 0)) {
            return machine_said(machine, -EIO, "assigning the boot vCPU");
        }
    }
    return 0;
}

/* ARM's KVM wants the vCPUs first; on seL4 a vCPU brings interrupts of its own. */
static int add_cpus_and_controller(struct machine *machine, vm_t *vm)
{
    bool controller_first = machine->config->made_by.add_cpu != NULL;
    int error = controller_first ? 0 : add_cpus(machine, vm);
    if (!error && vm_create_default_irq_controller(vm)) {
        error = machine_said(machine, -EIO, "making the interrupt controller");
    }
    if (!error && controller_first) {
        error = add_cpus(machine, vm);
    }
    return error;
}

static int add_pci_lines(struct machine *machine, const struct machine_pci_place *place)
{
    for (unsigned i = 0; i < MACHINE_PCI_INTX_PINS; i++) {
        int irq = place->intx[i];
        int error = vmmp_vm_irq_line_init(&machine->vmmp, &machine->intx[i], irq);
        if (error) {
            return machine_said(machine, error, "registering a PCI interrupt");
        }
        machine->intx_made++;
        machine->pci_lines[i].line = &machine->intx[i];
        machine->pci_lines[i].number = (uint32_t)irq;
    }
    return 0;
}

static int add_pci(struct machine *machine)
{
    const struct machine_board *board = machine_board_of(machine->config);
    if (!board->pci) {
        return 0;
    }
    int error = add_pci_lines(machine, board->pci);
    if (error) {
        return error;
    }
    struct vmmp_pci_host_config config = board->pci->config;
    config.lines = machine->pci_lines;
    config.line_count = MACHINE_PCI_INTX_PINS;
    error =
        vmmp_pci_host_init(&machine->pci, &config, &machine->config->host, &machine->config->log);
    if (error) {
        return machine_said(machine, error, "making the PCI host");
    }
    machine->pci_made = true;
    error = board->attach_pci(machine);
    return error ? machine_said(machine, error, "attaching the PCI windows") : 0;
}

/* Where nobody is: a guest that probes, or one that means harm, is answered and goes on. */
static memory_fault_result_t nowhere(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t address, size_t size,
                                     void *cookie)
{
    struct machine *machine = cookie;
    const struct machine_board *board = machine_board_of(machine->config);
    (void)vm;
    vmmp_log_guest(&machine->config->log, &machine->nowhere,
                   "%s: vCPU %u accesses %zu bytes at 0x%jx, where nothing is", board->name,
                   (unsigned)vcpu->vcpu_id, size, (uintmax_t)address);
    if (is_vcpu_read_fault(vcpu)) {
        set_vcpu_fault_data(vcpu, board->nowhere_is_zero ? 0 : ~(seL4_Word)0);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static int assemble(struct machine *machine, vm_t *vm)
{
    const struct machine_board *board = machine_board_of(machine->config);
    machine->board_state = calloc(1, board->state_size);
    int error = machine->board_state ? 0 : -ENOMEM;
    if (!error) {
        error = vmmp_vm_init(&machine->vmmp, vm, &machine->config->log, &machine->config->host);
    }
    if (!error && vm_register_unhandled_mem_fault_callback(vm, nowhere, machine)) {
        error = machine_said(machine, -EIO, "registering what is nowhere");
    }
    if (!error) {
        error = add_ram(machine, vm);
    }
    if (!error && board->add_firmware) {
        error = board->add_firmware(machine);
    }
    if (!error) {
        error = add_cpus_and_controller(machine, vm);
    }
    if (!error && board->add_controllers) {
        error = board->add_controllers(machine);
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
    if (!error) {
        error = board->add_devices(machine);
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
    if (machine->pci_made) {
        vmmp_pci_host_fini(&machine->pci);
    }
    if (machine->board_state) {
        machine_board_of(machine->config)->remove(machine);
    }
    for (unsigned i = 0; i < machine->intx_made; i++) {
        vmmp_irq_line_fini(&machine->intx[i]);
    }
    vmmp_vm_fini(&machine->vmmp);
    free(machine->board_state);
    memset(machine, 0, sizeof(*machine));
}

bool machine_power_key(struct machine *machine, bool pressed)
{
    return machine->board_state && machine_board_of(machine->config)->power_key &&
           machine_board_of(machine->config)->power_key(machine, pressed);
}
