/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ready-made treatments of a device's registers (compatible interface).
 *
 * All return 0, or -1 with a message that names the device; after a failure nothing is left
 * reserved. A size that is no multiple of 4 KiB is rounded up; size 0 installs nothing and
 * succeeds. To be called after vm_init(), from the thread that runs the VM.
 */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Gives the guest the real device: its frames are mapped at their own addresses. */
int vm_install_passthrough_device(vm_t *vm, const struct device *device);

/** Gives the guest zeroed memory where the device would be. */
int vm_install_ram_only_device(vm_t *vm, const struct device *device);

/**
 * Performs every access of the guest on the real device on its behalf, with the guest's width, and
 * logs each at level INFO: "[Listener/<name>] read|write 0xVALUE address 0xADDRESS @ pc 0xPC".
 */
int vm_install_listening_device(vm_t *vm, const struct device *device);

#ifdef __cplusplus
}
#endif
