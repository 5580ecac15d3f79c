/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings at known places of the fuzzers' memory, and what must hold for any device's queue. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include "fuzz_input.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define FUZZ_RING_MOST   128u
#define FUZZ_RING_STRIDE 0x2000u

/** The legacy layout for up to FUZZ_RING_MOST entries, two pages per queue; packed rings fit too.
 */
static inline struct vmmp_virtqueue_config fuzz_ring_config(unsigned queue, uint32_t size,
                                                            uint64_t features)
{
    uint64_t base = FUZZ_RAM + queue * FUZZ_RING_STRIDE;
    return (struct vmmp_virtqueue_config){ size, vmmp_gpa(base), vmmp_gpa(base + 0x800),
                                           vmmp_gpa(base + 0x1000), features };
}

/** The guest fills in one descriptor: mostly in RAM, mostly small numbers. */
static inline void fuzz_ring_put(struct fuzz_input *in, const struct vmmp_guest_memory *memory,
                                 unsigned queue)
{
    uint8_t how = fuzz_u8(in);
    uint64_t at = FUZZ_RAM + queue * FUZZ_RING_STRIDE +
                  fuzz_u8(in) % FUZZ_RING_MOST * sizeof(struct virtq_desc);
    struct virtq_desc desc = {
        .addr = vmmp_le64(how & 8 ? fuzz_number(in, 8) : FUZZ_RAM + fuzz_u16(in)),
        .len = vmmp_le32(how & 16 ? fuzz_u32(in) : fuzz_u16(in) & 0xfff),
        .flags = vmmp_le16(how & 7),
        .next = vmmp_le16(how & 32 ? fuzz_u16(in) : fuzz_u8(in) % FUZZ_RING_MOST),
    };
    vmmp_guest_memory_write(memory, vmmp_gpa(at), &desc, sizeof(desc));
}

/** The guest makes `count` entries available. */
static inline void fuzz_ring_offer(struct fuzz_input *in, const struct vmmp_guest_memory *memory,
                                   unsigned queue, uint32_t size, unsigned count)
{
    struct virtq_avail *avail = vmmp_guest_memory_span(
        memory, vmmp_gpa(FUZZ_RAM + queue * FUZZ_RING_STRIDE + 0x800), virtq_avail_bytes(size));
    uint16_t idx = vmmp_le16_get(avail->idx);
    for (; count > 0 && size > 0; count--, idx++) {
        avail->ring[idx % size] = vmmp_le16(fuzz_u8(in));
    }
    avail->idx = vmmp_le16(idx);
}

/**
 * The guest fills in the entry of a packed ring that is `how >> 5` after the next one to pop:
 * mostly as an available one.
 */
static inline void fuzz_ring_put_packed(struct fuzz_input *in,
                                        const struct vmmp_guest_memory *memory,
                                        const struct vmmp_virtqueue *vq)
{
    uint8_t how = fuzz_u8(in);
    uint8_t kind = fuzz_u8(in);
    uint32_t at = vq->ring.avail_at + (how >> 5);
    uint16_t state = (uint16_t)(vq->ring.expected >> VIRTQ_PACKED_FLAGS_SHIFT);
    if (vq->size == 0) {
        return;
    }
    state = at / vq->size % 2 ? (uint16_t)(state ^ 0x8080) : state;
    struct virtq_packed_desc desc = {
        .addr = vmmp_le64(how & 8 ? fuzz_number(in, 8) : FUZZ_RAM + fuzz_u16(in)),
        .len = vmmp_le32(how & 16 ? fuzz_u32(in) : fuzz_u16(in) & 0xfff),
        .id = vmmp_le16(kind & 0xf0 ? kind : fuzz_u16(in)),
        .flags = vmmp_le16((uint16_t)((how & 7) | (kind & 12 ? state : fuzz_u16(in)))),
    };
    uint64_t gpa = FUZZ_RAM + at % vq->size * sizeof(desc);
    vmmp_guest_memory_write(memory, vmmp_gpa(gpa), &desc, sizeof(desc));
}

/** Used entries never exceed those taken, nor those the ones that there are. */
static inline void fuzz_ring_check(const struct vmmp_virtqueue *vq)
{
    const struct vmmp_virtqueue_packed *ring = &vq->ring;
    if (!vq->enabled) {
        return;
    }
    if (vq->packed) {
        FUZZ_CHECK(ring->avail_at < vq->size && ring->used_at < vq->size);
        FUZZ_CHECK(ring->unshown <= ring->in_flight && ring->in_flight <= vq->size);
        FUZZ_CHECK((ring->used_at + ring->in_flight - ring->unshown) % vq->size == ring->avail_at);
        return;
    }
    FUZZ_CHECK(vq->avail_end - vq->next_used <= vq->size);
    FUZZ_CHECK(vq->next_avail - vq->next_used <= vq->avail_end - vq->next_used);
}

/** A chain lies in guest RAM, within its capacity, and is as long as it says. */
static inline void fuzz_ring_check_chain(const struct vmmp_virtqueue_chain *chain)
{
    uint64_t readable = 0, writable = 0;
    FUZZ_CHECK(chain->readable + chain->writable <= chain->capacity);
    for (unsigned i = 0; i < chain->readable + chain->writable; i++) {
        FUZZ_CHECK(chain->iov[i].len > 0 && fuzz_in_ram(chain->iov[i].base, chain->iov[i].len));
        *(i < chain->readable ? &readable : &writable) += chain->iov[i].len;
    }
    FUZZ_CHECK(readable == chain->readable_bytes && writable == chain->writable_bytes);
}
