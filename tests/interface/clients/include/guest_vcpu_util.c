/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef CONFIG_ARCH_ARM /* On ARM only. */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>

int client_guest_vcpu_util(vm_t *vm, void *fdt)
{
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(vm, 100);

    return vcpu ? fdt_generate_plat_vcpu_node(vm, fdt) : -1;
}
#endif
