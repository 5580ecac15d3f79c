/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native side of a VM whose client uses the compatible interface.
 *
 * The compatible functions take a `vm_t *` and have nowhere to keep state. They keep it in a table
 * in .bss, found by that pointer: a client that restarts by zeroing .bss and initialising again
 * starts afresh; a client that creates and destroys VMs in one process says so with
 * vmmp_compat_release(). Single-threaded, like the interface it belongs to.
 */
#pragma once

#include <stdbool.h>

#include <sel4vmmplatsupport/vmmp/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** VMs that can use the compatible interface at the same time in one process. */
#define VMMP_COMPAT_VMS 16

/**
 * The native VM that the compatible functions use for `vm`, created at the first call: no host
 * operations, messages to standard error. NULL if `vm` is NULL or the table is full (logged).
 */
struct vmmp_vm *vmmp_compat_vm(vm_t *vm);

/** Sends the messages of `vm`'s compatible functions elsewhere. 0, or -ENOSPC as above. */
int vmmp_compat_set_log(vm_t *vm, const struct vmmp_log *log);

/**
 * x86: the client answers at the PM1 ports that the ACPI tables name (arch/acpi.h) and switches off
 * for SLP_TYP VMMP_ACPI_S5_TYPE, as with vmmp/acpi_pm.h. Tables made from now on have \_S5, without
 * which a guest only halts. 0, or -ENOSPC as above.
 */
int vmmp_compat_set_soft_off(vm_t *vm, bool soft_off);

/**
 * Forgets `vm`: detaches its windows and frees its place. To be called before the memory of the
 * `vm_t` is reused for another VM; hosted_vm_destroy() does it by itself. Unknown VMs are ignored.
 */
void vmmp_compat_release(vm_t *vm);

#ifdef __cplusplus
}
#endif
