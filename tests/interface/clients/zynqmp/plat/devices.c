/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/devices.h>

static void print(int c)
{
    (void)c;
}

print_func_t client_print = print;
const struct device *const client_console[] = { &dev_vconsole };
char client_console_irq[VCONSOLE_IRQ == UART0_IRQ || VCONSOLE_IRQ == UART1_IRQ ? 1 : -1];

int client_vconsole(vm_t *vm)
{
    if (vm_install_vconsole(vm, client_print)) {
        return -1;
    }
    vuart_handle_irq('x');
    return 0;
}
