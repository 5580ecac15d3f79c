/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells: writes of the guest that say "look here" and nothing else, such as a virtio driver's
 * notification. A host may take them without leaving the guest for long (KVM's ioeventfd); where it
 * cannot, they are ordinary accesses to the device's window, and mean the same.
 *
 * A transport adds a doorbell when a queue starts to work and it is known where its notifications
 * go, and removes it when the queue stops or the place is no longer there. Whatever the host does
 * not take (another width, an unmatched value) comes through the window; so both ways must always
 * mean the same.
 *
 * Ownership: the caller owns the doorbell, which stays where it is while it is added.
 * Threads: add and remove are called inside the doorbell's context. Rings are delivered from a
 * thread of the host's, inside that context too, soon; several may be delivered as one, with their
 * number.
 * Hostile guest: can ring as often as it likes, which costs the host what a wake-up costs, and make
 * two of its own devices claim one place: one of them then has the doorbell, the other's kicks go
 * to it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_doorbell {
    uint64_t address; /**< Guest-physical, or a port. */
    bool port;
    unsigned size; /**< Of the write: 1, 2, 4 or 8 bytes; 0: any of these. */
    bool match;    /**< Only writes of `value`. */
    uint32_t value;
    void (*ring)(struct vmmp_doorbell *doorbell);
    void *cookie; /**< The caller's. */
    const struct vmmp_context *context;
    bool added;
    uint64_t times; /**< The host's: how often it has been rung, for each delivery. */
    void *host;     /**< The host's. */
};

struct vmmp_doorbell_ops {
    /** 0; -errno: the host does not take it (-EEXIST: another one is there), all the same. */
    int (*add)(void *cookie, struct vmmp_doorbell *doorbell);
    /**
     * Final: on return nothing more is delivered. True: it has been rung, `times`, and that was not
     * yet delivered; the caller sees to it.
     */
    bool (*remove)(void *cookie, struct vmmp_doorbell *doorbell);
};

/** `ops` NULL: the host has none. */
struct vmmp_doorbells {
    const struct vmmp_doorbell_ops *ops;
    void *cookie;
};

#ifdef __cplusplus
}
#endif
