/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a read from a RAM disk costs: the walk, the checks, the copy, the answer.
 *
 *     blk [--bytes N] [--batch N] [--requests N] [--bare]
 *
 * Instructions are counted under callgrind inside bench_device() only, as in virtqueue.c, or with
 * --bare inside the copies that cannot be left out (also in bench_device()).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/blk_ram.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_split.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(16) << 20)
#define DATA     (RAM_BASE + (UINT64_C(8) << 20))
#define HEADERS  (RAM_BASE + (UINT64_C(4) << 20))
#define SIZE     256u
#define DISK     (1u << 20)
#define SLOTS    32u

static uint8_t *ram;
static uint8_t disk[DISK];
static struct vmmp_virtio_blk blk;
static struct vmmp_virtio_blk_request requests[SLOTS];

void bench_device(unsigned bytes, unsigned batch, bool bare);

__attribute__((noinline)) void bench_device(unsigned bytes, unsigned batch, bool bare)
{
    if (!bare) {
        vmmp_virtio_kick(&blk.virtio, 0);
        return;
    }
    for (unsigned i = 0; i < batch; i++) {
        memcpy(ram + (DATA - RAM_BASE) + i * bytes, disk + i * 512, bytes);
    }
}

static void interrupt(void *transport, int queue)
{
    (void)transport, (void)queue;
}

static void put(struct virtq_desc *desc, uint64_t gpa, uint32_t len, unsigned flags, unsigned next)
{
    *desc = (struct virtq_desc){ vmmp_le64(gpa), vmmp_le32(len), vmmp_le16((uint16_t)flags),
                                 vmmp_le16((uint16_t)next) };
}

static void add(const struct vmmp_virtqueue_config *ring, unsigned slot, unsigned bytes,
                uint16_t idx)
{
    struct virtq_desc *desc = (void *)(ram + (ring->desc.gpa - RAM_BASE));
    struct virtq_avail *avail = (void *)(ram + (ring->driver.gpa - RAM_BASE));
    uint64_t at = HEADERS + slot * 32;
    struct virtio_blk_header header = { vmmp_le32(VIRTIO_BLK_T_IN), { 0 }, vmmp_le64(slot) };
    memcpy(ram + (at - RAM_BASE), &header, sizeof(header));
    put(&desc[slot * 3], at, 16, VIRTQ_DESC_F_NEXT, slot * 3 + 1);
    put(&desc[slot * 3 + 1], DATA + slot * bytes, bytes, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE,
        slot * 3 + 2);
    put(&desc[slot * 3 + 2], at + 16, 1, VIRTQ_DESC_F_WRITE, 0);
    avail->ring[idx % SIZE] = vmmp_le16((uint16_t)(slot * 3));
    avail->idx = vmmp_le16((uint16_t)(idx + 1));
}

static int set_up(struct vmmp_guest_memory *memory, struct vmmp_blk_ram *backing)
{
    static const struct vmmp_virtio_transport_ops transport = { .interrupt = interrupt };
    ram = calloc(1, RAM_SIZE);
    vmmp_guest_memory_init(memory, NULL, NULL);
    if (!ram || vmmp_guest_memory_add(memory, vmmp_gpa(RAM_BASE), RAM_SIZE, ram) != 0 ||
        vmmp_blk_ram_init(backing, disk, DISK, false) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < DISK; i++) {
        disk[i] = (uint8_t)(i / 512 + i);
    }
    const struct vmmp_blk_backend backend = vmmp_blk_ram_backend(backing);
    if (vmmp_virtio_blk_init(&blk, &backend, requests, SLOTS, NULL, memory, NULL, NULL) != 0) {
        return -1;
    }
    vmmp_virtio_set_transport(&blk.virtio, &transport, NULL);
    vmmp_virtio_set_status(&blk.virtio, 3, false);
    vmmp_virtio_set_driver_features(&blk.virtio, 1, 1u << (VIRTIO_F_VERSION_1 - 32));
    vmmp_virtio_set_status(&blk.virtio, 11, false);
    blk.queues[0].registers.size = SIZE;
    blk.queues[0].registers.desc = vmmp_gpa(RAM_BASE);
    blk.queues[0].registers.driver = vmmp_gpa(RAM_BASE + 0x10000);
    blk.queues[0].registers.device = vmmp_gpa(RAM_BASE + 0x20000);
    vmmp_virtio_queue_enable(&blk.virtio, 0);
    vmmp_virtio_set_status(&blk.virtio, 15, false);
    return vmmp_virtio_live(&blk.virtio) ? 0 : -1;
}

static bool arrived(unsigned bytes, unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        if (memcmp(ram + (DATA - RAM_BASE) + i * bytes, disk + i * 512, bytes) != 0) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned bytes = 4096, batch = SLOTS, total = 3200, done = 0;
    bool bare = false;
    struct vmmp_guest_memory memory;
    struct vmmp_blk_ram backing;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--bare") == 0) {
            bare = true;
        } else if (more && strcmp(argv[i], "--bytes") == 0) {
            bytes = (unsigned)strtoul(argv[++i], NULL, 0);
        } else if (more && strcmp(argv[i], "--batch") == 0) {
            batch = (unsigned)strtoul(argv[++i], NULL, 0);
        } else if (more && strcmp(argv[i], "--requests") == 0) {
            total = (unsigned)strtoul(argv[++i], NULL, 0);
        } else {
            batch = 0;
        }
    }
    if (batch < 1 || batch > SLOTS || bytes < 512 || bytes > 131072 || bytes % 512) {
        fprintf(stderr,
                "usage: blk [--bytes 512..131072] [--batch 1..32] [--requests N] [--bare]\n");
        return 2;
    }
    if (set_up(&memory, &backing) != 0) {
        fprintf(stderr, "blk: cannot set up the disk\n");
        return 1;
    }
    uint16_t idx = 0;
    for (; done < total; done += batch) {
        memset(ram + (DATA - RAM_BASE), 0, (size_t)bytes * batch);
        for (unsigned i = 0; i < batch && !bare; i++) {
            add(&blk.queues[0].registers, i, bytes, idx++);
        }
        bench_device(bytes, batch, bare);
        if (!arrived(bytes, batch)) {
            fprintf(stderr, "blk: a request was not answered\n");
            return 1;
        }
    }
    printf("requests=%u bytes=%u batch=%u\n", done, bytes, batch);
    free(ram);
    return 0;
}
