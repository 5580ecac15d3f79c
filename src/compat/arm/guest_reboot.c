/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_reboot.h>

#include <stdint.h>
#include <stdlib.h>

#include "compat/compat_vm.h"

int vmm_init_reboot_hooks_list(reboot_hooks_list_t *rb_hooks_list)
{
    if (!rb_hooks_list) {
        return -1;
    }
    rb_hooks_list->rb_hooks = NULL;
    rb_hooks_list->nhooks = 0;
    return 0;
}

int vmm_register_reboot_callback(reboot_hooks_list_t *rb_hooks_list, reboot_hook_fn hook,
                                 void *token)
{
    if (!rb_hooks_list || !hook || rb_hooks_list->nhooks >= SIZE_MAX / sizeof(reboot_hook_t) - 1) {
        return -1;
    }
    reboot_hook_t *hooks =
        realloc(rb_hooks_list->rb_hooks, (rb_hooks_list->nhooks + 1) * sizeof(*hooks));
    if (!hooks) {
        return -1;
    }
    hooks[rb_hooks_list->nhooks++] = (reboot_hook_t){ hook, token };
    rb_hooks_list->rb_hooks = hooks;
    return 0;
}

int vmm_process_reboot_callbacks(vm_t *vm, reboot_hooks_list_t *rb_hooks_list)
{
    if (!vm || !rb_hooks_list) {
        return -1;
    }
    for (size_t i = 0; i < rb_hooks_list->nhooks; i++) {
        const reboot_hook_t *hook = &rb_hooks_list->rb_hooks[i];
        if (!hook->fn || hook->fn(vm, hook->token)) {
            struct vmmp_vm *native = vmmp_compat_vm(vm);
            vmmp_log(native ? &native->log : NULL, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                     "reboot: hook %zu of %zu failed", i + 1, rb_hooks_list->nhooks);
            return -1;
        }
    }
    return 0;
}
