/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtqueues, the device's side (OASIS virtio 1.2, 2.6 to 2.8).
 *
 * A queue hands the device chains of buffers as `struct vmmp_iovec`s over guest memory and takes
 * them back with the number of bytes written. How the ring lies in memory stays inside: split and
 * packed rings (VIRTIO_F_RING_PACKED), both with VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX and
 * VIRTIO_F_IN_ORDER; nothing below depends on it.
 *
 * Device models use the functions of vmmp/virtio.h, which add status, budgets, interrupts and
 * NEEDS_RESET; these here are the layer below, for transports of other kinds and for tests.
 *
 * Frozen geometry: vmmp_virtqueue_enable() validates size and addresses, translates them to host
 * pointers and copies them. Nothing the guest writes to registers afterwards has an effect on the
 * queue until it is disabled.
 *
 * Hostile guest: may write anything into its rings, at any time. Every descriptor is read once.
 * A mistake that the specification forbids to drivers stops the queue (vmmp_virtqueue_error() then
 * says why); no call does more work than `size` descriptors, none fails in any other way. Buffers
 * handed out are guest RAM and may change while they are read: copy what is checked. Buffer ids of
 * packed rings are the driver's own numbers (2.8): they are given back as they came.
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

/** Largest number of entries of a queue (virtio 1.2, 2.7 and 2.8). */
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
    uint16_t entries;  /**< Of the ring that the chain takes (packed rings). */
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
    uint32_t size;     /**< In entries, up to VMMP_VIRTQUEUE_MAX_SIZE; split: a power of two. */
    vmmp_gpa_t desc;   /**< Descriptor area. */
    vmmp_gpa_t driver; /**< Driver area (available ring; packed: driver event suppression). */
    vmmp_gpa_t device; /**< Device area (used ring; packed: device event suppression). */
    uint64_t features; /**< Negotiated feature bits; those that shape rings are looked at. */
};

/** A region of guest memory in which pieces of up to 16 KiB are found by one comparison. */
struct vmmp_virtqueue_near {
    uint64_t start;
    uint64_t room; /* Offsets below it have 16 KiB behind them. 0: the entry is not in use. */
    uint8_t *host;
};

/** What a packed ring needs to know; positions are entries of the ring. */
struct vmmp_virtqueue_packed {
    uint64_t expected;  /* AVAIL and USED of an available entry at `avail_at`. */
    uint32_t avail_at;  /* The next entry to pop. */
    uint32_t quick_end; /* The quick way may begin at entries below it. */
    uint32_t used_at;   /* Where the next used one goes. */
    uint32_t in_flight; /* Entries popped, and not shown to the driver as used. */
    uint32_t unshown;   /* Those of them that are used since the last flush; */
    uint32_t first_at;  /* the first gets its flags in the next. */
    uint16_t first_flags;
    uint16_t used_flags; /* Those of a used one at `used_at`. */
    bool live;           /* There may be something to pop. */
};

/** VIRTIO_F_IN_ORDER: used chains that one entry of the ring will stand for. */
struct vmmp_virtqueue_batch {
    bool open;
    uint16_t id;    /* Of the last one. */
    uint32_t len;   /* Written into it. */
    uint32_t at;    /* Where the entry goes, */
    uint16_t flags; /* and the flags it gets there (packed rings). */
};

/** Start it zeroed. All members belong to the functions below. */
struct vmmp_virtqueue {
    const struct vmmp_guest_memory *memory;
    void *desc;
    void *driver;
    void *device;
    uint32_t size;
    uint32_t mask; /* size - 1 */
    uint32_t generation;
    uint32_t quick_generation; /* Of tokens for which the short way of a push is right. */
    /* Split rings: what has been counted so far; entries are the low bits. */
    uint32_t next_avail; /* Next entry to pop. */
    uint32_t avail_end;  /* The driver's index when it was last read. */
    uint32_t next_used;  /* Where the next push goes; ahead of what the driver has been shown. */
    uint32_t published;  /* What the driver has been shown. */
    uint64_t unusual;    /* Bits of a descriptor that simple chains do not have. */
    struct vmmp_virtqueue_near near[2];
    uint64_t near_gap; /* From the start of the first to the start of the second. */
    struct vmmp_virtqueue_packed ring;
    struct vmmp_virtqueue_batch batch;
    bool near_next; /* Which of them was learnt longer ago. */
    bool enabled;
    bool packed;
    bool event_idx;
    bool indirect;
    bool in_order;
    bool quiet; /* The driver has been told not to kick. */
    const char *error;
};

/**
 * Starts the queue. False if size, alignment (2.7: 16, 2 and 4 bytes; 2.8.10.1: 16, 4 and 4) or an
 * address is wrong; the queue then stays disabled and vmmp_virtqueue_error() says why. Enabling an
 * enabled queue starts it anew (earlier tokens become void).
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

/* What vmmp_virtqueue_push() leaves: other rings, and tokens that are void. */
void vmmp_virtqueue_push_other(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                               uint32_t written);

/**
 * Gives a chain back, `written` bytes of whose writable part now hold data (more than there is
 * room for is cut, so that nothing can be leaked). The driver sees it after the next flush.
 * Void tokens are ignored. Chains may be given back in any order, each once; with VIRTIO_F_IN_ORDER
 * in the order of the pops.
 */
static inline void vmmp_virtqueue_push(struct vmmp_virtqueue *vq,
                                       const struct vmmp_virtqueue_token *token, uint32_t written)
{
    uint32_t at = vq->next_used;
    if (token->generation == vq->quick_generation && at != vq->next_avail) {
        /* A used element of a split ring (2.7.8): id and length; flags and idx come before. */
        vmmp_le32_t *element = (vmmp_le32_t *)vq->device + 1 + 2 * (size_t)(at & vq->mask);
        element[0] = vmmp_le32(token->id);
        element[1] = vmmp_le32(written < token->writable ? written : token->writable);
        vq->next_used = at + 1;
    } else {
        vmmp_virtqueue_push_other(vq, token, written);
    }
}

/**
 * Shows the driver everything pushed since the last flush, at once, and returns whether it wants
 * an interrupt for it (2.7.7.2, 2.8.10). False if there was nothing new.
 */
bool vmmp_virtqueue_flush(struct vmmp_virtqueue *vq);

/**
 * At most how many chains there are to pop. Split: those of the driver's index when it was last
 * looked at. Packed: how many fit, if there is one.
 */
unsigned vmmp_virtqueue_pending(const struct vmmp_virtqueue *vq);

/** Tells the driver that kicks are of no use for now (2.7.10, 2.8.10); it may kick nevertheless. */
void vmmp_virtqueue_disable_notifications(struct vmmp_virtqueue *vq);

/**
 * Asks for a kick when the driver adds to what is there now, and looks again: true if there is
 * something to pop already, whose kick may have been left out.
 */
bool vmmp_virtqueue_enable_notifications(struct vmmp_virtqueue *vq);

/*
 * For transports whose queues move from one device to another, such as vhost-user's: a queue goes
 * on where another one stopped. A position is the low 16 bits of the driver's index (split), or an
 * entry of the ring with its wrap counter in bit 15 (packed).
 */

/**
 * How many chains (packed: entries) have been taken and not been shown to the driver as used.
 */
unsigned vmmp_virtqueue_in_flight(const struct vmmp_virtqueue *vq);

/** Where the first chain is that was not given back: another device begins there. */
uint16_t vmmp_virtqueue_position(const struct vmmp_virtqueue *vq);

/**
 * Right after vmmp_virtqueue_enable(): begins at `position`. Of a split ring, what lies between the
 * index in the ring's device area and `position` stays in flight; false if that is more than the
 * queue has, or a packed ring has no such entry: the queue has failed.
 */
bool vmmp_virtqueue_seek(struct vmmp_virtqueue *vq, uint16_t position);

/**
 * Guest memory, or where the rings are in it, has changed (`config`, of the same size and
 * features): finds all again and goes on; tokens stay good. False if the queue had failed, or there
 * are no rings now: it is disabled then, with an error.
 */
bool vmmp_virtqueue_move(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_config *config);

/**
 * Takes the chain of a split ring that begins at `head`, which another device took from the ring
 * and did not give back, in the place of the next one. False as vmmp_virtqueue_pop(), and if the
 * driver has not made as many chains available.
 */
bool vmmp_virtqueue_pop_head(struct vmmp_virtqueue *vq, uint16_t head,
                             struct vmmp_virtqueue_chain *chain);

/**
 * The same of a packed ring, whose descriptors the other device has kept: `count` of them, as they
 * were in the ring (2.8.13). Memory that nobody else writes.
 */
bool vmmp_virtqueue_pop_kept(struct vmmp_virtqueue *vq, const void *descriptors, uint32_t count,
                             struct vmmp_virtqueue_chain *chain);

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
