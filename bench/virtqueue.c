/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chain costs the device: pop, checks, translation, push and flush, without the payload.
 *
 *     virtqueue [--packed] [--descriptors N] [--chains N] [--batch N] [--size N]
 *               [--indirect] [--event-idx]
 *
 * Instructions are counted under callgrind, only inside bench_device():
 *
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=bench_device ./virtqueue
 *
 * The total divided by the number of chains, which this program prints, is the figure. Half of the
 * buffers lie in each of two regions of RAM. The driver's side lies outside the counted function:
 * it fills the rings, and compares every element that was handed out and every used entry with what
 * they have to be.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define RAM_SIZE        (UINT64_C(8) << 20)
#define BUFFER_AT       (UINT64_C(4) << 20)
#define INDIRECT_AT     (UINT64_C(2) << 20)
#define MAX_DESCRIPTORS 64u
#define MAX_SIZE        1024u
#define CAPACITY        VMMP_VIRTQUEUE_IOVECS(MAX_DESCRIPTORS)

static const uint64_t ram_at[2] = { UINT64_C(0x40000000), UINT64_C(0x100000000) };

struct options {
    unsigned packed;
    unsigned descriptors;
    unsigned chains;
    unsigned batch;
    unsigned size;
    unsigned indirect;
    unsigned event_idx;
};

struct request {
    struct vmmp_virtqueue_chain chain;
    struct vmmp_iovec iov[CAPACITY];
};

struct bench {
    struct options options;
    struct vmmp_guest_memory memory;
    uint8_t *ram[2];
    struct vmmp_virtqueue_config config;
    struct vmmp_virtqueue vq;
    struct request *requests;
    unsigned added;     /* Chains. */
    unsigned seen;      /* Used chains. */
    uint32_t next_desc; /* Split: descriptors handed out; packed: where the next goes. */
    uint32_t used_at;   /* Packed. */
    bool wrap;          /* Packed: the driver's wrap counter, */
    bool used_wrap;     /* and the one that used entries have. */
};

/* The counted part; not static and not inlined, so that callgrind finds it by name. */
struct request *bench_device(struct vmmp_virtqueue *vq, struct request *request);

__attribute__((noinline)) struct request *bench_device(struct vmmp_virtqueue *vq,
                                                       struct request *request)
{
    while (vmmp_virtqueue_pop(vq, &request->chain)) {
        vmmp_virtqueue_push(vq, &request->chain.token, request->chain.writable_bytes);
        request++;
    }
    vmmp_virtqueue_flush(vq);
    return request;
}

/* ---- Buffers ---- */

static unsigned region_of(unsigned chain, unsigned i)
{
    return (chain + i) & 1;
}

static uint64_t offset_of(unsigned chain, unsigned i)
{
    return BUFFER_AT + (chain % 16 * MAX_DESCRIPTORS + i) * UINT64_C(2048);
}

static uint32_t length_of(unsigned chain, unsigned i)
{
    return 1500 + chain % 32 + i;
}

static bool writable(const struct bench *bench, unsigned i)
{
    return i >= bench->options.descriptors / 2;
}

static unsigned flags_of(const struct bench *bench, unsigned i)
{
    return (i + 1 < bench->options.descriptors ? VIRTQ_DESC_F_NEXT : 0) |
           (writable(bench, i) ? VIRTQ_DESC_F_WRITE : 0);
}

/* ---- The driver ---- */

static void *at(struct bench *bench, uint64_t gpa)
{
    return bench->ram[0] + (gpa - ram_at[0]);
}

static void put_split(const struct bench *bench, struct virtq_desc *desc, unsigned i, uint32_t next)
{
    desc->addr = vmmp_le64(ram_at[region_of(bench->added, i)] + offset_of(bench->added, i));
    desc->len = vmmp_le32(length_of(bench->added, i));
    desc->flags = vmmp_le16((uint16_t)flags_of(bench, i));
    desc->next = vmmp_le16((uint16_t)next);
}

static void put_packed(const struct bench *bench, struct virtq_packed_desc *desc, unsigned i,
                       uint32_t flags)
{
    desc->addr = vmmp_le64(ram_at[region_of(bench->added, i)] + offset_of(bench->added, i));
    desc->len = vmmp_le32(length_of(bench->added, i));
    desc->id = vmmp_le16((uint16_t)bench->added);
    desc->flags = vmmp_le16((uint16_t)flags);
}

static uint64_t indirect_table(const struct bench *bench)
{
    return ram_at[0] + INDIRECT_AT + bench->added % MAX_SIZE * UINT64_C(1024);
}

static void add_split(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct virtq_desc *table = at(bench, bench->config.desc.gpa);
    struct virtq_avail *avail = at(bench, bench->config.driver.gpa);
    uint32_t mask = options->size - 1;
    uint32_t head = bench->next_desc & mask;

    if (options->indirect) {
        struct virtq_desc *indirect = at(bench, indirect_table(bench));
        for (unsigned i = 0; i < options->descriptors; i++) {
            put_split(bench, &indirect[i], i, i + 1);
        }
        table[head].addr = vmmp_le64(indirect_table(bench));
        table[head].len = vmmp_le32(options->descriptors * 16);
        table[head].flags = vmmp_le16(VIRTQ_DESC_F_INDIRECT);
        bench->next_desc++;
    } else {
        for (unsigned i = 0; i < options->descriptors; i++) {
            put_split(bench, &table[(head + i) & mask], i, (head + i + 1) & mask);
        }
        bench->next_desc += options->descriptors;
    }
    vmmp_guest_store_le16(&avail->ring[bench->added & mask], (uint16_t)head);
    bench->added++;
    vmmp_guest_store_le16_release(&avail->idx, (uint16_t)bench->added);
}

/* There is nobody in between, so the order of the stores does not matter. */
static void add_packed(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct virtq_packed_desc *ring = at(bench, bench->config.desc.gpa);
    unsigned entries = options->indirect ? 1 : options->descriptors;

    for (unsigned i = 0; i < entries; i++) {
        struct virtq_packed_desc *desc = &ring[bench->next_desc];
        uint32_t state = bench->wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
        put_packed(bench, desc, i, state | flags_of(bench, i));
        if (options->indirect) {
            desc->addr = vmmp_le64(indirect_table(bench));
            desc->len = vmmp_le32(options->descriptors * 16);
            desc->flags = vmmp_le16((uint16_t)(state | VIRTQ_DESC_F_INDIRECT));
        }
        if (++bench->next_desc == options->size) {
            bench->next_desc = 0;
            bench->wrap = !bench->wrap;
        }
    }
    if (options->indirect) {
        struct virtq_packed_desc *indirect = at(bench, indirect_table(bench));
        for (unsigned i = 0; i < options->descriptors; i++) {
            put_packed(bench, &indirect[i], i, writable(bench, i) ? VIRTQ_DESC_F_WRITE : 0);
        }
    }
    bench->added++;
}

/* ---- Whether it was done right ---- */

static bool chain_is_right(const struct bench *bench, unsigned chain,
                           const struct vmmp_virtqueue_chain *got)
{
    unsigned count[2] = { 0 };
    uint32_t bytes[2] = { 0 };
    for (unsigned i = 0; i < bench->options.descriptors; i++) {
        const uint8_t *base = bench->ram[region_of(chain, i)] + offset_of(chain, i);
        if (got->iov[i].base != base || got->iov[i].len != length_of(chain, i)) {
            return false;
        }
        count[writable(bench, i)]++;
        bytes[writable(bench, i)] += length_of(chain, i);
    }
    return got->readable == count[0] && got->writable == count[1] &&
           got->readable_bytes == bytes[0] && got->writable_bytes == bytes[1];
}

static bool split_used_is_right(struct bench *bench, uint32_t len)
{
    const struct virtq_used *used = at(bench, bench->config.device.gpa);
    const struct virtq_used_elem *element = &used->ring[bench->seen & (bench->options.size - 1)];
    uint32_t per_chain = bench->options.indirect ? 1 : bench->options.descriptors;
    uint32_t head = bench->seen * per_chain & (bench->options.size - 1);
    return vmmp_le32_get(element->id) == head && vmmp_le32_get(element->len) == len &&
           (uint16_t)(vmmp_le16_get(used->idx) - bench->seen - 1) < bench->options.batch;
}

static bool packed_used_is_right(struct bench *bench, uint32_t len)
{
    const struct virtq_packed_desc *ring = at(bench, bench->config.desc.gpa);
    const struct virtq_packed_desc *desc = &ring[bench->used_at];
    uint32_t flags =
        VIRTQ_DESC_F_WRITE | (bench->used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);
    bool right = vmmp_le16_get(desc->id) == (uint16_t)bench->seen &&
                 vmmp_le32_get(desc->len) == len && vmmp_le16_get(desc->flags) == flags;
    bench->used_at += bench->options.indirect ? 1 : bench->options.descriptors;
    if (bench->used_at >= bench->options.size) {
        bench->used_at -= bench->options.size;
        bench->used_wrap = !bench->used_wrap;
    }
    return right;
}

static bool batch_is_right(struct bench *bench)
{
    for (unsigned i = 0; i < bench->options.batch; i++) {
        const struct vmmp_virtqueue_chain *chain = &bench->requests[i].chain;
        if (!chain_is_right(bench, bench->seen, chain) ||
            !(bench->options.packed ? packed_used_is_right(bench, chain->writable_bytes)
                                    : split_used_is_right(bench, chain->writable_bytes))) {
            fprintf(stderr, "virtqueue: chain %u came out wrong\n", bench->seen);
            return false;
        }
        bench->seen++;
    }
    return true;
}

/* ---- The program ---- */

static int set_up(struct bench *bench)
{
    const struct options *options = &bench->options;
    bench->requests = calloc(options->batch + 1, sizeof(*bench->requests));
    vmmp_guest_memory_init(&bench->memory, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        bench->ram[i] = calloc(1, RAM_SIZE);
        if (!bench->requests || !bench->ram[i] ||
            vmmp_guest_memory_add(&bench->memory, vmmp_gpa(ram_at[i]), RAM_SIZE, bench->ram[i]) !=
                0) {
            return -1;
        }
    }
    for (unsigned i = 0; i <= options->batch; i++) {
        bench->requests[i].chain.iov = bench->requests[i].iov;
        bench->requests[i].chain.capacity = CAPACITY;
    }
    bench->wrap = true;
    bench->used_wrap = true;
    bench->config.size = options->size;
    bench->config.desc = vmmp_gpa(ram_at[0]);
    bench->config.driver = vmmp_gpa(ram_at[0] + 0x90000);
    bench->config.device = vmmp_gpa(ram_at[0] + 0xb0000);
    bench->config.features = (uint64_t)options->indirect << VIRTIO_F_INDIRECT_DESC |
                             (uint64_t)options->event_idx << VIRTIO_F_EVENT_IDX |
                             (uint64_t)options->packed << VIRTIO_F_RING_PACKED;
    return vmmp_virtqueue_enable(&bench->vq, &bench->memory, &bench->config) ? 0 : -1;
}

static int parse(struct options *options, int argc, char **argv)
{
    const struct {
        const char *name;
        unsigned *value;
        int flag;
    } known[] = {
        { "--packed", &options->packed, 1 },       { "--descriptors", &options->descriptors, 0 },
        { "--chains", &options->chains, 0 },       { "--batch", &options->batch, 0 },
        { "--size", &options->size, 0 },           { "--indirect", &options->indirect, 1 },
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
                   options->batch >= 1 && options->size <= MAX_SIZE &&
                   options->batch <= options->size / per_chain
               ? 0
               : -1;
}

static int run(struct bench *bench)
{
    while (bench->seen < bench->options.chains) {
        for (unsigned i = 0; i < bench->options.batch; i++) {
            if (bench->options.packed) {
                add_packed(bench);
            } else {
                add_split(bench);
            }
        }
        const struct request *end = bench_device(&bench->vq, bench->requests);
        if (end != bench->requests + bench->options.batch) {
            const char *error = vmmp_virtqueue_error(&bench->vq);
            fprintf(stderr, "virtqueue: %u of %u chains arrived: %s\n",
                    (unsigned)(end - bench->requests), bench->options.batch,
                    error ? error : "no error");
            return -1;
        }
        if (!batch_is_right(bench)) {
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct bench bench = { .options = {
                               .descriptors = 2, .chains = 8000, .batch = 32, .size = 128 } };
    if (parse(&bench.options, argc, argv) != 0) {
        fprintf(stderr,
                "usage: virtqueue [--packed] [--descriptors 1..64] [--chains N]\n"
                "                 [--batch N] [--size 1..1024] [--indirect] [--event-idx]\n");
        return 2;
    }
    if (set_up(&bench) != 0) {
        fprintf(stderr, "virtqueue: cannot set up a queue of size %u\n", bench.options.size);
        return 1;
    }
    int result = run(&bench);
    if (result == 0) {
        printf("chains=%u descriptors=%u batch=%u\n", bench.seen, bench.options.descriptors,
               bench.options.batch);
    }
    for (unsigned i = 0; i < 2; i++) {
        free(bench.ram[i]);
    }
    free(bench.requests);
    return result == 0 ? 0 : 1;
}
