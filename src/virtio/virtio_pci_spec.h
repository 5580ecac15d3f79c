/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants of virtio over PCI (virtio 1.2, 4.1). */
#pragma once

/* 4.1.2 */
#define VIRTIO_PCI_VENDOR          0x1af4u
#define VIRTIO_PCI_DEVICE_MODERN   0x1040u /* + device type */
#define VIRTIO_PCI_REVISION_LEGACY 0u
#define VIRTIO_PCI_REVISION_MODERN 1u

/* 4.1.4 */
#define VIRTIO_PCI_CAP_VENDOR_ID  0x09u /* The PCI capability they all are. */
#define VIRTIO_PCI_CAP_COMMON_CFG 1u
#define VIRTIO_PCI_CAP_NOTIFY_CFG 2u
#define VIRTIO_PCI_CAP_ISR_CFG    3u
#define VIRTIO_PCI_CAP_DEVICE_CFG 4u
#define VIRTIO_PCI_CAP_PCI_CFG    5u

/* struct virtio_pci_cap; offsets from the capability's start. */
#define VIRTIO_PCI_CAP_BAR    4u
#define VIRTIO_PCI_CAP_OFFSET 8u
#define VIRTIO_PCI_CAP_LENGTH 12u
#define VIRTIO_PCI_CAP_SIZE   16u
#define VIRTIO_PCI_CAP_EXTRA  16u /* notify_off_multiplier or pci_cfg_data */

/* 4.1.4.3, struct virtio_pci_common_cfg */
#define VIRTIO_PCI_COMMON_DFSELECT      0
#define VIRTIO_PCI_COMMON_DF            4
#define VIRTIO_PCI_COMMON_GFSELECT      8
#define VIRTIO_PCI_COMMON_GF            12
#define VIRTIO_PCI_COMMON_MSIX          16
#define VIRTIO_PCI_COMMON_NUMQ          18
#define VIRTIO_PCI_COMMON_STATUS        20
#define VIRTIO_PCI_COMMON_CFGGENERATION 21
#define VIRTIO_PCI_COMMON_Q_SELECT      22
#define VIRTIO_PCI_COMMON_Q_SIZE        24
#define VIRTIO_PCI_COMMON_Q_MSIX        26
#define VIRTIO_PCI_COMMON_Q_ENABLE      28
#define VIRTIO_PCI_COMMON_Q_NOFF        30
#define VIRTIO_PCI_COMMON_Q_DESCLO      32
#define VIRTIO_PCI_COMMON_Q_DESCHI      36
#define VIRTIO_PCI_COMMON_Q_AVAILLO     40
#define VIRTIO_PCI_COMMON_Q_AVAILHI     44
#define VIRTIO_PCI_COMMON_Q_USEDLO      48
#define VIRTIO_PCI_COMMON_Q_USEDHI      52
#define VIRTIO_PCI_COMMON_Q_NDATA       56
#define VIRTIO_PCI_COMMON_Q_RESET       58
#define VIRTIO_PCI_COMMON_SIZE          60

/* 4.1.4.10, the legacy interface */
#define VIRTIO_PCI_HOST_FEATURES  0
#define VIRTIO_PCI_GUEST_FEATURES 4
#define VIRTIO_PCI_QUEUE_PFN      8
#define VIRTIO_PCI_QUEUE_NUM      12
#define VIRTIO_PCI_QUEUE_SEL      14
#define VIRTIO_PCI_QUEUE_NOTIFY   16
#define VIRTIO_PCI_STATUS         18
#define VIRTIO_PCI_ISR            19
#define VIRTIO_PCI_CONFIG         20 /* Without MSI-X */
#define VIRTIO_PCI_CONFIG_VECTOR  20 /* With it: then these come between. */
#define VIRTIO_PCI_QUEUE_VECTOR   22
#define VIRTIO_PCI_CONFIG_MSIX    24

#define VIRTIO_PCI_QUEUE_ADDR_SHIFT 12
#define VIRTIO_PCI_VRING_ALIGN      4096u

/* Where this library puts the structures in the memory BAR: a page each. */
#define MODERN_PAGE              0x1000u
#define MODERN_COMMON            0u
#define MODERN_ISR               1u
#define MODERN_DEVICE            2u
#define MODERN_NOTIFY            3u
#define MODERN_BAR_SIZE          0x4000u
#define MODERN_NOTIFY_MULTIPLIER 4u
