/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions that a guest's vCPU takes to the hypervisor, dispatched by exception class.
 *
 * The table of handlers is one per process, as it always was in this interface. Classes without a
 * handler in it go to the VM's own handlers and defaults (vmmp/arm_exceptions.h), which never end
 * the VM for what a guest executes.
 */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Handles one exception; `hsr` is the syndrome. A handler that finishes the instruction calls
 * advance_vcpu_fault() itself; one that returns 0 without it leaves the vCPU blocked. -1 ends
 * vm_run().
 */
typedef int (*vcpu_exception_handler_fn)(vm_vcpu_t *vcpu, uint32_t hsr);

/** To be libsel4vm's handler of otherwise unhandled vCPU faults. 0, or -1 if nobody handles it. */
int vmm_handle_arm_vcpu_exception(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie);

/**
 * Replaces the handler of an exception class (0 to 0x3f); NULL: none. -1 for a class that does not
 * exist.
 */
int register_arm_vcpu_exception_handler(uint32_t ec_class,
                                        vcpu_exception_handler_fn exception_handler);

#ifdef __cplusplus
}
#endif
