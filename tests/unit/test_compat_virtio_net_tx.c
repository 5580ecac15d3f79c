/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_net.h>: frames of the guest on their way to the client. */
#include "vmmp_test.h"

#include "support/compat_net.h"

int test_compat_virtio_net_tx(void);

/* ---- From the guest ---- */

static void test_frames_in_any_layout(void **state)
{
    (void)state;
    compat_net_probe();
    static const unsigned pieces[] = { 10, 4096, 7, 1, 11, 24 };
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        memset(compat_net->last, 0xee, sizeof(compat_net->last));
        compat_net_queue_frame(90, (uint8_t)(40 * i), pieces[i]);
        compat_net_kick(TX);
        assert_int_equal(compat_net->sent, i + 1);
        assert_int_equal(compat_net->lens[i], 90);
        for (unsigned b = 0; b < 90; b++) {
            assert_int_equal(compat_net->last[b], (uint8_t)(b < 14 ? 0x10 + b : 40 * i + (b - 14)));
        }
        assert_int_equal(compat_net_returned(TX), 1);
    }
}

/* Defect: what failed never came back, and used up the guest's ring. */
static void test_every_answer_gives_descriptors_back(void **state)
{
    static const int answers[] = { ETHIF_TX_COMPLETE, ETHIF_TX_ENQUEUED, ETHIF_TX_FAILED };
    (void)state;
    compat_net_probe();
    for (unsigned round = 0; round < 3 * 128; round++) {
        unsigned injected = compat_net->bench.injected;
        compat_net->bench.next = 0;
        compat_net->answer = answers[round % 3];
        compat_net_queue_frame(60, (uint8_t)round, 4096);
        compat_net_kick(TX);
        assert_int_equal(compat_net->sent, round + 1);
        if (compat_net->answer == ETHIF_TX_ENQUEUED) {
            compat_net_complete(compat_net->cookies[round]);
        }
        assert_int_equal(compat_net_returned(TX), 1);
        assert_int_equal(compat_net->bench.injected, injected + 1);
    }
}

static void test_one_interrupt_for_a_batch(void **state)
{
    (void)state;
    compat_net_probe();
    for (unsigned i = 0; i < 20; i++) {
        compat_net_queue_frame(60, (uint8_t)i, 4096);
    }
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, 20);
    assert_int_equal(compat_net_returned(TX), 20);
    assert_int_equal(compat_net->bench.injected, 1);
    /* ISR is read once and then clear; a guest that wants no interrupts gets none. */
    assert_int_equal(compat_bench_in(&compat_net->bench, 0x13, 1), 1);
    assert_int_equal(compat_bench_in(&compat_net->bench, 0x13, 1), 0);
    virtio_driver_set_no_interrupt(&compat_net->bench.driver, TX, true);
    compat_net_queue_frame(60, 1, 4096);
    compat_net_kick(TX);
    assert_int_equal(compat_net_returned(TX), 1);
    assert_int_equal(compat_net->bench.injected, 1);
}

/* No buffer is lost and none is there twice. */
static void expect_all_buffers(void)
{
    compat_net->answer = ETHIF_TX_ENQUEUED;
    compat_net->sent = 0;
    compat_net->bench.next = 0;
    for (unsigned i = 0; i < BUFFERS + 1; i++) {
        compat_net_queue_frame(60, (uint8_t)i, 4096);
    }
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, BUFFERS);
    for (unsigned i = 0; i < compat_net->sent; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_ptr_not_equal(compat_net->cookies[i], compat_net->cookies[j]);
        }
    }
}

/* Defect: tx_complete went into the walk that it came out of, and frames were sent twice. */
static void test_completion_from_inside(void **state)
{
    (void)state;
    compat_net_probe();
    compat_net->complete_inside = true;
    static const int answers[] = { ETHIF_TX_ENQUEUED, ETHIF_TX_COMPLETE, ETHIF_TX_FAILED };
    for (unsigned round = 0; round < 3; round++) {
        compat_net->answer = answers[round];
        compat_net->sent = 0;
        compat_net->bench.next = 0;
        for (unsigned i = 0; i < 100; i++) {
            compat_net_queue_frame(60, (uint8_t)i, 4096);
        }
        compat_net_kick(TX);
        assert_int_equal(compat_net->sent, 100);
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(compat_net->marks[i], i);
        }
        assert_int_equal(compat_net_returned(TX), 100);
    }
    compat_net->complete_inside = false;
    expect_all_buffers();
}

/* Frames beyond the buffers wait with the guest, in their order, and go out as buffers come back.
 */
static void test_frames_wait_for_the_client(void **state)
{
    (void)state;
    compat_net_probe();
    compat_net->answer = ETHIF_TX_ENQUEUED;
    for (unsigned i = 0; i < 120; i++) {
        compat_net_queue_frame(60, (uint8_t)i, 4096);
    }
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, BUFFERS);
    assert_int_equal(compat_net_returned(TX), BUFFERS);
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, BUFFERS);
    for (unsigned i = 0; i < 120; i++) {
        assert_true(i < compat_net->sent);
        compat_net_complete(compat_net->cookies[i]);
    }
    assert_int_equal(compat_net->sent, 120);
    for (unsigned i = 0; i < 120; i++) {
        assert_int_equal(compat_net->marks[i], i);
    }
    assert_int_equal(compat_net_returned(TX), 120 - BUFFERS);
}

static void test_cookies_that_are_none(void **state)
{
    int other;
    void *cookie = &other;
    unsigned len = 60;
    void *cb_cookie = compat_net->net->emul_driver->cb_cookie;
    (void)state;
    compat_net_probe();
    compat_net->answer = ETHIF_TX_ENQUEUED;
    compat_net_queue_frame(60, 1, 4096);
    compat_net_kick(TX);
    compat_net_complete(compat_net->cookies[0]);
    compat_net_complete(compat_net->cookies[0]);
    compat_net_complete(NULL);
    compat_net_complete(&other);
    compat_net_complete((char *)compat_net->cookies[0] + 1);
    compat_net->net->emul_driver->i_cb.rx_complete(cb_cookie, 1, &cookie, &len);
    compat_net->net->emul_driver->i_cb.rx_complete(cb_cookie, 0, &cookie, &len);
    assert_true(fixture_log_matches(&compat_net->bench.f, "that the client did not have") >= 5);
    expect_all_buffers();
}

/* Defect: long frames were cut. */
static void test_long_frames_are_dropped(void **state)
{
    (void)state;
    compat_net_probe();
    compat_net_queue_frame(BUFFER, 1, 512);
    compat_net_queue_frame(BUFFER + 1, 2, 512);
    compat_net_queue_frame(9000, 3, 512);
    compat_net_queue_frame(60, 4, 512);
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, 2);
    assert_int_equal(compat_net->lens[0], BUFFER);
    assert_int_equal(compat_net->marks[0], 1);
    assert_int_equal(compat_net->marks[1], 4);
    assert_int_equal(compat_net_returned(TX), 4);
    assert_int_equal(fixture_log_matches(&compat_net->bench.f, "frame of 2049 bytes dropped"), 1);
    assert_int_equal(fixture_log_matches(&compat_net->bench.f, "frame of 9000 bytes dropped"), 1);
}

/* Defect rows 24, 26: cycles, heads beyond the ring, an index that jumps. */
static void test_broken_rings(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        compat_net_probe();
        struct virtio_driver_queue *queue = &compat_net->bench.driver.queues[TX];
        if (kind == 0) {
            virtio_driver_put(&queue->desc[0], compat_net->bench.buffers, 0, VIRTQ_DESC_F_NEXT, 0);
            virtio_driver_offer(&compat_net->bench.driver, TX, 0);
        } else if (kind == 1) {
            virtio_driver_offer(&compat_net->bench.driver, TX, 0x8000);
        } else {
            vmmp_guest_store_le16(&queue->avail->idx, 0x1000);
        }
        compat_bench_out(&compat_net->bench, 0x10, 2, TX);
        assert_true(compat_net_status() & VIRTIO_STATUS_NEEDS_RESET);
        assert_int_equal(compat_net->sent, 0);
    }
    compat_net_probe();
    compat_net_queue_frame(60, 4, 512);
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, 1);
}

/* Defect: queues worked at any status. */
static void test_nothing_before_driver_ok(void **state)
{
    uint8_t frame[60] = { 0 };
    (void)state;
    assert_true(virtio_driver_negotiate(&compat_net->bench.driver, F_MAC));
    virtio_driver_set_up_queue(&compat_net->bench.driver, RX);
    virtio_driver_set_up_queue(&compat_net->bench.driver, TX);
    compat_net_queue_frame(60, 4, 512);
    compat_bench_out(&compat_net->bench, 0x10, 2, TX);
    compat_bench_offer(&compat_net->bench, RX, NULL, 1600, true);
    assert_true(compat_net_give(frame, sizeof(frame)));
    assert_int_equal(compat_net->sent, 0);
    assert_int_equal(compat_net_returned(TX) + compat_net_returned(RX), 0);
    assert_int_equal(compat_net->bench.injected, 0);
    virtio_driver_ready(&compat_net->bench.driver);
    assert_int_equal(compat_net->sent, 1);
}

/* Defect row 3 and 4: any number may be kicked and selected. */
static void test_any_queue_number(void **state)
{
    (void)state;
    compat_net_probe();
    for (unsigned queue = 0; queue < 0x10000; queue++) {
        compat_bench_out(&compat_net->bench, 0x10, 2, queue);
    }
    for (unsigned queue = 2; queue < 0x10000; queue += 0x101) {
        compat_bench_out(&compat_net->bench, 0xe, 2, queue);
        compat_bench_out(&compat_net->bench, 8, 4, 0x41);
        assert_int_equal(compat_bench_in(&compat_net->bench, 8, 4), 0);
        assert_int_equal(compat_bench_in(&compat_net->bench, 0xc, 2), 0);
    }
    compat_net_queue_frame(60, 4, 512);
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, 1);
}

int test_compat_virtio_net_tx(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, compat_net_setup, compat_net_teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_frames_in_any_layout),       ROW(test_every_answer_gives_descriptors_back),
        ROW(test_one_interrupt_for_a_batch),  ROW(test_completion_from_inside),
        ROW(test_frames_wait_for_the_client), ROW(test_cookies_that_are_none),
        ROW(test_long_frames_are_dropped),    ROW(test_broken_rings),
        ROW(test_nothing_before_driver_ok),   ROW(test_any_queue_number),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
