/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/virtio_doorbell.h"

#include <stddef.h>

static void ring(struct vmmp_doorbell *doorbell)
{
    struct vmmp_virtio_device *dev = doorbell->cookie;
    const char *base = (const char *)dev->queues;
    size_t offset = (size_t)((const char *)doorbell - base);
    vmmp_virtio_kick(dev, (unsigned)(offset / sizeof(dev->queues[0])));
}

static bool is_at(const struct vmmp_doorbell *doorbell, const struct virtio_doorbell_place *place)
{
    return place && doorbell->address == place->address && doorbell->port == place->port &&
           doorbell->size == place->size;
}

void vmmp_virtio_doorbell_set(struct vmmp_virtio_device *dev, unsigned queue,
                              const struct vmmp_doorbells *doorbells,
                              const struct virtio_doorbell_place *place)
{
    struct vmmp_doorbell *doorbell = &dev->queues[queue].doorbell;
    if (!doorbells->ops || dev->kicks_are_waited_for ||
        (doorbell->added && is_at(doorbell, place))) {
        return;
    }
    bool rung = false;
    if (doorbell->added) {
        rung = doorbells->ops->remove(doorbells->cookie, doorbell);
        doorbell->added = false;
    }
    if (place) {
        *doorbell = (struct vmmp_doorbell){
            .address = place->address,
            .port = place->port,
            .size = place->size,
            .match = place->match,
            .value = queue,
            .ring = ring,
            .cookie = dev,
            .context = &dev->context,
        };
        doorbell->added = doorbells->ops->add(doorbells->cookie, doorbell) == 0;
    }
    if (rung) {
        vmmp_virtio_kick(dev, queue);
    }
}
