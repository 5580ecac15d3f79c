/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock between guests: routing, full rings, guests that go, stall or lie. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/vsock_switch.h>

#include "support/vsock_guest.h"

#define OP(name) VIRTIO_VSOCK_OP_##name
#define GUESTS   3u

int test_vsock_switch(void);

struct node {
    struct vsock_guest guest;
    struct vmmp_virtio_vsock device;
    struct vmmp_vsock_switch_port port;
    uint8_t *ring;
    unsigned for_host;
};

struct bench {
    uint64_t now;
    struct vmmp_vsock_switch vswitch;
    struct node nodes[GUESTS]; /* CIDs 10, 11, 12. */
};

static bool for_host(void *cookie, const struct vmmp_vsock_packet *packet,
                     const struct vmmp_iovec *payload, unsigned count)
{
    struct node *node = cookie;
    (void)packet, (void)payload, (void)count;
    node->for_host++;
    return true;
}

static void settle(struct bench *bench)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < GUESTS; i++) {
            more = virtio_rig_run(&bench->nodes[i].guest.rig) || more;
        }
    }
}

static uint64_t get_now(void *cookie)
{
    return ((struct bench *)cookie)->now;
}

static int setup(void **state)
{
    static const struct vmmp_host_ops clock_only = { .now = get_now };
    struct bench *bench = calloc(1, sizeof(*bench));
    const struct vmmp_host host_of_switch = { &clock_only, bench };
    assert_int_equal(vmmp_vsock_switch_init(&bench->vswitch, &host_of_switch), 0);
    for (unsigned i = 0; i < GUESTS; i++) {
        struct node *node = &bench->nodes[i];
        const struct vmmp_vsock_peer host = { for_host, NULL, NULL, node };
        const struct vmmp_vsock_peer guests = vmmp_vsock_switch_peer(&node->port);
        const struct vmmp_virtio_vsock_options options = { 10 + i, true, 0 };
        node->ring = malloc(VMMP_VSOCK_SWITCH_RING);
        vsock_guest_prepare(&node->guest, true, 10 + i);
        assert_int_equal(vmmp_virtio_vsock_init(&node->device, &host, &guests, &options,
                                                &node->guest.rig.memory, &node->guest.rig.log,
                                                &node->guest.rig.host),
                         0);
        vsock_guest_plug(&node->guest, &node->device.virtio, &virtio_driver_pci_modern);
        assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &node->port, &node->device,
                                                  node->ring, VMMP_VSOCK_SWITCH_RING),
                         0);
        vsock_guest_start(&node->guest, UINT64_MAX);
    }
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    settle(bench);
    for (unsigned i = 0; i < GUESTS; i++) {
        struct node *node = &bench->nodes[i];
        vmmp_vsock_switch_detach(&node->port);
        vmmp_vsock_switch_detach(&node->port);
        vsock_guest_unplug(&node->guest);
        vmmp_virtio_vsock_fini(&node->device);
        vsock_guest_fini(&node->guest);
        free(node->ring);
    }
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_CONNECTIONS; i++) {
        assert_false(bench->vswitch.connections[i].used);
    }
    assert_int_equal(bench->vswitch.dying, 0);
    vmmp_vsock_switch_fini(&bench->vswitch);
    free(bench);
    return 0;
}

/* A packet of guest `from` for `to`; `len` bytes of `payload`. */
static void send_as(struct bench *bench, unsigned from, unsigned to, uint16_t op, uint16_t type,
                    uint32_t flags, const void *payload, uint32_t len)
{
    struct vsock_guest *guest = &bench->nodes[from].guest;
    struct vmmp_vsock_packet packet = vsock_guest_packet(guest, op, 100 + from, 100 + to);
    packet.dst_cid = 10 + to;
    packet.type = type;
    packet.flags = flags;
    packet.len = len;
    vsock_guest_send_raw(guest, &packet, payload, len);
    settle(bench);
}

static void send(struct bench *bench, unsigned from, unsigned to, uint16_t op)
{
    send_as(bench, from, to, op, VIRTIO_VSOCK_TYPE_STREAM, 0, NULL, 0);
}

static void write_to(struct bench *bench, unsigned from, unsigned to, const void *data,
                     uint32_t len)
{
    send_as(bench, from, to, OP(RW), VIRTIO_VSOCK_TYPE_STREAM, 0, data, len);
}

static bool next(struct bench *bench, unsigned at, struct vmmp_vsock_packet *packet, void *payload)
{
    bool there = vsock_guest_next(&bench->nodes[at].guest, packet, payload);
    settle(bench);
    return there;
}

static void expect(struct bench *bench, unsigned from, unsigned to, uint16_t op)
{
    struct vmmp_vsock_packet packet;
    assert_true(next(bench, to, &packet, NULL));
    assert_int_equal(packet.op, op);
    assert_int_equal(packet.src_cid, 10 + from);
    assert_int_equal(packet.dst_cid, 10 + to);
    assert_int_equal(packet.src_port, 100 + from);
    assert_int_equal(packet.dst_port, 100 + to);
}

static void post(struct bench *bench, unsigned at, unsigned count)
{
    vsock_guest_post(&bench->nodes[at].guest, count);
    settle(bench);
}

static void connect_guests(struct bench *bench, unsigned client, unsigned server)
{
    send(bench, client, server, OP(REQUEST));
    expect(bench, client, server, OP(REQUEST));
    send(bench, server, client, OP(RESPONSE));
    expect(bench, server, client, OP(RESPONSE));
}

static void post_all(struct bench *bench, unsigned count)
{
    for (unsigned i = 0; i < GUESTS; i++) {
        post(bench, i, count);
    }
}

static void guests_talk(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    post_all(bench, 8);
    connect_guests(bench, 0, 1);
    connect_guests(bench, 2, 1);
    write_to(bench, 0, 1, "hello", 5);
    assert_true(next(bench, 1, &packet, payload));
    assert_int_equal(packet.len, 5);
    assert_int_equal(packet.buf_alloc, 65536);
    assert_memory_equal(payload, "hello", 5);
    write_to(bench, 1, 2, "you too", 7);
    assert_true(next(bench, 2, &packet, payload));
    assert_memory_equal(payload, "you too", 7);
    vsock_guest_expect_nothing(&bench->nodes[0].guest);
    vsock_guest_send(&bench->nodes[0].guest, OP(REQUEST), 1, 2);
    assert_int_equal(bench->nodes[0].for_host, 1);
    send(bench, 1, 1, OP(REQUEST)); /* With itself. */
    expect(bench, 1, 1, OP(REQUEST));
    send(bench, 1, 0, OP(RST));
    expect(bench, 1, 0, OP(RST));
    send(bench, 2, 1, OP(RST));
    expect(bench, 2, 1, OP(RST));
}

static void nobody_there(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    post(bench, 0, 4);
    send(bench, 0, 7, OP(REQUEST));
    expect(bench, 7, 0, OP(RST));
    send(bench, 0, 7, OP(RST));
    vsock_guest_expect_nothing(&bench->nodes[0].guest);
    send(bench, 0, 1, OP(REQUEST)); /* Its driver has shown no sign of life. */
    expect(bench, 1, 0, OP(RST));
    packet = vsock_guest_packet(&bench->nodes[0].guest, OP(REQUEST), 1, 2);
    packet.dst_cid = UINT64_C(0x10000000b); /* Not 11. */
    vsock_guest_send_raw(&bench->nodes[0].guest, &packet, NULL, 0);
    settle(bench);
    assert_true(next(bench, 0, &packet, NULL));
    assert_int_equal(packet.op, OP(RST));
}

/* 5.10.6.4.2: they are answered here, and the other guest does not hear of them. */
static void types_that_nobody_knows(void **state)
{
    static const uint16_t types[] = { 0, 3, 7, 0x100, 0xffff };
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    post_all(bench, 16);
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        send_as(bench, 0, 1, OP(REQUEST), types[i], 0, NULL, 0);
        assert_true(next(bench, 0, &packet, NULL));
        assert_int_equal(packet.op, OP(RST));
        assert_int_equal(packet.type, types[i]);
        assert_int_equal(packet.src_cid, 11);
        send_as(bench, 0, 1, OP(RST), types[i], 0, NULL, 0);
        vsock_guest_expect_nothing(&bench->nodes[0].guest);
        vsock_guest_expect_nothing(&bench->nodes[1].guest);
    }
}

/* Packets larger than the receiver's buffers are cut; a message's end stays at its end. */
static void large_packets(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    static uint8_t sent[65536];
    static uint8_t got[65536];
    for (unsigned i = 0; i < sizeof(sent); i++) {
        sent[i] = (uint8_t)(i * 5 + i / 256);
    }
    post_all(bench, 32);
    for (unsigned round = 0; round < 6; round++) { /* Around the ring. */
        uint32_t length = 0;
        send_as(bench, 0, 1, OP(RW), VIRTIO_VSOCK_TYPE_SEQPACKET, 3, sent, sizeof(sent));
        do {
            assert_int_equal(packet.flags = 0, 0);
            assert_true(next(bench, 1, &packet, got + length));
            length += packet.len;
        } while (!packet.flags);
        assert_int_equal(packet.flags, 3);
        assert_int_equal(length, sizeof(sent));
        assert_memory_equal(got, sent, sizeof(sent));
        vsock_guest_sent(&bench->nodes[0].guest);
    }
}

/* The sender waits for a guest without buffers, and goes on when it has some. */
static void a_full_ring(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    static uint8_t data[60000];
    static uint8_t got[VSOCK_GUEST_RX_SIZE];
    post_all(bench, 8);
    connect_guests(bench, 0, 1);
    bench->nodes[1].guest.repost = false;
    uint64_t received = 0;
    unsigned sent = vsock_guest_sent(&bench->nodes[0].guest);
    for (unsigned i = 0; i < 8; i++) {
        memset(data, (int)i, sizeof(data));
        write_to(bench, 0, 1, data, sizeof(data));
    }
    sent = vsock_guest_sent(&bench->nodes[0].guest);
    assert_in_range(sent, 4, 6);
    assert_true(bench->nodes[0].port.waiting);
    while (received < 8 * sizeof(data)) {
        post(bench, 1, 8);
        while (next(bench, 1, &packet, got)) {
            for (uint32_t i = 0; i < packet.len; i++) {
                assert_int_equal(got[i], (received + i) / sizeof(data));
            }
            received += packet.len;
        }
    }
    assert_int_equal(sent + vsock_guest_sent(&bench->nodes[0].guest), 8);
    send(bench, 0, 1, OP(RST));
}

/* A guest that takes nothing for too long does not hold the others up. */
static void a_dead_guest(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    static const uint8_t data[60000];
    post_all(bench, 4);
    connect_guests(bench, 0, 1);
    connect_guests(bench, 0, 2);
    bench->nodes[1].guest.repost = false;
    for (unsigned i = 0; i < 6; i++) {
        write_to(bench, 0, 1, data, sizeof(data));
    }
    write_to(bench, 0, 2, "behind", 6);
    vsock_guest_expect_nothing(&bench->nodes[2].guest);
    bench->now = VMMP_VSOCK_SWITCH_PATIENCE_NS;
    for (unsigned i = 0; i < GUESTS; i++) {
        vsock_guest_wait(&bench->nodes[i].guest, VMMP_VSOCK_SWITCH_PATIENCE_NS);
    }
    settle(bench);
    expect(bench, 0, 2, OP(RW));
    expect(bench, 1, 0, OP(RST));
    /* When it wakes up it gets what was sent in order, and then the end. */
    bench->nodes[1].guest.repost = true;
    post(bench, 1, 8);
    uint16_t last = 0;
    uint64_t length = 0;
    while (next(bench, 1, &packet, NULL)) {
        assert_int_not_equal(last, OP(RST));
        last = packet.op;
        length += packet.len;
    }
    assert_int_equal(last, OP(RST));
    assert_int_equal(length % sizeof(data), 0);
    send(bench, 0, 2, OP(RST));
}

static void a_guest_goes(void **state)
{
    struct bench *bench = *state;
    post_all(bench, 8);
    connect_guests(bench, 0, 1);
    connect_guests(bench, 1, 2);
    connect_guests(bench, 0, 2);
    write_to(bench, 1, 0, "last words", 10);
    virtio_driver_reset(&bench->nodes[1].guest.driver);
    settle(bench);
    expect(bench, 1, 0, OP(RW));
    expect(bench, 1, 0, OP(RST));
    expect(bench, 1, 2, OP(RST));
    vsock_guest_expect_nothing(&bench->nodes[0].guest);
    vsock_guest_expect_nothing(&bench->nodes[2].guest);
    write_to(bench, 0, 2, "still", 5);
    expect(bench, 0, 2, OP(RW));
    write_to(bench, 0, 1, "there?", 6);
    expect(bench, 1, 0, OP(RST));
    vsock_guest_start(&bench->nodes[1].guest, UINT64_MAX);
    post(bench, 1, 8);
    vsock_guest_expect_nothing(&bench->nodes[1].guest);
    connect_guests(bench, 0, 1);
    /* Both at once: nobody is left to be told. */
    virtio_driver_reset(&bench->nodes[0].guest.driver);
    virtio_driver_reset(&bench->nodes[1].guest.driver);
    settle(bench);
    expect(bench, 0, 2, OP(RST));
    assert_int_equal(bench->vswitch.dying, 0);
}

static void a_new_address(void **state)
{
    struct bench *bench = *state;
    post_all(bench, 8);
    connect_guests(bench, 0, 1);
    vmmp_context_enter(&bench->nodes[1].device.virtio.context);
    assert_int_equal(vmmp_virtio_vsock_transport_reset(&bench->nodes[1].device, 99), 0);
    vmmp_context_leave(&bench->nodes[1].device.virtio.context);
    settle(bench);
    expect(bench, 1, 0, OP(RST));
    send(bench, 0, 1, OP(REQUEST));
    expect(bench, 1, 0, OP(RST));
    bench->nodes[1].guest.cid = 99;
    struct vmmp_vsock_packet packet =
        vsock_guest_packet(&bench->nodes[0].guest, OP(REQUEST), 100, 5);
    packet.dst_cid = 99;
    vsock_guest_send_raw(&bench->nodes[0].guest, &packet, NULL, 0);
    settle(bench);
    assert_true(next(bench, 1, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
}

/* Accepting without end fills the guest's own share of the table. */
static void a_guest_that_accepts_too_much(void **state)
{
    struct bench *bench = *state;
    unsigned share = VMMP_VSOCK_SWITCH_CONNECTIONS / VMMP_VSOCK_SWITCH_PORTS;
    struct vmmp_vsock_packet packet;
    unsigned refused = 0;
    post_all(bench, 8);
    for (uint32_t i = 0; i < share + 10; i++) {
        packet = vsock_guest_packet(&bench->nodes[0].guest, OP(RESPONSE), i, 1);
        packet.dst_cid = 11;
        vsock_guest_send_raw(&bench->nodes[0].guest, &packet, NULL, 0);
        settle(bench);
        vsock_guest_sent(&bench->nodes[0].guest);
        next(bench, 1, &packet, NULL);
    }
    while (next(bench, 0, &packet, NULL)) {
        refused += packet.op == OP(RST);
    }
    assert_int_equal(refused, 10);
    assert_int_equal(bench->nodes[0].port.open, share);
    connect_guests(bench, 0, 1); /* Others are not concerned. */
    send(bench, 0, 1, OP(RST));
    expect(bench, 0, 1, OP(RST));
    virtio_driver_reset(&bench->nodes[0].guest.driver);
    settle(bench);
    for (unsigned i = 0; i < share; i++) {
        assert_true(next(bench, 1, &packet, NULL));
        assert_int_equal(packet.op, OP(RST));
    }
}

static void packets_that_never_fit(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver *driver = &bench->nodes[0].guest.driver;
    post_all(bench, 4);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->nodes[0].guest, OP(RW), 100, 101);
    packet.dst_cid = 11;
    packet.len = 65537;
    vmmp_vsock_packet_store(&packet, virtio_driver_at(driver, bench->nodes[0].guest.tx, 44));
    const struct virtio_driver_buffer buffer = { bench->nodes[0].guest.tx, 44 + 65537, false };
    virtio_driver_add(driver, VIRTIO_VSOCK_TX, &buffer, 1);
    virtio_driver_kick(driver, VIRTIO_VSOCK_TX);
    settle(bench);
    expect(bench, 1, 0, OP(RST));
    vsock_guest_expect_nothing(&bench->nodes[1].guest);
}

static void what_cannot_be_attached(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_switch_port port = { .owner = NULL };
    struct node *node = &bench->nodes[0];
    uint8_t *ring = node->ring;
    uint32_t size = VMMP_VSOCK_SWITCH_RING;
    struct vmmp_virtio_vsock *device = &node->device;
    assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &port, device, NULL, size), -EINVAL);
    assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &port, device, ring, size / 2),
                     -EINVAL);
    assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &port, device, ring, size + 1),
                     -EINVAL);
    assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &port, device, ring, size),
                     -EADDRINUSE);
    assert_null(port.owner);
    struct vmmp_virtio_vsock direct = { .guest_cid = 77 };
    assert_int_equal(vmmp_vsock_switch_attach(&bench->vswitch, &port, &direct, ring, size),
                     -ENOTSUP);
}

int test_vsock_switch(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(guests_talk),
        TEST(nobody_there),
        TEST(types_that_nobody_knows),
        TEST(large_packets),
        TEST(a_full_ring),
        TEST(a_dead_guest),
        TEST(a_guest_goes),
        TEST(a_new_address),
        TEST(a_guest_that_accepts_too_much),
        TEST(packets_that_never_fit),
        TEST(what_cannot_be_attached),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
