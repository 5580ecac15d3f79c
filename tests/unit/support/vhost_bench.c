/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhost_bench.h"

#include <dirent.h>

#include "virtio/virtqueue_packed.h"

#define SLOTS 64u

static int create(void *cookie, const struct vmmp_guest_memory *memory,
                  struct vmmp_virtio_device **virtio)
{
    struct vhost_bench *bench = cookie;
    const struct vmmp_blk_backend backend = script_disk_backend(&bench->blk.disk);
    const struct vmmp_virtio_blk_options options = { .queues = VHOST_BENCH_QUEUES };
    const struct vmmp_host host = hosted_event_loop_host(bench->front.loop);
    *virtio = &bench->blk.blk.virtio;
    return vmmp_virtio_blk_init(&bench->blk.blk, &backend, bench->blk.requests, BLK_REQUESTS,
                                &options, memory, &bench->front.log, &host);
}

static void destroy(void *cookie)
{
    struct vhost_bench *bench = cookie;
    if (bench->lose_requests) {
        /* Nothing of them is written any more: the device is broken. */
        bench->blk.disk.kept_count = 0;
        bench->blk.blk.in_flight = 0;
    }
    vmmp_virtio_blk_fini(&bench->blk.blk);
}

const struct hosted_vhost_user_device vhost_bench_device = { create, destroy };

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static unsigned opened_before;

struct vhost_bench *vhost_bench_new(void)
{
    struct vhost_bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    opened_before = open_descriptors();
    bench->blk.disk.info.capacity = BLK_CAPACITY;
    bench->blk.disk.waits = true;
    for (size_t i = 0; i < BLK_CAPACITY; i++) {
        bench->blk.disk.data[i] = (uint8_t)(i / 512 * 7 + i);
    }
    vhost_front_init(&bench->front, &vhost_bench_device, bench);
    bench->headers = virtio_driver_alloc(&bench->front.driver, SLOTS * 32, 64);
    bench->data = virtio_driver_alloc(&bench->front.driver, 4096, 4096);
    return bench;
}

void vhost_bench_free(struct vhost_bench *bench)
{
    vhost_front_fini(&bench->front);
    free(bench);
    assert_int_equal(open_descriptors(), opened_before);
}

void vhost_bench_ready(struct vhost_bench *bench)
{
    for (unsigned i = 0; i < VHOST_BENCH_QUEUES; i++) {
        virtio_driver_set_up_queue(&bench->front.driver, i);
    }
    virtio_driver_ready(&bench->front.driver);
}

void vhost_bench_start(struct vhost_bench *bench, bool packed)
{
    struct virtio_driver *driver = &bench->front.driver;
    memset(driver->queues, 0, sizeof(driver->queues));
    driver->rings = packed ? UINT64_C(1) << VIRTIO_F_RING_PACKED : 0;
    for (unsigned i = 0; i < VHOST_BENCH_QUEUES; i++) {
        bench->front.base[i] = packed ? 0x8000 : 0;
    }
    vhost_front_begin(&bench->front);
    bench->front.status = 0;
    assert_true(virtio_driver_negotiate(driver, VHOST_BENCH_FEATURES));
    vhost_bench_ready(bench);
}

void vhost_bench_restart(struct vhost_bench *bench, unsigned queue, uint32_t base)
{
    struct vhost_front *front = &bench->front;
    const struct virtio_driver_queue *ring = &front->driver.queues[queue];
    front->base[queue] = (uint16_t)base;
    virtio_driver_vhost_user.set_queue(&front->window, queue, ring->size, ring->desc_gpa,
                                       ring->avail_gpa, ring->used_gpa);
    vhost_front_run(front);
}

void vhost_bench_add(struct vhost_bench *bench, unsigned queue, uint32_t type, uint64_t sector)
{
    struct virtio_driver *driver = &bench->front.driver;
    uint64_t at = bench->headers + bench->slot * 32;
    uint8_t *header = virtio_driver_at(driver, at, 32);
    bench->slot = (bench->slot + 1) % SLOTS;
    memset(header, 0, 16);
    memcpy(header, &type, sizeof(type));
    memcpy(header + 8, &sector, sizeof(sector));
    header[16] = 0xff;
    const struct virtio_driver_buffer buffers[] = {
        { at, 16, false },
        { bench->data, 512, type == VIRTIO_BLK_T_IN },
        { at + 16, 1, true },
    };
    uint16_t id = virtio_driver_add(driver, queue, buffers, 3);
    bench->status_of[id % VIRTIO_DRIVER_IDS] = at + 16;
    virtio_driver_vhost_user.kick(&bench->front.window, queue);
}

int vhost_bench_take(struct vhost_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    if (!virtio_driver_used(&bench->front.driver, queue, &id, &len)) {
        return -1;
    }
    const uint8_t *status =
        virtio_driver_at(&bench->front.driver, bench->status_of[id % VIRTIO_DRIVER_IDS], 1);
    return *status;
}

void vhost_bench_wait(struct vhost_bench *bench)
{
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(hosted_event_loop_step(bench->front.loop, 2), 0);
    }
    vhost_front_run(&bench->front);
}
