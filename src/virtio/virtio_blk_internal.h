/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of virtio-blk (the device; its requests) share. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

/* 5.2.3; those of the legacy interface (BARRIER 0, SCSI 7) and GEOMETRY (4) do not exist here. */
#define VIRTIO_BLK_F_SIZE_MAX     1
#define VIRTIO_BLK_F_SEG_MAX      2
#define VIRTIO_BLK_F_RO           5
#define VIRTIO_BLK_F_BLK_SIZE     6
#define VIRTIO_BLK_F_FLUSH        9
#define VIRTIO_BLK_F_TOPOLOGY     10
#define VIRTIO_BLK_F_CONFIG_WCE   11
#define VIRTIO_BLK_F_MQ           12
#define VIRTIO_BLK_F_DISCARD      13
#define VIRTIO_BLK_F_WRITE_ZEROES 14

/* 5.2.6 */
#define VIRTIO_BLK_T_IN           0u
#define VIRTIO_BLK_T_OUT          1u
#define VIRTIO_BLK_T_FLUSH        4u
#define VIRTIO_BLK_T_GET_ID       8u
#define VIRTIO_BLK_T_DISCARD      11u
#define VIRTIO_BLK_T_WRITE_ZEROES 13u

#define VIRTIO_BLK_S_OK     0u
#define VIRTIO_BLK_S_IOERR  1u
#define VIRTIO_BLK_S_UNSUPP 2u

/* The first 16 bytes of a request. */
struct virtio_blk_header {
    vmmp_le32_t type;
    vmmp_le32_t reserved;
    vmmp_le64_t sector;
};

/* An element of the data of DISCARD and WRITE_ZEROES. */
struct virtio_blk_segment {
    vmmp_le64_t sector;
    vmmp_le32_t num_sectors;
    vmmp_le32_t flags;
};

#define VIRTIO_BLK_SEGMENT_UNMAP 1u

/* The most sectors of a segment of DISCARD or WRITE_ZEROES. */
uint32_t vmmp_virtio_blk_range_sectors(const struct vmmp_virtio_blk *blk);

/* Works on the chain just popped into the request's elements. */
void vmmp_virtio_blk_start(struct vmmp_virtio_blk_request *request,
                           const struct vmmp_virtqueue_chain *chain);

/* Takes a free request; NULL if there is none. Gives one back. */
struct vmmp_virtio_blk_request *vmmp_virtio_blk_take(struct vmmp_virtio_blk *blk);
void vmmp_virtio_blk_give(struct vmmp_virtio_blk *blk, struct vmmp_virtio_blk_request *request);

/* There have been completions outside a walk, or a queue can go on: soon, or now. */
void vmmp_virtio_blk_settle_soon(struct vmmp_virtio_blk *blk);
