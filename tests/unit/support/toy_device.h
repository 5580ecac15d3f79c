/* SPDX-License-Identifier: BSD-2-Clause */
/* A device with no purpose but the core's rules, and the guest's side of it. */
#pragma once

#include "support/virtio_rig.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define INDIRECT  BIT(VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX BIT(VIRTIO_F_EVENT_IDX)
#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define PACKED    BIT(VIRTIO_F_RING_PACKED)
#define FEATURE_A BIT(3)
#define FEATURE_B BIT(5) /* Needs A. */

#define QUEUES 3

/* Queue 0 and 1 are answered at once; queue 2 keeps what it gets until it is told. */
struct toy {
    struct vmmp_virtio_device virtio;
    struct vmmp_virtio_queue queues[QUEUES];
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(16)];
    uint8_t config[6];
    unsigned processed[QUEUES];
    unsigned driver_oks;
    unsigned resets;
    unsigned queue_resets;
    bool slow_reset;
    bool idle; /* Leaves everything where it is. */
    struct vmmp_virtqueue_token kept[16];
    unsigned kept_count;
    void (*inside)(struct toy *toy, unsigned queue); /* Called for every chain. */
    void (*after)(struct toy *toy, unsigned queue);  /* Called when there was none. */
};

struct toy_bench {
    struct virtio_rig rig;
    struct toy toy;
    struct virtio_driver driver;
    uint64_t buffer;
    uint64_t ring; /* Features of rings that the driver wants as well. */
};

extern const struct vmmp_virtio_ops toy_ops;
extern const uint16_t toy_sizes[QUEUES];

/** Fixtures of cmocka's: a modern PCI function on a host that defers, unless they say otherwise. */
int toy_setup(void **state);
int toy_setup_mmio(void **state);
int toy_setup_no_defer(void **state);
int toy_setup_packed(void **state);
int toy_setup_packed_no_defer(void **state); /* And with EVENT_IDX. */
int toy_setup_legacy(void **state);
int toy_teardown(void **state);
void toy_make(struct toy_bench *bench, bool defers, bool pulse,
              const struct virtio_driver_transport *transport);
void toy_unmake(struct toy_bench *bench);

void toy_enter(struct toy_bench *bench);
void toy_leave(struct toy_bench *bench);
bool toy_negotiate(struct toy_bench *bench, uint64_t features);
bool toy_start(struct toy_bench *bench, uint64_t features, unsigned queues);
uint8_t toy_status(struct toy_bench *bench);
void toy_set_status(struct toy_bench *bench, uint8_t value);
/** Makes `count` buffers of 64 bytes available. */
void toy_add(struct toy_bench *bench, unsigned queue, unsigned count);
/** Entries of the used ring since the last call. */
unsigned toy_used(struct toy_bench *bench, unsigned queue);
/** Reads ISR, as a driver's interrupt handler does. */
uint8_t toy_isr(struct toy_bench *bench);
void toy_kick(struct toy_bench *bench, unsigned queue);
