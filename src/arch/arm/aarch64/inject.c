/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions to EL1, AArch64 (Arm ARM, AArch64.TakeException). */
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

#include <errno.h>
#include <stddef.h>

#include <sel4vm/sel4_arch/processor.h>
#include <sel4vmmplatsupport/vmmp/arm_exception.h>

#include "arch/arm/registers.h"

/* SPSR_EL1 and PSTATE. */
#define PSTATE_EL    UINT64_C(0xc)
#define PSTATE_SP    UINT64_C(0x1)
#define PSTATE_DAIF  UINT64_C(0x3c0)
#define PSTATE_SSBS  (UINT64_C(1) << 12)
#define PSTATE_PAN   (UINT64_C(1) << 22)
#define PSTATE_DIT   (UINT64_C(1) << 24)
#define PSTATE_TCO   (UINT64_C(1) << 25)
#define PSTATE_FLAGS UINT64_C(0xf0000000)
#define SCTLR_SPAN   (UINT64_C(1) << 23)
#define SCTLR_DSSBS  (UINT64_C(1) << 44)
#define SCTLR_MTE    (UINT64_C(3) << 42) /* ATA, ATA0: the guest uses tags. */
#define SYNDROME_IL  (UINT32_C(1) << 25)
#define ABORT_WNR    (UINT32_C(1) << 6)
#define ABORT_FNV    (UINT32_C(1) << 10)
#define CLASS(ec)    ((uint32_t)VMMP_ARM_EC_##ec << 26)

enum origin { SAME_SP0, SAME_SPX, LOWER_64, LOWER_32 };
#define VECTOR_SPACING UINT64_C(0x200)

static enum origin origin_of(uint64_t pstate)
{
    if (pstate & VMMP_PSR_AARCH32) {
        return LOWER_32;
    }
    if (!(pstate & PSTATE_EL)) {
        return LOWER_64;
    }
    return pstate & PSTATE_SP ? SAME_SPX : SAME_SP0;
}

static uint64_t status_inside(uint64_t pstate, uint64_t sctlr)
{
    uint64_t inside = PMODE_EL1h | PSTATE_DAIF;

    inside |= pstate & (PSTATE_PAN | PSTATE_DIT);
    if (!(pstate & VMMP_PSR_AARCH32)) {
        inside |= pstate & PSTATE_FLAGS;
    }
    inside |= sctlr & SCTLR_SPAN ? 0 : PSTATE_PAN;
    inside |= sctlr & SCTLR_DSSBS ? PSTATE_SSBS : 0;
    inside |= sctlr & SCTLR_MTE ? PSTATE_TCO : 0;
    return inside;
}

/* Aborts, breakpoints, steps and watchpoints have two classes, the second of the same level. */
static uint32_t class_from(uint32_t syndrome, enum origin origin)
{
    uint32_t ec = syndrome >> 26;
    bool paired = ec == VMMP_ARM_EC_IABT_LOWER || ec == VMMP_ARM_EC_DABT_LOWER ||
                  ec == VMMP_ARM_EC_BREAKPOINT_LOWER || ec == VMMP_ARM_EC_STEP_LOWER ||
                  ec == VMMP_ARM_EC_WATCHPOINT_LOWER;
    return paired && (origin == SAME_SP0 || origin == SAME_SPX) ? syndrome | UINT32_C(1) << 26
                                                                : syndrome;
}

static int take(vm_vcpu_t *vcpu, uint32_t syndrome, const uint64_t *address)
{
    seL4_UserContext context;
    uintptr_t vectors;
    uintptr_t sctlr;

    if (vm_get_thread_context(vcpu, &context)) {
        return -EIO;
    }
    /* A guest at EL1 in AArch32: its banked registers are not shown to an AArch64 VMM. */
    uint64_t mode = context.spsr & VMMP_PSR_MODE;
    if ((mode & VMMP_PSR_AARCH32) && mode != VMMP_PSR_AARCH32) {
        return -ENOTSUP;
    }
    if (vm_get_arm_vcpu_reg(vcpu, seL4_VCPUReg_VBAR, &vectors) ||
        vm_get_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, &sctlr)) {
        return -ENOTSUP;
    }
    enum origin origin = origin_of(context.spsr);
    syndrome = class_from(syndrome, origin);
    if (vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_ESR, syndrome) ||
        vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_ELR_EL1, context.pc) ||
        vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_SPSR_EL1, context.spsr) ||
        (address && vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_FAR, *address))) {
        return -ENOTSUP;
    }
    context.spsr = status_inside(context.spsr, sctlr);
    context.pc = (vectors & ~UINT64_C(0x7ff)) + (uint64_t)origin * VECTOR_SPACING;
    return vm_set_thread_context(vcpu, context) ? -EIO : 0;
}

int vmmp_arm_inject_undefined(vm_vcpu_t *vcpu)
{
    return take(vcpu, CLASS(UNKNOWN) | SYNDROME_IL, NULL);
}

int vmmp_arm_inject_abort(vm_vcpu_t *vcpu, const struct vmmp_arm_abort *abort)
{
    uint32_t syndrome =
        (abort->fetch ? CLASS(IABT_LOWER) : CLASS(DABT_LOWER)) | SYNDROME_IL | (abort->fsc & 0x3fu);
    uint64_t address = abort->address;

    if (!abort->fetch && abort->write) {
        syndrome |= ABORT_WNR;
    }
    /* Only external aborts may come without an address. */
    if (!abort->address_valid && abort->fsc == VMMP_ARM_FSC_EXTERNAL) {
        syndrome |= ABORT_FNV;
    }
    return take(vcpu, syndrome, abort->address_valid ? &address : NULL);
}

int vmmp_arm_inject_syndrome(vm_vcpu_t *vcpu, uint32_t syndrome)
{
    return take(vcpu, syndrome, NULL);
}
