/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on ARM: registers of a vCPU. `reg` is an index into seL4_UserContext. */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

int vm_set_thread_context(vm_vcpu_t *vcpu, seL4_UserContext context);
int vm_set_thread_context_reg(vm_vcpu_t *vcpu, unsigned int reg, uintptr_t value);
int vm_get_thread_context(vm_vcpu_t *vcpu, seL4_UserContext *context);
int vm_get_thread_context_reg(vm_vcpu_t *vcpu, unsigned int reg, uintptr_t *value);
int vm_set_arm_vcpu_reg(vm_vcpu_t *vcpu, seL4_Word reg, uintptr_t value);
int vm_get_arm_vcpu_reg(vm_vcpu_t *vcpu, seL4_Word reg, uintptr_t *value);

#ifdef __cplusplus
}
#endif
