/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk, compatible interface: a disk over functions of the kind of <satadrivers/raw.h>.
 * Native: vmmp/virtio_blk.h, of which this is a translation.
 *
 * The guest sees a legacy function 1af4:1001 with one I/O BAR, one queue of 128 entries,
 * F_SIZE_MAX, F_SEG_MAX and F_BLK_SIZE. All it can do wrong ends as vmmp/virtio_blk.h says:
 * `raw_xfer` only ever sees whole sectors inside the capacity.
 *
 * `raw_xfer(driver, direction, sector, len, address)` is called for each segment of a request, one
 * after the other: up to `size_max` bytes, rounded down to sectors (0: 4096), in guest memory at
 * `address`, or in a sector of the device's own where the guest has split one. `direction` is 0 to
 * read, 1 to write, and 4 to flush, then without sector and data. Anything but
 * VIRTIO_BLK_XFER_COMPLETE ends the request with an I/O error.
 *
 * Single-threaded, like everything that takes a `vm_t`. What is made lives as long as the VM;
 * nothing is allocated afterwards.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>
#include <sel4vmmplatsupport/ioports.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct virtio_blk {
    unsigned int iobase; /**< First port. */
    virtio_emul_t *emul;
    struct disk_driver *emul_driver;         /**< `disk_data` is the client's to overwrite. */
    raw_diskiface_funcs_t emul_driver_funcs; /**< `backend`. */
    ps_io_ops_t ioops;
} virtio_blk_t;

/**
 * Takes ports as vmm_io_port_add_handler() does (aligned to their number, rounded up to a power of
 * two, at least 64), and plugs a disk into the first free device of `pci`. `interrupt_pin` and
 * `interrupt_line` are what the guest reads; `backend.raw_handleIRQ(driver, 0)` injects, once for a
 * batch. `backend.low_level_init` is called before this returns, with `disk_data` the disk, and
 * fills in `capacity`, `size_max`, `seg_max` (0: as many as the queue holds) and `blk_size` (a
 * power of two from 512 on; 0: 512). NULL if these will not do, the ports cannot be had, the bus is
 * full or memory is short (said in the log).
 */
virtio_blk_t *common_make_virtio_blk(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     raw_diskiface_funcs_t backend);

/**
 * Functions that say in the log that they are missing. The client replaces `raw_xfer`,
 * `low_level_init` and `raw_handleIRQ`.
 */
raw_diskiface_funcs_t virtio_blk_default_backend(void);

#ifdef __cplusplus
}
#endif
