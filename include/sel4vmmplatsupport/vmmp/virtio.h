/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio device core: what all devices and all transports share (OASIS virtio 1.2, 2 and 3).
 *
 *     device (console, net, …)  --- struct vmmp_virtio_ops --->  core
 *     transport (PCI, MMIO)     --- vmmp_virtio_set_status() and friends --->  core
 *
 * A device embeds `struct vmmp_virtio_device`, fills in const operations and works its queues with
 * vmmp_virtio_pop(), _push() and _flush(). The core owns the status byte, feature negotiation,
 * queue registers, budgets, deferral, interrupts, NEEDS_RESET and reset.
 *
 * Hostile guest: can put the device into NEEDS_RESET (logged, rate-limited) and nothing more. No
 * queue is processed and no used-buffer interrupt is sent unless DRIVER_OK is set and neither
 * FAILED nor DEVICE_NEEDS_RESET is (2.1, 3.1). Queue registers are read-only while a queue is
 * enabled. Work per kick is bounded by `budget`; what is left is deferred where the host can defer.
 * Where it cannot, one snapshot of the driver's index is drained, at most the queue's size; of a
 * packed ring, which has no index, up to the queue's size.
 *
 * Threads: every function except vmmp_virtio_init() and _fini() is called inside the device's
 * context (`context`), in which all operations and callbacks run too. Code outside, such as a
 * client with console input, enters it with vmmp_context_enter(&dev->context).
 *
 * Callbacks inside callbacks: a client may call back into the device from any backend function.
 * What concerns another queue happens at once; what concerns a queue that is being walked is held
 * until the walk returns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/doorbell.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_virtio_device;

/** How a device left a queue after working on it. */
enum vmmp_virtio_progress {
    /** It took all that vmmp_virtio_pop() gave. */
    VMMP_VIRTIO_DRAINED,
    /**
     * It waits for something else than the driver: it will call vmmp_virtio_resume(), or it asks
     * for kicks itself (vmmp_virtio_want_kick()).
     */
    VMMP_VIRTIO_WAITING,
};

/** What a kind of device is. `name` and `type` are needed, every function may be NULL. */
struct vmmp_virtio_ops {
    const char *name; /**< For logs, "virtio-console". */
    uint16_t type;    /**< Device ID (virtio 1.2, 5). */
    /** Every queue's chains are pushed in the order of their pops: VIRTIO_F_IN_ORDER is offered. */
    bool in_order;

    /**
     * Device-specific feature bits (0 to 23, 50 and above) that this instance offers. Those of
     * rings are the core's (docs/virtio-core.md).
     */
    uint64_t (*features)(struct vmmp_virtio_device *dev);
    /** Whether the device can work with this subset (dependencies of bits). NULL: with any. */
    bool (*accept)(struct vmmp_virtio_device *dev, uint64_t features);

    /** Bytes of device configuration; what lies beyond reads all-ones and drops writes. */
    uint32_t config_size;
    /** Copies out `size` bytes of little-endian configuration; they lie inside it. */
    void (*config_read)(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to,
                        unsigned size);
    /** As above. NULL: configuration is read-only. May be called at any status. */
    void (*config_write)(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size);

    /** The driver is ready (DRIVER_OK): negotiated features are final. Queues run afterwards. */
    void (*driver_ok)(struct vmmp_virtio_device *dev);
    /**
     * The driver kicked `queue`, or DRIVER_OK, resume or deferral is the cause. Pop and push; the
     * core flushes afterwards, with at most one interrupt.
     */
    enum vmmp_virtio_progress (*process)(struct vmmp_virtio_device *dev, unsigned queue);
    /** Queue `queue` alone was reset (2.6.1); needed to offer VIRTIO_F_RING_RESET. */
    void (*queue_reset)(struct vmmp_virtio_device *dev, unsigned queue);
    /** Optional: with `control_elsewhere`, other queues work (`vq.enabled`) than did before. */
    void (*queues_running)(struct vmmp_virtio_device *dev);
    /**
     * The driver resets the device. All tokens are void already. True: done. False: requests in
     * flight still use guest memory; status does not read 0 before vmmp_virtio_reset_done().
     */
    bool (*reset)(struct vmmp_virtio_device *dev);
};

/** `queue` of vmmp_virtio_transport_ops.interrupt for a configuration change. */
#define VMMP_VIRTIO_CONFIG_INTERRUPT (-1)

struct vmmp_virtio_transport_ops {
    /** `isr` has its bits set already. Called once per batch, even if ISR was set before. */
    void (*interrupt)(void *transport, int queue);
    /** ISR has become 0: the interrupt line is to be lowered. */
    void (*interrupt_clear)(void *transport);
    /** The device was reset; registers of the transport's own go to their reset values. */
    void (*reset)(void *transport);
    /** `queue` works now (`vq.enabled`), or no longer. */
    void (*queue_changed)(void *transport, unsigned queue);
};

/** ISR status bits (virtio 1.2, 4.1.4.5). */
#define VMMP_VIRTIO_ISR_QUEUE  0x1u
#define VMMP_VIRTIO_ISR_CONFIG 0x2u

/** No MSI-X vector (virtio 1.2, 4.1.5.1.2). */
#define VMMP_VIRTIO_NO_VECTOR 0xffffu

/** Work on one queue before others get their turn; elements are those of `struct vmmp_iovec`s. */
struct vmmp_virtio_budget {
    uint32_t chains;
    uint32_t elements;
    uint64_t bytes;
};

/**
 * Who keeps an account of the chains that are in flight, for a device that is to take over from
 * this one. All functions are needed.
 */
struct vmmp_virtio_tracker {
    /**
     * What another device left comes before the chains of the ring: false if there is none (any
     * more). Otherwise `*popped` is as vmmp_virtqueue_pop() of such a chain.
     */
    bool (*again)(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue *vq,
                  struct vmmp_virtqueue_chain *chain, bool *popped);
    /** A chain was taken from the ring. `token->id` may be replaced by a number of one's own. */
    void (*popped)(struct vmmp_virtio_tracker *tracker, const struct vmmp_virtqueue *vq,
                   struct vmmp_virtqueue_token *token);
    /** It is given back; `token->id` becomes what it was. */
    void (*pushed)(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue_token *token);
    /** The driver is about to be shown all that was pushed, which ends at `position`; */
    void (*showing)(struct vmmp_virtio_tracker *tracker, uint16_t position);
    /** and has been. */
    void (*shown)(struct vmmp_virtio_tracker *tracker, uint16_t position);
};

/** Queue registers as the driver sees them, and the queue's work state. The core's own. */
struct vmmp_virtio_queue {
    struct vmmp_virtqueue vq;
    uint16_t max_size;
    struct vmmp_virtqueue_config registers;
    uint32_t legacy_pfn; /**< Not 0: set up through the legacy interface. */
    uint16_t vector;     /**< The transport's, VMMP_VIRTIO_NO_VECTOR after a reset. */
    bool walking;        /**< Inside `process`. */
    bool paused;         /**< Nothing is taken; what is in flight may come back. */
    bool again;          /**< Asked for meanwhile. */
    bool exhausted;      /**< A pop was refused for want of budget. */
    bool deferred;
    struct vmmp_virtio_budget left; /**< Of the walk under way. */
    struct vmmp_doorbell doorbell;  /**< The transport's. */
    /** The transport's, which sets it while the queue is enabled and nothing is in flight. */
    struct vmmp_virtio_tracker *tracker;
    uint64_t kicks;      /**< Statistics. */
    uint64_t chains;     /**< Chains popped. */
    uint64_t interrupts; /**< Used-buffer interrupts sent. */
};

struct vmmp_virtio_device {
    const struct vmmp_virtio_ops *ops;
    const struct vmmp_guest_memory *memory;
    const struct vmmp_log *log;
    struct vmmp_host host;
    struct vmmp_context context;

    struct vmmp_virtio_queue *queues;
    uint16_t queue_count;
    struct vmmp_virtio_budget budget; /**< Per walk; set by init, may be changed before use. */
    /** Bits never offered, with those of the device's that need them (2.2.2); as `budget`. */
    uint64_t features_off;
    /**
     * The driver is to wait in its kicks until they are done: transports use no doorbells
     * (vmmp/doorbell.h). As `budget`.
     */
    bool kicks_are_waited_for;
    /**
     * What the driver says on a control queue does not come here but goes to the transport's other
     * side, which lets those queues work that the driver uses. As `budget`, by the transport.
     */
    bool control_elsewhere;

    const struct vmmp_virtio_transport_ops *transport_ops;
    void *transport;
    /* What the driver has selected through the transport's registers; 0 after a reset. */
    uint32_t device_feature_select;
    uint32_t driver_feature_select;
    uint32_t queue_select;

    uint64_t driver_features;
    uint32_t excess_features; /**< A bit per feature word beyond 64 bits that was not 0. */
    uint8_t status;
    uint8_t isr;
    bool legacy;    /**< The driver uses the legacy interface. */
    bool resetting; /**< `reset` said false. */
    uint8_t config_generation;
    bool config_touched; /**< The driver has read configuration since it last changed. */
    struct vmmp_work work;
    struct vmmp_log_limit broken_limit;
    struct vmmp_log_limit misuse_limit;
};

/* ---- For whoever makes a device ---- */

/**
 * Prepares a device with `queue_count` queues of the sizes `max_sizes` (powers of two, at most
 * VMMP_VIRTQUEUE_MAX_SIZE). The memory of `queues`, and `ops`, `memory` and `log`, stay the
 * caller's and must outlive the device; `host` is copied. `log` and `host` may be NULL.
 * 0; -EINVAL for a bad argument; -ENOMEM if the host could not make a context.
 */
int vmmp_virtio_init(struct vmmp_virtio_device *dev, const struct vmmp_virtio_ops *ops,
                     struct vmmp_virtio_queue *queues, const uint16_t *max_sizes,
                     unsigned queue_count, const struct vmmp_guest_memory *memory,
                     const struct vmmp_log *log, const struct vmmp_host *host);
/** Cancels deferred work and releases the context. The transport goes first. */
void vmmp_virtio_fini(struct vmmp_virtio_device *dev);

/** Whether queues may be worked on: DRIVER_OK without FAILED and NEEDS_RESET. */
bool vmmp_virtio_live(const struct vmmp_virtio_device *dev);
/** Whether the driver has accepted feature `bit`. Final once the device is live. */
bool vmmp_virtio_has_feature(const struct vmmp_virtio_device *dev, unsigned bit);

/**
 * Takes the next chain of a queue (vmmp_virtqueue_pop()). False if there is none, the device is not
 * live or the budget of this walk is spent. A malformed chain breaks the device.
 */
bool vmmp_virtio_pop(struct vmmp_virtio_device *dev, unsigned queue,
                     struct vmmp_virtqueue_chain *chain);
/**
 * Takes `bytes` more off the budget of the walk under way: for work that the bytes of a chain do
 * not tell of, such as a range that a few of them name. Nothing outside a walk.
 */
void vmmp_virtio_spend(struct vmmp_virtio_device *dev, unsigned queue, uint64_t bytes);
/** Gives a chain back; also from outside a walk, then followed by vmmp_virtio_flush(). */
void vmmp_virtio_push(struct vmmp_virtio_device *dev, unsigned queue,
                      const struct vmmp_virtqueue_token *token, uint32_t written);
/** Shows the driver what was pushed and interrupts it if it wants that; held during a walk. */
void vmmp_virtio_flush(struct vmmp_virtio_device *dev, unsigned queue);
/** Asks for a kick; true if there is something to pop already (and perhaps no kick will come). */
bool vmmp_virtio_want_kick(struct vmmp_virtio_device *dev, unsigned queue);
/** What a queue waited for has come: processes it, after the walk if one is under way. */
void vmmp_virtio_resume(struct vmmp_virtio_device *dev, unsigned queue);

/**
 * Configuration has changed by a command of the driver's: a new generation (4.1.4.3.1). What it
 * writes to configuration, resets and negotiation are seen to by the core.
 */
void vmmp_virtio_config_altered(struct vmmp_virtio_device *dev);
/** Configuration has changed: new generation, and an interrupt if the device is live. */
void vmmp_virtio_config_changed(struct vmmp_virtio_device *dev);
/** The guest broke a rule: DEVICE_NEEDS_RESET (2.1.2), a log line, a configuration interrupt. */
void vmmp_virtio_broken(struct vmmp_virtio_device *dev, const char *reason);
/** Ends a reset that `reset` answered false to. Ignored when none is under way. */
void vmmp_virtio_reset_done(struct vmmp_virtio_device *dev);

/* ---- For transports ---- */

/** Connects the transport; `interrupt` must be set, the rest may be NULL. */
void vmmp_virtio_set_transport(struct vmmp_virtio_device *dev,
                               const struct vmmp_virtio_transport_ops *ops, void *transport);

/** All bits offered, on the legacy or the modern face of the device. */
uint64_t vmmp_virtio_offered(struct vmmp_virtio_device *dev, bool legacy);
/** Word `word` (0: bits 0 to 31, …) of what the driver accepts. Ignored once it is final. */
void vmmp_virtio_set_driver_features(struct vmmp_virtio_device *dev, uint32_t word, uint32_t value);

uint8_t vmmp_virtio_status(const struct vmmp_virtio_device *dev);
/**
 * The driver writes the status byte: 0 resets; other values add bits (2.1.1: a driver must not
 * clear any). FEATURES_OK stays clear if the accepted features will not do (3.1.1).
 */
void vmmp_virtio_set_status(struct vmmp_virtio_device *dev, uint8_t value, bool legacy);

/** The queue, or NULL if the driver named one that does not exist. */
struct vmmp_virtio_queue *vmmp_virtio_queue(struct vmmp_virtio_device *dev, unsigned queue);
/**
 * Whether the driver may write the queue's registers now: it exists, is not enabled, and the device
 * is neither broken nor resetting.
 */
bool vmmp_virtio_queue_writable(struct vmmp_virtio_device *dev, unsigned queue);
/** Starts a queue from its registers. Impossible ones break the device. */
void vmmp_virtio_queue_enable(struct vmmp_virtio_device *dev, unsigned queue);
/** Stops one queue and gives its registers their reset values (2.6.1; legacy: PFN 0). */
void vmmp_virtio_queue_reset(struct vmmp_virtio_device *dev, unsigned queue);
/**
 * Nothing more is taken from a queue (true), or all goes on (false), which the transport follows
 * by a kick. What is in flight comes back as ever.
 */
void vmmp_virtio_queue_pause(struct vmmp_virtio_device *dev, unsigned queue, bool pause);
/** Guest memory or the queue's registers have changed (vmmp_virtqueue_move()); or it is broken. */
void vmmp_virtio_queue_moved(struct vmmp_virtio_device *dev, unsigned queue);
/** The driver kicks; any number is allowed, those of no queue are logged and ignored. */
void vmmp_virtio_kick(struct vmmp_virtio_device *dev, unsigned queue);

/** Device configuration, `size` up to 8 bytes at any offset. */
uint64_t vmmp_virtio_config_read(struct vmmp_virtio_device *dev, uint32_t offset, unsigned size);
void vmmp_virtio_config_write(struct vmmp_virtio_device *dev, uint32_t offset, unsigned size,
                              uint64_t value);
/** Changes whenever configuration did since the driver last looked (2.5.1). */
uint8_t vmmp_virtio_config_generation(struct vmmp_virtio_device *dev);

/** Reads and clears ISR (PCI), which lowers the line. */
uint8_t vmmp_virtio_isr_take(struct vmmp_virtio_device *dev);
/** Clears the given bits of ISR (MMIO). */
void vmmp_virtio_isr_clear(struct vmmp_virtio_device *dev, uint8_t bits);

/** Something the driver must not do but that harms only itself: a rate-limited log line. */
void vmmp_virtio_misuse(struct vmmp_virtio_device *dev, const char *what, uint32_t value);

#ifdef __cplusplus
}
#endif
