/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/blk_bench.h"

#include "virtio/blk_cursor.h"

/* ---- The backend ---- */

static void disk_info(void *cookie, struct vmmp_blk_info *info)
{
    *info = ((struct script_disk *)cookie)->info;
}

static void move(struct script_disk *disk, const struct vmmp_blk_request *request)
{
    struct blk_cursor cursor = blk_cursor(request->iov, request->iov_count);
    uint8_t *at = disk->data + request->offset;
    size_t length = (size_t)request->length;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < request->iov_count; i++) {
        assert_int_not_equal(request->iov[i].len, 0);
        bytes += request->iov[i].len;
    }
    switch (request->op) {
    case VMMP_BLK_READ:
        assert_int_equal(bytes, length);
        blk_cursor_put(&cursor, at, length);
        break;
    case VMMP_BLK_WRITE:
        assert_int_equal(bytes, length);
        blk_cursor_get(&cursor, at, length);
        break;
    case VMMP_BLK_WRITE_ZEROES:
        memset(at, 0, length);
        break;
    case VMMP_BLK_DISCARD:
        memset(at, 0xdd, length);
        break;
    default:
        break;
    }
}

static void end(struct script_disk *disk, struct vmmp_blk_request *request, int error)
{
    if (error == 0) {
        move(disk, request);
    }
    vmmp_blk_complete(request, error);
}

static void disk_submit(void *cookie, struct vmmp_blk_request *request)
{
    struct script_disk *disk = cookie;
    unsigned at = disk->submits++ % 256;
    disk->ops[at] = request->op;
    disk->stable[at] = request->stable;
    disk->unmap[at] = request->unmap;
    disk->offsets[at] = request->offset;
    disk->lengths[at] = request->length;
    if (request->op != VMMP_BLK_FLUSH) {
        assert_int_not_equal(request->length, 0);
        assert_int_equal(request->offset % 512, 0);
        assert_int_equal(request->length % 512, 0);
        assert_true(request->offset <= disk->info.capacity &&
                    request->length <= disk->info.capacity - request->offset);
    }
    if (!disk->slow) {
        end(disk, request, disk->error);
        return;
    }
    assert_true(disk->kept_count < 64);
    disk->kept[disk->kept_count++] = request;
}

static void complete_kept(struct script_disk *disk, unsigned index, int error)
{
    assert_true(index < disk->kept_count);
    struct vmmp_blk_request *request = disk->kept[index];
    disk->kept_count--;
    for (unsigned i = index; i < disk->kept_count; i++) {
        disk->kept[i] = disk->kept[i + 1];
    }
    end(disk, request, error);
}

static void disk_commit(void *cookie)
{
    struct script_disk *disk = cookie;
    disk->commits++;
    for (unsigned count = disk->completes_in_commit ? disk->kept_count : 0; count > 0; count--) {
        complete_kept(disk, 0, 0);
    }
}

static void disk_cancel(void *cookie)
{
    ((struct script_disk *)cookie)->cancels++;
}

static void disk_drain(void *cookie)
{
    struct script_disk *disk = cookie;
    disk->drains++;
    while (disk->kept_count > 0) {
        complete_kept(disk, disk->kept_count - 1, 0);
    }
}

static const struct vmmp_blk_ops waiting_ops = { disk_info, disk_submit, disk_commit, disk_cancel,
                                                 disk_drain };
static const struct vmmp_blk_ops hasty_ops = { disk_info, disk_submit, disk_commit, disk_cancel,
                                               NULL };

struct vmmp_blk_backend script_disk_backend(struct script_disk *disk)
{
    return (struct vmmp_blk_backend){ disk->waits ? &waiting_ops : &hasty_ops, disk };
}

void script_disk_complete(struct blk_bench *bench, unsigned index, int error)
{
    vmmp_context_enter(&bench->blk.virtio.context);
    complete_kept(&bench->disk, index, error);
    vmmp_context_leave(&bench->blk.virtio.context);
}

void script_disk_complete_all(struct blk_bench *bench)
{
    while (bench->disk.kept_count > 0) {
        script_disk_complete(bench, 0, 0);
        while (virtio_rig_run(&bench->rig)) {
        }
    }
}

/* ---- The device and its driver ---- */

void blk_bench_init(struct blk_bench *bench, const struct blk_bench_options *options)
{
    memset(bench, 0, sizeof(*bench));
    virtio_rig_init(&bench->rig, options->defers, false);
    bench->disk.info = options->info;
    if (bench->disk.info.capacity == 0) {
        bench->disk.info.capacity = BLK_CAPACITY;
    }
    bench->disk.waits = !options->cannot_drain;
    for (size_t i = 0; i < BLK_CAPACITY; i++) {
        bench->disk.data[i] = (uint8_t)(i / 512 * 7 + i);
    }
    const struct vmmp_blk_backend backend = script_disk_backend(&bench->disk);
    assert_int_equal(vmmp_virtio_blk_init(&bench->blk, &backend, bench->requests, BLK_REQUESTS,
                                          &options->blk, &bench->rig.memory, &bench->rig.log,
                                          &bench->rig.host),
                     0);
    const struct virtio_driver_transport *transport = options->legacy ? &virtio_driver_pci_legacy
                                                      : options->mmio ? &virtio_driver_mmio
                                                                      : &virtio_driver_pci_modern;
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->blk.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.rings = options->packed ? UINT64_MAX : 0;
    bench->headers = virtio_driver_alloc(&bench->driver, 16 * 512, 16);
    bench->statuses = virtio_driver_alloc(&bench->driver, 512, 1);
    bench->data = virtio_driver_alloc(&bench->driver, 0x100000, 4096);
}

void blk_bench_fini(struct blk_bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_blk_fini(&bench->blk);
    assert_int_equal(bench->blk.in_flight, 0);
    virtio_rig_fini(&bench->rig);
}

void blk_bench_start(struct blk_bench *bench, uint64_t wanted)
{
    assert_true(virtio_driver_start(&bench->driver, wanted, bench->blk.virtio.queue_count));
}

uint64_t blk_bench_header(struct blk_bench *bench, uint32_t type, uint64_t sector)
{
    uint64_t gpa = bench->headers + 16 * (bench->slot % 512);
    struct virtio_blk_header *header = virtio_driver_at(&bench->driver, gpa, sizeof(*header));
    *header =
        (struct virtio_blk_header){ vmmp_le32(type), vmmp_le32(0x12345678), vmmp_le64(sector) };
    return gpa;
}

uint64_t blk_bench_status(struct blk_bench *bench)
{
    uint64_t gpa = bench->statuses + bench->slot % 512;
    *(uint8_t *)virtio_driver_at(&bench->driver, gpa, 1) = 0xff;
    bench->slot++;
    return gpa;
}

uint8_t blk_bench_byte(struct blk_bench *bench, uint64_t gpa)
{
    return *(volatile uint8_t *)virtio_driver_at(&bench->driver, gpa, 1);
}

static bool to_device(uint32_t type)
{
    return type == VIRTIO_BLK_T_OUT || type == VIRTIO_BLK_T_DISCARD ||
           type == VIRTIO_BLK_T_WRITE_ZEROES;
}

uint64_t blk_bench_add(struct blk_bench *bench, unsigned queue, uint32_t type, uint64_t sector,
                       uint64_t data, uint32_t bytes)
{
    uint64_t header = blk_bench_header(bench, type, sector);
    uint64_t status = blk_bench_status(bench);
    struct virtio_driver_buffer buffers[3] = { { header, 16, false } };
    unsigned count = 1;
    if (bytes > 0) {
        buffers[count++] = (struct virtio_driver_buffer){ data, bytes, !to_device(type) };
    }
    buffers[count++] = (struct virtio_driver_buffer){ status, 1, true };
    virtio_driver_add(&bench->driver, queue, buffers, count);
    virtio_driver_kick(&bench->driver, queue);
    return status;
}

uint8_t blk_bench_do(struct blk_bench *bench, uint32_t type, uint64_t sector, uint64_t data,
                     uint32_t bytes, uint32_t *written)
{
    uint32_t id;
    uint64_t status = blk_bench_add(bench, 0, type, sector, data, bytes);
    assert_true(virtio_driver_used(&bench->driver, 0, &id, written));
    return blk_bench_byte(bench, status);
}

unsigned blk_bench_used(struct blk_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->driver, queue, &id, &len)) {
        count++;
    }
    return count;
}

bool blk_bench_broken(struct blk_bench *bench)
{
    return (vmmp_virtio_status(&bench->blk.virtio) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

/* ---- Fixtures ---- */

int blk_bench_make(void **state, const struct blk_bench_options *options)
{
    struct blk_bench *bench = malloc(sizeof(*bench));
    blk_bench_init(bench, options);
    *state = bench;
    return 0;
}

int blk_setup(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .defers = true });
}

int blk_setup_direct(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ 0 });
}

int blk_setup_legacy(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .legacy = true });
}

int blk_setup_mmio(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .defers = true, .mmio = true });
}

int blk_setup_packed(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .defers = true, .packed = true });
}

int blk_setup_packed_direct(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .packed = true });
}

int blk_teardown(void **state)
{
    blk_bench_fini(*state);
    free(*state);
    return 0;
}
