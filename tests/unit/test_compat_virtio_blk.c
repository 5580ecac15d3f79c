/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_blk.h>, as its clients use it and as a legacy driver sees it.
 */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/virtio_blk.h>

#include "support/compat_bench.h"
#include "virtio/virtio_spec.h"

#define SECTORS         64u
#define SECTOR          512u
#define SIZE_MAX_CLIENT 8180u /* As that of a client that exists: no whole number of sectors. */
#define F_OWN           (1u << 1 | 1u << 2 | 1u << 6)
#define OK              0
#define IOERR           1
#define UNSUPP          2

int test_compat_virtio_blk(void);

struct bench {
    struct compat_bench bench;
    virtio_blk_t *blk;
    struct virtio_blk_config config; /* What the client says. */
    uint8_t disk[SECTORS * SECTOR];
    bool fails;
    uint64_t fails_at; /* Sector */
    unsigned calls;
    unsigned flushes;
    uint32_t longest;
};

static struct bench *bench; /* low_level_init has no cookie of the client's yet. */

/* ---- The client ---- */

static int client_xfer(struct disk_driver *driver, uint8_t direction, uint64_t sector, uint32_t len,
                       uintptr_t address)
{
    assert_ptr_equal(driver, bench->blk->emul_driver);
    assert_ptr_equal(driver->disk_data, bench);
    if (direction == VIRTIO_BLK_T_FLUSH) {
        assert_int_equal(len, 0);
        bench->flushes++;
        return bench->fails ? VIRTIO_BLK_XFER_FAILED : VIRTIO_BLK_XFER_COMPLETE;
    }
    assert_in_range(direction, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT);
    assert_int_equal(len % SECTOR, 0);
    assert_true(len > 0 && sector + len / SECTOR <= SECTORS);
    bench->calls++;
    bench->longest = len > bench->longest ? len : bench->longest;
    if (bench->fails && sector == bench->fails_at) {
        return VIRTIO_BLK_XFER_FAILED;
    }
    uint8_t *at = bench->disk + sector * SECTOR;
    if (direction == VIRTIO_BLK_T_OUT) {
        memcpy(at, (void *)address, len);
    } else {
        memcpy((void *)address, at, len);
    }
    return VIRTIO_BLK_XFER_COMPLETE;
}

static void client_irq(struct disk_driver *driver, int irq)
{
    assert_ptr_equal(driver, bench->blk->emul_driver);
    assert_int_equal(irq, 0);
    bench->bench.injected++;
}

static void client_init(struct disk_driver *driver, struct virtio_blk_config *config)
{
    const virtio_blk_t *blk = driver->disk_data;
    assert_ptr_equal(blk->emul_driver, driver);
    assert_ptr_equal(blk->emul->vm, &bench->bench.f.vm);
    *config = bench->config;
}

static raw_diskiface_funcs_t client_backend(void)
{
    raw_diskiface_funcs_t backend = virtio_blk_default_backend();
    backend.raw_xfer = client_xfer;
    backend.raw_handleIRQ = client_irq;
    backend.low_level_init = client_init;
    return backend;
}

static virtio_blk_t *make(ioport_range_t range, ioport_type_t type, raw_diskiface_funcs_t backend)
{
    return common_make_virtio_blk(&bench->bench.f.vm, bench->bench.pci, bench->bench.ports, range,
                                  type, 7, 83, backend);
}

static int setup(void **state)
{
    bench = calloc(1, sizeof(*bench));
    compat_bench_init(&bench->bench);
    bench->config.capacity = SECTORS;
    bench->config.seg_max = 1;
    bench->config.size_max = SIZE_MAX_CLIENT;
    bench->config.blk_size = SECTOR;
    for (unsigned i = 0; i < sizeof(bench->disk); i++) {
        bench->disk[i] = (uint8_t)(i / SECTOR + i);
    }
    bench->blk = make((ioport_range_t){ 0x8000, 0x8040, 0x40 }, IOPORT_ADDR, client_backend());
    assert_non_null(bench->blk);
    assert_ptr_equal(bench->blk->emul_driver->disk_data, bench->blk);
    bench->blk->emul_driver->disk_data = bench;
    compat_bench_connect(&bench->bench, bench->blk->iobase);
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
    compat_bench_probe(&bench->bench, F_OWN, 1);
}

/* A request with its data in segments; where header, data and status are. */
struct request {
    uint64_t header;
    uint64_t data;
    uint64_t status;
};

static struct request queue_request(uint32_t type, uint64_t sector, const uint32_t *segments,
                                    unsigned count)
{
    struct virtio_driver_buffer parts[128];
    struct request request = { .header = compat_bench_room(&bench->bench, 16) };
    const uint32_t words[4] = { type, 0, (uint32_t)sector, (uint32_t)(sector >> 32) };
    uint32_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        total += segments[i];
    }
    request.data = compat_bench_room(&bench->bench, total);
    request.status = compat_bench_room(&bench->bench, 1);
    memcpy(compat_bench_at(&bench->bench, request.header, 16), words, 16);
    *(uint8_t *)compat_bench_at(&bench->bench, request.status, 1) = 0xee;
    parts[0] = (struct virtio_driver_buffer){ request.header, 16, false };
    total = 0;
    for (unsigned i = 0; i < count; i++) {
        parts[1 + i] = (struct virtio_driver_buffer){ request.data + total, segments[i],
                                                      type != VIRTIO_BLK_T_OUT };
        total += segments[i];
    }
    parts[1 + count] = (struct virtio_driver_buffer){ request.status, 1, true };
    virtio_driver_add(&bench->bench.driver, 0, parts, 2 + count);
    return request;
}

static unsigned status_of(const struct request *request)
{
    return *(uint8_t *)compat_bench_at(&bench->bench, request->status, 1);
}

/* Kicks and expects one request to come back, with `len`. */
static void finish(uint32_t expected)
{
    uint32_t head, len;
    virtio_driver_kick(&bench->bench.driver, 0);
    assert_true(virtio_driver_used(&bench->bench.driver, 0, &head, &len));
    assert_int_equal(len, expected);
    assert_false(virtio_driver_used(&bench->bench.driver, 0, &head, &len));
}

/* ---- What it looks like ---- */

static void test_header(void **state)
{
    (void)state;
    static const struct {
        unsigned offset, size;
        uint32_t value;
    } rows[] = {
        { 0x00, 4, 0x10011af4 }, { 0x04, 2, 1 },          { 0x08, 4, 0x01000000 },
        { 0x0c, 2, 0x4040 },     { 0x0e, 1, 0 },          { 0x10, 4, 0x8001 },
        { 0x14, 4, 0 },          { 0x2c, 4, 0x00021af4 }, { 0x34, 1, 0 },
        { 0x3c, 1, 83 },         { 0x3d, 1, 7 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t value = compat_bench_pci(&bench->bench, 1, rows[i].offset, rows[i].size);
        if (value != rows[i].value) {
            fail_msg("0x%x: 0x%x", rows[i].offset, value);
        }
    }
    assert_int_equal(compat_bench_in(&bench->bench, 0, 4) & 0xffffff, F_OWN);
    for (unsigned queue = 0; queue < 10; queue++) {
        compat_bench_out(&bench->bench, 0xe, 2, queue);
        assert_int_equal(compat_bench_in(&bench->bench, 0xc, 2), queue < 1 ? 128 : 0);
    }
}

static void test_configuration(void **state)
{
    (void)state;
    assert_int_equal(compat_bench_in(&bench->bench, 0x14, 4), SECTORS);
    assert_int_equal(compat_bench_in(&bench->bench, 0x18, 4), 0);
    assert_int_equal(compat_bench_in(&bench->bench, 0x1c, 4), SIZE_MAX_CLIENT);
    assert_int_equal(compat_bench_in(&bench->bench, 0x20, 4), 1);
    assert_int_equal(compat_bench_in(&bench->bench, 0x28, 4), SECTOR);
    assert_int_equal(compat_bench_in(&bench->bench, 0x1c, 1), SIZE_MAX_CLIENT & 0xff);
    assert_int_equal(compat_bench_in(&bench->bench, 0x1d, 1), SIZE_MAX_CLIENT >> 8);
    for (unsigned offset = 0; offset < 0x40; offset++) {
        for (unsigned size = 1; size <= 4 && offset + size <= 0x40; size *= 2) {
            compat_bench_in(&bench->bench, offset, size);
        }
    }
}

/* ---- Transfers ---- */

static void test_read_and_write(void **state)
{
    const uint32_t segment = 4096;
    (void)state;
    probe();
    struct request read = queue_request(VIRTIO_BLK_T_IN, 3, &segment, 1);
    finish(4096 + 1);
    assert_int_equal(status_of(&read), OK);
    assert_memory_equal(compat_bench_at(&bench->bench, read.data, 4096), bench->disk + 3 * SECTOR,
                        4096);
    struct request write = queue_request(VIRTIO_BLK_T_OUT, 8, &segment, 1);
    memset(compat_bench_at(&bench->bench, write.data, 4096), 0x5a, 4096);
    finish(1);
    assert_int_equal(status_of(&write), OK);
    for (unsigned i = 0; i < 4096; i++) {
        assert_int_equal(bench->disk[8 * SECTOR + i], 0x5a);
    }
    assert_int_not_equal(bench->disk[8 * SECTOR - 1], 0x5a);
    assert_int_equal(bench->calls, 2);
    assert_int_equal(bench->flushes, 0);
    assert_int_equal(bench->bench.injected, 2);
}

/* Defect row 5: one segment of 4096 bytes was all there could be. */
static void test_any_number_of_segments(void **state)
{
    static const uint32_t whole[] = { 512, 1024, 4096, 512 };
    static const uint32_t ragged[] = { 100, 924, 1, 511, 513, 1535, 512 };
    uint32_t many[60];
    const struct {
        const uint32_t *segments;
        unsigned count;
    } rows[] = { { whole, 4 }, { ragged, 7 }, { many, 60 } };
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        many[i] = 512;
    }
    probe();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t total = 0;
        for (unsigned s = 0; s < rows[i].count; s++) {
            total += rows[i].segments[s];
        }
        bench->calls = 0;
        struct request write = queue_request(VIRTIO_BLK_T_OUT, 2, rows[i].segments, rows[i].count);
        uint8_t *data = compat_bench_at(&bench->bench, write.data, total);
        for (unsigned b = 0; b < total; b++) {
            data[b] = (uint8_t)(i + b * 7);
        }
        finish(1);
        assert_int_equal(status_of(&write), OK);
        assert_memory_equal(bench->disk + 2 * SECTOR, data, total);
        if (rows[i].segments != ragged) {
            assert_int_equal(bench->calls, rows[i].count); /* One for each. */
        }
        struct request read = queue_request(VIRTIO_BLK_T_IN, 2, rows[i].segments, rows[i].count);
        finish(total + 1);
        assert_int_equal(status_of(&read), OK);
        assert_memory_equal(compat_bench_at(&bench->bench, read.data, total), data, total);
        bench->bench.next = 0;
    }
}

/* The client's buffer is what it says, whatever the guest does. */
static void test_no_call_is_longer_than_the_client_said(void **state)
{
    const uint32_t segment = SECTORS * SECTOR;
    (void)state;
    probe();
    struct request read = queue_request(VIRTIO_BLK_T_IN, 0, &segment, 1);
    finish(segment + 1);
    assert_int_equal(status_of(&read), OK);
    assert_int_equal(bench->longest, SIZE_MAX_CLIENT / SECTOR * SECTOR);
    assert_memory_equal(compat_bench_at(&bench->bench, read.data, segment), bench->disk, segment);
}

static void test_failure(void **state)
{
    static const uint32_t segments[] = { 512, 512, 512 };
    (void)state;
    probe();
    bench->fails = true;
    bench->fails_at = 11;
    for (unsigned type = VIRTIO_BLK_T_IN; type <= VIRTIO_BLK_T_OUT; type++) {
        bench->calls = 0;
        struct request request = queue_request(type, 10, segments, 3);
        finish(type == VIRTIO_BLK_T_OUT); /* The status, if it is all that is good. */
        assert_int_equal(status_of(&request), IOERR);
        assert_int_equal(bench->calls, 2); /* Nothing after what failed. */
    }
    struct request flush = queue_request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
    finish(1);
    assert_int_equal(status_of(&flush), IOERR);
    bench->fails = false;
    struct request after = queue_request(VIRTIO_BLK_T_IN, 10, segments, 3);
    finish(3 * SECTOR + 1);
    assert_int_equal(status_of(&after), OK);
}

/* Never seen by the client; requests of two descriptors used to write anywhere. */
static void test_other_requests(void **state)
{
    static const uint32_t sector = SECTOR, odd = 500, id = 20;
    (void)state;
    probe();
    const struct {
        uint32_t type;
        uint64_t at;
        const uint32_t *segment;
        uint32_t len;
        unsigned status;
    } rows[] = {
        { VIRTIO_BLK_T_IN, SECTORS, &sector, 0, IOERR },
        { VIRTIO_BLK_T_OUT, SECTORS, &sector, 1, IOERR },
        { VIRTIO_BLK_T_IN, UINT64_MAX, &sector, 0, IOERR },
        { VIRTIO_BLK_T_OUT, UINT64_MAX / SECTOR, &sector, 1, IOERR },
        { VIRTIO_BLK_T_IN, 0, &odd, 0, IOERR },
        { VIRTIO_BLK_T_OUT, 0, &odd, 1, IOERR },
        { VIRTIO_BLK_T_SCSI_CMD, 0, &sector, 0, UNSUPP },
        { 0x101, 0, &sector, 0, UNSUPP }, /* Not the write that its low byte is. */
        { VIRTIO_BLK_T_GET_ID, 0, &id, 21, OK },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request request = queue_request(rows[i].type, rows[i].at, rows[i].segment, 1);
        finish(rows[i].len);
        assert_int_equal(status_of(&request), rows[i].status);
    }
    assert_int_equal(bench->calls, 0);
    struct request flush = queue_request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
    finish(1);
    assert_int_equal(status_of(&flush), OK);
    assert_int_equal(bench->flushes, 1);
}

/* Defect: the queue last selected was worked on instead of the one that was kicked. */
static void test_selected_queue_does_not_matter(void **state)
{
    const uint32_t segment = 512;
    (void)state;
    probe();
    compat_bench_out(&bench->bench, 0xe, 2, 5);
    struct request read = queue_request(VIRTIO_BLK_T_IN, 3, &segment, 1);
    finish(513);
    assert_int_equal(status_of(&read), OK);
    for (unsigned queue = 0; queue < 0x10000; queue++) {
        compat_bench_out(&bench->bench, 0x10, 2, queue);
    }
    queue_request(VIRTIO_BLK_T_IN, 3, &segment, 1);
    finish(513);
}

static void test_one_interrupt_for_a_batch(void **state)
{
    const uint32_t segment = 512;
    uint32_t head, len;
    (void)state;
    probe();
    for (unsigned i = 0; i < 20; i++) {
        queue_request(VIRTIO_BLK_T_IN, i, &segment, 1);
    }
    virtio_driver_kick(&bench->bench.driver, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(virtio_driver_used(&bench->bench.driver, 0, &head, &len));
    }
    assert_int_equal(bench->bench.injected, 1);
    assert_int_equal(compat_bench_in(&bench->bench, 0x13, 1), 1);
    assert_int_equal(compat_bench_in(&bench->bench, 0x13, 1), 0);
}

/* Defect row 5: chains of 1 to 200 descriptors; row 24: cycles. */
static void test_broken_chains(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        probe();
        struct virtio_driver_queue *queue = &bench->bench.driver.queues[0];
        uint64_t at = compat_bench_room(&bench->bench, 1024);
        switch (kind) {
        case 0: /* A header alone. */
            virtio_driver_put(&queue->desc[0], at, 16, 0, 0);
            break;
        case 1: /* A status alone. */
            virtio_driver_put(&queue->desc[0], at, 1, VIRTQ_DESC_F_WRITE, 0);
            break;
        case 2: /* Half a header. */
            virtio_driver_put(&queue->desc[0], at, 8, VIRTQ_DESC_F_NEXT, 1);
            virtio_driver_put(&queue->desc[1], at + 512, 1, VIRTQ_DESC_F_WRITE, 0);
            break;
        default: /* A cycle. */
            virtio_driver_put(&queue->desc[0], at, 16, VIRTQ_DESC_F_NEXT, 1);
            virtio_driver_put(&queue->desc[1], at, 512, VIRTQ_DESC_F_NEXT, 0);
            break;
        }
        virtio_driver_offer(&bench->bench.driver, 0, 0);
        compat_bench_out(&bench->bench, 0x10, 2, 0);
        assert_true(compat_bench_in(&bench->bench, 0x12, 1) & VIRTIO_STATUS_NEEDS_RESET);
    }
    assert_int_equal(bench->calls, 0);
    bench->bench.injected = 0;
    test_read_and_write(state);
}

/* ---- Life ---- */

static void test_drivers_come_and_go(void **state)
{
    const uint32_t segment = 1024;
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        probe();
        for (unsigned i = 0; i < 5; i++) {
            struct request read = queue_request(VIRTIO_BLK_T_IN, i, &segment, 1);
            finish(1025);
            assert_int_equal(status_of(&read), OK);
        }
        compat_bench_out(&bench->bench, 0x12, 1, 0);
    }
    assert_int_equal(bench->calls, 20);
}

/* Accepting none of the features stopped the VMM once (row 29). */
static void test_a_driver_that_accepts_nothing(void **state)
{
    const uint32_t segment = 512;
    (void)state;
    compat_bench_probe(&bench->bench, 0, 1);
    struct request read = queue_request(VIRTIO_BLK_T_IN, 1, &segment, 1);
    finish(513);
    assert_int_equal(status_of(&read), OK);
}

static void test_what_the_client_says(void **state)
{
    const ioport_range_t range = { 0, 0, 0x40 };
    const uint32_t segment = 3 * 4096;
    (void)state;
    static const struct virtio_blk_config wrong[] = {
        { .capacity = SECTORS, .size_max = 511 },
        { .capacity = SECTORS, .blk_size = 1000 },
        { .capacity = SECTORS, .blk_size = 256 },
        { .capacity = UINT64_MAX },
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bench->config = wrong[i];
        assert_null(make(range, IOPORT_FREE, client_backend()));
        assert_int_equal(fixture_log_matches(&bench->bench.f, "will not do"), i + 1);
    }
    assert_null(bench->bench.pci->bus0[2][0]);
    /* Nothing but a capacity. */
    memset(&bench->config, 0, sizeof(bench->config));
    bench->config.capacity = SECTORS;
    bench->blk = make(range, IOPORT_FREE, client_backend());
    assert_non_null(bench->blk);
    bench->blk->emul_driver->disk_data = bench;
    compat_bench_connect(&bench->bench, bench->blk->iobase);
    assert_int_equal(compat_bench_in(&bench->bench, 0x1c, 4), 4096);
    assert_int_equal(compat_bench_in(&bench->bench, 0x20, 4), 126);
    assert_int_equal(compat_bench_in(&bench->bench, 0x28, 4), SECTOR);
    probe();
    struct request read = queue_request(VIRTIO_BLK_T_IN, 0, &segment, 1);
    finish(segment + 1);
    assert_int_equal(status_of(&read), OK);
    assert_int_equal(bench->longest, 4096);
}

static void test_what_cannot_be_had(void **state)
{
    const ioport_range_t anywhere = { 0, 0, 0x40 };
    raw_diskiface_funcs_t backend = virtio_blk_default_backend();
    const uint32_t segment = 512;
    (void)state;
    assert_null(make((ioport_range_t){ 0x8000, 0x8040, 0x40 }, IOPORT_ADDR, client_backend()));
    assert_null(make((ioport_range_t){ 0, 0, 0x20 }, IOPORT_FREE, client_backend()));
    assert_null(common_make_virtio_blk(NULL, bench->bench.pci, bench->bench.ports, anywhere,
                                       IOPORT_FREE, 1, 82, client_backend()));
    assert_int_equal(bench->bench.ports->num_ioports, 1);
    assert_null(bench->bench.pci->bus0[2][0]);
    /* A client that has replaced nothing: an empty disk, which says what is missing. */
    backend.low_level_init = client_init;
    bench->blk = make(anywhere, IOPORT_FREE, backend);
    assert_non_null(bench->blk);
    compat_bench_connect(&bench->bench, bench->blk->iobase);
    probe();
    struct request read = queue_request(VIRTIO_BLK_T_IN, 0, &segment, 1);
    finish(0);
    assert_int_equal(status_of(&read), IOERR);
    backend.raw_poll(bench->blk->emul_driver);
    backend.print_state(bench->blk->emul_driver);
    assert_non_null(fixture_log_find(&bench->bench.f, "no raw_xfer"));
    assert_non_null(fixture_log_find(&bench->bench.f, "no raw_handleIRQ"));
}

int test_compat_virtio_blk(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_header),
        ROW(test_configuration),
        ROW(test_read_and_write),
        ROW(test_any_number_of_segments),
        ROW(test_no_call_is_longer_than_the_client_said),
        ROW(test_failure),
        ROW(test_other_requests),
        ROW(test_selected_queue_does_not_matter),
        ROW(test_one_interrupt_for_a_batch),
        ROW(test_broken_chains),
        ROW(test_drivers_come_and_go),
        ROW(test_a_driver_that_accepts_nothing),
        ROW(test_what_the_client_says),
        ROW(test_what_cannot_be_had),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
