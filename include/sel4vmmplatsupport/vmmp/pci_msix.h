/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X for a PCI function (PCI Local Bus 3.0, 6.8.2): capability, vector table, pending bits.
 *
 *     struct vmmp_pci_msix_config config = { .msi = &frame_msi, .vectors = dev->vectors,
 *                                            .count = 3, .bar = 1, .context = &dev->context };
 *     vmmp_pci_msix_init(&dev->msix, &dev->pci, &config);
 *     ...
 *     vmmp_pci_msix_notify(&dev->msix, 2);
 *
 * The table is in a BAR of its own, or in a part of one that the device has already. A notification
 * is a message at once or, where the vector or the function is masked or the function is no bus
 * master, a pending bit, which becomes a message when that changes. While MSI-X is enabled the
 * function must not use INTx (6.8.3.3): `changed` tells it when to stop and when it may again.
 *
 * Hostile guest: any access to table and pending bits, of every width and alignment, is defined:
 * bytes are merged into the fields they belong to, bits that must be 0 stay so, pending bits are
 * read-only, and what is neither reads 0. A message goes wherever the guest says; whether that is
 * an interrupt is the destination's to decide (vmmp/msi.h).
 *
 * Threads: table accesses run in `context`, which is the device's; vmmp_pci_msix_notify() is called
 * inside it. Writes to the capability come from the host's context and enter it. Ownership: the
 * caller supplies all memory, nothing is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/msi.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Vectors one function can have. */
#define VMMP_PCI_MSIX_VECTORS 2048

/** A vector; masked after initialisation. */
struct vmmp_pci_msix_vector {
    uint64_t address;
    uint32_t data;
    bool masked;
    bool pending;
};

/**
 * Who delivers in place of notifications: a function whose interrupts come from elsewhere (a
 * passed-through device's). Both are called inside the context.
 */
struct vmmp_pci_msix_carrier {
    /**
     * From now on what the vector tells is this message or, if it is not `live`, nothing: it is
     * masked, and what comes meanwhile is pending. Also called when nothing has changed.
     */
    void (*carry)(void *cookie, unsigned vector, bool live, uint64_t address, uint32_t data);
    /** Whether something is, of a vector that is not live. */
    bool (*pending)(void *cookie, unsigned vector);
};

struct vmmp_pci_msix_config {
    const struct vmmp_msi *msi;                  /**< Copied. NULL with a carrier. */
    const struct vmmp_pci_msix_carrier *carrier; /**< NULL: vmmp_pci_msix_notify() it is. */
    struct vmmp_pci_msix_vector *vectors;
    unsigned count; /**< 1 to VMMP_PCI_MSIX_VECTORS. */
    unsigned bar;
    /**
     * The BAR exists: the device passes accesses from `offset` of it on (a multiple of 8), as many
     * bytes as `window.size`, to `window.ops`, inside its context.
     */
    bool shared;
    uint32_t offset;
    /**
     * With `shared`: `window` is the table alone. Pending bits are at `pending_offset` (a multiple
     * of 8) of `pending_bar`; accesses there are for `pending_window`.
     */
    bool apart;
    unsigned pending_bar;
    uint32_t pending_offset;
    const struct vmmp_context *context;
    /** MSI-X was switched on or off. Called inside `context`; NULL: the function has no INTx. */
    void (*changed)(void *cookie, bool enabled);
    void *cookie;
};

struct vmmp_pci_msix {
    struct vmmp_window window;         /**< Table, then pending bits. */
    struct vmmp_window pending_window; /**< If they are apart. */
    struct vmmp_pci_function *function;
    struct vmmp_pci_register control;
    struct vmmp_pci_register command;
    struct vmmp_msi msi;
    const struct vmmp_pci_msix_carrier *carrier;
    struct vmmp_pci_msix_vector *vectors;
    unsigned count;
    const struct vmmp_context *context;
    void (*changed)(void *cookie, bool enabled);
    void *cookie;
    bool enabled;  /**< In `context`. */
    bool masked;   /**< All vectors are. */
    uint64_t sent; /**< Messages, for statistics. */
};

/** Bytes of table and pending bits of `count` vectors: a power of two, at least 4096. */
uint32_t vmmp_pci_msix_size(unsigned count);

/**
 * Adds the capability and, unless `shared`, BAR `bar`; before the function is plugged in. 0;
 * -EINVAL for a bad configuration; -ENOSPC, -EBUSY as vmmp_pci_add_capability() and _add_bar().
 */
int vmmp_pci_msix_init(struct vmmp_pci_msix *msix, struct vmmp_pci_function *function,
                       const struct vmmp_pci_msix_config *config);

/** Whether notifications are messages now. Inside `context`; false for a zeroed one. */
static inline bool vmmp_pci_msix_enabled(const struct vmmp_pci_msix *msix)
{
    return msix->enabled;
}

/** Notifies by `vector`; one that does not exist, or MSI-X being off: nothing happens. */
void vmmp_pci_msix_notify(struct vmmp_pci_msix *msix, unsigned vector);

/** The reasons for what is pending are gone, as by a reset of the device. */
void vmmp_pci_msix_forget(struct vmmp_pci_msix *msix);

#ifdef __cplusplus
}
#endif
