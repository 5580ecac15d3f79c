/* SPDX-License-Identifier: BSD-2-Clause */
/* Packed rings (virtio 1.2, 2.8). */
#include "virtio/virtqueue_packed.h"

#include "virtio/virtqueue_quick.h"
#include "virtio/virtqueue_walk.h"

#define FLAG(flag) ((uint64_t)(flag) << VIRTQ_PACKED_FLAGS_SHIFT)

#define AVAIL_USED (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)

/* As in virtqueue_split.c, of a descriptor whose bits AVAIL and USED were compared already. */
#define UNUSUAL (UNUSUAL_LEN | FLAG(VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_INDIRECT | AVAIL_USED))

bool vmmp_virtqueue_packed_enable(struct vmmp_virtqueue *vq,
                                  const struct vmmp_virtqueue_config *config)
{
    if (config->size == 0 || config->size > VMMP_VIRTQUEUE_MAX_SIZE) {
        vq->error = "queue size is not 1 to 32768";
        return false;
    }
    if (!vmmp_virtqueue_packed_find(vq, config)) {
        return false;
    }
    /* 2.8.1: both wrap counters begin with 1. */
    vq->ring.expected = FLAG(VIRTQ_DESC_F_AVAIL);
    vq->ring.used_flags = AVAIL_USED;
    vq->ring.quick_end = config->size > QUICK ? config->size - QUICK : 0;
    vq->ring.live = true;
    vq->unusual = UNUSUAL;
    return true;
}

bool vmmp_virtqueue_packed_find(struct vmmp_virtqueue *vq,
                                const struct vmmp_virtqueue_config *config)
{
    static const unsigned align[] = { VIRTQ_PACKED_DESC_ALIGN, VIRTQ_PACKED_EVENT_ALIGN,
                                      VIRTQ_PACKED_EVENT_ALIGN };
    const size_t bytes[] = { virtq_packed_desc_bytes(config->size),
                             sizeof(struct virtq_packed_event), sizeof(struct virtq_packed_event) };
    return vmmp_virtqueue_set_areas(vq, config, bytes, align);
}

bool vmmp_virtqueue_packed_seek(struct vmmp_virtqueue *vq, uint16_t position)
{
    uint32_t at = position & ~RING_EVENT_WRAP;
    bool wrap = position & RING_EVENT_WRAP;
    if (at >= vq->size) {
        vmmp_virtqueue_fail(vq, "ring position is beyond the ring");
        return false;
    }
    vq->ring.avail_at = at;
    vq->ring.used_at = at;
    vq->ring.expected = FLAG(wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED);
    vq->ring.used_flags = wrap ? AVAIL_USED : 0;
    return true;
}

uint16_t vmmp_virtqueue_packed_position(const struct vmmp_virtqueue *vq)
{
    return (uint16_t)(vq->ring.used_at | (vq->ring.used_flags ? RING_EVENT_WRAP : 0));
}

/* ---- Taking chains ---- */

static struct virtq_packed_desc *entry(const struct vmmp_virtqueue *vq, uint32_t at)
{
    return (struct virtq_packed_desc *)vq->desc + at;
}

/*
 * What follows `addr`, in one access where the host has such, and before everything else that is
 * read of the chain. Pairs with the driver's barrier before it stores the flags (2.8.21).
 */
static inline __attribute__((always_inline)) uint64_t
load_rest(const struct virtq_packed_desc *desc)
{
#if UINTPTR_MAX > UINT32_MAX
    const uint64_t *rest = (const void *)&desc->len;
    return VMMP_LE_SWAP(64, __atomic_load_n(rest, __ATOMIC_ACQUIRE));
#else
    const uint32_t *upper = (const void *)&desc->id;
    uint64_t id_flags = VMMP_LE_SWAP(32, __atomic_load_n(upper, __ATOMIC_ACQUIRE));
    uint32_t len = VMMP_LE_SWAP(32, __atomic_load_n(&desc->len.le, __ATOMIC_RELAXED));
    return id_flags << 32 | len;
#endif
}

static inline __attribute__((always_inline)) uint64_t
load_addr(const struct virtq_packed_desc *desc)
{
    return virtq_load64((const uint8_t *)&desc->addr);
}

/* The entries of the chain are the device's from now on. `last` is its last descriptor. */
static inline __attribute__((always_inline)) bool popped(struct vmmp_virtqueue *vq,
                                                         struct vmmp_virtqueue_chain *chain,
                                                         uint64_t last, uint32_t entries)
{
    chain->token.generation = vq->generation;
    chain->token.id = (uint16_t)(last >> VIRTQ_PACKED_ID_SHIFT);
    chain->token.entries = (uint16_t)entries;
    vq->ring.in_flight += entries;
    vq->ring.avail_at += entries;
    return true;
}

/* The same where the end of the ring may lie in the chain. */
static bool popped_anywhere(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
                            uint64_t last, uint32_t entries)
{
    popped(vq, chain, last, entries);
    if (vq->ring.avail_at >= vq->size) {
        vq->ring.avail_at -= vq->size;
        vq->ring.expected ^= FLAG(AVAIL_USED);
    }
    return true;
}

/* 2.8.7: the entries of the table from `i` on; of their flags only one means anything. */
static const char *follow_entries(struct vmmp_virtqueue_walk *walk, const uint8_t *table,
                                  uint32_t i, uint32_t entries)
{
    const char *error = NULL;
    for (table += (size_t)i * DESC_BYTES; !error && i < entries; i++, table += DESC_BYTES) {
        uint64_t rest = virtq_load64(table + DESC_REST);
        error = vmmp_virtqueue_walk_add(walk, virtq_load64(table), (uint32_t)rest,
                                        (rest & FLAG(VIRTQ_DESC_F_WRITE)) != 0);
    }
    return error;
}

static const char *follow_table(struct vmmp_virtqueue_walk *walk, uint64_t gpa, uint64_t rest)
{
    const uint8_t *table;
    uint32_t entries;
    const char *error = vmmp_virtqueue_walk_table(walk->vq, gpa, (uint32_t)rest, &table, &entries);
    return error ? error : follow_entries(walk, table, 0, entries);
}

/* One descriptor of the ring, the `number`th of its chain. */
static inline const char *add_descriptor(struct vmmp_virtqueue_walk *walk, uint32_t number,
                                         uint64_t gpa, uint64_t rest)
{
    if (!(rest & FLAG(VIRTQ_DESC_F_INDIRECT))) {
        return vmmp_virtqueue_walk_add(walk, gpa, (uint32_t)rest,
                                       (rest & FLAG(VIRTQ_DESC_F_WRITE)) != 0);
    }
    if (number > 1 || rest & FLAG(VIRTQ_DESC_F_NEXT)) {
        return walk->vq->indirect ? "indirect descriptor in a chain of others"
                                  : "indirect descriptor was not negotiated";
    }
    return follow_table(walk, gpa, rest);
}

/* Where in the ring the walk is, with the descriptor that was read there. */
struct place {
    uint32_t at;
    uint32_t entries;  /* Of the chain, before this one. */
    uint64_t expected; /* AVAIL and USED of an available entry here. */
    uint64_t gpa;
    uint64_t rest;
};

/* Follows any chain to its end, or says why it is malformed. */
static const char *follow(struct vmmp_virtqueue_walk *walk, struct place *place)
{
    const struct vmmp_virtqueue *vq = walk->vq;
    for (;;) {
        if ((place->rest ^ place->expected) & FLAG(AVAIL_USED)) {
            /* 2.8.6: it was to be so before the first one. */
            return "chain goes on where no descriptor is available";
        }
        if (place->entries == vq->size - vq->ring.in_flight) {
            return "chain is longer than the queue, or in flight already";
        }
        const char *error = add_descriptor(walk, ++place->entries, place->gpa, place->rest);
        if (error) {
            return error;
        }
        if (!(place->rest & FLAG(VIRTQ_DESC_F_NEXT))) {
            return vmmp_virtqueue_walk_end(walk);
        }
        if (++place->at == vq->size) {
            place->at = 0;
            place->expected ^= FLAG(AVAIL_USED);
        }
        place->rest = load_rest(entry(vq, place->at));
        place->gpa = load_addr(entry(vq, place->at));
    }
}

/* The same where the descriptors are in a list of their own; `last` becomes the last one. */
static const char *follow_kept(struct vmmp_virtqueue_walk *walk,
                               const struct virtq_packed_desc *kept, uint32_t count, uint64_t *last)
{
    if (count == 0 || count > walk->vq->size - walk->vq->ring.in_flight) {
        return "kept chain is longer than the queue";
    }
    for (uint32_t i = 1; i <= count; i++, kept++) {
        *last = load_rest(kept);
        const char *error = add_descriptor(walk, i, load_addr(kept), *last);
        if (error) {
            return error;
        }
        if (!(*last & FLAG(VIRTQ_DESC_F_NEXT)) != (i == count)) {
            return "kept chain is not as long as it says";
        }
    }
    return vmmp_virtqueue_walk_end(walk);
}

bool vmmp_virtqueue_packed_pop_kept(struct vmmp_virtqueue *vq, const void *descriptors,
                                    uint32_t count, struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtqueue_walk walk;
    uint64_t last = 0;
    const char *error = vmmp_virtqueue_walk_begin(&walk, vq, chain, 0, 0, 0, 0);
    error = error ? error : follow_kept(&walk, descriptors, count, &last);
    if (error) {
        vmmp_virtqueue_fail(vq, error);
        return false;
    }
    return popped_anywhere(vq, chain, last, count);
}

/* `taken` descriptors were the quick gear's; this is the first that was not. */
static __attribute__((noinline)) bool go_on(struct vmmp_virtqueue *vq,
                                            struct vmmp_virtqueue_chain *chain, uint64_t gpa,
                                            uint64_t rest, unsigned taken, uint32_t bytes)
{
    struct vmmp_virtqueue_walk walk;
    struct place place = { vq->ring.avail_at + taken, taken, vq->ring.expected, gpa, rest };
    const char *error =
        vmmp_virtqueue_walk_begin(&walk, vq, chain, taken, taken ? chain->readable : 0,
                                  taken ? chain->readable_bytes : 0, bytes);
    error = error ? error : follow(&walk, &place);
    if (error) {
        vmmp_virtqueue_fail(vq, error);
        return false;
    }
    return popped_anywhere(vq, chain, place.rest, place.entries);
}

/* The rest of a table, from the entry `at` on, which was read; those before it have been taken. */
static __attribute__((noinline)) bool go_on_in_table(struct vmmp_virtqueue *vq,
                                                     struct vmmp_virtqueue_chain *chain,
                                                     const struct vmmp_iovec *table,
                                                     const uint8_t *at, uint64_t gpa, uint64_t rest,
                                                     uint32_t bytes, uint64_t head)
{
    struct vmmp_virtqueue_walk walk;
    unsigned taken = (unsigned)((size_t)(at - (const uint8_t *)table->base) / DESC_BYTES);
    const char *error = vmmp_virtqueue_walk_begin(&walk, vq, chain, taken, chain->readable,
                                                  chain->readable_bytes, bytes);
    error = error ? error
                  : vmmp_virtqueue_walk_add(&walk, gpa, (uint32_t)rest,
                                            (rest & FLAG(VIRTQ_DESC_F_WRITE)) != 0);
    error =
        error ? error
              : follow_entries(&walk, table->base, taken + 1, (uint32_t)(table->len / DESC_BYTES));
    error = error ? error : vmmp_virtqueue_walk_end(&walk);
    if (error) {
        vmmp_virtqueue_fail(vq, error);
        return false;
    }
    return popped_anywhere(vq, chain, head, 1);
}

/* Of an entry's flags only one means anything (2.8.7). */
#define UNUSUAL_IN_TABLE (UNUSUAL_LEN | FLAG(VIRTQ_DESC_F_WRITE))

/*
 * The usual entries of a table: pieces of up to QUICK_LEN at hand, first readable ones, then
 * writable ones. The caller has seen that there are no more of them than elements. `head` is the
 * table's descriptor. How the usual is told from the rest is said at READABLE and WRITABLE.
 */
static bool follow_table_quickly(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
                                 const struct vmmp_iovec *table, uint64_t head)
{
    const uint8_t *at = table->base;
    const uint8_t *const end = at + table->len;
    struct vmmp_iovec *piece = chain->iov;
    uint64_t gpa = virtq_load64(at);
    uint64_t rest = virtq_load64(at + DESC_REST);
    uint32_t bytes = 0;

    while (!((rest - 1) & UNUSUAL_IN_TABLE) && near_piece(vq, &gpa, (uint32_t)rest, piece)) {
        bytes += (uint32_t)rest;
        piece++;
        at += DESC_BYTES;
        if (at == end) {
            break;
        }
        gpa = virtq_load64(at);
        rest = virtq_load64(at + DESC_REST);
    }
    chain->readable = (unsigned)(piece - chain->iov);
    chain->readable_bytes = bytes;
    bytes = 0;
    while (at != end) {
        if (UNLIKELY((rest - FLAG(VIRTQ_DESC_F_WRITE) - 1) & UNUSUAL_IN_TABLE) ||
            UNLIKELY(!near_piece(vq, &gpa, (uint32_t)rest, piece))) {
            return go_on_in_table(vq, chain, table, at, gpa, rest, bytes, head);
        }
        bytes += (uint32_t)rest;
        piece++;
        at += DESC_BYTES;
        if (at == end) {
            break;
        }
        gpa = virtq_load64(at);
        rest = virtq_load64(at + DESC_REST);
    }
    chain->writable = (unsigned)(piece - chain->iov) - chain->readable;
    chain->writable_bytes = bytes;
    chain->token.writable = bytes;
    return popped_anywhere(vq, chain, head, 1);
}

/* A chain that is one descriptor with a table. What is unusual is told from the start. */
static __attribute__((noinline)) bool pop_indirect(struct vmmp_virtqueue *vq,
                                                   struct vmmp_virtqueue_chain *chain, uint64_t gpa,
                                                   uint64_t rest)
{
    uint32_t len = (uint32_t)rest;
    struct vmmp_iovec table;
    /* Together with QUICK_LEN this keeps `bytes` below 2^32. */
    uint32_t most = chain->capacity < vq->size ? chain->capacity : vq->size;
    if (LIKELY(vq->indirect && !(rest & FLAG(VIRTQ_DESC_F_NEXT)) && vq->ring.in_flight < vq->size &&
               (uint64_t)len - 1 < QUICK_LEN && len % DESC_BYTES == 0 &&
               len / DESC_BYTES <= most) &&
        near_piece(vq, &gpa, len, &table)) {
        return follow_table_quickly(vq, chain, &table, rest);
    }
    return go_on(vq, chain, gpa, rest, 0, 0);
}

/* In `rest` AVAIL and USED are clear if they are as expected. */
#define HAND_OVER(n) go_on(vq, chain, gpa, rest ^ vq->ring.expected, n, bytes)

#define UNUSUAL_HERE vq->unusual

#define NEXT_DESCRIPTOR(n)                                \
    KEEP_IN_MEMORY();                                     \
    rest = load_rest(&desc[(n) + 1]) ^ vq->ring.expected; \
    gpa = load_addr(&desc[(n) + 1]);

/* There are QUICK entries before the end of the ring, and one more of them may be read. */
static inline __attribute__((always_inline)) bool
follow_quickly(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
               const struct virtq_packed_desc *desc, uint64_t rest)
{
    struct vmmp_iovec *const iov = chain->iov;
    uint64_t gpa = load_addr(desc);
    const uint64_t writing = -FLAG(VIRTQ_DESC_F_WRITE) - 1;
    uint32_t bytes = 0;
    unsigned taken;

    READABLE(0)
    READABLE(1)
    READABLE(2)
    READABLE(3)
    START_WRITING(QUICK)
    return HAND_OVER(QUICK);

all_readable:
    chain->readable = taken;
    chain->writable = 0;
    chain->readable_bytes = bytes;
    chain->writable_bytes = 0;
    chain->token.writable = 0;
    return popped(vq, chain, rest, taken);

    WRITABLE(0)
    WRITABLE(1)
    WRITABLE(2)
    WRITABLE(3)
    return HAND_OVER(QUICK);

some_writable:
    chain->writable = taken - chain->readable;
    chain->writable_bytes = bytes;
    chain->token.writable = bytes;
    return popped(vq, chain, rest, taken);
}

bool vmmp_virtqueue_packed_pop(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain)
{
    const struct virtq_packed_desc *desc = entry(vq, vq->ring.avail_at);
    uint64_t rest = load_rest(desc) ^ vq->ring.expected;
    if (rest & FLAG(AVAIL_USED)) {
        return false;
    }
    KEEP_IN_MEMORY();
    if (rest & FLAG(VIRTQ_DESC_F_INDIRECT)) {
        return pop_indirect(vq, chain, load_addr(desc), rest ^ vq->ring.expected);
    }
    if (UNLIKELY(vq->ring.avail_at >= vq->ring.quick_end) ||
        UNLIKELY(vq->ring.in_flight > vq->ring.quick_end) || UNLIKELY(chain->capacity < QUICK)) {
        return go_on(vq, chain, load_addr(desc), rest ^ vq->ring.expected, 0, 0);
    }
    KEEP_IN_MEMORY();
    return follow_quickly(vq, chain, desc, rest);
}

bool vmmp_virtqueue_packed_some(const struct vmmp_virtqueue *vq)
{
    const struct vmmp_virtqueue_packed *ring = &vq->ring;
    uint64_t rest =
        ring->live ? load_rest(entry(vq, ring->avail_at)) ^ ring->expected : FLAG(AVAIL_USED);
    return !(rest & FLAG(AVAIL_USED));
}

/* ---- Giving chains back ---- */

/* The entries of a chain that was used; its used entry, or that of a later one, is at the first. */
static inline __attribute__((always_inline)) void pushed(struct vmmp_virtqueue *vq,
                                                         uint32_t entries)
{
    struct vmmp_virtqueue_packed *ring = &vq->ring;
    ring->unshown += entries;
    ring->used_at += entries;
    if (UNLIKELY(ring->used_at >= vq->size)) {
        ring->used_at -= vq->size;
        ring->used_flags ^= AVAIL_USED;
    }
}

/*
 * The first of a batch is shown to the driver by the flush, and with it the others: the driver
 * looks at them in the order of the ring (2.8.2). Plain stores will do before that.
 */
static inline __attribute__((always_inline)) void put_used(struct vmmp_virtqueue *vq, bool first,
                                                           uint32_t at, uint32_t flags, uint16_t id,
                                                           uint32_t len)
{
    struct virtq_packed_desc *desc = entry(vq, at);
    /* 2.8.4: whether anything was written. */
    flags |= len ? VIRTQ_DESC_F_WRITE : 0;
    virtq_store32(&desc->len, len);
    virtq_store16(&desc->id, id);
    if (first) {
        vq->ring.first_at = at;
        vq->ring.first_flags = (uint16_t)flags;
    } else {
        virtq_store16(&desc->flags, (uint16_t)flags);
    }
}

static void close_batch(struct vmmp_virtqueue *vq)
{
    if (vq->batch.open) {
        put_used(vq, vq->batch.at == vq->ring.first_at, vq->batch.at, vq->batch.flags, vq->batch.id,
                 vq->batch.len);
        vq->batch.open = false;
    }
}

/*
 * 2.8.8: the entry of a chain that was used completely may be that of a later one of the batch. It
 * lies where the first of them would have had its own.
 */
static __attribute__((noinline)) void
push_in_order(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token, uint32_t written)
{
    struct vmmp_virtqueue_batch *batch = &vq->batch;
    if (vq->ring.unshown == 0) {
        vq->ring.first_at = vq->ring.used_at;
    }
    if (!batch->open) {
        batch->open = true;
        batch->at = vq->ring.used_at;
        batch->flags = vq->ring.used_flags;
    }
    batch->id = token->id;
    batch->len = written;
    if (written != token->writable) {
        close_batch(vq);
    }
    pushed(vq, token->entries);
}

void vmmp_virtqueue_packed_push(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                                uint32_t written)
{
    struct vmmp_virtqueue_packed *ring = &vq->ring;
    uint32_t entries = token->entries;
    written = written < token->writable ? written : token->writable;
    if (UNLIKELY(entries > ring->in_flight - ring->unshown)) {
        return; /* The token was pushed before. */
    }
    if (UNLIKELY(vq->in_order)) {
        push_in_order(vq, token, written);
        return;
    }
    put_used(vq, ring->unshown == 0, ring->used_at, ring->used_flags, token->id, written);
    pushed(vq, entries);
}

/* Whether the entry that the driver waits for is one of the last `count` used ones. */
static bool passed_event(const struct vmmp_virtqueue *vq, uint32_t off_wrap, uint32_t count)
{
    uint32_t event = off_wrap & ~RING_EVENT_WRAP;
    /* In the lap before this one: then it is as far below 0. One of the next lap comes out as far.
     */
    if (!(off_wrap & RING_EVENT_WRAP) != !(vq->ring.used_flags & VIRTQ_DESC_F_USED)) {
        event -= vq->size;
    }
    return vq->ring.used_at - event - 1 < count;
}

bool vmmp_virtqueue_packed_flush(struct vmmp_virtqueue *vq)
{
    struct vmmp_virtqueue_packed *ring = &vq->ring;
    uint32_t count = ring->unshown;
    if (count == 0) {
        return false;
    }
    close_batch(vq);
    /* All else of the batch comes before it; pairs with the driver's read of flags (2.8.22). */
    vmmp_guest_store_le16_release(&entry(vq, ring->first_at)->flags, ring->first_flags);
    ring->unshown = 0;
    ring->in_flight -= count;
    /*
     * The flags before the question whether they are waited for. Pairs with the driver's barrier
     * between asking for an interrupt and its last look at the ring: one of us sees the other.
     */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const uint32_t *event = vq->driver;
    uint32_t wanted = VMMP_LE_SWAP(32, __atomic_load_n(event, __ATOMIC_RELAXED));
    switch (wanted >> 16 & RING_EVENT_FLAGS) {
    case RING_EVENT_FLAGS_DISABLE:
        return false;
    case RING_EVENT_FLAGS_DESC:
        return !vq->event_idx || passed_event(vq, wanted & UINT16_MAX, count);
    default:
        return true;
    }
}

/* ---- Kicks ---- */

/* Both fields at once: a driver never sees one without the other. */
static void store_event(struct vmmp_virtqueue *vq, uint32_t flags, uint32_t off_wrap)
{
    uint32_t *event = vq->device;
    __atomic_store_n(event, VMMP_LE_SWAP(32, flags << 16 | off_wrap), __ATOMIC_RELAXED);
    vq->quiet = flags == RING_EVENT_FLAGS_DISABLE;
}

void vmmp_virtqueue_packed_quieten(struct vmmp_virtqueue *vq)
{
    store_event(vq, RING_EVENT_FLAGS_DISABLE, 0);
}

bool vmmp_virtqueue_packed_listen(struct vmmp_virtqueue *vq)
{
    const struct vmmp_virtqueue_packed *ring = &vq->ring;
    if (vq->event_idx) {
        /* When the next entry becomes available. */
        uint32_t wrap = ring->expected & FLAG(VIRTQ_DESC_F_AVAIL) ? RING_EVENT_WRAP : 0;
        store_event(vq, RING_EVENT_FLAGS_DESC, ring->avail_at | wrap);
    } else {
        store_event(vq, RING_EVENT_FLAGS_ENABLE, 0);
    }
    /* Pairs with the driver's barrier between its flags and its look at the event (2.8.21.3). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool some = vmmp_virtqueue_packed_some(vq);
    if (some && vq->event_idx) {
        /* It is; where those that follow it end is not known: all of them. */
        store_event(vq, RING_EVENT_FLAGS_ENABLE, 0);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return some;
}
