/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm: making a VM. */
#pragma once

#include <simple/simple.h>
#include <vka/vka.h>
#include <vspace/vspace.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOOT_VCPU 0

int vm_init(vm_t *vm, vka_t *vka, simple_t *host_simple, vspace_t host_vspace, ps_io_ops_t *io_ops,
            seL4_CPtr host_endpoint, const char *name);
vm_vcpu_t *vm_create_vcpu(vm_t *vm, int priority);
int vm_assign_vcpu_target(vm_vcpu_t *vcpu, int target_cpu);

#ifdef __cplusplus
}
#endif
