/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed ring in guest memory (virtio 1.2, 2.8). All fields are little-endian. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/addr.h>

#define VIRTIO_F_RING_PACKED 34 /* virtio 1.2, 6 */
#define VIRTIO_F_IN_ORDER    35

/* 2.8.1; NEXT, WRITE and INDIRECT are those of split rings. */
#define VIRTQ_DESC_F_AVAIL 0x80u
#define VIRTQ_DESC_F_USED  0x8000u

/* 2.8.10 */
#define RING_EVENT_FLAGS_ENABLE  0u
#define RING_EVENT_FLAGS_DISABLE 1u
#define RING_EVENT_FLAGS_DESC    2u
#define RING_EVENT_FLAGS         3u /* The bits; the others are reserved. */
#define RING_EVENT_WRAP          0x8000u

/* 2.8.10.1 */
#define VIRTQ_PACKED_DESC_ALIGN  16u
#define VIRTQ_PACKED_EVENT_ALIGN 4u

/* 2.8.13. Tables of indirect descriptors (2.8.7) may lie at any address and are not read through
 * this. */
struct virtq_packed_desc {
    vmmp_le64_t addr;
    vmmp_le32_t len;
    vmmp_le16_t id;
    vmmp_le16_t flags;
} __attribute__((may_alias));

/* 2.8.14; `off_wrap`: an entry of the ring, and in RING_EVENT_WRAP its wrap counter. */
struct virtq_packed_event {
    vmmp_le16_t off_wrap;
    vmmp_le16_t flags;
} __attribute__((may_alias));

/* Length, id and flags as one number. */
#define VIRTQ_PACKED_ID_SHIFT    32
#define VIRTQ_PACKED_FLAGS_SHIFT 48

static inline size_t virtq_packed_desc_bytes(uint32_t size)
{
    return sizeof(struct virtq_packed_desc) * size;
}
