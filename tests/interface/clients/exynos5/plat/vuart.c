/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vuart.h>

const struct device *const client_uarts[] = { &dev_uart0, &dev_uart1, &dev_uart2, &dev_uart3 };

int client_vuart(vm_t *vm)
{
    return vm_install_ac_uart(vm, &dev_vconsole) || vm_install_vconsole(vm);
}
