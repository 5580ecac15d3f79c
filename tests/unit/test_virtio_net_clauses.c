/* SPDX-License-Identifier: BSD-2-Clause */
/* Clauses of virtio-net (virtio 1.2, 5.1) that only unusual clients, backends or drivers come by.
 */
#include "vmmp_test.h"

#include <errno.h>

#include "support/net_bench.h"

int test_virtio_net_clauses(void);

static uint8_t frame[70000];
static uint8_t got[70100];

/* ---- 2.2.2: what is offered has with it what it needs ---- */

/* 5.1.3.1 */
static const struct {
    unsigned feature;
    uint64_t needs;
} needs[] = {
    { VIRTIO_NET_F_GUEST_TSO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_GUEST_TSO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_GUEST_ECN, NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | NET_BIT(VIRTIO_NET_F_GUEST_TSO6) },
    { VIRTIO_NET_F_GUEST_USO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_GUEST_USO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_HOST_TSO4, NET_BIT(VIRTIO_NET_F_CSUM) },
    { VIRTIO_NET_F_HOST_TSO6, NET_BIT(VIRTIO_NET_F_CSUM) },
    { VIRTIO_NET_F_HOST_ECN, NET_BIT(VIRTIO_NET_F_HOST_TSO4) | NET_BIT(VIRTIO_NET_F_HOST_TSO6) },
    { VIRTIO_NET_F_HOST_USO, NET_BIT(VIRTIO_NET_F_CSUM) },
    { VIRTIO_NET_F_CTRL_RX, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
    { VIRTIO_NET_F_CTRL_VLAN, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
    { VIRTIO_NET_F_GUEST_ANNOUNCE, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
    { VIRTIO_NET_F_MQ, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
    { VIRTIO_NET_F_CTRL_MAC_ADDR, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
};

static void features_come_with_their_needs(void **state)
{
    const struct net_bench_options options = { .header = true,
                                               .offloads = NET_OFFLOADS,
                                               .pairs = 2 };
    struct net_bench *bench = net_bench_make(&options);
    const struct virtio_driver_transport *transport = bench->driver.transport;
    uint64_t all = transport->features(bench->driver.device);
    (void)state;
    bench->driver.ordered = false; /* That is one of the features. */
    for (unsigned a = 0; a < 64; a++) {
        for (unsigned b = 0; b <= a; b++) {
            uint64_t off = NET_BIT(a) | NET_BIT(b);
            bench->net.virtio.features_off = off;
            uint64_t offered = transport->features(bench->driver.device);
            assert_false(offered & ~(all & ~off));
            for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
                bool there = (offered & NET_BIT(needs[i].feature)) != 0;
                if (there && !(offered & needs[i].needs)) {
                    fail_msg("%u is offered with %u and %u off", needs[i].feature, a, b);
                }
                /* Nothing goes without a reason: what it needs lacks something else at most. */
                bool off_itself = (off & NET_BIT(needs[i].feature)) != 0;
                assert_true(there || off_itself || (offered & needs[i].needs) != needs[i].needs);
            }
            assert_true(!(offered & NET_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA)) ||
                        (offered & NET_BIT(VIRTIO_NET_F_CTRL_VQ)));
            /* A driver that takes all of it is accepted. */
            assert_true(!(offered & NET_BIT(VIRTIO_F_VERSION_1)) ||
                        virtio_driver_negotiate(&bench->driver, offered));
        }
    }
    net_bench_unmake(bench);
}

/* ---- 5.1.4.1, 5.1.6.4.1: headers that the backend brings ---- */

#define TO_GUEST                                                           \
    (NET_BIT(VIRTIO_NET_F_GUEST_CSUM) | NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
     NET_BIT(VIRTIO_NET_F_GUEST_TSO6) | NET_BIT(VIRTIO_NET_F_GUEST_ECN) |  \
     NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6))

/* A frame of `len` bytes behind that header, given with a copy or without. How much of it came. */
static size_t give(struct net_bench *bench, const uint8_t *head, size_t len, bool copied)
{
    const struct vmmp_iovec whole = { frame, HDR_SIZE + len };
    const struct vmmp_iovec *iov;
    unsigned count;
    net_bench_fill(frame + HDR_SIZE, len, net_bench_mac, 3);
    memcpy(frame, head, HDR_SIZE);
    net_bench_enter(bench);
    if (copied) {
        assert_int_equal(vmmp_virtio_net_receive(&bench->net, 0, &whole, 1), 0);
    } else {
        assert_int_equal(vmmp_virtio_net_rx_reserve(&bench->net, 0, HDR_SIZE + len, &iov, &count),
                         0);
        vmmp_iovec_write(iov, count, 0, frame, HDR_SIZE + len);
        vmmp_virtio_net_rx_commit(&bench->net, 0, HDR_SIZE + len);
    }
    net_bench_leave(bench);
    return net_bench_take(bench, NET_RX, got, sizeof(got));
}

static void whole_frames_keep_to_the_mtu(void **state)
{
    const struct net_bench_options options = { .header = true,
                                               .offloads = NET_OFFLOADS,
                                               .mtu = 1500 };
    static const uint8_t plain[HDR_SIZE] = { 0 };
    static const uint8_t ecn[HDR_SIZE] = { 0, VIRTIO_NET_HDR_GSO_ECN };
    static const uint8_t segments[HDR_SIZE] = { 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 0, 100, 0, 34 };
    const size_t longest = 1500 + ETH_HEADER + ETH_TAGS;
    struct net_bench *bench = net_bench_make(&options);
    (void)state;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 100, 2000, 1);
    for (unsigned copied = 0; copied < 2; copied++) {
        uint64_t dropped = bench->net.stats.rx_dropped;
        assert_int_equal(give(bench, plain, longest, copied), HDR_SIZE + longest);
        assert_int_equal(give(bench, plain, longest + 1, copied), 0);
        assert_int_equal(give(bench, ecn, longest + 1, copied), 0);
        assert_int_equal(give(bench, segments, longest + 1, copied), HDR_SIZE + longest + 1);
        assert_int_equal(bench->net.stats.rx_dropped, dropped + 2);
    }
    net_bench_unmake(bench);
}

/* Among them VIRTIO_NET_HDR_F_RSC_INFO, whose feature is not offered. */
static void flags_that_nobody_knows(void **state)
{
    struct net_bench *bench = *state;
    for (unsigned agreed = 0; agreed < 2; agreed++) {
        virtio_driver_reset(&bench->driver);
        net_bench_start(bench, agreed ? NET_ALL : NET_ALL & ~TO_GUEST);
        net_bench_post(bench, NET_RX, 100, 2000, 1);
        for (unsigned flags = 0; flags < 256; flags++) {
            const uint8_t head[HDR_SIZE] = { (uint8_t)flags };
            bool good = agreed || !(flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
            net_bench_post(bench, NET_RX, good, 2000, 1);
            assert_int_equal(give(bench, head, 100, flags & 8), good ? HDR_SIZE + 100 : 0);
            assert_true(!good || got[HDR_FLAGS] == (agreed ? flags & 3 : 0));
        }
    }
}

/* What kinds of segments a driver gets: those that it agreed to, never UFO, nothing unknown. */
static void only_types_that_were_agreed(void **state)
{
    struct net_bench *bench = *state;
    for (unsigned agreed = 0; agreed < 2; agreed++) {
        virtio_driver_reset(&bench->driver);
        net_bench_start(bench, agreed ? NET_ALL
                                      : (NET_ALL & ~TO_GUEST) | NET_BIT(VIRTIO_NET_F_GUEST_CSUM));
        net_bench_post(bench, NET_RX, 100, 2000, 1);
        for (unsigned type = 0; type < 256; type++) {
            const uint8_t head[HDR_SIZE] = { 1, (uint8_t)type, 54, 0, 100, 0, 34, 0, 16 };
            unsigned kind = type & 0x7f;
            bool good = kind == 0 || kind == 1 || kind == 4 || kind == 5;
            good = agreed ? good : type == 0;
            net_bench_post(bench, NET_RX, good, 2000, 1);
            assert_int_equal(give(bench, head, 100, type & 8), good ? HDR_SIZE + 100 : 0);
            assert_true(!good || got[HDR_GSO_TYPE] == type);
        }
    }
}

/* ---- 5.1.6.2.2: what a driver says of its headers' length ---- */

/* Without NEEDS_CSUM they have no meaning. */
static void offsets_of_no_checksum(void **state)
{
    static const uint8_t head[HDR_SIZE] = { 0xfe, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t zeroes[HDR_SIZE];
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 1000, net_bench_mac, 1);
    net_bench_send(bench, NET_TX, head, frame, 1000, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(bench->frames, 1);
    assert_memory_equal(bench->last, zeroes, HDR_SIZE);
    assert_memory_equal(bench->last + HDR_SIZE, frame, 1000);
}

static void a_header_length_that_lies(void **state)
{
    static const unsigned lengths[] = { 0, 1, 54, 999, 1000, 1001, 0xffff };
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 1000, net_bench_mac, 1);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const uint8_t head[HDR_SIZE] = {
            1, 1, (uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8), 100, 0, 34, 0, 16
        };
        unsigned frames = bench->frames;
        net_bench_send(bench, NET_TX, head, frame, 1000, 1);
        virtio_driver_kick(&bench->driver, NET_TX);
        assert_int_equal(bench->frames, frames + 1);
        unsigned told = lengths[i] < 1000 ? lengths[i] : 1000;
        assert_int_equal(net_le16(bench->last + HDR_HDR_LEN), told);
        assert_memory_equal(bench->last + HDR_SIZE, frame, 1000);
    }
    assert_int_equal(bench->net.stats.tx_malformed, 0);
}

/* ---- 2.7.5.1, 5.1.6.3.2: buffers without room ---- */

/* One that holds nothing, after one that was given back: that one is the driver's again. */
static void an_empty_buffer_after_another(void **state)
{
    struct net_bench *bench = *state;
    const struct virtio_driver_buffer old = { bench->buffers + 0x100000, 2000, true };
    const struct virtio_driver_buffer empty = { bench->buffers + 0x110000, 0, true };
    const struct virtio_driver_buffer next = { bench->buffers + 0x120000, 2000, true };
    uint8_t *first = virtio_driver_at(&bench->driver, old.gpa, old.len);
    size_t header;
    uint32_t id;
    uint32_t len;
    net_bench_start(bench, NET_ALL);
    header = net_bench_header(bench);
    net_bench_fill(frame, 100, net_bench_mac, 5);
    virtio_driver_add(&bench->driver, NET_RX, &old, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    assert_int_equal(net_bench_finished(bench, NET_RX), 1);
    memset(first, 0xee, old.len);
    virtio_driver_add(&bench->driver, NET_RX, &empty, 1);
    virtio_driver_add(&bench->driver, NET_RX, &next, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    for (uint32_t i = 0; i < old.len; i++) {
        assert_int_equal(first[i], 0xee);
    }
    assert_true(virtio_driver_used(&bench->driver, NET_RX, &id, &len));
    assert_int_equal(len, 0);
    assert_true(virtio_driver_used(&bench->driver, NET_RX, &id, &len));
    assert_int_equal(len, header + 100);
    assert_memory_equal(virtio_driver_at(&bench->driver, next.gpa + header, 100), frame, 100);
}

/* ---- 5.1.6.5.6.2: queues in use ---- */

static int set_pairs(struct net_bench *bench, uint8_t pairs)
{
    const uint8_t data[2] = { pairs, 0 };
    return net_bench_control(bench, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, data, 2);
}

/* How many of a frame for each of two pairs came. */
static unsigned received_by(struct net_bench *bench, unsigned pair)
{
    net_bench_fill(frame, 100, net_bench_mac, 1);
    assert_int_equal(net_bench_receive(bench, pair, frame, 100), 0);
    return net_bench_finished(bench, 2 * pair);
}

static void frames_for_pairs_that_are_not_in_use(void **state)
{
    const struct net_bench_options options = { .pairs = 2 };
    struct net_bench *bench = net_bench_make(&options);
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        net_bench_start(bench, NET_ALL);
        for (unsigned pair = 0; pair < 2; pair++) {
            net_bench_post(bench, 2 * pair, 8, 2000, 1);
        }
        assert_int_equal(received_by(bench, 0), 1);
        assert_int_equal(received_by(bench, 1), 0);
        assert_int_equal(set_pairs(bench, 2), VIRTIO_NET_OK);
        assert_int_equal(received_by(bench, 0), 1);
        assert_int_equal(received_by(bench, 1), 1);
        assert_int_equal(set_pairs(bench, 1), VIRTIO_NET_OK);
        assert_int_equal(received_by(bench, 0), 1);
        assert_int_equal(received_by(bench, 1), 0);
        /* The next driver begins with one pair again. */
        assert_int_equal(set_pairs(bench, 2), VIRTIO_NET_OK);
        virtio_driver_reset(&bench->driver);
        bench->driver.next_gpa = bench->buffers + 0x180000;
    }
    net_bench_unmake(bench);
}

/* ---- 5.1.6.5.2.1: the table of addresses ---- */

static bool passes(struct net_bench *bench, const uint8_t *to)
{
    net_bench_fill(frame, 100, to, 1);
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    return net_bench_finished(bench, NET_RX) > 0;
}

static void the_table_ends_with_its_driver(void **state)
{
    /* One address of each kind. */
    static const uint8_t table[] = { 1, 0, 0, 0, 2, 9, 9, 9, 9, 9, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9 };
    static const uint8_t off = 0;
    struct net_bench *bench = *state;
    for (unsigned round = 0; round < 2; round++) {
        net_bench_start(bench, NET_ALL);
        assert_int_equal(
            net_bench_control(bench, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &off, 1),
            VIRTIO_NET_OK);
        assert_false(passes(bench, table + 4));
        assert_false(passes(bench, table + 14));
        assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_MAC,
                                           VIRTIO_NET_CTRL_MAC_TABLE_SET, table, sizeof(table)),
                         VIRTIO_NET_OK);
        assert_true(passes(bench, table + 4));
        assert_true(passes(bench, table + 14));
        virtio_driver_reset(&bench->driver);
    }
}

/* ---- 4.1.4.3.1: a new generation for what the driver's own commands change ---- */

/* What its driver does with the generation: reads it, then the configuration. */
static uint8_t look(struct net_bench *bench)
{
    uint8_t generation = vmmp_virtio_config_generation(&bench->net.virtio);
    for (uint32_t i = 0; i < CONFIG_SIZE; i++) {
        got[i] = (uint8_t)bench->driver.transport->config_read(bench->driver.device, i, 1);
    }
    return generation;
}

static void commands_that_change_the_configuration(void **state)
{
    static const uint8_t other[ETH_ADDRESS] = { 2, 9, 9, 9, 9, 9 };
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    uint8_t before = look(bench);
    assert_int_equal(look(bench), before);
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
                                       other, sizeof(other)),
                     VIRTIO_NET_OK);
    uint8_t after = look(bench);
    assert_int_not_equal(after, before);
    assert_memory_equal(got, other, sizeof(other));

    net_bench_enter(bench);
    vmmp_virtio_net_announce(&bench->net);
    net_bench_leave(bench);
    before = look(bench);
    assert_int_not_equal(before, after);
    assert_true(got[CONFIG_STATUS] & VIRTIO_NET_S_ANNOUNCE);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0),
        VIRTIO_NET_OK);
    after = look(bench);
    assert_int_not_equal(after, before);
    assert_false(got[CONFIG_STATUS] & VIRTIO_NET_S_ANNOUNCE);

    /* The address is the old one again. */
    virtio_driver_reset(&bench->driver);
    assert_int_not_equal(look(bench), after);
    assert_memory_equal(got, net_bench_mac, ETH_ADDRESS);
}

int test_virtio_net_clauses(void)
{
#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, net_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_come_with_their_needs),
        cmocka_unit_test(whole_frames_keep_to_the_mtu),
        TEST(flags_that_nobody_knows, net_setup_offloads),
        TEST(flags_that_nobody_knows, net_setup_packed_offloads),
        TEST(only_types_that_were_agreed, net_setup_offloads),
        TEST(only_types_that_were_agreed, net_setup_packed_offloads),
        TEST(offsets_of_no_checksum, net_setup_offloads),
        TEST(offsets_of_no_checksum, net_setup_packed_offloads),
        TEST(a_header_length_that_lies, net_setup_offloads),
        TEST(a_header_length_that_lies, net_setup_packed_offloads),
        TEST(an_empty_buffer_after_another, net_setup),
        TEST(an_empty_buffer_after_another, net_setup_mmio),
        TEST(an_empty_buffer_after_another, net_setup_packed),
        TEST(an_empty_buffer_after_another, net_setup_offloads),
        cmocka_unit_test(frames_for_pairs_that_are_not_in_use),
        TEST(the_table_ends_with_its_driver, net_setup),
        TEST(the_table_ends_with_its_driver, net_setup_mmio),
        TEST(the_table_ends_with_its_driver, net_setup_packed),
        TEST(commands_that_change_the_configuration, net_setup),
        TEST(commands_that_change_the_configuration, net_setup_mmio),
        TEST(commands_that_change_the_configuration, net_setup_packed),
    };
#undef TEST
    return cmocka_run_group_tests_name("virtio_net_clauses", tests, NULL, NULL);
}
