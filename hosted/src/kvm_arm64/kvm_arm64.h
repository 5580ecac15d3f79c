/* SPDX-License-Identifier: BSD-2-Clause */
/* The kvm_arm64 engine's insides. */
#pragma once

#include "../kvm/kvm.h"

/* gic.c */
/** Decides for a version, or says why not. */
int kvm_gic_choose(struct kvm_vm *vm);
int kvm_irq_controller_create(struct hosted_vm *hosted);
int kvm_irq_register(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
int kvm_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high);
int kvm_irq_edge(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
int kvm_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
/** When all vCPUs exist: makes the controller take interrupts. */
int kvm_gic_finish(struct kvm_vm *vm);
void kvm_gic_close(struct kvm_vm *vm);

/* vcpu.c */
int kvm_vcpu_start(struct hosted_vcpu *hosted);
/** To the state after KVM_ARM_VCPU_INIT, powered off; not in KVM_RUN. Negative: -errno. */
int kvm_vcpu_reset(const struct kvm_vcpu *vcpu);

/* power.c */
/** Has the guest's firmware calls come here if that is wanted and the kernel can. 0 or -errno. */
int kvm_firmware_choose(struct kvm_vm *vm);
int kvm_vcpu_restart(struct hosted_vcpu *hosted, const hosted_context_t *context);
int kvm_vcpu_stop(struct hosted_vcpu *hosted);
int kvm_vcpu_suspend(struct hosted_vcpu *hosted, bool reset, const struct hosted_resumed *resumed);
bool kvm_can_suspend(const struct hosted_vm *hosted);
/** Called by the vCPU's thread after an exception has been answered. 0 or -errno. */
int kvm_power_settle(struct kvm_vcpu *vcpu);
/** Called by the vCPU's thread: an interrupt has ended its suspension. 0 or -errno. */
int kvm_woken(struct kvm_vcpu *vcpu);

/* registers.c */
int kvm_registers_get(struct hosted_vcpu *hosted, hosted_context_t *context);
int kvm_registers_set(struct hosted_vcpu *hosted, const hosted_context_t *context);
int kvm_register_get(struct hosted_vcpu *hosted, uint32_t number, uint64_t *value);
int kvm_register_set(struct hosted_vcpu *hosted, uint32_t number, uint64_t value);
bool kvm_is_aarch32(const struct hosted_vm *hosted);
int kvm_external_abort(struct hosted_vcpu *hosted);
int kvm_vector_get(struct hosted_vcpu *hosted, unsigned number, uint64_t value[2]);
int kvm_vector_set(struct hosted_vcpu *hosted, unsigned number, const uint64_t value[2]);
/** As the public functions, without asking whether the vCPU runs. */
int kvm_reg_get(const struct kvm_vcpu *vcpu, enum hosted_kvm_reg reg, uint64_t *value);
