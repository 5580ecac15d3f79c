/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/plat/guest_vcpu_util.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Creates a vCPU, has its exceptions handled by vmm_handle_arm_vcpu_exception() and registers its
 * virtual timer (PPI 27) and SGIs 0 and 1. vm_init() and vm_create_default_irq_controller() come
 * first. NULL on any failure, which is logged; a vCPU that was created stays with the VM.
 */
vm_vcpu_t *create_vmm_plat_vcpu(vm_t *vm, int priority);

/**
 * Adds /cpus with one node per vCPU of `vm`, and /psci unless the tree has it, to the tree in
 * `fdt`, which has room to grow. 0, or a negative error of libfdt; the tree is then to be thrown
 * away.
 */
int fdt_generate_plat_vcpu_node(vm_t *vm, void *fdt);

#ifdef __cplusplus
}
#endif
