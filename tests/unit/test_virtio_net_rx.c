/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (virtio 1.2, 5.1.6.3 and 5.1.6.4): frames for the guest, merged, copied or read
 * straight into its buffers. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/net_bench.h"

int test_virtio_net_rx(void);

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

/* ---- To the guest ---- */

static void frames_come_in(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (unsigned pieces = 1; pieces <= 10; pieces++) {
        net_bench_post(bench, NET_RX, 1, 2000, pieces);
        net_bench_fill(frame, 1000 + pieces, net_bench_mac, (uint8_t)pieces);
        assert_int_equal(net_bench_receive(bench, 0, frame, 1000 + pieces), 0);
        expect_received(bench, frame, 1000 + pieces);
    }
    assert_int_equal(bench->net.stats.rx_frames, 10);
}

static void without_merging(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_MRG_RXBUF));
    assert_int_equal(net_bench_header(bench), bench->driver.transport->legacy ? 10 : 12);
    net_bench_post(bench, NET_RX, 3, 1526, 2);
    net_bench_fill(frame, 1514, net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 1514), 0);
    expect_received(bench, frame, 1514);
    /* Too long for the buffer: dropped, the buffer stays for the next. */
    assert_int_equal(net_bench_receive(bench, 0, frame, 1600), 0);
    assert_int_equal(bench->net.stats.rx_dropped, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 60), 0);
    expect_received(bench, frame, 60);
}

static void legacy_headers(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_MRG_RXBUF));
    assert_int_equal(net_bench_header(bench), 10);
    assert_int_equal(bench->state.header_size, 10);
    net_bench_start(bench, NET_ALL);
    assert_int_equal(net_bench_header(bench), 12);
    assert_int_equal(bench->state.header_size, 12);
}

/* Frames over several buffers, with every number of them and every way the end can fall. */
static void merging(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (size_t len = 14; len < 2000; len += 61) {
        net_bench_post(bench, NET_RX, (unsigned)(len + 12) / 100 + 2, 100, 1 + (unsigned)(len % 3));
        net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
        assert_int_equal(net_bench_receive(bench, 0, frame, len), 0);
        expect_received(bench, frame, len);
        assert_int_equal(net_le16(got + HDR_NUM_BUFFERS), (len + 12 + 99) / 100);
        /* What it did not need is there for the next. */
        net_bench_fill(frame, 40, net_bench_mac, 0);
        assert_int_equal(net_bench_receive(bench, 0, frame, 40), 0);
        expect_received(bench, frame, 40);
        virtio_driver_reset(&bench->driver);
        bench->driver.next_gpa = bench->buffers + 0x180000;
        net_bench_start(bench, NET_ALL);
    }
}

static void buffers_too_small_for_a_header(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 5, 11, 1);
    net_bench_post(bench, NET_RX, 1, 0, 1);
    const struct virtio_driver_buffer wrong = { bench->buffers, 2000, false };
    virtio_driver_add(&bench->driver, NET_RX, &wrong, 1);
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    net_bench_fill(frame, 100, net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    uint32_t id;
    uint32_t len;
    for (unsigned i = 0; i < 7; i++) {
        assert_true(virtio_driver_used(&bench->driver, NET_RX, &id, &len));
        assert_int_equal(len, 0);
    }
    expect_received(bench, frame, 100);
}

/* Such buffers behind a larger one do not overtake it. */
static void small_buffers_behind_a_large_one(void **state)
{
    static const uint32_t sizes[] = { 60, 5, 30, 0, 2000 };
    static const uint32_t used[] = { 60, 5, HDR_SIZE + 70 - 65, 0, HDR_SIZE + 100 };
    struct net_bench *bench = *state;
    uint32_t id;
    uint32_t len;
    uint16_t ids[5];
    net_bench_start(bench, NET_ALL);
    for (unsigned i = 0; i < 5; i++) {
        const struct virtio_driver_buffer buffer = { bench->buffers + i * 4096, sizes[i], true };
        ids[i] = virtio_driver_add(&bench->driver, NET_RX, &buffer, 1);
    }
    net_bench_fill(frame, 100, net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 70), 0);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(virtio_driver_used(&bench->driver, NET_RX, &id, &len));
        assert_int_equal(id, ids[i]);
        assert_int_equal(len, used[i]);
    }
    const uint8_t *first = virtio_driver_at(&bench->driver, bench->buffers, 60);
    assert_int_equal(net_le16(first + HDR_NUM_BUFFERS), 3);
    assert_memory_equal(first + HDR_SIZE, frame, 48);
    assert_memory_equal(first + 4096, frame + 48, 5);
    assert_memory_equal(first + 8192, frame + 53, 17);
    assert_memory_equal(first + 4 * 4096 + HDR_SIZE, frame, 100);
}

/* Readable buffers before the writable ones are skipped. */
static void buffers_of_both_directions(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    const struct virtio_driver_buffer both[] = { { bench->buffers, 500, false },
                                                 { bench->buffers + 500, 300, true },
                                                 { bench->buffers + 800, 300, true } };
    memset(virtio_driver_at(&bench->driver, bench->buffers, 1200), 0x5a, 1200);
    virtio_driver_add(&bench->driver, NET_RX, both, 3);
    net_bench_fill(frame, 400, net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 400), 0);
    assert_int_equal(net_bench_finished(bench, NET_RX), 1);
    uint8_t *host = virtio_driver_at(&bench->driver, bench->buffers, 1200);
    assert_int_equal(host[499], 0x5a);
    assert_memory_equal(host + 500 + 12, frame, 400);
    assert_int_equal(host[500 + 412], 0x5a);
}

static void no_buffers(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 1000, net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 1000), -EAGAIN);
    assert_int_equal(bench->ready, 0);
    bench->held = frame;
    bench->held_len = 1000;
    net_bench_post(bench, NET_RX, 1, 500, 1);
    assert_true(virtio_driver_kick(&bench->driver, NET_RX));
    net_bench_settle(bench);
    assert_int_equal(bench->ready, 1); /* Not enough yet, */
    assert_non_null(bench->held);
    net_bench_post(bench, NET_RX, 2, 512, 1);
    assert_true(virtio_driver_kick(&bench->driver, NET_RX));
    net_bench_settle(bench);
    assert_null(bench->held); /* but now. */
    expect_received(bench, frame, 1000);
    assert_int_equal(bench->net.stats.rx_waits, 2);
}

static void kicks_are_off_while_there_are_buffers(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_F_EVENT_IDX));
    net_bench_post(bench, NET_RX, 10, 2000, 1);
    net_bench_fill(frame, 100, net_bench_mac, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
        net_bench_post(bench, NET_RX, 1, 2000, 1);
        assert_false(virtio_driver_kick(&bench->driver, NET_RX));
    }
}

static void received_as_a_batch(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_F_EVENT_IDX));
    net_bench_post(bench, NET_RX, 10, 2000, 1);
    net_bench_fill(frame, 100, net_bench_mac, 5);
    struct vmmp_iovec iov = { frame, 100 };
    net_bench_enter(bench);
    vmmp_virtio_net_batch_begin(&bench->net);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(vmmp_virtio_net_receive(&bench->net, 0, &iov, 1), 0);
    }
    assert_int_equal(net_bench_finished(bench, NET_RX), 0);
    assert_int_equal(bench->rig.pulses, 0);
    vmmp_virtio_net_batch_end(&bench->net);
    vmmp_virtio_net_batch_end(&bench->net); /* One too many changes nothing. */
    net_bench_leave(bench);
    assert_int_equal(net_bench_finished(bench, NET_RX), 8);
    assert_int_equal(bench->rig.pulses, 1);
}

static void answers_from_inside_transmit(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_F_EVENT_IDX));
    net_bench_post(bench, NET_RX, 10, 2000, 1);
    bench->echo = true;
    for (unsigned i = 0; i < 5; i++) {
        net_bench_fill(frame, 100, net_bench_mac, (uint8_t)i);
        net_bench_send(bench, NET_TX, NULL, frame, 100, 2);
    }
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->echoed, 0);
    assert_int_equal(net_bench_finished(bench, NET_TX), 5);
    for (unsigned i = 0; i < 5; i++) {
        net_bench_fill(frame, 100, net_bench_mac, (uint8_t)i);
        expect_received(bench, frame, 100);
    }
    assert_int_equal(bench->net.queues[NET_RX].interrupts, 1);
}

static void tiny_and_huge_frames_for_the_guest(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 100, 1024, 1);
    net_bench_fill(frame, sizeof(frame), net_bench_mac, 5);
    assert_int_equal(net_bench_receive(bench, 0, frame, 13), 0);
    assert_int_equal(net_bench_receive(bench, 0, frame, VMMP_VIRTIO_NET_MAX_FRAME + 1), 0);
    assert_int_equal(bench->net.stats.rx_dropped, 2);
    assert_int_equal(net_bench_receive(bench, 0, frame, VMMP_VIRTIO_NET_MAX_FRAME), 0);
    expect_received(bench, frame, VMMP_VIRTIO_NET_MAX_FRAME);
    assert_int_equal(net_bench_receive(bench, 7, frame, 100), 0); /* No such pair. */
    assert_int_equal(bench->net.stats.rx_dropped, 3);
}

/* Buffers so small that no number of them that can be held makes up a frame. */
static void crumbs(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 9000, net_bench_mac, 5);
    net_bench_post(bench, NET_RX, 200, 20, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 9000), 0);
    assert_int_equal(bench->net.stats.rx_dropped, 1);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(net_bench_receive(bench, 0, frame, 300), 0);
        expect_received(bench, frame, 300);
    }
}

/* ---- Reading straight into the guest ---- */

static void reserve_and_commit(void **state)
{
    struct net_bench *bench = *state;
    const struct vmmp_iovec *iov;
    unsigned count;
    net_bench_start(bench, NET_ALL);
    net_bench_enter(bench);
    size_t most = vmmp_virtio_net_rx_max(&bench->net);
    assert_int_equal(most, HDR_SIZE + VMMP_VIRTIO_NET_MAX_FRAME);
    assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, most, &iov, &count), -EAGAIN);
    net_bench_leave(bench);
    net_bench_post(bench, NET_RX, 100, 1500, 1);
    virtio_driver_kick(&bench->driver, NET_RX);
    assert_int_equal(bench->ready, 1);
    net_bench_enter(bench);
    for (size_t len = 14; len < 20000; len += 1777) {
        assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, most, &iov, &count), 0);
        net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
        memset(got, 0, HDR_SIZE);
        vmmp_iovec_write(iov, count, 0, got, HDR_SIZE);
        assert_int_equal(vmmp_iovec_write(iov, count, HDR_SIZE, frame, len), len);
        vmmp_virtio_net_rx_commit(&bench->net, 0, HDR_SIZE + len);
        expect_received(bench, frame, len);
        net_bench_post(bench, NET_RX, 14, 1500, 1);
    }
    /* Nothing, a stub, more than there is room for: dropped, the buffers stay. */
    vmmp_virtio_net_rx_commit(&bench->net, 0, 0);
    vmmp_virtio_net_rx_commit(&bench->net, 0, HDR_SIZE + 13);
    vmmp_virtio_net_rx_commit(&bench->net, 0, 1 << 24);
    assert_int_equal(bench->net.stats.rx_dropped, 3);
    net_bench_leave(bench);
    assert_int_equal(net_bench_finished(bench, NET_RX), 0);
}

static void commit_after_a_reset(void **state)
{
    struct net_bench *bench = *state;
    const struct vmmp_iovec *iov;
    unsigned count;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 100, 1500, 1);
    net_bench_enter(bench);
    assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, 9000, &iov, &count), 0);
    net_bench_leave(bench);
    virtio_driver_reset(&bench->driver);
    net_bench_enter(bench);
    vmmp_virtio_net_rx_commit(&bench->net, 0, 9000);
    assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, 9000, &iov, &count), -ENETDOWN);
    net_bench_leave(bench);
    net_bench_start(bench, NET_ALL);
    net_bench_enter(bench);
    vmmp_virtio_net_rx_commit(&bench->net, 0, 9000);
    net_bench_leave(bench);
    assert_int_equal(bench->net.stats.rx_frames, 0);
}

/* ---- Headers that the backend brings (5.1.6.4.1) ---- */

#define TO_GUEST                                                           \
    (NET_BIT(VIRTIO_NET_F_GUEST_CSUM) | NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
     NET_BIT(VIRTIO_NET_F_GUEST_TSO6) | NET_BIT(VIRTIO_NET_F_GUEST_ECN) |  \
     NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6))
#define DATA_VALID 2u /* VIRTIO_NET_HDR_F_DATA_VALID */

/* The frame of 100 bytes behind a header with these fields, given both ways; how often it came. */
static unsigned given_with_header(struct net_bench *bench, uint8_t flags, uint8_t type,
                                  uint8_t flags_seen)
{
    uint8_t all[HDR_SIZE + 100] = { [HDR_FLAGS] = flags, [HDR_GSO_TYPE] = type };
    const struct vmmp_iovec whole = { all, sizeof(all) };
    const struct vmmp_iovec *iov;
    unsigned count;
    unsigned came = 0;
    net_bench_fill(all + HDR_SIZE, 100, net_bench_mac, 3);
    for (unsigned way = 0; way < 2; way++) {
        net_bench_enter(bench);
        if (way == 0) {
            assert_int_equal(vmmp_virtio_net_receive(&bench->net, 0, &whole, 1), 0);
        } else {
            assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, sizeof(all), &iov, &count),
                             0);
            vmmp_iovec_write(iov, count, 0, all, sizeof(all));
            vmmp_virtio_net_rx_commit(&bench->net, 0, sizeof(all));
        }
        net_bench_leave(bench);
        size_t len = net_bench_take(bench, NET_RX, got, sizeof(got));
        if (len > 0) {
            assert_int_equal(len, sizeof(all));
            assert_int_equal(got[HDR_FLAGS], flags_seen);
            assert_int_equal(got[HDR_GSO_TYPE], type);
            assert_memory_equal(got + HDR_SIZE, all + HDR_SIZE, 100);
            came++;
        }
    }
    return came;
}

static const struct header_case {
    uint8_t flags;
    uint8_t type;
    uint64_t needs;
} header_cases[] = {
    { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, NET_BIT(VIRTIO_NET_F_GUEST_TSO4) },
    { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV6, NET_BIT(VIRTIO_NET_F_GUEST_TSO6) },
    { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4, NET_BIT(VIRTIO_NET_F_GUEST_USO4) },
    { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
      NET_BIT(VIRTIO_NET_F_GUEST_ECN) },
    { 0, VIRTIO_NET_HDR_GSO_TCPV4, NET_BIT(VIRTIO_NET_F_GUEST_TSO4) },
};

static void headers_with_what_was_agreed(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 20, 2000, 1);
    for (size_t i = 0; i < sizeof(header_cases) / sizeof(header_cases[0]); i++) {
        const struct header_case *it = &header_cases[i];
        assert_int_equal(given_with_header(bench, it->flags, it->type, it->flags), 2);
    }
    assert_int_equal(given_with_header(bench, DATA_VALID, 0, DATA_VALID), 2);
    assert_int_equal(bench->net.stats.rx_dropped, 0);
}

/* A frame that waited in the backend was made for a driver that had agreed to more. */
static void headers_with_what_was_not_agreed(void **state)
{
    struct net_bench *bench = *state;
    for (size_t i = 0; i < sizeof(header_cases) / sizeof(header_cases[0]); i++) {
        const struct header_case *it = &header_cases[i];
        uint64_t without = it->needs == NET_BIT(VIRTIO_NET_F_GUEST_CSUM) ? TO_GUEST : it->needs;
        if (it->needs == NET_BIT(VIRTIO_NET_F_GUEST_TSO4) ||
            it->needs == NET_BIT(VIRTIO_NET_F_GUEST_TSO6)) {
            without |= NET_BIT(VIRTIO_NET_F_GUEST_ECN);
        }
        virtio_driver_reset(&bench->driver);
        net_bench_start(bench, NET_ALL & ~without);
        net_bench_post(bench, NET_RX, 4, 2000, 1);
        uint64_t dropped = bench->net.stats.rx_dropped;
        assert_int_equal(given_with_header(bench, it->flags, it->type, it->flags), 0);
        assert_int_equal(bench->net.stats.rx_dropped, dropped + 2);
        /* The buffers are good for the next frame. */
        assert_int_equal(given_with_header(bench, 0, 0, 0), 2);
    }
}

/* 5.1.6.4.1: flags are zero for a driver without GUEST_CSUM; the frame is as good as any. */
static void a_checksum_known_to_be_good(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~TO_GUEST);
    net_bench_post(bench, NET_RX, 4, 2000, 1);
    assert_int_equal(given_with_header(bench, DATA_VALID, 0, 0), 2);
    assert_int_equal(bench->net.stats.rx_dropped, 0);
}

static void a_type_that_nobody_knows(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 4, 2000, 1);
    assert_int_equal(given_with_header(bench, VIRTIO_NET_HDR_F_NEEDS_CSUM, 7, 1), 0);
    assert_int_equal(bench->net.stats.rx_dropped, 2);
}

#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, net_teardown)

int test_virtio_net_rx(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_come_in, net_setup),
        TEST(frames_come_in, net_setup_mmio),
        TEST(frames_come_in, net_setup_packed),
        TEST(frames_come_in, net_setup_direct),
        TEST(frames_come_in, net_setup_packed_direct),
        TEST(frames_come_in, net_setup_legacy),
        TEST(frames_come_in, net_setup_offloads),
        TEST(frames_come_in, net_setup_packed_offloads),
        TEST(without_merging, net_setup),
        TEST(without_merging, net_setup_mmio),
        TEST(without_merging, net_setup_packed),
        TEST(without_merging, net_setup_legacy),
        TEST(legacy_headers, net_setup_legacy),
        TEST(merging, net_setup),
        TEST(merging, net_setup_mmio),
        TEST(merging, net_setup_packed),
        TEST(merging, net_setup_direct),
        TEST(merging, net_setup_packed_direct),
        TEST(merging, net_setup_offloads),
        TEST(merging, net_setup_packed_offloads),
        TEST(buffers_too_small_for_a_header, net_setup),
        TEST(buffers_too_small_for_a_header, net_setup_mmio),
        TEST(buffers_too_small_for_a_header, net_setup_packed),
        TEST(buffers_too_small_for_a_header, net_setup_direct),
        TEST(buffers_too_small_for_a_header, net_setup_packed_direct),
        TEST(small_buffers_behind_a_large_one, net_setup),
        TEST(small_buffers_behind_a_large_one, net_setup_direct),
        TEST(small_buffers_behind_a_large_one, net_setup_packed),
        TEST(buffers_of_both_directions, net_setup),
        TEST(buffers_of_both_directions, net_setup_mmio),
        TEST(buffers_of_both_directions, net_setup_packed),
        TEST(no_buffers, net_setup),
        TEST(no_buffers, net_setup_mmio),
        TEST(no_buffers, net_setup_packed),
        TEST(no_buffers, net_setup_direct),
        TEST(no_buffers, net_setup_packed_direct),
        TEST(kicks_are_off_while_there_are_buffers, net_setup),
        TEST(kicks_are_off_while_there_are_buffers, net_setup_mmio),
        TEST(kicks_are_off_while_there_are_buffers, net_setup_packed),
        TEST(received_as_a_batch, net_setup),
        TEST(received_as_a_batch, net_setup_mmio),
        TEST(received_as_a_batch, net_setup_packed),
        TEST(received_as_a_batch, net_setup_direct),
        TEST(received_as_a_batch, net_setup_packed_direct),
        TEST(answers_from_inside_transmit, net_setup),
        TEST(answers_from_inside_transmit, net_setup_mmio),
        TEST(answers_from_inside_transmit, net_setup_packed),
        TEST(answers_from_inside_transmit, net_setup_direct),
        TEST(answers_from_inside_transmit, net_setup_packed_direct),
        TEST(tiny_and_huge_frames_for_the_guest, net_setup),
        TEST(tiny_and_huge_frames_for_the_guest, net_setup_mmio),
        TEST(tiny_and_huge_frames_for_the_guest, net_setup_packed),
        TEST(crumbs, net_setup),
        TEST(crumbs, net_setup_mmio),
        TEST(crumbs, net_setup_packed),
        TEST(reserve_and_commit, net_setup_offloads),
        TEST(reserve_and_commit, net_setup_packed_offloads),
        TEST(commit_after_a_reset, net_setup_offloads),
        TEST(commit_after_a_reset, net_setup_packed_offloads),
        TEST(headers_with_what_was_agreed, net_setup_offloads),
        TEST(headers_with_what_was_agreed, net_setup_packed_offloads),
        TEST(headers_with_what_was_not_agreed, net_setup_offloads),
        TEST(headers_with_what_was_not_agreed, net_setup_packed_offloads),
        TEST(a_checksum_known_to_be_good, net_setup_offloads),
        TEST(a_checksum_known_to_be_good, net_setup_packed_offloads),
        TEST(a_type_that_nobody_knows, net_setup_offloads),
    };
    return cmocka_run_group_tests_name("virtio_net_rx", tests, NULL, NULL);
}
