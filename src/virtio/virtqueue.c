/* SPDX-License-Identifier: BSD-2-Clause */
/* What all queues share; pop and push, where it counts, begin in virtqueue_split.c. */
#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include <string.h>

#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_walk.h"

/* ---- Geometry ---- */

bool vmmp_virtqueue_set_areas(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_config *config,
                              const size_t bytes[3], const unsigned align[3])
{
    static const char *const errors[] = {
        "descriptor area is misaligned or not in RAM",
        "driver area is misaligned or not in RAM",
        "device area is misaligned or not in RAM",
    };
    const vmmp_gpa_t addresses[] = { config->desc, config->driver, config->device };
    void **areas[] = { &vq->desc, &vq->driver, &vq->device };

    for (unsigned i = 0; i < 3; i++) {
        *areas[i] = addresses[i].gpa % align[i] == 0
                        ? vmmp_guest_memory_span(vq->memory, addresses[i], bytes[i])
                        : NULL;
        if (!*areas[i]) {
            vq->error = errors[i];
            return false;
        }
    }
    return true;
}

static bool has(const struct vmmp_virtqueue_config *config, unsigned bit)
{
    return config->features >> bit & 1;
}

/*
 * Generations are even. One that is odd is no token's, so for every token of such a queue the short
 * way is wrong.
 */
#define NO_TOKEN 1u

bool vmmp_virtqueue_enable(struct vmmp_virtqueue *vq, const struct vmmp_guest_memory *memory,
                           const struct vmmp_virtqueue_config *config)
{
    vmmp_virtqueue_disable(vq);
    vq->memory = memory;
    vq->size = config->size;
    vq->mask = config->size - 1;
    vq->packed = has(config, VIRTIO_F_RING_PACKED);
    vq->event_idx = has(config, VIRTIO_F_EVENT_IDX);
    vq->indirect = has(config, VIRTIO_F_INDIRECT_DESC);
    vq->in_order = has(config, VIRTIO_F_IN_ORDER);
    bool good = vq->packed ? vmmp_virtqueue_packed_enable(vq, config)
                           : vmmp_virtqueue_split_enable(vq, config);
    if (!good) {
        const char *error = vq->error;
        vmmp_virtqueue_disable(vq);
        vq->error = error;
        return false;
    }
    vmmp_virtqueue_walk_prepare(vq);
    vq->quick_generation = vq->packed || vq->in_order ? NO_TOKEN : vq->generation;
    vq->enabled = true;
    return true;
}

void vmmp_virtqueue_disable(struct vmmp_virtqueue *vq)
{
    uint32_t generation = vq->generation + 2;
    memset(vq, 0, sizeof(*vq));
    vq->generation = generation;
    vq->quick_generation = NO_TOKEN;
}

void vmmp_virtqueue_fail(struct vmmp_virtqueue *vq, const char *error)
{
    if (!vq->error) {
        vq->error = error;
    }
    /* With nothing left to pop, a pop looks for more, and there the error is seen. */
    vq->avail_end = vq->next_avail;
    vq->ring.live = false;
}

/* ---- From one device to another ---- */

unsigned vmmp_virtqueue_in_flight(const struct vmmp_virtqueue *vq)
{
    return vq->packed ? vq->ring.in_flight : vq->next_avail - vq->published;
}

uint16_t vmmp_virtqueue_position(const struct vmmp_virtqueue *vq)
{
    return vq->packed ? vmmp_virtqueue_packed_position(vq) : (uint16_t)vq->next_used;
}

bool vmmp_virtqueue_seek(struct vmmp_virtqueue *vq, uint16_t position)
{
    if (!vq->enabled) {
        return false;
    }
    return vq->packed ? vmmp_virtqueue_packed_seek(vq, position)
                      : vmmp_virtqueue_split_seek(vq, position);
}

bool vmmp_virtqueue_move(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_config *config)
{
    memset(vq->near, 0, sizeof(vq->near));
    vq->near_gap = 0;
    if (!vq->enabled || vq->error) {
        return false;
    }
    bool found =
        vq->packed ? vmmp_virtqueue_packed_find(vq, config) : vmmp_virtqueue_split_find(vq, config);
    if (!found) {
        /* Nothing may be written to where the rings were. */
        const char *error = vq->error;
        vmmp_virtqueue_disable(vq);
        vq->error = error;
        return false;
    }
    vmmp_virtqueue_walk_prepare(vq);
    return true;
}

bool vmmp_virtqueue_pop_kept(struct vmmp_virtqueue *vq, const void *descriptors, uint32_t count,
                             struct vmmp_virtqueue_chain *chain)
{
    return vq->enabled && vq->packed && !vq->error &&
           vmmp_virtqueue_packed_pop_kept(vq, descriptors, count, chain);
}

/* ---- By the kind of ring ---- */

bool vmmp_virtqueue_flush(struct vmmp_virtqueue *vq)
{
    return vq->packed ? vmmp_virtqueue_packed_flush(vq) : vmmp_virtqueue_split_flush(vq);
}

unsigned vmmp_virtqueue_pending(const struct vmmp_virtqueue *vq)
{
    if (vq->packed) {
        return vmmp_virtqueue_packed_some(vq) ? vq->size - vq->ring.in_flight : 0;
    }
    return vq->avail_end - vq->next_avail;
}

void vmmp_virtqueue_disable_notifications(struct vmmp_virtqueue *vq)
{
    if (!vq->enabled || vq->quiet) {
        return;
    }
    if (vq->packed) {
        vmmp_virtqueue_packed_quieten(vq);
    } else {
        vmmp_virtqueue_split_quieten(vq);
    }
}

bool vmmp_virtqueue_enable_notifications(struct vmmp_virtqueue *vq)
{
    if (!vq->enabled || vq->error) {
        return false;
    }
    return vq->packed ? vmmp_virtqueue_packed_listen(vq) : vmmp_virtqueue_split_listen(vq);
}

/* ---- Copies ---- */

static size_t copy(const struct vmmp_iovec *iov, unsigned count, uint64_t offset, uint8_t *to,
                   const uint8_t *from, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < count && done < len; i++) {
        if (offset >= iov[i].len) {
            offset -= iov[i].len;
            continue;
        }
        uint8_t *base = (uint8_t *)iov[i].base + offset;
        size_t left = iov[i].len - (size_t)offset;
        size_t piece = left < len - done ? left : len - done;
        if (to) {
            memcpy(to + done, base, piece);
        } else if (from) {
            memcpy(base, from + done, piece);
        }
        done += piece;
        offset = 0;
    }
    return done;
}

size_t vmmp_iovec_read(const struct vmmp_iovec *iov, unsigned count, uint64_t offset, void *to,
                       size_t len)
{
    return copy(iov, count, offset, to, NULL, len);
}

size_t vmmp_iovec_write(const struct vmmp_iovec *iov, unsigned count, uint64_t offset,
                        const void *from, size_t len)
{
    return copy(iov, count, offset, NULL, from, len);
}
