/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a vCPU, by KVM's one-register interface. */
#include "kvm_arm64.h"

#include <errno.h>

#include "arch/arm/registers.h"

#define CORE(size, member) \
    (KVM_REG_ARM64 | (size) | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(member))
#define CORE64(member) CORE(KVM_REG_SIZE_U64, member)
#define CORE32(member) CORE(KVM_REG_SIZE_U32, member)

#define PSTATE_SP    UINT64_C(1)
#define PSTATE_EL    UINT64_C(0xc)
#define GENERAL_REGS 31

static const uint64_t ids[HOSTED_KVM_REG_COUNT] = {
    [HOSTED_KVM_REG_PC] = CORE64(regs.pc),
    [HOSTED_KVM_REG_PSTATE] = CORE64(regs.pstate),
    [HOSTED_KVM_REG_SP_EL0] = CORE64(regs.sp),
    [HOSTED_KVM_REG_SP_EL1] = CORE64(sp_el1),
    [HOSTED_KVM_REG_ELR_EL1] = CORE64(elr_el1),
    [HOSTED_KVM_REG_SPSR_EL1] = CORE64(spsr[KVM_SPSR_EL1]),
    [HOSTED_KVM_REG_ESR_EL1] = ARM64_SYS_REG(3, 0, 5, 2, 0),
    [HOSTED_KVM_REG_FAR_EL1] = ARM64_SYS_REG(3, 0, 6, 0, 0),
    [HOSTED_KVM_REG_VBAR_EL1] = ARM64_SYS_REG(3, 0, 12, 0, 0),
    [HOSTED_KVM_REG_SCTLR_EL1] = ARM64_SYS_REG(3, 0, 1, 0, 0),
    [HOSTED_KVM_REG_TTBR0_EL1] = ARM64_SYS_REG(3, 0, 2, 0, 0),
    [HOSTED_KVM_REG_TTBR1_EL1] = ARM64_SYS_REG(3, 0, 2, 0, 1),
    [HOSTED_KVM_REG_TCR_EL1] = ARM64_SYS_REG(3, 0, 2, 0, 2),
    [HOSTED_KVM_REG_MAIR_EL1] = ARM64_SYS_REG(3, 0, 10, 2, 0),
    [HOSTED_KVM_REG_MPIDR_EL1] = ARM64_SYS_REG(3, 0, 0, 0, 5),
    [HOSTED_KVM_REG_TPIDR_EL0] = ARM64_SYS_REG(3, 3, 13, 0, 2),
    [HOSTED_KVM_REG_TPIDRRO_EL0] = ARM64_SYS_REG(3, 3, 13, 0, 3),
    [HOSTED_KVM_REG_TPIDR_EL1] = ARM64_SYS_REG(3, 0, 13, 0, 4),
    [HOSTED_KVM_REG_FPSR] = CORE32(fp_regs.fpsr),
    [HOSTED_KVM_REG_FPCR] = CORE32(fp_regs.fpcr),
};

static int transfer(const struct kvm_vcpu *vcpu, unsigned long request, uint64_t id, void *value)
{
    struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
    int err = kvm_call(vcpu->fd, request, (unsigned long)&reg);
    return err < 0 ? err : 0;
}

/* The core registers are numbered in words of 32 bits. */
static uint64_t general_id(unsigned number)
{
    return CORE64(regs.regs[0]) + 2 * number;
}

/* KVM's number of a register, 0 if it has none. */
static int find(const struct kvm_vcpu *vcpu, enum hosted_kvm_reg reg, uint64_t *id)
{
    uint64_t pstate = 0;
    if ((unsigned)reg >= HOSTED_KVM_REG_COUNT) {
        return -EINVAL;
    }
    if ((unsigned)reg < GENERAL_REGS) {
        *id = general_id(reg);
        return 0;
    }
    if (reg != HOSTED_KVM_REG_SP && reg != HOSTED_KVM_REG_LR) {
        *id = ids[reg];
        return 0;
    }
    int err = transfer(vcpu, KVM_GET_ONE_REG, ids[HOSTED_KVM_REG_PSTATE], &pstate);
    if (pstate & VMMP_PSR_AARCH32) {
        unsigned number = reg == HOSTED_KVM_REG_LR ? 14 : 13;
        *id = general_id(vmmp_arm_banked_register((uint32_t)pstate, number));
    } else if (reg == HOSTED_KVM_REG_LR) {
        *id = general_id(30);
    } else {
        bool uses_el1 = (pstate & PSTATE_EL) && (pstate & PSTATE_SP);
        *id = ids[uses_el1 ? HOSTED_KVM_REG_SP_EL1 : HOSTED_KVM_REG_SP_EL0];
    }
    return err;
}

int kvm_reg_get(const struct kvm_vcpu *vcpu, enum hosted_kvm_reg reg, uint64_t *value)
{
    uint64_t id;
    int err = find(vcpu, reg, &id);
    *value = 0; /* KVM fills the low half of it for 32-bit registers. */
    return err ? err : transfer(vcpu, KVM_GET_ONE_REG, id, value);
}

static int reg_set(const struct kvm_vcpu *vcpu, enum hosted_kvm_reg reg, uint64_t value)
{
    uint64_t id;
    int err = find(vcpu, reg, &id);
    return err ? err : transfer(vcpu, KVM_SET_ONE_REG, id, &value);
}

int hosted_kvm_vcpu_get_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t *value)
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    return kvm_vcpu_at_rest(kvm) ? kvm_reg_get(kvm, reg, value) : -EBUSY;
}

int hosted_kvm_vcpu_set_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t value)
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    return kvm_vcpu_at_rest(kvm) ? reg_set(kvm, reg, value) : -EBUSY;
}

static int transfer_vreg(vm_vcpu_t *vcpu, unsigned long request, unsigned v, uint64_t value[2])
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    if (v >= 32) {
        return -EINVAL;
    }
    if (!kvm_vcpu_at_rest(kvm)) {
        return -EBUSY;
    }
    return transfer(kvm, request, CORE(KVM_REG_SIZE_U128, fp_regs.vregs[0]) + 4 * v, value);
}

int hosted_kvm_vcpu_get_vreg(vm_vcpu_t *vcpu, unsigned v, uint64_t value[2])
{
    return transfer_vreg(vcpu, KVM_GET_ONE_REG, v, value);
}

int hosted_kvm_vcpu_set_vreg(vm_vcpu_t *vcpu, unsigned v, const uint64_t value[2])
{
    uint64_t copy[2] = { value[0], value[1] };
    return transfer_vreg(vcpu, KVM_SET_ONE_REG, v, copy);
}

int kvm_vector_get(struct hosted_vcpu *hosted, unsigned number, uint64_t value[2])
{
    return hosted_kvm_vcpu_get_vreg(hosted_vcpu_public(hosted), number, value);
}

int kvm_vector_set(struct hosted_vcpu *hosted, unsigned number, const uint64_t value[2])
{
    return hosted_kvm_vcpu_set_vreg(hosted_vcpu_public(hosted), number, value);
}

/* ---- libsel4vm's register file -------------------------------------------------------------- */

#define CONTEXT(member) offsetof(hosted_context_t, member)

static const struct {
    size_t offset;
    enum hosted_kvm_reg reg;
} context_regs[] = {
    { CONTEXT(pc), HOSTED_KVM_REG_PC },
    { CONTEXT(sp), HOSTED_KVM_REG_SP_EL0 },
    { CONTEXT(spsr), HOSTED_KVM_REG_PSTATE },
    { CONTEXT(tpidr_el0), HOSTED_KVM_REG_TPIDR_EL0 },
    { CONTEXT(tpidrro_el0), HOSTED_KVM_REG_TPIDRRO_EL0 },
#define X(n)                                  \
    {                                         \
        CONTEXT(x##n), (enum hosted_kvm_reg)n \
    }
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(16),
    X(17),
    X(18),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    X(29),
    X(30),
#undef X
};

static seL4_Word *word_at(hosted_context_t *context, size_t offset)
{
    return (seL4_Word *)(void *)((unsigned char *)context + offset);
}

int kvm_registers_get(struct hosted_vcpu *hosted, hosted_context_t *context)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    int err = kvm_vcpu_at_rest(vcpu) ? 0 : -EBUSY;
    for (size_t i = 0; i < sizeof context_regs / sizeof context_regs[0] && !err; i++) {
        uint64_t value;
        err = kvm_reg_get(vcpu, context_regs[i].reg, &value);
        *word_at(context, context_regs[i].offset) = value;
    }
    return err;
}

int kvm_registers_set(struct hosted_vcpu *hosted, const hosted_context_t *context)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    hosted_context_t copy = *context;
    int err = kvm_vcpu_at_rest(vcpu) ? 0 : -EBUSY;
    for (size_t i = 0; i < sizeof context_regs / sizeof context_regs[0] && !err; i++) {
        err = reg_set(vcpu, context_regs[i].reg, *word_at(&copy, context_regs[i].offset));
    }
    return err;
}

/* ---- libsel4vm's numbers of others -------------------------------------------------------------
 */

/* KVM's number; 0: KVM has none, or it is not shown. */
static const uint64_t vcpu_regs[seL4_VCPUReg_Num] = {
    [seL4_VCPUReg_SCTLR] = ARM64_SYS_REG(3, 0, 1, 0, 0),
    [seL4_VCPUReg_TTBR0] = ARM64_SYS_REG(3, 0, 2, 0, 0),
    [seL4_VCPUReg_TTBR1] = ARM64_SYS_REG(3, 0, 2, 0, 1),
    [seL4_VCPUReg_TCR] = ARM64_SYS_REG(3, 0, 2, 0, 2),
    [seL4_VCPUReg_MAIR] = ARM64_SYS_REG(3, 0, 10, 2, 0),
    [seL4_VCPUReg_AMAIR] = ARM64_SYS_REG(3, 0, 10, 3, 0),
    [seL4_VCPUReg_CIDR] = ARM64_SYS_REG(3, 0, 13, 0, 1),
    [seL4_VCPUReg_ACTLR] = ARM64_SYS_REG(3, 0, 1, 0, 1),
    [seL4_VCPUReg_CPACR] = ARM64_SYS_REG(3, 0, 1, 0, 2),
    [seL4_VCPUReg_AFSR0] = ARM64_SYS_REG(3, 0, 5, 1, 0),
    [seL4_VCPUReg_AFSR1] = ARM64_SYS_REG(3, 0, 5, 1, 1),
    [seL4_VCPUReg_ESR] = ARM64_SYS_REG(3, 0, 5, 2, 0),
    [seL4_VCPUReg_FAR] = ARM64_SYS_REG(3, 0, 6, 0, 0),
    [seL4_VCPUReg_VBAR] = ARM64_SYS_REG(3, 0, 12, 0, 0),
    [seL4_VCPUReg_TPIDR_EL1] = ARM64_SYS_REG(3, 0, 13, 0, 4),
    [seL4_VCPUReg_VMPIDR_EL2] = ARM64_SYS_REG(3, 0, 0, 0, 5),
    [seL4_VCPUReg_SP_EL1] = CORE64(sp_el1),
    [seL4_VCPUReg_ELR_EL1] = CORE64(elr_el1),
    [seL4_VCPUReg_SPSR_EL1] = CORE64(spsr[KVM_SPSR_EL1]),
    [seL4_VCPUReg_CNTKCTL_EL1] = ARM64_SYS_REG(3, 0, 14, 1, 0),
};

static int vcpu_reg(struct hosted_vcpu *hosted, unsigned long request, uint32_t number,
                    uint64_t *value)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    if (!kvm_vcpu_at_rest(vcpu)) {
        return -EBUSY;
    }
    return number < seL4_VCPUReg_Num && vcpu_regs[number]
               ? transfer(vcpu, request, vcpu_regs[number], value)
               : -ENOTSUP;
}

int kvm_register_get(struct hosted_vcpu *hosted, uint32_t number, uint64_t *value)
{
    *value = 0;
    return vcpu_reg(hosted, KVM_GET_ONE_REG, number, value);
}

int kvm_register_set(struct hosted_vcpu *hosted, uint32_t number, uint64_t value)
{
    return vcpu_reg(hosted, KVM_SET_ONE_REG, number, &value);
}

bool kvm_is_aarch32(const struct hosted_vm *hosted)
{
    const struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    return vm->arch.config->aarch32;
}

int kvm_external_abort(struct hosted_vcpu *hosted)
{
    const struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
    int err = kvm_call(vcpu->fd, KVM_SET_VCPU_EVENTS, (unsigned long)&events);
    return err < 0 ? err : 0;
}
