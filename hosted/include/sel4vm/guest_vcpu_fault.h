/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsel4vm: the memory fault of a vCPU. The data conventions differ between architectures; see
 * hosted/src/fault.c.
 */
#pragma once

#include <stdbool.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

seL4_Word get_vcpu_fault_address(vm_vcpu_t *vcpu);
seL4_Word get_vcpu_fault_ip(vm_vcpu_t *vcpu);
seL4_Word get_vcpu_fault_data(vm_vcpu_t *vcpu);
seL4_Word get_vcpu_fault_data_mask(vm_vcpu_t *vcpu);
size_t get_vcpu_fault_size(vm_vcpu_t *vcpu);
bool is_vcpu_read_fault(vm_vcpu_t *vcpu);
int set_vcpu_fault_data(vm_vcpu_t *vcpu, seL4_Word data);
seL4_Word emulate_vcpu_fault(vm_vcpu_t *vcpu, seL4_Word data);
void advance_vcpu_fault(vm_vcpu_t *vcpu);
void restart_vcpu_fault(vm_vcpu_t *vcpu);

#ifdef __cplusplus
}
#endif
