/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net (virtio 1.2, 5.1): configuration, the control queue, filters, several queues. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/net_bench.h"

int test_virtio_net_ctrl(void);

static uint8_t frame[2000];
static uint8_t got[3000];
static const uint8_t other[6] = { 0x02, 0, 0, 0, 0, 9 };
static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static int make(void **state, const struct net_bench_options *options)
{
    *state = net_bench_make(options);
    return 0;
}

static int setup(void **state)
{
    return make(state, &(struct net_bench_options){ .mtu = 1400 });
}

static int setup_mmio(void **state)
{
    return make(state, &(struct net_bench_options){ .mmio = true, .mtu = 1400 });
}

static int setup_packed(void **state)
{
    return make(state, &(struct net_bench_options){ .packed = true, .mtu = 1400 });
}

static int setup_pairs(void **state)
{
    return make(state, &(struct net_bench_options){ .pairs = 2 });
}

static int setup_packed_pairs(void **state)
{
    return make(state, &(struct net_bench_options){ .packed = true, .pairs = 2 });
}

static int flag(struct net_bench *bench, uint8_t what, uint8_t value)
{
    return net_bench_control(bench, VIRTIO_NET_CTRL_RX, what, &value, 1);
}

/* Whether a frame to `to` gets through to the guest. */
static bool passes(struct net_bench *bench, const uint8_t *to)
{
    net_bench_fill(frame, 100, to, 1);
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    return net_bench_take(bench, NET_RX, got, sizeof(got)) > 0;
}

static bool tagged_passes(struct net_bench *bench, unsigned vlan)
{
    net_bench_fill(frame, 100, net_bench_mac, 1);
    frame[12] = 0x81;
    frame[13] = 0;
    frame[14] = (uint8_t)(0xe0 | vlan >> 8);
    frame[15] = (uint8_t)vlan;
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 100), 0);
    return net_bench_take(bench, NET_RX, got, sizeof(got)) > 0;
}

static uint64_t config(struct net_bench *bench, uint32_t offset, unsigned size)
{
    return bench->driver.transport->config_read(bench->driver.device, offset, size);
}

/* ---- Configuration ---- */

static void what_the_driver_reads(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(config(bench, i, 1), net_bench_mac[i]);
    }
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP);
    assert_int_equal(config(bench, CONFIG_MAX_PAIRS, 2), 1);
    assert_int_equal(config(bench, CONFIG_MTU, 2), 1400);
    assert_int_equal(config(bench, CONFIG_MTU, 4), 0xffff0578);
    assert_int_equal(config(bench, 0, 4), 0x33221102);
}

static void features_fit_the_backend(void **state)
{
    struct net_bench *bench = *state;
    uint64_t offered = bench->driver.transport->features(bench->driver.device);
    uint64_t offloads = NET_BIT(VIRTIO_NET_F_CSUM) | NET_BIT(VIRTIO_NET_F_GUEST_CSUM) |
                        NET_BIT(VIRTIO_NET_F_HOST_TSO4) | NET_BIT(VIRTIO_NET_F_HOST_TSO6) |
                        NET_BIT(VIRTIO_NET_F_HOST_USO) | NET_BIT(VIRTIO_NET_F_GUEST_USO4) |
                        NET_BIT(VIRTIO_NET_F_GUEST_USO6) | NET_BIT(VIRTIO_NET_F_HOST_ECN) |
                        NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | NET_BIT(VIRTIO_NET_F_GUEST_TSO6) |
                        NET_BIT(VIRTIO_NET_F_GUEST_ECN);
    assert_int_equal(offered & offloads, bench->net.backend.offloads ? offloads : 0);
    assert_int_equal(!!(offered & NET_BIT(VIRTIO_NET_F_MQ)), bench->net.max_pairs > 1);
    assert_int_equal(!!(offered & NET_BIT(VIRTIO_NET_F_MTU)), bench->net.has_mtu);
    assert_true(offered & NET_BIT(VIRTIO_NET_F_MAC));
    assert_true(offered & NET_BIT(VIRTIO_NET_F_MRG_RXBUF));
}

/* 5.1.3.1: what a feature needs has to come along. */
static void features_that_lack_others(void **state)
{
    static const unsigned alone[] = {
        VIRTIO_NET_F_GUEST_TSO4,    VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
        VIRTIO_NET_F_HOST_TSO4,     VIRTIO_NET_F_HOST_TSO6,  VIRTIO_NET_F_HOST_ECN,
        VIRTIO_NET_F_HOST_USO,      VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_USO6,
        VIRTIO_NET_F_CTRL_RX,       VIRTIO_NET_F_CTRL_VLAN,  VIRTIO_NET_F_GUEST_ANNOUNCE,
        VIRTIO_NET_F_CTRL_MAC_ADDR,
    };
    struct net_bench *bench = *state;
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        assert_false(virtio_driver_negotiate(&bench->driver,
                                             NET_BIT(VIRTIO_F_VERSION_1) | NET_BIT(alone[i])));
    }
    assert_true(virtio_driver_negotiate(&bench->driver, NET_BIT(VIRTIO_F_VERSION_1)));
    assert_true(virtio_driver_negotiate(&bench->driver, NET_ALL));
}

static void offloads_towards_the_guest(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_GUEST_TSO6));
    assert_int_equal(bench->state.to_guest, NET_OFFLOADS & ~VMMP_VIRTIO_NET_TSO6);
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_GUEST_USO6));
    assert_int_equal(bench->state.to_guest, NET_OFFLOADS & ~VMMP_VIRTIO_NET_USO);
    net_bench_start(bench, NET_BIT(VIRTIO_F_VERSION_1));
    assert_int_equal(bench->state.to_guest, 0);
}

static void the_link(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_fill(frame, 100, net_bench_mac, 1);
    net_bench_enter(bench);
    vmmp_virtio_net_set_link(&bench->net, false);
    vmmp_virtio_net_set_link(&bench->net, false);
    net_bench_leave(bench);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), 0);
    assert_false(passes(bench, net_bench_mac));
    net_bench_send(bench, NET_TX, NULL, frame, 100, 1);
    virtio_driver_kick(&bench->driver, NET_TX);
    assert_int_equal(net_bench_finished(bench, NET_TX), 1);
    assert_int_equal(bench->frames, 0);
    assert_int_equal(bench->net.stats.tx_no_link, 1);
    net_bench_enter(bench);
    vmmp_virtio_net_set_link(&bench->net, true);
    net_bench_leave(bench);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP);
    assert_true(passes(bench, net_bench_mac));
}

static void the_mtu(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_enter(bench);
    assert_int_equal(vmmp_virtio_net_set_mtu(&bench->net, 67), -EINVAL);
    assert_int_equal(vmmp_virtio_net_set_mtu(&bench->net, 0), -EINVAL);
    assert_int_equal(vmmp_virtio_net_set_mtu(&bench->net, 1000), 0);
    net_bench_leave(bench);
    assert_int_equal(config(bench, CONFIG_MTU, 2), 1000);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(vmmp_virtio_net_rx_max(&bench->net), 12 + 1000 + 22);
    net_bench_fill(frame, 1500, net_bench_mac, 1);
    net_bench_post(bench, NET_RX, 1, 2000, 1);
    assert_int_equal(net_bench_receive(bench, 0, frame, 1023), 0);
    assert_int_equal(net_bench_finished(bench, NET_RX), 0);
    assert_int_equal(net_bench_receive(bench, 0, frame, 1022), 0);
    assert_int_equal(net_bench_finished(bench, NET_RX), 1);
}

static void the_address_of_legacy_drivers(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR));
    for (unsigned i = 0; i < 6; i++) {
        bench->driver.transport->config_write(bench->driver.device, i, 1, other[i]);
    }
    bench->driver.transport->config_write(bench->driver.device, CONFIG_STATUS, 2, 0xffff);
    assert_memory_equal(bench->net.mac, other, 6);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP);
    virtio_driver_reset(&bench->driver);
    assert_memory_equal(bench->net.mac, net_bench_mac, 6);
}

static void the_address_is_read_only_for_others(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    bench->driver.transport->config_write(bench->driver.device, 0, 4, 0);
    assert_memory_equal(bench->net.mac, net_bench_mac, 6);
}

static void announcing(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    net_bench_enter(bench);
    vmmp_virtio_net_announce(&bench->net);
    net_bench_leave(bench);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_ANNOUNCE, 1, NULL, 0),
                     VIRTIO_NET_ERR);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0),
        VIRTIO_NET_OK);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP);
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE));
    net_bench_enter(bench);
    vmmp_virtio_net_announce(&bench->net);
    net_bench_leave(bench);
    assert_int_equal(config(bench, CONFIG_STATUS, 2), VIRTIO_NET_S_LINK_UP);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0),
        VIRTIO_NET_ERR);
}

/* ---- Filters ---- */

static void everything_until_the_driver_says(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    assert_true(passes(bench, net_bench_mac));
    assert_true(passes(bench, other));
    assert_true(passes(bench, group));
    assert_true(tagged_passes(bench, 7));
}

static void receive_modes(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    assert_int_equal(flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
    assert_true(passes(bench, net_bench_mac));
    assert_true(passes(bench, broadcast));
    assert_false(passes(bench, other));
    assert_false(passes(bench, group));
    assert_int_equal(bench->net.stats.rx_filtered, 2);
    flag(bench, VIRTIO_NET_CTRL_RX_ALLMULTI, 1);
    assert_true(passes(bench, group));
    flag(bench, VIRTIO_NET_CTRL_RX_NOMULTI, 1);
    assert_false(passes(bench, group));
    assert_true(passes(bench, broadcast));
    flag(bench, VIRTIO_NET_CTRL_RX_ALLUNI, 1);
    assert_true(passes(bench, other));
    flag(bench, VIRTIO_NET_CTRL_RX_NOUNI, 1);
    assert_false(passes(bench, net_bench_mac));
    flag(bench, VIRTIO_NET_CTRL_RX_NOBCAST, 1);
    assert_false(passes(bench, broadcast));
    assert_int_equal(flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 1), VIRTIO_NET_OK);
    assert_true(passes(bench, group));
    assert_int_equal(flag(bench, 6, 1), VIRTIO_NET_ERR);
    virtio_driver_reset(&bench->driver);
    net_bench_start(bench, NET_ALL);
    assert_true(passes(bench, other)); /* A new driver starts anew. */
}

static size_t table(uint8_t *to, unsigned unicast, unsigned multicast, const uint8_t *last)
{
    unsigned counts[2] = { unicast, multicast };
    size_t at = 0;
    for (unsigned list = 0; list < 2; list++) {
        const uint8_t count[4] = { (uint8_t)counts[list], (uint8_t)(counts[list] >> 8) };
        memcpy(to + at, count, 4);
        at += 4;
        for (unsigned i = 0; i < counts[list]; i++, at += 6) {
            const uint8_t address[6] = { list ? 1 : 2, 0, 0, 7, (uint8_t)(i >> 8), (uint8_t)i };
            memcpy(to + at, i + 1 == counts[list] ? last + 6 * list : address, 6);
        }
    }
    return at;
}

static void address_tables(void **state)
{
    uint8_t data[2000];
    uint8_t last[12];
    const uint8_t decoy[12] = { 2, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1 };
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    memcpy(last, other, 6);
    memcpy(last + 6, group, 6);
    flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0);
    for (unsigned count = 1; count <= VMMP_VIRTIO_NET_FILTERS; count += 21) {
        size_t len = table(data, count, count, last);
        assert_int_equal(
            net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data, len),
            VIRTIO_NET_OK);
        assert_true(passes(bench, other));
        assert_true(passes(bench, group));
        assert_false(passes(bench, (const uint8_t[]){ 2, 0, 0, 7, 0, 99 }));
        assert_false(passes(bench, (const uint8_t[]){ 1, 0, 0, 7, 0, 99 }));
        assert_true(passes(bench, net_bench_mac));
        /* Anything that does not add up changes nothing. */
        size_t bad = table(data, 1, 1, decoy);
        for (size_t cut = 0; cut < bad; cut++) {
            assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_MAC,
                                               VIRTIO_NET_CTRL_MAC_TABLE_SET, data, cut),
                             VIRTIO_NET_ERR);
        }
        assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_MAC,
                                           VIRTIO_NET_CTRL_MAC_TABLE_SET, data, bad + 1),
                         VIRTIO_NET_ERR);
        assert_true(passes(bench, other));
    }
    /* More than there is room for: all of that kind. */
    size_t len = table(data, VMMP_VIRTIO_NET_FILTERS + 1, 0, last);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data, len),
        VIRTIO_NET_OK);
    assert_true(passes(bench, (const uint8_t[]){ 2, 0, 0, 9, 9, 99 }));
    assert_false(passes(bench, group));
    memset(data, 0xff, 8);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data, 8),
        VIRTIO_NET_ERR);
}

static void a_new_address(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6),
        VIRTIO_NET_OK);
    assert_true(passes(bench, other));
    assert_false(passes(bench, net_bench_mac));
    assert_int_equal(config(bench, 0, 1), other[0]);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6),
        VIRTIO_NET_ERR);
    assert_int_equal(
        net_bench_control(bench, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 5),
        VIRTIO_NET_ERR);
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_MAC, 2, other, 6), VIRTIO_NET_ERR);
}

static void vlans(void **state)
{
    static const uint16_t edges[] = { 0, 31, 32, 4095 };
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0);
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t id[2] = { (uint8_t)edges[i], (uint8_t)(edges[i] >> 8) };
        assert_false(tagged_passes(bench, edges[i]));
        assert_int_equal(
            net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, id, 2),
            VIRTIO_NET_OK);
        assert_true(tagged_passes(bench, edges[i]));
        assert_true(passes(bench, net_bench_mac));
        assert_int_equal(
            net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, id, 2),
            VIRTIO_NET_OK);
        assert_false(tagged_passes(bench, edges[i]));
    }
    const uint8_t much[2] = { 0, 0x10 };
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, 0, much, 2), VIRTIO_NET_ERR);
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, 2, edges, 2), VIRTIO_NET_ERR);
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, 0, edges, 1), VIRTIO_NET_ERR);
    /* Drivers that do not filter VLANs see all of them. */
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_CTRL_VLAN));
    flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0);
    assert_true(tagged_passes(bench, 5));
    assert_int_equal(net_bench_control(bench, VIRTIO_NET_CTRL_VLAN, 0, edges, 2), VIRTIO_NET_ERR);
}

/* ---- Commands that are none ---- */

static void unknown_commands(void **state)
{
    struct net_bench *bench = *state;
    uint8_t data[8] = { 1 };
    net_bench_start(bench, NET_ALL);
    for (unsigned class = 0; class < 256; class ++) {
        assert_int_equal(net_bench_control(bench, (uint8_t) class, 200, data, class % 9),
                         VIRTIO_NET_ERR);
    }
    assert_int_equal(flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
}

static void features_not_negotiated(void **state)
{
    struct net_bench *bench = *state;
    uint8_t data[8] = { 1 };
    net_bench_start(bench, NET_BIT(VIRTIO_F_VERSION_1) | NET_BIT(VIRTIO_NET_F_CTRL_VQ));
    for (uint8_t class = 0; class < 6; class ++) {
        for (uint8_t command = 0; command < 7; command++) {
            for (size_t len = 0; len <= 8; len++) {
                assert_int_equal(net_bench_control(bench, class, command, data, len),
                                 VIRTIO_NET_ERR);
            }
        }
    }
    assert_true(bench->net.filter.promiscuous);
}

static void half_a_command(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    uint8_t *host = virtio_driver_at(&bench->driver, bench->buffers, 16);
    for (uint32_t len = 0; len < 2; len++) {
        const struct virtio_driver_buffer buffers[] = { { bench->buffers, len, false },
                                                        { bench->buffers + 8, 2, true } };
        host[8] = host[9] = 0xee;
        virtio_driver_add(&bench->driver, 2, buffers, 2);
        virtio_driver_kick(&bench->driver, 2);
        assert_int_equal(net_bench_finished(bench, 2), 1);
        assert_int_equal(host[8], VIRTIO_NET_ERR);
        assert_int_equal(host[9], 0xee);
    }
}

static void a_command_without_room_for_an_answer(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    const struct virtio_driver_buffer buffer = { bench->buffers, 3, false };
    virtio_driver_add(&bench->driver, 2, &buffer, 1);
    virtio_driver_kick(&bench->driver, 2);
    assert_true(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    net_bench_start(bench, NET_ALL);
    assert_int_equal(flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 1), VIRTIO_NET_OK);
}

static void no_control_queue(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_BIT(VIRTIO_F_VERSION_1));
    uint8_t value = 0;
    assert_int_equal(net_bench_control(bench, 0, 0, &value, 1), -1);
    assert_true(bench->net.filter.promiscuous);
}

/* ---- Several queues ---- */

static int set_pairs(struct net_bench *bench, uint16_t pairs)
{
    const uint8_t data[2] = { (uint8_t)pairs, (uint8_t)(pairs >> 8) };
    return net_bench_control(bench, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, data, 2);
}

static void pairs_of_queues(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    assert_int_equal(config(bench, CONFIG_MAX_PAIRS, 2), 2);
    assert_int_equal(bench->state.pairs, 1);
    assert_int_equal(set_pairs(bench, 2), VIRTIO_NET_OK);
    assert_int_equal(bench->state.pairs, 2);
    net_bench_fill(frame, 100, net_bench_mac, 1);
    for (unsigned pair = 0; pair < 2; pair++) {
        net_bench_send(bench, 2 * pair + 1, NULL, frame, 100, 1);
        virtio_driver_kick(&bench->driver, 2 * pair + 1);
        assert_int_equal(bench->frames, pair + 1);
        assert_int_equal(bench->pairs[pair], pair);
        net_bench_post(bench, 2 * pair, 1, 2000, 1);
        assert_int_equal(net_bench_receive(bench, pair, frame, 100), 0);
        assert_int_equal(net_bench_take(bench, 2 * pair, got, sizeof(got)), 112);
        assert_int_equal(net_bench_receive(bench, pair, frame, 100), -EAGAIN);
        net_bench_post(bench, 2 * pair, 1, 2000, 1);
        virtio_driver_kick(&bench->driver, 2 * pair);
        assert_int_equal(bench->ready, pair + 1);
        assert_int_equal(bench->ready_pair, pair);
    }
    assert_int_equal(set_pairs(bench, 0), VIRTIO_NET_ERR);
    assert_int_equal(set_pairs(bench, 3), VIRTIO_NET_ERR);
    assert_int_equal(set_pairs(bench, 0xffff), VIRTIO_NET_ERR);
    assert_int_equal(bench->state.pairs, 2);
    assert_int_equal(set_pairs(bench, 1), VIRTIO_NET_OK);
    assert_int_equal(bench->state.pairs, 1);
    virtio_driver_reset(&bench->driver);
    assert_false(bench->state.live);
}

/* While frames are held for both pairs. */
static void pairs_change_while_running(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL);
    assert_int_equal(set_pairs(bench, 2), VIRTIO_NET_OK);
    net_bench_fill(frame, 100, net_bench_mac, 1);
    bench->room = 0;
    for (unsigned pair = 0; pair < 2; pair++) {
        net_bench_send(bench, 2 * pair + 1, NULL, frame, 100, 1);
        virtio_driver_kick(&bench->driver, 2 * pair + 1);
    }
    assert_int_equal(set_pairs(bench, 1), VIRTIO_NET_OK);
    bench->room = UINT32_MAX;
    net_bench_enter(bench);
    vmmp_virtio_net_writable(&bench->net);
    net_bench_leave(bench);
    assert_int_equal(bench->frames, 2);
    assert_int_equal(net_bench_finished(bench, 1), 1);
    assert_int_equal(net_bench_finished(bench, 3), 1);
}

/* Without MQ the control queue is queue 2, whatever it would be with it (5.1.2). */
static void one_pair_of_two(void **state)
{
    struct net_bench *bench = *state;
    net_bench_start(bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_MQ));
    assert_int_equal(flag(bench, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
    assert_false(bench->net.filter.promiscuous);
    assert_int_equal(set_pairs(bench, 2), VIRTIO_NET_ERR);
    /* Kicks of the queues that are not used do nothing. */
    for (unsigned queue = 3; queue < 5; queue++) {
        net_bench_send(bench, queue, NULL, frame, 100, 1);
        virtio_driver_kick(&bench->driver, queue);
        assert_int_equal(net_bench_finished(bench, queue), 0);
    }
    assert_int_equal(bench->frames, 0);
}

#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, net_teardown)

int test_virtio_net_ctrl(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_driver_reads, setup),
        TEST(what_the_driver_reads, setup_mmio),
        TEST(what_the_driver_reads, setup_packed),
        TEST(features_fit_the_backend, setup),
        TEST(features_fit_the_backend, setup_mmio),
        TEST(features_fit_the_backend, setup_packed),
        TEST(features_fit_the_backend, setup_pairs),
        TEST(features_fit_the_backend, setup_packed_pairs),
        TEST(features_fit_the_backend, net_setup_offloads),
        TEST(features_fit_the_backend, net_setup_packed_offloads),
        TEST(features_that_lack_others, net_setup_offloads),
        TEST(features_that_lack_others, net_setup_packed_offloads),
        TEST(offloads_towards_the_guest, net_setup_offloads),
        TEST(offloads_towards_the_guest, net_setup_packed_offloads),
        TEST(the_link, setup),
        TEST(the_link, setup_mmio),
        TEST(the_link, setup_packed),
        TEST(the_link, net_setup_direct),
        TEST(the_mtu, setup),
        TEST(the_mtu, setup_mmio),
        TEST(the_mtu, setup_packed),
        TEST(the_address_of_legacy_drivers, net_setup_legacy),
        TEST(the_address_is_read_only_for_others, setup),
        TEST(the_address_is_read_only_for_others, setup_mmio),
        TEST(the_address_is_read_only_for_others, setup_packed),
        TEST(announcing, setup),
        TEST(announcing, setup_mmio),
        TEST(announcing, setup_packed),
        TEST(everything_until_the_driver_says, setup),
        TEST(everything_until_the_driver_says, setup_mmio),
        TEST(everything_until_the_driver_says, setup_packed),
        TEST(receive_modes, setup),
        TEST(receive_modes, setup_mmio),
        TEST(receive_modes, setup_packed),
        TEST(receive_modes, net_setup_legacy),
        TEST(address_tables, setup),
        TEST(address_tables, setup_mmio),
        TEST(address_tables, setup_packed),
        TEST(a_new_address, setup),
        TEST(a_new_address, setup_mmio),
        TEST(a_new_address, setup_packed),
        TEST(vlans, setup),
        TEST(vlans, setup_mmio),
        TEST(vlans, setup_packed),
        TEST(unknown_commands, setup),
        TEST(unknown_commands, setup_mmio),
        TEST(unknown_commands, setup_packed),
        TEST(features_not_negotiated, setup),
        TEST(features_not_negotiated, setup_mmio),
        TEST(features_not_negotiated, setup_packed),
        TEST(half_a_command, setup),
        TEST(half_a_command, setup_mmio),
        TEST(half_a_command, setup_packed),
        TEST(a_command_without_room_for_an_answer, setup),
        TEST(a_command_without_room_for_an_answer, setup_mmio),
        TEST(a_command_without_room_for_an_answer, setup_packed),
        TEST(no_control_queue, setup),
        TEST(no_control_queue, setup_mmio),
        TEST(no_control_queue, setup_packed),
        TEST(pairs_of_queues, setup_pairs),
        TEST(pairs_of_queues, setup_packed_pairs),
        TEST(pairs_change_while_running, setup_pairs),
        TEST(pairs_change_while_running, setup_packed_pairs),
        TEST(one_pair_of_two, setup_pairs),
        TEST(one_pair_of_two, setup_packed_pairs),
    };
    return cmocka_run_group_tests_name("virtio_net_ctrl", tests, NULL, NULL);
}
