/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock connections: credit both ways, guests without receive buffers, message boundaries. */
#include "support/vsock_bench.h"
#include "virtio/virtio_spec.h"

int test_vsock_flow(void);

static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256 + seed);
    }
}

/* ---- From the guest ---- */

static void a_slow_backend(void **state)
{
    struct bench *bench = *state;
    static uint8_t sent[BENCH_BUFFER * 3];
    bench_start(bench, 64);
    struct end *end = bench_connect(bench, 1000);
    fill(sent, sizeof(sent), 1);
    end->room = 100;
    uint32_t done = 0;
    uint32_t told = 0; /* fwd_cnt as the guest knows it. */
    unsigned updates = 0;
    while (end->length < sizeof(sent)) {
        uint32_t credit = BENCH_BUFFER - (done - told);
        uint32_t left = (uint32_t)sizeof(sent) - done;
        uint32_t piece = credit < left ? credit : left;
        piece = piece < 1000 ? piece : 1000;
        if (piece > 0) {
            vsock_guest_write(&bench->guest, 1000, 80, sent + done, piece);
            done += piece;
        } else {
            bench_make_room(bench, end, 333);
        }
        struct vmmp_vsock_packet packet;
        while (vsock_guest_next(&bench->guest, &packet, NULL)) {
            assert_int_equal(packet.op, OP(CREDIT_UPDATE));
            told = packet.fwd_cnt;
            updates++;
        }
        assert_false(end->closed);
    }
    assert_memory_equal(end->data, sent, sizeof(sent));
    assert_in_range(updates, 4, 13); /* A quarter of the buffer each, not one per packet. */
}

static void a_backend_that_wakes_us_inside(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 2;
    bench->wake = true;
    vsock_guest_write(&bench->guest, 1000, 80, "abcdefghijklmnop", 16);
    assert_int_equal(end->length, 16);
    assert_memory_equal(end->data, "abcdefghijklmnop", 16);
}

static void wake_and_take_nothing(struct bench *bench, struct vmmp_vsock_connection *connection)
{
    vmmp_vsock_mux_writable(&bench->mux, connection);
}

static int64_t take_nothing(void *cookie, struct vmmp_vsock_connection *connection,
                            const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                            uint32_t flags)
{
    struct bench *bench = cookie;
    (void)iov, (void)count, (void)bytes, (void)flags;
    bench->sends++;
    wake_and_take_nothing(bench, connection);
    return 0;
}

static void a_backend_that_wakes_us_and_takes_nothing(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    bench->mux.backend.send = take_nothing;
    vsock_guest_write(&bench->guest, 1000, 80, "abc", 3);
    assert_in_range(bench->sends, 1, 4);
    bench->mux.backend.send = backend_send;
    bench_make_room(bench, end, 100);
    assert_memory_equal(end->data, "abc", 3);
}

static int64_t boast(void *cookie, struct vmmp_vsock_connection *connection,
                     const struct vmmp_iovec *iov, unsigned count, uint32_t bytes, uint32_t flags)
{
    backend_send(cookie, connection, iov, count, bytes, flags);
    return INT64_MAX;
}

static void a_backend_that_claims_too_much(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    bench->mux.backend.send = boast;
    vsock_guest_write(&bench->guest, 1000, 80, "abc", 3);
    assert_int_equal(end->connection->fwd_cnt, 3);
}

static void the_guest_asks_for_its_credit(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    bench_connect(bench, 1000);
    vsock_guest_write(&bench->guest, 1000, 80, "abc", 3);
    vsock_guest_expect_nothing(&bench->guest);
    vsock_guest_send(&bench->guest, OP(CREDIT_REQUEST), 1000, 80);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(CREDIT_UPDATE));
    assert_int_equal(packet.fwd_cnt, 3);
    assert_int_equal(packet.buf_alloc, BENCH_BUFFER);
}

/* The counts of both sides pass 2^32. */
static void counts_wrap_around(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static uint8_t data[BENCH_BUFFER];
    static uint8_t text[VSOCK_GUEST_RX_SIZE];
    struct vmmp_vsock_packet packet;
    fill(data, sizeof(data), 3);
    bench_start(bench, 32);
    guest->buf_alloc = 1000;
    guest->fwd_cnt = 0xffffff00u;
    struct end *end = bench_connect(bench, 1000);
    struct vmmp_vsock_connection *connection = end->connection;
    connection->rx_cnt = connection->fwd_cnt = connection->told_fwd_cnt = 0xfffffff0u;

    end->room = 10;
    vsock_guest_write(guest, 1000, 80, data, 3000); /* Stored across the wrap. */
    assert_int_equal(end->length, 10);
    bench_make_room(bench, end, SIZE_MAX);
    assert_int_equal(end->length, 3000);
    assert_memory_equal(end->data, data, 3000);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.op, OP(CREDIT_UPDATE));
    assert_int_equal(packet.fwd_cnt, 3000 - 16);
    vsock_guest_write(guest, 1000, 80, data, BENCH_BUFFER); /* All of it again. */
    assert_false(end->closed);
    assert_true(vsock_guest_next(guest, &packet, NULL));

    bench_say(bench, end, (const char *)data, 2500);
    assert_true(vsock_guest_next(guest, &packet, text));
    assert_int_equal(packet.len, 1000); /* Its credit, past 2^32. */
    assert_memory_equal(text, data, 1000);
    vsock_guest_expect(guest, OP(CREDIT_REQUEST), 80, 1000);
    vsock_guest_expect_nothing(guest);
    guest->fwd_cnt += 600;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    assert_true(vsock_guest_next(guest, &packet, text));
    assert_int_equal(packet.len, 600);
    assert_memory_equal(text, data + 1000, 600);
    assert_false(end->closed);
}

/* ---- To the guest ---- */

static void credit_of_the_guest_is_never_exceeded(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static uint8_t sent[20000];
    static uint8_t got[sizeof(sent)];
    fill(sent, sizeof(sent), 5);
    bench_start(bench, 32);
    guest->buf_alloc = 5000;
    struct end *end = bench_connect(bench, 1000);
    bench_say(bench, end, (const char *)sent, sizeof(sent));
    uint32_t received = 0;
    unsigned asked = 0;
    while (received < sizeof(sent)) {
        struct vmmp_vsock_packet packet;
        uint8_t bytes[VSOCK_GUEST_RX_SIZE];
        while (vsock_guest_next(guest, &packet, bytes)) {
            asked += packet.op == OP(CREDIT_REQUEST);
            if (packet.op != OP(RW)) {
                continue;
            }
            assert_true(received - guest->fwd_cnt + packet.len <= 5000);
            memcpy(got + received, bytes, packet.len);
            received += packet.len;
        }
        guest->fwd_cnt += 777 < received - guest->fwd_cnt ? 777 : received - guest->fwd_cnt;
        vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    }
    assert_memory_equal(got, sent, sizeof(sent));
    assert_true(asked >= 1);
    assert_false(end->closed);
}

static void a_guest_that_shrinks_its_buffer(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static const char data[3000];
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    guest->buf_alloc = 2000;
    struct end *end = bench_connect(bench, 1000);
    bench_say(bench, end, data, sizeof(data));
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.len, 2000);
    vsock_guest_expect(guest, OP(CREDIT_REQUEST), 80, 1000);
    guest->buf_alloc = 500; /* 2000 bytes are in it. */
    guest->fwd_cnt = 1000;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    guest->fwd_cnt = 1500;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    vsock_guest_expect_nothing(guest);
    guest->fwd_cnt = 1501;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.len, 1);
    /* An older count, as from another CPU, changes nothing. */
    vsock_guest_expect(guest, OP(CREDIT_REQUEST), 80, 1000);
    guest->fwd_cnt = 1400;
    guest->buf_alloc = 501;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.len, 1);
    vsock_guest_expect(guest, OP(CREDIT_REQUEST), 80, 1000);
    guest->buf_alloc = UINT32_MAX;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.len, 998);
    assert_false(end->closed);
}

/* ---- Without receive buffers ---- */

static void answers_wait_for_buffers(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 0);
    for (uint32_t i = 0; i < 20; i++) {
        vsock_guest_send(guest, OP(REQUEST), 1000 + i, 80);
        vsock_guest_write(guest, 1000 + i, 80, "x", 1);
    }
    /* Many reasons for an update are one. */
    for (unsigned i = 0; i < 10; i++) {
        vsock_guest_send(guest, OP(CREDIT_REQUEST), 1000, 80);
    }
    assert_int_equal(vsock_guest_sent(guest), 50); /* 5.10.6.1: transmit goes on. */
    assert_int_equal(bench->ends[19].length, 1);
    guest->repost = false;
    for (uint32_t i = 0; i < 20; i++) {
        vsock_guest_expect_nothing(guest);
        vsock_guest_post(guest, 1);
        vsock_guest_expect(guest, OP(RESPONSE), 80, 1000 + i);
    }
    vsock_guest_post(guest, 4);
    vsock_guest_expect_nothing(guest); /* The response told the credit along. */
}

/* The ring of resets is full: the transmit queue waits, and nothing is lost (row 3 of the rule). */
static void resets_are_bounded(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 0);
    unsigned sent = 0;
    for (uint32_t i = 0; i < VMMP_VSOCK_MUX_RESETS + 20; i++) {
        vsock_guest_send(guest, OP(RW), i, 7);
        sent += vsock_guest_sent(guest);
    }
    assert_int_equal(sent, VMMP_VSOCK_MUX_RESETS);
    assert_int_equal(bench->mux.reset_count, VMMP_VSOCK_MUX_RESETS);
    vsock_guest_post(guest, 100);
    for (uint32_t i = 0; i < VMMP_VSOCK_MUX_RESETS + 20; i++) {
        vsock_guest_expect(guest, OP(RST), 7, i);
    }
    vsock_guest_expect_nothing(guest);
    assert_int_equal(sent + vsock_guest_sent(guest), VMMP_VSOCK_MUX_RESETS + 20);
    bench_connect(bench, 1000);
}

/* Who talks most does not keep the others waiting. */
static void connections_take_turns(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static const char data[30000];
    bench_start(bench, 5);
    for (uint32_t i = 0; i < 5; i++) {
        bench_connect(bench, 1000 + i);
    }
    /* The guest has no buffers for a while. */
    guest->repost = false;
    struct end *talker = &bench->ends[0];
    bench_say(bench, talker, data, sizeof(data));
    struct vmmp_vsock_packet packet;
    while (vsock_guest_next(guest, &packet, NULL)) {
        assert_int_equal(packet.dst_port, 1000);
    }
    for (uint32_t i = 1; i < 5; i++) {
        bench_say(bench, &bench->ends[i], data, 10000);
    }
    unsigned turns[5] = { 0 };
    for (unsigned i = 0; i < 10; i++) {
        vsock_guest_post(guest, 1);
        assert_true(vsock_guest_next(guest, &packet, NULL));
        assert_int_equal(packet.op, OP(RW));
        turns[packet.dst_port - 1000]++;
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(turns[i], 2);
    }
}

static void buffers_without_room_for_data(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 1);
    struct end *end = bench_connect(bench, 1000);
    guest->repost = false;
    vsock_guest_send(guest, OP(CREDIT_REQUEST), 1000, 80);
    vsock_guest_expect(guest, OP(CREDIT_UPDATE), 80, 1000);
    bench_say(bench, end, "data", 4);
    /* 43 bytes: returned empty. 44: a header and no more. 45: a byte. */
    static const uint32_t sizes[] = { 43, 44, 45, 46, 4096 };
    uint32_t lens[5];
    for (unsigned i = 0; i < 5; i++) {
        const struct virtio_driver_buffer buffers[] = {
            { guest->rx + 8192 * i, 7, true }, { guest->rx + 8192 * i + 7, sizes[i] - 7, true }
        };
        virtio_driver_add(&guest->driver, VIRTIO_VSOCK_RX, buffers, 2);
    }
    virtio_driver_kick(&guest->driver, VIRTIO_VSOCK_RX);
    vsock_guest_settle(guest);
    for (unsigned i = 0; i < 5; i++) {
        uint32_t id;
        assert_true(virtio_driver_used(&guest->driver, VIRTIO_VSOCK_RX, &id, &lens[i]));
        if (i > 0) {
            vmmp_vsock_packet_load(&packet,
                                   virtio_driver_at(&guest->driver, guest->rx + 8192 * i, 44));
            assert_int_equal(packet.op, i == 1 ? OP(CREDIT_UPDATE) : OP(RW));
        }
    }
    assert_int_equal(lens[0], 0);
    assert_int_equal(lens[1], 44);
    assert_int_equal(lens[2], 45);
    assert_int_equal(lens[3], 46);
    assert_int_equal(lens[4], 45);
    assert_int_equal(end->output_left, 0);
}

/* ---- Seqpacket (5.10.6.7) ---- */

static void messages_arrive_whole(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect_seq(bench);
    bench_send_seq(bench, OP(RW), 0, "one ");
    bench_send_seq(bench, OP(RW), 0, "message");
    assert_int_equal(bench->sends, 0);
    bench_send_seq(bench, OP(RW), VIRTIO_VSOCK_SEQ_EOM, ".");
    assert_int_equal(end->messages, 1);
    assert_int_equal(end->length, 12);
    assert_memory_equal(end->data, "one message.", 12);
    assert_int_equal(end->flags, VMMP_VSOCK_END_OF_MESSAGE);
    bench_send_seq(bench, OP(RW), VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR, "record");
    assert_int_equal(end->messages, 2);
    assert_int_equal(end->flags, VMMP_VSOCK_END_OF_MESSAGE | VMMP_VSOCK_END_OF_RECORD);
    /* The end alone, behind the data; an empty message is none. */
    bench_send_seq(bench, OP(RW), 0, "late");
    bench_send_seq(bench, OP(RW), VIRTIO_VSOCK_SEQ_EOM, "");
    bench_send_seq(bench, OP(RW), VIRTIO_VSOCK_SEQ_EOM, "");
    assert_int_equal(end->messages, 3);
    assert_int_equal(end->length, 22);
}

static void messages_wait_for_the_backend(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect_seq(bench);
    struct vmmp_vsock_connection *connection = end->connection;
    connection->rx_cnt = connection->fwd_cnt = connection->told_fwd_cnt = 0xfffffffau;
    end->room = 3;
    static const char *const messages[] = { "four", "a", "bc", "defghijk", "l" };
    for (unsigned i = 0; i < 5; i++) {
        bench_send_seq(bench, OP(RW), i % 2 ? 3 : 1, messages[i]);
    }
    assert_int_equal(end->messages, 0); /* Whole or not at all, and in order. */
    bench_make_room(bench, end, 4);
    assert_int_equal(end->messages, 1);
    assert_int_equal(end->flags, 1);
    bench_make_room(bench, end, 3);
    assert_int_equal(end->messages, 3);
    bench_make_room(bench, end, 8);
    assert_int_equal(end->messages, 4);
    assert_int_equal(end->flags, 3);
    bench_make_room(bench, end, 1);
    assert_int_equal(end->messages, 5);
    assert_int_equal(end->flags, 1);
    assert_memory_equal(end->data, "fourabcdefghijkl", 16);
    assert_int_equal(connection->messages, 0);
}

static void a_thousand_messages_of_a_byte(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect_seq(bench);
    end->room = 0;
    for (unsigned i = 0; i < BENCH_BUFFER; i++) {
        bench_send_seq(bench, OP(RW), 1, i % 2 ? "x" : "y");
        vsock_guest_sent(&bench->guest);
    }
    assert_false(end->closed);
    bench_make_room(bench, end, SIZE_MAX);
    assert_int_equal(end->messages, BENCH_BUFFER);
    bench_send_seq(bench, OP(RW), 1, "more");
    assert_int_equal(end->messages, BENCH_BUFFER + 1);
}

/* A message that will never be whole, and one larger than there can be. */
static void unfinished_messages(void **state)
{
    struct bench *bench = *state;
    static char much[BENCH_BUFFER + 1];
    memset(much, 'm', BENCH_BUFFER);
    bench_start(bench, 8);
    struct end *end = bench_connect_seq(bench);
    bench_send_seq(bench, OP(RW), 0, "unfinished");
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 9, 80);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_true(end->closed);
    assert_int_equal(bench->sends, 0);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 9);

    end = bench_connect_seq(bench);
    bench_send_seq(bench, OP(RW), 0, much);
    assert_false(end->closed);
    bench_send_seq(bench, OP(RW), 1, "!");
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_RESET);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 9);
}

static void messages_for_the_guest(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    struct vmmp_vsock_packet packet;
    static char data[6000];
    bench_start(bench, 8);
    struct end *end = bench_connect_seq(bench);
    end->output_flags = VMMP_VSOCK_END_OF_MESSAGE | VMMP_VSOCK_END_OF_RECORD;
    bench_say(bench, end, data, sizeof(data));
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
    assert_int_equal(packet.len, VSOCK_GUEST_RX_SIZE - VMMP_VIRTIO_VSOCK_HEADER);
    assert_int_equal(packet.flags, 0);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.len, 6000 - (VSOCK_GUEST_RX_SIZE - VMMP_VIRTIO_VSOCK_HEADER));
    assert_int_equal(packet.flags, VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);
    vsock_guest_expect_nothing(guest);
}

/* Virtio 1.4, 5.10.3.2: drivers that know no feature, or messages alone, may use streams. */
static void streams_without_their_feature(void **state)
{
    struct bench *bench = *state;
    static const uint64_t features[] = { 0, UINT64_C(1) << VIRTIO_VSOCK_F_SEQPACKET };
    for (unsigned i = 0; i < 2; i++) {
        vsock_guest_start(&bench->guest, UINT64_C(1) << VIRTIO_F_VERSION_1 | features[i]);
        vsock_guest_post(&bench->guest, 8);
        struct end *end = bench_connect(bench, 1000);
        vsock_guest_write(&bench->guest, 1000, 80, "abc", 3);
        assert_int_equal(end->length, 3);
        assert_memory_equal(end->data, "abc", 3);
    }
}

int test_vsock_flow(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_EVERYWHERE(a_slow_backend),
        BENCH_EVERYWHERE(a_backend_that_wakes_us_inside),
        BENCH_EVERYWHERE(a_backend_that_wakes_us_and_takes_nothing),
        BENCH_EVERYWHERE(a_backend_that_claims_too_much),
        BENCH_EVERYWHERE(the_guest_asks_for_its_credit),
        BENCH_EVERYWHERE(counts_wrap_around),
        BENCH_EVERYWHERE(credit_of_the_guest_is_never_exceeded),
        BENCH_EVERYWHERE(a_guest_that_shrinks_its_buffer),
        BENCH_EVERYWHERE(answers_wait_for_buffers),
        BENCH_EVERYWHERE(resets_are_bounded),
        BENCH_EVERYWHERE(connections_take_turns),
        BENCH_EVERYWHERE(buffers_without_room_for_data),
        BENCH_EVERYWHERE(messages_arrive_whole),
        BENCH_EVERYWHERE(messages_wait_for_the_backend),
        BENCH_EVERYWHERE(a_thousand_messages_of_a_byte),
        BENCH_EVERYWHERE(unfinished_messages),
        BENCH_EVERYWHERE(streams_without_their_feature),
        BENCH_EVERYWHERE(messages_for_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
