/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4vmmplatsupport/device.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

/** Where messages go that belong to no VM: standard error, from level WARNING on. */
extern const struct vmmp_log vmmp_compat_default_log;

/**
 * Zeroed memory for what lives as long as `vm`'s native side: freed by vmmp_compat_release(), after
 * its windows were detached. NULL if there is none, or no native side.
 */
void *vmmp_compat_calloc(vm_t *vm, size_t size);
/** Gives it back early. */
void vmmp_compat_free(vm_t *vm, void *memory);

/** Says what is wrong with a device that a client describes; -1. */
int vmmp_compat_device_error(vm_t *vm, const struct device *device, const char *what);

/** What vmmp_compat_set_soft_off() said last; at first false. */
bool vmmp_compat_soft_off(const vm_t *vm);

/** A place for one such piece that is the architecture's; NULL as for vmmp_compat_vm(). */
void **vmmp_compat_arch(vm_t *vm);
/** The same for cross-VM connections. */
void **vmmp_compat_crossvm(vm_t *vm);
