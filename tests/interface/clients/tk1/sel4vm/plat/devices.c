/* SPDX-License-Identifier: BSD-2-Clause */
/* By the names that older clients use. */
#include <sel4vm/devices/generic_forward.h>
#include <sel4vm/plat/devices.h>

static struct generic_forward_cfg uart_forward = { .read_fn = NULL, .write_fn = NULL };

int client_tk1_forward(vm_t *vm)
{
    return vm_install_generic_forward_device(vm, &dev_vconsole, uart_forward) ||
           vm_install_generic_forward_device(vm, &dev_clkcar, uart_forward);
}
