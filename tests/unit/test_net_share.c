/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory as the outside of two virtio-net devices. */
#include "support/net_outside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int test_net_share(void);

struct cable {
    char folder[64];
    char path[96];
    struct net_outside ends[2];
};

static uint8_t frame[4096];
static uint8_t got[4096];

static void open_end(struct cable *cable, unsigned i)
{
    char why[HOSTED_NET_WHY];
    struct net_outside *end = &cable->ends[i];
    memset(end, 0, sizeof(*end));
    assert_int_equal(hosted_event_loop_create(&end->loop), 0);
    assert_int_equal(hosted_net_open_share(&end->net, cable->path, end->loop, NULL, why), 0);
}

static void begin_guest(struct net_outside *end, unsigned buffers)
{
    end->bench = net_bench_make(&(struct net_bench_options){ .pairs = 1 });
    hosted_net_backend(end->net, &end->bench->net.backend);
    assert_int_equal(hosted_net_attach(end->net, &end->bench->net, end->loop), 0);
    net_bench_start(end->bench, NET_ALL);
    net_bench_post(end->bench, NET_RX, buffers, 2000, 1);
    virtio_driver_kick(&end->bench->driver, NET_RX);
}

static void *run_loop(void *cookie)
{
    hosted_event_loop_run(cookie);
    return NULL;
}

/* The end that joins waits for the other one, whose loop has to run meanwhile. */
static void join_end(struct cable *cable, unsigned i)
{
    struct hosted_event_loop *other = cable->ends[1 - i].loop;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, other), 0);
    open_end(cable, i);
    hosted_event_loop_stop(other);
    pthread_join(thread, NULL);
}

static void close_end(struct net_outside *end)
{
    hosted_net_close(end->net);
    net_bench_unmake(end->bench);
    hosted_event_loop_destroy(end->loop);
}

static void settle(struct cable *cable)
{
    for (unsigned i = 0; i < 6; i++) {
        struct net_outside *end = &cable->ends[i % 2];
        hosted_event_loop_step(end->loop, 0);
        net_bench_settle(end->bench);
    }
}

static int setup(void **state)
{
    struct cable *cable = calloc(1, sizeof(*cable));
    snprintf(cable->folder, sizeof(cable->folder), "/tmp/vmmp-net-XXXXXX");
    assert_non_null(mkdtemp(cable->folder));
    snprintf(cable->path, sizeof(cable->path), "%s/n", cable->folder);
    open_end(cable, 0);
    begin_guest(&cable->ends[0], 8);
    join_end(cable, 1);
    begin_guest(&cable->ends[1], 8);
    settle(cable);
    *state = cable;
    return 0;
}

static int teardown(void **state)
{
    struct cable *cable = *state;
    close_end(&cable->ends[0]);
    close_end(&cable->ends[1]);
    assert_int_equal(rmdir(cable->folder), 0);
    free(cable);
    return 0;
}

/* A frame from one end is the next one that the other guest gets. */
static void pass(struct cable *cable, unsigned from, size_t len, uint8_t seed)
{
    struct net_outside *to = &cable->ends[1 - from];
    size_t header = net_bench_header(to->bench);
    net_bench_fill(frame, len, net_bench_mac, seed);
    net_outside_send(&cable->ends[from], frame, len);
    net_bench_settle(cable->ends[from].bench);
    settle(cable);
    assert_int_equal(net_bench_take(to->bench, NET_RX, got, sizeof(got)), header + len);
    assert_memory_equal(got + header, frame, len);
    net_bench_post(to->bench, NET_RX, 1, 2000, 1);
    virtio_driver_kick(&to->bench->driver, NET_RX);
    net_bench_settle(to->bench);
}

static void frames_pass_both_ways(void **state)
{
    struct cable *cable = *state;
    for (unsigned i = 0; i < 200; i++) {
        pass(cable, i % 2, 60 + i * 7, (uint8_t)i);
    }
}

/* A guest without buffers holds frames up, and gets all of them in the end. */
static void a_guest_without_buffers_loses_none(void **state)
{
    struct cable *cable = *state;
    struct net_outside *to = &cable->ends[1];
    for (unsigned i = 0; i < 30; i++) {
        net_bench_fill(frame, 1000, net_bench_mac, (uint8_t)i);
        net_outside_send(&cable->ends[0], frame, 1000);
        net_bench_settle(cable->ends[0].bench);
        settle(cable);
    }
    for (unsigned i = 0; i < 30; i++) {
        size_t header = net_bench_header(to->bench);
        assert_int_equal(net_bench_take(to->bench, NET_RX, got, sizeof(got)), header + 1000);
        net_bench_fill(frame, 1000, net_bench_mac, (uint8_t)i);
        assert_memory_equal(got + header, frame, 1000);
        net_bench_post(to->bench, NET_RX, 1, 2000, 1);
        virtio_driver_kick(&to->bench->driver, NET_RX);
        net_bench_settle(to->bench);
        settle(cable);
    }
}

/* ---- Both VMMs at once ---- */

#define FRAMES 3000u
#define ROUNDS 2000000u

struct half {
    struct cable *cable;
    unsigned which;
    unsigned sent;
    unsigned received;
    unsigned wrong;
};

/* A guest and its VMM: sends as the ring takes it, and looks at what comes. */
static void *run_half(void *cookie)
{
    struct half *half = cookie;
    struct net_outside *end = &half->cable->ends[half->which];
    size_t header = net_bench_header(end->bench);
    unsigned unfinished = 0;
    uint8_t bytes[1600];
    for (unsigned i = 0; i < ROUNDS; i++) {
        unfinished -= net_bench_finished(end->bench, NET_TX);
        if (half->sent < FRAMES && unfinished < 4) {
            net_bench_fill(bytes, 64 + half->sent % 1400, net_bench_mac, (uint8_t)half->sent);
            net_outside_send(end, bytes, 64 + half->sent % 1400);
            unfinished++;
            half->sent++;
        }
        net_bench_settle(end->bench);
        hosted_event_loop_step(end->loop, half->sent < FRAMES && unfinished < 4 ? 0 : 1);
        net_bench_settle(end->bench);
        uint8_t taken[2048];
        size_t len = net_bench_take(end->bench, NET_RX, taken, sizeof(taken));
        if (len > 0) {
            size_t wanted = 64 + half->received % 1400;
            net_bench_fill(bytes, wanted, net_bench_mac, (uint8_t)half->received);
            half->wrong += len != header + wanted || memcmp(taken + header, bytes, wanted) != 0;
            half->received++;
            net_bench_post(end->bench, NET_RX, 1, 2000, 1);
            virtio_driver_kick(&end->bench->driver, NET_RX);
        }
        if (half->sent == FRAMES && half->received == FRAMES && unfinished == 0) {
            break;
        }
    }
    return NULL;
}

static void frames_pass_while_both_run(void **state)
{
    struct cable *cable = *state;
    struct half halves[2] = { { .cable = cable }, { .cable = cable, .which = 1 } };
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_half, &halves[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(halves[i].sent, FRAMES);
        assert_int_equal(halves[i].received, FRAMES);
        assert_int_equal(halves[i].wrong, 0);
    }
}

static void an_end_that_goes_comes_back(void **state)
{
    struct cable *cable = *state;
    for (unsigned gone = 0; gone < 2; gone++) {
        struct net_outside *left = &cable->ends[1 - gone];
        pass(cable, gone, 500, 1);
        close_end(&cable->ends[gone]);
        /* It listens, if the other one did, after a moment. */
        for (unsigned i = 0; i < 3; i++) {
            hosted_event_loop_step(left->loop, 200);
        }
        net_bench_fill(frame, 100, net_bench_mac, 7);
        net_outside_send(left, frame, 100); /* to nobody */
        net_bench_settle(left->bench);
        join_end(cable, gone);
        begin_guest(&cable->ends[gone], 8);
        settle(cable);
        pass(cable, 0, 600, 2);
        pass(cable, 1, 700, 3);
    }
}

static void a_guest_that_starts_again_gets_what_comes_then(void **state)
{
    struct cable *cable = *state;
    pass(cable, 0, 500, 1);
    hosted_net_detach(cable->ends[1].net);
    net_bench_unmake(cable->ends[1].bench);
    net_bench_fill(frame, 100, net_bench_mac, 7);
    net_outside_send(&cable->ends[0], frame, 100);
    net_bench_settle(cable->ends[0].bench);
    begin_guest(&cable->ends[1], 8);
    settle(cable);
    assert_int_equal(net_bench_take(cable->ends[1].bench, NET_RX, got, sizeof(got)), 0);
    pass(cable, 0, 600, 2);
    pass(cable, 1, 700, 3);
}

static void what_cannot_be_opened_is_said(void **state)
{
    struct hosted_event_loop *loop;
    struct hosted_net *net;
    char why[HOSTED_NET_WHY];
    (void)state;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    assert_int_equal(hosted_net_open_share(&net, "/no/such/folder/n", loop, NULL, why), -ENOENT);
    assert_non_null(strstr(why, "/no/such/folder/n"));
    assert_null(net);
    hosted_event_loop_destroy(loop);
}

int test_net_share(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(frames_pass_both_ways),
        TEST(a_guest_without_buffers_loses_none),
        TEST(frames_pass_while_both_run),
        TEST(an_end_that_goes_comes_back),
        TEST(a_guest_that_starts_again_gets_what_comes_then),
        cmocka_unit_test(what_cannot_be_opened_is_said),
    };
    return cmocka_run_group_tests_name("net_share", tests, NULL, NULL);
}
