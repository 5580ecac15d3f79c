/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (virtio 1.2, 5.1): frames both ways, headers, merging, flow control, reset. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/net_bench.h"

int test_virtio_net(void);

static uint8_t frame[70000];
static uint8_t got[70100];

/* A frame arrives in the guest as it was given, behind a header of zeroes. */
static void expect_received(struct net_bench *bench, const uint8_t *what, size_t len)
{
    size_t header = net_bench_header(bench);
    size_t all = net_bench_take(bench, NET_RX, got, sizeof(got));
    assert_int_equal(all, header + len);
    for (size_t i = 0; i < HDR_LEGACY_SIZE; i++) {
        assert_int_equal(got[i], 0);
    }
    assert_memory_equal(got + header, what, len);
}

/* ---- To the outside ---- */

static void frames_go_out(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (unsigned pieces = 1; pieces <= 14; pieces++) {
        net_bench_fill(frame, 100 + pieces, net_bench_mac, (uint8_t)pieces);
        net_bench_send(bench, NET_TX, NULL, frame, 100 + pieces, pieces);
        virtio_driver_kick(&bench->driver, NET_TX);
        assert_int_equal(bench->frames, pieces);
        assert_int_equal(bench->last_len, 100 + pieces);
        assert_memory_equal(bench->last, frame, bench->last_len);
    }
    assert_int_equal(net_bench_finished(bench, NET_TX), 14);
    assert_int_equal(bench->net.stats.tx_frames, 14);
    assert_int_equal(bench->net.stats.tx_malformed, 0);
}

static void one_interrupt_for_a_batch(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_F_EVENT_IDX));
    net_bench_fill(frame, 60, net_bench_mac, 0);
    for (unsigned i = 0; i < 20; i++) {
        net_bench_send(bench, NET_TX, NULL, frame, 60, 1);
    }
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 20);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->net.queues[NET_TX].interrupts, 1);
}

/* A header lies over any number of buffers, none of which need end where it does. */
static void a_header_split_anywhere(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    size_t header = net_bench_header(bench);
    net_bench_fill(frame, 64, net_bench_mac, 9);
    for (uint32_t cut = 1; cut < 40; cut++) {
        uint64_t at = bench->buffers;
        uint8_t *host = virtio_driver_at(&bench->driver, at, 200);
        memset(host, 0, header);
        memcpy(host + header, frame, 64);
        const struct virtio_driver_buffer buffers[] = {
            { at, cut, false }, { at + cut, (uint32_t)(header + 64) - cut, false }
        };
        virtio_driver_add(&bench->driver, NET_TX, buffers, 2);
        virtio_driver_kick(&bench->driver, NET_TX);
        assert_int_equal(bench->frames, cut);
        assert_int_equal(bench->last_len, 64);
        assert_memory_equal(bench->last, frame, 64);
    }
}

static void the_header_goes_along(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    uint8_t head[HDR_SIZE] = { 0xff, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                               54,   0,
                               0xb4, 0x05,
                               34,   0,
                               16,   0,
                               0xaa, 0xaa };
    net_bench_fill(frame, 9000, net_bench_mac, 3);
    net_bench_send(bench, NET_TX, head, frame, 9000, 5);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
    assert_int_equal(bench->last_len, HDR_SIZE + 9000);
    /* Flags and members that are not the driver's to set are cleared. */
    head[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    head[10] = head[11] = 0;
    assert_memory_equal(bench->last, head, HDR_SIZE);
    assert_memory_equal(bench->last + HDR_SIZE, frame, 9000);
}

static void expect_malformed(struct net_bench *bench, const uint8_t *head, size_t len)
{
    uint64_t before = bench->net.stats.tx_malformed;
    unsigned frames = bench->frames;
    net_bench_fill(frame, len, net_bench_mac, 1);
    net_bench_send(bench, NET_TX, head, frame, len, 2);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, frames);
    assert_int_equal(bench->net.stats.tx_malformed, before + 1);
    assert_int_equal(net_bench_finished(bench, NET_TX), 1); /* The chain comes back. */
    assert_true(vmmp_virtio_live(&bench->net.virtio));
}

static void headers_that_lie(void **state)
{
    static const struct {
        uint8_t flags, type;
        uint16_t hdr_len, gso_size, start, offset;
    } lies[] = {
        { 1, 0, 0, 0, 99, 0 },         { 1, 0, 0, 0, 0, 99 },      { 1, 0, 0, 0, 0xffff, 0xffff },
        { 1, 0, 0, 0, 0xffff, 1 },     { 1, 1, 54, 0, 34, 16 },    { 0, 1, 54, 1000, 34, 16 },
        { 1, 2, 54, 1000, 34, 16 },    { 1, 3, 54, 1000, 34, 16 }, { 1, 6, 54, 1000, 34, 16 },
        { 1, 0x80, 54, 1000, 34, 16 }, { 1, 0x85, 54, 10, 34, 6 }, { 1, 0x7f, 54, 1000, 34, 16 },
        { 1, 0xff, 54, 1000, 34, 16 },
    };
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const uint8_t head[HDR_SIZE] = {
            lies[i].flags,
            lies[i].type,
            (uint8_t)lies[i].hdr_len,
            (uint8_t)(lies[i].hdr_len >> 8),
            (uint8_t)lies[i].gso_size,
            (uint8_t)(lies[i].gso_size >> 8),
            (uint8_t)lies[i].start,
            (uint8_t)(lies[i].start >> 8),
            (uint8_t)lies[i].offset,
            (uint8_t)(lies[i].offset >> 8),
        };
        expect_malformed(bench, head, 100);
    }
}

/* Each type is for those who negotiated it. */
static void segmentation_that_was_not_negotiated(void **state)
{
    static const struct {
        uint8_t type;
        unsigned feature;
    } types[] = {
        { 1, VIRTIO_NET_F_HOST_TSO4 },
        { 4, VIRTIO_NET_F_HOST_TSO6 },
        { 5, VIRTIO_NET_F_HOST_USO },
        { 0x81, VIRTIO_NET_F_HOST_ECN },
    };
    struct net_bench *bench = *state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const uint8_t head[HDR_SIZE] = { 1, types[i].type, 54, 0, 100, 0, 34, 0, 16, 0 };
        net_bench_start(bench, NET_ALL & ~NET_BIT(types[i].feature));
        expect_malformed(bench, head, 1000);
        unsigned frames = bench->frames;
        net_bench_start(bench, NET_ALL);
        net_bench_send(bench, NET_TX, head, frame, 1000, 1);
        virtio_driver_kick(&bench->driver, NET_TX);
        assert_int_equal(bench->frames, frames + 1);
    }
    const uint8_t sum[HDR_SIZE] = { 1, 0, 0, 0, 0, 0, 34, 0, 16, 0 };
    uint64_t without = NET_BIT(VIRTIO_F_VERSION_1);
    net_bench_start(bench, without);
    expect_malformed(bench, sum, 1000);
}

static void frames_too_short_or_too_long(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (size_t len = 0; len < ETH_HEADER; len++) {
        expect_malformed(bench, NULL, len);
    }
    expect_malformed(bench, NULL, 1500 + 14 + 8 + 1);
    net_bench_send(bench, NET_TX, NULL, frame, 1500 + 14 + 8, 3);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
}

static void a_frame_longer_than_any(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    expect_malformed(bench, NULL, VMMP_VIRTIO_NET_MAX_FRAME + 1);
    net_bench_send(bench, NET_TX, NULL, frame, VMMP_VIRTIO_NET_MAX_FRAME, 16);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
}

/* Chains shorter than a header, and buffers of the wrong direction. */
static void chains_that_are_no_frames(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (uint32_t len = 0; len < net_bench_header(bench) + ETH_HEADER; len++) {
        const struct virtio_driver_buffer buffer = { bench->buffers, len, false };
        virtio_driver_add(&bench->driver, NET_TX, &buffer, 1);
    }
    const struct virtio_driver_buffer wrong[] = { { bench->buffers, 100, false },
                                                  { bench->buffers + 100, 100, true } };
    virtio_driver_add(&bench->driver, NET_TX, wrong, 2);
    virtio_driver_add(&bench->driver, NET_TX, wrong + 1, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 0);
    assert_int_equal(bench->net.stats.tx_malformed, net_bench_header(bench) + ETH_HEADER + 2);
    assert_int_equal(net_bench_finished(bench, NET_TX), net_bench_header(bench) + ETH_HEADER + 2);
}

static void a_full_backend_holds_the_queue(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    bench->room = 2;
    for (unsigned i = 0; i < 5; i++) {
        net_bench_fill(frame, 100 + i, net_bench_mac, (uint8_t)i);
        net_bench_send(bench, NET_TX, NULL, frame, 100 + i, 2);
    }
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 2);
    assert_int_equal(net_bench_finished(bench, NET_TX), 2);
    bench->driver.transport->kick(bench->driver.device, NET_TX);
    assert_int_equal(bench->offers, 3); /* A kick is no reason to try again. */
    for (unsigned i = 2; i < 5; i++) {
        bench->room = 1;
        net_bench_enter(bench);
        vmmp_virtio_net_writable(&bench->net);
        net_bench_leave(bench);
        assert_int_equal(bench->frames, i + 1);
        assert_int_equal(bench->last_len, 100 + i);
        assert_int_equal(net_bench_finished(bench, NET_TX), 1);
    }
    bench->room = UINT32_MAX;
    net_bench_enter(bench);
    vmmp_virtio_net_writable(&bench->net);
    net_bench_leave(bench);
    net_bench_send(bench, NET_TX, NULL, frame, 64, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 6);
}

static void a_backend_that_is_writable_at_once(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    bench->room = 0;
    bench->wake = true;
    net_bench_fill(frame, 100, net_bench_mac, 1);
    net_bench_send(bench, NET_TX, NULL, frame, 100, 2);
    net_bench_send(bench, NET_TX, NULL, frame, 101, 2);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 2);
    assert_int_equal(net_bench_finished(bench, NET_TX), 2);
}

/* ---- Reset ---- */

static void reset_with_a_frame_held(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    bench->room = 0;
    net_bench_fill(frame, 100, net_bench_mac, 1);
    net_bench_send(bench, NET_TX, NULL, frame, 100, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->offers, 1);
    assert_true(bench->state.live);
    virtio_driver_reset(&bench->driver);
    assert_false(bench->state.live);
    bench->room = UINT32_MAX;
    net_bench_enter(bench);
    vmmp_virtio_net_writable(&bench->net);
    net_bench_leave(bench);
    assert_int_equal(bench->frames, 0);
    net_bench_start(bench, NET_ALL);
    net_bench_send(bench, NET_TX, NULL, frame, 100, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
}

static void reset_from_inside_transmit(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 100, net_bench_mac, 1);
    for (unsigned i = 0; i < 3; i++) {
        net_bench_send(bench, NET_TX, NULL, frame, 100, 1);
    }
    bench->reset = true;
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->offers, 1);
    assert_int_equal(bench->driver.transport->status(bench->driver.device), 0);
    net_bench_start(bench, NET_ALL);
    net_bench_send(bench, NET_TX, NULL, frame, 100, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
}

/* The frame that a backend holds outlives the driver. */
static void the_next_driver_gets_what_is_held(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 300, net_bench_mac, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 300), -EAGAIN);
    virtio_driver_reset(&bench->driver);
    bench->held = frame;
    bench->held_len = 300;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    virtio_driver_kick(&bench->driver, NET_RX);
    net_bench_settle(bench);
    expect_received(bench, frame, 300);
}

static void queue_reset(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 300, net_bench_mac, 1);
    bench->room = 0;
    net_bench_send(bench, NET_TX, NULL, frame, 300, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    net_bench_post(bench, NET_RX, 5, 100, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 1000), -EAGAIN); /* Five are held. */
    net_bench_enter(bench);
    vmmp_virtio_queue_reset(&bench->net.virtio, NET_RX);
    vmmp_virtio_queue_reset(&bench->net.virtio, NET_TX);
    vmmp_virtio_queue_reset(&bench->net.virtio, 2);
    net_bench_leave(bench);
    for (unsigned i = 0; i < 3; i++) {
        virtio_driver_set_up_queue(&bench->driver, i);
    }
    bench->room = UINT32_MAX;
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 300), 0);
    expect_received(bench, frame, 300);
    net_bench_send(bench, NET_TX, NULL, frame, 300, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
}

static void without_a_driver(void **state)
{
    struct net_bench *bench = *state;
    net_bench_fill(frame, 300, net_bench_mac, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 300), 0);
    assert_int_equal(bench->net.stats.rx_dropped, 1);
}

/* ---- Bad clients ---- */

static void bad_arguments(void **state)
{
    static struct vmmp_virtio_net net;
    struct vmmp_guest_memory memory;
    struct vmmp_virtio_net_backend backend = { 0 };
    struct vmmp_virtio_net_options good = { .mac = { 2, 0, 0, 0, 0, 1 } };
    (void)state;
    vmmp_guest_memory_init(&memory, NULL, NULL);
    assert_int_equal(vmmp_virtio_net_init(&net, NULL, &good, &memory, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, NULL, &memory, NULL, NULL), -EINVAL);
    struct vmmp_virtio_net_options bad = good;
    bad.mac[0] = 1;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    memset(bad.mac, 0, sizeof(bad.mac));
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    bad = good;
    bad.mtu = 67;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    bad = good;
    bad.pairs = VMMP_VIRTIO_NET_MAX_PAIRS + 1;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    bad = good;
    bad.queue_size = 2 * VMMP_VIRTIO_NET_QUEUE_SIZE;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    bad.queue_size = 100;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &bad, &memory, NULL, NULL), -EINVAL);
    backend.offloads = VMMP_VIRTIO_NET_CSUM;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &good, &memory, NULL, NULL), -EINVAL);
    backend.header = true;
    backend.offloads = VMMP_VIRTIO_NET_TSO4;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &good, &memory, NULL, NULL), -EINVAL);
    backend.offloads = VMMP_VIRTIO_NET_CSUM | VMMP_VIRTIO_NET_ECN;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &good, &memory, NULL, NULL), -EINVAL);
    backend.offloads = NET_OFFLOADS;
    assert_int_equal(vmmp_virtio_net_init(&net, &backend, &good, &memory, NULL, NULL), 0);
    vmmp_virtio_net_fini(&net);
}

#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, net_teardown)

int test_virtio_net(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_go_out, net_setup),
        TEST(frames_go_out, net_setup_mmio),
        TEST(frames_go_out, net_setup_packed),
        TEST(frames_go_out, net_setup_direct),
        TEST(frames_go_out, net_setup_packed_direct),
        TEST(frames_go_out, net_setup_legacy),
        TEST(one_interrupt_for_a_batch, net_setup),
        TEST(one_interrupt_for_a_batch, net_setup_mmio),
        TEST(one_interrupt_for_a_batch, net_setup_packed),
        TEST(one_interrupt_for_a_batch, net_setup_direct),
        TEST(one_interrupt_for_a_batch, net_setup_packed_direct),
        TEST(a_header_split_anywhere, net_setup),
        TEST(a_header_split_anywhere, net_setup_mmio),
        TEST(a_header_split_anywhere, net_setup_packed),
        TEST(a_header_split_anywhere, net_setup_legacy),
        TEST(the_header_goes_along, net_setup_offloads),
        TEST(the_header_goes_along, net_setup_packed_offloads),
        TEST(headers_that_lie, net_setup_offloads),
        TEST(headers_that_lie, net_setup_packed_offloads),
        TEST(headers_that_lie, net_setup),
        TEST(headers_that_lie, net_setup_mmio),
        TEST(headers_that_lie, net_setup_packed),
        TEST(segmentation_that_was_not_negotiated, net_setup_offloads),
        TEST(segmentation_that_was_not_negotiated, net_setup_packed_offloads),
        TEST(frames_too_short_or_too_long, net_setup_mtu),
        TEST(a_frame_longer_than_any, net_setup),
        TEST(a_frame_longer_than_any, net_setup_mmio),
        TEST(a_frame_longer_than_any, net_setup_packed),
        TEST(chains_that_are_no_frames, net_setup),
        TEST(chains_that_are_no_frames, net_setup_mmio),
        TEST(chains_that_are_no_frames, net_setup_packed),
        TEST(chains_that_are_no_frames, net_setup_direct),
        TEST(chains_that_are_no_frames, net_setup_packed_direct),
        TEST(chains_that_are_no_frames, net_setup_legacy),
        TEST(a_full_backend_holds_the_queue, net_setup),
        TEST(a_full_backend_holds_the_queue, net_setup_mmio),
        TEST(a_full_backend_holds_the_queue, net_setup_packed),
        TEST(a_full_backend_holds_the_queue, net_setup_direct),
        TEST(a_full_backend_holds_the_queue, net_setup_packed_direct),
        TEST(a_backend_that_is_writable_at_once, net_setup),
        TEST(a_backend_that_is_writable_at_once, net_setup_mmio),
        TEST(a_backend_that_is_writable_at_once, net_setup_packed),
        TEST(a_backend_that_is_writable_at_once, net_setup_direct),
        TEST(a_backend_that_is_writable_at_once, net_setup_packed_direct),
        TEST(reset_with_a_frame_held, net_setup),
        TEST(reset_with_a_frame_held, net_setup_mmio),
        TEST(reset_with_a_frame_held, net_setup_packed),
        TEST(reset_from_inside_transmit, net_setup),
        TEST(reset_from_inside_transmit, net_setup_mmio),
        TEST(reset_from_inside_transmit, net_setup_packed),
        TEST(reset_from_inside_transmit, net_setup_direct),
        TEST(reset_from_inside_transmit, net_setup_packed_direct),
        TEST(the_next_driver_gets_what_is_held, net_setup),
        TEST(the_next_driver_gets_what_is_held, net_setup_mmio),
        TEST(the_next_driver_gets_what_is_held, net_setup_packed),
        TEST(queue_reset, net_setup),
        TEST(queue_reset, net_setup_mmio),
        TEST(queue_reset, net_setup_packed),
        TEST(without_a_driver, net_setup),
        TEST(without_a_driver, net_setup_mmio),
        TEST(without_a_driver, net_setup_packed),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests_name("virtio_net", tests, NULL, NULL);
}
