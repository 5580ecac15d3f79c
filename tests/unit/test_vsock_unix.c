/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock ports as unix sockets: greeting, data, slow and vanishing peers, old sockets. */
#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <hosted/vsock_unix.h>

#include "support/vsock_guest.h"

#define OP(name) VIRTIO_VSOCK_OP_##name
#define LINKS    8u
#define BUFFER   65536u

int test_vsock_unix(void);

struct bench {
    struct vsock_guest guest;
    struct vmmp_vsock_mux mux;
    struct hosted_event_loop *loop;
    struct hosted_vsock_unix *backend;
    void *memory;
    char folder[32];
    char path[64];
};

static int create(struct bench *bench, const char *path, char error[HOSTED_VSOCK_UNIX_ERROR],
                  struct hosted_vsock_unix **made)
{
    const struct hosted_vsock_unix_options options = { path, LINKS, true, 20 * 1000000 };
    return hosted_vsock_unix_create(made, bench->loop, &options, error);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    char error[HOSTED_VSOCK_UNIX_ERROR];
    const struct vmmp_vsock_mux_options options = {
        .guest_cid = 5, .connections = 16, .buffer_size = BUFFER, .seqpacket = true
    };
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/vsock-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/v", bench->folder);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    assert_int_equal(create(bench, bench->path, error, &bench->backend), 0);

    size_t size = VMMP_VSOCK_MUX_MEMORY(16, BUFFER);
    bench->memory = calloc(1, size);
    vsock_guest_prepare(&bench->guest, false, 5);
    bench->guest.rig.host = hosted_event_loop_host(bench->loop);
    const struct vmmp_vsock_backend backend = hosted_vsock_unix_backend(bench->backend);
    assert_int_equal(vmmp_vsock_mux_init(&bench->mux, &backend, NULL, &options, bench->memory, size,
                                         &bench->guest.rig.memory, &bench->guest.rig.log,
                                         &bench->guest.rig.host),
                     0);
    vsock_guest_plug(&bench->guest, &bench->mux.device.virtio, &virtio_driver_pci_modern);
    assert_int_equal(hosted_vsock_unix_start(bench->backend, &bench->mux), 0);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    hosted_vsock_unix_stop(bench->backend);
    vsock_guest_unplug(&bench->guest);
    vmmp_vsock_mux_fini(&bench->mux);
    bench->guest.rig.host = (struct vmmp_host){ NULL, NULL };
    vsock_guest_fini(&bench->guest);
    hosted_vsock_unix_destroy(bench->backend);
    assert_int_equal(access(bench->path, F_OK), -1); /* Removed. */
    hosted_event_loop_destroy(bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); /* And nothing else left. */
    free(bench->memory);
    free(bench);
    return 0;
}

/* What is ready is done; sockets of one machine are ready at once. */
static void turn(struct bench *bench)
{
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    }
}

static void start(struct bench *bench)
{
    vsock_guest_start(&bench->guest, UINT64_MAX);
    vsock_guest_post(&bench->guest, 64);
}

static int open_socket(int type, const char *path, bool listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (listens) {
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 4), 0);
    } else {
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    }
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect_text(int fd, const char *text)
{
    char got[256] = "";
    assert_int_equal(recv(fd, got, sizeof(got), 0), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void expect_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
}

static void expect_silence(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

/* A client of the guest's port 1234, connected; the guest's answer in between. */
static int connect_client(struct bench *bench, uint32_t *host_port)
{
    struct vmmp_vsock_packet packet;
    char text[64];
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    say(fd, "CONNECT 1234\n");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    assert_int_equal(packet.dst_port, 1234);
    *host_port = packet.src_port;
    expect_silence(fd);
    vsock_guest_send(&bench->guest, OP(RESPONSE), 1234, packet.src_port);
    snprintf(text, sizeof(text), "OK %u\n", packet.src_port);
    expect_text(fd, text);
    return fd;
}

/* The guest connects to its host's port 99, on which somebody listens. */
static int connect_guest(struct bench *bench, int type)
{
    char path[80];
    snprintf(path, sizeof(path), "%s_99", bench->path);
    int listener = open_socket(type, path, true);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(REQUEST), 7, 99);
    packet.type = type == SOCK_SEQPACKET ? VIRTIO_VSOCK_TYPE_SEQPACKET : VIRTIO_VSOCK_TYPE_STREAM;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_guest_expect(&bench->guest, OP(RESPONSE), 99, 7);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    close(listener);
    unlink(path);
    return fd;
}

static void finish(struct bench *bench, uint32_t guest_port, uint32_t host_port)
{
    vsock_guest_send(&bench->guest, OP(RST), guest_port, host_port);
    turn(bench);
    assert_int_equal(bench->mux.in_use, 0);
}

/* ---- The host connects ---- */

static void a_client_connects(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    uint32_t port;
    struct stat status;
    assert_int_equal(stat(bench->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    start(bench);
    int fd = connect_client(bench, &port);
    say(fd, "hello");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.len, 5);
    assert_memory_equal(payload, "hello", 5);
    vsock_guest_write(&bench->guest, 1234, port, "good day", 8);
    expect_text(fd, "good day");
    close(fd);
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    while (packet.flags != 3) {
        assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    }
    finish(bench, 1234, port);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).accepted, 1);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 0);
}

static void the_line_comes_in_pieces(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    start(bench);
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    static const char *const pieces[] = { "C", "ONNEC", "T ", "429496", "7295" };
    for (unsigned i = 0; i < 5; i++) {
        say(fd, pieces[i]);
        turn(bench);
        vsock_guest_expect_nothing(&bench->guest);
    }
    say(fd, "\nand data at once"); /* Belongs to the guest. */
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    assert_true(packet.dst_port == UINT32_MAX);
    vsock_guest_send(&bench->guest, OP(RESPONSE), UINT32_MAX, packet.src_port);
    turn(bench);
    uint32_t port = packet.src_port;
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_int_equal(packet.op, OP(RW));
    assert_int_equal(packet.len, 16);
    assert_memory_equal(payload, "and data at once", 16);
    finish(bench, UINT32_MAX, port);
    assert_int_equal(recv(fd, payload, sizeof(payload), 0), 14); /* "OK 1073741824\n" */
    expect_end(fd);
    close(fd);
}

static void garbage_is_refused(void **state)
{
    struct bench *bench = *state;
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
    start(bench);
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int fd = open_socket(SOCK_STREAM, bench->path, false);
        say(fd, lines[i]);
        turn(bench);
        expect_end(fd);
        close(fd);
    }
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    close(fd); /* Without a word. */
    turn(bench);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(bench->mux.in_use, 0);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 14);
}

static void nobody_listens_in_the_guest(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    say(fd, "CONNECT 1\n"); /* No driver yet. */
    turn(bench);
    expect_end(fd);
    close(fd);
    start(bench);
    fd = open_socket(SOCK_STREAM, bench->path, false);
    say(fd, "CONNECT 1\n");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    vsock_guest_send(&bench->guest, OP(RST), 1, packet.src_port);
    expect_end(fd);
    close(fd);
    /* The client loses patience first. */
    fd = open_socket(SOCK_STREAM, bench->path, false);
    say(fd, "CONNECT 1\n");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    close(fd);
    turn(bench);
    vsock_guest_expect(&bench->guest, OP(RST), packet.src_port, 1);
    assert_int_equal(bench->mux.in_use, 0);
}

static void a_client_that_says_nothing(void **state)
{
    struct bench *bench = *state;
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    char byte;
    turn(bench);
    expect_silence(fd);
    while (recv(fd, &byte, 1, 0) != 0) { /* 20 ms. */
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
    }
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 1);
}

/* What there is of the line stays unread: the loop sleeps all the same, until time is up. */
static void a_client_that_stops_within_the_line(void **state)
{
    struct bench *bench = *state;
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    char byte;
    unsigned rounds = 0;
    say(fd, "CONNECT 12");
    turn(bench);
    while (recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN) { /* 20 ms. */
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
        assert_true(++rounds < 5);
    }
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).refused, 1);
}

static void more_clients_than_links(void **state)
{
    struct bench *bench = *state;
    int fds[LINKS + 1];
    start(bench);
    for (unsigned i = 0; i < LINKS; i++) {
        uint32_t port;
        fds[i] = connect_client(bench, &port);
    }
    fds[LINKS] = open_socket(SOCK_STREAM, bench->path, false);
    turn(bench);
    expect_end(fds[LINKS]);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99); /* None for the guest either. */
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    for (unsigned i = 0; i <= LINKS; i++) {
        close(fds[i]);
    }
    turn(bench);
    uint32_t port;
    struct vmmp_vsock_packet packet;
    while (vsock_guest_next(&bench->guest, &packet, NULL)) {
    }
    close(connect_client(bench, &port));
}

/* ---- The guest connects ---- */

static void the_guest_finds_a_listener(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    start(bench);
    int fd = connect_guest(bench, SOCK_STREAM);
    vsock_guest_write(&bench->guest, 7, 99, "from the guest", 14);
    expect_text(fd, "from the guest");
    say(fd, "from the host");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_memory_equal(payload, "from the host", 13);

    /* Half-close, both ways. */
    packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 7, 99);
    packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    expect_end(fd);
    say(fd, "still here");
    shutdown(fd, SHUT_WR);
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, payload));
    assert_memory_equal(payload, "still here", 10);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_true(packet.flags & VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    finish(bench, 7, 99);
    close(fd);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).reached, 1);
}

static void the_guest_finds_nobody(void **state)
{
    struct bench *bench = *state;
    char path[80];
    start(bench);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    snprintf(path, sizeof(path), "%s_99", bench->path);
    int fd = open_socket(SOCK_SEQPACKET, path, true); /* Of the other type. */
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    close(fd); /* Left behind. */
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    unlink(path);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).missed, 3);
}

/* ---- Peers ---- */

/* The guest is held up by its credit, nothing is lost, and others go on. */
static void a_slow_reader(void **state)
{
    struct bench *bench = *state;
    static uint8_t sent[1 << 20];
    static uint8_t got[sizeof(sent)];
    uint32_t done = 0;
    size_t received = 0;
    uint32_t told = 0;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (uint8_t)(i * 13 + i / 4096);
    }
    start(bench);
    int fd = connect_guest(bench, SOCK_STREAM);
    bool held_up = false;
    while (received < sizeof(sent)) {
        struct vmmp_vsock_packet packet;
        uint32_t credit = BUFFER - (done - told);
        uint32_t left = (uint32_t)sizeof(sent) - done;
        uint32_t piece = credit < left ? credit : left;
        piece = piece < 30000 ? piece : 30000;
        if (piece > 0) {
            vsock_guest_write(&bench->guest, 7, 99, sent + done, piece);
            vsock_guest_sent(&bench->guest);
            done += piece;
        } else {
            held_up = held_up || left > 0;
            ssize_t more = recv(fd, got + received, 50000, 0);
            assert_true(more > 0);
            received += (size_t)more;
            turn(bench);
        }
        while (vsock_guest_next(&bench->guest, &packet, NULL)) {
            assert_int_equal(packet.op, OP(CREDIT_UPDATE));
            told = packet.fwd_cnt;
        }
    }
    assert_true(held_up);
    assert_memory_equal(got, sent, sizeof(sent));
    finish(bench, 7, 99);
    close(fd);
}

/* More than one system call takes; the socket, which has room, would not say that it is writable.
 */
static void data_in_many_pieces(void **state)
{
    enum { PIECES = 100 };
    struct bench *bench = *state;
    struct virtio_driver_buffer buffers[1 + PIECES];
    uint8_t data[PIECES];
    uint8_t got[PIECES + 1];
    start(bench);
    int fd = connect_guest(bench, SOCK_STREAM);
    turn(bench); /* That it is writable has been told. */
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(RW), 7, 99);
    packet.len = PIECES;
    uint64_t at = bench->guest.tx;
    uint8_t *bytes = virtio_driver_at(&bench->guest.driver, at, VMMP_VIRTIO_VSOCK_HEADER + PIECES);
    vmmp_vsock_packet_store(&packet, bytes);
    buffers[0] = (struct virtio_driver_buffer){ at, VMMP_VIRTIO_VSOCK_HEADER, false };
    for (unsigned i = 0; i < PIECES; i++) {
        data[i] = bytes[VMMP_VIRTIO_VSOCK_HEADER + i] = (uint8_t)(i * 7);
        buffers[1 + i] =
            (struct virtio_driver_buffer){ at + VMMP_VIRTIO_VSOCK_HEADER + i, 1, false };
    }
    virtio_driver_add(&bench->guest.driver, VIRTIO_VSOCK_TX, buffers, 1 + PIECES);
    virtio_driver_kick(&bench->guest.driver, VIRTIO_VSOCK_TX);
    vsock_guest_settle(&bench->guest);
    turn(bench);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_PEEK), PIECES);
    assert_memory_equal(got, data, PIECES);
    finish(bench, 7, 99);
    close(fd);
}

/* And the client, by the guest's credit; then by the guest's closing. */
static void a_slow_guest(void **state)
{
    struct bench *bench = *state;
    static char data[4096];
    struct vmmp_vsock_packet packet;
    uint32_t port;
    bench->guest.buf_alloc = 10000;
    start(bench);
    int fd = connect_client(bench, &port);
    size_t sent = 0;
    ssize_t more;
    while ((more = send(fd, data, sizeof(data), MSG_NOSIGNAL)) > 0) {
        sent += (size_t)more;
        turn(bench);
    }
    assert_true(sent > 20000);
    uint32_t received = 0;
    while (received < sent) {
        while (vsock_guest_next(&bench->guest, &packet, NULL)) {
            received += packet.len;
            assert_true(received - bench->guest.fwd_cnt <= 10000);
        }
        bench->guest.fwd_cnt = received;
        vsock_guest_send(&bench->guest, OP(CREDIT_UPDATE), 1234, port);
        vsock_guest_sent(&bench->guest);
        turn(bench);
    }
    assert_int_equal(received, sent);
    finish(bench, 1234, port);
    close(fd);
}

static void the_peer_is_gone(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    start(bench);
    int fd = connect_guest(bench, SOCK_STREAM);
    say(fd, "last words");
    close(fd);
    /* The guest writes before the loop has looked; it still gets what was said. */
    vsock_guest_write(&bench->guest, 7, 99, "anybody?", 8);
    turn(bench);
    bool heard = false;
    uint32_t flags = 0;
    while (vsock_guest_next(&bench->guest, &packet, payload)) {
        heard = heard || (packet.op == OP(RW) && memcmp(payload, "last words", 10) == 0);
        flags |= packet.op == OP(SHUTDOWN) ? packet.flags : 0;
    }
    assert_true(heard);
    assert_int_equal(flags, 3);
    finish(bench, 7, 99);
}

/* With the guest out of credit and the client gone the loop is not kept busy. */
static void a_client_that_leaves_data_behind(void **state)
{
    struct bench *bench = *state;
    static const char data[3000];
    struct vmmp_vsock_packet packet;
    uint32_t port;
    bench->guest.buf_alloc = 1000;
    start(bench);
    int fd = connect_client(bench, &port);
    assert_int_equal(send(fd, data, sizeof(data), MSG_NOSIGNAL), sizeof(data));
    close(fd);
    turn(bench);
    uint32_t received = 0;
    uint32_t flags = 0;
    for (unsigned i = 0; i < 6; i++) {
        while (vsock_guest_next(&bench->guest, &packet, NULL)) {
            received += packet.len;
            flags |= packet.op == OP(SHUTDOWN) ? packet.flags : 0;
        }
        bench->guest.fwd_cnt = received;
        vsock_guest_send(&bench->guest, OP(CREDIT_UPDATE), 1234, port);
    }
    assert_int_equal(received, 3000);
    assert_int_equal(flags, 3);
    finish(bench, 1234, port);
}

static void the_guest_resets_the_device(void **state)
{
    struct bench *bench = *state;
    uint32_t port;
    start(bench);
    int client = connect_client(bench, &port);
    int listener = connect_guest(bench, SOCK_STREAM);
    int waiting = open_socket(SOCK_STREAM, bench->path, false);
    say(waiting, "CONNECT 5\n");
    turn(bench);
    virtio_driver_reset(&bench->guest.driver);
    expect_end(client);
    expect_end(listener);
    expect_end(waiting);
    close(client);
    close(listener);
    close(waiting);
    start(bench);
    close(connect_client(bench, &port));
}

/* ---- Messages ---- */

static void messages_keep_their_boundaries(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    static char large[20000];
    static char got[sizeof(large)];
    char name[80];
    start(bench);
    int fd = connect_guest(bench, SOCK_SEQPACKET);
    packet = vsock_guest_packet(&bench->guest, OP(RW), 7, 99);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    packet.len = 3;
    packet.flags = VIRTIO_VSOCK_SEQ_EOM;
    vsock_guest_send_raw(&bench->guest, &packet, "one", 3);
    packet.flags = 0;
    vsock_guest_send_raw(&bench->guest, &packet, "tw", 3);
    packet.flags = VIRTIO_VSOCK_SEQ_EOM;
    vsock_guest_send_raw(&bench->guest, &packet, "o!", 3);
    expect_text(fd, "one");
    assert_int_equal(recv(fd, got, sizeof(got), 0), 6);
    memset(large, 'L', sizeof(large));
    assert_int_equal(send(fd, large, sizeof(large), MSG_NOSIGNAL), sizeof(large));
    say(fd, "small");
    turn(bench);
    size_t length = 0;
    do {
        assert_true(vsock_guest_next(&bench->guest, &packet, got + length));
        length += packet.len;
    } while (!(packet.flags & VIRTIO_VSOCK_SEQ_EOM));
    assert_int_equal(length, sizeof(large));
    assert_memory_equal(got, large, sizeof(large));
    assert_true(vsock_guest_next(&bench->guest, &packet, got));
    assert_int_equal(packet.len, 5);
    assert_int_equal(packet.flags, VIRTIO_VSOCK_SEQ_EOM);
    packet = vsock_guest_packet(&bench->guest, OP(RST), 7, 99);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    expect_end(fd);
    close(fd);

    snprintf(name, sizeof(name), "%s.seqpacket", bench->path);
    fd = open_socket(SOCK_SEQPACKET, name, false);
    say(fd, "CONNECT 8\n");
    turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
    uint32_t port = packet.src_port;
    vsock_guest_send(&bench->guest, OP(RST), 8, port); /* Of the other type, so it is no answer. */
    assert_int_equal(bench->mux.in_use, 1);
    packet = vsock_guest_packet(&bench->guest, OP(RESPONSE), 8, port);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    snprintf(name, sizeof(name), "OK %u\n", port);
    expect_text(fd, name);
    packet.op = OP(RST);
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_int_equal(bench->mux.in_use, 0);
    close(fd);
}

static void a_line_that_is_not_a_message_of_its_own(void **state)
{
    struct bench *bench = *state;
    char name[80];
    start(bench);
    snprintf(name, sizeof(name), "%s.seqpacket", bench->path);
    static const char *const lines[] = { "CONNECT 8\nmore", "CONNECT 8", "" };
    for (unsigned i = 0; i < 3; i++) {
        int fd = open_socket(SOCK_SEQPACKET, name, false);
        say(fd, lines[i]);
        turn(bench);
        expect_end(fd);
        close(fd);
    }
    vsock_guest_expect_nothing(&bench->guest);
}

/* ---- The sockets themselves ---- */

static void old_sockets_are_replaced_and_others_are_not(void **state)
{
    struct bench *bench = *state;
    struct hosted_vsock_unix *other;
    char error[HOSTED_VSOCK_UNIX_ERROR];
    char path[80];

    assert_int_equal(create(bench, bench->path, error, &other), -EADDRINUSE);
    assert_non_null(strstr(error, "another program uses it"));
    assert_null(other);
    /* A failed attempt leaves this one alone. */
    assert_int_equal(access(bench->path, F_OK), 0);

    snprintf(path, sizeof(path), "%s/old", bench->folder);
    close(open_socket(SOCK_STREAM, path, true));
    assert_int_equal(create(bench, path, error, &other), 0);
    int fd = open_socket(SOCK_STREAM, path, false);
    close(fd);
    /* Somebody takes the name over: not ours to remove. */
    unlink(path);
    close(open_socket(SOCK_STREAM, path, true));
    hosted_vsock_unix_destroy(other);
    assert_int_equal(unlink(path), 0);

    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(create(bench, path, error, &other), -EADDRINUSE);
    assert_non_null(strstr(error, "it is no socket"));
    assert_int_equal(unlink(path), 0);

    /* The second of the two cannot be: the first goes too. */
    char second[96];
    snprintf(second, sizeof(second), "%s.seqpacket", path);
    fd = open(second, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(create(bench, path, error, &other), -EADDRINUSE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(second), 0);
}

static void paths_that_cannot_be(void **state)
{
    struct bench *bench = *state;
    struct hosted_vsock_unix *other;
    char error[HOSTED_VSOCK_UNIX_ERROR];
    char longest[97];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[96] = 0;
    memcpy(longest, bench->folder, strlen(bench->folder));
    longest[strlen(bench->folder)] = '/';
    assert_int_equal(create(bench, "", error, &other), -ENAMETOOLONG);
    assert_int_equal(create(bench, "/no/such/folder/socket", error, &other), -ENOENT);
    assert_non_null(strstr(error, "/no/such/folder/socket"));
    assert_int_equal(create(bench, longest, error, &other), 0);
    assert_int_equal(access(longest, F_OK), 0);
    hosted_vsock_unix_destroy(other);
    char longer[98];
    snprintf(longer, sizeof(longer), "%sx", longest);
    assert_int_equal(create(bench, longer, error, &other), -ENAMETOOLONG);
    hosted_vsock_unix_destroy(NULL);
}

static void it_starts_again_with_another_mux(void **state)
{
    struct bench *bench = *state;
    uint32_t port;
    start(bench);
    int fd = connect_client(bench, &port);
    hosted_vsock_unix_stop(bench->backend);
    expect_end(fd);
    close(fd);
    fd = open_socket(SOCK_STREAM, bench->path, false); /* Waits. */
    say(fd, "CONNECT 77\n");
    turn(bench);
    vsock_guest_expect(&bench->guest, OP(SHUTDOWN), port, 1234);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(hosted_vsock_unix_start(bench->backend, &bench->mux), 0);
    turn(bench);
    struct vmmp_vsock_packet packet;
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.dst_port, 77);
    close(fd);
}

static void without_descriptors(void **state)
{
    struct bench *bench = *state;
    struct rlimit before;
    struct rlimit none;
    uint32_t port;
    start(bench);
    int fd = open_socket(SOCK_STREAM, bench->path, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn(bench);
    vsock_guest_send(&bench->guest, OP(REQUEST), 7, 99);
    vsock_guest_expect(&bench->guest, OP(RST), 99, 7);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(hosted_vsock_unix_stats(bench->backend).accepted, 0);
    while (hosted_vsock_unix_stats(bench->backend).accepted == 0) { /* 100 ms. */
        assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
    }
    close(fd);
    turn(bench);
    close(connect_client(bench, &port));
}

int test_vsock_unix(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_client_connects),
        TEST(the_line_comes_in_pieces),
        TEST(garbage_is_refused),
        TEST(nobody_listens_in_the_guest),
        TEST(a_client_that_says_nothing),
        TEST(a_client_that_stops_within_the_line),
        TEST(more_clients_than_links),
        TEST(the_guest_finds_a_listener),
        TEST(the_guest_finds_nobody),
        TEST(a_slow_reader),
        TEST(data_in_many_pieces),
        TEST(a_slow_guest),
        TEST(the_peer_is_gone),
        TEST(a_client_that_leaves_data_behind),
        TEST(the_guest_resets_the_device),
        TEST(messages_keep_their_boundaries),
        TEST(a_line_that_is_not_a_message_of_its_own),
        TEST(old_sockets_are_replaced_and_others_are_not),
        TEST(paths_that_cannot_be),
        TEST(it_starts_again_with_another_mux),
        TEST(without_descriptors),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
