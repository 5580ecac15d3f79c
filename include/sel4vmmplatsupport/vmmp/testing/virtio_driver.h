/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's side of virtio, for tests: a driver for split and packed rings and indirect tables
 * that a test plays against a device through the device's register window. Nothing is executed and
 * no VM is needed, so a test takes microseconds and runs under any sanitizer.
 *
 *     vmmp_virtio_driver_init(&driver, &vmmp_virtio_driver_pci_modern, &pci.modern, &memory,
 *                             RAM, RAM_SIZE);
 *     vmmp_virtio_driver_start(&driver, UINT64_MAX, 2);
 *     struct vmmp_virtio_driver_buffer out = { gpa, 5, false };
 *     vmmp_virtio_driver_add(&driver, 1, &out, 1);
 *     vmmp_virtio_driver_kick(&driver, 1);
 *     vmmp_virtio_driver_used(&driver, 1, &head, &len);
 *
 * It behaves unless it is told otherwise. What a driver must not do is done with
 * vmmp_virtio_driver_write(), _set_index(), _at() and the functions of `transport`;
 * vmmp/testing/virtio_hostile.h has a table of it. The window may also be one that has a vCPU of
 * the scripted engine perform each access (script_window_init() in hosted/script.h).
 *
 * A library of its own, vmmp_testing-FLAVOUR: a VMM does not link it. Sections are those of OASIS
 * virtio 1.2.
 *
 * Ownership: the driver is the caller's, a plain struct of some 420 KiB; nothing is allocated.
 * Threads: one thread at a time. Errors: what can only be a mistake of the test's or of the
 * device's ends in `fail`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VIRTIO_DRIVER_QUEUES 16
#define VMMP_VIRTIO_DRIVER_IDS    1024 /**< Most entries of a packed ring. */

/** Flags of descriptors (2.7.5, 2.8.1); the last two of packed rings. */
enum vmmp_virtio_driver_flag {
    VMMP_VIRTIO_DRIVER_NEXT = 0x1,
    VMMP_VIRTIO_DRIVER_WRITABLE = 0x2,
    VMMP_VIRTIO_DRIVER_INDIRECT = 0x4,
    VMMP_VIRTIO_DRIVER_AVAIL = 0x80,
    VMMP_VIRTIO_DRIVER_USED = 0x8000,
};

/** How a driver reaches its device: what it does with the registers in a window. */
struct vmmp_virtio_driver_transport {
    bool legacy;
    uint8_t (*status)(struct vmmp_window *window);
    void (*set_status)(struct vmmp_window *window, uint8_t status);
    uint64_t (*features)(struct vmmp_window *window);
    void (*set_features)(struct vmmp_window *window, uint64_t features);
    uint32_t (*queue_size)(struct vmmp_window *window, unsigned queue);
    /** Sets the queue up and enables it. Legacy: only `desc` is told, the layout is given. */
    void (*set_queue)(struct vmmp_window *window, unsigned queue, uint32_t size, uint64_t desc,
                      uint64_t avail, uint64_t used);
    void (*kick)(struct vmmp_window *window, unsigned queue);
    /** Reads and acknowledges. */
    uint8_t (*isr)(struct vmmp_window *window);
    /** Device configuration. */
    uint64_t (*config_read)(struct vmmp_window *window, uint32_t offset, unsigned size);
    void (*config_write)(struct vmmp_window *window, uint32_t offset, unsigned size,
                         uint64_t value);
};

/** For the window `modern` of a struct vmmp_virtio_pci (4.1.4). */
extern const struct vmmp_virtio_driver_transport vmmp_virtio_driver_pci_modern;
/** For its window `legacy`, while MSI-X is disabled (4.1.4.10). */
extern const struct vmmp_virtio_driver_transport vmmp_virtio_driver_pci_legacy;
/** For the window of a struct vmmp_virtio_mmio (4.2). */
extern const struct vmmp_virtio_driver_transport vmmp_virtio_driver_mmio;

struct vmmp_virtio_driver_buffer {
    uint64_t gpa;
    uint32_t len;
    bool writable; /**< By the device. */
};

/* What rings consist of (2.7, 2.8); vmmp_virtio_driver_write() fills them in. */
struct virtq_desc;
struct virtq_avail;
struct virtq_used;
struct virtq_packed_desc;
struct virtq_packed_event;

/** A packed ring. Positions are entries; `entries` of a buffer id is 0 if the id is free. */
struct vmmp_virtio_driver_packed {
    struct virtq_packed_desc *ring;
    struct virtq_packed_event *driver_event;
    struct virtq_packed_event *device_event;
    uint32_t next; /**< Where the next descriptor goes. */
    bool wrap;
    uint32_t used; /**< Where the next used one is. */
    bool used_wrap;
    uint32_t unkicked; /**< Entries added since a kick was last considered. */
    uint32_t free;
    uint16_t next_id;
    uint16_t entries[VMMP_VIRTIO_DRIVER_IDS];
    unsigned char first[VMMP_VIRTIO_DRIVER_IDS][16]; /**< Struct virtq_desc. */
};

/** With VIRTIO_F_IN_ORDER: buffers that have not come back, in their order. */
struct vmmp_virtio_driver_fifo {
    struct {
        uint32_t id;
        uint32_t writable;
    } buffers[VMMP_VIRTIO_DRIVER_IDS];
    uint32_t head;
    uint32_t tail;
    bool batch; /**< The device has used all up to `last`. */
    uint32_t last;
    uint32_t last_len;
};

/**
 * The three areas have one address each, whatever kind of ring it is. A packed one has no `avail`
 * and no `used`; its `desc` is a copy of the first descriptor of each buffer, by its id.
 */
struct vmmp_virtio_driver_queue {
    uint32_t size;
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    uint64_t desc_gpa;
    uint64_t avail_gpa;  /**< Packed: of the driver's event suppression structure. */
    uint64_t used_gpa;   /**< Packed: of the device's. */
    uint16_t next_desc;  /**< Descriptors are handed out in turn. */
    uint16_t avail_idx;  /**< Buffers made available; of packed rings too. */
    uint16_t kicked_idx; /**< avail_idx when a kick was last considered. */
    uint16_t last_used;  /**< Used buffers taken; of packed rings too. */
    struct vmmp_virtio_driver_packed packed;
    struct vmmp_virtio_driver_fifo fifo;
};

struct vmmp_virtio_driver {
    const struct vmmp_virtio_driver_transport *transport;
    struct vmmp_window *device; /**< What `transport` takes. */
    struct vmmp_guest_memory *memory;
    uint64_t next_gpa;    /**< Guest memory is handed out from here on, */
    uint64_t end_gpa;     /**< up to here. */
    uint64_t features;    /**< Negotiated. */
    uint32_t queue_limit; /**< Modern: use at most this queue size; 0: the device's. */
    /**
     * Those of VIRTIO_F_RING_PACKED (34) and VIRTIO_F_IN_ORDER (35) that the test is made for, as
     * bits; otherwise they are never negotiated.
     */
    uint64_t rings;
    /**
     * The device has to offer VIRTIO_F_IN_ORDER and to keep to it, whether it is negotiated or not:
     * every used buffer is the one that was added first of those that have not come back.
     */
    bool ordered;
    /**
     * Packed: the buffer id is in every descriptor of a chain, as Linux has it. Otherwise it is in
     * the last one only, the one that counts (2.8.6), and something else in the others.
     */
    bool ids_everywhere;
    /** Ends the test; does not return. NULL: a line on the error stream and abort(). */
    void (*fail)(const char *what);
    struct vmmp_virtio_driver_queue queues[VMMP_VIRTIO_DRIVER_QUEUES];
};

/**
 * `device` is the window that `transport` is for. From `gpa` on, `size` bytes of RAM may be used
 * for rings and buffers. All that is pointed to outlives the driver.
 */
void vmmp_virtio_driver_init(struct vmmp_virtio_driver *driver,
                             const struct vmmp_virtio_driver_transport *transport,
                             struct vmmp_window *device, struct vmmp_guest_memory *memory,
                             uint64_t gpa, uint64_t size);
/** Calls `fail`, or does what its absence stands for. Does not return. */
void vmmp_virtio_driver_fail(const struct vmmp_virtio_driver *driver, const char *what);

/** Zeroed guest memory; fails if there is none left. */
uint64_t vmmp_virtio_driver_alloc(struct vmmp_virtio_driver *driver, uint64_t size, uint64_t align);
/** Host pointer to guest memory; fails if it is none. */
void *vmmp_virtio_driver_at(const struct vmmp_virtio_driver *driver, uint64_t gpa, size_t len);

/**
 * Initialises the device as 3.1.1 (or 3.1.2) says, with `queues` queues and those of `wanted`
 * features that it offers. False if it refused FEATURES_OK.
 */
bool vmmp_virtio_driver_start(struct vmmp_virtio_driver *driver, uint64_t wanted, unsigned queues);
/** The same in steps, for tests that stop between: reset to FEATURES_OK; queues; DRIVER_OK. */
bool vmmp_virtio_driver_negotiate(struct vmmp_virtio_driver *driver, uint64_t wanted);
void vmmp_virtio_driver_set_up_queue(struct vmmp_virtio_driver *driver, unsigned queue);
void vmmp_virtio_driver_ready(struct vmmp_virtio_driver *driver);
/** Writes 0 to the status register. */
void vmmp_virtio_driver_reset(struct vmmp_virtio_driver *driver);

/** Whether a feature bit is negotiated. */
bool vmmp_virtio_driver_has(const struct vmmp_virtio_driver *driver, unsigned feature);
/**
 * Prepares the rings of a queue whose size is set, in zeroed memory that it takes; tells no
 * device. vmmp_virtio_driver_set_up_queue() has done it.
 */
void vmmp_virtio_driver_place_rings(struct vmmp_virtio_driver *driver,
                                    struct vmmp_virtio_driver_queue *queue);

/** Adds a chain and shows it; returns its head or, of a packed ring, its buffer id. */
uint16_t vmmp_virtio_driver_add(struct vmmp_virtio_driver *driver, unsigned queue,
                                const struct vmmp_virtio_driver_buffer *buffers, unsigned count);
/** The same through an indirect table (VIRTIO_F_INDIRECT_DESC, 28). */
uint16_t vmmp_virtio_driver_add_indirect(struct vmmp_virtio_driver *driver, unsigned queue,
                                         const struct vmmp_virtio_driver_buffer *buffers,
                                         unsigned count);

/** Kicks if the device wants it (2.7.10, 2.8.10); returns whether it did. */
bool vmmp_virtio_driver_kick(struct vmmp_virtio_driver *driver, unsigned queue);

/** Takes the next used buffer; false if there is none. */
bool vmmp_virtio_driver_used(struct vmmp_virtio_driver *driver, unsigned queue, uint32_t *id,
                             uint32_t *len);
/**
 * With EVENT_IDX: interrupt when `event` is passed, of a packed ring an entry and its wrap counter
 * in the topmost bit. Without: whether to interrupt at all.
 */
void vmmp_virtio_driver_set_used_event(struct vmmp_virtio_driver *driver, unsigned queue,
                                       uint16_t event);
void vmmp_virtio_driver_set_no_interrupt(struct vmmp_virtio_driver *driver, unsigned queue,
                                         bool off);

/* ---- For drivers that do not behave ---- */

/**
 * Writes entry `at` of a queue's descriptor table or packed ring, flags last: anything. `next` is
 * the buffer id of a packed one. Nothing is made available of a split ring.
 */
void vmmp_virtio_driver_write(struct vmmp_virtio_driver *driver, unsigned queue, uint32_t at,
                              uint64_t gpa, uint32_t len, unsigned flags, unsigned next);
/** AVAIL and USED of an entry of a packed ring that is available at this wrap counter. */
unsigned vmmp_virtio_driver_available(bool wrap);
/** Split: adds `head`, any number, without touching descriptors. */
void vmmp_virtio_driver_offer(struct vmmp_virtio_driver *driver, unsigned queue, uint16_t head);
/** Split: the available index becomes `value`, any number. */
void vmmp_virtio_driver_set_index(struct vmmp_virtio_driver *driver, unsigned queue,
                                  uint16_t value);

/** Fill in one descriptor wherever it is: of a split ring or its indirect table, */
void vmmp_virtio_driver_put(struct virtq_desc *desc, uint64_t gpa, uint32_t len, unsigned flags,
                            unsigned next);
/** of a packed ring or its indirect table, flags last. */
void vmmp_virtio_driver_put_packed(struct virtq_packed_desc *desc, uint64_t gpa, uint32_t len,
                                   unsigned id, unsigned flags);

#ifdef __cplusplus
}
#endif
