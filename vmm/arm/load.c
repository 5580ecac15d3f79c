/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel, initrd and device tree of ARM guests: where they go, and putting them there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/vmmp/boot_arm.h>

#include "board_arm.h"

int arm_plan(struct machine_plan *plan, const struct machine_config *config, unsigned machines,
             size_t fdt_size, struct vmmp_image_error *error)
{
    struct machine_range ram[2];
    machine_ram_ranges(machine_board_of(config), config->memory, ram);
    struct vmmp_kernel_options options = {
        .machines = machines,
        .max_size = ram[0].size,
        .decoders = config->decoders,
        .decoder_count = config->decoder_count,
    };
    int result = vmmp_kernel_probe(config->kernel, &options, &plan->kernel, error);
    if (!result && config->initrd) {
        result = vmmp_initrd_check(config->initrd, error);
    }
    if (result) {
        return result;
    }
    struct vmmp_layout_request request = {
        .ram_start = ram[0].base,
        .ram_size = ram[0].size,
        .kernel = &plan->kernel,
        .dtb_size = fdt_size,
        .initrd_size = config->initrd ? config->initrd->size : 0,
        .initrd_name = config->initrd ? config->initrd->name : NULL,
    };
    return vmmp_layout_plan(&request, &plan->layout, error);
}

int arm_load_files(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                   size_t fdt_size, struct vmmp_image_error *error)
{
    const struct vmmp_guest_memory *memory = &machine->vmmp.memory;
    const struct vmmp_layout *layout = &plan->layout;
    vm_t *vm = machine->vmmp.vm;
    int result = vmmp_kernel_load(memory, &plan->kernel, layout->kernel, error);
    if (!result && machine->config->initrd) {
        result = vmmp_file_load(memory, machine->config->initrd, layout->initrd, error);
    }
    if (!result && (fdt_size > layout->dtb_size ||
                    !vmmp_guest_memory_write(memory, vmmp_gpa(layout->dtb), fdt, fdt_size))) {
        snprintf(error->message, sizeof(error->message), "the device tree does not fit");
        result = -ENOSPC;
    }
    if (result) {
        return result;
    }
    vm_ram_mark_allocated(vm, (uintptr_t)layout->kernel, (size_t)layout->kernel_size);
    vm_ram_mark_allocated(vm, (uintptr_t)layout->dtb, (size_t)layout->dtb_size);
    vm_ram_mark_allocated(vm, (uintptr_t)layout->initrd, (size_t)layout->initrd_size);
    vm->entry = (seL4_Word)layout->entry;
    return 0;
}

int arm_enter(struct machine *machine, const struct machine_plan *plan,
              struct vmmp_image_error *error)
{
    vm_vcpu_t *vcpu = machine->vmmp.vm->vcpus[BOOT_VCPU];
    struct vmmp_arm_entry entry = {
        .mode = VMMP_ARM_MODE_AARCH64,
        .interrupts_masked = true,
        .pc = plan->layout.entry,
        .registers = { plan->layout.dtb },
    };
    if (plan->kernel.machine == VMMP_MACHINE_ARM32) {
        /* The machine number of a board that only its device tree describes (arm/booting.rst). */
        const uint64_t registers[] = { 0, UINT32_MAX, plan->layout.dtb, 0 };
        memcpy(entry.registers, registers, sizeof(registers));
        entry.mode = VMMP_ARM_MODE_AARCH32;
    }
    int result = vmmp_arm_enter(vcpu, &entry);
    if (!result && vcpu_start(vcpu)) {
        result = -EIO;
    }
    if (result) {
        snprintf(error->message, sizeof(error->message), "the boot vCPU cannot be started");
    }
    return result;
}

int arm_plan_aarch32(struct machine_plan *plan, const struct machine_config *config,
                     size_t fdt_size, struct vmmp_image_error *error)
{
    if (!config->aarch32) {
        snprintf(error->message, sizeof(error->message),
                 "this host has no 32-bit guests, which the machine %s is for",
                 machine_board_of(config)->name);
        return -ENOTSUP;
    }
    return arm_plan(plan, config, VMMP_MACHINE_ARM32, fdt_size, error);
}

int arm_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
             size_t fdt_size, struct vmmp_image_error *error)
{
    int result = arm_load_files(machine, plan, fdt, fdt_size, error);
    return result ? result : arm_enter(machine, plan, error);
}
