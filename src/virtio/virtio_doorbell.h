/* SPDX-License-Identifier: BSD-2-Clause */
/* The doorbell of a queue, for transports. */
#pragma once

#include <sel4vmmplatsupport/vmmp/doorbell.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>

/* Where a transport takes the notifications of one queue. */
struct virtio_doorbell_place {
    uint64_t address;
    bool port;
    unsigned size;
    bool match; /* The value written is the queue's number. */
};

/*
 * Makes the queue's doorbell be at `place`, NULL: nowhere. A ring that was taken at the place it
 * leaves is not lost: the queue is kicked.
 */
void vmmp_virtio_doorbell_set(struct vmmp_virtio_device *dev, unsigned queue,
                              const struct vmmp_doorbells *doorbells,
                              const struct virtio_doorbell_place *place);
