/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_reboot.h>
#include <sel4vmmplatsupport/plat/usb.h>

static reboot_hooks_list_t reboot_hooks_list;

int client_tk1_usb(vm_t *vm)
{
    return vm_install_tk1_usb_passthrough_device(vm, &reboot_hooks_list) ||
           vmm_process_reboot_callbacks(vm, &reboot_hooks_list);
}
