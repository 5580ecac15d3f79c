/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chain costs the device: pop, checks, translation, push and flush, without the payload.
 *
 *     virtqueue [--descriptors N] [--chains N] [--batch N] [--size N] [--regions N]
 *               [--indirect] [--event-idx]
 *
 * Instructions are counted under callgrind, only inside bench_device():
 *
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=bench_device ./virtqueue
 *
 * The total divided by the number of chains, which this program prints, is the figure. The driver's
 * side (ring filling) lies outside the counted function.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include "virtio/virtqueue_split.h"

#define RAM_BASE        UINT64_C(0x40000000)
#define RAM_SIZE        (UINT64_C(8) << 20)
#define BUFFER_AT       (RAM_BASE + (UINT64_C(4) << 20))
#define INDIRECT_AT     (RAM_BASE + (UINT64_C(2) << 20))
#define MAX_DESCRIPTORS 64u

struct options {
    unsigned descriptors;
    unsigned chains;
    unsigned batch;
    unsigned size;
    unsigned regions;
    unsigned indirect;
    unsigned event_idx;
};

struct bench {
    struct options options;
    struct vmmp_guest_memory memory;
    uint8_t *ram;
    struct vmmp_virtqueue_config config;
    struct vmmp_virtqueue vq;
    uint16_t avail_idx;
    uint32_t free_head;
};

/* The counted part; not static and not inlined, so that callgrind finds it by name. */
unsigned bench_device(struct vmmp_virtqueue *vq, struct vmmp_virtqueue_chain *chain);

__attribute__((noinline)) unsigned bench_device(struct vmmp_virtqueue *vq,
                                                struct vmmp_virtqueue_chain *chain)
{
    unsigned chains = 0;
    while (vmmp_virtqueue_pop(vq, chain)) {
        vmmp_virtqueue_push(vq, &chain->token, 0);
        chains++;
    }
    vmmp_virtqueue_flush(vq);
    return chains;
}

static void *at(struct bench *bench, uint64_t gpa)
{
    return bench->ram + (gpa - RAM_BASE);
}

static void put_descriptor(struct virtq_desc *desc, unsigned i, unsigned count, uint32_t next)
{
    unsigned flags =
        (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0) | (i >= count / 2 ? VIRTQ_DESC_F_WRITE : 0);
    desc->addr = vmmp_le64(BUFFER_AT + i * UINT64_C(4096));
    desc->len = vmmp_le32(1514);
    desc->flags = vmmp_le16((uint16_t)flags);
    desc->next = vmmp_le16((uint16_t)next);
}

/* Makes one chain available, from the descriptors that follow those of the one before. */
static void driver_add(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct virtq_desc *table = at(bench, bench->config.desc.gpa);
    struct virtq_avail *avail = at(bench, bench->config.driver.gpa);
    uint32_t mask = options->size - 1;
    uint32_t head = bench->free_head & mask;

    if (options->indirect) {
        uint64_t gpa = INDIRECT_AT + head * UINT64_C(1024);
        struct virtq_desc *indirect = at(bench, gpa);
        for (unsigned i = 0; i < options->descriptors; i++) {
            put_descriptor(&indirect[i], i, options->descriptors, i + 1);
        }
        table[head].addr = vmmp_le64(gpa);
        table[head].len = vmmp_le32(options->descriptors * 16);
        table[head].flags = vmmp_le16(VIRTQ_DESC_F_INDIRECT);
        bench->free_head++;
    } else {
        for (unsigned i = 0; i < options->descriptors; i++) {
            put_descriptor(&table[(head + i) & mask], i, options->descriptors,
                           (head + i + 1) & mask);
        }
        bench->free_head += options->descriptors;
    }
    vmmp_guest_store_le16(&avail->ring[bench->avail_idx & mask], (uint16_t)head);
    bench->avail_idx++;
    vmmp_guest_store_le16_release(&avail->idx, bench->avail_idx);
}

static int set_up(struct bench *bench)
{
    const struct options *options = &bench->options;
    bench->ram = calloc(1, RAM_SIZE);
    if (!bench->ram) {
        return -1;
    }
    vmmp_guest_memory_init(&bench->memory, NULL, NULL);
    /* Small regions below the one that is used, with holes so that they are not merged. */
    for (unsigned i = 1; i < options->regions; i++) {
        if (vmmp_guest_memory_add(&bench->memory, vmmp_gpa(i * UINT64_C(0x20000)), 0x1000,
                                  bench->ram) != 0) {
            return -1;
        }
    }
    if (vmmp_guest_memory_add(&bench->memory, vmmp_gpa(RAM_BASE), RAM_SIZE, bench->ram) != 0) {
        return -1;
    }
    bench->config.size = options->size;
    bench->config.desc = vmmp_gpa(RAM_BASE);
    bench->config.driver = vmmp_gpa(RAM_BASE + 0x90000);
    bench->config.device = vmmp_gpa(RAM_BASE + 0xb0000);
    bench->config.features = (uint64_t)options->indirect << VIRTIO_F_INDIRECT_DESC |
                             (uint64_t)options->event_idx << VIRTIO_F_EVENT_IDX;
    return vmmp_virtqueue_enable(&bench->vq, &bench->memory, &bench->config) ? 0 : -1;
}

static int parse(struct options *options, int argc, char **argv)
{
    const struct {
        const char *name;
        unsigned *value;
        int flag;
    } known[] = {
        { "--descriptors", &options->descriptors, 0 },
        { "--chains", &options->chains, 0 },
        { "--batch", &options->batch, 0 },
        { "--size", &options->size, 0 },
        { "--regions", &options->regions, 0 },
        { "--indirect", &options->indirect, 1 },
        { "--event-idx", &options->event_idx, 1 },
    };
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < sizeof(known) / sizeof(known[0]) && strcmp(argv[i], known[k].name) != 0) {
            k++;
        }
        if (k == sizeof(known) / sizeof(known[0]) || (!known[k].flag && i + 1 == argc)) {
            return -1;
        }
        *known[k].value = known[k].flag ? 1 : (unsigned)strtoul(argv[++i], NULL, 0);
    }
    unsigned per_chain = options->indirect ? 1 : options->descriptors;
    return options->descriptors >= 1 && options->descriptors <= MAX_DESCRIPTORS &&
                   options->batch >= 1 && options->regions >= 1 && options->regions <= 16 &&
                   options->size <= 1024 && options->batch <= options->size / per_chain
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .options = { .descriptors = 2, .chains = 8000, .batch = 32, .size = 128, .regions = 1 }
    };
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(1024)];
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = sizeof(iov) / sizeof(iov[0]) };

    if (parse(&bench.options, argc, argv) != 0) {
        fprintf(stderr,
                "usage: virtqueue [--descriptors 1..64] [--chains N] [--batch N] [--size N]\n"
                "                 [--regions 1..16] [--indirect] [--event-idx]\n");
        return 2;
    }
    if (set_up(&bench) != 0) {
        fprintf(stderr, "virtqueue: cannot set up a queue of size %u\n", bench.options.size);
        return 1;
    }
    unsigned done = 0;
    while (done < bench.options.chains) {
        for (unsigned i = 0; i < bench.options.batch; i++) {
            driver_add(&bench);
        }
        unsigned got = bench_device(&bench.vq, &chain);
        if (got != bench.options.batch) {
            const char *error = vmmp_virtqueue_error(&bench.vq);
            fprintf(stderr, "virtqueue: %u of %u chains arrived: %s\n", got, bench.options.batch,
                    error ? error : "no error");
            return 1;
        }
        done += got;
    }
    printf("chains=%u descriptors=%u batch=%u\n", done, bench.options.descriptors,
           bench.options.batch);
    free(bench.ram);
    return 0;
}
