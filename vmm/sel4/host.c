/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <stdio.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vm_util.h>
#include <sel4vmmplatsupport/arch/smc.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>

/* Function identifiers (DEN0022, 5.1). */
#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

/* Frames of 2 MiB: a guest with 256 MiB has 128 of them. */
static vm_frame_t next_frame(uintptr_t addr, void *cookie)
{
    vm_t *vm = cookie;
    vm_frame_t frame = { seL4_CapNull, seL4_NoRights, 0, 0 };
    vka_object_t object;

    if (vka_alloc_frame(vm->vka, seL4_LargePageBits, &object)) {
        printf("vmm: no memory for the guest's RAM at 0x%zx\n", (size_t)addr);
        return frame;
    }
    frame.cptr = object.cptr;
    frame.rights = seL4_AllRights;
    frame.vaddr = addr;
    frame.size_bits = seL4_LargePageBits;
    return frame;
}

static int add_ram(vm_t *vm, uintptr_t base, size_t size)
{
    size_t rest = size & (((size_t)1 << seL4_LargePageBits) - 1);

    if (rest) {
        printf("vmm: the guest's RAM must be a multiple of %u MiB\n",
               1u << (seL4_LargePageBits - 20));
        return -1;
    }
    return vm_ram_register_at_custom_iterator(vm, base, size, next_frame, vm);
}

struct machine_host host_functions(void)
{
    return (struct machine_host){ add_ram, create_vmm_plat_vcpu };
}

static void (*when_stopped)(const char *how);

static void stop(vm_t *vm, const char *how)
{
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        (void)seL4_TCB_Suspend(vm_get_vcpu_tcb(vm->vcpus[i]));
    }
    when_stopped(how);
}

static int handle_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs)
{
    switch ((uint32_t)smc_get_function_id(regs)) {
    case PSCI_SYSTEM_OFF:
        stop(vcpu->vm, "powered off");
        return 0;
    case PSCI_SYSTEM_RESET:
        stop(vcpu->vm, "reset");
        return 0;
    default:
        return vm_smc_handle_default(vcpu, regs);
    }
}

void host_handle_power(vm_t *vm, void (*stopped)(const char *how))
{
    when_stopped = stopped;
    vm_register_smc_handler_callback(vm, handle_smc);
}
