/* SPDX-License-Identifier: BSD-2-Clause */
/* A packed ring and a driver that keeps to the rules. */
#pragma once

#include "support/virtqueue_rig.h"
#include "vmmp_test.h"

#define INDIRECT  (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define PACKED    (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define IN_ORDER  (UINT64_C(1) << VIRTIO_F_IN_ORDER)
#define BUFFER    (RIG_RAM + 0x8000)

static const uint32_t packed_sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 100, 256 };
#define PACKED_SIZES (sizeof(packed_sizes) / sizeof(packed_sizes[0]))

static inline int packed_setup(void **state)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    virtqueue_rig_init(rig, 8, PACKED);
    *state = rig;
    return 0;
}

static inline int packed_teardown(void **state)
{
    virtqueue_rig_fini(*state);
    free(*state);
    return 0;
}

static inline void packed_remake(struct virtqueue_rig *rig, uint32_t size, uint64_t features)
{
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, size, features);
}

static const struct virtio_driver_buffer packed_one = { BUFFER, 8, true };

static inline void packed_add(struct virtqueue_rig *rig, unsigned entries)
{
    struct virtio_driver_buffer buffers[16];
    for (unsigned i = 0; i < entries; i++) {
        buffers[i] = packed_one;
    }
    virtio_driver_add(&rig->driver, 0, buffers, entries);
}

static inline void packed_pop_and_push(struct virtqueue_rig *rig)
{
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 8);
}

static inline unsigned packed_collect(struct virtqueue_rig *rig)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&rig->driver, 0, &id, &len)) {
        count++;
    }
    return count;
}

/* Moves the ring on by `entries`. */
static inline void packed_advance(struct virtqueue_rig *rig, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        packed_add(rig, 1);
        packed_pop_and_push(rig);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(packed_collect(rig), 1);
    }
    rig->driver.queues[0].packed.unkicked = 0;
}

static inline uint32_t packed_random_below(uint32_t *seed, uint32_t limit)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % limit;
}
