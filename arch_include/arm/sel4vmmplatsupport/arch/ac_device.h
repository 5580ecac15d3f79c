/* SPDX-License-Identifier: BSD-2-Clause */
/* Real devices of which a guest may change only some bits (compatible interface). */
#pragma once

#include <stddef.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vacdev_default {
    VACDEV_DEFAULT_ALLOW,
    VACDEV_DEFAULT_DENY,
};

/** What becomes of a write that wants to change bits which are 0 in the mask. */
enum vacdev_action {
    VACDEV_REPORT_ONLY, /**< Logged; it passes. */
    VACDEV_MASK_ONLY,   /**< Those bits stay as they are. */
    VACDEV_REPORT_AND_MASK,
};

/**
 * Lets the guest read the device `d` and write the bits that are 1 in `mask`, a byte image of its
 * first `size` bytes; the rest is read-only. `*d` is copied; `mask` must outlive the VM and may be
 * changed at any time. Accesses have the guest's width; misaligned ones do not reach the device.
 * 0; -1 with a message that names the device.
 */
int vm_install_generic_ac_device(vm_t *vm, const struct device *d, void *mask, size_t size,
                                 enum vacdev_action action);

#ifdef __cplusplus
}
#endif
