/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vsysreg.h>

int client_vsysreg(vm_t *vm)
{
    return vm_install_vsysreg(vm);
}
