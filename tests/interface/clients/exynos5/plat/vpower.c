/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vpower.h>

static int shutdown(vm_t *vm, void *token)
{
    return vm && token ? 0 : -1;
}

vm_power_cb client_shutdown = shutdown;

int client_vpower(vm_t *vm)
{
    return vm_install_vpower(vm, shutdown, NULL, client_shutdown, (void *)7);
}
