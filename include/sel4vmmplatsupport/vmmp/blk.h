/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks: what a block device model asks of whoever keeps the sectors.
 *
 *     virtio-blk  --- submit, commit --->  backend (RAM disk, overlay over another, file, yours)
 *                 <--- vmmp_blk_complete() ---
 *
 * A backend takes requests and completes each exactly once, in any order: inside `submit` or
 * `commit`, or later. Data lies in guest memory and is read and written in place.
 *
 * Threads: all calls, and every vmmp_blk_complete(), happen inside the context of the device that
 * the backend belongs to (vmmp/host.h). A backend whose work ends elsewhere (another thread, a
 * completion queue) enters that context first, or has its event loop do so.
 *
 * Hostile guest: offsets and lengths have been checked against the capacity and are whole sectors
 * of 512 bytes; neither is 0. The data changes while it is written if the guest so wishes.
 * Ownership: a request and its elements belong to the client; the backend may use both until it has
 * completed the request, and never afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The unit of capacities, offsets and lengths, whatever the block size. */
#define VMMP_BLK_SECTOR 512u

enum vmmp_blk_op {
    VMMP_BLK_READ,         /**< Fill the elements from `offset` on. */
    VMMP_BLK_WRITE,        /**< Store the elements from `offset` on. */
    VMMP_BLK_FLUSH,        /**< All writes completed before are on stable storage. */
    VMMP_BLK_DISCARD,      /**< The contents of the range are of no use any more. */
    VMMP_BLK_WRITE_ZEROES, /**< The range reads as zeroes. */
};

struct vmmp_blk_request;

/** `error` is 0 or -errno: -EOPNOTSUPP for an operation the backend has not, -EIO, -ENOSPC, … */
typedef void vmmp_blk_done_fn(void *cookie, struct vmmp_blk_request *request, int error);

/** How many parties there can be: a client and backends one over the other. */
#define VMMP_BLK_LAYERS 4

struct vmmp_blk_request {
    enum vmmp_blk_op op;
    bool stable; /**< WRITE, WRITE_ZEROES: on stable storage when complete (`stable_writes`). */
    bool unmap;  /**< WRITE_ZEROES: space may be given back. */
    unsigned iov_count;
    const struct vmmp_iovec *iov; /**< READ, WRITE: `length` bytes in all. */
    uint64_t offset;              /**< Bytes; not for FLUSH. */
    uint64_t length;              /**< Bytes; not for FLUSH. */

    /** For the lowest backend to use as it likes while it has the request. */
    union {
        uint64_t number;
        void *pointer;
    } own[4];

    /* Who wants to know, the nearest last. See vmmp_blk_push(). */
    unsigned depth;
    struct {
        vmmp_blk_done_fn *done;
        void *cookie;
    } layers[VMMP_BLK_LAYERS];
};

/** What a disk is like. Zeroed is the default of everything but `capacity`. */
struct vmmp_blk_info {
    uint64_t capacity; /**< In bytes, whole sectors. */
    bool read_only;
    bool stable_writes; /**< `stable` is heeded; without, clients flush after a write instead. */
    bool discard;
    bool write_zeroes;
    bool unmaps;                  /**< WRITE_ZEROES with `unmap` may give space back. */
    uint32_t block_size;          /**< Smallest efficient unit, a power of two; 0: a sector. */
    uint32_t physical_block_size; /**< A power of two; 0: as `block_size`. */
    uint32_t optimal_size;        /**< Of requests, in bytes; 0: not known. */
    uint32_t discard_granularity; /**< In bytes; 0: as `block_size`. */
    uint64_t range_max;           /**< Most bytes of one DISCARD or WRITE_ZEROES; 0: any number. */
    unsigned layers;              /**< Backends below the top one. */
};

struct vmmp_blk_ops {
    /** Always known; `capacity` may change (the client is then told to look again). */
    void (*info)(void *cookie, struct vmmp_blk_info *info);
    /**
     * Takes a request. It may be complete when this returns. Must not call back into the client
     * except with vmmp_blk_complete().
     */
    void (*submit)(void *cookie, struct vmmp_blk_request *request);
    /** No more requests for now: what submit only collected starts. NULL: submit starts all. */
    void (*commit)(void *cookie);
    /** The client has no use for what it submitted: complete it early if that is possible, with
     * -ECANCELED. NULL: everything takes its time. */
    void (*cancel)(void *cookie);
    /** Waits until everything submitted is complete. NULL: the backend cannot wait. */
    void (*drain)(void *cookie);
};

struct vmmp_blk_backend {
    const struct vmmp_blk_ops *ops;
    void *cookie;
};

/** Before a request is handed down: who is told of its end. A backend over another uses one. */
static inline void vmmp_blk_push(struct vmmp_blk_request *request, vmmp_blk_done_fn *done,
                                 void *cookie)
{
    request->layers[request->depth].done = done;
    request->layers[request->depth].cookie = cookie;
    request->depth++;
}

/** The backend is done with a request; it may be gone, or under way again, on return. */
static inline void vmmp_blk_complete(struct vmmp_blk_request *request, int error)
{
    unsigned top = --request->depth;
    request->layers[top].done(request->layers[top].cookie, request, error);
}

static inline void vmmp_blk_submit(const struct vmmp_blk_backend *backend,
                                   struct vmmp_blk_request *request)
{
    backend->ops->submit(backend->cookie, request);
}

static inline void vmmp_blk_commit(const struct vmmp_blk_backend *backend)
{
    if (backend->ops->commit) {
        backend->ops->commit(backend->cookie);
    }
}

#ifdef __cplusplus
}
#endif
