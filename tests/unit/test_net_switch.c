/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch between virtio-net devices: forwarding, learning, aging, full rings. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/net_switch.h>

#include "support/net_bench.h"

int test_net_switch(void);

#define PORTS 3
#define RING  (16u << 10)

struct lan {
    struct vmmp_net_switch net_switch;
    struct vmmp_net_switch_port ports[PORTS];
    uint32_t memory[PORTS][RING / 4];
    struct net_bench *guests[PORTS];
    struct vmmp_host host;
    struct vmmp_host_ops ops;
    struct vmmp_work *queue[PORTS];
    uint64_t now;
    unsigned clock_reads;
    int depth; /* Of the switch's context. */
};

static uint8_t frame[3000];
static uint8_t got[3100];

static uint64_t now(void *cookie)
{
    struct lan *lan = cookie;
    lan->clock_reads++;
    return lan->now;
}

static void defer(void *cookie, struct vmmp_work *work)
{
    struct lan *lan = cookie;
    if (work->queued) {
        return;
    }
    work->queued = true;
    for (unsigned i = 0; i < PORTS; i++) {
        if (!lan->queue[i]) {
            lan->queue[i] = work;
            return;
        }
    }
    fail();
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    struct lan *lan = cookie;
    for (unsigned i = 0; i < PORTS; i++) {
        if (lan->queue[i] == work) {
            lan->queue[i] = NULL;
            work->queued = false;
        }
    }
}

static void enter(void *cookie)
{
    struct lan *lan = cookie;
    assert_int_equal(lan->depth, 0);
    lan->depth++;
}

static void leave(void *cookie)
{
    ((struct lan *)cookie)->depth--;
}

static int context_init(void *cookie, struct vmmp_context *context)
{
    *context = (struct vmmp_context){ enter, leave, cookie };
    return 0;
}

/* Runs what the switch deferred, each in the context of its device. */
static void settle(struct lan *lan)
{
    for (unsigned i = 0; i < PORTS; i++) {
        struct vmmp_work *work = lan->queue[i];
        if (work) {
            lan->queue[i] = NULL;
            work->queued = false;
            vmmp_context_enter(work->context);
            work->run(work->cookie);
            vmmp_context_leave(work->context);
        }
    }
}

static void address(uint8_t *to, unsigned guest)
{
    const uint8_t mac[6] = { 2, 0, 0, 0, 1, (uint8_t)guest };
    memcpy(to, mac, 6);
}

/* Guest `from` sends a frame of `len` bytes to guest `to`'s address (9: to all). */
static void say(struct lan *lan, unsigned from, unsigned to, size_t len, uint8_t seed)
{
    uint8_t mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (to != 9) {
        address(mac, to);
    }
    net_bench_fill(frame, len, mac, seed);
    address(frame + 6, from);
    net_bench_send(lan->guests[from], NET_TX, NULL, frame, len, 3);
    virtio_driver_kick(&lan->guests[from]->driver, NET_TX);
}

/* How many frames guest `guest` got; the last must be the last that was said. */
static unsigned heard(struct lan *lan, unsigned guest)
{
    unsigned count = 0;
    size_t len;
    while ((len = net_bench_take(lan->guests[guest], NET_RX, got, sizeof(got))) > 0) {
        count++;
        net_bench_post(lan->guests[guest], NET_RX, 1, 2000, 1);
    }
    return count;
}

static int make(void **state, bool direct)
{
    struct lan *lan = calloc(1, sizeof(*lan));
    assert_non_null(lan);
    lan->ops = (struct vmmp_host_ops){
        .now = now, .defer = direct ? NULL : defer, .cancel = cancel, .context_init = context_init
    };
    lan->host = (struct vmmp_host){ &lan->ops, lan };
    assert_int_equal(vmmp_net_switch_init(&lan->net_switch, &lan->host), 0);
    for (unsigned i = 0; i < PORTS; i++) {
        struct net_bench *guest = net_bench_make(&(struct net_bench_options){ .direct = direct });
        lan->guests[i] = guest;
        assert_int_equal(vmmp_net_switch_port_init(&lan->ports[i], &lan->net_switch, lan->memory[i],
                                                   sizeof(lan->memory[i])),
                         0);
        vmmp_net_switch_backend(&lan->ports[i], &guest->net.backend);
        assert_int_equal(vmmp_net_switch_attach(&lan->ports[i], &guest->net), 0);
        if (direct) {
            guest->net.virtio.context = (struct vmmp_context){ 0 };
        }
        net_bench_start(guest, NET_ALL);
        net_bench_post(guest, NET_RX, 10, 2000, 1);
        virtio_driver_kick(&guest->driver, NET_RX);
    }
    *state = lan;
    return 0;
}

static int setup(void **state)
{
    return make(state, false);
}

static int setup_direct(void **state)
{
    return make(state, true);
}

static int teardown(void **state)
{
    struct lan *lan = *state;
    for (unsigned i = 0; i < PORTS; i++) {
        vmmp_net_switch_detach(&lan->ports[i]);
        vmmp_net_switch_detach(&lan->ports[i]);
        net_bench_unmake(lan->guests[i]);
        assert_null(lan->queue[i]);
    }
    vmmp_net_switch_fini(&lan->net_switch);
    free(lan);
    return 0;
}

static void floods_then_learns(void **state)
{
    struct lan *lan = *state;
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 0), 0); /* Never back. */
    assert_int_equal(heard(lan, 1), 1);
    assert_memory_equal(got + HDR_SIZE, frame, 100);
    assert_int_equal(heard(lan, 2), 1);
    assert_int_equal(lan->net_switch.flooded, 1);
    say(lan, 1, 0, 200, 2);
    settle(lan);
    assert_int_equal(heard(lan, 0), 1);
    assert_memory_equal(got + HDR_SIZE, frame, 200);
    assert_int_equal(heard(lan, 2), 0);
    say(lan, 0, 1, 300, 3);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
    assert_int_equal(heard(lan, 2), 0);
    say(lan, 2, 9, 60, 4);
    settle(lan);
    assert_int_equal(heard(lan, 0), 1);
    assert_int_equal(heard(lan, 1), 1);
    assert_int_equal(heard(lan, 2), 0);
}

static void forgets_after_a_while(void **state)
{
    struct lan *lan = *state;
    say(lan, 1, 9, 100, 1);
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
    assert_int_equal(heard(lan, 2), 1); /* The broadcast. */
    lan->now = VMMP_NET_SWITCH_AGE_NS + 1;
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
    assert_int_equal(heard(lan, 2), 1);
}

/* Frames that come together have come at one time; the clock is not asked for each. */
static void a_batch_has_one_time(void **state)
{
    struct lan *lan = *state;
    uint8_t mac[6];
    say(lan, 1, 9, 100, 1);
    settle(lan);
    heard(lan, 0);
    heard(lan, 2);
    lan->clock_reads = 0;
    address(mac, 1);
    for (unsigned i = 0; i < 8; i++) {
        net_bench_fill(frame, 100, mac, 1);
        address(frame + 6, 0);
        net_bench_send(lan->guests[0], NET_TX, NULL, frame, 100, 1);
    }
    virtio_driver_kick(&lan->guests[0]->driver, NET_TX);
    settle(lan);
    assert_int_equal(heard(lan, 1), 8);
    assert_int_equal(heard(lan, 2), 0);
    assert_in_range(lan->clock_reads, 1, 2);
    /* One that was seen after the batch began is not of long ago. */
    struct vmmp_virtio_net_backend backend;
    vmmp_net_switch_backend(&lan->ports[0], &backend);
    backend.transmit_batch(backend.cookie, true);
    lan->now++;
    say(lan, 1, 9, 100, 1);
    const struct vmmp_iovec iov = { frame, 100 };
    address(frame, 1);
    address(frame + 6, 0);
    assert_true(backend.transmit(backend.cookie, 0, &iov, 1, 100));
    backend.transmit_batch(backend.cookie, false);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
    assert_int_equal(heard(lan, 2), 1); /* The broadcast alone. */
}

static void follows_an_address_that_moves(void **state)
{
    struct lan *lan = *state;
    say(lan, 1, 9, 100, 1);
    settle(lan);
    heard(lan, 0);
    heard(lan, 2);
    net_bench_fill(frame, 100, frame, 1); /* Guest 2 speaks with guest 1's address. */
    memset(frame, 0xff, 6);
    address(frame + 6, 1);
    net_bench_send(lan->guests[2], NET_TX, NULL, frame, 100, 1);
    virtio_driver_kick(&lan->guests[2]->driver, NET_TX);
    settle(lan);
    heard(lan, 0);
    heard(lan, 1);
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 1), 0);
    assert_int_equal(heard(lan, 2), 1);
}

/* More addresses than the table has places: flooding, never a wrong port. */
static void a_guest_that_fills_the_table(void **state)
{
    struct lan *lan = *state;
    for (unsigned i = 0; i < 2000; i++) {
        lan->now++;
        net_bench_fill(frame, 60, net_bench_mac, 0);
        const uint8_t from[6] = { 2, 7, 7, 7, (uint8_t)(i >> 8), (uint8_t)i };
        memcpy(frame, from, 6); /* To itself: goes nowhere. */
        memcpy(frame + 6, from, 6);
        net_bench_send(lan->guests[0], NET_TX, NULL, frame, 60, 1);
        virtio_driver_kick(&lan->guests[0]->driver, NET_TX);
        net_bench_finished(lan->guests[0], NET_TX);
    }
    settle(lan);
    assert_int_equal(heard(lan, 1), 0);
    say(lan, 1, 9, 100, 1);
    settle(lan);
    heard(lan, 0);
    heard(lan, 2);
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
}

/* A guest that does not read fills its own ring and holds up nobody. */
static void a_full_ring_drops(void **state)
{
    struct lan *lan = *state;
    unsigned sent = 0;
    say(lan, 1, 9, 60, 1);
    say(lan, 2, 9, 60, 1);
    settle(lan);
    heard(lan, 0);
    heard(lan, 1);
    heard(lan, 2);
    for (; lan->ports[1].dropped == 0; sent++) {
        say(lan, 0, 1, 1000 + sent % 7, (uint8_t)sent);
        say(lan, 0, 2, 100, (uint8_t)sent);
        settle(lan);
        assert_int_equal(heard(lan, 2), 1);
        net_bench_finished(lan->guests[0], NET_TX);
        assert_true(sent < 100);
    }
    unsigned received = heard(lan, 1);
    assert_int_equal(received, 10); /* Its buffers; the rest waits in the ring, */
    unsigned more;
    do {
        virtio_driver_kick(&lan->guests[1]->driver, NET_RX);
        net_bench_settle(lan->guests[1]);
        more = heard(lan, 1);
        received += more;
    } while (more > 0);
    assert_int_equal(received, sent - 1); /* all but the one that was dropped. */
    assert_int_equal(lan->ports[1].used, 0);
    assert_int_equal(lan->ports[1].frames, 0);
}

/* Every length, so that records end everywhere in the ring. */
static void the_ring_goes_round(void **state)
{
    struct lan *lan = *state;
    say(lan, 1, 9, 60, 1);
    settle(lan);
    heard(lan, 0);
    for (size_t len = 14; len < 1900; len += 3) {
        say(lan, 0, 1, len, (uint8_t)len);
        settle(lan);
        assert_int_equal(heard(lan, 1), 1);
        assert_memory_equal(got + HDR_SIZE, frame, len);
        net_bench_finished(lan->guests[0], NET_TX);
    }
    assert_int_equal(lan->ports[1].dropped, 0);
}

static void unplugged(void **state)
{
    struct lan *lan = *state;
    say(lan, 1, 9, 60, 1);
    settle(lan);
    heard(lan, 0);
    heard(lan, 2);
    say(lan, 0, 1, 100, 1);
    vmmp_net_switch_detach(&lan->ports[1]);
    settle(lan);
    assert_int_equal(heard(lan, 1), 0);
    say(lan, 0, 1, 100, 1); /* Its address is forgotten. */
    settle(lan);
    assert_int_equal(heard(lan, 2), 1);
    say(lan, 1, 0, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 0), 0);
    assert_int_equal(vmmp_net_switch_attach(&lan->ports[1], &lan->guests[1]->net), 0);
    say(lan, 0, 1, 100, 1);
    settle(lan);
    assert_int_equal(heard(lan, 1), 1);
}

static void bad_arguments(void **state)
{
    struct vmmp_net_switch net_switch;
    static struct vmmp_net_switch_port ports[VMMP_NET_SWITCH_PORTS + 1];
    static struct vmmp_virtio_net net;
    static uint32_t memory[VMMP_NET_SWITCH_MEMORY_LEAST / 4];
    (void)state;
    assert_int_equal(vmmp_net_switch_init(&net_switch, NULL), 0);
    assert_int_equal(vmmp_net_switch_port_init(&ports[0], &net_switch, NULL, 1 << 20), -EINVAL);
    assert_int_equal(vmmp_net_switch_port_init(&ports[0], &net_switch, memory, sizeof(memory) - 1),
                     -EINVAL);
    for (unsigned i = 0; i <= VMMP_NET_SWITCH_PORTS; i++) {
        assert_int_equal(vmmp_net_switch_port_init(&ports[i], &net_switch, memory, sizeof(memory)),
                         0);
        assert_int_equal(vmmp_net_switch_attach(&ports[i], &net),
                         i < VMMP_NET_SWITCH_PORTS ? 0 : -ENOSPC);
    }
    vmmp_net_switch_fini(&net_switch);
}

#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)

int test_net_switch(void)
{
    const struct CMUnitTest tests[] = {
        TEST(floods_then_learns, setup),
        TEST(floods_then_learns, setup_direct),
        TEST(forgets_after_a_while, setup),
        TEST(a_batch_has_one_time, setup),
        TEST(follows_an_address_that_moves, setup),
        TEST(a_guest_that_fills_the_table, setup),
        TEST(a_full_ring_drops, setup),
        TEST(a_full_ring_drops, setup_direct),
        TEST(the_ring_goes_round, setup),
        TEST(unplugged, setup),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests_name("net_switch", tests, NULL, NULL);
}
