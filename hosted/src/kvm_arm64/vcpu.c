/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and starting vCPUs. */
#include "kvm_arm64.h"

#include <string.h>

/* Aff3 and Aff2 to Aff0 of MPIDR_EL1. */
#define AFFINITY UINT64_C(0xff00ffffff)

int kvm_vcpu_reset(const struct kvm_vcpu *vcpu)
{
    struct kvm_vcpu_init init;
    int err = kvm_call(vcpu->vm->fd, KVM_ARM_PREFERRED_TARGET, (unsigned long)&init);
    if (err < 0) {
        return err;
    }
    memset(init.features, 0, sizeof init.features);
    /* Off until vcpu_start() or the guest's CPU_ON, the boot vCPU too: one rule for all. */
    init.features[0] = 1u << KVM_ARM_VCPU_POWER_OFF | 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (vcpu->vm->arch.config->aarch32) {
        init.features[0] |= 1u << KVM_ARM_VCPU_EL1_32BIT;
    }
    return kvm_call(vcpu->fd, KVM_ARM_VCPU_INIT, (unsigned long)&init);
}

int kvm_arch_vcpu_open(struct kvm_vcpu *vcpu)
{
    int err = kvm_vcpu_reset(vcpu);
    if (err < 0) {
        return err;
    }
    err = kvm_reg_get(vcpu, HOSTED_KVM_REG_MPIDR_EL1, &vcpu->arch.affinity);
    vcpu->arch.affinity &= AFFINITY;
    return err;
}

void kvm_arch_before_entry(struct kvm_vcpu *vcpu)
{
    (void)vcpu;
}

const char *kvm_arch_vcpu_hint(const struct kvm_vm *vm)
{
    return vm->arch.gic_version == 2 ? " (a GICv2 serves 8 at most)" : "";
}

int kvm_vcpu_start(struct hosted_vcpu *hosted)
{
    return kvm_vcpu_set_state(hosted_vcpu_engine_state(hosted), KVM_MP_STATE_RUNNABLE);
}

uint64_t hosted_kvm_vcpu_affinity(const vm_vcpu_t *vcpu)
{
    return kvm_vcpu_of(vcpu)->arch.affinity;
}
