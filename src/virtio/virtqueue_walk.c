/* SPDX-License-Identifier: BSD-2-Clause */
/* From descriptors to elements, with every check: what the quick gear of a ring does not take. */
#include "virtio/virtqueue_walk.h"

#define PAGE_SIZE 4096u
/* 2.7.5.2 forbids chains of more than 2^32 bytes; the used length cannot even tell 2^32. */
#define CHAIN_MAX_BYTES UINT32_MAX

/* ---- The regions at hand ---- */

/* Regions are never taken away, and grow at most; `room` stays true. */
static void learn(struct vmmp_virtqueue *vq, const struct vmmp_guest_region *region)
{
    struct vmmp_virtqueue_near *near = vq->near;
    for (unsigned i = 0; i < 2; i++) {
        if (near[i].room && near[i].start == region->start) {
            return;
        }
    }
    if (region->size < QUICK_LEN) {
        return;
    }
    near[vq->near_next] = (struct vmmp_virtqueue_near){
        .start = region->start,
        .room = region->size - QUICK_LEN + 1,
        .host = region->host,
    };
    vq->near_next = !vq->near_next;
    vq->near_gap = near[1].start - near[0].start;
}

void vmmp_virtqueue_walk_prepare(struct vmmp_virtqueue *vq)
{
    for (unsigned i = 0; i < vq->memory->region_count && !vq->near[1].room; i++) {
        learn(vq, &vq->memory->regions[i]);
    }
}

/* ---- Pieces ---- */

/* How much of a buffer is contiguous for the host: all, up to the region's end, or a page's. */
static void *leading_piece(struct vmmp_virtqueue *vq, uint64_t gpa, uint32_t len, uint32_t *piece)
{
    const struct vmmp_guest_memory *memory = vq->memory;
    const struct vmmp_guest_region *region = vmmp_guest_memory_region(memory, vmmp_gpa(gpa));
    *piece = len;
    if (region) {
        uint64_t left = region->size - (gpa - region->start);
        *piece = len < left ? len : (uint32_t)left;
        learn(vq, region);
        return vmmp_guest_region_at(region, vmmp_gpa(gpa));
    }
    void *host = vmmp_guest_memory_span(memory, vmmp_gpa(gpa), len);
    uint32_t in_page = PAGE_SIZE - (uint32_t)(gpa % PAGE_SIZE);
    if (!host && in_page < len) {
        *piece = in_page;
        host = vmmp_guest_memory_span(memory, vmmp_gpa(gpa), in_page);
    }
    return host;
}

/* A buffer that is not one piece of RAM: empty, across borders, or somewhere else. */
static const char *add_in_pieces(struct vmmp_virtqueue_walk *walk, uint64_t gpa, uint32_t len)
{
    bool first = true;
    uint8_t *end = NULL;
    if (len > 0 && gpa > UINT64_MAX - (len - 1)) {
        return "buffer is not in RAM";
    }
    while (len > 0) {
        uint32_t piece;
        uint8_t *host = leading_piece(walk->vq, gpa, len, &piece);
        if (!host) {
            return "buffer is not in RAM";
        }
        if (!first && host == end) {
            walk->next[-1].len += piece;
        } else {
            if (!first && walk->extra-- == 0) {
                return "buffer has too many pieces";
            }
            *walk->next++ = (struct vmmp_iovec){ host, piece };
            first = false;
        }
        end = host + piece;
        len -= piece;
        gpa += piece;
    }
    return NULL;
}

/* ---- The walk ---- */

const char *vmmp_virtqueue_walk_begin(struct vmmp_virtqueue_walk *walk, struct vmmp_virtqueue *vq,
                                      struct vmmp_virtqueue_chain *chain, unsigned taken,
                                      unsigned readable, uint32_t readable_bytes,
                                      uint32_t writable_bytes)
{
    if (!chain->iov) {
        return "the device takes no chains";
    }
    unsigned most = chain->capacity < vq->size ? chain->capacity : vq->size;
    *walk = (struct vmmp_virtqueue_walk){
        .vq = vq,
        .chain = chain,
        .next = chain->iov + taken,
        .room = most - taken,
        .extra = chain->capacity - most,
        .cramped = chain->capacity<vq->size, .writing = taken> readable,
        .readable_bytes = readable_bytes,
        .writable_bytes = writable_bytes,
    };
    chain->readable = readable;
    return NULL;
}

const char *vmmp_virtqueue_walk_add(struct vmmp_virtqueue_walk *walk, uint64_t gpa, uint32_t len,
                                    bool writable)
{
    if (walk->room-- == 0) {
        return walk->cramped ? "chain is longer than the device takes"
                             : "chain is longer than the queue, or loops";
    }
    if (writable) {
        if (!walk->writing) {
            walk->writing = true;
            walk->chain->readable = (unsigned)(walk->next - walk->chain->iov);
        }
        walk->writable_bytes += len;
    } else {
        if (walk->writing) {
            return "readable buffer after a writable one";
        }
        walk->readable_bytes += len;
    }
    if ((uint64_t)len - 1 < QUICK_LEN && near_piece(walk->vq, &gpa, len, walk->next)) {
        walk->next++;
        return NULL;
    }
    return add_in_pieces(walk, gpa, len);
}

const char *vmmp_virtqueue_walk_end(struct vmmp_virtqueue_walk *walk)
{
    struct vmmp_virtqueue_chain *chain = walk->chain;
    unsigned elements = (unsigned)(walk->next - chain->iov);
    if (walk->readable_bytes + walk->writable_bytes > CHAIN_MAX_BYTES) {
        return "chain has 2^32 bytes or more";
    }
    if (!walk->writing) {
        chain->readable = elements;
    }
    chain->writable = elements - chain->readable;
    chain->readable_bytes = (uint32_t)walk->readable_bytes;
    chain->writable_bytes = (uint32_t)walk->writable_bytes;
    chain->token.writable = chain->writable_bytes;
    return NULL;
}

const char *vmmp_virtqueue_walk_table(const struct vmmp_virtqueue *vq, uint64_t gpa, uint32_t len,
                                      const uint8_t **table, uint32_t *entries)
{
    if (!vq->indirect) {
        return "indirect descriptor was not negotiated";
    }
    if (len == 0 || len % DESC_BYTES != 0) {
        return "indirect table has a broken length";
    }
    if (len / DESC_BYTES > vq->size) {
        return "indirect table is longer than the queue";
    }
    *table = vmmp_guest_memory_span(vq->memory, vmmp_gpa(gpa), len);
    *entries = len / DESC_BYTES;
    return *table ? NULL : "indirect table is not in RAM";
}
