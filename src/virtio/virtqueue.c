/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include <string.h>

#include "virtio/virtqueue_split.h"

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define PAGE_SIZE 4096u
/* 2.7.5.2 forbids chains of more than 2^32 bytes; the used length cannot even tell 2^32. */
#define CHAIN_MAX_BYTES UINT32_MAX

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

/* ---- Geometry ---- */

static void *area(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, size_t bytes,
                  unsigned align)
{
    return gpa.gpa % align == 0 ? vmmp_guest_memory_span(memory, gpa, bytes) : NULL;
}

bool vmmp_virtqueue_enable(struct vmmp_virtqueue *vq, const struct vmmp_guest_memory *memory,
                           const struct vmmp_virtqueue_config *config)
{
    uint32_t size = config->size;

    vmmp_virtqueue_disable(vq);
    if (size == 0 || size > VMMP_VIRTQUEUE_MAX_SIZE || (size & (size - 1)) != 0) {
        vq->error = "queue size is not a power of two up to 32768";
        return false;
    }
    const void *desc = area(memory, config->desc, virtq_desc_bytes(size), VIRTQ_DESC_ALIGN);
    void *driver = area(memory, config->driver, virtq_avail_bytes(size), VIRTQ_AVAIL_ALIGN);
    void *device = area(memory, config->device, virtq_used_bytes(size), VIRTQ_USED_ALIGN);
    if (!desc) {
        vq->error = "descriptor area is misaligned or not in RAM";
    } else if (!driver) {
        vq->error = "driver area is misaligned or not in RAM";
    } else if (!device) {
        vq->error = "device area is misaligned or not in RAM";
    }
    if (vq->error) {
        return false;
    }
    vq->memory = memory;
    vq->desc = desc;
    vq->driver = driver;
    vq->device = device;
    vq->size = size;
    vq->mask = (uint16_t)(size - 1);
    vq->event_idx = (config->features >> VIRTIO_F_EVENT_IDX & 1) != 0;
    vq->indirect = (config->features >> VIRTIO_F_INDIRECT_DESC & 1) != 0;
    vq->unusual = VIRTQ_DESC_F_INDIRECT | (uint32_t)(uint16_t)~vq->mask << 16;
    vq->enabled = true;
    return true;
}

void vmmp_virtqueue_disable(struct vmmp_virtqueue *vq)
{
    uint32_t generation = vq->generation + 1;
    memset(vq, 0, sizeof(*vq));
    vq->generation = generation;
}

void vmmp_virtqueue_fail(struct vmmp_virtqueue *vq, const char *error)
{
    if (!vq->error) {
        vq->error = error;
    }
    /* With nothing left to pop, a pop looks for more, and there the error is seen. */
    vq->avail_end = vq->next_avail;
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
    if (!vq->enabled || vq->error) {
        return false;
    }
    const struct virtq_avail *avail = vq->driver;
    uint16_t end = vmmp_guest_load_le16_acquire(&avail->idx);
    uint16_t known = (uint16_t)(vq->avail_end - vq->next_used);
    uint16_t outstanding = (uint16_t)(end - vq->next_used);
    if (outstanding > vq->size || outstanding < known) {
        vmmp_virtqueue_fail(vq, "available index jumped");
        return false;
    }
    vq->avail_end = end;
    return end != vq->next_avail;
}

/* A walk along one chain: what is left of every bound, and where it is. */
struct walk {
    const volatile struct virtq_desc *table;
    uint32_t entries; /* Of `table`. */
    bool nested;      /* `table` is an indirect one; it may well lie where the queue's own is. */
    unsigned room;    /* Descriptors that may still come. */
    unsigned extra;   /* Elements that buffers across borders may still take. */
    struct vmmp_iovec *next;
};

/* How much of a buffer is contiguous for the host: all, up to the region's end, or a page's. */
static void *leading_piece(const struct vmmp_guest_memory *memory, uint64_t gpa, uint32_t len,
                           uint32_t *piece)
{
    *piece = len;
    void *host = vmmp_guest_memory_span(memory, vmmp_gpa(gpa), len);
    for (unsigned i = 0; !host && i < memory->region_count; i++) {
        const struct vmmp_guest_region *region = &memory->regions[i];
        uint64_t offset = gpa - region->start;
        if (offset < region->size) {
            /* The span failed, so the rest of the region is shorter than `len`. */
            *piece = (uint32_t)(region->size - offset);
            return region->host + offset;
        }
    }
    uint32_t in_page = PAGE_SIZE - (uint32_t)(gpa % PAGE_SIZE);
    if (!host && in_page < len) {
        *piece = in_page;
        host = vmmp_guest_memory_span(memory, vmmp_gpa(gpa), in_page);
    }
    return host;
}

/* A buffer that is not one piece of RAM: empty, across borders, or somewhere else. */
static const char *add_in_pieces(const struct vmmp_guest_memory *memory, struct walk *walk,
                                 uint64_t gpa, uint32_t len)
{
    bool first = true;
    uint8_t *end = NULL;
    if (len > 0 && gpa > UINT64_MAX - (len - 1)) {
        return "buffer is not in RAM";
    }
    while (len > 0) {
        uint32_t piece;
        uint8_t *host = leading_piece(memory, gpa, len, &piece);
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

/* 2.7.5.3: the descriptor's buffer is a table with the (rest of the) chain. */
static const char *enter_indirect(const struct vmmp_virtqueue *vq, struct walk *walk,
                                  unsigned flags, uint64_t gpa, uint32_t len)
{
    if (!vq->indirect) {
        return "indirect descriptor was not negotiated";
    }
    if (walk->nested) {
        return "indirect descriptor in an indirect table";
    }
    if (flags & VIRTQ_DESC_F_NEXT) {
        return "indirect descriptor has a next one";
    }
    if (len == 0 || len % sizeof(struct virtq_desc) != 0) {
        return "indirect table has a broken length";
    }
    if (len / sizeof(struct virtq_desc) > vq->size) {
        return "indirect table is longer than the queue";
    }
    walk->table = vmmp_guest_memory_span(vq->memory, vmmp_gpa(gpa), len);
    walk->entries = (uint32_t)(len / sizeof(struct virtq_desc));
    walk->nested = true;
    return walk->table ? NULL : "indirect table is not in RAM";
}

/*
 * Follows any chain from `index`, or says why it is malformed. Each field of a descriptor is read
 * once, into a local: the guest may change it meanwhile.
 */
static const char *follow(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain,
                          uint32_t index)
{
    const struct vmmp_guest_memory *memory = vq->memory;
    struct walk walk = {
        .table = vq->desc,
        .entries = vq->size,
        .room = chain->capacity < vq->size ? chain->capacity : vq->size,
        .next = chain->iov,
    };
    if (!chain->iov) {
        return "the device takes no chains";
    }
    bool cramped = chain->capacity < vq->size;
    walk.extra = chain->capacity - walk.room;
    uint64_t bytes = 0;
    uint64_t readable_bytes = 0;
    struct vmmp_iovec *readable_end = NULL;

    for (;;) {
        if (index >= walk.entries) {
            return "descriptor index is beyond the table";
        }
        const volatile struct virtq_desc *desc = &walk.table[index];
        uint64_t gpa = VMMP_LE_SWAP(64, desc->addr.le);
        uint32_t len = VMMP_LE_SWAP(32, desc->len.le);
        uint16_t flags = VMMP_LE_SWAP(16, desc->flags.le);

        if (flags & VIRTQ_DESC_F_INDIRECT) {
            const char *error = enter_indirect(vq, &walk, flags, gpa, len);
            if (error) {
                return error;
            }
            index = 0;
            continue;
        }
        if (walk.room-- == 0) {
            return cramped ? "chain is longer than the device takes"
                           : "chain is longer than the queue, or loops";
        }
        if (flags & VIRTQ_DESC_F_WRITE) {
            if (!readable_end) {
                readable_end = walk.next;
                readable_bytes = bytes;
            }
        } else if (readable_end) {
            return "readable buffer after a writable one";
        }
        bytes += len;
        const char *error = add_in_pieces(memory, &walk, gpa, len);
        if (error) {
            return error;
        }
        if (!(flags & VIRTQ_DESC_F_NEXT)) {
            const struct vmmp_guest_region *region =
                vmmp_guest_memory_region(memory, vmmp_gpa(gpa));
            if (region) {
                vq->region = *region;
            }
            break;
        }
        index = VMMP_LE_SWAP(16, desc->next.le);
    }
    if (bytes > CHAIN_MAX_BYTES) {
        return "chain has 2^32 bytes or more";
    }
    if (!readable_end) {
        readable_end = walk.next;
        readable_bytes = bytes;
    }
    chain->readable = (unsigned)(readable_end - chain->iov);
    chain->writable = (unsigned)(walk.next - readable_end);
    chain->readable_bytes = (uint32_t)readable_bytes;
    chain->writable_bytes = (uint32_t)(bytes - readable_bytes);
    chain->token.writable = chain->writable_bytes;
    return NULL;
}

/*
 * The usual chain: every buffer in the region where buffers have been lately, every `next` in
 * range, no surprises. False for any other, well-formed or not: follow() then starts again from the
 * first descriptor, with nothing kept from here. `nested` is a constant in each use.
 *
 * A loop ends with `iov`, and what it filled in is thrown away. This is where the library spends
 * its time: every test has a reason to be a branch of its own.
 */
static inline __attribute__((always_inline)) bool follow_simple(const struct vmmp_virtqueue *vq,
                                                                struct vmmp_virtqueue_chain *chain,
                                                                const void *table, uint32_t entries,
                                                                uint32_t index, bool nested)
{
    const volatile struct virtq_desc_words *const descs = table;
    struct vmmp_iovec *next = chain->iov;
    /* Every descriptor takes an element, so this bounds the chain's length too (2.7.5.3.1). */
    const unsigned most = chain->capacity < vq->size ? chain->capacity : vq->size;
    unsigned room = most;
    uint32_t direction = 0; /* The write flag that descriptors have at this point. */
    uint64_t bytes = 0;
    uint32_t link;

    do {
        if (nested && UNLIKELY(index >= entries)) {
            return false;
        }
        uint64_t gpa = VMMP_LE_SWAP(64, descs[index].addr.le);
        uint64_t rest = VMMP_LE_SWAP(64, descs[index].rest.le);
        link = virtq_rest_link(rest) ^ direction;
        /* For the queue's own table a `next` out of range is one of the unusual bits. */
        if (UNLIKELY(link & (nested ? VIRTQ_DESC_F_INDIRECT : vq->unusual))) {
            return false;
        }
        if (link & VIRTQ_DESC_F_WRITE) {
            if (UNLIKELY(direction != 0)) {
                return false;
            }
            direction = VIRTQ_DESC_F_WRITE;
            chain->readable = most - room;
            chain->readable_bytes = (uint32_t)bytes;
        }
        uint32_t len = virtq_rest_len(rest);
        if (UNLIKELY(!vmmp_guest_region_holds_some(&vq->region, vmmp_gpa(gpa), len))) {
            return false;
        }
        if (UNLIKELY(room == 0)) {
            return false;
        }
        room--;
        next->base = vmmp_guest_region_at(&vq->region, vmmp_gpa(gpa));
        next->len = len;
        next++;
        bytes += len;
        index = link >> 16;
    } while (link & VIRTQ_DESC_F_NEXT);

    unsigned elements = most - room;
    if (direction == 0) {
        chain->readable = elements;
        chain->readable_bytes = (uint32_t)bytes;
    }
    chain->writable = elements - chain->readable;
    chain->writable_bytes = (uint32_t)bytes - chain->readable_bytes;
    chain->token.writable = chain->writable_bytes;
    return LIKELY(bytes <= CHAIN_MAX_BYTES);
}

/* As above for a chain that is one descriptor with a table of its own. */
static bool follow_simple_indirect(const struct vmmp_virtqueue *vq,
                                   struct vmmp_virtqueue_chain *chain, uint32_t index)
{
    const volatile struct virtq_desc_words *descs = vq->desc;
    vmmp_gpa_t gpa = vmmp_gpa(VMMP_LE_SWAP(64, descs[index].addr.le));
    uint64_t rest = VMMP_LE_SWAP(64, descs[index].rest.le);
    uint32_t len = virtq_rest_len(rest);
    uint32_t flags = virtq_rest_link(rest) & (VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT);

    if (flags != VIRTQ_DESC_F_INDIRECT || len % sizeof(struct virtq_desc) != 0 ||
        len > vq->size * sizeof(struct virtq_desc) ||
        !vmmp_guest_region_holds(&vq->region, gpa, len)) {
        return false;
    }
    return follow_simple(vq, chain, vmmp_guest_region_at(&vq->region, gpa),
                         len / (uint32_t)sizeof(struct virtq_desc), 0, true);
}

/* The chain is good: it is in flight from now on. */
static inline __attribute__((always_inline)) bool
popped(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain, uint16_t head)
{
    vq->next_avail++;
    chain->token.generation = vq->generation;
    chain->token.id = head;
    return true;
}

/* What follow_simple() would not take, from the first descriptor again. */
static __attribute__((noinline)) bool pop_other(struct vmmp_virtqueue *vq,
                                                struct vmmp_virtqueue_chain *chain, uint16_t head)
{
    if (vq->indirect && head < vq->size && follow_simple_indirect(vq, chain, head)) {
        return popped(vq, chain, head);
    }
    const char *error = follow(vq, chain, head);
    if (error) {
        vmmp_virtqueue_fail(vq, error);
        return false;
    }
    return popped(vq, chain, head);
}

/* The next chain, which is known to be there. Both ways out are tail calls: no register is saved.
 */
static inline __attribute__((always_inline)) bool pop_known(struct vmmp_virtqueue *vq,
                                                            struct vmmp_virtqueue_chain *chain)
{
    const struct virtq_avail *avail = vq->driver;
    uint16_t head = vmmp_guest_load_le16(&avail->ring[vq->next_avail & vq->mask]);
    if (UNLIKELY(head > vq->mask) ||
        UNLIKELY(!follow_simple(vq, chain, vq->desc, vq->size, head, false))) {
        return pop_other(vq, chain, head);
    }
    return popped(vq, chain, head);
}

static __attribute__((noinline)) bool pop_after_a_look(struct vmmp_virtqueue *vq,
                                                       struct vmmp_virtqueue_chain *chain)
{
    return read_index(vq) && pop_known(vq, chain);
}

bool vmmp_virtqueue_pop(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain)
{
    if (UNLIKELY(vq->next_avail == vq->avail_end)) {
        return pop_after_a_look(vq, chain);
    }
    return pop_known(vq, chain);
}

/* ---- Giving chains back ---- */

void vmmp_virtqueue_push(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                         uint32_t written)
{
    uint16_t at = vq->next_used;
    /* Nothing is in flight: the token was pushed before. */
    if (UNLIKELY(token->generation != vq->generation || at == vq->next_avail)) {
        return;
    }
    struct virtq_used *used = vq->device;
    struct virtq_used_elem *element = &used->ring[at & vq->mask];
    vmmp_guest_store_le32(&element->id, token->id);
    vmmp_guest_store_le32(&element->len, written < token->writable ? written : token->writable);
    vq->next_used = (uint16_t)(at + 1);
}

bool vmmp_virtqueue_flush(struct vmmp_virtqueue *vq)
{
    uint16_t before = vq->published;
    uint16_t now = vq->next_used;
    if (now == before) {
        return false;
    }
    struct virtq_used *used = vq->device;
    const struct virtq_avail *avail = vq->driver;
    /* The elements come before the index; pairs with the driver's read of idx (2.7.14). */
    vmmp_guest_store_le16_release(&used->idx, now);
    vq->published = now;
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

void vmmp_virtqueue_disable_notifications(struct vmmp_virtqueue *vq)
{
    /* With EVENT_IDX, flags are 0 (2.7.10.1) and leaving avail_event behind does the same. */
    if (vq->enabled && !vq->event_idx && !vq->quiet) {
        struct virtq_used *used = vq->device;
        vmmp_guest_store_le16(&used->flags, VIRTQ_USED_F_NO_NOTIFY);
        vq->quiet = true;
    }
}

bool vmmp_virtqueue_enable_notifications(struct vmmp_virtqueue *vq)
{
    if (!vq->enabled || vq->error) {
        return false;
    }
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
    uint16_t event;
    do {
        event = vq->avail_end;
        vmmp_guest_store_le16(avail_event(vq), event);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        more = read_index(vq);
    } while (more && vq->avail_end != event);
    return more;
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
