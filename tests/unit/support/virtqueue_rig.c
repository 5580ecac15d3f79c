/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/virtqueue_rig.h"

#include "vmmp_test.h"

/* The areas stay where they are, also where a test has put them. */
static void zero_rings(struct virtio_driver_queue *queue, uint32_t size, bool packed)
{
    struct virtio_driver_queue old = *queue;

    memset(queue, 0, sizeof(*queue));
    queue->size = size;
    queue->desc_gpa = old.desc_gpa;
    queue->avail_gpa = old.avail_gpa;
    queue->used_gpa = old.used_gpa;
    if (packed) {
        queue->desc = (struct virtq_desc *)(void *)queue->packed.first;
        queue->packed.ring = old.packed.ring;
        queue->packed.driver_event = old.packed.driver_event;
        queue->packed.device_event = old.packed.device_event;
        queue->packed.wrap = true;
        queue->packed.used_wrap = true;
        queue->packed.free = size;
        memset(old.packed.ring, 0, virtq_packed_desc_bytes(size));
        memset(old.packed.driver_event, 0, sizeof(*old.packed.driver_event));
        memset(old.packed.device_event, 0, sizeof(*old.packed.device_event));
    } else {
        queue->desc = old.desc;
        queue->avail = old.avail;
        queue->used = old.used;
        memset(old.desc, 0, virtq_desc_bytes(size));
        memset(old.avail, 0, virtq_avail_bytes(size));
        memset(old.used, 0, virtq_used_bytes(size));
    }
}

void virtqueue_rig_restart(struct virtqueue_rig *rig)
{
    zero_rings(&rig->driver.queues[0], rig->config.size,
               virtio_driver_has(&rig->driver, VIRTIO_F_RING_PACKED));
    assert_true(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &rig->config));
    assert_null(vmmp_virtqueue_error(&rig->vq));
}

void virtqueue_rig_init(struct virtqueue_rig *rig, uint32_t size, uint64_t features)
{
    struct virtio_driver *driver = &rig->driver;
    struct virtio_driver_queue *queue = &driver->queues[0];

    memset(rig, 0, sizeof(*rig));
    rig->ram = calloc(1, RIG_RAM_SIZE);
    assert_non_null(rig->ram);
    vmmp_guest_memory_init(&rig->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&rig->memory, vmmp_gpa(RIG_RAM), RIG_RAM_SIZE, rig->ram),
                     0);
    virtio_driver_init(driver, NULL, NULL, &rig->memory, RIG_RAM, RIG_RAM_SIZE);
    driver->features = features;
    queue->size = size;
    virtio_driver_place_rings(driver, queue);
    rig->config =
        (struct vmmp_virtqueue_config){ size, vmmp_gpa(queue->desc_gpa), vmmp_gpa(queue->avail_gpa),
                                        vmmp_gpa(queue->used_gpa), features };
    rig->chain.iov = rig->iov;
    rig->chain.capacity = RIG_IOVECS;
    virtqueue_rig_restart(rig);
}

void virtqueue_rig_fini(struct virtqueue_rig *rig)
{
    vmmp_virtqueue_disable(&rig->vq);
    free(rig->ram);
}
