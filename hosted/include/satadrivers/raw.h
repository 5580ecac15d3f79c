/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk drivers as seL4's libsatadrivers describes them; names, types and order are the interface.
 */
#pragma once

#include <stdint.h>

#include <platsupport/io.h>
#include <satadrivers/virtio/virtio_blk.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIRTIO_BLK_XFER_FAILED   (-1)
#define VIRTIO_BLK_XFER_COMPLETE 1

struct disk_driver;

typedef int (*diskif_raw_xfer)(struct disk_driver *driver, uint8_t direction, uint64_t sector,
                               uint32_t len, uintptr_t guest_buf_phys);
typedef void (*diskif_raw_handleIRQ_t)(struct disk_driver *driver, int irq);
typedef void (*diskif_raw_poll)(struct disk_driver *driver);
typedef void (*diskif_print_state_t)(struct disk_driver *driver);
typedef void (*diskif_low_level_init_t)(struct disk_driver *driver, struct virtio_blk_config *cfg);

/** 0 on success. */
typedef int (*diskif_driver_init)(struct disk_driver *driver, ps_io_ops_t io_ops, void *config);

typedef struct raw_diskiface_funcs {
    diskif_raw_xfer raw_xfer;
    diskif_raw_handleIRQ_t raw_handleIRQ;
    diskif_raw_poll raw_poll;
    diskif_print_state_t print_state;
    diskif_low_level_init_t low_level_init;
} raw_diskiface_funcs_t;

struct disk_driver {
    void *disk_data;
    raw_diskiface_funcs_t i_fn;
    void *cb_cookie;
    ps_io_ops_t io_ops;
    int dma_alignment;
};

#ifdef __cplusplus
}
#endif
