/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/virtqueue_rig.h"

#include "vmmp_test.h"

void virtqueue_rig_restart(struct virtqueue_rig *rig)
{
    struct virtio_driver_queue *queue = &rig->driver.queues[0];
    uint32_t size = rig->config.size;

    queue->next_desc = 0;
    queue->avail_idx = 0;
    queue->kicked_idx = 0;
    queue->last_used = 0;
    memset(queue->desc, 0, virtq_desc_bytes(size));
    memset(queue->avail, 0, virtq_avail_bytes(size));
    memset(queue->used, 0, virtq_used_bytes(size));
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
    queue->desc_gpa = virtio_driver_alloc(driver, virtq_desc_bytes(size), VIRTQ_DESC_ALIGN);
    queue->avail_gpa = virtio_driver_alloc(driver, virtq_avail_bytes(size), VIRTQ_AVAIL_ALIGN);
    queue->used_gpa = virtio_driver_alloc(driver, virtq_used_bytes(size), VIRTQ_USED_ALIGN);
    queue->desc = virtio_driver_at(driver, queue->desc_gpa, virtq_desc_bytes(size));
    queue->avail = virtio_driver_at(driver, queue->avail_gpa, virtq_avail_bytes(size));
    queue->used = virtio_driver_at(driver, queue->used_gpa, virtq_used_bytes(size));
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
