/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_net.h>, as its clients use it and as a legacy driver sees it.
 */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/drivers/virtio_net.h>

#include "support/compat_net.h"
#include "virtio/virtio_spec.h"

int test_compat_virtio_net(void);

/* ---- What it looks like ---- */

static void test_header(void **state)
{
    (void)state;
    static const struct {
        unsigned offset, size;
        uint32_t value;
    } rows[] = {
        { 0x00, 4, 0x10001af4 }, { 0x04, 2, 3 },          { 0x08, 4, 0x02000000 },
        { 0x0c, 2, 0x4040 },     { 0x0e, 1, 0 },          { 0x10, 4, 0x1001 },
        { 0x14, 4, 0 },          { 0x2c, 4, 0x00011af4 }, { 0x34, 1, 0 },
        { 0x3c, 1, 82 },         { 0x3d, 1, 6 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t value = compat_bench_pci(&compat_net->bench, 1, rows[i].offset, rows[i].size);
        if (value != rows[i].value) {
            fail_msg("0x%x: 0x%x", rows[i].offset, value);
        }
    }
    /* Of the device's own features F_MAC alone, which means headers of 10 bytes. */
    assert_int_equal(compat_bench_in(&compat_net->bench, 0, 4) & 0xffffff, F_MAC);
    for (unsigned queue = 0; queue < 10; queue++) {
        compat_bench_out(&compat_net->bench, 0xe, 2, queue);
        assert_int_equal(compat_bench_in(&compat_net->bench, 0xc, 2), queue < 2 ? 128 : 0);
    }
}

/* Defect row 27: accesses of any width. */
static void test_address_in_any_width(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(compat_bench_in(&compat_net->bench, 0x14 + i, 1), compat_net_mac[i]);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(compat_bench_in(&compat_net->bench, 0x14 + i, 2),
                         compat_net_mac[i] | compat_net_mac[i + 1] << 8);
    }
    assert_int_equal(compat_bench_in(&compat_net->bench, 0x14, 4), 0x12005452);
    for (unsigned offset = 0; offset < 0x400; offset++) {
        for (unsigned size = 1; size <= 4 && offset + size <= 0x400; size *= 2) {
            compat_bench_in(&compat_net->bench, offset, size);
            if (offset > 0x12 || offset + size <= 0x10) {
                compat_bench_out(&compat_net->bench, offset, size, 0);
            }
        }
    }
    compat_bench_out(&compat_net->bench, 0x12, 1, 0);
    compat_net_probe();
    compat_net_queue_frame(60, 1, 4096);
    compat_net_kick(TX);
    assert_int_equal(compat_net->sent, 1);
}

/* ---- To the guest ---- */

static void fill_frame(uint8_t *frame, unsigned len, uint8_t mark)
{
    for (unsigned i = 0; i < len; i++) {
        frame[i] = (uint8_t)(mark + i);
    }
}

static void test_receive(void **state)
{
    uint8_t frame[BUFFER], got[HEADER + BUFFER];
    uint32_t len;
    (void)state;
    compat_net_probe();
    static const unsigned sizes[] = { 14, 60, 1514, BUFFER };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t at = compat_bench_room(&compat_net->bench, 4096);
        const struct virtio_driver_buffer parts[] = { { at, 10, true },
                                                      { at + 10, 100, true },
                                                      { at + 110, 3000, true } };
        memset(compat_bench_at(&compat_net->bench, at, 4096), 0xee, 4096);
        virtio_driver_add(&compat_net->bench.driver, RX, parts, i % 2 ? 3 : 2 + (sizes[i] > 100));
        compat_net_kick(RX);
        fill_frame(frame, sizes[i], (uint8_t)i);
        unsigned injected = compat_net->bench.injected;
        assert_true(compat_net_give(frame, sizes[i]));
        assert_int_equal(compat_net->bench.injected, injected + 1);
        uint32_t head;
        assert_true(virtio_driver_used(&compat_net->bench.driver, RX, &head, &len));
        assert_int_equal(len, HEADER + sizes[i]);
        memcpy(got, compat_bench_at(&compat_net->bench, at, len), len);
        for (unsigned b = 0; b < HEADER; b++) {
            assert_int_equal(got[b], 0);
        }
        assert_memory_equal(got + HEADER, frame, sizes[i]);
        assert_int_equal(*(uint8_t *)compat_bench_at(&compat_net->bench, at + len, 1), 0xee);
    }
}

/* Without buffers of the guest's frames are dropped, and the client's buffers never run out. */
static void test_nowhere_to_receive(void **state)
{
    uint8_t frame[60], got[2048];
    uint32_t len;
    (void)state;
    fill_frame(frame, sizeof(frame), 1);
    for (unsigned i = 0; i < 3 * BUFFERS; i++) {
        assert_true(compat_net_give(frame, sizeof(frame)));
        if (i == BUFFERS) {
            compat_net_probe();
        }
    }
    assert_int_equal(compat_net->bench.injected, 0);
    compat_bench_offer(&compat_net->bench, RX, NULL, 40, true); /* Too short for it. */
    assert_true(compat_net_give(frame, sizeof(frame)));
    compat_bench_offer(&compat_net->bench, RX, NULL, 2000, true);
    frame[20] = 99;
    assert_true(compat_net_give(frame, 30));
    assert_true(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
    assert_int_equal(len, 40);
    assert_int_equal(got[HEADER + 20], 99);
    assert_false(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
}

/* Defect rows 6 and 25: a chain ended only where no flag was set, and WRITE was never looked at. */
static void test_short_chains_end(void **state)
{
    uint8_t frame[200];
    (void)state;
    compat_net_probe();
    struct virtio_driver_queue *queue = &compat_net->bench.driver.queues[RX];
    uint64_t at = compat_bench_room(&compat_net->bench, 1024);
    uint8_t *victim = compat_bench_at(&compat_net->bench, at + 512, 512);
    memset(victim, 0xee, 512);
    /* No NEXT, but where `next` points there is another buffer. */
    virtio_driver_put(&queue->desc[0], at, 64, VIRTQ_DESC_F_WRITE, 1);
    virtio_driver_put(&queue->desc[1], at + 512, 512, VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_offer(&compat_net->bench.driver, RX, 0);
    compat_net_kick(RX);
    fill_frame(frame, sizeof(frame), 1);
    assert_true(compat_net_give(frame, sizeof(frame)));
    /* One that the device may only read. */
    virtio_driver_put(&queue->desc[2], at + 512, 512, 0, 0);
    virtio_driver_offer(&compat_net->bench.driver, RX, 2);
    compat_net_kick(RX);
    assert_true(compat_net_give(frame, sizeof(frame)));
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(victim[i], 0xee);
    }
}

static void test_client_buffers(void **state)
{
    const struct raw_iface_callbacks *cb = &compat_net->net->emul_driver->i_cb;
    void *cb_cookie = compat_net->net->emul_driver->cb_cookie;
    void *cookies[BUFFERS + 1];
    unsigned lens[BUFFERS];
    uint8_t got[HEADER + 4 * 25];
    uint32_t len;
    (void)state;
    assert_int_equal(cb->allocate_rx_buf(cb_cookie, BUFFER + 1, &cookies[0]), 0);
    for (unsigned i = 0; i < BUFFERS; i++) {
        uintptr_t buffer = cb->allocate_rx_buf(cb_cookie, BUFFER, &cookies[i]);
        assert_int_not_equal(buffer, 0);
        assert_int_equal(buffer % sizeof(uintptr_t), 0);
        memset((void *)buffer, (int)i, BUFFER);
        lens[i] = 25;
    }
    assert_int_equal(cb->allocate_rx_buf(cb_cookie, 60, &cookies[BUFFERS]), 0);
    /* Four of them are one frame. */
    compat_net_probe();
    compat_bench_offer(&compat_net->bench, RX, NULL, 2000, true);
    cb->rx_complete(cb_cookie, 4, cookies, lens);
    assert_true(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
    assert_int_equal(len, HEADER + 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(got[HEADER + i], i / 25);
    }
    /* More than there is room for in one. */
    lens[4] = BUFFER + 1;
    compat_bench_offer(&compat_net->bench, RX, NULL, 2000, true);
    cb->rx_complete(cb_cookie, 1, &cookies[4], &lens[4]);
    assert_false(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_not_equal(cb->allocate_rx_buf(cb_cookie, 60, &cookies[i]), 0);
    }
    assert_int_equal(cb->allocate_rx_buf(cb_cookie, 60, &cookies[BUFFERS]), 0);
}

/* Clients answer from inside raw_tx: one interrupt for each of the two queues, not for each frame.
 */
static void test_echo_from_inside(void **state)
{
    uint8_t got[2048];
    uint32_t len;
    (void)state;
    compat_net_probe();
    compat_net->echo = true;
    for (unsigned i = 0; i < 30; i++) {
        compat_bench_offer(&compat_net->bench, RX, NULL, 1600, true);
    }
    for (unsigned i = 0; i < 30; i++) {
        compat_net_queue_frame(60 + i, (uint8_t)i, 4096);
    }
    compat_net_kick(TX);
    assert_in_range(compat_net->bench.injected, 1, 2);
    for (unsigned i = 0; i < 30; i++) {
        assert_true(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
        assert_int_equal(len, HEADER + 60 + i);
        assert_int_equal(got[HEADER + FRAME_HEAD], i);
    }
    assert_int_equal(compat_net_returned(TX), 30);
}

/* ---- Life ---- */

/* Defect: a reset reset nothing. What the client has from before stays valid. */
static void test_drivers_come_and_go(void **state)
{
    uint8_t frame[60], got[2048];
    uint32_t len;
    (void)state;
    fill_frame(frame, sizeof(frame), 1);
    for (unsigned round = 0; round < 4; round++) {
        compat_net->sent = 0;
        compat_net->answer = ETHIF_TX_ENQUEUED;
        compat_net_probe();
        compat_bench_offer(&compat_net->bench, RX, NULL, 1600, true);
        for (unsigned i = 0; i < 100; i++) {
            compat_net_queue_frame(60, (uint8_t)(round + i), 4096);
        }
        compat_net_kick(TX);
        assert_int_equal(compat_net->sent, BUFFERS);
        assert_int_equal(compat_net->marks[0], round);
        assert_true(compat_net_give(frame, sizeof(frame)));
        assert_true(compat_bench_take(&compat_net->bench, RX, got, sizeof(got), &len));
        /* Gone with 36 frames waiting; then the client is done with the others. */
        compat_bench_out(&compat_net->bench, 0x12, 1, 0);
        assert_int_equal(compat_net_status(), 0);
        for (unsigned i = 0; i < BUFFERS; i++) {
            compat_net_complete(compat_net->cookies[i]);
        }
        assert_int_equal(compat_net->sent, BUFFERS);
    }
}

static void test_what_cannot_be_had(void **state)
{
    struct raw_iface_funcs backend = compat_net_backend();
    const ioport_range_t anywhere = { 0, 0, 0x400 };
    (void)state;
    assert_null(compat_net_make((ioport_range_t){ 0x1000, 0x13ff, 0x400 }, IOPORT_ADDR, backend));
    assert_null(compat_net_make((ioport_range_t){ 0, 0, 16 }, IOPORT_FREE, backend));
    assert_null(common_make_virtio_net(NULL, compat_net->bench.pci, compat_net->bench.ports,
                                       anywhere, IOPORT_FREE, 1, 82, backend));
    memset(compat_net->mac, 0, 6);
    assert_null(compat_net_make(anywhere, IOPORT_FREE, backend));
    compat_net->mac[0] = 1;
    assert_null(compat_net_make(anywhere, IOPORT_FREE, backend));
    assert_non_null(fixture_log_find(&compat_net->bench.f, "the address must be"));
    backend.low_level_init = NULL;
    assert_null(compat_net_make(anywhere, IOPORT_FREE, backend));
    assert_int_equal(compat_net->bench.ports->num_ioports, 1);
    assert_null(compat_net->bench.pci->bus0[2][0]);
}

/* What the client has not replaced says so, and does no harm. */
static void test_default_backend(void **state)
{
    struct raw_iface_funcs backend = virtio_net_default_backend();
    (void)state;
    assert_null(backend.get_mac);
    assert_null(compat_net_make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, backend));
    assert_non_null(fixture_log_find(&compat_net->bench.f, "no low_level_init"));
    backend.low_level_init = compat_net_backend().low_level_init;
    compat_net->net = compat_net_make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, backend);
    assert_non_null(compat_net->net);
    compat_bench_connect(&compat_net->bench, compat_net->net->iobase);
    compat_net_probe();
    compat_net_queue_frame(60, 1, 4096);
    compat_net_kick(TX);
    assert_int_equal(compat_net_returned(TX), 1);
    backend.raw_poll(compat_net->net->emul_driver);
    backend.print_state(compat_net->net->emul_driver);
    assert_non_null(fixture_log_find(&compat_net->bench.f, "no raw_tx"));
    assert_non_null(fixture_log_find(&compat_net->bench.f, "no raw_handleIRQ"));
    assert_int_equal(compat_net->bench.injected, 0);
}

int test_compat_virtio_net(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, compat_net_setup, compat_net_teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_header),
        ROW(test_address_in_any_width),
        ROW(test_receive),
        ROW(test_nowhere_to_receive),
        ROW(test_short_chains_end),
        ROW(test_client_buffers),
        ROW(test_echo_from_inside),
        ROW(test_drivers_come_and_go),
        ROW(test_what_cannot_be_had),
        ROW(test_default_backend),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
