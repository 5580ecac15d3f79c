/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/virtio_driver.h"

#include <string.h>

#include "vmmp_test.h"

#include "virtio/virtio_spec.h"

void virtio_driver_init(struct virtio_driver *driver,
                        const struct virtio_driver_transport *transport, void *device,
                        struct vmmp_guest_memory *memory, uint64_t gpa, uint64_t size)
{
    memset(driver, 0, sizeof(*driver));
    driver->transport = transport;
    driver->device = device;
    driver->memory = memory;
    driver->next_gpa = gpa;
    driver->end_gpa = gpa + size;
}

void *virtio_driver_at(const struct virtio_driver *driver, uint64_t gpa, size_t len)
{
    void *host = vmmp_guest_memory_span(driver->memory, vmmp_gpa(gpa), len);
    assert_non_null(host);
    return host;
}

uint64_t virtio_driver_alloc(struct virtio_driver *driver, uint64_t size, uint64_t align)
{
    uint64_t gpa = (driver->next_gpa + align - 1) / align * align;
    assert_true(gpa + size <= driver->end_gpa);
    driver->next_gpa = gpa + size;
    memset(virtio_driver_at(driver, gpa, (size_t)size), 0, (size_t)size);
    return gpa;
}

/* ---- Initialisation ---- */

static void add_status(struct virtio_driver *driver, uint8_t bits)
{
    const struct virtio_driver_transport *transport = driver->transport;
    transport->set_status(driver->device, transport->status(driver->device) | bits);
}

void virtio_driver_reset(struct virtio_driver *driver)
{
    driver->transport->set_status(driver->device, 0);
}

bool virtio_driver_negotiate(struct virtio_driver *driver, uint64_t wanted)
{
    const struct virtio_driver_transport *transport = driver->transport;
    virtio_driver_reset(driver);
    assert_int_equal(transport->status(driver->device), 0);
    add_status(driver, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(driver, VIRTIO_STATUS_DRIVER);
    driver->features = transport->features(driver->device) & wanted;
    transport->set_features(driver->device, driver->features);
    if (transport->legacy) {
        return true;
    }
    add_status(driver, VIRTIO_STATUS_FEATURES_OK);
    return (transport->status(driver->device) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

void virtio_driver_set_up_queue(struct virtio_driver *driver, unsigned index)
{
    const struct virtio_driver_transport *transport = driver->transport;
    assert_true(index < VIRTIO_DRIVER_QUEUES);
    struct virtio_driver_queue *queue = &driver->queues[index];
    memset(queue, 0, sizeof(*queue));
    uint32_t size = transport->queue_size(driver->device, index);
    if (!transport->legacy && driver->queue_limit && driver->queue_limit < size) {
        size = driver->queue_limit;
    }
    assert_true(size > 0);
    /* The legacy layout (2.7.2) does for both. */
    size_t to_used = (virtq_desc_bytes(size) + virtq_avail_bytes(size) + 4095) / 4096 * 4096;
    uint64_t gpa = virtio_driver_alloc(driver, to_used + virtq_used_bytes(size), 4096);
    queue->size = size;
    queue->desc_gpa = gpa;
    queue->avail_gpa = gpa + virtq_desc_bytes(size);
    queue->used_gpa = gpa + to_used;
    queue->desc = virtio_driver_at(driver, queue->desc_gpa, virtq_desc_bytes(size));
    queue->avail = virtio_driver_at(driver, queue->avail_gpa, virtq_avail_bytes(size));
    queue->used = virtio_driver_at(driver, queue->used_gpa, virtq_used_bytes(size));
    transport->set_queue(driver->device, index, size, queue->desc_gpa, queue->avail_gpa,
                         queue->used_gpa);
}

void virtio_driver_ready(struct virtio_driver *driver)
{
    add_status(driver, VIRTIO_STATUS_DRIVER_OK);
}

bool virtio_driver_start(struct virtio_driver *driver, uint64_t wanted, unsigned queues)
{
    if (!virtio_driver_negotiate(driver, wanted)) {
        return false;
    }
    for (unsigned i = 0; i < queues; i++) {
        virtio_driver_set_up_queue(driver, i);
    }
    virtio_driver_ready(driver);
    return true;
}

/* ---- Rings ---- */

void virtio_driver_put(struct virtq_desc *desc, uint64_t gpa, uint32_t len, unsigned flags,
                       unsigned next)
{
    desc->addr = vmmp_le64(gpa);
    desc->len = vmmp_le32(len);
    desc->flags = vmmp_le16((uint16_t)flags);
    desc->next = vmmp_le16((uint16_t)next);
}

void virtio_driver_offer(struct virtio_driver *driver, unsigned index, uint16_t head)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    vmmp_guest_store_le16(&queue->avail->ring[queue->avail_idx % queue->size], head);
    queue->avail_idx++;
    vmmp_guest_store_le16_release(&queue->avail->idx, queue->avail_idx);
}

uint16_t virtio_driver_add(struct virtio_driver *driver, unsigned index,
                           const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    for (unsigned i = 0; i < count; i++) {
        unsigned next = (head + i + 1) % queue->size;
        unsigned flags = (buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) |
                         (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);
        virtio_driver_put(&queue->desc[(head + i) % queue->size], buffers[i].gpa, buffers[i].len,
                          flags, next);
    }
    queue->next_desc = (uint16_t)((head + count) % queue->size);
    virtio_driver_offer(driver, index, head);
    return head;
}

uint16_t virtio_driver_add_indirect(struct virtio_driver *driver, unsigned index,
                                    const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    uint64_t gpa = virtio_driver_alloc(driver, 16 * count, 1);
    struct virtq_desc *table = virtio_driver_at(driver, gpa, 16 * count);
    for (unsigned i = 0; i < count; i++) {
        unsigned flags = (buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) |
                         (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);
        virtio_driver_put(&table[i], buffers[i].gpa, buffers[i].len, flags, i + 1);
    }
    virtio_driver_put(&queue->desc[head], gpa, 16 * count, VIRTQ_DESC_F_INDIRECT, 0);
    queue->next_desc = (uint16_t)((head + 1) % queue->size);
    virtio_driver_offer(driver, index, head);
    return head;
}

static bool has(const struct virtio_driver *driver, unsigned bit)
{
    return driver->features >> bit & 1;
}

bool virtio_driver_kick(struct virtio_driver *driver, unsigned index)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t before = queue->kicked_idx;
    uint16_t now = queue->avail_idx;
    bool wanted;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue->kicked_idx = now;
    if (has(driver, VIRTIO_F_EVENT_IDX)) {
        const vmmp_le16_t *event = (const void *)&queue->used->ring[queue->size];
        wanted = (uint16_t)(now - vmmp_guest_load_le16(event) - 1) < (uint16_t)(now - before);
    } else {
        wanted = !(vmmp_guest_load_le16(&queue->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
    }
    if (wanted) {
        driver->transport->kick(driver->device, index);
    }
    return wanted;
}

bool virtio_driver_used(struct virtio_driver *driver, unsigned index, uint32_t *id, uint32_t *len)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    if (vmmp_guest_load_le16_acquire(&queue->used->idx) == queue->last_used) {
        return false;
    }
    const struct virtq_used_elem *element = &queue->used->ring[queue->last_used % queue->size];
    *id = vmmp_le32_get(element->id);
    *len = vmmp_le32_get(element->len);
    queue->last_used++;
    return true;
}

void virtio_driver_set_used_event(struct virtio_driver *driver, unsigned index, uint16_t event)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    vmmp_guest_store_le16(&queue->avail->ring[queue->size], event);
}

void virtio_driver_set_no_interrupt(struct virtio_driver *driver, unsigned index, bool off)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    vmmp_guest_store_le16(&queue->avail->flags, off ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
}
