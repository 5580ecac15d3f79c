/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/registers.h"

#include <errno.h>
#include <stddef.h>

#include <sel4vm/sel4_arch/processor.h>

#define R(n) offsetof(seL4_UserContext, r##n)
static const size_t offsets[] = {
    R(0),  R(1), R(2), R(3),  R(4),  R(5),  R(6),
    R(7),  R(8), R(9), R(10), R(11), R(12), offsetof(seL4_UserContext, sp),
    R(14),
};
#undef R

/* The kernel's number of register 13 or 14 of a mode, or -1 if it is in the context. */
static int banked(uint32_t mode, unsigned number)
{
    unsigned lr = number == 14;

    switch (mode) {
    case MODE_SUPERVISOR:
        return lr ? seL4_VCPUReg_LRsvc : seL4_VCPUReg_SPsvc;
    case MODE_ABORT:
        return lr ? seL4_VCPUReg_LRabt : seL4_VCPUReg_SPabt;
    case MODE_UNDEFINED:
        return lr ? seL4_VCPUReg_LRund : seL4_VCPUReg_SPund;
    case MODE_IRQ:
        return lr ? seL4_VCPUReg_LRirq : seL4_VCPUReg_SPirq;
    case MODE_FIQ:
        return lr ? seL4_VCPUReg_LRfiq : seL4_VCPUReg_SPfiq;
    default:
        return -1;
    }
}

static int kernel_register(const seL4_UserContext *context, unsigned number)
{
    uint32_t mode = vmmp_arm_status(context) & VMMP_PSR_MODE;

    if (number >= 13) {
        return banked(mode, number);
    }
    return mode == MODE_FIQ && number >= 8 ? (int)(seL4_VCPUReg_R8fiq + (number - 8)) : -1;
}

int vmmp_arm_register_get(vm_vcpu_t *vcpu, const seL4_UserContext *context, unsigned number,
                          uint64_t *value)
{
    if (number > 14) {
        return -EINVAL;
    }
    int outside = kernel_register(context, number);
    if (outside >= 0) {
        uintptr_t word = 0;
        int error = vm_get_arm_vcpu_reg(vcpu, (seL4_Word)outside, &word);
        *value = (uint32_t)word;
        return error ? -EIO : 0;
    }
    *value = *(const seL4_Word *)(const void *)((const char *)context + offsets[number]);
    return 0;
}

int vmmp_arm_register_set(vm_vcpu_t *vcpu, seL4_UserContext *context, unsigned number,
                          uint64_t value)
{
    if (number > 14) {
        return -EINVAL;
    }
    int outside = kernel_register(context, number);
    if (outside >= 0) {
        return vm_set_arm_vcpu_reg(vcpu, (seL4_Word)outside, (uint32_t)value) ? -EIO : 0;
    }
    *(seL4_Word *)(void *)((char *)context + offsets[number]) = (seL4_Word)value;
    return 0;
}
