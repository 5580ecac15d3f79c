/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs in virtio-net, from the kick to the used entry that the driver is shown.
 *
 *     net [--rx] [--bytes N] [--batch N] [--packets N] [--bare]
 *
 * Instructions are counted under callgrind inside bench_device() only, as in virtqueue.c. To send
 * that is a kick, after which a backend with headers notes down where each frame lies. To receive
 * it is a batch of frames with headers, copied from the backend's memory into the guest's; with
 * --bare these copies alone. Each packet is one descriptor with its header in front, as Linux has
 * it; the buffers lie in each of two regions of RAM in turn. Everything is compared outside.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_split.h"

#define RAM_SIZE (UINT64_C(4) << 20)
#define DATA     (UINT64_C(1) << 20)
#define SIZE     256u
#define SLOTS    32u
#define ROOM     2048u
#define BIT(n)   (UINT64_C(1) << (n))
#define FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_MRG_RXBUF))

static const uint64_t ram_at[2] = { UINT64_C(0x40000000), UINT64_C(0x100000000) };

struct options {
    unsigned rx;
    unsigned bytes;
    unsigned batch;
    unsigned packets;
    unsigned bare;
};

static struct vmmp_virtio_net net;
static struct vmmp_guest_memory memory;
static uint8_t *ram[2];
static uint8_t outside[SLOTS][ROOM]; /* Frames with headers, the backend's. */
static struct vmmp_iovec sent[SLOTS];
static unsigned count;
static unsigned interrupts;

/* ---- The counted part ---- */

void bench_device(const struct options *options, uint8_t *const *bare);

__attribute__((noinline)) void bench_device(const struct options *options, uint8_t *const *bare)
{
    if (!options->rx) {
        vmmp_virtio_kick(&net.virtio, 1);
        return;
    }
    if (options->bare) {
        for (unsigned i = 0; i < options->batch; i++) {
            memcpy(bare[i], outside[i], HDR_SIZE + options->bytes);
        }
        return;
    }
    vmmp_virtio_net_batch_begin(&net);
    for (unsigned i = 0; i < options->batch; i++) {
        const struct vmmp_iovec frame = { outside[i], HDR_SIZE + options->bytes };
        count += vmmp_virtio_net_receive(&net, 0, &frame, 1) == 0;
    }
    vmmp_virtio_net_batch_end(&net);
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned pieces,
                     size_t len)
{
    (void)cookie, (void)pair, (void)pieces, (void)len;
    if (count < SLOTS) {
        sent[count] = iov[1];
    }
    count++;
    return true;
}

static void interrupt(void *transport, int queue)
{
    (void)transport, (void)queue;
    interrupts++;
}

/* A host that can put work off, as those of real VMMs can; there is none in this program. */
static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie, (void)work;
    abort();
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie, (void)work;
}

/* ---- The driver ---- */

static uint64_t buffer_gpa(unsigned slot)
{
    return ram_at[slot & 1] + DATA + (uint64_t)slot * ROOM;
}

static uint8_t *buffer(unsigned slot)
{
    return ram[slot & 1] + DATA + (size_t)slot * ROOM;
}

static void *ring_at(vmmp_gpa_t area)
{
    return ram[0] + (area.gpa - ram_at[0]);
}

/* Descriptor, slot and buffer have one number: that of the chain, modulo the queue's size. */
static void add(unsigned queue, unsigned chain, uint32_t len, unsigned flags)
{
    const struct vmmp_virtqueue_config *ring = &net.queues[queue].registers;
    struct virtq_desc *desc = ring_at(ring->desc);
    struct virtq_avail *avail = ring_at(ring->driver);
    unsigned slot = chain % SIZE;
    desc[slot] = (struct virtq_desc){ vmmp_le64(buffer_gpa(slot)), vmmp_le32(len),
                                      vmmp_le16((uint16_t)flags), vmmp_le16(0) };
    avail->ring[slot] = vmmp_le16((uint16_t)slot);
    vmmp_guest_store_le16_release(&avail->idx, (uint16_t)(chain + 1));
}

static void make_frame(uint8_t *frame, unsigned bytes, unsigned chain)
{
    memset(frame, 0, HDR_SIZE);
    for (unsigned i = 0; i < bytes; i++) {
        frame[HDR_SIZE + i] = (uint8_t)(chain * 31 + i);
    }
}

static bool is_frame(const uint8_t *payload, unsigned bytes, unsigned chain)
{
    for (unsigned i = 0; i < bytes; i++) {
        if (payload[i] != (uint8_t)(chain * 31 + i)) {
            return false;
        }
    }
    return true;
}

static bool is_used(unsigned queue, unsigned chain, uint32_t len, unsigned end)
{
    const struct virtq_used *used = ring_at(net.queues[queue].registers.device);
    const struct virtq_used_elem *element = &used->ring[chain % SIZE];
    return vmmp_le16_get(used->idx) == (uint16_t)end &&
           vmmp_le32_get(element->id) == chain % SIZE && vmmp_le32_get(element->len) == len;
}

/* ---- One batch, from chain `first` on ---- */

static bool send_batch(const struct options *options, unsigned first)
{
    unsigned end = first + options->batch;
    for (unsigned chain = first; chain < end; chain++) {
        make_frame(buffer(chain % SIZE), options->bytes, chain);
        add(1, chain, HDR_SIZE + options->bytes, 0);
    }
    bench_device(options, NULL);
    bool right = count == options->batch;
    for (unsigned i = 0; right && i < options->batch; i++) {
        right = sent[i].base == buffer((first + i) % SIZE) + HDR_SIZE &&
                sent[i].len == options->bytes &&
                is_frame(sent[i].base, options->bytes, first + i) && is_used(1, first + i, 0, end);
    }
    return right;
}

static bool receive_batch(const struct options *options, unsigned first)
{
    unsigned end = first + options->batch;
    uint8_t *to[SLOTS];
    for (unsigned i = 0; i < options->batch; i++) {
        to[i] = buffer((first + i) % SIZE);
        make_frame(outside[i], options->bytes, first + i);
        memset(to[i], 0xee, ROOM);
    }
    bench_device(options, to);
    bool right = options->bare || count == options->batch;
    for (unsigned i = 0; right && i < options->batch; i++) {
        right = is_frame(to[i] + HDR_SIZE, options->bytes, first + i) &&
                (options->bare || (is_used(0, first + i, HDR_SIZE + options->bytes, end) &&
                                   net_le16(to[i] + HDR_NUM_BUFFERS) == 1));
        add(0, first + i + SIZE, ROOM, VIRTQ_DESC_F_WRITE);
    }
    return right;
}

/* ---- The program ---- */

static void set_up_queue(unsigned queue)
{
    struct vmmp_virtqueue_config *ring = &net.queues[queue].registers;
    uint64_t at = ram_at[0] + queue * UINT64_C(0x10000);
    ring->size = SIZE;
    ring->desc = vmmp_gpa(at);
    ring->driver = vmmp_gpa(at + 0x4000);
    ring->device = vmmp_gpa(at + 0x8000);
    vmmp_virtio_queue_enable(&net.virtio, queue);
}

static int set_up(void)
{
    static const struct vmmp_virtio_transport_ops transport = { .interrupt = interrupt };
    static const struct vmmp_host_ops host_ops = { .defer = defer, .cancel = cancel };
    const struct vmmp_host host = { &host_ops, NULL };
    const struct vmmp_virtio_net_backend backend = { .transmit = transmit, .header = true };
    const struct vmmp_virtio_net_options options = { .mac = { 2, 0, 0, 0, 0, 1 } };

    vmmp_guest_memory_init(&memory, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        ram[i] = calloc(1, RAM_SIZE);
        if (!ram[i] || vmmp_guest_memory_add(&memory, vmmp_gpa(ram_at[i]), RAM_SIZE, ram[i]) != 0) {
            return -1;
        }
    }
    if (vmmp_virtio_net_init(&net, &backend, &options, &memory, NULL, &host) != 0) {
        return -1;
    }
    vmmp_virtio_set_transport(&net.virtio, &transport, NULL);
    vmmp_virtio_set_status(&net.virtio, 3, false);
    vmmp_virtio_set_driver_features(&net.virtio, 0, (uint32_t)FEATURES);
    vmmp_virtio_set_driver_features(&net.virtio, 1, (uint32_t)(FEATURES >> 32));
    vmmp_virtio_set_status(&net.virtio, 11, false);
    set_up_queue(0);
    set_up_queue(1);
    vmmp_virtio_set_status(&net.virtio, 15, false);
    return vmmp_virtio_live(&net.virtio) ? 0 : -1;
}

static int parse(struct options *options, int argc, char **argv)
{
    const struct {
        const char *name;
        unsigned *value;
        bool flag;
    } known[] = {
        { "--rx", &options->rx, true },
        { "--bare", &options->bare, true },
        { "--bytes", &options->bytes, false },
        { "--batch", &options->batch, false },
        { "--packets", &options->packets, false },
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
    return options->batch >= 1 && options->batch <= SLOTS && options->bytes >= ETH_HEADER &&
                   options->bytes <= ROOM - HDR_SIZE && (options->rx || !options->bare)
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    struct options options = { .bytes = 64, .batch = SLOTS, .packets = 8000 };
    if (parse(&options, argc, argv) != 0) {
        fprintf(stderr, "usage: net [--rx [--bare]] [--bytes 14..2036] [--batch 1..32] "
                        "[--packets N]\n");
        return 2;
    }
    if (set_up() != 0) {
        fprintf(stderr, "net: cannot set up the interface\n");
        return 1;
    }
    for (unsigned chain = 0; options.rx && chain < SIZE; chain++) {
        add(0, chain, ROOM, VIRTQ_DESC_F_WRITE);
    }
    unsigned done = 0;
    for (unsigned batches = 1; done < options.packets; done += options.batch, batches++) {
        count = 0;
        bool right = options.rx ? receive_batch(&options, done) : send_batch(&options, done);
        if (!right || (!options.bare && interrupts != batches)) {
            fprintf(stderr, "net: a packet from number %u on came out wrong\n", done);
            return 1;
        }
    }
    printf("packets=%u bytes=%u batch=%u\n", done, options.bytes, options.batch);
    free(ram[0]);
    free(ram[1]);
    return 0;
}
