/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock connections (virtio 1.2, 5.10.6): how they end, by either side, by time, with the driver.
 */
#include "support/vsock_bench.h"

int test_vsock_mux_end(void);

/* ---- Ending ---- */

static void the_guest_closes(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    vsock_guest_write(&bench->guest, 1000, 80, "bye", 3);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_DONE);
    assert_int_equal(end->length, 3);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
    bench_connect(bench, 1000); /* The ports are free again. */
}

static void the_guest_closes_before_the_backend_took_all(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 1;
    vsock_guest_write(&bench->guest, 1000, 80, "farewell", 8);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_false(end->closed);
    vsock_guest_expect_nothing(&bench->guest);
    bench_make_room(bench, end, 3);
    assert_false(end->closed);
    bench_make_room(bench, end, 9);
    assert_true(end->closed);
    assert_int_equal(end->length, 8);
    assert_memory_equal(end->data, "farewell", 8);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
}

/* Linux waits 8 s for the reset and then sends one itself. What it has sent is delivered still. */
static void the_guest_gives_up_waiting(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 0;
    vsock_guest_write(&bench->guest, 1000, 80, "farewell", 8);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
    assert_false(end->closed);
    struct end *other = bench_connect(bench, 1000); /* The ports are free meanwhile. */
    bench_make_room(bench, end, 100);
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_DONE);
    assert_memory_equal(end->data, "farewell", 8);
    assert_false(other->closed);
    assert_int_equal(bench->mux.in_use, 1);
}

/* A plain reset is an abort: what was buffered is dropped. */
static void the_guest_breaks_off(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 0;
    vsock_guest_write(&bench->guest, 1000, 80, "lost", 4);
    vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_RESET);
    vsock_guest_expect_nothing(&bench->guest);
    assert_int_equal(bench->mux.in_use, 0);
}

static void half_close_by_the_guest(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 2;
    vsock_guest_write(&bench->guest, 1000, 80, "query", 5);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_int_equal(end->shutdown, 0); /* Behind the data. */
    bench_make_room(bench, end, 100);
    assert_int_equal(end->length, 5);
    assert_int_equal(end->shutdown, VMMP_VSOCK_SEND);
    packet.flags = 0; /* Hints are permanent. */
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    bench_say(bench, end, "reply", 5);
    vsock_guest_expect(&bench->guest, OP(RW), 80, 1000);
    packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
    packet.fwd_cnt = 5;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_true(end->closed);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
}

static void the_guest_will_not_receive(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    assert_int_equal(end->shutdown, VMMP_VSOCK_RECEIVE);
    bench_say(bench, end, "deaf", 4);
    vsock_guest_expect_nothing(&bench->guest);
    vsock_guest_write(&bench->guest, 1000, 80, "still talking", 13);
    assert_int_equal(end->length, 13);
}

static void half_close_by_the_host(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->output_ends = true;
    bench_say(bench, end, "all", 3);
    vsock_guest_expect(&bench->guest, OP(RW), 80, 1000);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_int_equal(packet.flags, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    bench->guest.fwd_cnt = 3;
    vsock_guest_write(&bench->guest, 1000, 80, "thanks", 6);
    assert_int_equal(end->length, 6);
    bench_say(bench, end, "no", 2); /* Too late. */
    vsock_guest_expect_nothing(&bench->guest);
    assert_false(end->closed);
    /* The other half; then the guest confirms. */
    bench_enter(bench);
    vmmp_vsock_mux_shutdown(&bench->mux, end->connection, VMMP_VSOCK_RECEIVE);
    bench_leave(bench);
    assert_true(end->closed);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_int_equal(packet.flags, 3);
    vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
    assert_int_equal(bench->mux.in_use, 0);
}

static void the_host_does_not_want_more(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 0;
    vsock_guest_write(&bench->guest, 1000, 80, "unwanted", 8);
    bench_enter(bench);
    vmmp_vsock_mux_shutdown(&bench->mux, end->connection, VMMP_VSOCK_RECEIVE);
    bench_leave(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_int_equal(packet.flags, VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    assert_int_equal(packet.fwd_cnt, 8);
    unsigned sends = bench->sends;
    static const uint8_t much[BENCH_BUFFER];
    vsock_guest_write(&bench->guest, 1000, 80, much, sizeof(much)); /* Was on its way. */
    assert_int_equal(bench->sends, sends);
    assert_false(end->closed);
}

static void close_by_host(struct bench *bench, struct end *end)
{
    bench_enter(bench);
    vmmp_vsock_mux_close(&bench->mux, end->connection);
    end->connection = NULL;
    bench_leave(bench);
}

static void the_host_closes(void **state)
{
    struct bench *bench = *state;
    struct vmmp_vsock_packet packet;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    close_by_host(bench, end);
    assert_false(end->closed); /* It knows. */
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(SHUTDOWN));
    assert_int_equal(packet.flags, 3);
    unsigned sends = bench->sends;
    vsock_guest_write(&bench->guest, 1000, 80, "crossing", 8);
    assert_int_equal(bench->sends, sends);
    vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
    assert_int_equal(bench->mux.in_use, 0);
    vsock_guest_expect_nothing(&bench->guest);

    /* Both at once. */
    end = bench_connect(bench, 1000);
    close_by_host(bench, end);
    vsock_guest_expect(&bench->guest, OP(SHUTDOWN), 80, 1000);
    packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
    assert_int_equal(bench->mux.in_use, 0);
}

static void the_backend_fails(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    bench->broken = true;
    vsock_guest_write(&bench->guest, 1000, 80, "x", 1);
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_FAILED);
    vsock_guest_expect(&bench->guest, OP(RST), 80, 1000);
    assert_int_equal(bench->mux.in_use, 0);
}

/* ---- Time ---- */

static void nobody_answers(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 8);
    uint32_t port = bench_open(bench, 22)->host_port;
    vsock_guest_expect(guest, OP(REQUEST), port, 22);
    vsock_guest_wait(guest, 500);
    uint32_t second = bench_open(bench, 23)->host_port;
    vsock_guest_expect(guest, OP(REQUEST), second, 23);
    vsock_guest_wait(guest, 499);
    assert_false(bench->ends[0].closed);
    vsock_guest_wait(guest, 1);
    assert_true(bench->ends[0].closed);
    assert_int_equal(bench->ends[0].reason, VMMP_VSOCK_TIMEOUT);
    vsock_guest_expect(guest, OP(RST), port, 22);
    assert_false(bench->ends[1].closed);
    vsock_guest_wait(guest, 500);
    assert_true(bench->ends[1].closed);
    vsock_guest_expect(guest, OP(RST), second, 23);
    assert_int_equal(bench->mux.in_use, 0);
    assert_int_equal(bench->mux.stats.timeouts, 2);
}

static void a_request_the_guest_never_saw(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 0);
    bench_open(bench, 22);
    vsock_guest_wait(&bench->guest, 1000);
    assert_true(bench->ends[0].closed);
    assert_int_equal(bench->mux.in_use, 0);
    vsock_guest_post(&bench->guest, 4);
    vsock_guest_expect_nothing(&bench->guest);
}

/* A close that is not confirmed is enforced, but never while the guest has something to read. */
static void a_close_nobody_confirms(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    bench_say(bench, end, "unread", 6);
    vsock_guest_expect(guest, OP(RW), 80, 1000);
    close_by_host(bench, end);
    vsock_guest_expect(guest, OP(SHUTDOWN), 80, 1000);
    vsock_guest_wait(guest, 5000);
    vsock_guest_wait(guest, 5000);
    vsock_guest_expect_nothing(guest);
    guest->fwd_cnt = 6;
    vsock_guest_send(guest, OP(CREDIT_UPDATE), 1000, 80);
    vsock_guest_wait(guest, 1000);
    vsock_guest_expect(guest, OP(RST), 80, 1000);
    assert_int_equal(bench->mux.in_use, 0);
}

static void a_backend_that_never_takes_the_rest(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    end->room = 0;
    vsock_guest_write(&bench->guest, 1000, 80, "stuck", 5);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(SHUTDOWN), 1000, 80);
    packet.flags = 3;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
    vsock_guest_wait(&bench->guest, 1000);
    assert_true(end->closed);
    assert_int_equal(end->reason, VMMP_VSOCK_TIMEOUT);
    assert_int_equal(bench->mux.in_use, 0);
    vsock_guest_expect_nothing(&bench->guest);
}

/* ---- The driver goes ---- */

static void everything_ends_with_the_driver(void **state)
{
    struct bench *bench = *state;
    struct vsock_guest *guest = &bench->guest;
    bench_start(bench, 4);
    struct end *open = bench_connect(bench, 1000);
    open->room = 0;
    vsock_guest_write(guest, 1000, 80, "buffered", 8);
    bench->late = true;
    vsock_guest_send(guest, OP(REQUEST), 1001, 80);
    bench_open(bench, 22);
    vsock_guest_send(guest, OP(RW), 5, 6); /* A reset for nobody. */
    guest->repost = false;
    open->output = "pending";
    open->output_left = 7;
    virtio_driver_reset(&guest->driver);
    vsock_guest_settle(guest);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(bench->ends[i].closed);
        assert_int_equal(bench->ends[i].reason, VMMP_VSOCK_GONE);
    }
    assert_int_equal(bench->mux.in_use, 0);
    assert_int_equal(bench->mux.reset_count, 0);
    assert_null(bench->mux.ready_first);

    /* The next driver finds a clean device. */
    guest->repost = true;
    bench->late = false;
    bench_start(bench, 4);
    vsock_guest_expect_nothing(guest);
    struct end *again = bench_connect(bench, 1000);
    vsock_guest_write(guest, 1000, 80, "fresh", 5);
    assert_memory_equal(again->data, "fresh", 5);
}

static void reset_inside(struct bench *bench, struct vmmp_vsock_connection *connection)
{
    struct vmmp_vsock_connection *made;
    (void)connection;
    bench->in_send = NULL;
    bench->in_receive = NULL;
    vmmp_virtio_set_status(&bench->mux.device.virtio, 0, false);
    assert_int_equal(vmmp_vsock_mux_open(&bench->mux, 1, VMMP_VSOCK_STREAM, NULL, &made),
                     -ENOTCONN);
}

static void reset_inside_the_backend(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    struct end *end = bench_connect(bench, 1000);
    bench->in_send = reset_inside;
    vsock_guest_write(&bench->guest, 1000, 80, "x", 1);
    assert_true(end->closed);
    assert_int_equal(bench->mux.in_use, 0);

    bench_start(bench, 8);
    end = bench_connect(bench, 1000);
    bench->in_receive = reset_inside;
    bench_say(bench, end, "x", 1);
    assert_true(end->closed);
    assert_int_equal(bench->mux.in_use, 0);
    bench_start(bench, 8);
    bench_connect(bench, 1000);
}

static void close_inside(struct bench *bench, struct vmmp_vsock_connection *connection)
{
    struct end *end = connection->user;
    end->connection = NULL;
    vmmp_vsock_mux_close(&bench->mux, connection);
}

static void close_inside_the_backend(void **state)
{
    struct bench *bench = *state;
    bench_start(bench, 8);
    for (unsigned i = 0; i < 2; i++) {
        struct end *end = bench_connect(bench, 1000);
        bench->in_send = i == 0 ? close_inside : NULL;
        bench->in_receive = i == 1 ? close_inside : NULL;
        if (i == 0) {
            vsock_guest_write(&bench->guest, 1000, 80, "x", 1);
        } else {
            bench_say(bench, end, "x", 1);
        }
        assert_null(end->connection);
        bench->in_send = NULL;
        bench->in_receive = NULL;
        vsock_guest_expect(&bench->guest, OP(SHUTDOWN), 80, 1000);
        vsock_guest_send(&bench->guest, OP(RST), 1000, 80);
        assert_int_equal(bench->mux.in_use, 0);
    }
}

int test_vsock_mux_end(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_EVERYWHERE(the_guest_closes),
        BENCH_EVERYWHERE(the_guest_closes_before_the_backend_took_all),
        BENCH_EVERYWHERE(the_guest_gives_up_waiting),
        BENCH_EVERYWHERE(the_guest_breaks_off),
        BENCH_EVERYWHERE(half_close_by_the_guest),
        BENCH_EVERYWHERE(the_guest_will_not_receive),
        BENCH_EVERYWHERE(half_close_by_the_host),
        BENCH_EVERYWHERE(the_host_does_not_want_more),
        BENCH_EVERYWHERE(the_host_closes),
        BENCH_EVERYWHERE(the_backend_fails),
        BENCH_ON(bench_setup, nobody_answers),
        BENCH_ON(bench_setup, a_request_the_guest_never_saw),
        BENCH_ON(bench_setup, a_close_nobody_confirms),
        BENCH_ON(bench_setup, a_backend_that_never_takes_the_rest),
        BENCH_EVERYWHERE(everything_ends_with_the_driver),
        BENCH_EVERYWHERE(reset_inside_the_backend),
        BENCH_EVERYWHERE(close_inside_the_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
