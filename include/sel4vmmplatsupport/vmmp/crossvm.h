/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cross-VM connection as a guest sees it: the PCI function 1af4:a111 of CAmkES' cross-VM
 * connector. BAR 0 is a page of event registers, BAR 1 the dataport, memory shared with a peer.
 *
 *     offset  read                         write, any width, at (offset & 0xff)
 *     0x00    0                            EMIT: tells the peer; the value does not matter
 *     0x04    events (32 bits)             CONSUME: the guest has seen them; its driver writes 0
 *     0x08    name, 48 bytes, zero-padded  dropped, with a message
 *
 * CONSUME takes away what the guest has read since it last wrote, never more: an event that comes
 * between the guest's read and its write stays, and interrupts again. Therefore a guest that writes
 * without having read takes nothing away. What it writes is added to what stays. The count stops
 * at 2^32 - 1. The interrupt is a level, high while the count is not 0: one per batch of events,
 * and the shared line's other functions read 0.
 *
 * Reads of the event page trap, although the page could be mapped: only so can it be known what the
 * guest has seen when it clears, and no event be lost in between.
 *
 * Ownership: the caller owns the connection, which stays where it is, and the memory behind BAR 1,
 * which it maps from `bar_mapped`. Nothing here allocates.
 * Threads: vmmp_crossvm_consume() may be called from any thread and any context. Without deferral
 * by the host (one thread, empty contexts) it takes effect in the call.
 * Hostile guest: can emit as often as it likes and confuse its own count. It cannot change its
 * peer's count but by emitting.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/doorbell.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_CROSSVM_NAME_SIZE    48   /**< Of the name's registers, in bytes. */
#define VMMP_CROSSVM_EVENT_SIZE   4096 /**< Of the event page, in bytes. */
#define VMMP_CROSSVM_BAR_EVENT    0
#define VMMP_CROSSVM_BAR_DATAPORT 1

struct vmmp_crossvm_config {
    const char *name; /**< Copied and cut to 47 bytes; NULL: "connector". */
    uint64_t size;    /**< Of the dataport, in bytes: 1 to 2^30. Its BARs have the next power of
                           two, at least 4096. */
    /** The guest emits, `count` times; called inside the connection's context. NULL: a message. */
    void (*emit)(void *cookie, uint64_t count);
    /**
     * A BAR is at `address` or no longer, as vmmp_pci_function_ops has it: the dataport's is to be
     * mapped; the event page answers by itself on a bus that has a window for BARs. NULL: not told.
     */
    void (*bar_mapped)(void *cookie, unsigned bar, uint64_t address, bool mapped);
    void *cookie;
    struct vmmp_host host;
    const struct vmmp_log *log;
    /** Copied; what it emits then costs the guest no exit to the VMM, and is counted by the host
     * until it gets to it. NULL: the host has none. */
    const struct vmmp_doorbells *doorbells;
};

struct vmmp_crossvm {
    struct vmmp_crossvm_config config;
    struct vmmp_pci_function pci; /**< To be plugged into a PCI host. */
    struct vmmp_window window;    /**< The event page, BAR 0. */
    struct vmmp_context context;
    struct vmmp_work work;
    struct vmmp_doorbells doorbells;
    struct vmmp_doorbell bell; /**< At EMIT. */
    char name[VMMP_CROSSVM_NAME_SIZE];
    uint32_t arrived; /**< Events that are not in `count` yet (atomic). */
    uint32_t count;   /**< What the guest reads. */
    uint32_t seen;    /**< Of `count`: what the guest has read. */
    struct vmmp_log_limit limit;
};

/** 0; -EINVAL for a size out of range (with a message); -ENOMEM: the host has no context. */
int vmmp_crossvm_init(struct vmmp_crossvm *connection, const struct vmmp_crossvm_config *config);
/** Unplugs the function. Nobody calls vmmp_crossvm_consume() any more. */
void vmmp_crossvm_fini(struct vmmp_crossvm *connection);

/** `events` of the peer's have happened. */
void vmmp_crossvm_consume(struct vmmp_crossvm *connection, uint32_t events);

/** Guest-physical addresses that connections are put into, from `next` up to before `end`. */
struct vmmp_crossvm_area {
    uint64_t next;
    uint64_t end;
};

/**
 * Puts the BARs one behind the other, each aligned to its size, which for dataports of one size
 * that is a power of two is the place CAmkES gives them. 0; -ENOSPC, with a message and the area
 * unchanged, if they do not fit or would not be below 4 GiB.
 */
int vmmp_crossvm_place(struct vmmp_crossvm *connection, struct vmmp_crossvm_area *area);

#ifdef __cplusplus
}
#endif
