/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_blk.h> over vmmp/virtio_blk.h. */
#include <sel4vmmplatsupport/drivers/virtio_blk.h>

#include <errno.h>

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "compat/compat_vm.h"
#include "compat/virtio_pci_emul.h"
#include "virtio/blk_cursor.h"

#define QUEUE_SIZE       128u
#define SIZE_MAX_DEFAULT 4096u
#define SECTOR           VMMP_BLK_SECTOR

/* virtio 1.2, 5.2.3: SIZE_MAX, SEG_MAX, BLK_SIZE */
#define FEATURES (UINT64_C(1) << 1 | UINT64_C(1) << 2 | UINT64_C(1) << 6)

/* Directions, the types of virtio 1.2, 5.2.6. */
#define DIRECTION_IN    0u
#define DIRECTION_OUT   1u
#define DIRECTION_FLUSH 4u

struct blk {
    struct vmmp_compat_virtio virtio; /* First: the client's handle leads here. */
    virtio_blk_t client;
    struct disk_driver driver;
    struct virtio_blk_config config;
    struct vmmp_virtio_blk model;
    struct vmmp_virtio_blk_request request; /* One is enough: each ends before the next begins. */
    uint32_t piece;                         /* Most bytes of a call, whole sectors. */
    const struct vmmp_log *log;
    struct vmmp_log_limit absent_limit;
    _Alignas(max_align_t) uint8_t split[SECTOR]; /* A sector that the guest has split. */
};

/* ---- Transfers ---- */

static bool call(struct blk *blk, unsigned direction, uint64_t sector, size_t len, void *at)
{
    diskif_raw_xfer xfer = blk->driver.i_fn.raw_xfer;
    return xfer && xfer(&blk->driver, (uint8_t)direction, sector, (uint32_t)len, (uintptr_t)at) ==
                       VIRTIO_BLK_XFER_COMPLETE;
}

static bool transfer_split(struct blk *blk, unsigned direction, uint64_t sector,
                           struct blk_cursor *cursor)
{
    if (direction == DIRECTION_OUT) {
        blk_cursor_get(cursor, blk->split, SECTOR);
    }
    bool done = call(blk, direction, sector, SECTOR, blk->split);
    if (done && direction == DIRECTION_IN) {
        blk_cursor_put(cursor, blk->split, SECTOR);
    }
    return done;
}

static bool transfer(struct blk *blk, const struct vmmp_blk_request *io, unsigned direction)
{
    struct blk_cursor cursor = blk_cursor(io->iov, io->iov_count);
    uint64_t sector = io->offset / SECTOR;
    uint64_t left = io->length / SECTOR;

    while (left > 0 && cursor.left > 0) {
        size_t whole = (cursor.iov->len - cursor.offset) / SECTOR;
        size_t sectors = 1;
        bool done;
        if (whole > 0) {
            uint8_t *at;
            sectors = whole < blk->piece / SECTOR ? whole : blk->piece / SECTOR;
            size_t len = blk_cursor_next(&cursor, sectors * SECTOR, &at);
            done = call(blk, direction, sector, len, at);
        } else {
            done = transfer_split(blk, direction, sector, &cursor);
        }
        if (!done) {
            return false;
        }
        sector += sectors;
        left -= sectors;
    }
    return true;
}

static void submit(void *cookie, struct vmmp_blk_request *io)
{
    struct blk *blk = cookie;
    bool done = false;
    switch (io->op) {
    case VMMP_BLK_READ:
        done = transfer(blk, io, DIRECTION_IN);
        break;
    case VMMP_BLK_WRITE:
        done = transfer(blk, io, DIRECTION_OUT);
        break;
    case VMMP_BLK_FLUSH:
        done = call(blk, DIRECTION_FLUSH, 0, 0, blk->split);
        break;
    case VMMP_BLK_DISCARD:
    case VMMP_BLK_WRITE_ZEROES:
        break;
    }
    vmmp_blk_complete(io, done ? 0 : -EIO);
}

/* What raw_xfer has done is done: no flush has to follow a write. */
static void info(void *cookie, struct vmmp_blk_info *info)
{
    const struct blk *blk = cookie;
    info->capacity = blk->config.capacity * SECTOR;
    info->block_size = blk->config.blk_size;
    info->stable_writes = true;
}

static const struct vmmp_blk_ops backend_ops = { .info = info, .submit = submit };

static void inject(void *cookie)
{
    struct blk *blk = cookie;
    if (blk->driver.i_fn.raw_handleIRQ) {
        blk->driver.i_fn.raw_handleIRQ(&blk->driver, 0);
    }
}

/* ---- What the client has not replaced ---- */

/* A guest can bring this about as often as it likes. */
static void say_absent(struct disk_driver *driver, const char *function)
{
    struct blk *blk = driver->cb_cookie;
    vmmp_log_guest(blk->log, &blk->absent_limit,
                   "virtio-blk: the client has no %s: set it in the backend", function);
}

static int absent_xfer(struct disk_driver *driver, uint8_t direction, uint64_t sector, uint32_t len,
                       uintptr_t address)
{
    (void)direction, (void)sector, (void)len, (void)address;
    say_absent(driver, "raw_xfer");
    return VIRTIO_BLK_XFER_FAILED;
}

static void absent_irq(struct disk_driver *driver, int irq)
{
    (void)irq;
    say_absent(driver, "raw_handleIRQ");
}

static void absent_poll(struct disk_driver *driver)
{
    say_absent(driver, "raw_poll");
}

static void absent_print_state(struct disk_driver *driver)
{
    say_absent(driver, "print_state");
}

static void absent_low_level_init(struct disk_driver *driver, struct virtio_blk_config *config)
{
    (void)config;
    say_absent(driver, "low_level_init");
}

raw_diskiface_funcs_t virtio_blk_default_backend(void)
{
    return (raw_diskiface_funcs_t){
        .raw_xfer = absent_xfer,
        .raw_handleIRQ = absent_irq,
        .raw_poll = absent_poll,
        .print_state = absent_print_state,
        .low_level_init = absent_low_level_init,
    };
}

/* ---- Making one ---- */

static int make_model(struct blk *blk, struct vmmp_vm *vmmp)
{
    const struct vmmp_blk_backend backend = { &backend_ops, blk };
    struct virtio_blk_config *config = &blk->config;

    if (blk->driver.i_fn.low_level_init) {
        blk->driver.i_fn.low_level_init(&blk->driver, config);
    }
    config->size_max = config->size_max ? config->size_max : SIZE_MAX_DEFAULT;
    blk->piece = config->size_max - config->size_max % SECTOR;
    const struct vmmp_virtio_blk_options options = {
        .queue_size = QUEUE_SIZE,
        .size_max = config->size_max,
        .seg_max = config->seg_max,
        .features_off = VMMP_COMPAT_VIRTIO_DEVICE_BITS & ~FEATURES,
    };
    int error = -EINVAL;
    if (blk->piece > 0 && config->capacity <= UINT64_MAX / SECTOR) {
        error = vmmp_virtio_blk_init(&blk->model, &backend, &blk->request, 1, &options,
                                     &vmmp->memory, &vmmp->log, &vmmp->host);
    }
    if (error == -EINVAL) {
        vmmp_log(
            &vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
            "virtio-blk: capacity %llu, size_max %u and blk_size %u will not do: give a number "
            "of sectors, at least %u and a power of two from %u on",
            (unsigned long long)config->capacity, config->size_max, config->blk_size, SECTOR,
            SECTOR);
    }
    return error;
}

static void fill_client(struct blk *blk, vm_t *vm, const raw_diskiface_funcs_t *backend)
{
    blk->virtio.emul.vm = vm;
    blk->client.emul = &blk->virtio.emul;
    blk->client.emul_driver = &blk->driver;
    blk->client.emul_driver_funcs = *backend;
    blk->driver.disk_data = &blk->client;
    blk->driver.i_fn = *backend;
    blk->driver.cb_cookie = blk;
    blk->driver.dma_alignment = (int)sizeof(uintptr_t);
    if (vm->io_ops) {
        blk->client.ioops = *vm->io_ops;
        blk->driver.io_ops = *vm->io_ops;
    }
}

virtio_blk_t *common_make_virtio_blk(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     raw_diskiface_funcs_t backend)
{
    const struct vmmp_compat_virtio_place place = {
        .pci = pci,
        .ports = ioport,
        .range = ioport_range,
        .type = port_type,
        .interrupt_pin = interrupt_pin,
        .interrupt_line = interrupt_line,
        .command = 1,
        .class_code = VIRTIO_PCI_CLASS_BLOCK,
    };
    struct vmmp_vm *vmmp = vmmp_compat_vm(vm);
    struct blk *blk = vmmp_compat_calloc(vm, sizeof(*blk));
    if (!blk) {
        return NULL;
    }
    blk->log = &vmmp->log;
    fill_client(blk, vm, &backend);
    int first =
        make_model(blk, vmmp) == 0
            ? vmmp_compat_virtio_plug(&blk->virtio, vm, &blk->model.virtio, &place, inject, blk)
            : -1;
    if (first < 0) {
        vmmp_compat_free(vm, blk);
        return NULL;
    }
    blk->client.iobase = (unsigned)first;
    return &blk->client;
}
