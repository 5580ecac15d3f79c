/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm: the guest's interrupt controller. */
#pragma once

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*irq_ack_fn_t)(vm_vcpu_t *vcpu, int irq, void *cookie);

int vm_inject_irq(vm_vcpu_t *vcpu, int irq);
int vm_set_irq_level(vm_vcpu_t *vcpu, int irq, int irq_level);
int vm_register_irq(vm_vcpu_t *vcpu, int irq, irq_ack_fn_t ack_fn, void *cookie);
int vm_create_default_irq_controller(vm_t *vm);

#ifdef __cplusplus
}
#endif
