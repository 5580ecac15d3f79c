/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-vsock's packet layer (virtio 1.2, 5.10) on both faces: what the guest may send and get. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/vsock_guest.h"
#include "virtio/virtio_spec.h"

#define OP(name) VIRTIO_VSOCK_OP_##name
#define GUESTS   7u

int test_virtio_vsock(void);

/* A peer that keeps the last packet, and has `count` to say. */
struct peer {
    struct bench *bench;
    struct vmmp_vsock_packet last;
    uint8_t payload[65536];
    unsigned packets;
    unsigned room; /* Packets it still takes. */
    unsigned count;
    unsigned fills;
    uint32_t lies; /* Added to the length it says. */
    unsigned resets;
};

struct bench {
    struct vsock_guest guest;
    struct vmmp_virtio_vsock vsock;
    struct peer host;
    struct peer guests;
    bool echo;
};

static bool peer_packet(void *cookie, const struct vmmp_vsock_packet *packet,
                        const struct vmmp_iovec *payload, unsigned count)
{
    struct peer *peer = cookie;
    if (peer->room == 0) {
        return false;
    }
    peer->room--;
    peer->packets++;
    peer->last = *packet;
    assert_int_equal(vmmp_iovec_read(payload, count, 0, peer->payload, sizeof(peer->payload)),
                     packet->len);
    if (peer->bench->echo) {
        assert_true(vmmp_virtio_vsock_deliver(&peer->bench->vsock, packet, payload, count));
    }
    return true;
}

static bool peer_fill(void *cookie, struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                      unsigned count, uint32_t size)
{
    struct peer *peer = cookie;
    peer->fills++;
    /* Not in here: the slot is in the peer's own hands. */
    assert_false(vmmp_virtio_vsock_deliver(&peer->bench->vsock, packet, NULL, 0));
    if (peer->count == 0) {
        return false;
    }
    peer->count--;
    packet->src_cid = peer == &peer->bench->host ? VMMP_VSOCK_CID_HOST : GUESTS;
    packet->dst_cid = 5;
    packet->op = OP(RW);
    packet->len = (uint32_t)vmmp_iovec_write(room, count, 0, "payload", size < 7 ? size : 7);
    packet->len += peer->lies;
    return true;
}

static void peer_reset(void *cookie)
{
    struct peer *peer = cookie;
    peer->resets++;
}

static void make(struct bench *bench, bool defers, const struct virtio_driver_transport *transport)
{
    const struct vmmp_vsock_peer host = { peer_packet, peer_fill, peer_reset, &bench->host };
    const struct vmmp_vsock_peer guests = { peer_packet, peer_fill, peer_reset, &bench->guests };
    const struct vmmp_virtio_vsock_options options = { 5, true, 0 };
    memset(bench, 0, sizeof(*bench));
    bench->host.bench = bench->guests.bench = bench;
    bench->host.room = bench->guests.room = UINT32_MAX;
    vsock_guest_prepare(&bench->guest, defers, 5);
    assert_int_equal(vmmp_virtio_vsock_init(&bench->vsock, &host, &guests, &options,
                                            &bench->guest.rig.memory, &bench->guest.rig.log,
                                            &bench->guest.rig.host),
                     0);
    vsock_guest_plug(&bench->guest, &bench->vsock.virtio, transport);
}

#define SETUP(name, defers, transport)                \
    static int name(void **state)                     \
    {                                                 \
        struct bench *bench = malloc(sizeof(*bench)); \
        make(bench, defers, transport);               \
        *state = bench;                               \
        return 0;                                     \
    }
SETUP(setup, true, &virtio_driver_pci_modern)
SETUP(setup_direct, false, &virtio_driver_pci_modern)
SETUP(setup_legacy, true, &virtio_driver_pci_legacy)
SETUP(setup_legacy_direct, false, &virtio_driver_pci_legacy)

static int teardown(void **state)
{
    struct bench *bench = *state;
    vsock_guest_unplug(&bench->guest);
    vmmp_virtio_vsock_fini(&bench->vsock);
    vsock_guest_fini(&bench->guest);
    free(bench);
    return 0;
}

static void start(struct bench *bench, unsigned buffers)
{
    vsock_guest_start(&bench->guest, UINT64_MAX);
    vsock_guest_post(&bench->guest, buffers);
}

static void wake(struct bench *bench)
{
    vmmp_context_enter(&bench->vsock.virtio.context);
    vmmp_virtio_vsock_wake(&bench->vsock);
    vmmp_context_leave(&bench->vsock.virtio.context);
    vsock_guest_settle(&bench->guest);
}

/* ---- Configuration, features ---- */

/* Defects §3: the CID is 64 bits, in any width; what follows reads all-ones. */
static void the_cid_is_read_in_any_width(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->guest.driver.transport;
    bench->vsock.guest_cid = UINT64_C(0x8877665544332211);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 0, 1), 0x11);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 7, 1), 0x88);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 2, 2), 0x4433);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 0, 4), 0x44332211);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 4, 4), 0x88776655);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 8, 4), UINT32_MAX);
    transport->config_write(bench->guest.driver.device, 0, 4, 0);
    assert_int_equal(transport->config_read(bench->guest.driver.device, 0, 4), 0x44332211);
}

static void features_are_offered(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(vmmp_virtio_offered(&bench->vsock.virtio, false) & 0xffffff, 3);
    bench->vsock.seqpacket = false;
    assert_int_equal(vmmp_virtio_offered(&bench->vsock.virtio, false) & 0xffffff, 1);
}

static void options_are_checked(void **state)
{
    struct bench *bench = *state;
    struct vmmp_virtio_vsock *vsock = malloc(sizeof(*vsock));
    const struct vmmp_vsock_peer peer = { peer_packet, NULL, NULL, &bench->host };
    const struct vmmp_vsock_peer nobody = { NULL, NULL, NULL, NULL };
    static const uint64_t reserved[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX };
    struct vmmp_virtio_vsock_options options = { 3, false, 0 };
    const struct vmmp_guest_memory *memory = &bench->guest.rig.memory;
    for (unsigned i = 0; i < 5; i++) {
        options.guest_cid = reserved[i];
        assert_int_equal(vmmp_virtio_vsock_init(vsock, &peer, NULL, &options, memory, NULL, NULL),
                         -EINVAL);
    }
    options.guest_cid = UINT64_C(1) << 40;
    assert_int_equal(vmmp_virtio_vsock_init(vsock, NULL, NULL, &options, memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_vsock_init(vsock, &nobody, NULL, &options, memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_vsock_init(vsock, &peer, &nobody, &options, memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_vsock_init(vsock, &peer, NULL, NULL, memory, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_vsock_init(vsock, &peer, NULL, &options, NULL, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_vsock_init(vsock, &peer, NULL, &options, memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_vsock_transport_reset(vsock, 2), -EINVAL);
    vmmp_virtio_vsock_fini(vsock);
    free(vsock);
}

/* ---- From the guest ---- */

static void expect_header(const struct vmmp_vsock_packet *got, const struct vmmp_vsock_packet *want)
{
    uint8_t bytes[2][VMMP_VIRTIO_VSOCK_HEADER];
    vmmp_vsock_packet_store(got, bytes[0]);
    vmmp_vsock_packet_store(want, bytes[1]);
    assert_memory_equal(bytes[0], bytes[1], VMMP_VIRTIO_VSOCK_HEADER);
}

static void packets_go_to_their_peer(void **state)
{
    struct bench *bench = *state;
    start(bench, 4);
    struct vmmp_vsock_packet packet = {
        .src_cid = 5,
        .dst_cid = VMMP_VSOCK_CID_HOST,
        .src_port = 0x01020304,
        .dst_port = 0x05060708,
        .len = 5,
        .type = 1,
        .op = OP(RW),
        .flags = 0xa0b0c0d0,
        .buf_alloc = 0x11121314,
        .fwd_cnt = 0xfffffffe,
    };
    vsock_guest_send_raw(&bench->guest, &packet, "hello", 5);
    expect_header(&bench->host.last, &packet);
    assert_memory_equal(bench->host.payload, "hello", 5);
    assert_int_equal(bench->guests.packets, 0);
    packet.dst_cid = UINT64_C(0x100000002); /* Not truncated to 2 (defects §3). */
    packet.len = 3;                         /* Less than the chain holds. */
    vsock_guest_send_raw(&bench->guest, &packet, "hello", 5);
    assert_int_equal(bench->guests.packets, 1);
    assert_int_equal(bench->guests.last.len, 3);
    assert_int_equal(bench->host.packets, 1);
    assert_int_equal(vsock_guest_sent(&bench->guest), 2);
}

static void any_split_into_descriptors(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->guest.driver;
    uint8_t header[VMMP_VIRTIO_VSOCK_HEADER];
    start(bench, 0);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(RW), 1, 2);
    packet.len = 30;
    vmmp_vsock_packet_store(&packet, header);
    for (uint32_t first = 0; first <= 74; first++) {
        uint8_t *at = virtio_driver_at(driver, bench->guest.tx, 74);
        memcpy(at, header, 44);
        memset(at + 44, (int)first, 30);
        const struct virtio_driver_buffer buffers[] = {
            { bench->guest.tx, first, false },
            { bench->guest.tx + first, 74 - first, false },
        };
        virtio_driver_add(driver, VIRTIO_VSOCK_TX, buffers, 2);
        virtio_driver_kick(driver, VIRTIO_VSOCK_TX);
        vsock_guest_settle(&bench->guest);
        assert_int_equal(bench->host.packets, first + 1);
        expect_header(&bench->host.last, &packet);
        assert_int_equal(bench->host.payload[29], first);
        vsock_guest_sent(&bench->guest);
    }
    /* A descriptor for each byte, in an indirect table. */
    struct virtio_driver_buffer buffers[74];
    for (uint32_t i = 0; i < 74; i++) {
        buffers[i] = (struct virtio_driver_buffer){ bench->guest.tx + i, 1, false };
    }
    virtio_driver_add_indirect(driver, VIRTIO_VSOCK_TX, buffers, 74);
    virtio_driver_kick(driver, VIRTIO_VSOCK_TX);
    assert_int_equal(bench->host.packets, 76);
    expect_header(&bench->host.last, &packet);
}

static void malformed_packets_are_dropped(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->guest.driver;
    start(bench, 4);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(RW), 1, 2);
    static const uint32_t lengths[] = { 6, 0x80000000u, UINT32_MAX, UINT32_MAX - 43 };
    for (unsigned i = 0; i < 4; i++) { /* Longer than the chain. */
        packet.len = lengths[i];
        vsock_guest_send_raw(&bench->guest, &packet, "hello", 5);
    }
    packet.len = 0;
    packet.src_cid = 6; /* Somebody else's address. */
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    packet.src_cid = UINT64_C(0x100000005);
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    for (uint32_t size = 0; size < 44; size += 43) { /* No header. */
        const struct virtio_driver_buffer buffers[] = { { bench->guest.tx, size, false },
                                                        { bench->guest.tx, 100, true } };
        virtio_driver_add(driver, VIRTIO_VSOCK_TX, buffers, 2);
        virtio_driver_kick(driver, VIRTIO_VSOCK_TX);
    }
    vsock_guest_settle(&bench->guest);
    assert_int_equal(bench->host.packets + bench->guests.packets, 0);
    assert_int_equal(bench->vsock.stats.dropped, 8);
    assert_int_equal(vsock_guest_sent(&bench->guest), 8); /* All come back. */
    assert_true(vmmp_virtio_live(&bench->vsock.virtio));
    assert_in_range(bench->guest.rig.messages, 1, 8);
    vsock_guest_send(&bench->guest, OP(RW), 1, 2);
    assert_int_equal(bench->host.packets, 1);
}

/* Defect rows 24 to 26: cycles, also of empty descriptors, and impossible rings end in NEEDS_RESET.
 */
static void hostile_rings(void **state)
{
    struct bench *bench = *state;
    for (unsigned how = 0; how < 8; how++) {
        unsigned index = how & 1 ? VIRTIO_VSOCK_RX : VIRTIO_VSOCK_TX;
        unsigned write = how & 1 ? VIRTQ_DESC_F_WRITE : 0;
        start(bench, 0);
        bench->host.count = 1;
        struct virtio_driver_queue *queue = &bench->guest.driver.queues[index];
        switch (how >> 1) {
        case 0: /* Row 24, 25: itself. */
            virtio_driver_put(&queue->desc[0], bench->guest.tx, 16, VIRTQ_DESC_F_NEXT | write, 0);
            virtio_driver_offer(&bench->guest.driver, index, 0);
            break;
        case 1: /* Without bytes. */
            virtio_driver_put(&queue->desc[0], bench->guest.tx, 0, VIRTQ_DESC_F_NEXT | write, 1);
            virtio_driver_put(&queue->desc[1], bench->guest.tx, 0, VIRTQ_DESC_F_NEXT | write, 0);
            virtio_driver_offer(&bench->guest.driver, index, 0);
            break;
        case 2: /* Row 26: an entry out of range, */
            virtio_driver_offer(&bench->guest.driver, index, 128);
            break;
        default: /* and an index that jumps. */
            vmmp_guest_store_le16(&queue->avail->idx, 0xffff);
            break;
        }
        bench->guest.driver.transport->kick(bench->guest.driver.device, index);
        wake(bench);
        assert_true(bench->vsock.virtio.status & VIRTIO_STATUS_NEEDS_RESET);
        assert_int_equal(bench->host.packets, 0);
        vsock_guest_settle(&bench->guest);
        bench->host.count = 0;
    }
    start(bench, 1);
    assert_true(vmmp_virtio_live(&bench->vsock.virtio));
}

/* Defect row 3: notifies of queues that do not exist. */
static void kicks_of_any_queue(void **state)
{
    struct bench *bench = *state;
    start(bench, 2);
    for (unsigned queue = 3; queue < 0x10000; queue = queue * 2 + 1) {
        vmmp_virtio_kick(&bench->vsock.virtio, queue);
    }
    vsock_guest_send(&bench->guest, OP(RW), 1, 2);
    assert_int_equal(bench->host.packets, 1);
}

static void a_packet_waits_for_its_peer(void **state)
{
    struct bench *bench = *state;
    start(bench, 4);
    bench->host.room = 1;
    vsock_guest_send(&bench->guest, OP(RW), 1, 2);
    vsock_guest_write(&bench->guest, 2, 2, "second", 6);
    vsock_guest_write(&bench->guest, 3, 2, "third", 5);
    assert_int_equal(bench->host.packets, 1);
    assert_int_equal(vsock_guest_sent(&bench->guest), 1);
    bench->guest.driver.transport->kick(bench->guest.driver.device, VIRTIO_VSOCK_TX);
    vsock_guest_settle(&bench->guest);
    bench->host.room = 1;
    vmmp_context_enter(&bench->vsock.virtio.context);
    vmmp_virtio_vsock_resume(&bench->vsock);
    vmmp_context_leave(&bench->vsock.virtio.context);
    vsock_guest_settle(&bench->guest);
    assert_int_equal(bench->host.packets, 2);
    assert_int_equal(bench->host.last.src_port, 2);
    assert_memory_equal(bench->host.payload, "second", 6);
    /* Reset with the third in hand. */
    virtio_driver_reset(&bench->guest.driver);
    bench->host.room = UINT32_MAX;
    vmmp_context_enter(&bench->vsock.virtio.context);
    vmmp_virtio_vsock_resume(&bench->vsock);
    vmmp_context_leave(&bench->vsock.virtio.context);
    assert_int_equal(bench->host.packets, 2);
    assert_int_equal(bench->host.resets, 2); /* Also when the driver started. */
    start(bench, 1);
    vsock_guest_write(&bench->guest, 4, 2, "new", 3);
    assert_int_equal(bench->host.packets, 3);
}

/* ---- To the guest ---- */

static void peers_take_turns(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    uint8_t payload[VSOCK_GUEST_RX_SIZE];
    start(bench, 0);
    bench->host.count = 6;
    bench->guests.count = 4;
    wake(bench);
    bench->guest.repost = false;
    unsigned pulses = bench->guest.rig.pulses;
    vsock_guest_post(&bench->guest, 8);
    assert_int_equal(bench->guest.rig.pulses, pulses + 1); /* One interrupt for all. */
    unsigned guests = 0;
    for (unsigned i = 0; i < 8; i++) {
        assert_true(vsock_guest_next(&bench->guest, &packet, payload));
        assert_int_equal(packet.len, 7);
        assert_memory_equal(payload, "payload", 7);
        guests += packet.src_cid == GUESTS;
    }
    assert_int_equal(guests, 4);
    vsock_guest_post(&bench->guest, 8);
    assert_int_equal(bench->host.count, 0);
    /* With nothing to say, more buffers cause no exit. */
    if (vmmp_host_can_defer(&bench->guest.rig.host)) {
        uint64_t kicks = bench->vsock.queues[VIRTIO_VSOCK_RX].kicks;
        vsock_guest_post(&bench->guest, 4);
        assert_int_equal(bench->vsock.queues[VIRTIO_VSOCK_RX].kicks, kicks);
    }
}

static void a_peer_cannot_say_more_than_fits(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    start(bench, 1);
    bench->host.count = 1;
    bench->host.lies = 1u << 20;
    wake(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.len, VSOCK_GUEST_RX_SIZE - VMMP_VIRTIO_VSOCK_HEADER);
}

/* Defect row 6: a chain ends where it ends, and read-only buffers are not written to. */
static void receive_buffers_are_respected(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->guest.driver;
    start(bench, 0);
    uint8_t *bytes = virtio_driver_at(driver, bench->guest.rx, 8192);
    for (uint32_t first = 1; first < 60; first++) {
        const struct virtio_driver_buffer buffers[] = {
            { bench->guest.rx + 4096, 100, false },
            { bench->guest.rx + 8, first, true },
            { bench->guest.rx + 1024, 60 - first, true },
        };
        uint32_t id;
        uint32_t len;
        memset(bytes, 0xee, 8192);
        virtio_driver_add(driver, VIRTIO_VSOCK_RX, buffers, 3);
        virtio_driver_kick(driver, VIRTIO_VSOCK_RX);
        bench->host.count = 1;
        wake(bench);
        assert_true(virtio_driver_used(driver, VIRTIO_VSOCK_RX, &id, &len));
        assert_int_equal(len, 51);
        for (uint32_t i = 0; i < 8192; i++) {
            bool in_first = i >= 8 && i < 8 + first;
            bool in_second = i >= 1024 && i < 1024 + 60 - first;
            assert_true(in_first || in_second || bytes[i] == 0xee);
        }
        uint8_t together[60];
        memcpy(together, bytes + 8, first);
        memcpy(together + first, bytes + 1024, 60 - first);
        assert_memory_equal(together + 44, "payload", 7);
        assert_int_equal(together[51], 0xee);
    }
}

static void packets_are_delivered_from_anywhere(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    uint8_t payload[VSOCK_GUEST_RX_SIZE];
    bench->echo = true;
    start(bench, 3);
    vsock_guest_write(&bench->guest, 1, 2, "echo", 4);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.len, 4);
    assert_memory_equal(payload, "echo", 4);
    bench->echo = false;

    /* Without a buffer, or with one that is too small, nothing happens. */
    static uint8_t much[VSOCK_GUEST_RX_SIZE];
    const struct vmmp_iovec pieces[] = { { much, 3000 }, { much, sizeof(much) } };
    packet.len = VSOCK_GUEST_RX_SIZE - VMMP_VIRTIO_VSOCK_HEADER + 1;
    vmmp_context_enter(&bench->vsock.virtio.context);
    assert_false(vmmp_virtio_vsock_deliver(&bench->vsock, &packet, pieces, 2));
    packet.len--;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(vmmp_virtio_vsock_deliver(&bench->vsock, &packet, pieces, 2));
    }
    assert_false(vmmp_virtio_vsock_deliver(&bench->vsock, &packet, pieces, 2));
    vmmp_context_leave(&bench->vsock.virtio.context);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.len, VSOCK_GUEST_RX_SIZE - VMMP_VIRTIO_VSOCK_HEADER);
}

/* ---- Events (5.10.6.6) ---- */

static void post_event(struct bench *bench, uint32_t size)
{
    const struct virtio_driver_buffer buffer = { bench->guest.rx + 65536, size, true };
    memset(virtio_driver_at(&bench->guest.driver, buffer.gpa, 8), 0xff, 8);
    virtio_driver_add(&bench->guest.driver, VIRTIO_VSOCK_EVENT, &buffer, 1);
    virtio_driver_kick(&bench->guest.driver, VIRTIO_VSOCK_EVENT);
    vsock_guest_settle(&bench->guest);
}

static void move(struct bench *bench, uint64_t cid)
{
    vmmp_context_enter(&bench->vsock.virtio.context);
    assert_int_equal(vmmp_virtio_vsock_transport_reset(&bench->vsock, cid), 0);
    vmmp_context_leave(&bench->vsock.virtio.context);
    vsock_guest_settle(&bench->guest);
}

static void the_guest_hears_of_a_transport_reset(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->guest.driver;
    uint32_t id;
    uint32_t len;
    start(bench, 2);
    unsigned resets = bench->host.resets;
    post_event(bench, 8);
    post_event(bench, 3);
    assert_false(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
    bench->host.room = 0;
    vsock_guest_send(&bench->guest, OP(RW), 1, 2); /* Waits, and is forgotten. */
    move(bench, 9);
    assert_int_equal(vsock_guest_sent(&bench->guest), 1);
    assert_int_equal(bench->host.resets, resets + 1);
    assert_int_equal(bench->guests.resets, resets + 1);
    assert_true(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
    assert_int_equal(len, 4);
    const uint8_t *event = virtio_driver_at(driver, bench->guest.rx + 65536, 8);
    assert_memory_equal(event, "\0\0\0\0\xff\xff\xff\xff", 8);
    assert_int_equal(driver->transport->config_read(bench->guest.driver.device, 0, 4), 9);
    assert_false(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));

    /* A buffer too small comes back empty; the event waits for the next. */
    move(bench, 10);
    assert_true(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
    assert_int_equal(len, 0);
    move(bench, 11);
    post_event(bench, 4);
    assert_true(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
    assert_int_equal(len, 4);
    post_event(bench, 4);
    assert_false(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
    /* Packets are from the new address. */
    bench->host.room = UINT32_MAX;
    bench->guest.cid = 11;
    vsock_guest_send(&bench->guest, OP(RW), 1, 2);
    assert_int_equal(bench->host.packets, 1);
    /* The next driver is not told what happened to the last. */
    move(bench, 12);
    move(bench, 13);
    virtio_driver_reset(driver);
    move(bench, 14);
    start(bench, 1);
    post_event(bench, 4);
    assert_false(virtio_driver_used(driver, VIRTIO_VSOCK_EVENT, &id, &len));
}

static void queues_are_reset_alone(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->guest.driver;
    struct vmmp_vsock_packet packet;
    start(bench, 2);
    bench->host.room = 0;
    vsock_guest_send(&bench->guest, OP(RW), 1, 2);
    wake(bench); /* Takes a receive buffer in hand. */
    vmmp_virtio_queue_reset(&bench->vsock.virtio, VIRTIO_VSOCK_TX);
    vmmp_virtio_queue_reset(&bench->vsock.virtio, VIRTIO_VSOCK_RX);
    bench->host.room = UINT32_MAX;
    bench->host.count = 1;
    wake(bench);
    vmmp_context_enter(&bench->vsock.virtio.context);
    vmmp_virtio_vsock_resume(&bench->vsock);
    assert_false(vmmp_virtio_vsock_deliver(&bench->vsock, &bench->host.last, NULL, 0));
    vmmp_context_leave(&bench->vsock.virtio.context);
    assert_int_equal(bench->host.packets, 0);
    virtio_driver_set_up_queue(driver, VIRTIO_VSOCK_TX);
    virtio_driver_set_up_queue(driver, VIRTIO_VSOCK_RX);
    vsock_guest_post(&bench->guest, 2);
    vsock_guest_send(&bench->guest, OP(RW), 3, 4);
    assert_int_equal(bench->host.last.src_port, 3);
    wake(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
}

int test_virtio_vsock(void)
{
#define ON(how, name) cmocka_unit_test_setup_teardown(name, how, teardown)
#define EVERYWHERE(name) \
    ON(setup, name), ON(setup_direct, name), ON(setup_legacy, name), ON(setup_legacy_direct, name)
    const struct CMUnitTest tests[] = {
        EVERYWHERE(the_cid_is_read_in_any_width),
        ON(setup, features_are_offered),
        ON(setup, options_are_checked),
        EVERYWHERE(packets_go_to_their_peer),
        EVERYWHERE(any_split_into_descriptors),
        EVERYWHERE(malformed_packets_are_dropped),
        EVERYWHERE(hostile_rings),
        EVERYWHERE(kicks_of_any_queue),
        EVERYWHERE(a_packet_waits_for_its_peer),
        EVERYWHERE(peers_take_turns),
        EVERYWHERE(a_peer_cannot_say_more_than_fits),
        EVERYWHERE(receive_buffers_are_respected),
        EVERYWHERE(packets_are_delivered_from_anywhere),
        EVERYWHERE(the_guest_hears_of_a_transport_reset),
        ON(setup, queues_are_reset_alone),
        ON(setup_direct, queues_are_reset_alone),
    };
#undef ON
#undef EVERYWHERE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
