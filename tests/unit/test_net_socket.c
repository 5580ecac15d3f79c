/* SPDX-License-Identifier: BSD-2-Clause */
/* A unix socket as the outside of a virtio-net device. */
#include "support/net_outside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int test_net_socket(void);

static uint8_t frame[70000];
static uint8_t got[70000];

struct pair {
    struct net_outside outside;
    int fd; /* The other end. */
    int type;
};

static int make(void **state, int type)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    int fds[2];
    struct hosted_net *net;
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(hosted_net_open_fd(&net, fds[0]), 0);
    net_outside_make(&pair->outside, net, 1, 20);
    pair->fd = fds[1];
    pair->type = type;
    *state = pair;
    return 0;
}

static int setup_stream(void **state)
{
    return make(state, SOCK_STREAM);
}

static int setup_packets(void **state)
{
    return make(state, SOCK_SEQPACKET);
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    net_outside_unmake(&pair->outside);
    close(pair->fd);
    free(pair);
    return 0;
}

/* The other end sends a frame, in pieces of `piece` bytes. */
static void put(struct pair *pair, const uint8_t *bytes, size_t len, size_t piece)
{
    uint8_t out[70000];
    uint32_t length = htonl((uint32_t)len);
    size_t all = len;
    if (pair->type == SOCK_STREAM) {
        memcpy(out, &length, 4);
        memcpy(out + 4, bytes, len);
        all += 4;
    } else {
        memcpy(out, bytes, len);
        piece = all;
    }
    for (size_t at = 0; at < all; at += piece) {
        size_t part = all - at < piece ? all - at : piece;
        assert_int_equal(send(pair->fd, out + at, part, 0), part);
        if (piece < all) {
            assert_int_equal(hosted_event_loop_step(pair->outside.loop, 0), 0);
        }
    }
}

/* Reads exactly one frame at the other end. */
static size_t get(struct pair *pair)
{
    if (pair->type != SOCK_STREAM) {
        ssize_t len = recv(pair->fd, got, sizeof(got), 0);
        return len > 0 ? (size_t)len : 0;
    }
    uint32_t length;
    if (recv(pair->fd, &length, 4, 0) != 4) {
        return 0;
    }
    size_t done = 0;
    while (done < ntohl(length)) {
        ssize_t len = recv(pair->fd, got + done, ntohl(length) - done, 0);
        if (len < 0 && errno == EAGAIN) {
            assert_int_equal(hosted_event_loop_step(pair->outside.loop, 0), 0);
            continue;
        }
        assert_true(len > 0);
        done += (size_t)len;
    }
    return done;
}

static void both_ways(void **state)
{
    struct pair *pair = *state;
    for (size_t len = 14; len < 1700; len += 97) {
        net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
        net_outside_send(&pair->outside, frame, len);
        assert_int_equal(get(pair), len);
        assert_memory_equal(got, frame, len);
        put(pair, frame, len, 1 << 20);
        assert_int_equal(net_outside_take(&pair->outside, got, sizeof(got), 50), HDR_SIZE + len);
        assert_memory_equal(got + HDR_SIZE, frame, len);
        net_bench_post(pair->outside.bench, NET_RX, 1, 2000, 1);
    }
}

static void frames_in_pieces(void **state)
{
    struct pair *pair = *state;
    for (size_t piece = 1; piece < 60; piece += 7) {
        net_bench_fill(frame, 50, net_bench_mac, (uint8_t)piece);
        put(pair, frame, 50, piece);
        put(pair, frame, 60, 1 << 20);
        assert_int_equal(net_outside_take(&pair->outside, got, sizeof(got), 50), HDR_SIZE + 50);
        assert_memory_equal(got + HDR_SIZE, frame, 50);
        assert_int_equal(net_outside_take(&pair->outside, got, sizeof(got), 50), HDR_SIZE + 60);
    }
}

static void waits_for_buffers(void **state)
{
    struct pair *pair = *state;
    for (unsigned i = 0; i < 50; i++) {
        net_bench_fill(frame, 100 + i, net_bench_mac, (uint8_t)i);
        put(pair, frame, 100 + i, 1 << 20);
    }
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(net_outside_take(&pair->outside, got, sizeof(got), 50),
                         HDR_SIZE + 100 + i);
        net_bench_post(pair->outside.bench, NET_RX, 1, 2000, 1);
        virtio_driver_kick(&pair->outside.bench->driver, NET_RX);
    }
}

/* The other end does not read: nothing is lost, and the guest waits. */
static void a_slow_reader(void **state)
{
    struct pair *pair = *state;
    struct net_bench *bench = pair->outside.bench;
    unsigned sent = 0;
    unsigned read = 0;
    for (; bench->net.stats.tx_waits == 0; sent++) {
        net_bench_fill(frame, 5000, net_bench_mac, (uint8_t)sent);
        net_outside_send(&pair->outside, frame, 5000);
        assert_true(sent < 10000);
        net_bench_finished(bench, NET_TX);
    }
    for (unsigned i = 0; i < 10000 && read < sent; i++) {
        size_t len = get(pair);
        if (len > 0) {
            net_bench_fill(frame, 5000, net_bench_mac, (uint8_t)read);
            assert_int_equal(len, 5000);
            assert_memory_equal(got, frame, len);
            read++;
        }
        assert_int_equal(hosted_event_loop_step(pair->outside.loop, 0), 0);
    }
    assert_int_equal(read, sent);
    assert_int_equal(bench->net.stats.tx_frames, sent);
}

/* Everything there is at the other end. */
static size_t drain(struct pair *pair)
{
    size_t all = 0;
    ssize_t len;
    while ((len = recv(pair->fd, got, sizeof(got), 0)) > 0) {
        all += (size_t)len;
    }
    return all;
}

/* The rest of a frame that is out in part goes out although nothing is sent after it. */
static void half_a_frame_when_the_guest_starts_again(void **state)
{
    enum { LENGTH = 60000, WITH_PREFIX = LENGTH + 4 };
    struct pair *pair = *state;
    struct net_bench *bench = pair->outside.bench;
    net_bench_fill(frame, LENGTH, net_bench_mac, 1);
    for (unsigned i = 0; bench->net.stats.tx_waits == 0; i++) {
        net_outside_send(&pair->outside, frame, LENGTH);
        assert_true(i < 1000);
        net_bench_finished(bench, NET_TX);
    }
    hosted_net_detach(pair->outside.net);
    size_t before = drain(pair);
    if (before % WITH_PREFIX == 0) {
        skip(); /* This kernel takes frames whole. */
    }
    assert_int_equal(hosted_net_attach(pair->outside.net, &bench->net, pair->outside.loop), 0);
    assert_int_equal(hosted_event_loop_step(pair->outside.loop, 0), 0);
    size_t after = drain(pair);
    assert_true(after > 0);
    assert_int_equal((before + after) % WITH_PREFIX, 0);
}

static void a_peer_that_leaves(void **state)
{
    struct pair *pair = *state;
    close(pair->fd);
    pair->fd = -1;
    assert_int_equal(hosted_event_loop_step(pair->outside.loop, 100), 0);
    for (unsigned i = 0; i < 5; i++) {
        net_outside_send(&pair->outside, frame, 100);
        assert_int_equal(net_bench_finished(pair->outside.bench, NET_TX), 1);
    }
    assert_int_equal(hosted_event_loop_step(pair->outside.loop, 0), 0);
}

static void a_peer_that_speaks_nonsense(void **state)
{
    struct pair *pair = *state;
    vmmp_log_fn *sink = pair->outside.bench->rig.log.sink;
    pair->outside.bench->rig.log.sink = NULL; /* It takes only what guests do. */
    memset(frame, 0xff, 100);
    assert_int_equal(send(pair->fd, frame, 100, 0), 100);
    assert_int_equal(hosted_event_loop_step(pair->outside.loop, 100), 0);
    assert_int_equal(recv(pair->fd, got, 1, 0), 0); /* It hung up. */
    pair->outside.bench->rig.log.sink = sink;
}

static void a_driver_that_goes(void **state)
{
    struct pair *pair = *state;
    struct net_bench *bench = pair->outside.bench;
    for (unsigned i = 0; i < 40; i++) {
        put(pair, frame, 100, 1 << 20);
    }
    hosted_event_loop_step(pair->outside.loop, 0);
    virtio_driver_reset(&bench->driver);
    for (unsigned i = 0; i < 10; i++) {
        hosted_event_loop_step(pair->outside.loop, 0);
    }
    bench->driver.next_gpa = bench->buffers + 0x180000;
    net_bench_start(bench, NET_ALL);
    net_bench_post(bench, NET_RX, 5, 2000, 1);
    net_bench_fill(frame, 333, net_bench_mac, 3);
    put(pair, frame, 333, 1 << 20);
    assert_int_equal(net_outside_take(&pair->outside, got, sizeof(got), 50), HDR_SIZE + 333);
}

/* ---- By path ---- */

static void path_for(char path[100])
{
    snprintf(path, 100, "/tmp/vmmp-net-%d.sock", (int)getpid());
    unlink(path);
}

static void exchange(struct net_outside *from, struct net_outside *to, size_t len)
{
    size_t received = 0;
    net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
    /* Frames before there is a connection go nowhere. */
    for (unsigned i = 0; i < 100 && received == 0; i++) {
        net_outside_send(from, frame, len);
        hosted_event_loop_step(from->loop, 20);
        net_bench_finished(from->bench, NET_TX);
        received = net_outside_take(to, got, sizeof(got), 1);
    }
    assert_int_equal(received, HDR_SIZE + len);
    assert_memory_equal(got + HDR_SIZE, frame, len);
    net_bench_post(to->bench, NET_RX, 4, 2000, 1);
}

static void one_listens_the_other_connects(void **state)
{
    char path[100];
    char why[HOSTED_NET_WHY];
    struct hosted_net *net;
    struct net_outside a, b;
    struct stat status;
    (void)state;
    path_for(path);
    assert_int_equal(hosted_net_open_socket(&net, path, true, why), 0);
    net_outside_make(&a, net, 1, 50);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600); /* It leads into the guest. */
    assert_int_equal(hosted_net_open_socket(&net, path, true, why), -EADDRINUSE);
    assert_non_null(strstr(why, path));
    assert_null(net);
    assert_int_equal(hosted_net_open_socket(&net, path, false, why), 0);
    net_outside_make(&b, net, 1, 50);
    exchange(&a, &b, 200);
    exchange(&b, &a, 300);
    /* One end goes and comes again. */
    net_outside_unmake(&b);
    assert_int_equal(hosted_net_open_socket(&net, path, false, why), 0);
    net_outside_make(&b, net, 1, 50);
    exchange(&b, &a, 400);
    net_outside_unmake(&a);
    net_outside_unmake(&b);
    assert_int_equal(stat(path, &status), -1); /* Nothing is left behind. */
}

/* Before there is anybody to connect to. */
static void the_other_end_comes_later(void **state)
{
    char path[100];
    char why[HOSTED_NET_WHY];
    struct hosted_net *net;
    struct net_outside a, b;
    (void)state;
    path_for(path);
    assert_int_equal(hosted_net_open_socket(&net, path, false, why), 0);
    net_outside_make(&a, net, 1, 50);
    hosted_event_loop_step(a.loop, 0);
    assert_int_equal(hosted_net_open_socket(&net, path, true, why), 0);
    net_outside_make(&b, net, 1, 50);
    exchange(&a, &b, 200);
    net_outside_unmake(&b);
    net_outside_unmake(&a);
}

/* What a VMM that was killed left behind is no obstacle; what is no socket is left alone. */
static void what_is_at_the_path(void **state)
{
    char path[100];
    char why[HOSTED_NET_WHY];
    struct hosted_net *net;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)state;
    path_for(path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(hosted_net_open_socket(&net, path, true, why), 0);
    hosted_net_close(net);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(hosted_net_open_socket(&net, path, true, why), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(hosted_net_open_socket(&net, "/nowhere/at/all", true, why), -ENOENT);
    memset(frame, 'a', 200);
    frame[200] = 0;
    assert_int_equal(hosted_net_open_socket(&net, (char *)frame, true, why), -ENAMETOOLONG);
    assert_int_equal(hosted_net_open_fd(&net, 0x7fffffff), -EBADF);
    hosted_net_close(NULL);
}

#define TEST(test, how) cmocka_unit_test_setup_teardown(test, how, teardown)

int test_net_socket(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways, setup_stream),
        TEST(both_ways, setup_packets),
        TEST(frames_in_pieces, setup_stream),
        TEST(waits_for_buffers, setup_stream),
        TEST(waits_for_buffers, setup_packets),
        TEST(a_slow_reader, setup_stream),
        TEST(a_slow_reader, setup_packets),
        TEST(half_a_frame_when_the_guest_starts_again, setup_stream),
        TEST(a_peer_that_leaves, setup_stream),
        TEST(a_peer_that_leaves, setup_packets),
        TEST(a_peer_that_speaks_nonsense, setup_stream),
        TEST(a_driver_that_goes, setup_stream),
        TEST(a_driver_that_goes, setup_packets),
        cmocka_unit_test(one_listens_the_other_connects),
        cmocka_unit_test(the_other_end_comes_later),
        cmocka_unit_test(what_is_at_the_path),
    };
    return cmocka_run_group_tests_name("net_socket", tests, NULL, NULL);
}
