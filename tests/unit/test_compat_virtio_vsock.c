/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_vsock.h>, as its clients use it and as a legacy driver sees
 * it.
 */
#include "vmmp_test.h"

#include <limits.h>

#include <sel4vmmplatsupport/drivers/virtio_vsock.h>
#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#include "support/compat_bench.h"
#include "virtio/virtio_spec.h"

#define HEADER     VMMP_VIRTIO_VSOCK_HEADER
#define MTU        4096u
#define PAYLOAD    (MTU - HEADER)
#define CID        300 /* More than a byte. */
#define OTHER      4
#define RX         0
#define TX         1
#define EVENT      2
#define OP_REQUEST 1
#define OP_RW      5
#define KEPT       32u
#define MOST       512

int test_compat_virtio_vsock(void);

struct bench {
    struct compat_bench bench;
    virtio_vsock_t *vsock;
    bool echo;
    unsigned count;
    struct packet {
        int cid;
        struct vmmp_vsock_packet header;
        unsigned len;
        uint8_t payload[PAYLOAD];
    } packets[MOST];
};

static struct bench *bench; /* forward has no cookie. */

/* ---- The client ---- */

static void send_in(const struct vmmp_vsock_packet *header, const void *payload)
{
    uint8_t bytes[MTU];
    vmmp_vsock_packet_store(header, bytes);
    if (header->len > 0) {
        memcpy(bytes + HEADER, payload, header->len);
    }
    bench->vsock->emul_driver->emul_cb.rx_complete(bench->vsock->emul, (char *)bytes,
                                                   HEADER + header->len);
    memset(bytes, 0xdd, sizeof(bytes)); /* The buffer is the client's again. */
}

static void client_forward(int cid, void *buffer, unsigned len)
{
    assert_true(bench->count < MOST);
    struct packet *packet = &bench->packets[bench->count++];
    assert_in_range(len, HEADER, MTU);
    packet->cid = cid;
    packet->len = len - HEADER;
    vmmp_vsock_packet_load(&packet->header, buffer);
    memcpy(packet->payload, (uint8_t *)buffer + HEADER, packet->len);
    assert_int_equal(packet->header.len, packet->len);
    if (bench->echo) {
        struct vmmp_vsock_packet answer = packet->header;
        answer.src_cid = packet->header.dst_cid;
        answer.dst_cid = packet->header.src_cid;
        send_in(&answer, packet->payload);
    }
}

static void client_inject(void *cookie)
{
    assert_ptr_equal(cookie, bench);
    bench->bench.injected++;
}

static virtio_vsock_t *make(int cid, ioport_range_t range, ioport_type_t type)
{
    const struct virtio_vsock_passthrough backend = {
        .guest_cid = cid,
        .injectIRQ = client_inject,
        .forward = client_forward,
        .vsock_data = bench,
    };
    return common_make_virtio_vsock(&bench->bench.f.vm, bench->bench.pci, bench->bench.ports, range,
                                    type, 10, 84, backend);
}

static int setup(void **state)
{
    bench = calloc(1, sizeof(*bench));
    compat_bench_init(&bench->bench);
    bench->vsock = make(CID, (ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE);
    assert_non_null(bench->vsock);
    compat_bench_connect(&bench->bench, bench->vsock->iobase);
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
    compat_bench_probe(&bench->bench, 0, 3);
}

static struct vmmp_vsock_packet header_to(uint64_t cid, uint16_t op, uint32_t len)
{
    return (struct vmmp_vsock_packet){
        .src_cid = CID,
        .dst_cid = cid,
        .src_port = 1000,
        .dst_port = 2000,
        .len = len,
        .type = 1,
        .op = op,
        .buf_alloc = 65536,
        .fwd_cnt = 7,
    };
}

/* From the other guest to this one. */
static struct vmmp_vsock_packet header_in(uint16_t op, uint32_t len)
{
    struct vmmp_vsock_packet header = header_to(CID, op, len);
    header.src_cid = OTHER;
    return header;
}

static void queue_packet(const struct vmmp_vsock_packet *header, uint8_t mark, uint32_t present)
{
    uint64_t at = compat_bench_room(&bench->bench, HEADER + present);
    uint8_t *bytes = compat_bench_at(&bench->bench, at, HEADER + present);
    const struct virtio_driver_buffer parts[] = { { at, HEADER, false },
                                                  { at + HEADER, present, false } };
    vmmp_vsock_packet_store(header, bytes);
    for (uint32_t i = 0; i < present; i++) {
        bytes[HEADER + i] = (uint8_t)(mark + i % 251);
    }
    virtio_driver_add(&bench->bench.driver, TX, parts, present > 0 ? 2 : 1);
}

static void queue_data(uint32_t len, uint8_t mark)
{
    const struct vmmp_vsock_packet header = header_to(OTHER, OP_RW, len);
    queue_packet(&header, mark, len);
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

/* Takes a packet; false: there is none. */
static bool take(struct vmmp_vsock_packet *header, uint8_t *payload)
{
    uint8_t bytes[MTU + HEADER];
    uint32_t len;
    if (!compat_bench_take(&bench->bench, RX, bytes, sizeof(bytes), &len)) {
        return false;
    }
    assert_true(len >= HEADER);
    vmmp_vsock_packet_load(header, bytes);
    assert_int_equal(header->len, len - HEADER);
    memcpy(payload, bytes + HEADER, len - HEADER);
    return true;
}

static void offer(uint32_t size)
{
    compat_bench_offer(&bench->bench, RX, NULL, size, true);
}

/* ---- What it looks like ---- */

static void test_header(void **state)
{
    (void)state;
    static const struct {
        unsigned offset, size;
        uint32_t value;
    } rows[] = {
        { 0x00, 4, 0x10121af4 }, { 0x04, 2, 1 },          { 0x08, 4, 0x07800000 },
        { 0x0c, 2, 0x4040 },     { 0x0e, 1, 0 },          { 0x10, 4, 0x1001 },
        { 0x14, 4, 0 },          { 0x2c, 4, 0x00131af4 }, { 0x34, 1, 0 },
        { 0x3c, 1, 84 },         { 0x3d, 1, 10 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t value = compat_bench_pci(&bench->bench, 1, rows[i].offset, rows[i].size);
        if (value != rows[i].value) {
            fail_msg("0x%x: 0x%x", rows[i].offset, value);
        }
    }
    assert_int_equal(compat_bench_in(&bench->bench, 0, 4) & 0xffffff, 0);
    for (unsigned queue = 0; queue < 10; queue++) {
        compat_bench_out(&bench->bench, 0xe, 2, queue);
        assert_int_equal(compat_bench_in(&bench->bench, 0xc, 2), queue < 3 ? 128 : 0);
    }
    /* Defect: CIDs beyond a byte, and in any width. */
    assert_int_equal(compat_bench_in(&bench->bench, 0x14, 4), CID);
    assert_int_equal(compat_bench_in(&bench->bench, 0x18, 4), 0);
    assert_int_equal(compat_bench_in(&bench->bench, 0x14, 1), CID & 0xff);
    assert_int_equal(compat_bench_in(&bench->bench, 0x15, 1), CID >> 8);
}

/* ---- From the guest ---- */

static void test_packets_are_forwarded(void **state)
{
    (void)state;
    probe();
    const struct vmmp_vsock_packet request = header_to(OTHER, OP_REQUEST, 0);
    queue_packet(&request, 0, 0);
    queue_data(100, 3);
    queue_data(PAYLOAD, 9);
    const struct vmmp_vsock_packet host = header_to(2, OP_REQUEST, 0);
    queue_packet(&host, 0, 0);
    kick(TX);
    assert_int_equal(returned(TX), 4);
    assert_int_equal(bench->bench.injected, 1);
    assert_int_equal(bench->count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct packet *packet = &bench->packets[i];
        assert_int_equal(packet->cid, i < 3 ? OTHER : 2);
        assert_int_equal(packet->header.src_cid, CID);
        assert_int_equal(packet->header.src_port, 1000);
        assert_int_equal(packet->header.dst_port, 2000);
        assert_int_equal(packet->header.buf_alloc, 65536);
        assert_int_equal(packet->header.fwd_cnt, 7);
        assert_int_equal(packet->header.op, i % 3 ? OP_RW : OP_REQUEST);
    }
    assert_int_equal(bench->packets[1].len, 100);
    assert_int_equal(bench->packets[2].len, PAYLOAD);
    for (unsigned i = 0; i < PAYLOAD; i++) {
        assert_int_equal(bench->packets[2].payload[i], (uint8_t)(9 + i % 251));
    }
}

/* Defect: what was longer than the buffer was cut off, and the stream had a hole. */
static void test_long_data_come_in_pieces(void **state)
{
    const uint32_t len = 3 * PAYLOAD + 17;
    uint32_t at = 0;
    (void)state;
    probe();
    queue_data(len, 5);
    kick(TX);
    assert_int_equal(returned(TX), 1);
    assert_int_equal(bench->count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct packet *packet = &bench->packets[i];
        assert_int_equal(packet->len, i < 3 ? PAYLOAD : 17);
        assert_int_equal(packet->header.op, OP_RW);
        for (unsigned b = 0; b < packet->len; b++, at++) {
            assert_int_equal(packet->payload[b], (uint8_t)(5 + at % 251));
        }
    }
    assert_int_equal(at, len);
}

/* Never reaches the client, costs the guest nothing but the packet. */
static void test_packets_that_are_wrong(void **state)
{
    (void)state;
    probe();
    struct vmmp_vsock_packet header = header_to(UINT64_C(0x100000004), OP_REQUEST, 0);
    queue_packet(&header, 0, 0); /* Defect: seen as CID 4. */
    header = header_to(0x80000004, OP_REQUEST, 0);
    queue_packet(&header, 0, 0);
    header = header_to(OTHER, OP_REQUEST, 5000);
    queue_packet(&header, 0, 5000);
    header = header_to(OTHER, OP_RW, 101);
    queue_packet(&header, 0, 100);
    header = header_to(OTHER, OP_RW, 0);
    header.src_cid = 5;
    queue_packet(&header, 0, 0);
    compat_bench_offer(&bench->bench, TX, NULL, HEADER - 1, false);
    kick(TX);
    assert_int_equal(bench->count, 0);
    assert_int_equal(returned(TX), 6);
    queue_data(1, 1);
    kick(TX);
    assert_int_equal(bench->count, 1);
}

/* Defect rows 3 and 4. */
static void test_any_queue_number(void **state)
{
    (void)state;
    probe();
    for (unsigned queue = 0; queue < 0x10000; queue++) {
        compat_bench_out(&bench->bench, 0x10, 2, queue);
        compat_bench_out(&bench->bench, 0xe, 2, queue);
    }
    compat_bench_out(&bench->bench, 8, 4, 0x41);
    queue_data(1, 1);
    kick(TX);
    assert_int_equal(bench->count, 1);
}

/* Defect rows 24 and 25: zero-length cycles, in both directions. */
static void test_cycles(void **state)
{
    const struct vmmp_vsock_packet header = header_in(OP_RW, 4);
    (void)state;
    for (unsigned queue = RX; queue <= TX; queue++) {
        probe();
        struct virtio_driver_queue *rings = &bench->bench.driver.queues[queue];
        virtio_driver_put(&rings->desc[0], bench->bench.buffers, 0,
                          VIRTQ_DESC_F_NEXT | (queue == RX ? VIRTQ_DESC_F_WRITE : 0), 0);
        virtio_driver_offer(&bench->bench.driver, queue, 0);
        compat_bench_out(&bench->bench, 0x10, 2, queue);
        send_in(&header, "abcd");
        assert_true(compat_bench_in(&bench->bench, 0x12, 1) & VIRTIO_STATUS_NEEDS_RESET);
    }
    assert_int_equal(bench->count, 0);
}

/* ---- To the guest ---- */

static void test_packets_are_delivered(void **state)
{
    uint8_t sent[PAYLOAD], got[MTU];
    struct vmmp_vsock_packet header, in;
    (void)state;
    for (unsigned i = 0; i < PAYLOAD; i++) {
        sent[i] = (uint8_t)(i % 253);
    }
    probe();
    static const uint32_t sizes[] = { 0, 1, 1000, PAYLOAD };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned injected = bench->bench.injected;
        offer(MTU);
        in = header_in(sizes[i] ? OP_RW : OP_REQUEST, sizes[i]);
        send_in(&in, sent);
        assert_int_equal(bench->bench.injected, injected + 1);
        assert_true(take(&header, got));
        assert_int_equal(header.len, sizes[i]);
        assert_int_equal(header.op, in.op);
        assert_int_equal(header.src_cid, OTHER);
        assert_int_equal(header.dst_cid, CID);
        if (sizes[i] > 0) {
            assert_memory_equal(got, sent, sizes[i]);
        }
    }
}

/* Defect: without a buffer, or with a small one, bytes of the stream were lost. */
static void test_packets_wait_for_the_guest(void **state)
{
    uint8_t sent[3000], got[MTU], expected = 0;
    struct vmmp_vsock_packet header, in = header_in(OP_RW, sizeof(sent));
    (void)state;
    probe();
    for (unsigned i = 0; i < KEPT; i++) {
        for (unsigned b = 0; b < sizeof(sent); b++) {
            sent[b] = (uint8_t)(i * sizeof(sent) + b);
        }
        send_in(&in, sent);
    }
    assert_false(take(&header, got));
    assert_int_equal(bench->bench.f.line_count, 0);
    for (uint32_t total = 0; total < KEPT * sizeof(sent);) {
        offer(HEADER + 900); /* Less than a packet. */
        assert_true(take(&header, got));
        assert_in_range(header.len, 1, 900);
        for (unsigned b = 0; b < header.len; b++) {
            assert_int_equal(got[b], expected++);
        }
        total += header.len;
        bench->bench.next = 0;
    }
    offer(HEADER + 900);
    assert_false(take(&header, got));
    /* A guest that takes nothing costs a bounded amount of memory, and is told of. */
    send_in(&in, sent);
    for (unsigned i = 0; i < KEPT + 5; i++) {
        send_in(&in, sent);
    }
    assert_int_not_equal(fixture_log_matches(&bench->bench.f, "does not take its packets"), 0);
}

/* A packet that is too long for the guest and no data loses its end, not the guest its buffers. */
static void test_small_buffers(void **state)
{
    uint8_t got[MTU], victim[64];
    struct vmmp_vsock_packet header, in = header_in(OP_REQUEST, 60);
    uint8_t sent[60] = { 1, 2, 3 };
    (void)state;
    probe();
    uint64_t at = compat_bench_room(&bench->bench, 256);
    memset(victim, 0xee, sizeof(victim));
    memcpy(compat_bench_at(&bench->bench, at + 64, 64), victim, 64);
    struct virtio_driver_queue *queue = &bench->bench.driver.queues[RX];
    /* Defect row 6: no NEXT, though `next` points to another buffer. */
    virtio_driver_put(&queue->desc[0], at, HEADER + 3, VIRTQ_DESC_F_WRITE, 1);
    virtio_driver_put(&queue->desc[1], at + 64, 64, VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_offer(&bench->bench.driver, RX, 0);
    kick(RX);
    send_in(&in, sent);
    assert_true(take(&header, got));
    assert_int_equal(header.len, 3);
    assert_memory_equal(got, sent, 3);
    assert_memory_equal(compat_bench_at(&bench->bench, at + 64, 64), victim, 64);
    assert_false(take(&header, got));
}

static void test_client_mistakes(void **state)
{
    char bytes[MTU + 1] = { 0 };
    struct vmmp_vsock_packet header = header_in(OP_RW, 11);
    uint8_t got[MTU];
    void (*rx)(virtio_emul_t *, char *, unsigned) = bench->vsock->emul_driver->emul_cb.rx_complete;
    (void)state;
    probe();
    offer(MTU);
    rx(NULL, bytes, HEADER);
    rx(bench->vsock->emul, NULL, HEADER);
    rx(bench->vsock->emul, bytes, HEADER - 1);
    rx(bench->vsock->emul, bytes, MTU + 1);
    vmmp_vsock_packet_store(&header, (uint8_t *)bytes);
    rx(bench->vsock->emul, bytes, HEADER + 10);
    assert_false(take(&header, got));
    assert_int_equal(bench->bench.injected, 0);
    rx(bench->vsock->emul, bytes, HEADER + 11);
    assert_true(take(&header, got));
}

/* A client that answers from inside forward: one interrupt for each of the two queues. */
static void test_answers_from_inside(void **state)
{
    uint8_t got[MTU];
    struct vmmp_vsock_packet header;
    (void)state;
    probe();
    bench->echo = true;
    for (unsigned i = 0; i < 30; i++) {
        offer(2048);
    }
    bench->bench.injected = 0;
    for (unsigned i = 0; i < 30; i++) {
        queue_data(10 + i, (uint8_t)i);
    }
    kick(TX);
    assert_in_range(bench->bench.injected, 1, 2);
    for (unsigned i = 0; i < 30; i++) {
        assert_true(take(&header, got));
        assert_int_equal(header.len, 10 + i);
        assert_int_equal(got[0], i);
    }
    /* More than can be kept, in their order. */
    bench->bench.next = 0;
    for (unsigned i = 0; i < 60; i++) {
        offer(1024);
    }
    for (unsigned i = 0; i < 60; i++) {
        queue_data(10, (uint8_t)i);
    }
    kick(TX);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(take(&header, got));
        assert_int_equal(got[0], i);
    }
}

/* ---- Life ---- */

static void test_drivers_come_and_go(void **state)
{
    uint8_t got[MTU];
    struct vmmp_vsock_packet header, in = header_in(OP_RW, 4);
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        bench->count = 0;
        send_in(&in, "none"); /* There is no driver. */
        probe();
        queue_data(20, 1);
        kick(TX);
        assert_int_equal(bench->count, 1);
        send_in(&in, "old!"); /* Waits in vain. */
        compat_bench_out(&bench->bench, 0x12, 1, 0);
        probe();
        offer(MTU);
        assert_false(take(&header, got));
        send_in(&in, "new!");
        assert_true(take(&header, got));
        assert_memory_equal(got, "new!", 4);
        compat_bench_out(&bench->bench, 0x12, 1, 0);
    }
}

static void test_nothing_before_driver_ok(void **state)
{
    (void)state;
    assert_true(virtio_driver_negotiate(&bench->bench.driver, 0));
    for (unsigned queue = 0; queue < 3; queue++) {
        virtio_driver_set_up_queue(&bench->bench.driver, queue);
    }
    queue_data(20, 1);
    compat_bench_out(&bench->bench, 0x10, 2, TX);
    assert_int_equal(bench->count, 0);
    virtio_driver_ready(&bench->bench.driver);
    assert_int_equal(bench->count, 1);
}

static void test_what_cannot_be_had(void **state)
{
    const ioport_range_t anywhere = { 0, 0, 0x400 };
    const struct virtio_vsock_passthrough nothing = { .guest_cid = 9 };
    static const int cids[] = { -1, 0, 1, 2, INT_MIN };
    (void)state;
    for (unsigned i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
        assert_null(make(cids[i], anywhere, IOPORT_FREE));
        assert_int_equal(fixture_log_matches(&bench->bench.f, "cannot have the CID"), i + 1);
    }
    assert_null(make(9, (ioport_range_t){ 0x1000, 0x13ff, 0x400 }, IOPORT_ADDR));
    assert_null(make(9, (ioport_range_t){ 0, 0, 16 }, IOPORT_FREE));
    assert_int_equal(bench->bench.ports->num_ioports, 1);
    assert_null(bench->bench.pci->bus0[2][0]);
    assert_null(common_make_virtio_vsock(NULL, bench->bench.pci, bench->bench.ports, anywhere,
                                         IOPORT_FREE, 1, 82, nothing));
    /* Without callbacks nothing happens. */
    bench->vsock =
        common_make_virtio_vsock(&bench->bench.f.vm, bench->bench.pci, bench->bench.ports, anywhere,
                                 IOPORT_FREE, 1, 82, nothing);
    assert_non_null(bench->vsock);
    compat_bench_connect(&bench->bench, bench->vsock->iobase);
    probe();
    struct vmmp_vsock_packet header = header_to(OTHER, OP_RW, 4);
    header.src_cid = 9;
    queue_packet(&header, 0, 4);
    kick(TX);
    assert_int_equal(returned(TX), 1);
    assert_int_equal(bench->count, 0);
}

int test_compat_virtio_vsock(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_header),
        ROW(test_packets_are_forwarded),
        ROW(test_long_data_come_in_pieces),
        ROW(test_packets_that_are_wrong),
        ROW(test_any_queue_number),
        ROW(test_cycles),
        ROW(test_packets_are_delivered),
        ROW(test_packets_wait_for_the_guest),
        ROW(test_small_buffers),
        ROW(test_client_mistakes),
        ROW(test_answers_from_inside),
        ROW(test_drivers_come_and_go),
        ROW(test_nothing_before_driver_ok),
        ROW(test_what_cannot_be_had),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
