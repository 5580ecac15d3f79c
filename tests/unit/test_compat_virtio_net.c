/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_net.h>, as its clients use it and as a legacy driver sees it.
 */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/drivers/virtio_net.h>

#include "support/compat_bench.h"
#include "virtio/virtio_spec.h"

#define HEADER     10u
#define BUFFER     2048u
#define BUFFERS    64u /* As many as the library has in each direction. */
#define F_MAC      (1u << 5)
#define RX         0
#define TX         1
#define MOST_SENT  512
#define FRAME_HEAD 14u

int test_compat_virtio_net(void);

static const uint8_t own_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

struct bench {
    struct compat_bench bench;
    virtio_net_t *net;
    uint8_t mac[6]; /* That the client gives. */
    void *own;      /* The client's eth_data. */
    int answer;     /* Of raw_tx. */
    bool complete_inside;
    bool echo;
    unsigned sent;
    unsigned lens[MOST_SENT];
    uint8_t marks[MOST_SENT]; /* The byte after the addresses and the type. */
    void *cookies[MOST_SENT];
    uint8_t last[BUFFER];
};

static struct bench *bench; /* low_level_init has no cookie of the client's yet. */

/* ---- The client ---- */

static bool give(const void *frame, unsigned len)
{
    const struct raw_iface_callbacks *cb = &bench->net->emul_driver->i_cb;
    void *cookie = NULL;
    uintptr_t buffer = cb->allocate_rx_buf(bench->net->emul_driver->cb_cookie, len, &cookie);
    if (!buffer) {
        return false;
    }
    memcpy((void *)buffer, frame, len);
    cb->rx_complete(bench->net->emul_driver->cb_cookie, 1, &cookie, &len);
    return true;
}

static void complete(void *cookie)
{
    bench->net->emul_driver->i_cb.tx_complete(bench->net->emul_driver->cb_cookie, cookie);
}

static int client_tx(struct eth_driver *driver, unsigned num, uintptr_t *phys, unsigned *len,
                     void *cookie)
{
    assert_ptr_equal(driver, bench->net->emul_driver);
    assert_ptr_equal(driver->eth_data, bench->own);
    assert_int_equal(num, 1);
    assert_in_range(len[0], FRAME_HEAD, BUFFER);
    assert_true(bench->sent < MOST_SENT);
    memcpy(bench->last, (void *)phys[0], len[0]);
    bench->lens[bench->sent] = len[0];
    bench->marks[bench->sent] = len[0] > FRAME_HEAD ? bench->last[FRAME_HEAD] : 0;
    bench->cookies[bench->sent++] = cookie;
    if (bench->complete_inside) {
        complete(cookie);
    }
    if (bench->echo) {
        assert_true(give((void *)phys[0], len[0]));
    }
    return bench->answer;
}

static void client_irq(struct eth_driver *driver, int irq)
{
    assert_ptr_equal(driver, bench->net->emul_driver);
    assert_int_equal(irq, 0);
    bench->bench.injected++;
}

static void client_init(struct eth_driver *driver, uint8_t *mac, int *mtu)
{
    const virtio_net_t *net = driver->eth_data;
    assert_ptr_equal(net->emul_driver, driver);
    assert_ptr_equal(net->emul->vm, &bench->bench.f.vm);
    assert_non_null(driver->cb_cookie);
    assert_non_null(driver->i_cb.tx_complete);
    assert_non_null(driver->i_cb.rx_complete);
    assert_non_null(driver->i_cb.allocate_rx_buf);
    memcpy(mac, bench->mac, 6);
    *mtu = 9000;
}

static struct raw_iface_funcs client_backend(void)
{
    struct raw_iface_funcs backend = virtio_net_default_backend();
    backend.raw_tx = client_tx;
    backend.raw_handleIRQ = client_irq;
    backend.low_level_init = client_init;
    return backend;
}

static virtio_net_t *make(ioport_range_t range, ioport_type_t type, struct raw_iface_funcs backend)
{
    return common_make_virtio_net(&bench->bench.f.vm, bench->bench.pci, bench->bench.ports, range,
                                  type, 6, 82, backend);
}

static int setup(void **state)
{
    bench = calloc(1, sizeof(*bench));
    compat_bench_init(&bench->bench);
    memcpy(bench->mac, own_mac, 6);
    bench->answer = ETHIF_TX_COMPLETE;
    bench->net = make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, client_backend());
    assert_non_null(bench->net);
    assert_ptr_equal(bench->net->emul_driver->eth_data, bench->net);
    bench->own = bench; /* As libvirtio does. */
    bench->net->emul_driver->eth_data = bench->own;
    compat_bench_connect(&bench->bench, bench->net->iobase);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    compat_bench_fini(&bench->bench);
    free(bench);
    bench = NULL;
    return 0;
}

/* ---- The guest ---- */

static void probe(void)
{
    compat_bench_probe(&bench->bench, F_MAC, 2);
}

/* A frame of `len` bytes with a number in it, in descriptors of `piece` bytes. */
static void queue_frame(unsigned len, uint8_t mark, unsigned piece)
{
    struct virtio_driver_buffer parts[128];
    unsigned total = HEADER + len;
    uint64_t at = compat_bench_room(&bench->bench, total);
    uint8_t *bytes = compat_bench_at(&bench->bench, at, total);
    unsigned count = 0;
    memset(bytes, 0, HEADER);
    for (unsigned i = 0; i < len; i++) {
        bytes[HEADER + i] = (uint8_t)(i < FRAME_HEAD ? 0x10 + i : mark + (i - FRAME_HEAD));
    }
    for (unsigned done = 0; done < total; done += piece) {
        assert_true(count < 128);
        parts[count++] =
            (struct virtio_driver_buffer){ at + done, piece < total - done ? piece : total - done,
                                           false };
    }
    virtio_driver_add(&bench->bench.driver, TX, parts, count);
}

static void kick(unsigned queue)
{
    virtio_driver_kick(&bench->bench.driver, queue);
}

static unsigned returned(unsigned queue)
{
    uint32_t head, len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->bench.driver, queue, &head, &len)) {
        assert_int_equal(len, 0);
        count++;
    }
    return count;
}

static uint8_t status(void)
{
    return (uint8_t)compat_bench_in(&bench->bench, 0x12, 1);
}

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
        uint32_t value = compat_bench_pci(&bench->bench, 1, rows[i].offset, rows[i].size);
        if (value != rows[i].value) {
            fail_msg("0x%x: 0x%x", rows[i].offset, value);
        }
    }
    /* Of the device's own features F_MAC alone, which means headers of 10 bytes. */
    assert_int_equal(compat_bench_in(&bench->bench, 0, 4) & 0xffffff, F_MAC);
    for (unsigned queue = 0; queue < 10; queue++) {
        compat_bench_out(&bench->bench, 0xe, 2, queue);
        assert_int_equal(compat_bench_in(&bench->bench, 0xc, 2), queue < 2 ? 128 : 0);
    }
}

/* Defect row 27: accesses of any width. */
static void test_address_in_any_width(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(compat_bench_in(&bench->bench, 0x14 + i, 1), own_mac[i]);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(compat_bench_in(&bench->bench, 0x14 + i, 2),
                         own_mac[i] | own_mac[i + 1] << 8);
    }
    assert_int_equal(compat_bench_in(&bench->bench, 0x14, 4), 0x12005452);
    for (unsigned offset = 0; offset < 0x400; offset++) {
        for (unsigned size = 1; size <= 4 && offset + size <= 0x400; size *= 2) {
            compat_bench_in(&bench->bench, offset, size);
            if (offset > 0x12 || offset + size <= 0x10) {
                compat_bench_out(&bench->bench, offset, size, 0);
            }
        }
    }
    compat_bench_out(&bench->bench, 0x12, 1, 0);
    probe();
    queue_frame(60, 1, 4096);
    kick(TX);
    assert_int_equal(bench->sent, 1);
}

/* ---- From the guest ---- */

static void test_frames_in_any_layout(void **state)
{
    (void)state;
    probe();
    static const unsigned pieces[] = { 10, 4096, 7, 1, 11, 24 };
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        memset(bench->last, 0xee, sizeof(bench->last));
        queue_frame(90, (uint8_t)(40 * i), pieces[i]);
        kick(TX);
        assert_int_equal(bench->sent, i + 1);
        assert_int_equal(bench->lens[i], 90);
        for (unsigned b = 0; b < 90; b++) {
            assert_int_equal(bench->last[b], (uint8_t)(b < 14 ? 0x10 + b : 40 * i + (b - 14)));
        }
        assert_int_equal(returned(TX), 1);
    }
}

/* Defect: what failed never came back, and used up the guest's ring. */
static void test_every_answer_gives_descriptors_back(void **state)
{
    static const int answers[] = { ETHIF_TX_COMPLETE, ETHIF_TX_ENQUEUED, ETHIF_TX_FAILED };
    (void)state;
    probe();
    for (unsigned round = 0; round < 3 * 128; round++) {
        unsigned injected = bench->bench.injected;
        bench->bench.next = 0;
        bench->answer = answers[round % 3];
        queue_frame(60, (uint8_t)round, 4096);
        kick(TX);
        assert_int_equal(bench->sent, round + 1);
        if (bench->answer == ETHIF_TX_ENQUEUED) {
            complete(bench->cookies[round]);
        }
        assert_int_equal(returned(TX), 1);
        assert_int_equal(bench->bench.injected, injected + 1);
    }
}

static void test_one_interrupt_for_a_batch(void **state)
{
    (void)state;
    probe();
    for (unsigned i = 0; i < 20; i++) {
        queue_frame(60, (uint8_t)i, 4096);
    }
    kick(TX);
    assert_int_equal(bench->sent, 20);
    assert_int_equal(returned(TX), 20);
    assert_int_equal(bench->bench.injected, 1);
    /* ISR is read once and then clear; a guest that wants no interrupts gets none. */
    assert_int_equal(compat_bench_in(&bench->bench, 0x13, 1), 1);
    assert_int_equal(compat_bench_in(&bench->bench, 0x13, 1), 0);
    virtio_driver_set_no_interrupt(&bench->bench.driver, TX, true);
    queue_frame(60, 1, 4096);
    kick(TX);
    assert_int_equal(returned(TX), 1);
    assert_int_equal(bench->bench.injected, 1);
}

/* No buffer is lost and none is there twice. */
static void expect_all_buffers(void)
{
    bench->answer = ETHIF_TX_ENQUEUED;
    bench->sent = 0;
    bench->bench.next = 0;
    for (unsigned i = 0; i < BUFFERS + 1; i++) {
        queue_frame(60, (uint8_t)i, 4096);
    }
    kick(TX);
    assert_int_equal(bench->sent, BUFFERS);
    for (unsigned i = 0; i < bench->sent; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_ptr_not_equal(bench->cookies[i], bench->cookies[j]);
        }
    }
}

/* Defect: tx_complete went into the walk that it came out of, and frames were sent twice. */
static void test_completion_from_inside(void **state)
{
    (void)state;
    probe();
    bench->complete_inside = true;
    static const int answers[] = { ETHIF_TX_ENQUEUED, ETHIF_TX_COMPLETE, ETHIF_TX_FAILED };
    for (unsigned round = 0; round < 3; round++) {
        bench->answer = answers[round];
        bench->sent = 0;
        bench->bench.next = 0;
        for (unsigned i = 0; i < 100; i++) {
            queue_frame(60, (uint8_t)i, 4096);
        }
        kick(TX);
        assert_int_equal(bench->sent, 100);
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(bench->marks[i], i);
        }
        assert_int_equal(returned(TX), 100);
    }
    bench->complete_inside = false;
    expect_all_buffers();
}

/* Frames beyond the buffers wait with the guest, in their order, and go out as buffers come back.
 */
static void test_frames_wait_for_the_client(void **state)
{
    (void)state;
    probe();
    bench->answer = ETHIF_TX_ENQUEUED;
    for (unsigned i = 0; i < 120; i++) {
        queue_frame(60, (uint8_t)i, 4096);
    }
    kick(TX);
    assert_int_equal(bench->sent, BUFFERS);
    assert_int_equal(returned(TX), BUFFERS);
    kick(TX);
    assert_int_equal(bench->sent, BUFFERS);
    for (unsigned i = 0; i < 120; i++) {
        assert_true(i < bench->sent);
        complete(bench->cookies[i]);
    }
    assert_int_equal(bench->sent, 120);
    for (unsigned i = 0; i < 120; i++) {
        assert_int_equal(bench->marks[i], i);
    }
    assert_int_equal(returned(TX), 120 - BUFFERS);
}

static void test_cookies_that_are_none(void **state)
{
    int other;
    void *cookie = &other;
    unsigned len = 60;
    void *cb_cookie = bench->net->emul_driver->cb_cookie;
    (void)state;
    probe();
    bench->answer = ETHIF_TX_ENQUEUED;
    queue_frame(60, 1, 4096);
    kick(TX);
    complete(bench->cookies[0]);
    complete(bench->cookies[0]);
    complete(NULL);
    complete(&other);
    complete((char *)bench->cookies[0] + 1);
    bench->net->emul_driver->i_cb.rx_complete(cb_cookie, 1, &cookie, &len);
    bench->net->emul_driver->i_cb.rx_complete(cb_cookie, 0, &cookie, &len);
    assert_true(fixture_log_matches(&bench->bench.f, "that the client did not have") >= 5);
    expect_all_buffers();
}

/* Defect: long frames were cut. */
static void test_long_frames_are_dropped(void **state)
{
    (void)state;
    probe();
    queue_frame(BUFFER, 1, 512);
    queue_frame(BUFFER + 1, 2, 512);
    queue_frame(9000, 3, 512);
    queue_frame(60, 4, 512);
    kick(TX);
    assert_int_equal(bench->sent, 2);
    assert_int_equal(bench->lens[0], BUFFER);
    assert_int_equal(bench->marks[0], 1);
    assert_int_equal(bench->marks[1], 4);
    assert_int_equal(returned(TX), 4);
    assert_int_equal(fixture_log_matches(&bench->bench.f, "frame of 2049 bytes dropped"), 1);
    assert_int_equal(fixture_log_matches(&bench->bench.f, "frame of 9000 bytes dropped"), 1);
}

/* Defect rows 24, 26: cycles, heads beyond the ring, an index that jumps. */
static void test_broken_rings(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        probe();
        struct virtio_driver_queue *queue = &bench->bench.driver.queues[TX];
        if (kind == 0) {
            virtio_driver_put(&queue->desc[0], bench->bench.buffers, 0, VIRTQ_DESC_F_NEXT, 0);
            virtio_driver_offer(&bench->bench.driver, TX, 0);
        } else if (kind == 1) {
            virtio_driver_offer(&bench->bench.driver, TX, 0x8000);
        } else {
            vmmp_guest_store_le16(&queue->avail->idx, 0x1000);
        }
        compat_bench_out(&bench->bench, 0x10, 2, TX);
        assert_true(status() & VIRTIO_STATUS_NEEDS_RESET);
        assert_int_equal(bench->sent, 0);
    }
    probe();
    queue_frame(60, 4, 512);
    kick(TX);
    assert_int_equal(bench->sent, 1);
}

/* Defect: queues worked at any status. */
static void test_nothing_before_driver_ok(void **state)
{
    uint8_t frame[60] = { 0 };
    (void)state;
    assert_true(virtio_driver_negotiate(&bench->bench.driver, F_MAC));
    virtio_driver_set_up_queue(&bench->bench.driver, RX);
    virtio_driver_set_up_queue(&bench->bench.driver, TX);
    queue_frame(60, 4, 512);
    compat_bench_out(&bench->bench, 0x10, 2, TX);
    compat_bench_offer(&bench->bench, RX, NULL, 1600, true);
    assert_true(give(frame, sizeof(frame)));
    assert_int_equal(bench->sent, 0);
    assert_int_equal(returned(TX) + returned(RX), 0);
    assert_int_equal(bench->bench.injected, 0);
    virtio_driver_ready(&bench->bench.driver);
    assert_int_equal(bench->sent, 1);
}

/* Defect row 3 and 4: any number may be kicked and selected. */
static void test_any_queue_number(void **state)
{
    (void)state;
    probe();
    for (unsigned queue = 0; queue < 0x10000; queue++) {
        compat_bench_out(&bench->bench, 0x10, 2, queue);
    }
    for (unsigned queue = 2; queue < 0x10000; queue += 0x101) {
        compat_bench_out(&bench->bench, 0xe, 2, queue);
        compat_bench_out(&bench->bench, 8, 4, 0x41);
        assert_int_equal(compat_bench_in(&bench->bench, 8, 4), 0);
        assert_int_equal(compat_bench_in(&bench->bench, 0xc, 2), 0);
    }
    queue_frame(60, 4, 512);
    kick(TX);
    assert_int_equal(bench->sent, 1);
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
    probe();
    static const unsigned sizes[] = { 14, 60, 1514, BUFFER };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t at = compat_bench_room(&bench->bench, 4096);
        const struct virtio_driver_buffer parts[] = { { at, 10, true },
                                                      { at + 10, 100, true },
                                                      { at + 110, 3000, true } };
        memset(compat_bench_at(&bench->bench, at, 4096), 0xee, 4096);
        virtio_driver_add(&bench->bench.driver, RX, parts, i % 2 ? 3 : 2 + (sizes[i] > 100));
        kick(RX);
        fill_frame(frame, sizes[i], (uint8_t)i);
        unsigned injected = bench->bench.injected;
        assert_true(give(frame, sizes[i]));
        assert_int_equal(bench->bench.injected, injected + 1);
        uint32_t head;
        assert_true(virtio_driver_used(&bench->bench.driver, RX, &head, &len));
        assert_int_equal(len, HEADER + sizes[i]);
        memcpy(got, compat_bench_at(&bench->bench, at, len), len);
        for (unsigned b = 0; b < HEADER; b++) {
            assert_int_equal(got[b], 0);
        }
        assert_memory_equal(got + HEADER, frame, sizes[i]);
        assert_int_equal(*(uint8_t *)compat_bench_at(&bench->bench, at + len, 1), 0xee);
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
        assert_true(give(frame, sizeof(frame)));
        if (i == BUFFERS) {
            probe();
        }
    }
    assert_int_equal(bench->bench.injected, 0);
    compat_bench_offer(&bench->bench, RX, NULL, 40, true); /* Too short for it. */
    assert_true(give(frame, sizeof(frame)));
    compat_bench_offer(&bench->bench, RX, NULL, 2000, true);
    frame[20] = 99;
    assert_true(give(frame, 30));
    assert_true(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
    assert_int_equal(len, 40);
    assert_int_equal(got[HEADER + 20], 99);
    assert_false(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
}

/* Defect rows 6 and 25: a chain ended only where no flag was set, and WRITE was never looked at. */
static void test_short_chains_end(void **state)
{
    uint8_t frame[200];
    (void)state;
    probe();
    struct virtio_driver_queue *queue = &bench->bench.driver.queues[RX];
    uint64_t at = compat_bench_room(&bench->bench, 1024);
    uint8_t *victim = compat_bench_at(&bench->bench, at + 512, 512);
    memset(victim, 0xee, 512);
    /* No NEXT, but where `next` points there is another buffer. */
    virtio_driver_put(&queue->desc[0], at, 64, VIRTQ_DESC_F_WRITE, 1);
    virtio_driver_put(&queue->desc[1], at + 512, 512, VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_offer(&bench->bench.driver, RX, 0);
    kick(RX);
    fill_frame(frame, sizeof(frame), 1);
    assert_true(give(frame, sizeof(frame)));
    /* One that the device may only read. */
    virtio_driver_put(&queue->desc[2], at + 512, 512, 0, 0);
    virtio_driver_offer(&bench->bench.driver, RX, 2);
    kick(RX);
    assert_true(give(frame, sizeof(frame)));
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(victim[i], 0xee);
    }
}

static void test_client_buffers(void **state)
{
    const struct raw_iface_callbacks *cb = &bench->net->emul_driver->i_cb;
    void *cb_cookie = bench->net->emul_driver->cb_cookie;
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
    probe();
    compat_bench_offer(&bench->bench, RX, NULL, 2000, true);
    cb->rx_complete(cb_cookie, 4, cookies, lens);
    assert_true(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
    assert_int_equal(len, HEADER + 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(got[HEADER + i], i / 25);
    }
    /* More than there is room for in one. */
    lens[4] = BUFFER + 1;
    compat_bench_offer(&bench->bench, RX, NULL, 2000, true);
    cb->rx_complete(cb_cookie, 1, &cookies[4], &lens[4]);
    assert_false(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
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
    probe();
    bench->echo = true;
    for (unsigned i = 0; i < 30; i++) {
        compat_bench_offer(&bench->bench, RX, NULL, 1600, true);
    }
    for (unsigned i = 0; i < 30; i++) {
        queue_frame(60 + i, (uint8_t)i, 4096);
    }
    kick(TX);
    assert_in_range(bench->bench.injected, 1, 2);
    for (unsigned i = 0; i < 30; i++) {
        assert_true(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
        assert_int_equal(len, HEADER + 60 + i);
        assert_int_equal(got[HEADER + FRAME_HEAD], i);
    }
    assert_int_equal(returned(TX), 30);
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
        bench->sent = 0;
        bench->answer = ETHIF_TX_ENQUEUED;
        probe();
        compat_bench_offer(&bench->bench, RX, NULL, 1600, true);
        for (unsigned i = 0; i < 100; i++) {
            queue_frame(60, (uint8_t)(round + i), 4096);
        }
        kick(TX);
        assert_int_equal(bench->sent, BUFFERS);
        assert_int_equal(bench->marks[0], round);
        assert_true(give(frame, sizeof(frame)));
        assert_true(compat_bench_take(&bench->bench, RX, got, sizeof(got), &len));
        /* Gone with 36 frames waiting; then the client is done with the others. */
        compat_bench_out(&bench->bench, 0x12, 1, 0);
        assert_int_equal(status(), 0);
        for (unsigned i = 0; i < BUFFERS; i++) {
            complete(bench->cookies[i]);
        }
        assert_int_equal(bench->sent, BUFFERS);
    }
}

static void test_what_cannot_be_had(void **state)
{
    struct raw_iface_funcs backend = client_backend();
    const ioport_range_t anywhere = { 0, 0, 0x400 };
    (void)state;
    assert_null(make((ioport_range_t){ 0x1000, 0x13ff, 0x400 }, IOPORT_ADDR, backend));
    assert_null(make((ioport_range_t){ 0, 0, 16 }, IOPORT_FREE, backend));
    assert_null(common_make_virtio_net(NULL, bench->bench.pci, bench->bench.ports, anywhere,
                                       IOPORT_FREE, 1, 82, backend));
    memset(bench->mac, 0, 6);
    assert_null(make(anywhere, IOPORT_FREE, backend));
    bench->mac[0] = 1;
    assert_null(make(anywhere, IOPORT_FREE, backend));
    assert_non_null(fixture_log_find(&bench->bench.f, "the address must be"));
    backend.low_level_init = NULL;
    assert_null(make(anywhere, IOPORT_FREE, backend));
    assert_int_equal(bench->bench.ports->num_ioports, 1);
    assert_null(bench->bench.pci->bus0[2][0]);
}

/* What the client has not replaced says so, and does no harm. */
static void test_default_backend(void **state)
{
    struct raw_iface_funcs backend = virtio_net_default_backend();
    (void)state;
    assert_null(backend.get_mac);
    assert_null(make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, backend));
    assert_non_null(fixture_log_find(&bench->bench.f, "no low_level_init"));
    backend.low_level_init = client_init;
    bench->net = make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, backend);
    assert_non_null(bench->net);
    compat_bench_connect(&bench->bench, bench->net->iobase);
    probe();
    queue_frame(60, 1, 4096);
    kick(TX);
    assert_int_equal(returned(TX), 1);
    backend.raw_poll(bench->net->emul_driver);
    backend.print_state(bench->net->emul_driver);
    assert_non_null(fixture_log_find(&bench->bench.f, "no raw_tx"));
    assert_non_null(fixture_log_find(&bench->bench.f, "no raw_handleIRQ"));
    assert_int_equal(bench->bench.injected, 0);
}

int test_compat_virtio_net(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_header),
        ROW(test_address_in_any_width),
        ROW(test_frames_in_any_layout),
        ROW(test_every_answer_gives_descriptors_back),
        ROW(test_one_interrupt_for_a_batch),
        ROW(test_completion_from_inside),
        ROW(test_frames_wait_for_the_client),
        ROW(test_cookies_that_are_none),
        ROW(test_long_frames_are_dropped),
        ROW(test_broken_rings),
        ROW(test_nothing_before_driver_ok),
        ROW(test_any_queue_number),
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
