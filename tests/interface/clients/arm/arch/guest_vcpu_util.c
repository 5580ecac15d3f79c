/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_util.h>

vm_vcpu_t *(*const client_create_vcpu)(vm_t *, int) = create_vmm_plat_vcpu;
int (*const client_cpus_node)(vm_t *, void *) = fdt_generate_plat_vcpu_node;
const char client_cpu_compatible[] = PLAT_CPU_COMPAT;
