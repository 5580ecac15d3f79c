/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants of virtio 1.2 that the core and its transports share, with their sections. */
#pragma once

/* 2.1 Device status field */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED      128u

/* 6 Reserved feature bits; 28 and 29 are in virtqueue_split.h. */
#define VIRTIO_F_NOTIFY_ON_EMPTY 24 /* 6.3, legacy only */
#define VIRTIO_F_ANY_LAYOUT      27 /* 6.3, legacy only */
#define VIRTIO_F_VERSION_1       32
#define VIRTIO_F_RING_RESET      40

/* 5 Device types */
#define VIRTIO_ID_NET     1
#define VIRTIO_ID_BLOCK   2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_ENTROPY 4
#define VIRTIO_ID_BALLOON 5
#define VIRTIO_ID_SCSI    8
#define VIRTIO_ID_9P      9
#define VIRTIO_ID_VSOCK   19
