/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring in guest memory (virtio 1.2, 2.7). All fields are little-endian. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/addr.h>

#define VIRTIO_F_INDIRECT_DESC 28 /* virtio 1.2, 6 */
#define VIRTIO_F_EVENT_IDX     29

#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY     1u

/* 2.7: alignment of the three areas. */
#define VIRTQ_DESC_ALIGN  16u
#define VIRTQ_AVAIL_ALIGN 2u
#define VIRTQ_USED_ALIGN  4u

/* 2.7.5. Tables of indirect descriptors may lie at any address (2.7.5.3), hence `packed`. */
struct virtq_desc {
    vmmp_le64_t addr;
    vmmp_le32_t len;
    vmmp_le16_t flags;
    vmmp_le16_t next;
} __attribute__((packed, may_alias));

/* The same, for readers that take length, flags and next in one load. */
struct virtq_desc_words {
    vmmp_le64_t addr;
    vmmp_le64_t rest;
} __attribute__((packed, may_alias));

static inline uint32_t virtq_rest_len(uint64_t rest)
{
    return (uint32_t)rest;
}

/* Flags in the lower half, next in the upper one. */
static inline uint32_t virtq_rest_link(uint64_t rest)
{
    return (uint32_t)(rest >> 32);
}

/* 2.7.6; the array is followed by used_event. */
struct virtq_avail {
    vmmp_le16_t flags;
    vmmp_le16_t idx;
    vmmp_le16_t ring[];
} __attribute__((may_alias));

struct virtq_used_elem {
    vmmp_le32_t id;
    vmmp_le32_t len;
} __attribute__((may_alias));

/* 2.7.8; the array is followed by avail_event. */
struct virtq_used {
    vmmp_le16_t flags;
    vmmp_le16_t idx;
    struct virtq_used_elem ring[];
} __attribute__((may_alias));

/* Sizes of the three areas (2.7), with used_event and avail_event. */
static inline size_t virtq_desc_bytes(uint32_t size)
{
    return sizeof(struct virtq_desc) * size;
}

static inline size_t virtq_avail_bytes(uint32_t size)
{
    return sizeof(struct virtq_avail) + 2 * (size_t)size + 2;
}

static inline size_t virtq_used_bytes(uint32_t size)
{
    return sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * size + 2u;
}
