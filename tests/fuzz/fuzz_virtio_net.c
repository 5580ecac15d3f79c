/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network interface with two pairs of queues: rings and buffers in memory that changes under the
 * device's eyes, control commands, frames from outside, a backend that is full, answers at once,
 * scribbles over the guest's memory or resets the device in the middle of a frame.
 */
#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"

#define PAIRS  2
#define QUEUES (2 * PAIRS + 1)
#define OFFLOADS                                                                                \
    (VMMP_VIRTIO_NET_CSUM | VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6 | VMMP_VIRTIO_NET_ECN | \
     VMMP_VIRTIO_NET_USO)

static struct vmmp_guest_memory memory;
static struct vmmp_virtio_net net;
static struct fuzz_input *input;
static struct vmmp_work *queued;
static bool legacy;
static uint8_t policy; /* What the backend does. */
static unsigned frames;
static uint8_t outside[2048];

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = work;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static const struct vmmp_host_ops defers = { .defer = defer, .cancel = cancel };

static void interrupt(void *transport, int queue)
{
    (void)transport;
    FUZZ_CHECK(queue >= VMMP_VIRTIO_CONFIG_INTERRUPT && queue < QUEUES);
}

static const struct vmmp_virtio_transport_ops transport_ops = { .interrupt = interrupt };

static void receive(void)
{
    struct vmmp_iovec iov[2] = { { outside, 20 }, { outside + 20, fuzz_u16(input) % 2000u } };
    vmmp_virtio_net_receive(&net, policy & 1, iov, 2);
}

/* A header has been checked whatever the guest does to it meanwhile. */
static void check_header(const struct vmmp_iovec *iov, size_t len)
{
    const uint8_t *header = iov[0].base;
    size_t size = net.header_size;
    FUZZ_CHECK(iov[0].len == size && !fuzz_in_ram(header, size));
    FUZZ_CHECK((header[HDR_FLAGS] & ~VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0);
    FUZZ_CHECK(net_le16(header + HDR_HDR_LEN) <= len - size);
    if (header[HDR_FLAGS]) {
        FUZZ_CHECK(net_le16(header + HDR_CSUM_START) + net_le16(header + HDR_CSUM_OFFSET) + 2u <=
                   len - size);
    }
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    size_t bytes = 0;
    (void)cookie;
    FUZZ_CHECK(pair < PAIRS && count > 0 && ++frames < 100000);
    for (unsigned i = 0; i < count; i++) {
        bool header = net.backend.header && i == 0;
        FUZZ_CHECK(iov[i].len > 0 && (header || fuzz_in_ram(iov[i].base, iov[i].len)));
        bytes += iov[i].len;
    }
    size_t header_size = net.backend.header ? net.header_size : 0;
    FUZZ_CHECK(bytes == len && len >= header_size + ETH_HEADER &&
               len <= header_size + VMMP_VIRTIO_NET_MAX_FRAME);
    if (net.backend.header) {
        check_header(iov, len);
    }
    if (policy & 4) {
        vmmp_virtio_net_writable(&net);
    }
    if (policy & 8) {
        fuzz_scribble(input, &memory);
    }
    if (policy & 16) {
        vmmp_virtio_set_status(&net.virtio, 0, legacy);
        return true;
    }
    if (policy & 32) {
        receive();
    }
    return !(policy & 2);
}

static void rx_ready(void *cookie, unsigned pair)
{
    (void)cookie;
    FUZZ_CHECK(pair < PAIRS);
    if (policy & 64) {
        receive();
    }
}

static void configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    (void)cookie;
    FUZZ_CHECK(state->pairs >= 1 && state->pairs <= PAIRS);
    FUZZ_CHECK(state->header_size == HDR_SIZE || (legacy && state->header_size == HDR_LEGACY_SIZE));
}

/* What a driver that behaves does first. */
static void start(uint64_t features, uint16_t size)
{
    vmmp_virtio_set_status(&net.virtio, 0, legacy);
    vmmp_virtio_set_status(&net.virtio, 3, legacy);
    features &= vmmp_virtio_offered(&net.virtio, legacy);
    features |= legacy ? 0 : UINT64_C(1) << VIRTIO_F_VERSION_1;
    vmmp_virtio_set_driver_features(&net.virtio, 0, (uint32_t)features);
    vmmp_virtio_set_driver_features(&net.virtio, 1, (uint32_t)(features >> 32));
    if (!legacy) {
        vmmp_virtio_set_status(&net.virtio, 11, false);
    }
    for (unsigned q = 0; q < QUEUES; q++) {
        struct vmmp_virtio_queue *queue = vmmp_virtio_queue(&net.virtio, q);
        queue->registers = fuzz_ring_config(q, size, 0);
        queue->legacy_pfn = legacy ? 1 : 0;
        vmmp_virtio_queue_enable(&net.virtio, q);
    }
    vmmp_virtio_set_status(&net.virtio, 15, legacy);
}

/* As a backend that reads straight into the guest. */
static void reserve(struct fuzz_input *in)
{
    const struct vmmp_iovec *iov;
    unsigned count;
    size_t want = fuzz_u16(in) % 4096u;
    if (vmmp_virtio_net_rx_reserve(&net, policy & 1, want, &iov, &count) == 0) {
        size_t room = 0;
        for (unsigned i = 0; i < count; i++) {
            FUZZ_CHECK(fuzz_in_ram(iov[i].base, iov[i].len));
            room += iov[i].len;
        }
        FUZZ_CHECK(room >= want);
        vmmp_iovec_write(iov, count, 0, outside, want < sizeof(outside) ? want : sizeof(outside));
    }
    vmmp_virtio_net_rx_commit(&net, policy & 1, fuzz_u16(in) % 4096u);
}

static void step(struct fuzz_input *in)
{
    unsigned queue = fuzz_u8(in) % QUEUES;

    switch (fuzz_u8(in) % 14) {
    case 0:
        vmmp_virtio_config_read(&net.virtio, fuzz_u8(in), fuzz_width(in));
        break;
    case 1:
        vmmp_virtio_config_write(&net.virtio, fuzz_u8(in) & 15, fuzz_width(in), fuzz_u32(in));
        break;
    case 2:
    case 3:
    case 4:
        fuzz_ring_put(in, &memory, queue);
        break;
    case 5:
        fuzz_ring_offer(in, &memory, queue, net.queues[queue].registers.size & 0xff,
                        fuzz_u8(in) & 31);
        break;
    case 6:
        vmmp_virtio_kick(&net.virtio, queue);
        break;
    case 7:
        start(fuzz_number(in, 8), (uint16_t)(1 << (fuzz_u8(in) & 7)));
        break;
    case 8:
        policy = fuzz_u8(in);
        break;
    case 9:
        fuzz_scribble(in, &memory);
        break;
    case 10:
        vmmp_virtio_net_batch_begin(&net);
        receive();
        receive();
        vmmp_virtio_net_batch_end(&net);
        break;
    case 11:
        reserve(in);
        break;
    case 12:
        vmmp_virtio_net_writable(&net);
        vmmp_virtio_net_set_link(&net, fuzz_u8(in) & 3);
        vmmp_virtio_net_announce(&net);
        break;
    default:
        if (queue & 1) {
            vmmp_virtio_queue_reset(&net.virtio, queue);
        } else if (queued) {
            struct vmmp_work *work = queued;
            queued = NULL;
            work->run(work->cookie);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t how = fuzz_u8(&in);
    struct vmmp_virtio_net_backend backend = {
        .transmit = transmit,
        .rx_ready = rx_ready,
        .configure = configure,
        .header = how & 1,
        .offloads = how & 1 ? OFFLOADS : 0,
    };
    struct vmmp_virtio_net_options options = { .mac = { 2, 0, 0, 0, 0, 1 },
                                               .mtu = how & 2 ? 1500 : 0,
                                               .pairs = PAIRS };
    struct vmmp_host host = { how & 4 ? &defers : NULL, NULL };

    input = &in;
    policy = 0;
    frames = 0;
    legacy = how & 8;
    fuzz_memory_init(&memory, &in);
    FUZZ_CHECK(!vmmp_virtio_net_init(&net, &backend, &options, &memory, NULL, &host));
    vmmp_virtio_set_transport(&net.virtio, &transport_ops, NULL);
    start(how & 16 ? UINT64_MAX : 0, 64);
    while (in.left > 0) {
        step(&in);
        FUZZ_CHECK(net.batch == 0);
        for (unsigned i = 0; i < QUEUES; i++) {
            fuzz_ring_check(&net.queues[i].vq);
        }
    }
    vmmp_virtio_net_fini(&net);
    FUZZ_CHECK(!queued);
    return 0;
}
