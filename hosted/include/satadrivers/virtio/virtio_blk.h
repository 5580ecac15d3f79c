/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk's configuration and its requests (OASIS virtio 1.2, 5.2), by the names clients know. */
#pragma once

#include <stdint.h>

#define VIRTIO_BLK_T_IN       0
#define VIRTIO_BLK_T_OUT      1
#define VIRTIO_BLK_T_SCSI_CMD 2
#define VIRTIO_BLK_T_FLUSH    4
#define VIRTIO_BLK_T_GET_ID   8

/** Of it clients fill in `capacity`, `size_max`, `seg_max` and `blk_size`. */
struct virtio_blk_config {
    uint64_t capacity; /**< In sectors of 512 bytes. */
    uint32_t size_max; /**< Most bytes of a segment, */
    uint32_t seg_max;  /**< and most segments of a request. */
    struct virtio_blk_geometry {
        uint16_t cylinders;
        uint8_t heads;
        uint8_t sectors;
    } geometry;
    uint32_t blk_size;
};
