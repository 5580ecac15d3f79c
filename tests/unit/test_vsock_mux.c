/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock connections (virtio 1.2, 5.10.6): how they begin, and what is reset. */
#include "support/vsock_bench.h"

int test_vsock_mux(void);

/* ---- Beginning ---- */

static void the_guest_connects(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    vsock_guest_send(guest, OP(REQUEST), 1000, 80);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.op, OP(RESPONSE));
    assert_int_equal(packet.src_cid, VMMP_VSOCK_CID_HOST);
    assert_int_equal(packet.dst_cid, 5);
    assert_int_equal(packet.src_port, 80);
    assert_int_equal(packet.dst_port, 1000);
    assert_int_equal(packet.type, VIRTIO_VSOCK_TYPE_STREAM);
    assert_int_equal(packet.buf_alloc, BENCH_BUFFER);
    assert_int_equal(packet.fwd_cnt, 0);
    assert_int_equal(packet.len, 0);
    assert_int_equal(bench->end_count, 1);
    assert_int_equal(bench->ends[0].connection->host_port, 80);
    assert_int_equal(bench->mux.in_use, 1);

    vsock_guest_write(guest, 1000, 80, "hello", 5);
    assert_int_equal(bench->ends[0].length, 5);
    assert_memory_equal(bench->ends[0].data, "hello", 5);
    char text[VSOCK_GUEST_RX_SIZE];
    bench_say(bench, &bench->ends[0], "good day", 8);
    assert_true(vsock_guest_next(guest, &packet, text));
    assert_int_equal(packet.op, OP(RW));
    assert_int_equal(packet.len, 8);
    assert_int_equal(packet.fwd_cnt, 5); /* Told along. */
    assert_memory_equal(text, "good day", 8);
    vsock_guest_expect_nothing(guest);
    assert_int_equal(bench->mux.device.stats.tx_bytes, 5);
    assert_int_equal(bench->mux.device.stats.rx_bytes, 8);
}

static void the_host_connects(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 8);
    struct vmmp_vsock_connection *connection = bench_open(bench, 22);
    uint32_t port = connection->host_port;
    assert_true(port >= 1u << 30);
    vsock_guest_expect(guest, OP(REQUEST), port, 22);
    assert_false(bench->ends[0].connected);
    bench_say(bench, &bench->ends[0], "early", 5); /* Waits for the guest's answer. */
    vsock_guest_expect_nothing(guest);
    vsock_guest_send(guest, OP(RESPONSE), 22, port);
    assert_true(bench->ends[0].connected);
    vsock_guest_expect(guest, OP(RW), port, 22);
    vsock_guest_write(guest, 22, port, "ok", 2);
    assert_int_equal(bench->ends[0].length, 2);
    assert_true(bench_open(bench, 22)->host_port != port);
    vsock_guest_expect(guest, OP(REQUEST), bench->ends[1].connection->host_port, 22);
}

static void the_guest_refuses(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    uint32_t port = bench_open(bench, 22)->host_port;
    vsock_guest_expect(&bench->guest, OP(REQUEST), port, 22);
    vsock_guest_send(&bench->guest, OP(RST), 22, port);
    assert_true(bench->ends[0].closed);
    assert_int_equal(bench->ends[0].reason, VMMP_VSOCK_RESET);
    assert_int_equal(bench->mux.in_use, 0);
    vsock_guest_expect_nothing(&bench->guest);
}

static void the_host_refuses(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    bench->refuse = true;
    vsock_guest_send(&bench->guest, OP(REQUEST), 1000, 80);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
    assert_int_equal(bench->mux.in_use, 0);
    assert_int_equal(bench->mux.stats.refused, 1);
    bench->refuse = false;
    bench->late = true;
    vsock_guest_send(&bench->guest, OP(REQUEST), 1000, 80);
    vsock_guest_expect_nothing(&bench->guest);
    bench_enter(bench);
    vmmp_vsock_mux_close(&bench->mux, bench->ends[0].connection);
    bench->ends[0].connection = NULL;
    bench_leave(bench);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
    assert_int_equal(bench->mux.in_use, 0);
}

static void the_host_accepts_later(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    bench->late = true;
    vsock_guest_send(&bench->guest, OP(REQUEST), 1000, 80);
    vsock_guest_expect_nothing(&bench->guest);
    bench_enter(bench);
    vmmp_vsock_mux_accept(&bench->mux, bench->ends[0].connection);
    vmmp_vsock_mux_accept(&bench->mux, bench->ends[0].connection);
    bench_leave(bench);
    vsock_guest_expect(&bench->guest, OP(RESPONSE), 80, 1000);
    /* The guest changes its mind while the host still thinks. */
    vsock_guest_send(&bench->guest, OP(REQUEST), 1001, 80);
    vsock_guest_send(&bench->guest, OP(SHUTDOWN), 1001, 80);
    assert_true(bench->ends[1].closed);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1001);
    vsock_guest_send(&bench->guest, OP(REQUEST), 1002, 80);
    vsock_guest_send(&bench->guest, OP(RST), 1002, 80);
    assert_true(bench->ends[2].closed);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(bench->mux.in_use, 1);
}

static void no_connection_without_a_driver(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_connection *connection;
    assert_int_equal(vmmp_vsock_mux_open(&bench->mux, 1, VMMP_VSOCK_STREAM, NULL, &connection),
                     -ENOTCONN);
    vsock_guest_start(&bench->guest, ~SEQPACKET_BIT);
    assert_int_equal(vmmp_vsock_mux_open(&bench->mux, 1, VMMP_VSOCK_SEQPACKET, NULL, &connection),
                     -EPROTONOSUPPORT);
    assert_null(connection);
}

/* ---- Many ---- */

static void a_hundred_connections(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 128);
    for (uint32_t i = 0; i < 100; i++) {
        struct end *end = bench_connect(bench, 5000 + i);
        assert_ptr_equal(end, &bench->ends[i]);
    }
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            char text[16];
            int length = snprintf(text, sizeof(text), "%u-%u;", i, round);
            vsock_guest_write(guest, 5000 + i, 80, text, (uint32_t)length);
            vsock_guest_sent(guest);
        }
    }
    for (uint32_t i = 0; i < 100; i++) {
        char text[64];
        int length = snprintf(text, sizeof(text), "%u-0;%u-1;%u-2;", i, i, i);
        assert_int_equal(bench->ends[i].length, length);
        assert_memory_equal(bench->ends[i].data, text, bench->ends[i].length);
        bench_say(bench, &bench->ends[i], "answer", 6);
        vsock_guest_expect(guest, OP(RW), 80, 5000 + i);
    }
    for (uint32_t i = 0; i < 100; i++) {
        struct vmmp_vsock_packet packet = vsock_guest_packet(guest, OP(SHUTDOWN), 5000 + i, 80);
        packet.flags = 3;
        packet.fwd_cnt = 6;
        vsock_guest_send_raw(guest, &packet, NULL, 0);
        assert_true(bench->ends[i].closed);
        assert_int_equal(bench->ends[i].reason, VMMP_VSOCK_DONE);
        vsock_guest_expect(guest, OP(RST), 80, 5000 + i);
        vsock_guest_sent(guest);
    }
    assert_int_equal(bench->mux.in_use, 0);
}

static void more_than_there_is_room_for(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_connection *connection;
    bench_start(bench, 128);
    for (uint32_t i = 0; i < BENCH_CONNECTIONS; i++) {
        bench_connect(bench, i);
    }
    vsock_guest_send(&bench->guest, OP(REQUEST), 999, 80);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 999);
    assert_int_equal(bench->mux.stats.refused, 1);
    bench_enter(bench);
    assert_int_equal(vmmp_vsock_mux_open(&bench->mux, 1, VMMP_VSOCK_STREAM, NULL, &connection),
                     -ENOSPC);
    bench_leave(bench);
    vsock_guest_send(&bench->guest, OP(RST), 7, 80);
    assert_true(bench->ends[7].closed);
    bench_connect(bench, 999);
}

/* ---- Resets (5.10.6.4.2, 5.10.6.5) ---- */

static void strangers_are_reset(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static const uint16_t ops[] = { 0, 2, 4, 5, 6, 7, 8, 0xffff };
    bench_start(bench, 8);
    for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        vsock_guest_send(guest, ops[i], 1, 2);
        vsock_guest_expect(guest, OP(RST), 2, 1);
    }
    vsock_guest_send(guest, OP(RST), 1, 2);
    vsock_guest_expect_nothing(guest); /* A reset is no reason for a reset. */

    struct vmmp_vsock_packet packet = vsock_guest_packet(guest, OP(REQUEST), 1, 2);
    packet.type = 77;
    vsock_guest_send_raw(guest, &packet, NULL, 0);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.op, OP(RST));
    assert_int_equal(packet.type, 77);

    packet = vsock_guest_packet(guest, OP(REQUEST), 1, 2);
    packet.dst_cid = UINT64_C(0x100000002); /* Not the host: all 64 bits count. */
    vsock_guest_send_raw(guest, &packet, NULL, 0);
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.op, OP(RST));
    assert_true(packet.src_cid == UINT64_C(0x100000002));
    assert_int_equal(bench->end_count, 0);
}

static void seqpacket_needs_its_feature(void **state)
{
    struct bench *bench = *state;
    vsock_guest_start(&bench->guest, ~SEQPACKET_BIT);
    vsock_guest_post(&bench->guest, 4);
    bench_send_seq(bench, OP(REQUEST), 0, "");
    vsock_guest_expect(&bench->guest, OP(RST), 80, 9);
    assert_int_equal(bench->end_count, 0);
}

static void broken_rules_reset_the_connection(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    static const uint8_t much[BENCH_BUFFER + 1];
    bench_start(bench, 32);
    for (unsigned rule = 0; rule < 9; rule++) {
        struct end *end = bench_connect(bench, 1000);
        struct end *other = bench_connect(bench, 1001);
        struct vmmp_vsock_packet packet = vsock_guest_packet(guest, OP(RW), 1000, 80);
        uint32_t length = 0;
        switch (rule) {
        case 0: /* More than the credit in one, */
            packet.len = length = BENCH_BUFFER + 1;
            break;
        case 1: /* or in the sum. */
            end->room = 0;
            vsock_guest_write(guest, 1000, 80, much, BENCH_BUFFER);
            packet.len = length = 1;
            break;
        case 2: /* Acknowledges what was never sent. */
            packet.op = OP(CREDIT_UPDATE);
            packet.fwd_cnt = 1;
            break;
        case 3:
            packet.op = OP(REQUEST);
            break;
        case 4:
            packet.op = OP(RESPONSE);
            break;
        case 5:
            packet.op = OP(INVALID);
            break;
        case 6:
            packet.op = 99;
            break;
        case 7: /* Data after it said there is none. */
            packet.op = OP(SHUTDOWN);
            packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND;
            vsock_guest_send_raw(guest, &packet, NULL, 0);
            packet.op = OP(RW);
            packet.len = length = 1;
            break;
        default: /* Half of all numbers are "more than was sent". */
            packet.op = OP(CREDIT_UPDATE);
            packet.fwd_cnt = 0x7fffffff;
            break;
        }
        vsock_guest_send_raw(guest, &packet, much, length);
        assert_true(end->closed);
        assert_int_equal(end->reason, VMMP_VSOCK_RESET);
        vsock_guest_expect(guest, OP(RST), 80, 1000);
        vsock_guest_expect_nothing(guest);
        assert_int_equal(bench->mux.stats.resets, rule + 1);
        /* Nobody else minds. */
        assert_false(other->closed);
        vsock_guest_write(guest, 1001, 80, "ok", 2);
        assert_int_equal(other->length, 2);
        vsock_guest_send(guest, OP(RST), 1001, 80);
    }
    assert_int_equal(bench->mux.in_use, 0);
}

static void a_response_before_the_request(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 0);
    uint32_t port = bench_open(bench, 22)->host_port;
    vsock_guest_send(&bench->guest, OP(RESPONSE), 22, port);
    assert_true(bench->ends[0].closed);
    assert_false(bench->ends[0].connected);
    assert_int_equal(bench->mux.in_use, 0);
}

static void a_packet_of_another_type(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 9);
    bench_send_seq(bench, OP(RW), 1, "x"); /* The same ports. */
    vsock_guest_expect(&bench->guest, OP(RST), 80, 9);
    assert_false(end->closed);
    assert_int_equal(end->length, 0);
}

static void options_are_checked(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint64_t cid;
        unsigned connections;
        uint32_t buffer;
        size_t memory;
    } bad[] = {
        { 2, 4, 4096, SIZE_MAX },          { 0, 4, 4096, SIZE_MAX },
        { UINT32_MAX, 4, 4096, SIZE_MAX }, { UINT64_MAX, 4, 4096, SIZE_MAX },
        { 3, 0, 4096, SIZE_MAX },          { 3, 65537, 4096, SIZE_MAX },
        { 3, 4, 2048, SIZE_MAX },          { 3, 4, 5000, SIZE_MAX },
        { 3, 4, 1u << 31, SIZE_MAX },      { 3, 4, 4096, 20479 },
    };
    const struct vmmp_vsock_backend backend = {
        backend_connect, NULL, backend_send, NULL, NULL, NULL, NULL
    };
    struct vmmp_vsock_mux *mux = malloc(sizeof(*mux));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vmmp_vsock_mux_options options = { .guest_cid = bad[i].cid,
                                                        .connections = bad[i].connections,
                                                        .buffer_size = bad[i].buffer };
        assert_int_equal(vmmp_vsock_mux_init(mux, &backend, NULL, &options, bench->memory,
                                             bad[i].memory, &bench->guest.rig.memory, NULL, NULL),
                         -EINVAL);
    }
    free(mux);
}

int test_vsock_mux(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_EVERYWHERE(the_guest_connects),
        BENCH_EVERYWHERE(the_host_connects),
        BENCH_EVERYWHERE(the_guest_refuses),
        BENCH_EVERYWHERE(the_host_refuses),
        BENCH_EVERYWHERE(the_host_accepts_later),
        BENCH_EVERYWHERE(no_connection_without_a_driver),
        BENCH_EVERYWHERE(a_hundred_connections),
        BENCH_EVERYWHERE(more_than_there_is_room_for),
        BENCH_EVERYWHERE(strangers_are_reset),
        BENCH_EVERYWHERE(seqpacket_needs_its_feature),
        BENCH_EVERYWHERE(broken_rules_reset_the_connection),
        BENCH_EVERYWHERE(a_response_before_the_request),
        BENCH_EVERYWHERE(a_packet_of_another_type),
        BENCH_ON(bench_setup, options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
