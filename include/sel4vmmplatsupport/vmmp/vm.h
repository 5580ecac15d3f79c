/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM as the native interface sees it: a libsel4vm `vm_t` with its guest memory, log and host.
 *
 * This is the only native header that knows libsel4vm. Device models include the headers it
 * includes, never this one.
 *
 * Threads: initialise, attach and detach from one thread, or with all vCPUs stopped, or from
 * within a handler of the same VM (a guest that moves a BAR). Accesses to attached windows then
 * arrive from any vCPU's thread.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_arm_exceptions;

struct vmmp_vm {
    vm_t *vm;
    struct vmmp_log log;
    struct vmmp_host host;
    struct vmmp_guest_memory memory;
    struct vmmp_window *windows; /**< Attached ones, newest first; for statistics. */
    const struct vmmp_arm_exceptions
        *arm_exceptions;              /**< ARM; NULL: vmmp/arm_exceptions.h's own. */
    struct vmmp_log_limit exceptions; /**< Of messages about traps. */
};

/**
 * Binds `vm`, which vm_init() has prepared. RAM may be registered with libsel4vm before or after:
 * it is mapped into the VMM once, when it is first needed. `log` and `host` are copied; either may
 * be NULL. The caller owns `vmmp`, which must outlive everything attached to it.
 * 0, or -EINVAL for a NULL argument.
 */
int vmmp_vm_init(struct vmmp_vm *vmmp, vm_t *vm, const struct vmmp_log *log,
                 const struct vmmp_host *host);

/** Detaches every window. The `vm_t` itself is not touched. */
void vmmp_vm_fini(struct vmmp_vm *vmmp);

/**
 * Maps all RAM registered so far, so that no access has to do it later. Call it after the RAM is
 * registered. 0; -ENOMEM if the host could not map a region (said in the log).
 */
int vmmp_vm_map_ram(struct vmmp_vm *vmmp);

/**
 * Makes `window` answer at [base, base + window->size). Owns the whole fault protocol of libsel4vm:
 * decoding, lanes, masks, widths and completion. 0; -EINVAL for an empty or wrapping range or a
 * window that is attached already; -EBUSY if something else has a part of the range.
 */
int vmmp_vm_attach_window(struct vmmp_vm *vmmp, struct vmmp_window *window, vmmp_gpa_t base);
/**
 * For the messages of a window that has a context: the program counter of the access that its model
 * is just answering, 0 outside an access.
 */
uint64_t vmmp_vm_access_pc(const struct vmmp_window *window);
/**
 * Answers an access that a window's `begin` took: `initiator` is the access's. Once for each.
 * `value` is what was read, and ignored for a write. Any thread.
 */
void vmmp_vm_complete_access(const struct vmmp_window *window,
                             const struct vmmp_window_access *access, uint64_t value);
/** Afterwards the range is free again. A window that is not attached is left alone. */
void vmmp_vm_detach_window(struct vmmp_window *window);

/**
 * Prepares `line` as the input `irq` of the guest's interrupt controller (libsel4vm's number: an
 * INTID on ARM, a pin of the PIC or IOAPIC on x86), delivered to the boot vCPU where the controller
 * does not route by itself. vm_create_default_irq_controller() comes first.
 * 0; -EINVAL, -EBUSY if libsel4vm refuses the number; -ENOMEM.
 */
int vmmp_vm_irq_line_init(struct vmmp_vm *vmmp, struct vmmp_irq_line *line, int irq);

#ifdef __cplusplus
}
#endif
