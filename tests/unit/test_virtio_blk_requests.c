/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk's requests on their way to the backend: stable writes, errors, order, reset. */
#include "support/blk_bench.h"

#define BIT(n)  (UINT64_C(1) << (n))
#define ALL     UINT64_MAX
#define FLUSH   BIT(VIRTIO_BLK_F_FLUSH)
#define WCE     BIT(VIRTIO_BLK_F_CONFIG_WCE)
#define VERSION BIT(VIRTIO_F_VERSION_1)
#define EVENT   BIT(VIRTIO_F_EVENT_IDX)
#define IN      VIRTIO_BLK_T_IN
#define OUT     VIRTIO_BLK_T_OUT
#define T_FLUSH VIRTIO_BLK_T_FLUSH
#define OK      VIRTIO_BLK_S_OK
#define IOERR   VIRTIO_BLK_S_IOERR

int test_virtio_blk_requests(void);

static int setup_packed_queues(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){
                                     .defers = true, .packed = true, .blk = { .queues = 4 } });
}

static int setup_hasty(void **state)
{
    return blk_bench_make(state,
                          &(struct blk_bench_options){ .defers = true, .cannot_drain = true });
}

static int setup_queues(void **state)
{
    return blk_bench_make(state,
                          &(struct blk_bench_options){ .defers = true, .blk = { .queues = 4 } });
}

static int setup_queues_direct(void **state)
{
    return blk_bench_make(state, &(struct blk_bench_options){ .blk = { .queues = 4 } });
}

static uint64_t config(struct blk_bench *bench, uint32_t offset, unsigned size)
{
    return bench->driver.transport->config_read(bench->driver.device, offset, size);
}

static void *data(struct blk_bench *bench, size_t bytes)
{
    return virtio_driver_at(&bench->driver, bench->data, bytes);
}

static void run_deferred(struct blk_bench *bench)
{
    while (virtio_rig_run(&bench->rig)) {
    }
}

/* ---- Writes that are stable when they complete (5.2.6.2) ---- */

static void write_once(struct blk_bench *bench)
{
    uint32_t written;
    memset(bench->disk.stable, 0, sizeof(bench->disk.stable));
    bench->disk.submits = 0;
    assert_int_equal(blk_bench_do(bench, OUT, 0, bench->data, 512, &written), OK);
    assert_int_equal(written, 1);
}

static void expect_write_back(struct blk_bench *bench)
{
    write_once(bench);
    assert_int_equal(bench->disk.submits, 1);
    assert_false(bench->disk.stable[0]);
}

static void expect_write_through(struct blk_bench *bench)
{
    bench->blk.info.stable_writes = false;
    write_once(bench);
    assert_int_equal(bench->disk.submits, 2);
    assert_int_equal(bench->disk.ops[0], VMMP_BLK_WRITE);
    assert_int_equal(bench->disk.ops[1], VMMP_BLK_FLUSH);
    bench->blk.info.stable_writes = true;
    write_once(bench);
    assert_int_equal(bench->disk.submits, 1);
    assert_true(bench->disk.stable[0]);
}

static void write_back_and_through(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    uint32_t written;

    blk_bench_start(bench, VERSION | FLUSH);
    expect_write_back(bench);
    transport->config_write(bench->driver.device, 32, 1, 0); /* Not negotiated: no effect. */
    expect_write_back(bench);
    bench->disk.submits = 0;
    assert_int_equal(blk_bench_do(bench, T_FLUSH, 0, 0, 0, &written), OK);
    assert_int_equal(written, 1);
    assert_int_equal(bench->disk.submits, 1);
    assert_int_equal(bench->disk.ops[0], VMMP_BLK_FLUSH);

    blk_bench_start(bench, VERSION);
    expect_write_through(bench);

    blk_bench_start(bench, VERSION | FLUSH | WCE);
    assert_int_equal(config(bench, 32, 1), 1);
    expect_write_back(bench);
    transport->config_write(bench->driver.device, 32, 1, 0);
    assert_int_equal(config(bench, 32, 1), 0);
    expect_write_through(bench);
    transport->config_write(bench->driver.device, 32, 1, 1);
    assert_int_equal(config(bench, 32, 1), 1);
    expect_write_back(bench);
    transport->config_write(bench->driver.device, 32, 1, 0);

    /* A reset forgets; without FLUSH it starts as 0 (5.2.5.2). */
    blk_bench_start(bench, VERSION | FLUSH | WCE);
    expect_write_back(bench);
    blk_bench_start(bench, VERSION | WCE);
    assert_int_equal(config(bench, 32, 1), 0);
    expect_write_through(bench);
    /* The rest of the configuration is read-only. */
    transport->config_write(bench->driver.device, 0, 4, 1);
    assert_int_equal(config(bench, 0, 4), BLK_CAPACITY / 512);
}

static void a_failed_write_is_not_flushed(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    blk_bench_start(bench, VERSION);
    bench->rig.origin = VMMP_LOG_HOST;
    bench->disk.error = -EIO;
    assert_int_equal(blk_bench_do(bench, OUT, 0, bench->data, 512, &written), IOERR);
    assert_int_equal(bench->disk.submits, 1);
    bench->disk.slow = true;
    uint64_t status = blk_bench_add(bench, 0, OUT, 0, bench->data, 512);
    script_disk_complete(bench, 0, 0); /* The write; the flush follows */
    assert_int_equal(bench->disk.kept_count, 1);
    assert_int_equal(blk_bench_byte(bench, status), 0xff);
    script_disk_complete(bench, 0, -EIO); /* and fails. */
    assert_int_equal(blk_bench_byte(bench, status), IOERR);
    run_deferred(bench);
}

/* ---- Errors of the backend ---- */

static void backend_errors(void **state)
{
    struct blk_bench *bench = *state;
    static const struct {
        int error;
        uint8_t status;
    } cases[] = { { -EIO, IOERR },
                  { -ENOSPC, IOERR },
                  { -EOPNOTSUPP, VIRTIO_BLK_S_UNSUPP },
                  { -ECANCELED, IOERR } };
    uint32_t written;
    blk_bench_start(bench, ALL);
    bench->rig.origin = VMMP_LOG_HOST;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench->disk.error = cases[i].error;
        assert_int_equal(blk_bench_do(bench, OUT, 0, bench->data, 512, &written), cases[i].status);
        assert_int_equal(written, 1);
        /* Of a failed read's data nothing is promised, so nothing is counted. */
        assert_int_equal(blk_bench_do(bench, IN, 0, bench->data, 512, &written), cases[i].status);
        assert_int_equal(written, 0);
    }
    assert_int_equal(bench->blk.statistics.failed, 8);
    assert_non_null(strstr(bench->rig.last_message, "read of 512 bytes at 0 failed"));
    bench->disk.error = 0;
    assert_int_equal(blk_bench_do(bench, IN, 0, bench->data, 512, &written), OK);
    /* Many failures are few lines. */
    unsigned before = bench->rig.messages;
    bench->disk.error = -ENOSPC;
    for (unsigned i = 0; i < 1000; i++) {
        blk_bench_do(bench, OUT, 0, bench->data, 512, &written);
    }
    assert_true(bench->rig.messages - before < 16);
    assert_non_null(strstr(bench->rig.last_message, "no space left"));
}

/* ---- Requests in flight ---- */

static void completes_out_of_order(void **state)
{
    struct blk_bench *bench = *state;
    uint64_t status[3];
    uint32_t id, written, ids[3];
    blk_bench_start(bench, ALL & ~EVENT);
    bench->disk.slow = true;
    for (unsigned i = 0; i < 3; i++) {
        ids[i] = bench->driver.queues[0].next_desc;
        status[i] = blk_bench_add(bench, 0, IN, i, bench->data + i * 512, 512);
    }
    assert_int_equal(bench->disk.kept_count, 3);
    assert_int_equal(bench->blk.in_flight, 3);
    assert_int_equal(blk_bench_used(bench, 0), 0);
    script_disk_complete(bench, 2, 0);
    script_disk_complete(bench, 0, 0);
    run_deferred(bench);
    /* One interrupt for both. */
    assert_int_equal(bench->blk.queues[0].interrupts, 1);
    assert_true(virtio_driver_used(&bench->driver, 0, &id, &written));
    assert_int_equal(id, ids[2]);
    assert_true(virtio_driver_used(&bench->driver, 0, &id, &written));
    assert_int_equal(id, ids[0]);
    assert_int_equal(blk_bench_byte(bench, status[1]), 0xff);
    script_disk_complete(bench, 0, 0);
    run_deferred(bench);
    assert_int_equal(blk_bench_byte(bench, status[1]), OK);
    assert_memory_equal(data(bench, 1536), bench->disk.data, 1536);
    assert_int_equal(bench->blk.in_flight, 0);
}

static void waits_for_a_free_request(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    for (unsigned i = 0; i < 3 * BLK_REQUESTS; i++) {
        blk_bench_add(bench, 0, IN, i, bench->data + i * 512, 512);
    }
    assert_int_equal(bench->disk.kept_count, BLK_REQUESTS);
    assert_true(bench->blk.statistics.starved > 0);
    script_disk_complete(bench, 1, 0);
    run_deferred(bench);
    assert_int_equal(bench->disk.kept_count, BLK_REQUESTS);
    assert_int_equal(bench->disk.submits, BLK_REQUESTS + 1);
    script_disk_complete_all(bench);
    assert_int_equal(blk_bench_used(bench, 0), 3 * BLK_REQUESTS);
    assert_memory_equal(data(bench, 512 * 3 * BLK_REQUESTS), bench->disk.data,
                        512 * 3 * BLK_REQUESTS);
    /* Kicks are on again. */
    blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    assert_int_equal(bench->disk.kept_count, 1);
    script_disk_complete_all(bench);
}

static void commits_once_a_walk(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    for (unsigned i = 0; i < 3; i++) {
        struct virtio_driver_buffer buffers[] = {
            { blk_bench_header(bench, IN, i), 16, false },
            { bench->data + i * 512, 512, true },
            { blk_bench_status(bench), 1, true },
        };
        virtio_driver_add(&bench->driver, 0, buffers, 3);
    }
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(bench->disk.submits, 3);
    assert_int_equal(bench->disk.commits, 1);
    script_disk_complete_all(bench);
    assert_int_equal(bench->disk.commits, 1);
}

/* A backend that finishes inside commit: one interrupt, nothing deferred, and flushes follow. */
static void completes_inside_commit(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, VERSION);
    bench->disk.slow = true;
    bench->disk.completes_in_commit = true;
    uint64_t status = 0;
    for (unsigned i = 0; i < 3 * BLK_REQUESTS; i++) {
        status = blk_bench_status(bench);
        struct virtio_driver_buffer buffers[] = {
            { blk_bench_header(bench, OUT, i), 16, false },
            { bench->data + i * 512, 512, false },
            { status, 1, true },
        };
        virtio_driver_add(&bench->driver, 0, buffers, 3);
    }
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(blk_bench_used(bench, 0), 3 * BLK_REQUESTS);
    assert_int_equal(blk_bench_byte(bench, status), OK);
    assert_int_equal(bench->disk.submits, 6 * BLK_REQUESTS);
    assert_int_equal(bench->blk.queues[0].interrupts, 1);
    assert_int_equal(bench->rig.deferrals, 0);
    assert_int_equal(bench->blk.statistics.starved, 0);
}

/* ---- Reset ---- */

static void reset_waits_for_the_backend(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    uint64_t first = blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    uint64_t second = blk_bench_add(bench, 0, IN, 1, bench->data + 512, 512);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->disk.cancels, 1);
    assert_int_equal(bench->disk.drains, 1);
    assert_int_equal(bench->blk.in_flight, 0);
    assert_int_equal(bench->driver.transport->status(bench->driver.device), 0);
    run_deferred(bench);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), 0);
    /* The driver has forgotten them. */
    assert_int_equal(blk_bench_byte(bench, first), 0xff);
    assert_int_equal(blk_bench_byte(bench, second), 0xff);
    assert_int_equal(blk_bench_used(bench, 0), 0);
    bench->disk.slow = false;
    blk_bench_start(bench, ALL);
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, IN, 0, bench->data, 512, &written), OK);
}

/* A backend that cannot wait: status is not 0 before the last request is. */
static void reset_takes_its_time(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    assert_int_equal(vmmp_virtio_offered(&bench->blk.virtio, false) & BIT(VIRTIO_F_RING_RESET), 0);
    blk_bench_start(bench, VERSION); /* Writes are followed by flushes. */
    bench->disk.slow = true;
    uint64_t first = blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    uint64_t second = blk_bench_add(bench, 0, OUT, 1, bench->data, 512);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->disk.cancels, 1);
    assert_int_not_equal(transport->status(bench->driver.device), 0);
    virtio_driver_reset(&bench->driver); /* Impatience changes nothing. */
    script_disk_complete(bench, 0, 0);
    assert_int_not_equal(transport->status(bench->driver.device), 0);
    script_disk_complete(bench, 0, -ECANCELED);
    assert_int_equal(transport->status(bench->driver.device), 0);
    assert_int_equal(bench->disk.submits, 2); /* No flush. */
    run_deferred(bench);
    assert_int_equal(blk_bench_byte(bench, first), 0xff);
    assert_int_equal(blk_bench_byte(bench, second), 0xff);
    assert_int_equal(bench->blk.statistics.failed, 0);
    bench->disk.slow = false;
    blk_bench_start(bench, ALL);
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, IN, 0, bench->data, 512, &written), OK);
}

/* The driver is not told that the queue's memory is its own before it is. */
static void a_queue_is_stopped_over_a_backend_that_cannot_wait(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    blk_bench_start(bench, ALL);
    vmmp_virtio_queue_reset(&bench->blk.virtio, 0);
    assert_false(transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    virtio_driver_set_up_queue(&bench->driver, 0);
    bench->disk.slow = true;
    uint64_t gone = blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    vmmp_virtio_queue_reset(&bench->blk.virtio, 0);
    assert_true(transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    virtio_driver_reset(&bench->driver);
    assert_int_not_equal(transport->status(bench->driver.device), 0);
    script_disk_complete(bench, 0, 0);
    assert_int_equal(transport->status(bench->driver.device), 0);
    assert_int_equal(blk_bench_byte(bench, gone), 0xff);
}

static void one_queue_is_reset(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    uint64_t gone = blk_bench_add(bench, 1, IN, 0, bench->data, 512);
    uint64_t stays = blk_bench_add(bench, 2, IN, 1, bench->data + 512, 512);
    vmmp_context_enter(&bench->blk.virtio.context);
    vmmp_virtio_queue_reset(&bench->blk.virtio, 1);
    vmmp_context_leave(&bench->blk.virtio.context);
    run_deferred(bench);
    assert_int_equal(bench->blk.in_flight, 0);
    assert_int_equal(bench->disk.cancels, 0);
    assert_int_equal(blk_bench_byte(bench, gone), 0xff);
    assert_int_equal(blk_bench_byte(bench, stays), OK);
    assert_int_equal(blk_bench_used(bench, 2), 1);
    virtio_driver_set_up_queue(&bench->driver, 1);
    bench->disk.slow = false;
    uint64_t again = blk_bench_add(bench, 1, IN, 0, bench->data, 512);
    assert_int_equal(blk_bench_byte(bench, again), OK);
}

static void the_end_with_requests_in_flight(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    /* Teardown drains, and finds nothing deferred left. */
}

static void broken_with_requests_in_flight(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    blk_bench_add(bench, 0, IN, 0, bench->data, 512);
    virtio_driver_offer(&bench->driver, 0, 9999);
    virtio_driver_kick(&bench->driver, 0);
    assert_true(blk_bench_broken(bench));
    script_disk_complete_all(bench);
    virtio_driver_reset(&bench->driver);
    bench->disk.slow = false;
    blk_bench_start(bench, ALL);
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, IN, 0, bench->data, 512, &written), OK);
}

/* ---- Queues ---- */

static void four_queues(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    bench->disk.slow = true;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned queue = 0; queue < 4; queue++) {
            blk_bench_add(bench, queue, IN, queue, bench->data + queue * 512, 512);
        }
    }
    assert_int_equal(bench->disk.kept_count, BLK_REQUESTS);
    script_disk_complete_all(bench);
    for (unsigned queue = 0; queue < 4; queue++) {
        assert_int_equal(blk_bench_used(bench, queue), 3);
    }
    assert_memory_equal(data(bench, 2048), bench->disk.data, 2048);
}

#define TEST(test, setup) cmocka_unit_test_setup_teardown(test, setup, blk_teardown)
#define TEST_SPLIT(test)                                                               \
    TEST(test, blk_setup), TEST(test, blk_setup_direct), TEST(test, blk_setup_legacy), \
        TEST(test, blk_setup_mmio)
#define TEST_ALL(test) \
    TEST_SPLIT(test), TEST(test, blk_setup_packed), TEST(test, blk_setup_packed_direct)

int test_virtio_blk_requests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(write_back_and_through, blk_setup),
        TEST(write_back_and_through, blk_setup_mmio),
        TEST(write_back_and_through, blk_setup_packed),
        TEST(write_back_and_through, blk_setup_legacy),
        TEST_ALL(a_failed_write_is_not_flushed),
        TEST_ALL(backend_errors),
        TEST(completes_out_of_order, blk_setup),
        TEST_ALL(waits_for_a_free_request),
        TEST(commits_once_a_walk, blk_setup),
        TEST(commits_once_a_walk, blk_setup_mmio),
        TEST(commits_once_a_walk, blk_setup_packed),
        TEST_ALL(completes_inside_commit),
        TEST_ALL(reset_waits_for_the_backend),
        TEST(reset_takes_its_time, setup_hasty),
        TEST(a_queue_is_stopped_over_a_backend_that_cannot_wait, setup_hasty),
        TEST(one_queue_is_reset, setup_queues),
        TEST(one_queue_is_reset, setup_packed_queues),
        TEST(one_queue_is_reset, setup_queues_direct),
        TEST_ALL(the_end_with_requests_in_flight),
        TEST_SPLIT(broken_with_requests_in_flight),
        TEST(four_queues, setup_queues),
        TEST(four_queues, setup_packed_queues),
        TEST(four_queues, setup_queues_direct),
    };
    return cmocka_run_group_tests_name("virtio_blk_requests", tests, NULL, NULL);
}
