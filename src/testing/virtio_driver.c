/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define RINGS (UINT64_C(1) << VIRTIO_F_RING_PACKED | UINT64_C(1) << VIRTIO_F_IN_ORDER)

void vmmp_virtio_driver_init(struct vmmp_virtio_driver *driver,
                             const struct vmmp_virtio_driver_transport *transport,
                             struct vmmp_window *device, struct vmmp_guest_memory *memory,
                             uint64_t gpa, uint64_t size)
{
    memset(driver, 0, sizeof(*driver));
    driver->transport = transport;
    driver->device = device;
    driver->memory = memory;
    driver->next_gpa = gpa;
    driver->end_gpa = gpa + size;
}

void vmmp_virtio_driver_fail(const struct vmmp_virtio_driver *driver, const char *what)
{
    if (driver->fail) {
        driver->fail(what);
    }
    fprintf(stderr, "virtio driver: %s\n", what);
    abort();
}

static void require(const struct vmmp_virtio_driver *driver, bool condition, const char *otherwise)
{
    if (!condition) {
        vmmp_virtio_driver_fail(driver, otherwise);
    }
}

void *vmmp_virtio_driver_at(const struct vmmp_virtio_driver *driver, uint64_t gpa, size_t len)
{
    void *host = vmmp_guest_memory_span(driver->memory, vmmp_gpa(gpa), len);
    require(driver, host != NULL, "the address is not in guest memory");
    return host;
}

uint64_t vmmp_virtio_driver_alloc(struct vmmp_virtio_driver *driver, uint64_t size, uint64_t align)
{
    uint64_t gpa = (driver->next_gpa + align - 1) / align * align;
    require(driver, gpa + size <= driver->end_gpa, "no guest memory is left");
    driver->next_gpa = gpa + size;
    memset(vmmp_virtio_driver_at(driver, gpa, (size_t)size), 0, (size_t)size);
    return gpa;
}

/* ---- Initialisation ---- */

static void add_status(struct vmmp_virtio_driver *driver, uint8_t bits)
{
    const struct vmmp_virtio_driver_transport *transport = driver->transport;
    transport->set_status(driver->device, transport->status(driver->device) | bits);
}

void vmmp_virtio_driver_reset(struct vmmp_virtio_driver *driver)
{
    driver->transport->set_status(driver->device, 0);
}

bool vmmp_virtio_driver_negotiate(struct vmmp_virtio_driver *driver, uint64_t wanted)
{
    const struct vmmp_virtio_driver_transport *transport = driver->transport;
    vmmp_virtio_driver_reset(driver);
    require(driver, transport->status(driver->device) == 0, "the device did not reset");
    add_status(driver, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(driver, VIRTIO_STATUS_DRIVER);
    wanted &= ~(RINGS & ~driver->rings);
    require(driver,
            !driver->ordered || transport->legacy ||
                (transport->features(driver->device) >> VIRTIO_F_IN_ORDER & 1),
            "VIRTIO_F_IN_ORDER is not offered");
    driver->features = transport->features(driver->device) & wanted;
    transport->set_features(driver->device, driver->features);
    if (transport->legacy) {
        return true;
    }
    add_status(driver, VIRTIO_STATUS_FEATURES_OK);
    return (transport->status(driver->device) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

bool vmmp_virtio_driver_has(const struct vmmp_virtio_driver *driver, unsigned feature)
{
    return driver->features >> feature & 1;
}

static struct virtq_desc *first_of(struct vmmp_virtio_driver_packed *packed, uint16_t id)
{
    return (struct virtq_desc *)(void *)packed->first[id];
}

static void place_packed(struct vmmp_virtio_driver *driver, struct vmmp_virtio_driver_queue *queue)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    size_t bytes = virtq_packed_desc_bytes(queue->size);

    require(driver, queue->size <= VMMP_VIRTIO_DRIVER_IDS, "the queue is too large");
    queue->desc_gpa = vmmp_virtio_driver_alloc(driver, bytes, VIRTQ_PACKED_DESC_ALIGN);
    queue->avail_gpa = vmmp_virtio_driver_alloc(driver, 4, VIRTQ_PACKED_EVENT_ALIGN);
    queue->used_gpa = vmmp_virtio_driver_alloc(driver, 4, VIRTQ_PACKED_EVENT_ALIGN);
    queue->desc = first_of(packed, 0);
    packed->ring = vmmp_virtio_driver_at(driver, queue->desc_gpa, bytes);
    packed->driver_event = vmmp_virtio_driver_at(driver, queue->avail_gpa, 4);
    packed->device_event = vmmp_virtio_driver_at(driver, queue->used_gpa, 4);
    packed->wrap = true;
    packed->used_wrap = true;
    packed->free = queue->size;
}

void vmmp_virtio_driver_place_rings(struct vmmp_virtio_driver *driver,
                                    struct vmmp_virtio_driver_queue *queue)
{
    uint32_t size = queue->size;
    memset(queue, 0, sizeof(*queue));
    queue->size = size;
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        place_packed(driver, queue);
        return;
    }
    /* The legacy layout (2.7.2) does for both. */
    size_t to_used = (virtq_desc_bytes(size) + virtq_avail_bytes(size) + 4095) / 4096 * 4096;
    uint64_t gpa = vmmp_virtio_driver_alloc(driver, to_used + virtq_used_bytes(size), 4096);
    queue->desc_gpa = gpa;
    queue->avail_gpa = gpa + virtq_desc_bytes(size);
    queue->used_gpa = gpa + to_used;
    queue->desc = vmmp_virtio_driver_at(driver, queue->desc_gpa, virtq_desc_bytes(size));
    queue->avail = vmmp_virtio_driver_at(driver, queue->avail_gpa, virtq_avail_bytes(size));
    queue->used = vmmp_virtio_driver_at(driver, queue->used_gpa, virtq_used_bytes(size));
}

void vmmp_virtio_driver_set_up_queue(struct vmmp_virtio_driver *driver, unsigned index)
{
    const struct vmmp_virtio_driver_transport *transport = driver->transport;
    require(driver, index < VMMP_VIRTIO_DRIVER_QUEUES, "too many queues");
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    memset(queue, 0, sizeof(*queue));
    uint32_t size = transport->queue_size(driver->device, index);
    if (!transport->legacy && driver->queue_limit && driver->queue_limit < size) {
        size = driver->queue_limit;
    }
    require(driver, size > 0, "there is no such queue");
    queue->size = size;
    vmmp_virtio_driver_place_rings(driver, queue);
    transport->set_queue(driver->device, index, size, queue->desc_gpa, queue->avail_gpa,
                         queue->used_gpa);
}

void vmmp_virtio_driver_ready(struct vmmp_virtio_driver *driver)
{
    add_status(driver, VIRTIO_STATUS_DRIVER_OK);
}

bool vmmp_virtio_driver_start(struct vmmp_virtio_driver *driver, uint64_t wanted, unsigned queues)
{
    if (!vmmp_virtio_driver_negotiate(driver, wanted)) {
        return false;
    }
    for (unsigned i = 0; i < queues; i++) {
        vmmp_virtio_driver_set_up_queue(driver, i);
    }
    vmmp_virtio_driver_ready(driver);
    return true;
}

/* ---- Rings ---- */

void vmmp_virtio_driver_put(struct virtq_desc *desc, uint64_t gpa, uint32_t len, unsigned flags,
                            unsigned next)
{
    desc->addr = vmmp_le64(gpa);
    desc->len = vmmp_le32(len);
    desc->flags = vmmp_le16((uint16_t)flags);
    desc->next = vmmp_le16((uint16_t)next);
}

void vmmp_virtio_driver_put_packed(struct virtq_packed_desc *desc, uint64_t gpa, uint32_t len,
                                   unsigned id, unsigned flags)
{
    desc->addr = vmmp_le64(gpa);
    desc->len = vmmp_le32(len);
    desc->id = vmmp_le16((uint16_t)id);
    vmmp_guest_store_le16_release(&desc->flags, (uint16_t)flags);
}

unsigned vmmp_virtio_driver_available(bool wrap)
{
    return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

void vmmp_virtio_driver_write(struct vmmp_virtio_driver *driver, unsigned index, uint32_t at,
                              uint64_t gpa, uint32_t len, unsigned flags, unsigned next)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    require(driver, at < queue->size, "the queue has no such descriptor");
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        vmmp_virtio_driver_put_packed(&queue->packed.ring[at], gpa, len, next, flags);
    } else {
        vmmp_virtio_driver_put(&queue->desc[at], gpa, len, flags, next);
    }
}

void vmmp_virtio_driver_set_index(struct vmmp_virtio_driver *driver, unsigned index, uint16_t value)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    queue->avail_idx = value;
    vmmp_guest_store_le16_release(&queue->avail->idx, value);
}

/* Notes what came, for a device that may leave used entries out. */
static void note(struct vmmp_virtio_driver_queue *queue, uint32_t id,
                 const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    struct vmmp_virtio_driver_fifo *fifo = &queue->fifo;
    uint32_t at = fifo->tail++ % VMMP_VIRTIO_DRIVER_IDS;
    fifo->buffers[at].id = id;
    fifo->buffers[at].writable = 0;
    for (unsigned i = 0; i < count; i++) {
        fifo->buffers[at].writable += buffers[i].writable ? buffers[i].len : 0;
    }
}

void vmmp_virtio_driver_offer(struct vmmp_virtio_driver *driver, unsigned index, uint16_t head)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    vmmp_guest_store_le16(&queue->avail->ring[queue->avail_idx % queue->size], head);
    queue->avail_idx++;
    vmmp_guest_store_le16_release(&queue->avail->idx, queue->avail_idx);
}

static unsigned flags_of(const struct vmmp_virtio_driver_buffer *buffers, unsigned i,
                         unsigned count)
{
    return (buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);
}

static uint16_t take_id(const struct vmmp_virtio_driver *driver,
                        struct vmmp_virtio_driver_queue *queue,
                        const struct vmmp_virtio_driver_buffer *first, unsigned entries)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    uint32_t size = queue->size;
    require(driver, entries <= packed->free, "the ring is full");
    while (packed->entries[packed->next_id % size] != 0) {
        packed->next_id++;
    }
    uint16_t id = (uint16_t)(packed->next_id++ % size);
    packed->entries[id] = (uint16_t)entries;
    packed->free -= entries;
    packed->unkicked += entries;
    queue->avail_idx++;
    vmmp_virtio_driver_put(first_of(packed, id), first->gpa, first->len, 0, 0);
    return id;
}

/* One entry; the first of a chain gets its flags from the caller, after the others. */
static void append(struct vmmp_virtio_driver_queue *queue, uint64_t gpa, uint32_t len, unsigned id,
                   unsigned flags, bool first)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    struct virtq_packed_desc *desc = &packed->ring[packed->next];
    unsigned old = vmmp_le16_get(desc->flags);
    vmmp_virtio_driver_put_packed(desc, gpa, len, id,
                                  first ? old : flags | vmmp_virtio_driver_available(packed->wrap));
    if (++packed->next == queue->size) {
        packed->next = 0;
        packed->wrap = !packed->wrap;
    }
}

static uint16_t add_packed(const struct vmmp_virtio_driver *driver,
                           struct vmmp_virtio_driver_queue *queue,
                           const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    struct virtq_packed_desc *head = &packed->ring[packed->next];
    unsigned flags = flags_of(buffers, 0, count) | vmmp_virtio_driver_available(packed->wrap);
    uint16_t id = take_id(driver, queue, buffers, count);
    for (unsigned i = 0; i < count; i++) {
        /* The id counts in the last one (2.8.6); elsewhere there is anything. */
        bool any = i + 1 < count && !driver->ids_everywhere;
        append(queue, buffers[i].gpa, buffers[i].len, any ? 0xdead : id,
               flags_of(buffers, i, count), i == 0);
    }
    vmmp_guest_store_le16_release(&head->flags, (uint16_t)flags);
    return id;
}

static uint16_t add_split(struct vmmp_virtio_driver *driver, unsigned index,
                          const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    for (unsigned i = 0; i < count; i++) {
        vmmp_virtio_driver_put(&queue->desc[(head + i) % queue->size], buffers[i].gpa,
                               buffers[i].len, flags_of(buffers, i, count),
                               (head + i + 1) % queue->size);
    }
    queue->next_desc = (uint16_t)((head + count) % queue->size);
    vmmp_virtio_driver_offer(driver, index, head);
    return head;
}

uint16_t vmmp_virtio_driver_add(struct vmmp_virtio_driver *driver, unsigned index,
                                const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    uint16_t id = vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? add_packed(driver, queue, buffers, count)
                      : add_split(driver, index, buffers, count);
    note(queue, id, buffers, count);
    return id;
}

static uint16_t add_indirect_packed(struct vmmp_virtio_driver *driver,
                                    struct vmmp_virtio_driver_queue *queue,
                                    const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    uint64_t gpa = vmmp_virtio_driver_alloc(driver, UINT64_C(16) * count, 16);
    struct virtq_packed_desc *table = vmmp_virtio_driver_at(driver, gpa, (size_t)16 * count);
    for (unsigned i = 0; i < count; i++) {
        vmmp_virtio_driver_put_packed(&table[i], buffers[i].gpa, buffers[i].len, 0xbeef,
                                      buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0);
    }
    uint16_t id = take_id(driver, queue, buffers, 1);
    append(queue, gpa, 16 * count, id, VIRTQ_DESC_F_INDIRECT, false);
    return id;
}

static uint16_t add_indirect_split(struct vmmp_virtio_driver *driver, unsigned index,
                                   const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    uint64_t gpa = vmmp_virtio_driver_alloc(driver, UINT64_C(16) * count, 1);
    struct virtq_desc *table = vmmp_virtio_driver_at(driver, gpa, (size_t)16 * count);
    for (unsigned i = 0; i < count; i++) {
        vmmp_virtio_driver_put(&table[i], buffers[i].gpa, buffers[i].len,
                               flags_of(buffers, i, count), i + 1);
    }
    vmmp_virtio_driver_put(&queue->desc[head], gpa, 16 * count, VIRTQ_DESC_F_INDIRECT, 0);
    queue->next_desc = (uint16_t)((head + 1) % queue->size);
    vmmp_virtio_driver_offer(driver, index, head);
    return head;
}

uint16_t vmmp_virtio_driver_add_indirect(struct vmmp_virtio_driver *driver, unsigned index,
                                         const struct vmmp_virtio_driver_buffer *buffers,
                                         unsigned count)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    uint16_t id = vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? add_indirect_packed(driver, queue, buffers, count)
                      : add_indirect_split(driver, index, buffers, count);
    note(queue, id, buffers, count);
    return id;
}

/* 2.8.10: whether the entry that the device waits for is one of those just added. */
static bool packed_kick_wanted(const struct vmmp_virtio_driver_queue *queue, uint32_t added)
{
    const struct vmmp_virtio_driver_packed *packed = &queue->packed;
    unsigned flags = vmmp_guest_load_le16(&packed->device_event->flags) & RING_EVENT_FLAGS;
    unsigned off_wrap = vmmp_guest_load_le16(&packed->device_event->off_wrap);
    if (flags != RING_EVENT_FLAGS_DESC) {
        return flags != RING_EVENT_FLAGS_DISABLE;
    }
    /* Entry by entry: what the library works out must come to the same. */
    uint32_t at = packed->next;
    bool wrap = packed->wrap;
    for (uint32_t i = 0; i < added; i++) {
        wrap = at == 0 ? !wrap : wrap;
        at = at == 0 ? queue->size - 1 : at - 1;
        if ((off_wrap & ~RING_EVENT_WRAP) == at && ((off_wrap & RING_EVENT_WRAP) != 0) == wrap) {
            return true;
        }
    }
    return false;
}

static bool split_kick_wanted(const struct vmmp_virtio_driver *driver,
                              const struct vmmp_virtio_driver_queue *queue, uint16_t before)
{
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_EVENT_IDX)) {
        const vmmp_le16_t *event = (const void *)&queue->used->ring[queue->size];
        return (uint16_t)(queue->avail_idx - vmmp_guest_load_le16(event) - 1) <
               (uint16_t)(queue->avail_idx - before);
    }
    return !(vmmp_guest_load_le16(&queue->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

bool vmmp_virtio_driver_kick(struct vmmp_virtio_driver *driver, unsigned index)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    uint16_t before = queue->kicked_idx;
    uint32_t added = queue->packed.unkicked;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue->kicked_idx = queue->avail_idx;
    queue->packed.unkicked = 0;
    bool wanted = vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? packed_kick_wanted(queue, added)
                      : split_kick_wanted(driver, queue, before);
    if (wanted) {
        driver->transport->kick(driver->device, index);
    }
    return wanted;
}

static bool next_used_packed(struct vmmp_virtio_driver_queue *queue, uint32_t *id, uint32_t *len)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    const struct virtq_packed_desc *desc = &packed->ring[packed->used];
    unsigned flags = vmmp_guest_load_le16_acquire(&desc->flags);
    unsigned mask = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
    if ((flags & mask) != (packed->used_wrap ? mask : 0)) {
        return false;
    }
    *id = vmmp_le16_get(desc->id);
    /* 2.8.4: without the flag the length is reserved. */
    *len = flags & VIRTQ_DESC_F_WRITE ? vmmp_le32_get(desc->len) : 0;
    return true;
}

static void skip_packed(const struct vmmp_virtio_driver *driver,
                        struct vmmp_virtio_driver_queue *queue, uint32_t id)
{
    struct vmmp_virtio_driver_packed *packed = &queue->packed;
    require(driver, id < queue->size && packed->entries[id] > 0,
            "a buffer was used that is not in flight");
    packed->used += packed->entries[id];
    packed->free += packed->entries[id];
    packed->entries[id] = 0;
    if (packed->used >= queue->size) {
        packed->used -= queue->size;
        packed->used_wrap = !packed->used_wrap;
    }
}

static bool next_used_split(struct vmmp_virtio_driver_queue *queue, uint32_t *id, uint32_t *len)
{
    if (vmmp_guest_load_le16_acquire(&queue->used->idx) == queue->last_used) {
        return false;
    }
    const struct virtq_used_elem *element = &queue->used->ring[queue->last_used % queue->size];
    *id = vmmp_le32_get(element->id);
    *len = vmmp_le32_get(element->len);
    return true;
}

/* 2.7.9, 2.8.8: one used entry may stand for all buffers up to its own. */
static void next_in_order(const struct vmmp_virtio_driver *driver,
                          struct vmmp_virtio_driver_fifo *fifo, uint32_t *id, uint32_t *len)
{
    require(driver, fifo->head != fifo->tail, "more buffers were used than there are");
    if (!fifo->batch) {
        fifo->batch = true;
        fifo->last = *id;
        fifo->last_len = *len;
    }
    *id = fifo->buffers[fifo->head % VMMP_VIRTIO_DRIVER_IDS].id;
    *len = fifo->buffers[fifo->head % VMMP_VIRTIO_DRIVER_IDS].writable;
    fifo->head++;
    if (*id == fifo->last) {
        fifo->batch = false;
        *len = fifo->last_len;
    }
}

bool vmmp_virtio_driver_used(struct vmmp_virtio_driver *driver, unsigned index, uint32_t *id,
                             uint32_t *len)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    bool packed = vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED);
    if (!queue->fifo.batch &&
        !(packed ? next_used_packed(queue, id, len) : next_used_split(queue, id, len))) {
        return false;
    }
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_IN_ORDER)) {
        next_in_order(driver, &queue->fifo, id, len);
    } else if (driver->ordered) {
        struct vmmp_virtio_driver_fifo *fifo = &queue->fifo;
        require(driver, fifo->head != fifo->tail, "more buffers were used than there are");
        require(driver, *id == fifo->buffers[fifo->head++ % VMMP_VIRTIO_DRIVER_IDS].id,
                "buffers were used out of order");
    }
    if (packed) {
        skip_packed(driver, queue, *id);
    }
    queue->last_used++;
    return true;
}

void vmmp_virtio_driver_set_used_event(struct vmmp_virtio_driver *driver, unsigned index,
                                       uint16_t event)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        vmmp_guest_store_le16(&queue->packed.driver_event->off_wrap, event);
        vmmp_guest_store_le16(&queue->packed.driver_event->flags, RING_EVENT_FLAGS_DESC);
    } else {
        vmmp_guest_store_le16(&queue->avail->ring[queue->size], event);
    }
}

void vmmp_virtio_driver_set_no_interrupt(struct vmmp_virtio_driver *driver, unsigned index,
                                         bool off)
{
    struct vmmp_virtio_driver_queue *queue = &driver->queues[index];
    if (vmmp_virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        vmmp_guest_store_le16(&queue->packed.driver_event->flags,
                              off ? RING_EVENT_FLAGS_DISABLE : RING_EVENT_FLAGS_ENABLE);
    } else {
        vmmp_guest_store_le16(&queue->avail->flags, off ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
    }
}
