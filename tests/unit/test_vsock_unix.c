/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock ports as unix sockets: greeting, connecting both ways, the sockets themselves. */
#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/vsock_links.h"

int test_vsock_unix(void);

/* ---- The host connects ---- */

static void a_client_connects(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    uint32_t port;
    struct stat status;
    assert_int_equal(stat(bench->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    vsock_links_start(bench);
    int fd = vsock_links_connect_client(bench, &port);
    vsock_links_say(fd, "hello");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.len, 5);
    assert_memory_equal(payload, "hello", 5);
    vsock_guest_write(&bench->guest, 1234, port, "good day", 8);
    vsock_links_expect_text(fd, "good day");
    close(fd);
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    while (packet.flags != 3) {
        assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    }
    vsock_links_finish(bench, 1234, port);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).accepted, 1);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 0);
}

static void the_line_comes_in_pieces(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    vsock_links_start(bench);
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    static const char *const pieces[] = { "C", "ONNEC", "T ", "429496", "7295" };
    for (unsigned i = 0; i < 5; i++) {
        vsock_links_say(fd, pieces[i]);
        vsock_links_turn(bench);
        vsock_guest_expect_nothing(&bench->guest);
    }
    vsock_links_say(fd, "\nand data at once"); /* Belongs to the guest. */
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    assert_true(packet.dst_port == UINT32_MAX);
    vsock_guest_send(&bench->guest, OP(RESPONSE), UINT32_MAX, packet.src_port);
    vsock_links_turn(bench);
    uint32_t port = packet.src_port;
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.op, OP(RW));
    assert_int_equal(packet.len, 16);
    assert_memory_equal(payload, "and data at once", 16);
    vsock_links_finish(bench, UINT32_MAX, port);
    assert_int_equal(recv(fd, payload, sizeof(payload), 0), 14); /* "OK 1073741824\n" */
    vsock_links_expect_end(fd);
    close(fd);
}

static void garbage_is_refused(void **state)
{
    struct vsock_links *bench = *state;
    static const char *const lines[] = {
        "\n",
        "CONNECT\n",
        "CONNECT \n",
        "connect 5\n",
        " CONNECT 5\n",
        "CONNECT 5 \n",
        "CONNECT 5\r\n",
        "CONNECT -5\n",
        "CONNECT 0x5\n",
        "CONNECT 4294967296\n",
        "CONNECT 99999999999999999999\n",
        "GET / HTTP/1.1\r\n",
        "a line that never ends and is longer than any number",
    };
    vsock_links_start(bench);
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
        vsock_links_say(fd, lines[i]);
        vsock_links_turn(bench);
        vsock_links_expect_end(fd);
        close(fd);
    }
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    close(fd); /* Without a word. */
    vsock_links_turn(bench);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(bench->mux.in_use, 0);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 14);
}

static void nobody_listens_in_the_guest(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_say(fd, "CONNECT 1\n"); /* No driver yet. */
    vsock_links_turn(bench);
    vsock_links_expect_end(fd);
    close(fd);
    vsock_links_start(bench);
    fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_say(fd, "CONNECT 1\n");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    vsock_guest_send(&bench->guest, OP(RST), 1, packet.src_port);
    vsock_links_expect_end(fd);
    close(fd);
    /* The client loses patience first. */
    fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_say(fd, "CONNECT 1\n");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    close(fd);
    vsock_links_turn(bench);
    vsock_guest_expect(&bench->guest, OP(RST), packet.src_port, 1);
    assert_int_equal(bench->mux.in_use, 0);
}

static void a_client_that_says_nothing(void **state)
{
    struct vsock_links *bench = *state;
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    const struct vmmp_host host = hosted_event_loop_host(bench->loop);
    uint64_t begun = vmmp_host_now(&host);
    char byte;
    while (recv(fd, &byte, 1, 0) != 0) {
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
    }
    assert_true(vmmp_host_now(&host) - begun >= VSOCK_LINKS_IMPATIENCE_NS);
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 1);
}

/* What there is of the line stays unread: the loop sleeps all the same, until time is up. */
static void a_client_that_stops_within_the_line(void **state)
{
    struct vsock_links *bench = *state;
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    char byte;
    unsigned rounds = 0;
    vsock_links_say(fd, "CONNECT 12");
    vsock_links_turn(bench);
    while (recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN) {
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
        assert_true(++rounds < 5);
    }
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 1);
}

static void more_clients_than_links(void **state)
{
    struct vsock_links *bench = *state;
    int fds[VSOCK_LINKS + 1];
    vsock_links_start(bench);
    for (unsigned i = 0; i < VSOCK_LINKS; i++) {
        uint32_t port;
        fds[i] = vsock_links_connect_client(bench, &port);
    }
    fds[VSOCK_LINKS] = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_turn(bench);
    vsock_links_expect_end(fds[VSOCK_LINKS]);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99); /* None for the guest either. */
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    for (unsigned i = 0; i <= VSOCK_LINKS; i++) {
        close(fds[i]);
    }
    vsock_links_turn(bench);
    uint32_t port;
    struct vmmp_vsock_packet packet;
    while (vsock_guest_next(&bench->guest, &packet, NULL)) {
    }
    close(vsock_links_connect_client(bench, &port));
}

/* ---- The guest connects ---- */

static void the_guest_finds_a_listener(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_STREAM);
    vsock_guest_write(&bench->guest, 7, 99, "from the guest", 14);
    vsock_links_expect_text(fd, "from the guest");
    vsock_links_say(fd, "from the host");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_memory_equal(payload, "from the host", 13);

    /* Half-close, both ways. */
    packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 7, 99);
    packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_links_expect_end(fd);
    vsock_links_say(fd, "still here");
    shutdown(fd, SHUT_WR);
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_memory_equal(payload, "still here", 10);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_true(packet.flags & VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    vsock_links_finish(bench, 7, 99);
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).reached, 1);
}

static void the_guest_finds_nobody(void **state)
{
    struct vsock_links *bench = *state;
    char path[80];
    vsock_links_start(bench);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    snprintf(path, sizeof(path), "%s_99", bench->path);
    int fd = vsock_links_open_socket(SOCK_SEQPACKET, path, true); /* Of the other type. */
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    close(fd); /* Left behind. */
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    unlink(path);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).missed, 3);
}

/* ---- The sockets themselves ---- */

static void old_sockets_are_replaced_and_others_are_not(void **state)
{
    struct vsock_links *bench = *state;
    struct hosted_vsock_unix *other;
    char error[HOSTED_VSOCK_UNIX_ERROR];
    char path[80];

    assert_int_equal(vsock_links_create(bench, bench->path, error, &other), -EADDRINUSE);
    assert_non_null(strstr(error, "another program uses it"));
    assert_null(other);
    /* A failed attempt leaves this one alone. */
    assert_int_equal(access(bench->path, F_OK), 0);

    snprintf(path, sizeof(path), "%s/old", bench->folder);
    close(vsock_links_open_socket(SOCK_STREAM, path, true));
    assert_int_equal(vsock_links_create(bench, path, error, &other), 0);
    int fd = vsock_links_open_socket(SOCK_STREAM, path, false);
    close(fd);
    /* Somebody takes the name over: not ours to remove. */
    unlink(path);
    close(vsock_links_open_socket(SOCK_STREAM, path, true));
    hosted_vsock_unix_destroy(other);
    assert_int_equal(unlink(path), 0);

    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(vsock_links_create(bench, path, error, &other), -EADDRINUSE);
    assert_non_null(strstr(error, "it is no socket"));
    assert_int_equal(unlink(path), 0);

    /* The second of the two cannot be: the first goes too. */
    char second[96];
    snprintf(second, sizeof(second), "%s.seqpacket", path);
    fd = open(second, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(vsock_links_create(bench, path, error, &other), -EADDRINUSE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(second), 0);
}

static void paths_that_cannot_be(void **state)
{
    struct vsock_links *bench = *state;
    struct hosted_vsock_unix *other;
    char error[HOSTED_VSOCK_UNIX_ERROR];
    char longest[97];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[96] = 0;
    memcpy(longest, bench->folder, strlen(bench->folder));
    longest[strlen(bench->folder)] = '/';
    assert_int_equal(vsock_links_create(bench, "", error, &other), -ENAMETOOLONG);
    assert_int_equal(vsock_links_create(bench, "/no/such/folder/socket", error, &other), -ENOENT);
    assert_non_null(strstr(error, "/no/such/folder/socket"));
    assert_int_equal(vsock_links_create(bench, longest, error, &other), 0);
    assert_int_equal(access(longest, F_OK), 0);
    hosted_vsock_unix_destroy(other);
    char longer[98];
    snprintf(longer, sizeof(longer), "%sx", longest);
    assert_int_equal(vsock_links_create(bench, longer, error, &other), -ENAMETOOLONG);
    hosted_vsock_unix_destroy(NULL);
}

static void it_starts_again_with_another_mux(void **state)
{
    struct vsock_links *bench = *state;
    uint32_t port;
    vsock_links_start(bench);
    int fd = vsock_links_connect_client(bench, &port);
    hosted_vsock_unix_stop(bench->backend);
    vsock_links_expect_end(fd);
    close(fd);
    fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false); /* Waits. */
    vsock_links_say(fd, "CONNECT 77\n");
    vsock_links_turn(bench);
    vsock_guest_expect(&bench->guest, OP(SHUTDOWN), port, 1234);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(hosted_vsock_unix_start(bench->backend, &bench->mux), 0);
    vsock_links_turn(bench);
    struct vmmp_vsock_packet packet;
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.dst_port, 77);
    close(fd);
}

static void without_descriptors(void **state)
{
    struct vsock_links *bench = *state;
    struct rlimit before;
    struct rlimit none;
    uint32_t port;
    vsock_links_start(bench);
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    vsock_links_turn(bench);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).accepted, 0);
    while (hosted_vsock_unix_stats(bench->backend).accepted == 0) { /* 100 ms. */
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
    }
    close(fd);
    vsock_links_turn(bench);
    close(vsock_links_connect_client(bench, &port));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vsock_links_setup, vsock_links_teardown)
#define IMPATIENT(name) \
    cmocka_unit_test_setup_teardown(name, vsock_links_setup_impatient, vsock_links_teardown)

int test_vsock_unix(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_connects),
        TEST(the_line_comes_in_pieces),
        TEST(garbage_is_refused),
        TEST(nobody_listens_in_the_guest),
        IMPATIENT(a_client_that_says_nothing),
        IMPATIENT(a_client_that_stops_within_the_line),
        TEST(more_clients_than_links),
        TEST(the_guest_finds_a_listener),
        TEST(the_guest_finds_nobody),
        TEST(old_sockets_are_replaced_and_others_are_not),
        TEST(paths_that_cannot_be),
        TEST(it_starts_again_with_another_mux),
        TEST(without_descriptors),
    };
    return cmocka_run_group_tests_name("vsock_unix", tests, NULL, NULL);
}
