/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/boot_arm.h>

#include <errno.h>
#include <string.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>

#include "sel4/vcpu_arm.h"

/* Saved program status (Arm ARM, SPSR_EL1 and CPSR). */
#define SPSR_EL1H       0x5u
#define SPSR_DAIF       0x3c0u
#define CPSR_SUPERVISOR 0x13u
#define CPSR_AIF        0x1c0u
#define CPSR_THUMB      0x20u
#define PC_THUMB        UINT64_C(1)

static seL4_Word status(const struct vmmp_arm_entry *entry)
{
    if (entry->mode == VMMP_ARM_MODE_AARCH64) {
        return SPSR_EL1H | (entry->interrupts_masked ? SPSR_DAIF : 0);
    }
    return CPSR_SUPERVISOR | (entry->interrupts_masked ? CPSR_AIF : 0) |
           (entry->pc & PC_THUMB ? CPSR_THUMB : 0);
}

static bool representable(const struct vmmp_arm_entry *entry)
{
    uint64_t limit = UINT64_MAX;

    if (entry->mode == VMMP_ARM_MODE_AARCH32) {
        limit = UINT32_MAX;
    } else if (sizeof(seL4_Word) < sizeof(uint64_t) || entry->mode != VMMP_ARM_MODE_AARCH64) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        if (entry->registers[i] > limit) {
            return false;
        }
    }
    return entry->pc <= limit;
}

int vmmp_arm_entry_context(const struct vmmp_arm_entry *entry, seL4_UserContext *context)
{
    if (!entry || !representable(entry)) {
        return -EINVAL;
    }
    memset(context, 0, sizeof(*context));
    context->pc =
        (seL4_Word)(entry->mode == VMMP_ARM_MODE_AARCH32 ? entry->pc & ~PC_THUMB : entry->pc);
#if defined(CONFIG_ARCH_AARCH64)
    context->spsr = status(entry);
    context->x0 = entry->registers[0];
    context->x1 = entry->registers[1];
    context->x2 = entry->registers[2];
    context->x3 = entry->registers[3];
#else
    context->cpsr = status(entry);
    context->r0 = (seL4_Word)entry->registers[0];
    context->r1 = (seL4_Word)entry->registers[1];
    context->r2 = (seL4_Word)entry->registers[2];
    context->r3 = (seL4_Word)entry->registers[3];
#endif
    return 0;
}

int vmmp_arm_enter(vm_vcpu_t *vcpu, const struct vmmp_arm_entry *entry)
{
    seL4_UserContext context;

    if (!vcpu || vmmp_arm_entry_context(entry, &context)) {
        return -EINVAL;
    }
    return vm_set_thread_context(vcpu, context) ? -EIO : 0;
}

int vmmp_arm_start(vm_vcpu_t *vcpu, unsigned target, const struct vmmp_arm_entry *entry)
{
    if (!vcpu || !entry) {
        return -EINVAL;
    }
    bool assigned = vcpu->target_cpu < 0;
    if (assigned && vm_assign_vcpu_target(vcpu, (int)target)) {
        return -EIO;
    }
    int error = vmmp_sys_vcpu_on(vcpu, entry);
    if (error && assigned) {
        /* Not by vm_assign_vcpu_target(): that fails while another vCPU has no target. */
        vcpu->target_cpu = -1;
    }
    return error;
}
