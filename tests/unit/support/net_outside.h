/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-net device whose outside is a real one of hosted/, run by an event loop. */
#pragma once

#include <hosted/net.h>

#include "support/net_bench.h"
#include "vmmp_test.h"

struct net_outside {
    struct net_bench *bench;
    struct hosted_event_loop *loop;
    struct hosted_net *net;
};

/* `net` becomes this one's. Starts a driver with all that is offered and `buffers` buffers. */
static inline void net_outside_make(struct net_outside *outside, struct hosted_net *net,
                                    uint8_t pairs, unsigned buffers)
{
    memset(outside, 0, sizeof(*outside));
    assert_non_null(net);
    outside->net = net;
    outside->bench = net_bench_make(&(struct net_bench_options){ .pairs = pairs });
    assert_int_equal(hosted_event_loop_create(&outside->loop), 0);
    hosted_net_backend(net, &outside->bench->net.backend);
    assert_int_equal(hosted_net_attach(net, &outside->bench->net, outside->loop), 0);
    net_bench_start(outside->bench, NET_ALL);
    net_bench_post(outside->bench, NET_RX, buffers, 2000, 1);
    virtio_driver_kick(&outside->bench->driver, NET_RX);
}

static inline void net_outside_unmake(struct net_outside *outside)
{
    hosted_net_close(outside->net);
    net_bench_unmake(outside->bench);
    hosted_event_loop_destroy(outside->loop);
}

/* Lets the loop run until the guest has a frame; its length with the header, 0 after `rounds`. */
static inline size_t net_outside_take(struct net_outside *outside, uint8_t *to, size_t room,
                                      unsigned rounds)
{
    size_t len = net_bench_take(outside->bench, NET_RX, to, room);
    for (unsigned i = 0; len == 0 && i < rounds; i++) {
        assert_int_equal(hosted_event_loop_step(outside->loop, 100), 0);
        net_bench_settle(outside->bench);
        len = net_bench_take(outside->bench, NET_RX, to, room);
    }
    return len;
}

static inline void net_outside_send(struct net_outside *outside, const uint8_t *frame, size_t len)
{
    net_bench_send(outside->bench, NET_TX, NULL, frame, len, 2);
    virtio_driver_kick(&outside->bench->driver, NET_TX);
}
