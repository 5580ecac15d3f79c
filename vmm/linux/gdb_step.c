/* SPDX-License-Identifier: BSD-2-Clause */
#include "gdb_step.h"

#include <hosted/kvm_arm64.h>

#define PSTATE_IF      UINT64_C(0x0c0)
#define PSTATE_I       UINT64_C(0x080)
#define PSTATE_DAIF    UINT64_C(0x3c0)
#define PSTATE_MODE    UINT64_C(0x01f)
#define PSTATE_EL1H    UINT64_C(0x005)
#define PSTATE_AARCH32 UINT64_C(0x010)
#define VECTORS_SIZE   0x800

bool gdb_step_touches_masks(uint32_t instruction)
{
    return (instruction & 0xffffffe0u) == 0xd53b4220u     /* MRS Xt, DAIF */
           || (instruction & 0xffffffe0u) == 0xd51b4220u  /* MSR DAIF, Xt */
           || (instruction & 0xfffff0ffu) == 0xd50340dfu  /* MSR DAIFSet, #imm */
           || (instruction & 0xfffff0ffu) == 0xd50340ffu  /* MSR DAIFClr, #imm */
           || instruction == 0xd69f03e0u                  /* ERET */
           || (instruction & 0xfffffbffu) == 0xd69f0bffu; /* ERETAA, ERETAB */
}

static uint64_t get(vm_vcpu_t *vcpu, enum hosted_kvm_reg number)
{
    uint64_t value = 0;
    hosted_kvm_vcpu_get_reg(vcpu, number, &value);
    return value;
}

void gdb_step_begin(struct gdb_step *step, vm_vcpu_t *vcpu, uint32_t instruction)
{
    uint64_t pstate = get(vcpu, HOSTED_KVM_REG_PSTATE);
    step->masked = !(pstate & (PSTATE_I | PSTATE_AARCH32)) && !gdb_step_touches_masks(instruction);
    if (step->masked) {
        step->before = pstate & PSTATE_IF;
        hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PSTATE, pstate | PSTATE_IF);
    }
}

void gdb_step_end(struct gdb_step *step, vm_vcpu_t *vcpu)
{
    if (!step->masked) {
        return;
    }
    step->masked = false;
    /*
     * An exception that the instruction took (SVC, a page fault) has saved the masks in SPSR_EL1
     * and set its own. That is so at a vector: code there ran masked before, and was not masked by
     * us.
     */
    uint64_t pstate = get(vcpu, HOSTED_KVM_REG_PSTATE);
    uint64_t into = get(vcpu, HOSTED_KVM_REG_PC) - get(vcpu, HOSTED_KVM_REG_VBAR_EL1);
    bool taken = into < VECTORS_SIZE && (pstate & PSTATE_MODE) == PSTATE_EL1H &&
                 (pstate & PSTATE_DAIF) == PSTATE_DAIF;
    enum hosted_kvm_reg where = taken ? HOSTED_KVM_REG_SPSR_EL1 : HOSTED_KVM_REG_PSTATE;
    uint64_t masks = taken ? get(vcpu, HOSTED_KVM_REG_SPSR_EL1) : pstate;
    hosted_kvm_vcpu_set_reg(vcpu, where, (masks & ~PSTATE_IF) | step->before);
}
