/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng, the entropy device (OASIS virtio 1.2, 5.4): /dev/hwrng of a Linux guest.
 *
 * One queue, no features, no configuration. A request is answered with at least one random byte
 * and at most VMMP_VIRTIO_RNG_MOST, fewer than asked for if the source has no more (5.4.6.2); it
 * waits while the source has none or the rate is used up.
 *
 * Hostile guest: costs the source at most VMMP_VIRTIO_RNG_MOST bytes per turn where the host can
 * defer (per request where it cannot), and no more than the rate if there is one; a reset does not
 * renew the rate. Device-readable buffers, which 5.4.6.1 forbids, are ignored: a request without
 * room for a byte is given back at once. Nothing but random bytes is ever written.
 *
 * Threads: as vmmp/virtio.h: inside the device's context, where `fill` is called too.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/entropy.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VIRTIO_RNG_QUEUE_SIZE 8
/** Most bytes for one request, and for one turn. */
#define VMMP_VIRTIO_RNG_MOST 65536

struct vmmp_virtio_rng_options {
    /**
     * At most this many bytes for the guest in a period, counted from the first request after the
     * last period. 0: no limit.
     */
    uint64_t rate_bytes;
    uint64_t rate_period_ns; /**< 0: a second. */
    uint64_t features_off;   /**< Feature bits not to offer, for tests and old guests. */
};

struct vmmp_virtio_rng {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queue;
    struct vmmp_entropy entropy;
    uint64_t rate_bytes;
    uint64_t rate_period_ns;
    uint64_t rate_left;      /**< Bytes until `rate_end_ns`. */
    uint64_t rate_end_ns;    /**< When there are `rate_bytes` again. */
    struct vmmp_timer timer; /**< Armed while `limited`. */
    bool limited;            /**< The rate is used up and a request waits. */
    bool dry;                /**< The source had nothing and a request waits. */
    bool busy;               /**< A request is held in `chain`. */
    struct vmmp_virtqueue_chain chain;
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_RNG_QUEUE_SIZE)];
    uint64_t bytes;       /**< Given to the guest. Statistics. */
    uint64_t requests;    /**< Answered. */
    uint64_t rate_waits;  /**< How often a request waited for the rate, */
    uint64_t empty_waits; /**< and for the source. */
};

/**
 * Prepares an entropy device. `entropy` is copied; `options` may be NULL; the others as
 * vmmp_virtio_init(). 0; -EINVAL also for a rate on a host without clock and timers (said in the
 * log); -ENOMEM.
 */
int vmmp_virtio_rng_init(struct vmmp_virtio_rng *rng, const struct vmmp_entropy *entropy,
                         const struct vmmp_virtio_rng_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host);
/** After the transport's fini; as vmmp_virtio_fini(), outside the device's context. */
void vmmp_virtio_rng_fini(struct vmmp_virtio_rng *rng);

/** The source, whose `fill` returned 0, has bytes again. Harmless at other times, also in `fill`.
 */
void vmmp_virtio_rng_ready(struct vmmp_virtio_rng *rng);

#ifdef __cplusplus
}
#endif
