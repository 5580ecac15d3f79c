/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-balloon, the traditional memory balloon (OASIS virtio 1.2, 5.5; tags of 1.4).
 *
 * The VMM asks for a balloon of some size; the guest's driver gives pages up until the balloon is
 * that large and says so in `actual`. Beyond that, by option: memory statistics (5.5.6.3), free
 * page hints on demand (5.5.6.4) and free page reporting all the time (5.5.6.7).
 *
 * What becomes of pages is the backend's business: on Linux the memory goes back to the host
 * (hosted/balloon.h). Pages are passed on in ranges: neighbours in a request become one call.
 *
 * Ways in which memory leaves the guest:
 *  - inflated: the guest has given the page up until it deflates it. `discard`.
 *  - reported: the guest has given the page up until the request is answered, and may use it again
 *    afterwards at any time. `discard`, unless the guest wants free pages to hold a poison value
 *    that is not 0.
 *  - hinted: the page was free at some time since the round began; a page that the guest has
 *    written to since then must stay as it is (5.5.6.4.2). Only who can tell may drop it. `hinted`.
 *
 * Hostile guest: may name any page frame; what is not RAM is left out (and logged, rate-limited).
 * It can give up pages that it uses, its own rings among them: it then reads zeroes, which harms
 * nobody else. A request has at most VMMP_VIRTIO_BALLOON_PFNS page frames, the rest of it is
 * ignored; where the host can defer a turn ends after about VMMP_VIRTIO_BALLOON_TURN_BYTES of
 * requests. What it writes into `actual` and the statistics is its own claim.
 *
 * Threads: as vmmp/virtio.h: inside the device's context, where the backend's functions are called.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Unit of the balloon, whatever the guest's page size is (5.5.6). */
#define VMMP_VIRTIO_BALLOON_PAGE       UINT64_C(4096)
#define VMMP_VIRTIO_BALLOON_QUEUES     5
#define VMMP_VIRTIO_BALLOON_QUEUE_SIZE 128
/** Most page frames of one request that are looked at: 64 MiB. */
#define VMMP_VIRTIO_BALLOON_PFNS 16384
/** Bytes of requests after which others get their turn. */
#define VMMP_VIRTIO_BALLOON_TURN_BYTES 16384

/** Memory statistics, by tag (5.5.6.4; virtio 1.4 for those after HTLB_PGFAIL). */
enum vmmp_balloon_stat {
    VMMP_BALLOON_SWAP_IN,        /**< In bytes. */
    VMMP_BALLOON_SWAP_OUT,       /**< In bytes. */
    VMMP_BALLOON_MAJOR_FAULTS,   /**< Count. */
    VMMP_BALLOON_MINOR_FAULTS,   /**< Count. */
    VMMP_BALLOON_FREE,           /**< In bytes. */
    VMMP_BALLOON_TOTAL,          /**< In bytes. */
    VMMP_BALLOON_AVAILABLE,      /**< In bytes: for new programs, without swapping. */
    VMMP_BALLOON_CACHES,         /**< In bytes: to be had without I/O. */
    VMMP_BALLOON_HUGE_ALLOCS,    /**< Huge page allocations that succeeded, count. */
    VMMP_BALLOON_HUGE_FAILS,     /**< And that failed. */
    VMMP_BALLOON_OOM_KILLS,      /**< Count. */
    VMMP_BALLOON_ALLOC_STALLS,   /**< Count. */
    VMMP_BALLOON_ASYNC_SCAN,     /**< Pages. */
    VMMP_BALLOON_DIRECT_SCAN,    /**< Pages. */
    VMMP_BALLOON_ASYNC_RECLAIM,  /**< Pages. */
    VMMP_BALLOON_DIRECT_RECLAIM, /**< Pages. */
    VMMP_BALLOON_STATS
};

struct vmmp_balloon_stats {
    uint32_t valid;                     /**< A bit per statistic that the guest gave. */
    uint64_t value[VMMP_BALLOON_STATS]; /**< Indexed by enum vmmp_balloon_stat. */
    uint64_t reports;                   /**< How often the guest has answered. */
    uint64_t time_ns;                   /**< When it last did, by the host's clock (0: none). */
};

/** "free", "swap_in", …; NULL beyond the last. */
const char *vmmp_balloon_stat_name(unsigned stat);

/**
 * Where pages go. All functions may be NULL. A range is a multiple of 4 KiB, RAM, and inside one
 * region of the guest's memory; the same page may come several times.
 */
struct vmmp_balloon_backend {
    /**
     * The guest gave these pages up: their contents may be lost. Later it reads zeroes, its own
     * writes, or (where nothing was done) what was there. 0 or -errno, which is logged once.
     */
    int (*discard)(void *cookie, vmmp_gpa_t gpa, uint64_t len);
    /**
     * Set if discarded pages are out of the guest's reach until they are asked back: the guest
     * wants them again. F_MUST_TELL_HOST is then offered, and modern drivers without it are
     * refused; the backend has to bear guests that touch such pages all the same. Reporting and
     * hints are not offered. Called for all RAM when a driver that has inflated resets the device.
     */
    int (*populate)(void *cookie, vmmp_gpa_t gpa, uint64_t len);
    /**
     * The pages of a hint, see above. `in_kick`: the driver is in its kick for them and waits. The
     * specification lets it use them even now; Linux does not before the kick is over.
     */
    void (*hinted)(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick);
    /**
     * The guest has no more hints. If NULL, the device ends the round itself
     * (VMMP_BALLOON_HINT_DONE), else that is for the client to do, soon: till then the guest
     * withholds the hinted pages from itself.
     */
    void (*hints_end)(void *cookie);
    /** New statistics, or a new value of `actual`. */
    void (*changed)(void *cookie);
    void *cookie;
};

struct vmmp_virtio_balloon_options {
    bool deflate_on_oom; /**< The guest may take pages back when it runs out of memory. */
    bool stats;          /**< Statistics on demand. */
    bool reporting;      /**< Free page reporting. */
    bool hinting;        /**< Free page hints on demand. */
    /** Asks for statistics this often; 0: only vmmp_virtio_balloon_ask_stats(). */
    uint64_t stats_period_ns;
    uint64_t target;       /**< As vmmp_virtio_balloon_set_target(), from the start. */
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

/** What a queue is for; which one has which number is seen when the driver is ready. */
enum vmmp_balloon_role {
    VMMP_BALLOON_INFLATE,
    VMMP_BALLOON_DEFLATE,
    VMMP_BALLOON_STATSQ,
    VMMP_BALLOON_HINTQ,
    VMMP_BALLOON_REPORTQ,
    VMMP_BALLOON_UNUSED,
};

/** Counters; bytes unless said otherwise. */
struct vmmp_balloon_counters {
    uint64_t inflated;
    uint64_t deflated;
    uint64_t reported;
    uint64_t hinted;
    uint64_t ranges;   /**< Calls of the backend. */
    uint64_t failures; /**< Of the backend. */
    uint64_t refused;  /**< Page frames that are not RAM, count. */
};

struct vmmp_virtio_balloon {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queues[VMMP_VIRTIO_BALLOON_QUEUES];
    enum vmmp_balloon_role roles[VMMP_VIRTIO_BALLOON_QUEUES];
    struct vmmp_balloon_backend backend;
    struct vmmp_virtio_balloon_options options;
    uint32_t num_pages;        /**< The target. */
    uint32_t actual;           /**< What the driver says. */
    uint8_t driver_config[16]; /**< What it has written, perhaps byte by byte. */
    uint32_t poison;           /**< Of free pages, 0 without F_PAGE_POISON. */
    bool discarded;            /**< Some page, since the last reset. */
    bool failed;               /**< The backend, once; it has been said. */
    /* Statistics. */
    bool stats_held;  /**< `stats_token` is the driver's buffer. */
    bool stats_first; /**< The next one is the driver's first. */
    struct vmmp_virtqueue_token stats_token;
    struct vmmp_balloon_stats stats;
    struct vmmp_timer stats_timer;
    /* Hints. */
    uint32_t hint_command; /**< free_page_hint_cmd_id */
    uint32_t hint_last;    /**< The last one that was not reserved. */
    bool hint_under_way;   /**< The driver has answered with `hint_command`. */
    uint64_t hint_kicks;   /**< Of its queue that have been seen. */
    uint64_t hint_rounds;  /**< Ended by the driver. */
    struct vmmp_balloon_counters counters;
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_BALLOON_QUEUE_SIZE)];
};

/**
 * Prepares a balloon. `backend` is copied (NULL: pages go nowhere); `options` may be NULL; the
 * others as vmmp_virtio_init(). 0; -EINVAL also for a target that is too large, and for
 * `stats_period_ns` without `stats` or on a host without clock and timers (said in the log);
 * -ENOMEM.
 */
int vmmp_virtio_balloon_init(struct vmmp_virtio_balloon *balloon,
                             const struct vmmp_balloon_backend *backend,
                             const struct vmmp_virtio_balloon_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host);
/** After the transport's fini; as vmmp_virtio_fini(), outside the device's context. */
void vmmp_virtio_balloon_fini(struct vmmp_virtio_balloon *balloon);

/**
 * How large the balloon shall be, in bytes, rounded down to 4 KiB. The guest follows when it can
 * and likes to. 0, or -EINVAL from 16 TiB on.
 */
int vmmp_virtio_balloon_set_target(struct vmmp_virtio_balloon *balloon, uint64_t bytes);
uint64_t vmmp_virtio_balloon_target(const struct vmmp_virtio_balloon *balloon);
/** How large the guest says it is. */
uint64_t vmmp_virtio_balloon_actual(const struct vmmp_virtio_balloon *balloon);

/**
 * Asks for statistics; `changed` is called when they have come. 0; -EAGAIN if the guest has not
 * answered the last time yet; -ENODEV without a driver that gives statistics.
 */
int vmmp_virtio_balloon_ask_stats(struct vmmp_virtio_balloon *balloon);

enum vmmp_balloon_hint {
    VMMP_BALLOON_HINT_START, /**< A new round. */
    /** No hints for now; the guest keeps hinted pages to itself. A new round may follow. */
    VMMP_BALLOON_HINT_STOP,
    VMMP_BALLOON_HINT_DONE, /**< No hints; the guest may use hinted pages. */
};
/** Tells the driver; -ENODEV without one that gives hints (F_FREE_PAGE_HINT), else 0. */
int vmmp_virtio_balloon_hint(struct vmmp_virtio_balloon *balloon, enum vmmp_balloon_hint what);

#ifdef __cplusplus
}
#endif
