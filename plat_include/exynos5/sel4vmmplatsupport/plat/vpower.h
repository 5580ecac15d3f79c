/* SPDX-License-Identifier: BSD-2-Clause */
/* The real power management unit, whose reset and power-off are the VM's own. */
#pragma once

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Not 0 ends the VM. */
typedef int (*vm_power_cb)(vm_t *vm, void *token);

/**
 * The guest reads the PMU; of its writes only the hold of the power supply is passed on, and what
 * would end the machine calls `shutdown_cb` or `reboot_cb` (NULL: nothing happens). 0 or -1 with a
 * message.
 */
int vm_install_vpower(vm_t *vm, vm_power_cb shutdown_cb, void *shutdown_token,
                      vm_power_cb reboot_cb, void *reboot_token);

#ifdef __cplusplus
}
#endif
