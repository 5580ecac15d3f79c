/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Performs the guest's accesses to the real system registers, all of them: who has this device
 * chooses the paths of USB and of DMA. 0 or -1 with a message.
 */
int vm_install_vsysreg(vm_t *vm);

#ifdef __cplusplus
}
#endif
