/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's side of virtio: a driver for split and packed rings that a test plays, over any
 * transport. A test runs on packed ones if it sets `rings` and the device offers them.
 *
 *     virtio_driver_init(&driver, &virtio_driver_pci_modern, &pci, &memory, RAM, RAM_SIZE);
 *     virtio_driver_start(&driver, ~UINT64_C(0), 2);
 *     struct virtio_driver_buffer out = { gpa, 5, false };
 *     virtio_driver_add(&driver, 1, &out, 1);
 *     virtio_driver_kick(&driver, 1);
 *     assert_true(virtio_driver_used(&driver, 1, &head, &len));
 *
 * It behaves unless it is told otherwise; rings are at hand for tests that do not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define VIRTIO_DRIVER_QUEUES 16
#define VIRTIO_DRIVER_IDS    1024 /* Most entries of a packed ring. */

/** How a driver reaches its device. */
struct virtio_driver_transport {
    bool legacy;
    uint8_t (*status)(void *device);
    void (*set_status)(void *device, uint8_t status);
    uint64_t (*features)(void *device);
    void (*set_features)(void *device, uint64_t features);
    uint32_t (*queue_size)(void *device, unsigned queue);
    /** Sets the queue up and enables it. Legacy: only `desc` is told, the layout is given. */
    void (*set_queue)(void *device, unsigned queue, uint32_t size, uint64_t desc, uint64_t avail,
                      uint64_t used);
    void (*kick)(void *device, unsigned queue);
    uint8_t (*isr)(void *device);
    uint64_t (*config_read)(void *device, uint32_t offset, unsigned size);
    void (*config_write)(void *device, uint32_t offset, unsigned size, uint64_t value);
};

/** `device` is a struct vmmp_virtio_pci. */
extern const struct virtio_driver_transport virtio_driver_pci_modern;
extern const struct virtio_driver_transport virtio_driver_pci_legacy;
/** `device` is a struct vmmp_virtio_mmio. */
extern const struct virtio_driver_transport virtio_driver_mmio;

struct virtio_driver_buffer {
    uint64_t gpa;
    uint32_t len;
    bool writable;
};

/** A packed ring. Positions are entries; `entries` of a buffer id is 0 if the id is free. */
struct virtio_driver_packed {
    struct virtq_packed_desc *ring;
    struct virtq_packed_event *driver_event;
    struct virtq_packed_event *device_event;
    uint32_t next; /* Where the next descriptor goes. */
    bool wrap;
    uint32_t used; /* Where the next used one is. */
    bool used_wrap;
    uint32_t unkicked; /* Entries added since a kick was last considered. */
    uint32_t free;
    uint16_t next_id;
    uint16_t entries[VIRTIO_DRIVER_IDS];
    struct virtq_desc first[VIRTIO_DRIVER_IDS];
};

/** With VIRTIO_F_IN_ORDER: buffers that have not come back, in their order. */
struct virtio_driver_fifo {
    struct {
        uint32_t id;
        uint32_t writable;
    } buffers[VIRTIO_DRIVER_IDS];
    uint32_t head;
    uint32_t tail;
    bool batch; /* The device has used all up to `last`. */
    uint32_t last;
    uint32_t last_len;
};

/**
 * The three areas have one address each, whatever kind of ring it is. A packed one has no `avail`
 * and no `used`; its `desc` is a copy of the first descriptor of each buffer, by its id.
 */
struct virtio_driver_queue {
    uint32_t size;
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    uint64_t desc_gpa;
    uint64_t avail_gpa;
    uint64_t used_gpa;
    uint16_t next_desc;  /* Descriptors are handed out in turn. */
    uint16_t avail_idx;  /* Buffers made available; of packed rings too. */
    uint16_t kicked_idx; /* avail_idx when a kick was last considered. */
    uint16_t last_used;  /* Used buffers taken; of packed rings too. */
    struct virtio_driver_packed packed;
    struct virtio_driver_fifo fifo;
};

struct virtio_driver {
    const struct virtio_driver_transport *transport;
    void *device;
    struct vmmp_guest_memory *memory;
    uint64_t next_gpa;    /* Guest memory is handed out from here on, */
    uint64_t end_gpa;     /* up to here. */
    uint64_t features;    /* Negotiated. */
    uint32_t queue_limit; /* Modern: use at most this queue size; 0: the device's. */
    /* Those of VIRTIO_F_RING_PACKED and VIRTIO_F_IN_ORDER that the test is made for; otherwise they
       are never negotiated. */
    uint64_t rings;
    /* The device has to offer VIRTIO_F_IN_ORDER and to keep to it, whether it is negotiated or not:
       every used buffer is the one that was added first of those that have not come back. */
    bool ordered;
    struct virtio_driver_queue queues[VIRTIO_DRIVER_QUEUES];
};

/** `gpa` is where `size` bytes of RAM may be used for rings and buffers. */
void virtio_driver_init(struct virtio_driver *driver,
                        const struct virtio_driver_transport *transport, void *device,
                        struct vmmp_guest_memory *memory, uint64_t gpa, uint64_t size);

/** Zeroed guest memory; the test fails if there is none left. */
uint64_t virtio_driver_alloc(struct virtio_driver *driver, uint64_t size, uint64_t align);
/** Host pointer to guest memory; the test fails if it is none. */
void *virtio_driver_at(const struct virtio_driver *driver, uint64_t gpa, size_t len);

/**
 * Initialises the device as 3.1.1 (or 3.1.2) says, with `queues` queues and those of `wanted`
 * features that it offers. False if it refused FEATURES_OK.
 */
bool virtio_driver_start(struct virtio_driver *driver, uint64_t wanted, unsigned queues);
/** The same in steps, for tests that stop between: reset to FEATURES_OK; queues; DRIVER_OK. */
bool virtio_driver_negotiate(struct virtio_driver *driver, uint64_t wanted);
void virtio_driver_set_up_queue(struct virtio_driver *driver, unsigned queue);
void virtio_driver_ready(struct virtio_driver *driver);
/** Writes 0 to the status register. */
void virtio_driver_reset(struct virtio_driver *driver);

bool virtio_driver_has(const struct virtio_driver *driver, unsigned feature);
/**
 * Prepares the rings of a queue whose size is set, in zeroed memory that it takes; tells no
 * device. virtio_driver_set_up_queue() has done it.
 */
void virtio_driver_place_rings(struct virtio_driver *driver, struct virtio_driver_queue *queue);

/** Writes one descriptor. */
void virtio_driver_put(struct virtq_desc *desc, uint64_t gpa, uint32_t len, unsigned flags,
                       unsigned next);
/** Writes one descriptor of a packed ring or of an indirect table of one, flags last. */
void virtio_driver_put_packed(struct virtq_packed_desc *desc, uint64_t gpa, uint32_t len,
                              unsigned id, unsigned flags);
/** AVAIL and USED of an entry that is made available with this wrap counter. */
unsigned virtio_driver_available(bool wrap);

/** Adds a chain and shows it; returns its head or, of a packed ring, its buffer id. */
uint16_t virtio_driver_add(struct virtio_driver *driver, unsigned queue,
                           const struct virtio_driver_buffer *buffers, unsigned count);
/** The same through an indirect table (VIRTIO_F_INDIRECT_DESC). */
uint16_t virtio_driver_add_indirect(struct virtio_driver *driver, unsigned queue,
                                    const struct virtio_driver_buffer *buffers, unsigned count);
/** Split: adds `head` without touching descriptors. */
void virtio_driver_offer(struct virtio_driver *driver, unsigned queue, uint16_t head);

/** Kicks if the device wants it (2.7.10, 2.8.10); returns whether it did. */
bool virtio_driver_kick(struct virtio_driver *driver, unsigned queue);

/** Takes the next used buffer; false if there is none. */
bool virtio_driver_used(struct virtio_driver *driver, unsigned queue, uint32_t *id, uint32_t *len);
/**
 * With EVENT_IDX: interrupt when `event` is passed, of a packed ring an entry and its wrap counter
 * in the topmost bit. Without: whether to interrupt at all.
 */
void virtio_driver_set_used_event(struct virtio_driver *driver, unsigned queue, uint16_t event);
void virtio_driver_set_no_interrupt(struct virtio_driver *driver, unsigned queue, bool off);
