/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/frame_ring.h>

#include <errno.h>
#include <string.h>

/* Words at the beginning of a half, each in a cache line of its own. */
#define WRITTEN 0u
#define READ    64u
#define SLEEPS  128u
#define WAITS   192u
#define RING    4096u
#define LENGTH  4u

static uint32_t get(const uint8_t *half, unsigned word)
{
    return __atomic_load_n((const uint32_t *)(const void *)(half + word), __ATOMIC_ACQUIRE);
}

static void put(uint8_t *half, unsigned word, uint32_t value)
{
    __atomic_store_n((uint32_t *)(void *)(half + word), value, __ATOMIC_RELEASE);
}

/* Between telling the other end something and looking at what it has told: both do, in turn. */
static void fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t record_size(uint32_t len)
{
    return LENGTH + ((len + 3) & ~UINT32_C(3));
}

int vmmp_frame_ring_init(struct vmmp_frame_ring *ring, void *memory, uint64_t size, bool second)
{
    if (size < VMMP_FRAME_RING_LEAST || size >> 31) {
        return -EINVAL;
    }
    uint32_t half = (uint32_t)(size / 2) & ~UINT32_C(3);
    uint8_t *first = memory;
    *ring = (struct vmmp_frame_ring){ .own = second ? first + half : first,
                                      .other = second ? first : first + half,
                                      .size = RING,
                                      .errors = ring->errors };
    while (ring->size * 2 <= half - RING) {
        ring->size *= 2;
    }
    /* Any number will do to go on from, as long as both ends have the same. */
    ring->written = get(ring->own, WRITTEN) & ~UINT32_C(3);
    ring->read = get(ring->other, WRITTEN) & ~UINT32_C(3);
    put(ring->own, WRITTEN, ring->written);
    put(ring->own, READ, ring->read);
    put(ring->own, WAITS, 0);
    put(ring->own, SLEEPS, 1);
    return 0;
}

/* ---- Bytes, which may go round the end ----------------------------------------------------- */

static uint8_t *ring_bytes(uint8_t *half)
{
    return half + RING;
}

static void copy_in(struct vmmp_frame_ring *ring, uint32_t at, const void *from, uint32_t size)
{
    uint8_t *bytes = ring_bytes(ring->own);
    at &= ring->size - 1;
    uint32_t front = size < ring->size - at ? size : ring->size - at;
    memcpy(bytes + at, from, front);
    memcpy(bytes, (const uint8_t *)from + front, size - front);
}

static void copy_out(struct vmmp_frame_ring *ring, uint32_t at, void *to, uint32_t size)
{
    const uint8_t *bytes = ring_bytes(ring->other);
    at &= ring->size - 1;
    uint32_t front = size < ring->size - at ? size : ring->size - at;
    memcpy(to, bytes + at, front);
    memcpy((uint8_t *)to + front, bytes, size - front);
}

/* ---- The writer ---------------------------------------------------------------------------- */

static bool has_room(const struct vmmp_frame_ring *ring, uint32_t bytes)
{
    uint32_t used = ring->written - get(ring->other, READ);
    /* A reader that claims what was never written has none left. */
    return used <= ring->size && bytes <= ring->size - used;
}

int vmmp_frame_ring_write(struct vmmp_frame_ring *ring, const struct vmmp_iovec *iov,
                          unsigned count, uint32_t len)
{
    uint32_t at = ring->written + LENGTH;
    uint32_t left = len;

    if (len == 0 || len > VMMP_FRAME_RING_FRAME) {
        return -EMSGSIZE;
    }
    if (!has_room(ring, record_size(len))) {
        put(ring->own, WAITS, 1);
        fence();
        if (!has_room(ring, record_size(len))) {
            return -EAGAIN;
        }
    }
    put(ring->own, WAITS, 0);
    copy_in(ring, ring->written, &len, LENGTH);
    for (unsigned i = 0; i < count && left > 0; i++) {
        uint32_t size = iov[i].len < left ? (uint32_t)iov[i].len : left;
        copy_in(ring, at, iov[i].base, size);
        at += size;
        left -= size;
    }
    ring->written += record_size(len);
    put(ring->own, WRITTEN, ring->written);
    return 0;
}

bool vmmp_frame_ring_wakes_reader(const struct vmmp_frame_ring *ring)
{
    fence();
    return get(ring->other, SLEEPS) != 0;
}

/* ---- The reader ---------------------------------------------------------------------------- */

static void advance(struct vmmp_frame_ring *ring, uint32_t to)
{
    ring->read = to;
    ring->next = 0;
    put(ring->own, READ, to);
}

static uint32_t nonsense(struct vmmp_frame_ring *ring, uint32_t written)
{
    ring->errors++;
    advance(ring, written & ~UINT32_C(3));
    return 0;
}

uint32_t vmmp_frame_ring_next(struct vmmp_frame_ring *ring, uint8_t *frame)
{
    uint32_t written = get(ring->other, WRITTEN);
    uint32_t there = written - ring->read;
    uint32_t len;

    put(ring->own, SLEEPS, 0);
    if (there == 0) {
        return 0;
    }
    if (there > ring->size || there % 4 != 0) {
        return nonsense(ring, written);
    }
    copy_out(ring, ring->read, &len, LENGTH);
    if (len == 0 || len > VMMP_FRAME_RING_FRAME || record_size(len) > there) {
        return nonsense(ring, written);
    }
    copy_out(ring, ring->read + LENGTH, frame, len);
    ring->next = record_size(len);
    return len;
}

void vmmp_frame_ring_taken(struct vmmp_frame_ring *ring)
{
    advance(ring, ring->read + ring->next);
}

bool vmmp_frame_ring_wakes_writer(const struct vmmp_frame_ring *ring)
{
    fence();
    return get(ring->other, WAITS) != 0;
}

bool vmmp_frame_ring_sleep(struct vmmp_frame_ring *ring)
{
    put(ring->own, SLEEPS, 1);
    fence();
    return get(ring->other, WRITTEN) == ring->read;
}
