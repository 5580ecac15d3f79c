/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inflight region of a packed ring. The ring itself does not say what is in flight: what a
 * chain consisted of may have been overwritten by used entries, so the region keeps a copy of its
 * descriptors, and how far the driver has been shown.
 *
 * A program that is killed has done its stores up to some place and none after it. After each store
 * here and in the ring the next back-end finds a state that it understands.
 *
 * A chain is taken with the store of `free_head` and `old_free_head`: before it, its entries are
 * still on the free list, and the next back-end finds it in the ring.
 *
 * A batch is given back with the store of the first entry's flags in the ring. `used` has been
 * moved before it, so where `used` and its old value differ, the ring says which of them is true.
 * Used entries after the first of a batch may be in the ring although the first is not: they are
 * made available ones again, or the driver would take them for the next back-end's.
 *
 * The region is shared. While the ring works it is written and never read; when it is taken over it
 * is read once, and what was read is checked: every entry is on the free list or in one chain.
 */
#include <stdlib.h>
#include <string.h>

#include "vhost_user_internal.h"

#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_walk.h"

static struct vhost_inflight_ring *ring_of(struct vmmp_virtio_tracker *tracker)
{
    return (struct vhost_inflight_ring *)tracker;
}

/* ---- Stores that the next back-end goes by ---- */

struct free_heads {
    uint16_t free_head;
    uint16_t old_free_head;
};

static void store_free_heads(struct vhost_user_inflight_packed *region, uint16_t now, uint16_t old)
{
    const struct free_heads heads = { now, old };
    uint32_t word;
    memcpy(&word, &heads, sizeof(word));
    __atomic_store_n((uint32_t *)(void *)&region->free_head, word, __ATOMIC_RELEASE);
}

static struct vhost_user_inflight_used load_used(const struct vhost_user_inflight_packed *region)
{
    struct vhost_user_inflight_used used;
    uint64_t word = __atomic_load_n(&region->used, __ATOMIC_ACQUIRE);
    memcpy(&used, &word, sizeof(used));
    return used;
}

static void store_used(struct vhost_user_inflight_packed *region,
                       struct vhost_user_inflight_used used)
{
    uint64_t word;
    memcpy(&word, &used, sizeof(word));
    __atomic_store_n(&region->used, word, __ATOMIC_RELEASE);
}

static void store_in_flight(struct vhost_user_inflight_packed_desc *desc, uint8_t in_flight)
{
    __atomic_store_n(&desc->in_flight, in_flight, __ATOMIC_RELEASE);
}

/* ---- Account of one ring ---- */

/* A position is an entry of the ring with its wrap counter (vmmp_virtqueue_position()). */
static void set_used(struct vhost_inflight_packed *packed, uint16_t position)
{
    packed->used_idx = (uint16_t)(position & ~RING_EVENT_WRAP);
    packed->used_wrap_counter = (position & RING_EVENT_WRAP) != 0;
}

static void keep_descriptor(struct vhost_user_inflight_packed_desc *desc,
                            const struct virtq_packed_desc *from)
{
    uint64_t rest = virtq_load64((const uint8_t *)&from->len);
    desc->addr = virtq_load64((const uint8_t *)&from->addr);
    desc->len = (uint32_t)rest;
    desc->id = (uint16_t)(rest >> VIRTQ_PACKED_ID_SHIFT);
    desc->flags = (uint16_t)(rest >> VIRTQ_PACKED_FLAGS_SHIFT);
}

/* The driver leaves entries as they are until it has them back (2.8.6). */
static void popped(struct vmmp_virtio_tracker *tracker, const struct vmmp_virtqueue *vq,
                   struct vmmp_virtqueue_token *token)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    struct vhost_inflight_packed *packed = &ring->packed;
    struct vhost_user_inflight_packed *region = packed->region;
    uint32_t at = (vq->ring.avail_at < token->entries ? vq->size : 0) + vq->ring.avail_at;
    uint16_t head = packed->free_head;
    uint16_t last = head;
    uint16_t after = head;
    at -= token->entries;
    for (unsigned i = 0; i < token->entries; i++) {
        const struct virtq_packed_desc *from = vq->desc;
        keep_descriptor(&region->desc[after], &from[at]);
        at = at + 1 == vq->size ? 0 : at + 1;
        last = after;
        after = packed->next[after];
    }
    region->desc[last].id = token->id;
    region->desc[head].last = last;
    region->desc[head].num = token->entries;
    region->desc[head].counter = ring->counter++;
    store_in_flight(&region->desc[head], 1);
    store_free_heads(region, after, after);
    packed->free_head = after;
    packed->last[head] = last;
    packed->num[head] = token->entries;
    packed->id[head] = token->id;
    token->id = head;
}

static bool again(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue *vq,
                  struct vmmp_virtqueue_chain *chain, bool *popped)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    struct vhost_inflight_packed *packed = &ring->packed;
    if (ring->again_next == ring->again_count) {
        return false;
    }
    uint16_t head = ring->again[ring->again_next];
    *popped =
        vmmp_virtqueue_pop_kept(vq, packed->kept + packed->kept_next, packed->num[head], chain);
    if (*popped) {
        ring->again_next++;
        packed->kept_next += packed->num[head];
        ++*ring->resubmitted;
        chain->token.id = head;
    }
    return true;
}

/* Entries are taken again from the end that is given back last: the list grows at its head. */
static void pushed(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue_token *token)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    struct vhost_inflight_packed *packed = &ring->packed;
    uint16_t head = token->id;
    if (head >= ring->size || packed->last[head] == VHOST_NOT_IN_FLIGHT) {
        return; /* It was pushed before. */
    }
    uint16_t last = packed->last[head];
    token->id = packed->id[head];
    packed->last[head] = VHOST_NOT_IN_FLIGHT;
    if (ring->batch_count == 0) {
        packed->pending_tail = last;
    } else {
        packed->next[last] = packed->pending_head;
        packed->region->desc[last].next = packed->pending_head;
    }
    packed->pending_head = head;
    ring->batch[ring->batch_count++] = head;
}

static void showing(struct vmmp_virtio_tracker *tracker, uint16_t position)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    struct vhost_inflight_packed *packed = &ring->packed;
    if (ring->batch_count == 0) {
        return;
    }
    packed->next[packed->pending_tail] = packed->free_head;
    packed->region->desc[packed->pending_tail].next = packed->free_head;
    store_free_heads(packed->region, packed->pending_head, packed->free_head);
    store_used(packed->region, (struct vhost_user_inflight_used){
                                   .used_idx = (uint16_t)(position & ~RING_EVENT_WRAP),
                                   .used_wrap_counter = (position & RING_EVENT_WRAP) != 0,
                                   .old_used_idx = packed->used_idx,
                                   .old_used_wrap_counter = packed->used_wrap_counter,
                               });
}

/* Both positions are one now. */
static void settle(struct vhost_inflight_packed *packed)
{
    store_free_heads(packed->region, packed->free_head, packed->free_head);
    store_used(packed->region, (struct vhost_user_inflight_used){
                                   .used_idx = packed->used_idx,
                                   .used_wrap_counter = packed->used_wrap_counter,
                                   .old_used_idx = packed->used_idx,
                                   .old_used_wrap_counter = packed->used_wrap_counter,
                               });
}

static void shown(struct vmmp_virtio_tracker *tracker, uint16_t position)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    struct vhost_inflight_packed *packed = &ring->packed;
    if (ring->batch_count == 0) {
        return;
    }
    for (unsigned i = 0; i < ring->batch_count; i++) {
        store_in_flight(&packed->region->desc[ring->batch[i]], 0);
    }
    ring->batch_count = 0;
    packed->free_head = packed->pending_head;
    set_used(packed, position);
    settle(packed);
}

static const struct vmmp_virtio_tracker tracker_ops = { again, popped, pushed, showing, shown };

/* ---- A new region ---- */

static void make_new(struct vhost_inflight_ring *ring, uint16_t position)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    for (uint32_t i = 0; i < ring->size; i++) {
        packed->next[i] = (uint16_t)(i + 1);
        packed->region->desc[i].next = (uint16_t)(i + 1);
    }
    packed->free_head = 0;
    set_used(packed, position);
    packed->region->desc_num = ring->size;
    settle(packed);
    __atomic_store_n(&packed->region->version, VHOST_USER_INFLIGHT_VERSION, __ATOMIC_RELEASE);
}

/* ---- Taking over ---- */

static const char nonsense[] = "an inflight region of nonsense";

/* AVAIL and USED of an entry that the driver made available in this lap. */
static uint16_t available(bool wrap)
{
    return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

#define AVAIL_USED (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)

/* Which of two positions is true, and with it which free list. */
static const char *find_position(struct vhost_inflight_ring *ring, const struct vmmp_virtqueue *vq)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    struct vhost_user_inflight_packed *region = packed->region;
    const struct vhost_user_inflight_used used = load_used(region);
    const struct virtq_packed_desc *desc = vq->desc;
    bool committed = false;
    if (used.used_idx >= ring->size || used.old_used_idx >= ring->size ||
        used.used_wrap_counter > 1 || used.old_used_wrap_counter > 1) {
        return nonsense;
    }
    if (used.used_idx != used.old_used_idx ||
        used.used_wrap_counter != used.old_used_wrap_counter) {
        uint16_t flags = vmmp_guest_load_le16(&desc[used.old_used_idx].flags);
        committed = (flags & AVAIL_USED) != available(used.old_used_wrap_counter);
    }
    packed->free_head = committed ? __atomic_load_n(&region->free_head, __ATOMIC_ACQUIRE)
                                  : __atomic_load_n(&region->old_free_head, __ATOMIC_ACQUIRE);
    packed->used_idx = committed ? used.used_idx : used.old_used_idx;
    packed->used_wrap_counter = committed ? used.used_wrap_counter : used.old_used_wrap_counter;
    return NULL;
}

/* Who an entry of the region belongs to. */
enum owner { NOBODY, FREE, CHAIN };

/* The free list ends where it leaves the region. An entry that is on it is not in flight. */
static bool follow_free_list(struct vhost_inflight_ring *ring, uint8_t *owners)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    for (uint32_t i = packed->free_head; i < ring->size; i = packed->next[i]) {
        if (owners[i] != NOBODY) {
            return false; /* A loop. */
        }
        owners[i] = FREE;
        packed->next[i] = __atomic_load_n(&packed->region->desc[i].next, __ATOMIC_RELAXED);
    }
    return true;
}

static bool follow_chain(struct vhost_inflight_ring *ring, uint16_t head, uint8_t *owners)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    uint16_t num = __atomic_load_n(&packed->region->desc[head].num, __ATOMIC_RELAXED);
    uint16_t at = head;
    if (num == 0 || num > ring->size) {
        return false;
    }
    packed->num[head] = num;
    for (unsigned i = 0; i < num; i++) {
        if (at >= ring->size || owners[at] != NOBODY) {
            return false;
        }
        owners[at] = CHAIN;
        packed->last[head] = at;
        packed->next[at] = __atomic_load_n(&packed->region->desc[at].next, __ATOMIC_RELAXED);
        at = packed->next[at];
    }
    return true;
}

/* Every entry is on the free list or in a chain: then nothing can run out of them. */
static const char *find_chains(struct vhost_inflight_ring *ring, uint8_t *owners,
                               struct vhost_inflight_candidate *found)
{
    struct vhost_user_inflight_packed *region = ring->packed.region;
    unsigned count = 0;
    if (!follow_free_list(ring, owners)) {
        return nonsense;
    }
    for (uint32_t i = 0; i < ring->size; i++) {
        bool in_flight = __atomic_load_n(&region->desc[i].in_flight, __ATOMIC_ACQUIRE) == 1;
        ring->packed.last[i] = VHOST_NOT_IN_FLIGHT;
        if (owners[i] == FREE) {
            store_in_flight(&region->desc[i], 0);
        } else if (in_flight && owners[i] == NOBODY) {
            if (!follow_chain(ring, (uint16_t)i, owners)) {
                return nonsense;
            }
            found[count++] =
                (struct vhost_inflight_candidate){ region->desc[i].counter, (uint16_t)i };
        }
    }
    if (memchr(owners, NOBODY, ring->size)) {
        return nonsense;
    }
    vhost_inflight_sort(ring, found, count);
    return NULL;
}

/* Copies the descriptors of chains in the order in which they are taken again; how many they are.
 */
static uint32_t copy_chains(struct vhost_inflight_ring *ring)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    struct virtq_packed_desc *to = packed->kept;
    for (unsigned i = 0; i < ring->again_count; i++) {
        uint16_t head = ring->again[i];
        uint16_t at = head;
        for (unsigned n = 0; n < packed->num[head]; n++, to++, at = packed->next[at]) {
            const struct vhost_user_inflight_packed_desc *from = &packed->region->desc[at];
            to->addr = vmmp_le64(from->addr);
            to->len = vmmp_le32(from->len);
            to->id = vmmp_le16(from->id);
            to->flags = vmmp_le16(from->flags);
            packed->id[head] = vmmp_le16_get(to->id);
        }
    }
    packed->kept_next = 0;
    return (uint32_t)(to - packed->kept);
}

/* None of the `count` entries that are in flight is used. */
static void mend_ring(const struct vhost_inflight_packed *packed, const struct vmmp_virtqueue *vq,
                      uint32_t count)
{
    struct virtq_packed_desc *desc = vq->desc;
    uint32_t at = packed->used_idx;
    bool wrap = packed->used_wrap_counter;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t flags = vmmp_guest_load_le16(&desc[at].flags);
        if ((flags & AVAIL_USED) != available(wrap)) {
            vmmp_guest_store_le16(&desc[at].flags,
                                  (uint16_t)((flags & ~AVAIL_USED) | available(wrap)));
        }
        if (++at == vq->size) {
            at = 0;
            wrap = !wrap;
        }
    }
}

static const char *take_over(struct vhost_inflight_ring *ring, const struct vmmp_virtqueue *vq)
{
    struct vhost_inflight_candidate *found = calloc(ring->size, sizeof(*found));
    uint8_t *owners = calloc(ring->size, sizeof(*owners));
    const char *why = "no memory for the inflight region";
    ring->packed.kept = calloc(ring->size, sizeof(*ring->packed.kept));
    if (found && owners && ring->packed.kept) {
        why = find_position(ring, vq);
        why = why ? why : find_chains(ring, owners, found);
    }
    if (!why) {
        mend_ring(&ring->packed, vq, copy_chains(ring));
        settle(&ring->packed);
    }
    free(found);
    free(owners);
    return why;
}

const char *vhost_inflight_begin_packed(struct vhost_inflight_ring *ring,
                                        const struct vmmp_virtqueue *vq, uint16_t *position)
{
    struct vhost_inflight_packed *packed = &ring->packed;
    vhost_inflight_end_packed(ring);
    ring->tracker = tracker_ops;
    uint16_t version = __atomic_load_n(&packed->region->version, __ATOMIC_ACQUIRE);
    if (version == 0) {
        ring->counter = 0;
        memset(packed->last, 0xff, ring->size * sizeof(packed->last[0]));
        make_new(ring, *position);
        return NULL;
    }
    if (version != VHOST_USER_INFLIGHT_VERSION || packed->region->desc_num != ring->size) {
        return "an inflight region of another version or size";
    }
    const char *why = take_over(ring, vq);
    /* The front-end of a back-end that crashed does not know it (SET_VRING_BASE). */
    *position = (uint16_t)(packed->used_idx | (packed->used_wrap_counter ? RING_EVENT_WRAP : 0));
    return why;
}

void vhost_inflight_end_packed(struct vhost_inflight_ring *ring)
{
    free(ring->packed.kept);
    ring->packed.kept = NULL;
}
