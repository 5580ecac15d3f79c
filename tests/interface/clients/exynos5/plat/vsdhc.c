/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vsdhc.h>

const struct device *const client_msh[] = { &dev_msh0, &dev_msh2 };

int client_vsdhc(vm_t *vm)
{
    return vm_install_nodma_sdhc0(vm) || vm_install_nodma_sdhc2(vm);
}
