/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split rings (virtio 1.2, 2.7), and the two public functions that every request passes: pop and
 * push begin on the split ring's quick way, and everything else is one branch away.
 */
#include "virtio/virtqueue_split.h"
#include "virtio/virtqueue_quick.h"
#include "virtio/virtqueue_walk.h"

/*
 * A descriptor's length, flags and next in one number. In this form a `next` without the flags'
 * topmost bits below it is, shifted, where the descriptor lies in the table.
 */
#define FLAGS_SHIFT 32
#define NEXT_SHIFT  48
#define FLAG(flag)  ((uint64_t)(flag) << FLAGS_SHIFT)
#define PLACE_SHIFT (NEXT_SHIFT - 4)
#define PLACE_FLAGS FLAG(0xf000)

/* Bits that, set after one was taken off the length, are nothing for the quick gear. */
#define UNUSUAL (UNUSUAL_LEN | FLAG(VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_INDIRECT) | PLACE_FLAGS)

static vmmp_le16_t *used_event(const struct vmmp_virtqueue *vq)
{
    struct virtq_avail *avail = vq->driver;
    return &avail->ring[vq->size];
}

static vmmp_le16_t *avail_event(const struct vmmp_virtqueue *vq)
{
    struct virtq_used *used = vq->device;
    return (vmmp_le16_t *)(void *)&used->ring[vq->size];
}

bool vmmp_virtqueue_split_enable(struct vmmp_virtqueue *vq,
                                 const struct vmmp_virtqueue_config *config)
{
    uint32_t size = config->size;

    if (size == 0 || size > VMMP_VIRTQUEUE_MAX_SIZE || (size & (size - 1)) != 0) {
        vq->error = "queue size is not a power of two up to 32768";
        return false;
    }
    /* A chain of QUICK descriptors would be too long for a queue of fewer. */
    vq->unusual = size < QUICK ? UINT64_MAX : UNUSUAL | (uint64_t)(uint16_t)~vq->mask << NEXT_SHIFT;
    return vmmp_virtqueue_split_find(vq, config);
}

bool vmmp_virtqueue_split_find(struct vmmp_virtqueue *vq,
                               const struct vmmp_virtqueue_config *config)
{
    static const unsigned align[] = { VIRTQ_DESC_ALIGN, VIRTQ_AVAIL_ALIGN, VIRTQ_USED_ALIGN };
    const size_t bytes[] = { virtq_desc_bytes(config->size), virtq_avail_bytes(config->size),
                             virtq_used_bytes(config->size) };
    return vmmp_virtqueue_set_areas(vq, config, bytes, align);
}

bool vmmp_virtqueue_split_seek(struct vmmp_virtqueue *vq, uint16_t position)
{
    const struct virtq_used *used = vq->device;
    uint16_t shown = vmmp_guest_load_le16(&used->idx);
    uint16_t in_flight = (uint16_t)(position - shown);
    if (in_flight > vq->size) {
        vmmp_virtqueue_fail(vq, "more chains in flight than the queue has");
        return false;
    }
    vq->next_used = shown;
    vq->published = shown;
    vq->next_avail = (uint32_t)shown + in_flight;
    vq->avail_end = vq->next_avail;
    return true;
}

/* ---- Taking chains ---- */

/*
 * Reads the driver's index. Pairs with the driver's barrier before it stores the index (2.7.13.3):
 * ring and descriptors of what it announces are read after it.
 *
 * What is announced and not used yet can neither shrink nor exceed the queue; a driver that says so
 * would have chains made up from stale entries, or keep the device looking for ever.
 */
static __attribute__((noinline)) bool read_index(struct vmmp_virtqueue *vq)
{
    const struct virtq_avail *avail = vq->driver;
    uint16_t end = vmmp_guest_load_le16_acquire(&avail->idx);
    uint32_t known = vq->avail_end - vq->next_used;
    uint32_t outstanding = (uint16_t)(end - vq->next_used);
    if (outstanding > vq->size || outstanding < known) {
        vmmp_virtqueue_fail(vq, "available index jumped");
        return false;
    }
    vq->avail_end = vq->next_used + outstanding;
    return vq->avail_end != vq->next_avail;
}

/* The chain is good: it is in flight from now on. */
static inline __attribute__((always_inline)) bool popped(struct vmmp_virtqueue *vq,
                                                         struct vmmp_virtqueue_chain *chain)
{
    vq->next_avail++;
    chain->token.generation = vq->generation;
    return true;
}

/* Where in which table the walk is, with the descriptor that was read there. */
struct place {
    const uint8_t *table;
    uint32_t entries; /* Of `table`. */
    bool nested;      /* `table` is an indirect one; it may well lie where the queue's own is. */
    uint64_t gpa;
    uint64_t rest;
};

static void read_descriptor(struct place *place, uint32_t index)
{
    const uint8_t *desc = place->table + (size_t)index * DESC_BYTES;
    place->gpa = virtq_load64(desc);
    place->rest = virtq_load64(desc + DESC_REST);
}

/* 2.7.5.3: the descriptor's buffer is a table with the (rest of the) chain. */
static const char *enter_table(const struct vmmp_virtqueue *vq, struct place *place)
{
    if (place->nested) {
        return "indirect descriptor in an indirect table";
    }
    if (vq->indirect && place->rest & FLAG(VIRTQ_DESC_F_NEXT)) {
        return "indirect descriptor has a next one";
    }
    place->nested = true;
    return vmmp_virtqueue_walk_table(vq, place->gpa, (uint32_t)place->rest, &place->table,
                                     &place->entries);
}

/* Follows any chain to its end, or says why it is malformed. */
static const char *follow(struct vmmp_virtqueue_walk *walk, struct place *place)
{
    for (;;) {
        uint64_t rest = place->rest;
        uint32_t index = 0;
        const char *error;
        if (rest & FLAG(VIRTQ_DESC_F_INDIRECT)) {
            error = enter_table(walk->vq, place);
        } else {
            error = vmmp_virtqueue_walk_add(walk, place->gpa, (uint32_t)rest,
                                            (rest & FLAG(VIRTQ_DESC_F_WRITE)) != 0);
            if (!error && !(rest & FLAG(VIRTQ_DESC_F_NEXT))) {
                return vmmp_virtqueue_walk_end(walk);
            }
            index = (uint32_t)(rest >> NEXT_SHIFT);
        }
        if (!error && index >= place->entries) {
            error = "descriptor index is beyond the table";
        }
        if (error) {
            return error;
        }
        read_descriptor(place, index);
    }
}

/* `taken` descriptors were the quick gear's; the one in `place` is the first that was not. */
static bool go_on(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
                  struct place *place, unsigned taken, uint32_t bytes)
{
    struct vmmp_virtqueue_walk walk;
    const char *error =
        vmmp_virtqueue_walk_begin(&walk, vq, chain, taken, taken ? chain->readable : 0,
                                  taken ? chain->readable_bytes : 0, bytes);
    error = error ? error : follow(&walk, place);
    if (error) {
        vmmp_virtqueue_fail(vq, error);
        return false;
    }
    return popped(vq, chain);
}

static __attribute__((noinline)) bool go_on_direct(struct vmmp_virtqueue *vq,
                                                   struct vmmp_virtqueue_chain *chain, uint64_t gpa,
                                                   uint64_t rest, unsigned taken, uint32_t bytes)
{
    struct place place = { vq->desc, vq->size, false, gpa, rest };
    return go_on(vq, chain, &place, taken, bytes);
}

static __attribute__((noinline)) bool go_on_nested(struct vmmp_virtqueue *vq,
                                                   struct vmmp_virtqueue_chain *chain, uint64_t gpa,
                                                   uint64_t rest, unsigned taken, uint32_t bytes,
                                                   const uint8_t *table, uint32_t table_bytes)
{
    struct place place = { table, table_bytes / DESC_BYTES, true, gpa, rest };
    return go_on(vq, chain, &place, taken, bytes);
}

static bool pop_indirect(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
                         uint64_t gpa, uint64_t rest);

#define HAND_OVER(n)                                                           \
    (nested ? go_on_nested(vq, chain, gpa, rest, n, bytes, table, table_bytes) \
     : (n) == 0 && rest & FLAG(VIRTQ_DESC_F_INDIRECT)                          \
         ? pop_indirect(vq, chain, gpa, rest)                                  \
         : go_on_direct(vq, chain, gpa, rest, n, bytes))

#define UNUSUAL_HERE (nested ? UNUSUAL : vq->unusual)

#define NEXT_DESCRIPTOR(n)                                               \
    place = rest >> PLACE_SHIFT;                                         \
    if (nested && UNLIKELY(place >= table_bytes)) {                      \
        vmmp_virtqueue_fail(vq, "descriptor index is beyond the table"); \
        return false;                                                    \
    }                                                                    \
    KEEP_IN_MEMORY();                                                    \
    gpa = virtq_load64(table + place);                                   \
    rest = virtq_load64(table + place + DESC_REST);

/* `nested` is a constant in each use; `table_bytes` matters with it. */
static inline __attribute__((always_inline)) bool
follow_quickly(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain, const uint8_t *table,
               uint32_t table_bytes, uint64_t place, bool nested)
{
    struct vmmp_iovec *const iov = chain->iov;
    uint64_t gpa = virtq_load64(table + place);
    uint64_t rest = virtq_load64(table + place + DESC_REST);
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
    return popped(vq, chain);

    WRITABLE(0)
    WRITABLE(1)
    WRITABLE(2)
    WRITABLE(3)
    return HAND_OVER(QUICK);

some_writable:
    chain->writable = taken - chain->readable;
    chain->writable_bytes = bytes;
    chain->token.writable = bytes;
    return popped(vq, chain);
}

/*
 * A chain that is one descriptor with a table of its own, the usual one of net and disks. What is
 * unusual about the table is told from the start.
 */
static __attribute__((noinline)) bool pop_indirect(struct vmmp_virtqueue *vq,
                                                   struct vmmp_virtqueue_chain *chain, uint64_t gpa,
                                                   uint64_t rest)
{
    uint32_t len = (uint32_t)rest;
    struct vmmp_iovec table;
    if (LIKELY(vq->indirect && vq->size >= QUICK && !(rest & FLAG(VIRTQ_DESC_F_NEXT)) &&
               (uint64_t)len - 1 < QUICK_LEN && len % DESC_BYTES == 0 &&
               len <= vq->size * DESC_BYTES) &&
        near_piece(vq, &gpa, len, &table)) {
        return follow_quickly(vq, chain, table.base, len, 0, true);
    }
    return go_on_direct(vq, chain, gpa, rest, 0, 0);
}

/* A head that is none, or a device that takes shorter chains than the quick gear. */
static __attribute__((noinline)) bool pop_slowly(struct vmmp_virtqueue *vq,
                                                 struct vmmp_virtqueue_chain *chain)
{
    uint32_t head = chain->token.id;
    struct place place = { vq->desc, vq->size, false, 0, 0 };
    if (head > vq->mask) {
        vmmp_virtqueue_fail(vq, "descriptor index is beyond the table");
        return false;
    }
    read_descriptor(&place, head);
    return go_on(vq, chain, &place, 0, 0);
}

/* The next chain, which is known to be there. Every way out is a tail call. */
static inline __attribute__((always_inline)) bool pop_known(struct vmmp_virtqueue *vq,
                                                            struct vmmp_virtqueue_chain *chain)
{
    const struct virtq_avail *avail = vq->driver;
    const uint8_t *table = vq->desc;
    uint64_t head = virtq_load16(&avail->ring[vq->next_avail & vq->mask]);
    chain->token.id = (uint16_t)head;
    KEEP_IN_MEMORY();
    if (UNLIKELY((uint32_t)head > vq->mask) || UNLIKELY(chain->capacity < QUICK)) {
        return pop_slowly(vq, chain);
    }
    return follow_quickly(vq, chain, table, 0, head * DESC_BYTES, false);
}

/* A queue that is off, or no chain that is known of. */
static __attribute__((noinline)) bool pop_after_a_look(struct vmmp_virtqueue *vq,
                                                       struct vmmp_virtqueue_chain *chain)
{
    return vq->enabled && !vq->packed && !vq->error && read_index(vq) && pop_known(vq, chain);
}

bool vmmp_virtqueue_pop(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain)
{
    if (UNLIKELY(vq->next_avail == vq->avail_end)) {
        return vq->ring.live ? vmmp_virtqueue_packed_pop(vq, chain) : pop_after_a_look(vq, chain);
    }
    return pop_known(vq, chain);
}

bool vmmp_virtqueue_pop_head(struct vmmp_virtqueue *vq, uint16_t head,
                             struct vmmp_virtqueue_chain *chain)
{
    bool good = vq->enabled && !vq->packed && !vq->error;
    if (!good || (vq->next_avail == vq->avail_end && !read_index(vq))) {
        return false;
    }
    chain->token.id = head;
    return pop_slowly(vq, chain);
}

/* ---- Giving chains back ---- */

/* Plain stores: the driver does not look at them before the index is stored, with a release. */
static void put_used(const struct vmmp_virtqueue *vq, uint32_t at, uint32_t id, uint32_t len)
{
    struct virtq_used *used = vq->device;
    struct virtq_used_elem *element = &used->ring[at & vq->mask];
    virtq_store32(&element->id, id);
    virtq_store32(&element->len, len);
}

static void close_batch(struct vmmp_virtqueue *vq)
{
    if (vq->batch.open) {
        put_used(vq, vq->batch.at, vq->batch.id, vq->batch.len);
        vq->batch.open = false;
    }
}

/*
 * 2.7.9: the entry of a chain that was used completely may be that of a later one of the batch. It
 * lies where the first of them would have had its own.
 */
static void push_in_order(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                          uint32_t written)
{
    struct vmmp_virtqueue_batch *batch = &vq->batch;
    if (!batch->open) {
        batch->open = true;
        batch->at = vq->next_used;
    }
    batch->id = token->id;
    batch->len = written;
    if (written != token->writable) {
        close_batch(vq);
    }
}

void vmmp_virtqueue_push_other(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                               uint32_t written)
{
    if (token->generation != vq->generation) {
        return;
    }
    if (vq->packed) {
        vmmp_virtqueue_packed_push(vq, token, written);
    } else if (vq->in_order && vq->next_used != vq->next_avail) {
        /* Otherwise nothing is in flight: the token was pushed before. */
        push_in_order(vq, token, written < token->writable ? written : token->writable);
        vq->next_used++;
    }
}

bool vmmp_virtqueue_split_flush(struct vmmp_virtqueue *vq)
{
    uint16_t before = (uint16_t)vq->published;
    uint16_t now = (uint16_t)vq->next_used;
    if (now == before) {
        return false;
    }
    struct virtq_used *used = vq->device;
    const struct virtq_avail *avail = vq->driver;
    close_batch(vq);
    /* The elements come before the index; pairs with the driver's read of idx (2.7.14). */
    vmmp_guest_store_le16_release(&used->idx, now);
    vq->published = vq->next_used;
    /*
     * The index before the question whether it is waited for. Pairs with the driver's barrier
     * between asking for an interrupt and its last look at idx (2.7.7.2): one of us sees the other.
     */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (vq->event_idx) {
        uint16_t event = vmmp_guest_load_le16(used_event(vq));
        return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
    }
    return !(vmmp_guest_load_le16(&avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/* ---- Kicks ---- */

void vmmp_virtqueue_split_quieten(struct vmmp_virtqueue *vq)
{
    /* With EVENT_IDX, flags are 0 (2.7.10.1) and leaving avail_event behind does the same. */
    if (!vq->event_idx) {
        struct virtq_used *used = vq->device;
        vmmp_guest_store_le16(&used->flags, VIRTQ_USED_F_NO_NOTIFY);
        vq->quiet = true;
    }
}

bool vmmp_virtqueue_split_listen(struct vmmp_virtqueue *vq)
{
    if (!vq->event_idx) {
        if (vq->quiet) {
            struct virtq_used *used = vq->device;
            vmmp_guest_store_le16(&used->flags, 0);
            vq->quiet = false;
        }
        /* Pairs with the driver's barrier between its index and its look at flags (2.7.13.4.1). */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return read_index(vq);
    }
    /*
     * The driver kicks when its index passes avail_event, so that has to be the last index seen;
     * if it moved meanwhile, once more. read_index() lets it move at most `size` times.
     */
    bool more;
    uint32_t event;
    do {
        event = vq->avail_end;
        vmmp_guest_store_le16(avail_event(vq), (uint16_t)event);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        more = read_index(vq);
    } while (more && vq->avail_end != event);
    return more;
}
