/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile cases of each file. */
#pragma once

#include <sel4vmmplatsupport/vmmp/testing/virtio_hostile.h>

#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define HOSTILE_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline struct vmmp_virtio_driver_queue *
hostile_queue(const struct vmmp_virtio_hostile *hostile)
{
    return &hostile->driver->queues[hostile->queue];
}

static inline uint8_t hostile_status(const struct vmmp_virtio_hostile *hostile)
{
    return hostile->driver->transport->status(hostile->driver->device);
}

static inline bool hostile_packed(const struct vmmp_virtio_hostile *hostile)
{
    return vmmp_virtio_driver_has(hostile->driver, VIRTIO_F_RING_PACKED);
}

/* Functions `play`; the rows that name them are in virtio_hostile.c. */
#define HOSTILE_PLAY(name) \
    const char *vmmp_hostile_##name(struct vmmp_virtio_hostile *hostile, const void *what)

/* virtio_hostile_ring.c */
HOSTILE_PLAY(chain);
HOSTILE_PLAY(index_jump);
HOSTILE_PLAY(head);
HOSTILE_PLAY(whole_ring);
HOSTILE_PLAY(same_head);
HOSTILE_PLAY(junk_ring);
HOSTILE_PLAY(junk_events);
HOSTILE_PLAY(long_chains);
HOSTILE_PLAY(unavailable_rest);
HOSTILE_PLAY(other_lap);
HOSTILE_PLAY(any_id);
HOSTILE_PLAY(large_table);
HOSTILE_PLAY(ring_as_buffer);

/* virtio_hostile_state.c */
HOSTILE_PLAY(kick_before_ok);
HOSTILE_PLAY(kick_after_failed);
HOSTILE_PLAY(kick_after_reset);
HOSTILE_PLAY(kick_any_queue);
HOSTILE_PLAY(unknown_features);
HOSTILE_PLAY(late_features);
HOSTILE_PLAY(cleared_status);
HOSTILE_PLAY(no_features_ok);
HOSTILE_PLAY(claimed_needs_reset);
HOSTILE_PLAY(many_resets);
HOSTILE_PLAY(no_queues);
HOSTILE_PLAY(bad_address);
HOSTILE_PLAY(every_status);
HOSTILE_PLAY(configuration);

/* virtio_hostile_registers.c */
HOSTILE_PLAY(every_register);
HOSTILE_PLAY(frozen_queue);
HOSTILE_PLAY(missing_queue);
HOSTILE_PLAY(bad_size);
HOSTILE_PLAY(read_only_registers);
HOSTILE_PLAY(odd_accesses);
HOSTILE_PLAY(function_configuration);
HOSTILE_PLAY(access_capability);
HOSTILE_PLAY(vectors);
