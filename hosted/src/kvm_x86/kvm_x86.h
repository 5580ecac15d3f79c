/* SPDX-License-Identifier: BSD-2-Clause */
/* The kvm_x86 engine's insides. */
#pragma once

#include "../kvm/kvm.h"

/* cpuid.c */
/** Reads what the host supports. 0, or -errno (said). */
int kvm_cpuid_read(struct kvm_vm *vm);
/** How many bits a guest-physical address has. */
unsigned kvm_cpuid_address_bits(const struct kvm_vm *vm);
/** Gives the vCPU its CPUID, as one of `vm->vcpu_count` and at least itself. 0 or -errno. */
int kvm_cpuid_set(const struct kvm_vcpu *vcpu);

/* irqchip.c */
/** Makes interrupt controllers and timer, which come before the vCPUs. 0, or -errno (said). */
int kvm_irqchip_make(struct kvm_vm *vm);
int kvm_irq_controller_create(struct hosted_vm *hosted);
int kvm_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high);
int kvm_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);

/** Whether the controllers have such an input. */
bool kvm_irqchip_has(int irq);
/** Routes of their inputs, at most. */
#define KVM_IRQCHIP_ROUTES (16 + HOSTED_KVM_X86_IRQS)
/** Adds them to a table that has room. */
void kvm_irqchip_routes(struct kvm_irq_routing *table);

/* irqfd.c */
/** Makes the routes and gives the kernel those of inputs. 0 or -errno. */
int kvm_routes_make(struct kvm_vm *vm);
int kvm_message_fd(struct hosted_vm *hosted, int fd, uint64_t address, uint32_t data, bool add);
int kvm_irq_fd(struct hosted_vm *hosted, int irq, int fd, int resample, bool add);

/* device_group.c */
int kvm_device_group(struct hosted_vm *hosted, int fd, bool add);
void kvm_device_groups_close(const struct kvm_vm *vm);

/* registers.c */
/** After KVM_CREATE_VCPU: model-specific registers that firmware would have set. 0 or -errno. */
int kvm_msrs_set(const struct kvm_vcpu *vcpu);
int kvm_registers_get(struct hosted_vcpu *hosted, hosted_context_t *context);
int kvm_registers_set(struct hosted_vcpu *hosted, const hosted_context_t *context);
int kvm_register_get(struct hosted_vcpu *hosted, uint32_t number, uint64_t *value);
int kvm_register_set(struct hosted_vcpu *hosted, uint32_t number, uint64_t value);
