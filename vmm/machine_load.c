/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel, initrd and device tree: where they go, and putting them there. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/vmmp/boot_arm.h>

/* Whether the command line names a console: "console=" at the start of a word. */
static bool names_console(const char *text)
{
    static const char name[] = "console=";
    for (const char *at = text; (at = strstr(at, name)) != NULL; at++) {
        if (at == text || at[-1] == ' ') {
            return true;
        }
    }
    return false;
}

/* The guest's console is the virtio one, unless there is none or the user says otherwise. */
static const char *default_console(const struct machine_config *config)
{
    if (config->append && names_console(config->append)) {
        return "";
    }
    if (config->console) {
        return config->serial ? "console=hvc0 earlycon" : "console=hvc0";
    }
    return config->serial ? "console=ttyAMA0 earlycon" : "";
}

static int make_bootargs(struct machine_plan *plan, const struct machine_config *config,
                         struct vmmp_image_error *error)
{
    const char *append = config->append ? config->append : "";
    const char *console = default_console(config);
    int size = snprintf(plan->bootargs, sizeof(plan->bootargs), "%s%s%s", console,
                        console[0] && append[0] ? " " : "", append);
    if (size < 0 || (size_t)size >= sizeof(plan->bootargs)) {
        snprintf(error->message, sizeof(error->message),
                 "the kernel command line has %d characters: a kernel takes at most %zu", size,
                 sizeof(plan->bootargs) - 1);
        return -E2BIG;
    }
    return 0;
}

int machine_plan(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
                 struct vmmp_image_error *error)
{
    struct machine_range ram[2];
    memset(plan, 0, sizeof(*plan));
    error->message[0] = '\0';
    if (!machine_ram_ranges(config->memory, ram)) {
        snprintf(error->message, sizeof(error->message),
                 "the machine cannot have %llu bytes of RAM", (unsigned long long)config->memory);
        return -EINVAL;
    }
    int result = make_bootargs(plan, config, error);
    if (result) {
        return result;
    }
    struct vmmp_kernel_options options = {
        .machines = VMMP_MACHINE_ARM64 | VMMP_MACHINE_ARM32,
        .max_size = ram[0].size,
        .decoders = config->decoders,
        .decoder_count = config->decoder_count,
    };
    result = vmmp_kernel_probe(config->kernel, &options, &plan->kernel, error);
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

static int enter_guest(vm_t *vm, const struct machine_plan *plan)
{
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
    int result = vmmp_arm_enter(vm->vcpus[BOOT_VCPU], &entry);
    if (!result && vcpu_start(vm->vcpus[BOOT_VCPU])) {
        result = -EIO;
    }
    return result;
}

int machine_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                 size_t fdt_size, struct vmmp_image_error *error)
{
    const struct vmmp_guest_memory *memory = &machine->vmmp.memory;
    const struct vmmp_layout *layout = &plan->layout;
    vm_t *vm = machine->vmmp.vm;
    error->message[0] = '\0';
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
    result = enter_guest(vm, plan);
    if (result) {
        snprintf(error->message, sizeof(error->message), "the boot vCPU cannot be started");
    }
    return result;
}
