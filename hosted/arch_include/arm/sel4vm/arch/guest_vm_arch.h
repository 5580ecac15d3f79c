/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on ARM: exceptions and secure monitor calls. */
#pragma once

#include <sel4/sel4.h>

#include <hosted/handles.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fault fault_t;

typedef int (*smc_handler_callback_fn)(vm_vcpu_t *vcpu, seL4_UserContext *regs);
typedef int (*unhandled_vcpu_fault_callback_fn)(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie);

#define VM_CSPACE_SIZE_BITS 4
#define VM_FAULT_EP_SLOT    1
#define VM_CSPACE_SLOT      (VM_FAULT_EP_SLOT + CONFIG_MAX_NUM_NODES)

struct vm_arch {
    smc_handler_callback_fn vm_smc_handler;
};

struct vm_vcpu_arch {
    fault_t *fault;
    unhandled_vcpu_fault_callback_fn unhandled_vcpu_callback;
    void *unhandled_vcpu_callback_cookie;
};

int vm_register_unhandled_vcpu_fault_callback(vm_vcpu_t *vcpu,
                                              unhandled_vcpu_fault_callback_fn vcpu_fault_callback,
                                              void *cookie);
int vm_register_smc_handler_callback(vm_t *vm, smc_handler_callback_fn vm_smc_handler);

#ifdef __cplusplus
}
#endif
