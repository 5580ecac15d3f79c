/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/virtio_driver.h"

#include <string.h>

#include "vmmp_test.h"

#include "virtio/virtio_spec.h"

#define RINGS (UINT64_C(1) << VIRTIO_F_RING_PACKED | UINT64_C(1) << VIRTIO_F_IN_ORDER)

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
    wanted &= ~(RINGS & ~driver->rings);
    assert_true(!driver->ordered || transport->legacy ||
                (transport->features(driver->device) >> VIRTIO_F_IN_ORDER & 1));
    driver->features = transport->features(driver->device) & wanted;
    transport->set_features(driver->device, driver->features);
    if (transport->legacy) {
        return true;
    }
    add_status(driver, VIRTIO_STATUS_FEATURES_OK);
    return (transport->status(driver->device) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

bool virtio_driver_has(const struct virtio_driver *driver, unsigned feature)
{
    return driver->features >> feature & 1;
}

static void place_packed(struct virtio_driver *driver, struct virtio_driver_queue *queue)
{
    struct virtio_driver_packed *packed = &queue->packed;
    size_t bytes = virtq_packed_desc_bytes(queue->size);

    assert_true(queue->size <= VIRTIO_DRIVER_IDS);
    queue->desc_gpa = virtio_driver_alloc(driver, bytes, VIRTQ_PACKED_DESC_ALIGN);
    queue->avail_gpa = virtio_driver_alloc(driver, 4, VIRTQ_PACKED_EVENT_ALIGN);
    queue->used_gpa = virtio_driver_alloc(driver, 4, VIRTQ_PACKED_EVENT_ALIGN);
    queue->desc = packed->first;
    packed->ring = virtio_driver_at(driver, queue->desc_gpa, bytes);
    packed->driver_event = virtio_driver_at(driver, queue->avail_gpa, 4);
    packed->device_event = virtio_driver_at(driver, queue->used_gpa, 4);
    packed->wrap = true;
    packed->used_wrap = true;
    packed->free = queue->size;
}

void virtio_driver_place_rings(struct virtio_driver *driver, struct virtio_driver_queue *queue)
{
    uint32_t size = queue->size;
    memset(queue, 0, sizeof(*queue));
    queue->size = size;
    if (virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        place_packed(driver, queue);
        return;
    }
    /* The legacy layout (2.7.2) does for both. */
    size_t to_used = (virtq_desc_bytes(size) + virtq_avail_bytes(size) + 4095) / 4096 * 4096;
    uint64_t gpa = virtio_driver_alloc(driver, to_used + virtq_used_bytes(size), 4096);
    queue->desc_gpa = gpa;
    queue->avail_gpa = gpa + virtq_desc_bytes(size);
    queue->used_gpa = gpa + to_used;
    queue->desc = virtio_driver_at(driver, queue->desc_gpa, virtq_desc_bytes(size));
    queue->avail = virtio_driver_at(driver, queue->avail_gpa, virtq_avail_bytes(size));
    queue->used = virtio_driver_at(driver, queue->used_gpa, virtq_used_bytes(size));
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
    queue->size = size;
    virtio_driver_place_rings(driver, queue);
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

void virtio_driver_put_packed(struct virtq_packed_desc *desc, uint64_t gpa, uint32_t len,
                              unsigned id, unsigned flags)
{
    desc->addr = vmmp_le64(gpa);
    desc->len = vmmp_le32(len);
    desc->id = vmmp_le16((uint16_t)id);
    vmmp_guest_store_le16_release(&desc->flags, (uint16_t)flags);
}

unsigned virtio_driver_available(bool wrap)
{
    return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

/* Notes what came, for a device that may leave used entries out. */
static void note(struct virtio_driver_queue *queue, uint32_t id,
                 const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_fifo *fifo = &queue->fifo;
    uint32_t at = fifo->tail++ % VIRTIO_DRIVER_IDS;
    fifo->buffers[at].id = id;
    fifo->buffers[at].writable = 0;
    for (unsigned i = 0; i < count; i++) {
        fifo->buffers[at].writable += buffers[i].writable ? buffers[i].len : 0;
    }
}

void virtio_driver_offer(struct virtio_driver *driver, unsigned index, uint16_t head)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    vmmp_guest_store_le16(&queue->avail->ring[queue->avail_idx % queue->size], head);
    queue->avail_idx++;
    vmmp_guest_store_le16_release(&queue->avail->idx, queue->avail_idx);
}

static unsigned flags_of(const struct virtio_driver_buffer *buffers, unsigned i, unsigned count)
{
    return (buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);
}

static uint16_t take_id(struct virtio_driver_queue *queue, const struct virtio_driver_buffer *first,
                        unsigned entries)
{
    struct virtio_driver_packed *packed = &queue->packed;
    uint32_t size = queue->size;
    assert_true(entries <= packed->free);
    while (packed->entries[packed->next_id % size] != 0) {
        packed->next_id++;
    }
    uint16_t id = (uint16_t)(packed->next_id++ % size);
    packed->entries[id] = (uint16_t)entries;
    packed->free -= entries;
    packed->unkicked += entries;
    queue->avail_idx++;
    virtio_driver_put(&packed->first[id], first->gpa, first->len, 0, 0);
    return id;
}

/* One entry; the first of a chain gets its flags from the caller, after the others. */
static void append(struct virtio_driver_queue *queue, uint64_t gpa, uint32_t len, unsigned id,
                   unsigned flags, bool first)
{
    struct virtio_driver_packed *packed = &queue->packed;
    struct virtq_packed_desc *desc = &packed->ring[packed->next];
    unsigned old = vmmp_le16_get(desc->flags);
    virtio_driver_put_packed(desc, gpa, len, id,
                             first ? old : flags | virtio_driver_available(packed->wrap));
    if (++packed->next == queue->size) {
        packed->next = 0;
        packed->wrap = !packed->wrap;
    }
}

static uint16_t add_packed(struct virtio_driver_queue *queue,
                           const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_packed *packed = &queue->packed;
    struct virtq_packed_desc *head = &packed->ring[packed->next];
    unsigned flags = flags_of(buffers, 0, count) | virtio_driver_available(packed->wrap);
    uint16_t id = take_id(queue, buffers, count);
    for (unsigned i = 0; i < count; i++) {
        /* The id counts in the last one (2.8.6); elsewhere there is anything. */
        append(queue, buffers[i].gpa, buffers[i].len, i + 1 < count ? 0xdead : id,
               flags_of(buffers, i, count), i == 0);
    }
    vmmp_guest_store_le16_release(&head->flags, (uint16_t)flags);
    return id;
}

static uint16_t add_split(struct virtio_driver *driver, unsigned index,
                          const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_put(&queue->desc[(head + i) % queue->size], buffers[i].gpa, buffers[i].len,
                          flags_of(buffers, i, count), (head + i + 1) % queue->size);
    }
    queue->next_desc = (uint16_t)((head + count) % queue->size);
    virtio_driver_offer(driver, index, head);
    return head;
}

uint16_t virtio_driver_add(struct virtio_driver *driver, unsigned index,
                           const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t id = virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? add_packed(queue, buffers, count)
                      : add_split(driver, index, buffers, count);
    note(queue, id, buffers, count);
    return id;
}

static uint16_t add_indirect_packed(struct virtio_driver *driver, struct virtio_driver_queue *queue,
                                    const struct virtio_driver_buffer *buffers, unsigned count)
{
    uint64_t gpa = virtio_driver_alloc(driver, 16 * count, 16);
    struct virtq_packed_desc *table = virtio_driver_at(driver, gpa, 16 * count);
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_put_packed(&table[i], buffers[i].gpa, buffers[i].len, 0xbeef,
                                 buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0);
    }
    uint16_t id = take_id(queue, buffers, 1);
    append(queue, gpa, 16 * count, id, VIRTQ_DESC_F_INDIRECT, false);
    return id;
}

static uint16_t add_indirect_split(struct virtio_driver *driver, unsigned index,
                                   const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t head = (uint16_t)(queue->next_desc % queue->size);
    uint64_t gpa = virtio_driver_alloc(driver, 16 * count, 1);
    struct virtq_desc *table = virtio_driver_at(driver, gpa, 16 * count);
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_put(&table[i], buffers[i].gpa, buffers[i].len, flags_of(buffers, i, count),
                          i + 1);
    }
    virtio_driver_put(&queue->desc[head], gpa, 16 * count, VIRTQ_DESC_F_INDIRECT, 0);
    queue->next_desc = (uint16_t)((head + 1) % queue->size);
    virtio_driver_offer(driver, index, head);
    return head;
}

uint16_t virtio_driver_add_indirect(struct virtio_driver *driver, unsigned index,
                                    const struct virtio_driver_buffer *buffers, unsigned count)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t id = virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? add_indirect_packed(driver, queue, buffers, count)
                      : add_indirect_split(driver, index, buffers, count);
    note(queue, id, buffers, count);
    return id;
}

/* 2.8.10: whether the entry that the device waits for is one of those just added. */
static bool packed_kick_wanted(const struct virtio_driver_queue *queue, uint32_t added)
{
    const struct virtio_driver_packed *packed = &queue->packed;
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

static bool split_kick_wanted(const struct virtio_driver *driver,
                              const struct virtio_driver_queue *queue, uint16_t before)
{
    if (virtio_driver_has(driver, VIRTIO_F_EVENT_IDX)) {
        const vmmp_le16_t *event = (const void *)&queue->used->ring[queue->size];
        return (uint16_t)(queue->avail_idx - vmmp_guest_load_le16(event) - 1) <
               (uint16_t)(queue->avail_idx - before);
    }
    return !(vmmp_guest_load_le16(&queue->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

bool virtio_driver_kick(struct virtio_driver *driver, unsigned index)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    uint16_t before = queue->kicked_idx;
    uint32_t added = queue->packed.unkicked;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue->kicked_idx = queue->avail_idx;
    queue->packed.unkicked = 0;
    bool wanted = virtio_driver_has(driver, VIRTIO_F_RING_PACKED)
                      ? packed_kick_wanted(queue, added)
                      : split_kick_wanted(driver, queue, before);
    if (wanted) {
        driver->transport->kick(driver->device, index);
    }
    return wanted;
}

static bool next_used_packed(struct virtio_driver_queue *queue, uint32_t *id, uint32_t *len)
{
    struct virtio_driver_packed *packed = &queue->packed;
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

static void skip_packed(struct virtio_driver_queue *queue, uint32_t id)
{
    struct virtio_driver_packed *packed = &queue->packed;
    assert_true(id < queue->size && packed->entries[id] > 0);
    packed->used += packed->entries[id];
    packed->free += packed->entries[id];
    packed->entries[id] = 0;
    if (packed->used >= queue->size) {
        packed->used -= queue->size;
        packed->used_wrap = !packed->used_wrap;
    }
}

static bool next_used_split(struct virtio_driver_queue *queue, uint32_t *id, uint32_t *len)
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
static void next_in_order(struct virtio_driver_fifo *fifo, uint32_t *id, uint32_t *len)
{
    assert_true(fifo->head != fifo->tail);
    if (!fifo->batch) {
        fifo->batch = true;
        fifo->last = *id;
        fifo->last_len = *len;
    }
    *id = fifo->buffers[fifo->head % VIRTIO_DRIVER_IDS].id;
    *len = fifo->buffers[fifo->head % VIRTIO_DRIVER_IDS].writable;
    fifo->head++;
    if (*id == fifo->last) {
        fifo->batch = false;
        *len = fifo->last_len;
    }
}

bool virtio_driver_used(struct virtio_driver *driver, unsigned index, uint32_t *id, uint32_t *len)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    bool packed = virtio_driver_has(driver, VIRTIO_F_RING_PACKED);
    if (!queue->fifo.batch &&
        !(packed ? next_used_packed(queue, id, len) : next_used_split(queue, id, len))) {
        return false;
    }
    if (virtio_driver_has(driver, VIRTIO_F_IN_ORDER)) {
        next_in_order(&queue->fifo, id, len);
    } else if (driver->ordered) {
        assert_true(queue->fifo.head != queue->fifo.tail);
        assert_int_equal(*id, queue->fifo.buffers[queue->fifo.head++ % VIRTIO_DRIVER_IDS].id);
    }
    if (packed) {
        skip_packed(queue, *id);
    }
    queue->last_used++;
    return true;
}

void virtio_driver_set_used_event(struct virtio_driver *driver, unsigned index, uint16_t event)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    if (virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        vmmp_guest_store_le16(&queue->packed.driver_event->off_wrap, event);
        vmmp_guest_store_le16(&queue->packed.driver_event->flags, RING_EVENT_FLAGS_DESC);
    } else {
        vmmp_guest_store_le16(&queue->avail->ring[queue->size], event);
    }
}

void virtio_driver_set_no_interrupt(struct virtio_driver *driver, unsigned index, bool off)
{
    struct virtio_driver_queue *queue = &driver->queues[index];
    if (virtio_driver_has(driver, VIRTIO_F_RING_PACKED)) {
        vmmp_guest_store_le16(&queue->packed.driver_event->flags,
                              off ? RING_EVENT_FLAGS_DISABLE : RING_EVENT_FLAGS_ENABLE);
    } else {
        vmmp_guest_store_le16(&queue->avail->flags, off ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
    }
}
