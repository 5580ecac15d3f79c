/* SPDX-License-Identifier: BSD-2-Clause */
/* What the virtio devices of the compatible interface say they are, in their PCI headers. */
#pragma once

#define VIRTIO_PCI_VENDOR_ID           0x1af4
#define VIRTIO_PCI_SUBSYSTEM_VENDOR_ID 0x1af4

#define VIRTIO_NET_PCI_DEVICE_ID     0x1000
#define VIRTIO_BLOCK_PCI_DEVICE_ID   0x1001
#define VIRTIO_CONSOLE_PCI_DEVICE_ID 0x1003
#define VIRTIO_VSOCK_PCI_DEVICE_ID   0x1012

/* Subsystem ids. */
#define VIRTIO_ID_NET     1
#define VIRTIO_ID_BLOCK   2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_VSOCK   19

/* 24 bits. */
#define VIRTIO_PCI_CLASS_NET     0x020000
#define VIRTIO_PCI_CLASS_BLOCK   0x010000
#define VIRTIO_PCI_CLASS_CONSOLE 0x078000
#define VIRTIO_PCI_CLASS_VSOCK   0x078000
