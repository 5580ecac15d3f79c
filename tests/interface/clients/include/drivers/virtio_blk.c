/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/virtio_blk.h>

static int transfer(struct disk_driver *driver, uint8_t direction, uint64_t sector, uint32_t len,
                    uintptr_t buffer)
{
    return driver->disk_data && direction < 2 && sector + len && buffer ? VIRTIO_BLK_XFER_COMPLETE
                                                                        : VIRTIO_BLK_XFER_FAILED;
}

static void init(struct disk_driver *driver, struct virtio_blk_config *config)
{
    config->capacity = driver->disk_data ? 1024 : 0;
    config->seg_max = 1;
    config->size_max = 4096;
    config->blk_size = 512;
}

static void handle_irq(struct disk_driver *driver, int irq)
{
    (void)driver, (void)irq;
}

virtio_blk_t *client_virtio_blk(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ports)
{
    raw_diskiface_funcs_t backend = virtio_blk_default_backend();
    ioport_range_t range = { 0x8000, 0x8000 + 0x40, 0x40 };

    backend.raw_xfer = transfer;
    backend.low_level_init = init;
    backend.raw_handleIRQ = handle_irq;
    virtio_blk_t *blk = common_make_virtio_blk(vm, pci, ports, range, IOPORT_ADDR, 7, 7, backend);
    if (blk) {
        blk->emul_driver->disk_data = blk->emul;
        blk->emul_driver_funcs.raw_handleIRQ(blk->emul_driver, (int)blk->iobase);
    }
    return blk;
}
