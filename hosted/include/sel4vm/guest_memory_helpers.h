/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm: a fault callback that fails. */
#pragma once

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

memory_fault_result_t default_error_fault_callback(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t fault_addr,
                                                   size_t fault_length, void *cookie);

#ifdef __cplusplus
}
#endif
