/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network frames through memory that two ends share, one of which may be hostile: a ring for each
 * direction, from one writer to one reader. Events between them, which say that there is something
 * to look at, are the caller's; the rings say when one is needed.
 *
 * The first half of the memory has the ring that the first end writes, the second half that of the
 * second one. Each half begins with a page of words that its end writes: bytes written to its own
 * ring, bytes read of the other one's (both counted modulo 2^32), whether it sleeps until there is
 * a frame, whether it waits for room. The rest is the ring, a power of two of bytes. A record is a
 * length, 32 bits, and the frame, made a multiple of 4 bytes long; it may go round the ring's end.
 *
 *     writer: vmmp_frame_ring_write(), then an event if vmmp_frame_ring_wakes_reader()
 *     reader: while vmmp_frame_ring_next(): … vmmp_frame_ring_taken();
 *             an event if vmmp_frame_ring_wakes_writer(); then vmmp_frame_ring_sleep()
 *
 * Hostile end: can write all of the memory at any time. What decides where is read or written, and
 * how much, is either counted by this end or read once and checked. Counts and lengths that make no
 * sense cost what the other end has written so far. A frame's bytes are copied once, then used.
 *
 * Threads: one at a time. Allocates nothing. The layout is this project's own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_FRAME_RING_LEAST (UINT32_C(512) << 10) /**< Of memory, in bytes. */
#define VMMP_FRAME_RING_FRAME UINT32_C(65550)       /**< The longest frame, in bytes. */

struct vmmp_frame_ring {
    uint8_t *own;     /**< Our half, */
    uint8_t *other;   /**< and the other end's. */
    uint32_t size;    /**< Of a ring, in bytes. */
    uint32_t written; /**< To ours. */
    uint32_t read;    /**< Of the other one's. */
    uint32_t next;    /**< Bytes of the record that vmmp_frame_ring_next() gave. */
    uint64_t errors;  /**< How often the other end has made no sense. */
};

/**
 * Begins as the first end of `memory`, or the second one; 4-byte aligned. What the other end has
 * written before is skipped. Again whenever the other end, or the memory, is another than before.
 * 0; -EINVAL for less memory than VMMP_FRAME_RING_LEAST, or 2^31 bytes and more.
 */
int vmmp_frame_ring_init(struct vmmp_frame_ring *ring, void *memory, uint64_t size, bool second);

/**
 * Writes a frame of `len` bytes. 0; -EAGAIN: there is no room, and an event will tell when there
 * is; -EMSGSIZE: empty or too long.
 */
int vmmp_frame_ring_write(struct vmmp_frame_ring *ring, const struct vmmp_iovec *iov,
                          unsigned count, uint32_t len);
/** The other end sleeps: it needs an event for what was written. */
bool vmmp_frame_ring_wakes_reader(const struct vmmp_frame_ring *ring);

/** The next frame, copied into `frame`, which has room for the longest; its length, 0: none. */
uint32_t vmmp_frame_ring_next(struct vmmp_frame_ring *ring, uint8_t *frame);
/** It has been used: the next one is another. */
void vmmp_frame_ring_taken(struct vmmp_frame_ring *ring);
/** The other end waits for room: it needs an event for what was taken. */
bool vmmp_frame_ring_wakes_writer(const struct vmmp_frame_ring *ring);
/** From now on events are needed. False: a frame has come in between, look again. */
bool vmmp_frame_ring_sleep(struct vmmp_frame_ring *ring);

#ifdef __cplusplus
}
#endif
