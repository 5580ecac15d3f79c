/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock ports as unix sockets: data, slow and vanishing peers, messages, a kernel short of memory.
 */
#include "vmmp_test.h"

#include <errno.h>
#include <unistd.h>

#include "support/host_faults.h"
#include "support/vsock_links.h"

int test_vsock_unix_data(void);

/* ---- Peers ---- */

/* The guest is held up by its credit, nothing is lost, and others go on. */
static void a_slow_reader(void **state)
{
    struct vsock_links *bench = *state;
    static uint8_t sent[1 << 20];
    static uint8_t got[sizeof(sent)];
    uint32_t done = 0;
    size_t received = 0;
    uint32_t told = 0;
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (uint8_t)(i * 13 + i / 4096);
    }
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_STREAM);
    bool held_up = false;
    while (received < sizeof(sent)) {
        struct vmmp_vsock_packet packet;
        uint32_t credit = VSOCK_LINKS_BUFFER - (done - told);
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
            vsock_links_turn(bench);
        }
        while (vsock_guest_next(&bench->guest, &packet, NULL)) {
            assert_int_equal(packet.op, OP(CREDIT_UPDATE));
            told = packet.fwd_cnt;
        }
    }
    assert_true(held_up);
    assert_memory_equal(got, sent, sizeof(sent));
    vsock_links_finish(bench, 7, 99);
    close(fd);
}

/* More than one system call takes; the socket, which has room, would not say that it is writable.
 */
static void data_in_many_pieces(void **state)
{
    enum { PIECES = 100 };
    struct vsock_links *bench = *state;
    struct virtio_driver_buffer buffers[1 + PIECES];
    uint8_t data[PIECES];
    uint8_t got[PIECES + 1];
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_STREAM);
    vsock_links_turn(bench); /* That it is writable has been told. */
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
    vsock_links_turn(bench);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_PEEK), PIECES);
    assert_memory_equal(got, data, PIECES);
    vsock_links_finish(bench, 7, 99);
    close(fd);
}

/* And the client, by the guest's credit; then by the guest's closing. */
static void a_slow_guest(void **state)
{
    struct vsock_links *bench = *state;
    static char data[4096];
    struct vmmp_vsock_packet packet;
    uint32_t port;
    bench->guest.buf_alloc = 10000;
    vsock_links_start(bench);
    int fd = vsock_links_connect_client(bench, &port);
    size_t sent = 0;
    ssize_t more;
    while ((more = send(fd, data, sizeof(data), MSG_NOSIGNAL)) > 0) {
        sent += (size_t)more;
        vsock_links_turn(bench);
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
        vsock_links_turn(bench);
    }
    assert_int_equal(received, sent);
    vsock_links_finish(bench, 1234, port);
    close(fd);
}

static void the_peer_is_gone(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_STREAM);
    vsock_links_say(fd, "last words");
    close(fd);
    /* The guest writes before the loop has looked; it still gets what was said. */
    vsock_guest_write(&bench->guest, 7, 99, "anybody?", 8);
    vsock_links_turn(bench);
    bool heard = false;
    uint32_t flags = 0;
    while (vsock_guest_next(&bench->guest, &packet, payload)) {
        heard = heard || (packet.op == OP(RW) && memcmp(payload, "last words", 10) == 0);
        flags |= packet.op == OP(SHUTDOWN) ? packet.flags : 0;
    }
    assert_true(heard);
    assert_int_equal(flags, 3);
    vsock_links_finish(bench, 7, 99);
}

/* With the guest out of credit and the client gone the loop is not kept busy. */
static void a_client_that_leaves_data_behind(void **state)
{
    struct vsock_links *bench = *state;
    static const char data[3000];
    struct vmmp_vsock_packet packet;
    uint32_t port;
    bench->guest.buf_alloc = 1000;
    vsock_links_start(bench);
    int fd = vsock_links_connect_client(bench, &port);
    assert_int_equal(send(fd, data, sizeof(data), MSG_NOSIGNAL), sizeof(data));
    close(fd);
    vsock_links_turn(bench);
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
    vsock_links_finish(bench, 1234, port);
}

static void the_guest_resets_the_device(void **state)
{
    struct vsock_links *bench = *state;
    uint32_t port;
    vsock_links_start(bench);
    int client = vsock_links_connect_client(bench, &port);
    int listener = vsock_links_connect_guest(bench, SOCK_STREAM);
    int waiting = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_say(waiting, "CONNECT 5\n");
    vsock_links_turn(bench);
    virtio_driver_reset(&bench->guest.driver);
    vsock_links_expect_end(client);
    vsock_links_expect_end(listener);
    vsock_links_expect_end(waiting);
    close(client);
    close(listener);
    close(waiting);
    vsock_links_start(bench);
    close(vsock_links_connect_client(bench, &port));
}

/* ---- Messages ---- */

static void messages_keep_their_boundaries(void **state)
{
    struct vsock_links *bench = *state;
    struct vmmp_vsock_packet packet;
    static char large[20000];
    static char got[sizeof(large)];
    char name[80];
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_SEQPACKET);
    packet = vsock_guest_packet(&bench->guest, OP(RW), 7, 99);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    packet.len = 3;
    packet.flags = VIRTIO_VSOCK_SEQ_EOM;
    vsock_guest_send_raw(&bench->guest, &packet, "one", 3);
    packet.flags = 0;
    vsock_guest_send_raw(&bench->guest, &packet, "tw", 3);
    packet.flags = VIRTIO_VSOCK_SEQ_EOM;
    vsock_guest_send_raw(&bench->guest, &packet, "o!", 3);
    vsock_links_expect_text(fd, "one");
    assert_int_equal(recv(fd, got, sizeof(got), 0), 6);
    memset(large, 'L', sizeof(large));
    assert_int_equal(send(fd, large, sizeof(large), MSG_NOSIGNAL), sizeof(large));
    vsock_links_say(fd, "small");
    vsock_links_turn(bench);
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
    vsock_links_expect_end(fd);
    close(fd);

    snprintf(name, sizeof(name), "%s.seqpacket", bench->path);
    fd = vsock_links_open_socket(SOCK_SEQPACKET, name, false);
    vsock_links_say(fd, "CONNECT 8\n");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
    uint32_t port = packet.src_port;
    vsock_guest_send(&bench->guest, OP(RST), 8, port); /* Of the other type, so it is no answer. */
    assert_int_equal(bench->mux.in_use, 1);
    packet = vsock_guest_packet(&bench->guest, OP(RESPONSE), 8, port);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    snprintf(name, sizeof(name), "OK %u\n", port);
    vsock_links_expect_text(fd, name);
    packet.op = OP(RST);
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_int_equal(bench->mux.in_use, 0);
    close(fd);
}

static void a_line_that_is_not_a_message_of_its_own(void **state)
{
    struct vsock_links *bench = *state;
    char name[80];
    vsock_links_start(bench);
    snprintf(name, sizeof(name), "%s.seqpacket", bench->path);
    static const char *const lines[] = { "CONNECT 8\nmore", "CONNECT 8", "" };
    for (unsigned i = 0; i < 3; i++) {
        int fd = vsock_links_open_socket(SOCK_SEQPACKET, name, false);
        vsock_links_say(fd, lines[i]);
        vsock_links_turn(bench);
        vsock_links_expect_end(fd);
        close(fd);
    }
    vsock_guest_expect_nothing(&bench->guest);
}

/* ---- A kernel short of memory ---- */

/* The loop's next turn may be somebody else's. */
static void await_packet(struct vsock_links *bench, struct vmmp_vsock_packet *packet, void *payload)
{
    for (unsigned turns = 0; turns < 100; turns++) {
        assert_int_equal(hosted_event_loop_step(bench->loop, 100), 0);
        if (vsock_guest_next(&bench->guest, packet, payload)) {
            return;
        }
    }
    fail_msg("nothing has come in 100 turns");
}

/* The socket was ready and stays so: nothing tells when a call that failed would work. */
static void what_failed_is_tried_again(void **state)
{
    struct vsock_links *bench = *state;
    static const int errors[] = { ENOBUFS, ENOMEM, EINTR };
    struct vmmp_vsock_packet packet;
    char payload[VSOCK_GUEST_RX_SIZE];
    vsock_links_start(bench);
    int fd = vsock_links_connect_guest(bench, SOCK_STREAM);
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        host_fault_set(HOST_CALL_SENDMSG, errors[i], 1);
        vsock_guest_write(&bench->guest, 7, 99, "to the host", 11);
        assert_int_equal(host_fault_left(HOST_CALL_SENDMSG), 0);
        vsock_links_expect_silence(fd);
        assert_int_equal(hosted_event_loop_step(bench->loop, 10000), 0);
        vsock_links_expect_text(fd, "to the host");

        host_fault_set(HOST_CALL_RECVMSG, errors[i], 1);
        vsock_links_say(fd, "to the guest");
        vsock_links_turn(bench);
        assert_int_equal(host_fault_left(HOST_CALL_RECVMSG), 0);
        vsock_guest_expect_nothing(&bench->guest);
        await_packet(bench, &packet, payload);
        assert_int_equal(packet.op, OP(RW));
        assert_int_equal(packet.len, 12);
        assert_memory_equal(payload, "to the guest", 12);
    }
    vsock_links_finish(bench, 7, 99);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vsock_links_setup, vsock_links_teardown)

int test_vsock_unix_data(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slow_reader),
        TEST(data_in_many_pieces),
        TEST(a_slow_guest),
        TEST(the_peer_is_gone),
        TEST(a_client_that_leaves_data_behind),
        TEST(the_guest_resets_the_device),
        TEST(messages_keep_their_boundaries),
        TEST(a_line_that_is_not_a_message_of_its_own),
        TEST(what_failed_is_tried_again),
    };
    return cmocka_run_group_tests_name("vsock_unix_data", tests, NULL, NULL);
}
