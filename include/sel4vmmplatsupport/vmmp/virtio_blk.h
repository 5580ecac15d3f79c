/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk (OASIS virtio 1.2, 5.2): /dev/vda of a Linux guest, over any backend of vmmp/blk.h.
 *
 * One to VMMP_VIRTIO_BLK_QUEUES request queues. Features: SIZE_MAX, SEG_MAX, BLK_SIZE, FLUSH,
 * TOPOLOGY, CONFIG_WCE and, as the backend and the options have it, RO, MQ, DISCARD and
 * WRITE_ZEROES. The legacy interface works; its BARRIER and SCSI commands do not exist here.
 *
 * A request may be split over descriptors in any way. Its data are handed to the backend as
 * elements over guest memory: nothing is copied. Requests in flight live in a pool that the caller
 * supplies; a queue that finds it empty waits for a completion.
 *
 * Hostile guest: ranges beyond the capacity, lengths that are not whole sectors, writes to a
 * read-only disk, and discards of too many segments end with an error status before the backend
 * sees them; unknown requests and flags are unsupported. A chain without room for a whole header or
 * for a status byte cannot be answered and breaks the device. The header is read once, segments are
 * copied before they are checked.
 *
 * Writes are stable when they complete if the driver has not accepted FLUSH, or has set writeback
 * to 0 (5.2.6.2): with the backend's own stable writes, or with a flush after each.
 *
 * Reset with requests in flight: the backend is asked to cancel, then to drain; if it cannot wait,
 * status reads 0 only when the last of them has completed, and F_RING_RESET is not offered. A queue
 * that is stopped by itself meanwhile (PFN 0, QueueReady 0) then breaks the device.
 *
 * Threads: as vmmp/virtio.h: inside the device's context, where the backend is called and where it
 * completes requests. Outside a walk, the ring is shown to the driver and interrupts are sent by
 * deferred work, one for all completions since, where the host can defer; else at each completion.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/blk.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VIRTIO_BLK_QUEUES     8
#define VMMP_VIRTIO_BLK_QUEUE_SIZE 256 /**< Entries of a queue, unless the options say less. */
#define VMMP_VIRTIO_BLK_ID_SIZE    20
#define VMMP_VIRTIO_BLK_SEGMENTS   16 /**< Most segments of a DISCARD or WRITE_ZEROES. */

struct vmmp_virtio_blk_options {
    const char *id;        /**< What GET_ID answers: up to 20 bytes are copied. NULL: empty. */
    uint16_t queues;       /**< 0: one. */
    uint16_t queue_size;   /**< A power of two from 4 to VMMP_VIRTIO_BLK_QUEUE_SIZE; 0: that. */
    bool read_only;        /**< Even if the backend is not. */
    uint32_t size_max;     /**< Bytes of a segment that drivers are told; 0: 4 MiB. */
    uint32_t seg_max;      /**< Segments of a request that they are told; 0: what a queue holds. */
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

/** A part of the disk, in bytes. */
struct vmmp_virtio_blk_range {
    uint64_t offset;
    uint64_t length;
};

/** A request in flight. The device's own; the caller only supplies memory. */
struct vmmp_virtio_blk_request {
    struct vmmp_blk_request io;
    struct vmmp_virtio_blk *blk;
    struct vmmp_virtio_blk_request *next; /* In the pool. */
    struct vmmp_virtqueue_token token;
    uint32_t epoch; /* Of its queue. */
    uint16_t queue;
    uint8_t ranges; /* How many parts of the disk there are to do, */
    uint8_t range;  /* and which is next. */
    bool flush;     /* After the last of them. */
    bool submitting;
    bool completed; /* Inside submit. */
    int error;
    uint8_t *status;       /* In guest memory. */
    uint32_t answer;       /* Bytes of room in front of it, */
    uint32_t answer_valid; /* and how many are filled in if all goes well. */
    struct vmmp_virtio_blk_range parts[VMMP_VIRTIO_BLK_SEGMENTS];
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_BLK_QUEUE_SIZE)];
};

struct vmmp_virtio_blk_statistics {
    uint64_t reads;
    uint64_t writes;
    uint64_t flushes;
    uint64_t discards; /**< And WRITE_ZEROES. */
    uint64_t read_bytes;
    uint64_t written_bytes;
    uint64_t refused; /**< Never reached the backend. */
    uint64_t failed;  /**< In the backend. */
    uint64_t starved; /**< How often a queue found the pool empty. */
};

struct vmmp_virtio_blk {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queues[VMMP_VIRTIO_BLK_QUEUES];
    uint32_t epochs[VMMP_VIRTIO_BLK_QUEUES]; /* Changes when a queue's requests become void. */
    struct vmmp_blk_backend backend;
    struct vmmp_blk_info info;
    struct vmmp_virtio_blk_request *pool; /* Free requests. */
    unsigned in_flight;
    uint32_t waiting; /* Queues that found the pool empty, a bit each, */
    uint32_t dirty;   /* and those with completions not shown yet. */
    bool commit_due;  /* Something was submitted since the last commit. */
    bool committing;
    bool writeback_set; /* The driver has written `writeback`, */
    bool writeback;     /* this. */
    uint16_t queue_size;
    uint32_t size_max;
    uint32_t seg_max;
    struct vmmp_work settle;
    char id[VMMP_VIRTIO_BLK_ID_SIZE];
    struct vmmp_virtio_blk_statistics statistics;
};

/**
 * Prepares a disk. `backend` is copied; what it stands for, and `request_count` (at least 1)
 * elements of `requests`, stay the caller's and must outlive the device. `options` may be NULL;
 * the others as vmmp_virtio_init(). 0; -EINVAL for bad arguments, among them a capacity that is
 * not whole sectors; -ENOMEM.
 */
int vmmp_virtio_blk_init(struct vmmp_virtio_blk *blk, const struct vmmp_blk_backend *backend,
                         struct vmmp_virtio_blk_request *requests, unsigned request_count,
                         const struct vmmp_virtio_blk_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host);
/**
 * After the transport's fini. What is in flight is cancelled and drained; over a backend that
 * cannot wait the caller makes sure first that `in_flight` is 0.
 */
void vmmp_virtio_blk_fini(struct vmmp_virtio_blk *blk);

/** The backend's capacity, or what else it says of itself, has changed: the driver is told. */
void vmmp_virtio_blk_resized(struct vmmp_virtio_blk *blk);

#ifdef __cplusplus
}
#endif
