/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues, the device's side (OASIS virtio 1.2, 2.6 and 2.7).
 *
 * A queue hands the device chains of buffers as `struct vmmp_iovec`s over guest memory and takes
 * them back with the number of bytes written. How the ring lies in memory stays inside: split rings
 * with VIRTIO_F_INDIRECT_DESC and VIRTIO_F_EVENT_IDX are implemented; nothing below depends on it.
 *
 * Device models use the functions of vmmp/virtio.h, which add status, budgets, interrupts and
 * NEEDS_RESET; these here are the layer below, for transports of other kinds and for tests.
 *
 * Frozen geometry: vmmp_virtqueue_enable() validates size and addresses, translates them to host
 * pointers and copies them. Nothing the guest writes to registers afterwards has an effect on the
 * queue until it is disabled.
 *
 * Hostile guest: may write anything into its rings, at any time. Every ring field is read once.
 * A mistake that the specification forbids to drivers stops the queue (vmmp_virtqueue_error() then
 * says why); no call does more work than `size` descriptors, none fails in any other way. Buffers
 * handed out are guest RAM and may change while they are read: copy what is checked.
 *
 * Threads: all calls on one queue come from the device's context. Ownership: the caller supplies
 * the memory of all structures; nothing is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/addr.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Largest number of entries of a queue (virtio 1.2, 2.7). */
#define VMMP_VIRTQUEUE_MAX_SIZE 32768

/** A piece of a buffer, contiguous in the host's memory. `base` is good for as long as the VM. */
struct vmmp_iovec {
    void *base;
    size_t len; /**< Never 0 in a chain. */
};

/**
 * Names a chain from pop to push; also across a reset, after which a push of it does nothing.
 * Copy it to keep it; its members belong to the queue.
 */
struct vmmp_virtqueue_token {
    uint32_t generation;
    uint16_t id;
    uint32_t writable; /**< Most bytes a push may report. */
};

/** The caller sets `iov` and `capacity`; a pop fills in the rest. */
struct vmmp_virtqueue_chain {
    struct vmmp_iovec *iov;
    unsigned capacity; /**< Of `iov`; see vmmp_virtqueue_pop(). */

    unsigned readable; /**< iov[0 .. readable) is what the driver says to the device. */
    unsigned writable; /**< iov[readable .. readable + writable) is for the answer. */
    uint32_t readable_bytes;
    uint32_t writable_bytes;
    struct vmmp_virtqueue_token token;
};

/** What the driver set up. The three areas have their names from virtio 1.2, 2.6. */
struct vmmp_virtqueue_config {
    uint32_t size;     /**< In entries: a power of two up to VMMP_VIRTQUEUE_MAX_SIZE. */
    vmmp_gpa_t desc;   /**< Descriptor area. */
    vmmp_gpa_t driver; /**< Driver area (split: available ring). */
    vmmp_gpa_t device; /**< Device area (split: used ring). */
    uint64_t features; /**< Negotiated feature bits; those that shape rings are looked at. */
};

/** Start it zeroed. All members belong to the functions below. */
struct vmmp_virtqueue {
    const struct vmmp_guest_memory *memory;
    const void *desc;
    void *driver;
    void *device;
    uint16_t mask;       /* size - 1 */
    uint16_t next_avail; /* Next entry to pop. */
    uint16_t avail_end;  /* The driver's index when it was last read. */
    uint16_t next_used;  /* Where the next push goes; ahead of what the driver has been shown. */
    uint16_t published;  /* What the driver has been shown. */
    bool enabled;
    bool event_idx;
    bool indirect;
    bool quiet; /* The driver has been told not to kick. */
    uint32_t size;
    uint32_t generation;
    uint32_t unusual; /* Flags and bits of `next` that no descriptor of a simple chain has. */
    struct vmmp_guest_region region; /* Where buffers have been lately. */
    const char *error;
};

/**
 * Starts the queue. False if size, alignment (2.7: 16, 2 and 4 bytes) or an address is wrong; the
 * queue then stays disabled and vmmp_virtqueue_error() says why. Enabling an enabled queue starts
 * it anew (earlier tokens become void).
 */
bool vmmp_virtqueue_enable(struct vmmp_virtqueue *vq, const struct vmmp_guest_memory *memory,
                           const struct vmmp_virtqueue_config *config);

/** Stops the queue, forgets its geometry and error, and makes every token void. */
void vmmp_virtqueue_disable(struct vmmp_virtqueue *vq);

/** Why the queue stopped or could not start (static text), or NULL. */
static inline const char *vmmp_virtqueue_error(const struct vmmp_virtqueue *vq)
{
    return vq->error;
}

/** Stops the queue for a reason of the device's own; `error` is static text. */
void vmmp_virtqueue_fail(struct vmmp_virtqueue *vq, const char *error);

/**
 * Takes the next chain. False if there is none, or the queue is disabled, or it has failed
 * (vmmp_virtqueue_error()). Readable buffers come first. A buffer that crosses memory regions
 * becomes several elements; descriptors without bytes become none. Chains of more than `size`
 * descriptors (2.7.5.3.1) or of 2^32 bytes or more (2.7.5.2) fail the queue, as do loops.
 *
 * A chain that does not fit into `capacity` elements fails the queue, so a device that can take any
 * legal chain has a capacity of at least its largest queue size (VMMP_VIRTQUEUE_IOVECS leaves room
 * for buffers that cross regions).
 */
bool vmmp_virtqueue_pop(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain);

/** A good `capacity` for queues of up to `size` entries. */
#define VMMP_VIRTQUEUE_IOVECS(size) ((size) + 16)

/**
 * Gives a chain back, `written` bytes of whose writable part now hold data (more than there is
 * room for is cut, so that nothing can be leaked). The driver sees it after the next flush.
 * Void tokens are ignored. Chains may be given back in any order, each once.
 */
void vmmp_virtqueue_push(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                         uint32_t written);

/**
 * Shows the driver everything pushed since the last flush, at once, and returns whether it wants
 * an interrupt for it (2.7.7.2). False if there was nothing new.
 */
bool vmmp_virtqueue_flush(struct vmmp_virtqueue *vq);

/** How many chains were there to pop when the driver's index was last looked at. */
static inline unsigned vmmp_virtqueue_pending(const struct vmmp_virtqueue *vq)
{
    return (uint16_t)(vq->avail_end - vq->next_avail);
}

/** Tells the driver that kicks are of no use for now (2.7.10); it may kick nevertheless. */
void vmmp_virtqueue_disable_notifications(struct vmmp_virtqueue *vq);

/**
 * Asks for a kick when the driver adds to what is there now, and looks again: true if there is
 * something to pop already, whose kick may have been left out.
 */
bool vmmp_virtqueue_enable_notifications(struct vmmp_virtqueue *vq);

/**
 * Copies between a chain's elements and plain memory, starting `offset` bytes into `iov`. Returns
 * how many bytes were copied: fewer than `len` only if the elements end before.
 */
size_t vmmp_iovec_read(const struct vmmp_iovec *iov, unsigned count, uint64_t offset, void *to,
                       size_t len);
size_t vmmp_iovec_write(const struct vmmp_iovec *iov, unsigned count, uint64_t offset,
                        const void *from, size_t len);

#ifdef __cplusplus
}
#endif
