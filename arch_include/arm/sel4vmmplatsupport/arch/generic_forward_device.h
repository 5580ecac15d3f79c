/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices whose accesses are handed to two functions (compatible interface). vmmp/forward.h has
 * answers that come later.
 */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** `addr` is an offset from the device's first address. */
typedef void (*forward_write_fn)(uint32_t addr, uint32_t value);
/** The word of which `addr` is a byte: accesses narrower than a word are cut out of it. */
typedef uint32_t (*forward_read_fn)(uint32_t addr);

struct generic_forward_cfg {
    forward_write_fn write_fn; /**< NULL: writes are dropped. */
    forward_read_fn read_fn;   /**< NULL: reads give 0. */
};

/** Traps the range of `d`. 0; -1 with a message that names the device. */
int vm_install_generic_forward_device(vm_t *vm, const struct device *d,
                                      struct generic_forward_cfg cfg);

#ifdef __cplusplus
}
#endif
