/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the core (virtio.c: the device, virtio_queue.c: its queues) share. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#include "virtio/virtio_spec.h"

/* vmmp_virtio_live(), for whoever asks for every chain. */
static inline bool virtio_live(const struct vmmp_virtio_device *dev)
{
    const unsigned bits =
        VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED;
    return (dev->status & bits) == VIRTIO_STATUS_DRIVER_OK && !dev->resetting;
}

/* Stops the queue and gives its registers their reset values. */
void vmmp_virtio_clear_queue(struct vmmp_virtio_queue *queue);

/* Tells the transport that the queue works now, or no longer. */
void vmmp_virtio_queue_changed(struct vmmp_virtio_device *dev, unsigned index);

/* Sets ISR and has the transport interrupt the driver. */
void vmmp_virtio_interrupt(struct vmmp_virtio_device *dev, int queue);

/* Has the device work on the queue, if it is live and the queue enabled. */
void vmmp_virtio_run_queue(struct vmmp_virtio_device *dev, unsigned index);

/* The device's work item. */
void vmmp_virtio_run_deferred(void *cookie);

/* Takes the features into account that became final after the PFN was written. */
void vmmp_virtio_restart_legacy_queues(struct vmmp_virtio_device *dev);
