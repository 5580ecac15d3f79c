/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/net_bench.h"

#include "vmmp_test.h"

const uint8_t net_bench_mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };

static void receive_again(struct net_bench *bench, unsigned pair)
{
    struct vmmp_iovec iov = { bench->last, bench->last_len };
    bench->echoed = vmmp_virtio_net_receive(&bench->net, pair, &iov, 1);
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    struct net_bench *bench = cookie;
    size_t done = 0;

    bench->offers++;
    if (bench->reset) {
        bench->reset = false;
        vmmp_virtio_set_status(&bench->net.virtio, 0, bench->net.virtio.legacy);
        return true;
    }
    if (bench->room == 0) {
        if (bench->wake) {
            bench->room = 1;
            vmmp_virtio_net_writable(&bench->net);
        }
        return false;
    }
    bench->room--;
    for (unsigned i = 0; i < count; i++) {
        assert_true(iov[i].len > 0 && done + iov[i].len <= sizeof(bench->last));
        memcpy(bench->last + done, iov[i].base, iov[i].len);
        done += iov[i].len;
    }
    assert_int_equal(done, len);
    bench->last_len = len;
    bench->lengths[bench->frames % NET_BENCH_FRAMES] = len;
    bench->pairs[bench->frames % NET_BENCH_FRAMES] = pair;
    bench->frames++;
    if (bench->echo) {
        receive_again(bench, pair);
    }
    return true;
}

static void rx_ready(void *cookie, unsigned pair)
{
    struct net_bench *bench = cookie;
    bench->ready++;
    bench->ready_pair = pair;
    if (bench->held) {
        struct vmmp_iovec iov = { (void *)(uintptr_t)bench->held, bench->held_len };
        if (vmmp_virtio_net_receive(&bench->net, pair, &iov, 1) == 0) {
            bench->held = NULL;
        }
    }
}

static void configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    struct net_bench *bench = cookie;
    bench->configured++;
    bench->state = *state;
}

struct net_bench *net_bench_make(const struct net_bench_options *options)
{
    struct net_bench *bench = calloc(1, sizeof(*bench));
    struct vmmp_virtio_net_backend backend = {
        .transmit = transmit,
        .rx_ready = rx_ready,
        .configure = configure,
        .cookie = bench,
        .header = options->header,
        .offloads = options->offloads,
    };
    struct vmmp_virtio_net_options net = { .mtu = options->mtu, .pairs = options->pairs };

    assert_non_null(bench);
    bench->room = UINT32_MAX;
    memcpy(net.mac, net_bench_mac, sizeof(net.mac));
    virtio_rig_init(&bench->rig, !options->direct, false);
    assert_int_equal(vmmp_virtio_net_init(&bench->net, &backend, &net, &bench->rig.memory,
                                          &bench->rig.log, &bench->rig.host),
                     0);
    const struct virtio_driver_transport *transport = options->legacy ? &virtio_driver_pci_legacy
                                                      : options->mmio ? &virtio_driver_mmio
                                                                      : &virtio_driver_pci_modern;
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->net.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.ordered = true;
    bench->driver.rings = options->packed ? UINT64_MAX : 0;
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x180000, 4096);
    return bench;
}

void net_bench_unmake(struct net_bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_net_fini(&bench->net);
    virtio_rig_fini(&bench->rig);
    free(bench);
}

void net_bench_enter(struct net_bench *bench)
{
    vmmp_context_enter(&bench->net.virtio.context);
}

void net_bench_leave(struct net_bench *bench)
{
    vmmp_context_leave(&bench->net.virtio.context);
}

void net_bench_start(struct net_bench *bench, uint64_t features)
{
    assert_true(virtio_driver_start(&bench->driver, features, bench->net.virtio.queue_count));
}

size_t net_bench_header(const struct net_bench *bench)
{
    return bench->net.header_size;
}

void net_bench_fill(uint8_t *frame, size_t len, const uint8_t *to, uint8_t seed)
{
    for (size_t i = 0; i < len; i++) {
        frame[i] = (uint8_t)(seed + i * 7);
    }
    memcpy(frame, to, len < 6 ? len : 6);
    if (len >= 14) {
        frame[6] = 2;
        frame[12] = 0x88;
        frame[13] = 0xb5;
    }
}

/* Guest memory in turn; what was used long ago is used again. */
static uint64_t buffer(struct net_bench *bench, size_t len)
{
    if (bench->used + len > 0x180000) {
        bench->used = 0;
    }
    uint64_t at = bench->buffers + bench->used;
    bench->used += (len + 15) / 16 * 16;
    return at;
}

void net_bench_send(struct net_bench *bench, unsigned queue, const uint8_t *head,
                    const uint8_t *frame, size_t len, unsigned pieces)
{
    struct virtio_driver_buffer buffers[16];
    size_t header = net_bench_header(bench);
    size_t all = header + len;
    uint64_t at = buffer(bench, all);
    uint8_t *host = virtio_driver_at(&bench->driver, at, all);

    memset(host, 0, header);
    if (head) {
        memcpy(host, head, header);
    }
    memcpy(host + header, frame, len);
    for (unsigned i = 0; i < pieces; i++) {
        size_t from = all * i / pieces;
        size_t to = all * (i + 1) / pieces;
        buffers[i] = (struct virtio_driver_buffer){ at + from, (uint32_t)(to - from), false };
    }
    virtio_driver_add(&bench->driver, queue, buffers, pieces);
}

void net_bench_post(struct net_bench *bench, unsigned queue, unsigned count, uint32_t size,
                    unsigned pieces)
{
    struct virtio_driver_buffer buffers[16];
    for (; count > 0; count--) {
        uint64_t at = buffer(bench, size);
        for (unsigned i = 0; i < pieces; i++) {
            uint32_t from = size * i / pieces;
            uint32_t to = size * (i + 1) / pieces;
            buffers[i] = (struct virtio_driver_buffer){ at + from, to - from, true };
        }
        virtio_driver_add(&bench->driver, queue, buffers, pieces);
    }
}

unsigned net_bench_finished(struct net_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->driver, queue, &id, &len)) {
        count++;
    }
    return count;
}

/*
 * Copies `len` bytes out of the chain that begins with descriptor `id`. Of a packed ring only the
 * first descriptor is known: the pieces of net_bench_post() lie one behind the other.
 */
static void copy_chain(struct net_bench *bench, unsigned queue, uint32_t id, uint32_t len,
                       uint8_t *to)
{
    const struct virtio_driver_queue *ring = &bench->driver.queues[queue];
    if (virtio_driver_has(&bench->driver, VIRTIO_F_RING_PACKED)) {
        uint64_t at = vmmp_le64_get(ring->desc[id].addr);
        memcpy(to, virtio_driver_at(&bench->driver, at, len), len);
        return;
    }
    while (len > 0) {
        const struct virtq_desc *desc = &ring->desc[id];
        uint32_t part = vmmp_le32_get(desc->len);
        part = part < len ? part : len;
        memcpy(to, virtio_driver_at(&bench->driver, vmmp_le64_get(desc->addr), part), part);
        to += part;
        len -= part;
        id = vmmp_le16_get(desc->next);
    }
}

size_t net_bench_take(struct net_bench *bench, unsigned queue, uint8_t *to, size_t room)
{
    uint32_t id;
    uint32_t len;
    size_t done = 0;
    unsigned buffers = 1;

    for (unsigned i = 0; i < buffers; i++) {
        if (!virtio_driver_used(&bench->driver, queue, &id, &len)) {
            assert_int_equal(i, 0); /* All buffers of a frame come together. */
            return 0;
        }
        assert_true(done + len <= room);
        copy_chain(bench, queue, id, len, to + done);
        done += len;
        if (i == 0 && net_bench_header(bench) == HDR_SIZE) {
            buffers = net_le16(to + HDR_NUM_BUFFERS);
            assert_true(buffers >= 1);
        }
    }
    return done;
}

int net_bench_receive(struct net_bench *bench, unsigned pair, const uint8_t *frame, size_t len)
{
    static const uint8_t head[HDR_SIZE];
    struct vmmp_iovec iov[2] = { { (void *)(uintptr_t)head, net_bench_header(bench) },
                                 { (void *)(uintptr_t)frame, len } };
    unsigned skip = bench->net.backend.header ? 0 : 1;
    net_bench_enter(bench);
    int result = vmmp_virtio_net_receive(&bench->net, pair, iov + skip, 2 - skip);
    net_bench_leave(bench);
    return result;
}

int net_bench_control(struct net_bench *bench, uint8_t class, uint8_t command, const void *data,
                      size_t len)
{
    bool mq = bench->driver.features & NET_BIT(VIRTIO_NET_F_MQ);
    unsigned queue = mq ? 2u * bench->net.max_pairs : 2;
    uint64_t at = buffer(bench, len + 3);
    uint8_t *host = virtio_driver_at(&bench->driver, at, len + 3);
    const struct virtio_driver_buffer buffers[3] = { { at, 2, false },
                                                     { at + 2, (uint32_t)len, false },
                                                     { at + 2 + len, 1, true } };
    const struct virtio_driver_buffer short_buffers[2] = { buffers[0], buffers[2] };

    host[0] = class;
    host[1] = command;
    if (len > 0) {
        memcpy(host + 2, data, len);
    }
    host[2 + len] = 0xee;
    if (len > 0) {
        virtio_driver_add(&bench->driver, queue, buffers, 3);
    } else {
        virtio_driver_add(&bench->driver, queue, short_buffers, 2);
    }
    virtio_driver_kick(&bench->driver, queue);
    return net_bench_finished(bench, queue) == 1 ? host[2 + len] : -1;
}

void net_bench_settle(struct net_bench *bench)
{
    while (virtio_rig_run(&bench->rig)) {
    }
}

/* ---- Fixtures ---- */

static int make(void **state, const struct net_bench_options *options)
{
    *state = net_bench_make(options);
    return 0;
}

int net_setup(void **state)
{
    return make(state, &(struct net_bench_options){ 0 });
}

int net_setup_direct(void **state)
{
    return make(state, &(struct net_bench_options){ .direct = true });
}

int net_setup_mmio(void **state)
{
    return make(state, &(struct net_bench_options){ .mmio = true });
}

int net_setup_packed(void **state)
{
    return make(state, &(struct net_bench_options){ .packed = true });
}

int net_setup_packed_direct(void **state)
{
    return make(state, &(struct net_bench_options){ .direct = true, .packed = true });
}

int net_setup_legacy(void **state)
{
    return make(state, &(struct net_bench_options){ .legacy = true });
}

int net_setup_offloads(void **state)
{
    return make(state, &(struct net_bench_options){ .header = true, .offloads = NET_OFFLOADS });
}

int net_setup_packed_offloads(void **state)
{
    return make(state, &(struct net_bench_options){
                           .header = true, .packed = true, .offloads = NET_OFFLOADS });
}

int net_setup_mtu(void **state)
{
    return make(state, &(struct net_bench_options){ .mtu = 1500 });
}

int net_teardown(void **state)
{
    net_bench_unmake(*state);
    return 0;
}
