/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vmct.h>

const struct device *const client_mct[] = { &dev_vmct_timer };

int client_vmct(vm_t *vm)
{
    return vm_install_vmct(vm);
}
