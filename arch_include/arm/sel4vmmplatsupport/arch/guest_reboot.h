/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has to be done when a guest is made anew: hooks, in the order in which they were registered.
 *
 * They run after the old VM has been left and before what it was made of is taken away. A list that
 * is zeroed is empty and good: a client that restarts by zeroing .bss needs no call for that.
 */
#pragma once

#include <stddef.h>

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** 0, or anything else to stop the reboot. */
typedef int (*reboot_hook_fn)(vm_t *vm, void *token);

typedef struct reboot_hook {
    reboot_hook_fn fn;
    void *token;
} reboot_hook_t;

typedef struct reboot_hooks_list {
    reboot_hook_t *rb_hooks; /**< malloc()ed. */
    size_t nhooks;
} reboot_hooks_list_t;

/** Empties the list, without looking at what was in it. 0, or -1 for NULL. */
int vmm_init_reboot_hooks_list(reboot_hooks_list_t *rb_hooks_list);

/** Appends a hook. 0, or -1 for a NULL list or hook, or out of memory. */
int vmm_register_reboot_callback(reboot_hooks_list_t *rb_hooks_list, reboot_hook_fn hook,
                                 void *token);

/** Calls the hooks until one fails. 0, or -1 (a NULL list or VM as well). */
int vmm_process_reboot_callbacks(vm_t *vm, reboot_hooks_list_t *rb_hooks_list);

#ifdef __cplusplus
}
#endif
