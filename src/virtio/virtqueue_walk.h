/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What split and packed rings share on the way from descriptors to `struct vmmp_iovec`s.
 *
 * Chains are followed in two gears. The quick one, in each ring's own file, takes up to QUICK
 * descriptors of the usual kind: a piece of up to 16 KiB in one of the two regions where buffers
 * have been lately. At the first descriptor that is anything else it hands over, with what it has
 * read and done so far, to the walk below, which takes everything that is well-formed and says what
 * is wrong with the rest. No descriptor is read a second time.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include "virtio/virtqueue_split.h"

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Descriptors of the quick gear: the chains of a console, of net and of small disk requests. */
#define QUICK 4u

/* `len - 1` of a piece that the quick gear takes has none of these bits; a `len` of 0 has all. */
#define QUICK_LEN   UINT64_C(0x4000)
#define UNUSUAL_LEN (UINT32_MAX & ~(QUICK_LEN - 1))
#define DESC_BYTES  16u
#define DESC_REST   8u /* Where in a descriptor the fields behind `addr` begin. */

/*
 * Makes the compiler forget where a value came from: it is in a register, and neither read again
 * from guest memory nor worked out in another way.
 */
#define OPAQUE(value) __asm__("" : "+r"(value))

/* What the quick gear needs of a queue it takes from memory each time: there are few registers. */
#define KEEP_IN_MEMORY() __asm__ volatile("" ::: "memory")

/*
 * A driver may write to a descriptor while it is read, or to a used entry while it is written.
 * Either may then be anything, and is checked or is the driver's loss. ThreadSanitizer takes atomic
 * accesses for meant; the plain ones beside them are as single, and cost no instruction more.
 */
#if defined(__SANITIZE_THREAD__)
#define VIRTQ_RACES_ARE_MEANT 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VIRTQ_RACES_ARE_MEANT 1
#endif
#endif

#ifdef VIRTQ_RACES_ARE_MEANT
static inline uint64_t virtq_load64(const uint8_t *at)
{
    uint64_t value = 0;
    if ((uintptr_t)at % 8 == 0) {
        return VMMP_LE_SWAP(64,
                            __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED));
    }
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)__atomic_load_n(&at[i], __ATOMIC_RELAXED) << (8 * i);
    }
    return value;
}

static inline uint64_t virtq_load16(const vmmp_le16_t *at)
{
    return vmmp_guest_load_le16(at);
}

static inline void virtq_store16(vmmp_le16_t *at, uint16_t value)
{
    vmmp_guest_store_le16(at, value);
}

static inline void virtq_store32(vmmp_le32_t *at, uint32_t value)
{
    vmmp_guest_store_le32(at, value);
}
#else
/* Eight little-endian bytes at any address, read once, in one access where the host has such. */
static inline __attribute__((always_inline)) uint64_t virtq_load64(const uint8_t *at)
{
    const struct words {
        vmmp_le64_t word;
    } __attribute__((packed, may_alias)) *words = (const void *)at;
    uint64_t word = words->word.le;
    OPAQUE(word);
    return VMMP_LE_SWAP(64, word);
}

/* The same for two bytes at their natural place; widened at once, so that it is done once. */
static inline __attribute__((always_inline)) uint64_t virtq_load16(const vmmp_le16_t *at)
{
    uint64_t value = vmmp_le16_get(*at);
    OPAQUE(value);
    return value;
}

/* Stores that nobody looks at before a store with a release follows. */
static inline __attribute__((always_inline)) void virtq_store16(vmmp_le16_t *at, uint16_t value)
{
    *at = vmmp_le16(value);
}

static inline __attribute__((always_inline)) void virtq_store32(vmmp_le32_t *at, uint32_t value)
{
    *at = vmmp_le32(value);
}
#endif

/*
 * Puts a piece into `to` if it lies in one of the regions at hand; `len` is at most QUICK_LEN.
 * `gpa` is changed and, unless there was such a region, restored: that saves a register. Addresses
 * below a region are large offsets.
 */
static inline __attribute__((always_inline)) bool
near_piece(const struct vmmp_virtqueue *vq, uint64_t *gpa, uint32_t len, struct vmmp_iovec *to)
{
    uint64_t offset = *gpa - vq->near[0].start;
    OPAQUE(offset);
    if (offset < vq->near[0].room) {
        to->base = vq->near[0].host + offset;
    } else {
        offset -= vq->near_gap;
        OPAQUE(offset);
        if (UNLIKELY(offset >= vq->near[1].room)) {
            KEEP_IN_MEMORY();
            *gpa = offset + vq->near_gap + vq->near[0].start;
            return false;
        }
        to->base = vq->near[1].host + offset;
    }
    to->len = len;
    return true;
}

/* What is left of every bound, and what the chain has so far. */
struct vmmp_virtqueue_walk {
    struct vmmp_virtqueue *vq;
    struct vmmp_virtqueue_chain *chain;
    struct vmmp_iovec *next;
    unsigned room;  /* Descriptors that may still come. */
    unsigned extra; /* Elements that buffers across borders may still take. */
    bool cramped;   /* It is the device that has so little room. */
    bool writing;   /* Writable buffers have begun. */
    uint64_t readable_bytes;
    uint64_t writable_bytes;
};

/*
 * Begins or takes over from the quick gear: `taken` descriptors gave an element each, `readable` of
 * them readable ones. The reason if the device takes no chains.
 */
const char *vmmp_virtqueue_walk_begin(struct vmmp_virtqueue_walk *walk, struct vmmp_virtqueue *vq,
                                      struct vmmp_virtqueue_chain *chain, unsigned taken,
                                      unsigned readable, uint32_t readable_bytes,
                                      uint32_t writable_bytes);

/* Adds one descriptor's buffer, or says what is wrong with it. */
const char *vmmp_virtqueue_walk_add(struct vmmp_virtqueue_walk *walk, uint64_t gpa, uint32_t len,
                                    bool writable);

/* Fills in what the chain adds up to, or says that it is too much. */
const char *vmmp_virtqueue_walk_end(struct vmmp_virtqueue_walk *walk);

/* A table of indirect descriptors: sets where it is and how many entries it has. */
const char *vmmp_virtqueue_walk_table(const struct vmmp_virtqueue *vq, uint64_t gpa, uint32_t len,
                                      const uint8_t **table, uint32_t *entries);

/* Makes the first regions of memory those at hand. */
void vmmp_virtqueue_walk_prepare(struct vmmp_virtqueue *vq);

/* ---- The rings, as virtqueue.c knows them ---- */

bool vmmp_virtqueue_split_enable(struct vmmp_virtqueue *vq,
                                 const struct vmmp_virtqueue_config *config);
/* Finds the three areas; false with the reason in `error`. */
bool vmmp_virtqueue_split_find(struct vmmp_virtqueue *vq,
                               const struct vmmp_virtqueue_config *config);
bool vmmp_virtqueue_split_seek(struct vmmp_virtqueue *vq, uint16_t position);
bool vmmp_virtqueue_split_flush(struct vmmp_virtqueue *vq);
void vmmp_virtqueue_split_quieten(struct vmmp_virtqueue *vq);
bool vmmp_virtqueue_split_listen(struct vmmp_virtqueue *vq);

bool vmmp_virtqueue_packed_enable(struct vmmp_virtqueue *vq,
                                  const struct vmmp_virtqueue_config *config);
bool vmmp_virtqueue_packed_find(struct vmmp_virtqueue *vq,
                                const struct vmmp_virtqueue_config *config);
bool vmmp_virtqueue_packed_seek(struct vmmp_virtqueue *vq, uint16_t position);
uint16_t vmmp_virtqueue_packed_position(const struct vmmp_virtqueue *vq);
bool vmmp_virtqueue_packed_pop(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain);
bool vmmp_virtqueue_packed_pop_kept(struct vmmp_virtqueue *vq, const void *descriptors,
                                    uint32_t count, struct vmmp_virtqueue_chain *chain);
void vmmp_virtqueue_packed_push(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_token *token,
                                uint32_t written);
bool vmmp_virtqueue_packed_flush(struct vmmp_virtqueue *vq);
void vmmp_virtqueue_packed_quieten(struct vmmp_virtqueue *vq);
bool vmmp_virtqueue_packed_listen(struct vmmp_virtqueue *vq);
bool vmmp_virtqueue_packed_some(const struct vmmp_virtqueue *vq);

/* Sets the three areas; false, with the reason in `error`, if one is misaligned or not in RAM. */
bool vmmp_virtqueue_set_areas(struct vmmp_virtqueue *vq, const struct vmmp_virtqueue_config *config,
                              const size_t bytes[3], const unsigned align[3]);
