/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_reboot.h>

static reboot_hooks_list_t hooks; /* Never initialised. */

static int hook(vm_t *vm, void *token)
{
    return vm && token ? 0 : -1;
}

static const reboot_hook_t by_hand = { hook, &hooks };

int client_guest_reboot(vm_t *vm)
{
    reboot_hook_fn fn = by_hand.fn;

    if (vmm_register_reboot_callback(&hooks, fn, by_hand.token) || hooks.nhooks != 1 ||
        vmm_process_reboot_callbacks(vm, &hooks)) {
        return -1;
    }
    return vmm_init_reboot_hooks_list(&hooks);
}
