/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings that no driver may make (virtio 1.2, 2.7 and 2.8). */
#include "testing/virtio_hostile.h"

#include "testing/virtio_hostile_chain.h"

static uint64_t address_of(const struct vmmp_virtio_hostile *hostile, enum hostile_place place)
{
    switch (place) {
    case AT_NOWHERE:
        return hostile->nowhere;
    case AT_END:
        return hostile->ram_end - 8;
    case AT_TOP:
        return UINT64_MAX - 7;
    case AT_ZERO:
        return 0;
    case AT_TABLE:
        return hostile->buffer + HOSTILE_TABLE;
    default:
        return hostile->buffer;
    }
}

static unsigned next_of(const struct vmmp_virtio_hostile *hostile, int next)
{
    return next == BEYOND ? hostile_queue(hostile)->size : (unsigned)next;
}

static void write_table(struct vmmp_virtio_hostile *hostile, const struct hostile_chain *chain)
{
    struct vmmp_virtio_driver *driver = hostile->driver;
    for (unsigned i = 0; i < HOSTILE_LENGTH(chain->table); i++) {
        const struct hostile_desc *desc = &chain->table[i];
        void *at =
            vmmp_virtio_driver_at(driver, hostile->buffer + HOSTILE_TABLE + UINT64_C(16) * i, 16);
        uint64_t gpa = address_of(hostile, desc->place);
        if (hostile_packed(hostile)) {
            vmmp_virtio_driver_put_packed(at, gpa, desc->len, 0, desc->flags);
        } else {
            vmmp_virtio_driver_put(at, gpa, desc->len, desc->flags, next_of(hostile, desc->next));
        }
    }
}

/* A ring is fresh: its first entry is the first of the table, or of the first lap. */
HOSTILE_PLAY(chain)
{
    const struct hostile_chain *chain = what;
    struct vmmp_virtio_driver *driver = hostile->driver;
    unsigned available = hostile_packed(hostile) ? vmmp_virtio_driver_available(true) : 0;

    write_table(hostile, chain);
    for (unsigned i = HOSTILE_LENGTH(chain->ring); i-- > 0;) {
        const struct hostile_desc *desc = &chain->ring[i];
        if (desc->flags != ABSENT && i < hostile_queue(hostile)->size) {
            vmmp_virtio_driver_write(driver, hostile->queue, i, address_of(hostile, desc->place),
                                     desc->len, desc->flags | available,
                                     next_of(hostile, desc->next));
        }
    }
    if (!hostile_packed(hostile)) {
        vmmp_virtio_driver_offer(driver, hostile->queue, 0);
    }
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

HOSTILE_PLAY(index_jump)
{
    const int *jump = what;
    uint32_t size = hostile_queue(hostile)->size;
    unsigned index = *jump == BEYOND ? size + 1 : (unsigned)*jump;
    vmmp_virtio_driver_set_index(hostile->driver, hostile->queue, (uint16_t)index);
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

HOSTILE_PLAY(head)
{
    const int *head = what;
    vmmp_virtio_driver_offer(hostile->driver, hostile->queue, (uint16_t)next_of(hostile, *head));
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* Every descriptor leads on to the next, the last one to the first. */
HOSTILE_PLAY(whole_ring)
{
    const uint32_t *len = what;
    uint32_t size = hostile_queue(hostile)->size;
    bool packed = hostile_packed(hostile);
    unsigned flags = VMMP_VIRTIO_DRIVER_NEXT | VMMP_VIRTIO_DRIVER_WRITABLE |
                     (packed ? vmmp_virtio_driver_available(true) : 0);
    for (uint32_t i = size; i-- > 0;) {
        vmmp_virtio_driver_write(hostile->driver, hostile->queue, i, hostile->buffer, *len, flags,
                                 (i + 1) % size);
    }
    if (!packed) {
        vmmp_virtio_driver_offer(hostile->driver, hostile->queue, 0);
    }
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* A buffer is in the ring as often as the ring has entries (in flight more than once). */
HOSTILE_PLAY(same_head)
{
    (void)what;
    struct vmmp_virtio_driver_queue *queue = hostile_queue(hostile);
    vmmp_virtio_driver_write(hostile->driver, hostile->queue, 0, hostile->buffer, 64,
                             VMMP_VIRTIO_DRIVER_WRITABLE, 0);
    for (uint32_t i = 0; i < queue->size; i++) {
        vmmp_virtio_driver_offer(hostile->driver, hostile->queue, 0);
    }
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* Whatever may lie in memory, sixteen times over; addresses mostly in RAM. */
HOSTILE_PLAY(junk_ring)
{
    (void)what;
    struct vmmp_virtio_driver *driver = hostile->driver;
    uint32_t size = hostile_queue(hostile)->size;
    for (unsigned round = 0; round < 16; round++) {
        for (uint32_t i = 0; i < size; i++) {
            uint32_t junk = vmmp_virtio_hostile_junk(hostile);
            /* Other memory is not to be hurt by what is no mistake. */
            uint32_t at = junk >> 16;
            uint64_t gpa = junk & 0x700 ? hostile->buffer + at : hostile->nowhere + at % 4096;
            uint32_t len =
                junk & 0x38 ? vmmp_virtio_hostile_junk(hostile) % (0x10000 - at) : UINT32_MAX - at;
            unsigned flags = (junk & 7) | (hostile_packed(hostile) ? junk & 0x8080 : 0);
            vmmp_virtio_driver_write(driver, hostile->queue, i, gpa, len, flags,
                                     vmmp_virtio_hostile_junk(hostile) % (size + 1));
        }
        if (!hostile_packed(hostile)) {
            uint32_t junk = vmmp_virtio_hostile_junk(hostile);
            vmmp_virtio_driver_offer(driver, hostile->queue, (uint16_t)(junk % (size + 1)));
        }
        vmmp_virtio_hostile_strike(hostile);
    }
    return NULL;
}

/* Event suppression may hold anything (2.7.7, 2.7.10, 2.8.10), of the device's side too. */
HOSTILE_PLAY(junk_events)
{
    (void)what;
    struct vmmp_virtio_driver *driver = hostile->driver;
    struct vmmp_virtio_driver_queue *queue = hostile_queue(hostile);
    for (unsigned i = 0; i < 64; i++) {
        if (hostile_packed(hostile)) {
            vmmp_virtio_hostile_fill(hostile, queue->avail_gpa, 4);
            vmmp_virtio_hostile_fill(hostile, queue->used_gpa, 4);
        } else {
            uint32_t junk = vmmp_virtio_hostile_junk(hostile);
            vmmp_virtio_driver_set_used_event(driver, hostile->queue, (uint16_t)junk);
            vmmp_guest_store_le16(&queue->avail->flags, (uint16_t)(junk >> 16));
            vmmp_guest_store_le16((vmmp_le16_t *)(void *)&queue->used->ring[queue->size],
                                  (uint16_t)(junk >> 8));
        }
        vmmp_virtio_hostile_strike(hostile);
    }
    return NULL;
}

/* Chains of every length that the queue has room for, of buffers with junk in them. */
HOSTILE_PLAY(long_chains)
{
    (void)what;
    struct vmmp_virtio_driver *driver = hostile->driver;
    uint32_t size = hostile_queue(hostile)->size;
    struct vmmp_virtio_driver_buffer buffers[256];
    uint32_t most = size < HOSTILE_LENGTH(buffers) ? size : (uint32_t)HOSTILE_LENGTH(buffers);

    vmmp_virtio_hostile_fill(hostile, hostile->buffer, 0x2000);
    for (uint32_t count = 1; count <= most; count += 1 + count / 4) {
        uint32_t writable = vmmp_virtio_hostile_junk(hostile) % (count + 1);
        uint32_t id;
        uint32_t len;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t junk = vmmp_virtio_hostile_junk(hostile);
            buffers[i] = (struct vmmp_virtio_driver_buffer){ hostile->buffer + (junk & 0xfff),
                                                             junk >> 12 & 0x7ff, i >= writable };
        }
        if (hostile_packed(hostile) && hostile_queue(hostile)->packed.free < count) {
            break; /* The device keeps them. */
        }
        vmmp_virtio_driver_add(driver, hostile->queue, buffers, count);
        vmmp_virtio_hostile_strike(hostile);
        if (hostile_status(hostile) & VIRTIO_STATUS_NEEDS_RESET) {
            return NULL;
        }
        while (vmmp_virtio_driver_used(driver, hostile->queue, &id, &len)) {
        }
        if (!hostile_packed(hostile) &&
            hostile_queue(hostile)->avail_idx != hostile_queue(hostile)->last_used) {
            break;
        }
    }
    return NULL;
}

/* Packed: a chain that goes on into an entry of another lap. */
HOSTILE_PLAY(unavailable_rest)
{
    (void)what;
    unsigned lap = vmmp_virtio_driver_available(true);
    if (hostile_queue(hostile)->size < 2) {
        return NULL;
    }
    vmmp_virtio_driver_write(hostile->driver, hostile->queue, 1, hostile->buffer, 16,
                             vmmp_virtio_driver_available(false), 1);
    vmmp_virtio_driver_write(hostile->driver, hostile->queue, 0, hostile->buffer, 16,
                             lap | VMMP_VIRTIO_DRIVER_NEXT, 0);
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* Packed: all entries are those of another lap, or used already. */
HOSTILE_PLAY(other_lap)
{
    (void)what;
    uint32_t size = hostile_queue(hostile)->size;
    for (unsigned kind = 0; kind < 2; kind++) {
        unsigned flags = kind ? 0 : vmmp_virtio_driver_available(false);
        for (uint32_t i = 0; i < size; i++) {
            vmmp_virtio_driver_write(hostile->driver, hostile->queue, i, hostile->buffer, 16, flags,
                                     i);
        }
        vmmp_virtio_hostile_strike(hostile);
    }
    /* The driver wrote what looks used to it. */
    hostile_queue(hostile)->packed.used_wrap = true;
    return NULL;
}

/* Packed: all buffers have one id, which no table has room for. */
HOSTILE_PLAY(any_id)
{
    (void)what;
    uint32_t size = hostile_queue(hostile)->size;
    unsigned flags = vmmp_virtio_driver_available(true) | VMMP_VIRTIO_DRIVER_WRITABLE;
    for (uint32_t i = size; i-- > 0;) {
        vmmp_virtio_driver_write(hostile->driver, hostile->queue, i, hostile->buffer, 64, flags,
                                 0xffff);
    }
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* An indirect table of more descriptors than the queue has. */
HOSTILE_PLAY(large_table)
{
    (void)what;
    uint32_t size = hostile_queue(hostile)->size;
    unsigned flags = VMMP_VIRTIO_DRIVER_INDIRECT |
                     (hostile_packed(hostile) ? vmmp_virtio_driver_available(true) : 0);
    vmmp_virtio_driver_write(hostile->driver, hostile->queue, 0, hostile->buffer, 16 * (size + 1),
                             flags, 0);
    if (!hostile_packed(hostile)) {
        vmmp_virtio_driver_offer(hostile->driver, hostile->queue, 0);
    }
    vmmp_virtio_hostile_strike(hostile);
    return NULL;
}

/* What the device writes are its own descriptors and used entries. */
HOSTILE_PLAY(ring_as_buffer)
{
    (void)what;
    struct vmmp_virtio_driver_queue *queue = hostile_queue(hostile);
    const uint64_t targets[] = { queue->desc_gpa, queue->avail_gpa, queue->used_gpa };
    bool packed = hostile_packed(hostile);
    unsigned flags =
        VMMP_VIRTIO_DRIVER_WRITABLE | (packed ? vmmp_virtio_driver_available(true) : 0);

    for (unsigned i = 0; i < HOSTILE_LENGTH(targets) && i < queue->size; i++) {
        vmmp_virtio_driver_write(hostile->driver, hostile->queue, i, targets[i], 512, flags, i);
        if (!packed) {
            vmmp_virtio_driver_offer(hostile->driver, hostile->queue, (uint16_t)i);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        vmmp_virtio_hostile_strike(hostile);
    }
    return NULL;
}
