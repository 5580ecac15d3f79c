/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A window in front of a real device's registers that lets the guest change only some bits of them.
 *
 * Reads pass. A write may change the bits that are 1 in a mask, a byte image beside the registers
 * that is looked at in every access; changes of others are reported, masked, or both. Bytes beyond
 * the mask never change. The device sees one access of the guest's width for each of the guest's;
 * a write that the mask allows in part is preceded by one read.
 *
 * The window can be attached where windows can: to a VM's memory (vmmp_vm_attach_window()), to I/O
 * ports (vmmp_io_port_add()).
 *
 * Hostile guest: any access. Misaligned ones, which a bus of registers does not take, read all-ones
 * and are dropped.
 *
 * Threads: the window's context serialises accesses; the mask may be changed at any time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A write that wanted to change bits which are not the guest's. */
struct vmmp_access_report {
    const struct vmmp_window *window;
    uint64_t offset;
    unsigned size;
    uint64_t value;  /**< What the guest wrote. */
    uint64_t denied; /**< The bits it would have changed and must not. */
    bool masked;     /**< They were left as they are. */
};

struct vmmp_access_control {
    struct vmmp_window window; /**< To be attached; init fills in its device and ops. */
    const struct vmmp_window_ops *registers; /**< The device's. */
    void *device;
    const volatile uint8_t *mask; /**< `mask_size` bytes, the first for offset 0. */
    uint64_t mask_size;
    bool mask_denied; /**< Leave denied bits alone; else the write passes as it is. */
    /** Told of denied bits, inside the window's context; NULL: nobody. */
    void (*report)(void *cookie, const struct vmmp_access_report *report);
    void *cookie;
};

/**
 * Completes a structure whose other members are set. 0; -EINVAL without a name, a size, registers,
 * or a mask for its size.
 */
int vmmp_access_control_init(struct vmmp_access_control *control);

/**
 * Registers that are memory of the VMM, for `registers`, with `device` their address: one access of
 * the given size each.
 */
extern const struct vmmp_window_ops vmmp_mapped_registers;

#ifdef __cplusplus
}
#endif
