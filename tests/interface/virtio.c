/* SPDX-License-Identifier: BSD-2-Clause */
/* <virtio/…>, <ethdrivers/raw.h>, <satadrivers/raw.h>: what the compatible constructors use. */
#include <stddef.h>
#include <stdint.h>

#include <ethdrivers/raw.h>
#include <satadrivers/raw.h>
#include <virtio/virtio_con.h>
#include <virtio/virtio_config.h>
#include <virtio/virtio_net.h>
#include <virtio/virtio_pci.h>
#include <virtio/virtio_ring.h>
#include <virtio/virtio_vsock.h>

#include "check.h"

CHECK_VALUE(VIRTIO_CON_MAX_PORTS, 4);

CHECK_MEMBER(struct vring, num, unsigned int);
CHECK_MEMBER(struct vring, desc, struct vring_desc *);
CHECK_MEMBER(struct vring, avail, struct vring_avail *);
CHECK_MEMBER(struct vring, used, struct vring_used *);
CHECK_MEMBER(struct vring_desc, addr, uint64_t);
CHECK_MEMBER(struct vring_used_elem, id, uint32_t);
CHECK_VALUE(sizeof(struct vring_desc), 16);
CHECK_VALUE(sizeof(struct vring_used_elem), 8);

CHECK_VALUE(ETHIF_TX_ENQUEUED, 0);
CHECK_VALUE(ETHIF_TX_FAILED, -1);
CHECK_VALUE(ETHIF_TX_COMPLETE, 1);
CHECK_TYPE(ethif_raw_tx,
           int (*)(struct eth_driver *, unsigned int, uintptr_t *, unsigned int *, void *));
CHECK_TYPE(ethif_low_level_init_t, void (*)(struct eth_driver *, uint8_t *, int *));
CHECK_TYPE(ethif_raw_handleIRQ_t, void (*)(struct eth_driver *, int));
CHECK_TYPE(ethif_raw_allocate_rx_buf, uintptr_t (*)(void *, size_t, void **));
CHECK_TYPE(ethif_raw_rx_complete, void (*)(void *, unsigned int, void **, unsigned int *));
CHECK_TYPE(ethif_raw_tx_complete, void (*)(void *, void *));
CHECK_TYPE(ethif_driver_init, int (*)(struct eth_driver *, ps_io_ops_t, void *));
CHECK_MEMBER(struct raw_iface_funcs, raw_tx, ethif_raw_tx);
CHECK_MEMBER(struct raw_iface_funcs, raw_handleIRQ, ethif_raw_handleIRQ_t);
CHECK_MEMBER(struct raw_iface_funcs, low_level_init, ethif_low_level_init_t);
CHECK_MEMBER(struct raw_iface_callbacks, tx_complete, ethif_raw_tx_complete);
CHECK_MEMBER(struct raw_iface_callbacks, rx_complete, ethif_raw_rx_complete);
CHECK_MEMBER(struct raw_iface_callbacks, allocate_rx_buf, ethif_raw_allocate_rx_buf);
CHECK_MEMBER(struct eth_driver, eth_data, void *);
CHECK_MEMBER(struct eth_driver, i_fn, struct raw_iface_funcs);
CHECK_MEMBER(struct eth_driver, i_cb, struct raw_iface_callbacks);
CHECK_MEMBER(struct eth_driver, cb_cookie, void *);
CHECK_MEMBER(struct eth_driver, io_ops, ps_io_ops_t);

CHECK_VALUE(VIRTIO_BLK_XFER_COMPLETE, 1);
CHECK_VALUE(VIRTIO_BLK_XFER_FAILED, -1);
CHECK_TYPE(diskif_raw_xfer, int (*)(struct disk_driver *, uint8_t, uint64_t, uint32_t, uintptr_t));
CHECK_TYPE(diskif_low_level_init_t, void (*)(struct disk_driver *, struct virtio_blk_config *));
CHECK_MEMBER(raw_diskiface_funcs_t, raw_xfer, diskif_raw_xfer);
CHECK_MEMBER(raw_diskiface_funcs_t, raw_handleIRQ, diskif_raw_handleIRQ_t);
CHECK_MEMBER(raw_diskiface_funcs_t, low_level_init, diskif_low_level_init_t);
CHECK_MEMBER(struct disk_driver, disk_data, void *);
CHECK_MEMBER(struct disk_driver, i_fn, raw_diskiface_funcs_t);
CHECK_MEMBER(struct disk_driver, cb_cookie, void *);
CHECK_MEMBER(struct disk_driver, io_ops, ps_io_ops_t);
CHECK_MEMBER(struct virtio_blk_config, capacity, uint64_t);
CHECK_MEMBER(struct virtio_blk_config, size_max, uint32_t);
CHECK_MEMBER(struct virtio_blk_config, seg_max, uint32_t);
CHECK_MEMBER(struct virtio_blk_config, blk_size, uint32_t);
CHECK_VALUE(offsetof(struct virtio_blk_config, size_max), 8);
CHECK_VALUE(offsetof(struct virtio_blk_config, seg_max), 12);
CHECK_VALUE(offsetof(struct virtio_blk_config, blk_size), 20);

CHECK_VALUE(VIRTIO_VSOCK_CAMKES_MTU, 4096);
