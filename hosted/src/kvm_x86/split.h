/* SPDX-License-Identifier: BSD-2-Clause */
/* 8259s and IOAPIC in this process, where only the local APICs are the kernel's: split.c. */
#pragma once

#include "kvm_x86.h"

struct kvm_split;

/** Takes the place of KVM_CREATE_IRQCHIP. 0 or -errno. */
int kvm_split_make(struct kvm_vm *vm);
/** NULL is left alone. */
void kvm_split_free(struct kvm_split *split);
/** As vm_set_irq_level() and vm_inject_irq(), for an input that there is. Any thread. */
void kvm_split_level(struct kvm_split *split, unsigned input, bool high);
void kvm_split_inject(struct kvm_split *split, unsigned input);
/** KVM_EXIT_IOAPIC_EOI */
void kvm_split_eoi(struct kvm_split *split, uint8_t vector);
/** An access of the guest's; false: it is nothing of the interrupt controllers'. */
bool kvm_split_port(struct kvm_split *split, uint16_t port, unsigned size, bool is_in,
                    uint32_t *value);
bool kvm_split_memory(struct kvm_split *split, uint64_t address, unsigned size, bool is_write,
                      uint64_t *value);
/** Before each KVM_RUN of the boot vCPU: gives it the 8259s' interrupt, or waits until it can. */
void kvm_split_before_entry(struct kvm_split *split, const struct kvm_vcpu *vcpu);
