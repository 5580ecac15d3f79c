/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a vCPU left the guest, beyond what kvm/exits.c deals with. */
#include "kvm_arm64.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/sel4_arch/processor.h>

/* KVM_EXIT_HYPERCALL's flag for the conduit; newer than some kernels' headers. */
#define HYPERCALL_SMC 1u

/* Exception classes of ESR_EL2 that KVM_EXIT_DEBUG has (Arm ARM, ESR_ELx). */
#define EC_BREAKPOINT 0x30u
#define EC_STEP       0x32u
#define EC_WATCHPOINT 0x34u
#define EC_BKPT32     0x38u
#define EC_BRK64      0x3cu

static const struct {
    enum hosted_kvm_reg reg;
    const char *name;
} told[] = {
    { HOSTED_KVM_REG_PC, "pc" },           { HOSTED_KVM_REG_PSTATE, "pstate" },
    { HOSTED_KVM_REG_SP, "sp" },           { HOSTED_KVM_REG_LR, "lr" },
    { HOSTED_KVM_REG_ESR_EL1, "esr_el1" }, { HOSTED_KVM_REG_FAR_EL1, "far_el1" },
    { HOSTED_KVM_REG_ELR_EL1, "elr_el1" },
};

void kvm_arch_format_registers(const struct kvm_vcpu *vcpu, char text[KVM_REGISTERS_TEXT])
{
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        uint64_t value;
        if (kvm_reg_get(vcpu, told[i].reg, &value) == 0) {
            int more = snprintf(text + length, KVM_REGISTERS_TEXT - length, "%s%s 0x%" PRIx64,
                                length ? " " : "", told[i].name, value);
            length += (size_t)more;
        }
    }
}

int kvm_arch_pc(const struct kvm_vcpu *vcpu, uint64_t *pc)
{
    return kvm_reg_get(vcpu, HOSTED_KVM_REG_PC, pc);
}

static bool handle_hypercall(struct kvm_vcpu *vcpu)
{
    static const uint32_t classes[2][2] = {
        { HSR_HVC_64_EXCEPTION, HSR_SMC_64_EXCEPTION },
        { HSR_HVC_32_EXCEPTION, HSR_SMC_32_EXCEPTION },
    };
    bool smc = vcpu->run->hypercall.longmode & HYPERCALL_SMC;
    struct hosted_exception exception = {
        /* All four have 32 bits, T32's too. */
        .hsr =
            classes[vcpu->vm->arch.config->aarch32][smc] << HSR_EXCEPTION_CLASS_SHIFT | HSR_IL_MASK,
        /* HVC's preferred return address is past it anyway (Arm ARM, D1.3.2). */
        .pc_is_past = smc,
    };
    kvm_record_and_trace(vcpu, HOSTED_EXIT_HYPERCALL, vcpu->run->hypercall.nr, smc);
    enum hosted_outcome outcome = hosted_vcpu_exception(vcpu->hosted, &exception);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "nobody answers its %s 0x%llx", smc ? "SMC" : "HVC",
                      vcpu->run->hypercall.nr);
    }
    int error = outcome == HOSTED_STOPPED ? 0 : kvm_power_settle(vcpu);
    if (error) {
        kvm_vcpu_fail(vcpu, "KVM cannot switch it: %s", strerror(-error));
        return false;
    }
    return kvm_conclude(vcpu, outcome);
}

static bool handle_system_event(struct kvm_vcpu *vcpu)
{
    uint32_t type = vcpu->run->system_event.type;
    enum hosted_kvm_end end = type == KVM_SYSTEM_EVENT_SHUTDOWN ? HOSTED_KVM_END_SHUTDOWN
                              : type == KVM_SYSTEM_EVENT_RESET  ? HOSTED_KVM_END_RESET
                                                                : HOSTED_KVM_END_CRASH;
    kvm_record_and_trace(vcpu, HOSTED_EXIT_SYSTEM_EVENT, type, 0);
    if (type == KVM_SYSTEM_EVENT_WAKEUP) {
        int error = kvm_woken(vcpu);
        if (error) {
            kvm_vcpu_fail(vcpu, "KVM cannot wake it: %s", strerror(-error));
        }
        return !error;
    }
    if (end == HOSTED_KVM_END_CRASH) {
        int none = HOSTED_KVM_END_NONE;
        atomic_compare_exchange_strong(&vcpu->vm->end, &none, (int)end);
        kvm_vcpu_fail(vcpu, "the kernel reports system event %u", type);
    } else {
        kvm_vcpu_end(vcpu, end);
    }
    return false;
}

static enum hosted_kvm_debug_cause debug_cause(uint32_t syndrome)
{
    switch (syndrome >> HSR_EXCEPTION_CLASS_SHIFT) {
    case EC_STEP:
        return HOSTED_KVM_DEBUG_STEP;
    case EC_BRK64:
    case EC_BKPT32:
        return HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT;
    case EC_BREAKPOINT:
        return HOSTED_KVM_DEBUG_BREAKPOINT;
    case EC_WATCHPOINT:
        return HOSTED_KVM_DEBUG_WATCHPOINT;
    default:
        return HOSTED_KVM_DEBUG_UNKNOWN;
    }
}

static bool handle_debug(struct kvm_vcpu *vcpu)
{
    const struct hosted_kvm_arm64_config *config = vcpu->vm->arch.config;
    struct hosted_kvm_debug_event event = {
        .cause = debug_cause(vcpu->run->debug.arch.hsr),
        .syndrome = vcpu->run->debug.arch.hsr,
        .address = vcpu->run->debug.arch.far,
    };
    kvm_record_and_trace(vcpu, HOSTED_EXIT_DEBUG, event.address, event.syndrome);
    (void)kvm_reg_get(vcpu, HOSTED_KVM_REG_PC, &event.pc);
    if (config->debug) {
        config->debug(config->cookie, hosted_vcpu_public(vcpu->hosted), &event);
    }
    return true;
}

static bool handle_undecoded(struct kvm_vcpu *vcpu)
{
    uint64_t address = vcpu->run->arm_nisv.fault_ipa;
    uint64_t syndrome = vcpu->run->arm_nisv.esr_iss;
    kvm_record_and_trace(vcpu, HOSTED_EXIT_UNDECODED, address, syndrome);
    enum hosted_outcome outcome = hosted_vcpu_undecoded(vcpu->hosted, address, (uint32_t)syndrome);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "its access to 0x%" PRIx64 " failed; syndrome 0x%" PRIx64, address,
                      syndrome);
    }
    return kvm_conclude(vcpu, outcome);
}

bool kvm_arch_handle_exit(struct kvm_vcpu *vcpu)
{
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_HYPERCALL:
        return handle_hypercall(vcpu);
    case KVM_EXIT_SYSTEM_EVENT:
        return handle_system_event(vcpu);
    case KVM_EXIT_DEBUG:
        return handle_debug(vcpu);
    case KVM_EXIT_ARM_NISV:
        return handle_undecoded(vcpu);
    default:
        return kvm_handle_common_exit(vcpu);
    }
}
