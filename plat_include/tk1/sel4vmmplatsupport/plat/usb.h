/* SPDX-License-Identifier: BSD-2-Clause */
/* The board's second USB controller, given to a guest and reset with it. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_reboot.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gives the guest the real USB2 controller, whose page the VMM maps as well, and registers a hook
 * in `reboot_hooks` that resets it (USBCMD.RST): its DMA then does not go on into the memory of
 * what comes after the guest. The hook does not wait for the reset, which takes the controller some
 * microseconds. 0, or -1 with a message.
 */
int vm_install_tk1_usb_passthrough_device(vm_t *vm, reboot_hooks_list_t *reboot_hooks);

#ifdef __cplusplus
}
#endif
