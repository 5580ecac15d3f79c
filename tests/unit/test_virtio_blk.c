/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk (virtio 1.2, 5.2): what a driver that behaves gets. */
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

int test_virtio_blk(void);

static int make(void **state, const struct blk_bench_options *options)
{
    struct blk_bench *bench = malloc(sizeof(*bench));
    blk_bench_init(bench, options);
    *state = bench;
    return 0;
}

static int setup(void **state)
{
    return make(state, &(struct blk_bench_options){ .defers = true });
}

static int setup_direct(void **state)
{
    return make(state, &(struct blk_bench_options){ 0 });
}

static int setup_legacy(void **state)
{
    return make(state, &(struct blk_bench_options){ .legacy = true });
}

static int setup_mmio(void **state)
{
    return make(state, &(struct blk_bench_options){ .defers = true, .mmio = true });
}

static int setup_packed(void **state)
{
    return make(state, &(struct blk_bench_options){ .defers = true, .packed = true });
}

static int setup_packed_direct(void **state)
{
    return make(state, &(struct blk_bench_options){ .packed = true });
}

static int setup_packed_queues(void **state)
{
    return make(state, &(struct blk_bench_options){
                           .defers = true, .packed = true, .blk = { .queues = 4 } });
}

static int setup_full(void **state)
{
    return make(state, &(struct blk_bench_options){
                           .info = { .discard = true, .write_zeroes = true, .unmaps = true },
                           .blk = { .id = "a name of more than 20 bytes", .queues = 4 },
                       });
}

static int setup_hasty(void **state)
{
    return make(state, &(struct blk_bench_options){ .defers = true, .cannot_drain = true });
}

static int setup_queues(void **state)
{
    return make(state, &(struct blk_bench_options){ .defers = true, .blk = { .queues = 4 } });
}

static int setup_queues_direct(void **state)
{
    return make(state, &(struct blk_bench_options){ .blk = { .queues = 4 } });
}

static int teardown(void **state)
{
    blk_bench_fini(*state);
    free(*state);
    return 0;
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

/* ---- Data ---- */

static void reads_and_writes(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    blk_bench_start(bench, ALL);

    assert_int_equal(blk_bench_do(bench, IN, 3, bench->data, 4096, &written), OK);
    assert_int_equal(written, 4097);
    assert_memory_equal(data(bench, 4096), bench->disk.data + 3 * 512, 4096);
    assert_int_equal(bench->disk.offsets[0], 3 * 512);
    assert_int_equal(bench->disk.lengths[0], 4096);
    assert_int_equal(bench->disk.commits, 1);

    memset(data(bench, 1024), 0x5a, 1024);
    assert_int_equal(blk_bench_do(bench, OUT, 2046, bench->data, 1024, &written), OK);
    assert_int_equal(written, 1);
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(bench->disk.data[2046 * 512 + i], 0x5a);
    }
    assert_int_equal(bench->blk.statistics.reads, 1);
    assert_int_equal(bench->blk.statistics.read_bytes, 4096);
    assert_int_equal(bench->blk.statistics.writes, 1);
    assert_int_equal(bench->blk.statistics.written_bytes, 1024);
    assert_int_equal(bench->rig.messages, 0);
}

/* Cuts a run of bytes into pieces at every place a bit of `cuts` says, `step` bytes apart. */
static unsigned cut(struct virtio_driver_buffer *buffers, uint64_t gpa, uint32_t bytes,
                    uint32_t step, unsigned cuts, bool writable)
{
    unsigned count = 0;
    uint32_t from = 0;
    for (uint32_t at = step; from < bytes; at += step, cuts >>= 1) {
        if (at >= bytes || (cuts & 1)) {
            uint32_t to = at < bytes ? at : bytes;
            buffers[count++] = (struct virtio_driver_buffer){ gpa + from, to - from, writable };
            from = to;
        }
    }
    return count;
}

/* 2.7.4: the header and the data of a write in any pieces, together or not. */
static void any_layout_of_a_write(void **state)
{
    struct blk_bench *bench = *state;
    struct virtio_driver_buffer buffers[64];
    uint32_t id, written;
    blk_bench_start(bench, ALL);

    /* The header directly in front of the data, so that a piece may have some of both. */
    for (unsigned cuts = 0; cuts < 256; cuts++) {
        uint8_t *at = data(bench, 16 + 512);
        memset(bench->disk.data, 0, 1024);
        struct virtio_blk_header header = { vmmp_le32(OUT), { 0 }, vmmp_le64(1) };
        memcpy(at, &header, sizeof(header));
        for (unsigned i = 0; i < 512; i++) {
            at[16 + i] = (uint8_t)(i + cuts);
        }
        unsigned count = cut(buffers, bench->data, 528, cuts & 1 ? 3 : 64, cuts >> 1, false);
        uint64_t status = blk_bench_status(bench);
        buffers[count++] = (struct virtio_driver_buffer){ status, 1, true };
        virtio_driver_add(&bench->driver, 0, buffers, count);
        virtio_driver_kick(&bench->driver, 0);
        assert_true(virtio_driver_used(&bench->driver, 0, &id, &written));
        assert_int_equal(written, 1);
        assert_int_equal(blk_bench_byte(bench, status), OK);
        assert_memory_equal(bench->disk.data + 512, at + 16, 512);
    }
}

/* The data of a read and its status in any pieces, together or not. */
static void any_layout_of_a_read(void **state)
{
    struct blk_bench *bench = *state;
    struct virtio_driver_buffer buffers[64];
    uint32_t id, written;
    blk_bench_start(bench, ALL);

    for (unsigned cuts = 0; cuts < 256; cuts++) {
        uint8_t *at = data(bench, 513);
        memset(at, 0xff, 513);
        buffers[0] = (struct virtio_driver_buffer){ blk_bench_header(bench, IN, cuts), 16, false };
        unsigned count = 1 + cut(buffers + 1, bench->data, 513, 64, cuts, true);
        virtio_driver_add_indirect(&bench->driver, 0, buffers, count);
        virtio_driver_kick(&bench->driver, 0);
        assert_true(virtio_driver_used(&bench->driver, 0, &id, &written));
        assert_int_equal(written, 513);
        assert_int_equal(at[512], OK);
        assert_memory_equal(at, bench->disk.data + cuts * 512, 512);
    }
}

static void a_request_without_data(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    blk_bench_start(bench, ALL);
    assert_int_equal(blk_bench_do(bench, IN, 2048, 0, 0, &written), OK);
    assert_int_equal(written, 1);
    assert_int_equal(blk_bench_do(bench, OUT, 0, 0, 0, &written), OK);
    assert_int_equal(bench->disk.submits, 0);
}

static void identifies_itself(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    blk_bench_start(bench, ALL);
    memset(data(bench, 64), 0xff, 64);
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_GET_ID, 0, bench->data, 20, &written), OK);
    assert_int_equal(written, 21);
    assert_memory_equal(data(bench, 21), "a name of more than \xff", 21);
    /* More room: what is counted is what was written in one go (2.7.8.2). */
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_GET_ID, 0, bench->data, 64, &written), OK);
    assert_int_equal(written, 20);
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_GET_ID, 0, bench->data, 19, &written), IOERR);
    assert_int_equal(written, 0);
    assert_int_equal(bench->disk.submits, 0);
}

static void discards_and_zeroes(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    blk_bench_start(bench, ALL);
    struct virtio_blk_segment *segments = data(bench, 3 * sizeof(*segments));
    segments[0] = (struct virtio_blk_segment){ vmmp_le64(0), vmmp_le32(8), vmmp_le32(0) };
    segments[1] = (struct virtio_blk_segment){ vmmp_le64(9), vmmp_le32(0), vmmp_le32(0) };
    segments[2] = (struct virtio_blk_segment){ vmmp_le64(2040), vmmp_le32(8), vmmp_le32(0) };
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_DISCARD, 0, bench->data, 48, &written), OK);
    assert_int_equal(written, 1);
    assert_int_equal(bench->disk.submits, 2);
    assert_int_equal(bench->disk.ops[1], VMMP_BLK_DISCARD);
    assert_int_equal(bench->disk.offsets[1], 2040 * 512);
    assert_int_equal(bench->disk.lengths[1], 4096);

    segments[0].flags = vmmp_le32(VIRTIO_BLK_SEGMENT_UNMAP);
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_WRITE_ZEROES, 0, bench->data, 16, &written),
                     OK);
    assert_int_equal(bench->disk.ops[2], VMMP_BLK_WRITE_ZEROES);
    assert_true(bench->disk.unmap[2]);
    assert_int_equal(bench->disk.data[4095], 0);
    /* One that must keep its space makes all keep it. */
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_WRITE_ZEROES, 0, bench->data, 48, &written),
                     OK);
    assert_false(bench->disk.unmap[3]);
}

/* ---- Configuration ---- */

static void configuration(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, ALL);
    assert_int_equal(config(bench, 0, 4), BLK_CAPACITY / 512);
    assert_int_equal(config(bench, 4, 4), 0);
    assert_int_equal(config(bench, 8, 4), 4 << 20);
    assert_int_equal(config(bench, 12, 4), 254);
    assert_int_equal(config(bench, 20, 4), 512);
    assert_int_equal(config(bench, 26, 2), 1);
    assert_int_equal(config(bench, 32, 1), 1);
    assert_int_equal(config(bench, 33, 1), 0);
    assert_int_equal(config(bench, 34, 2), 4);
    assert_int_equal(config(bench, 36, 4), (1 << 22) - 1);
    assert_int_equal(config(bench, 40, 4), VMMP_VIRTIO_BLK_SEGMENTS);
    assert_int_equal(config(bench, 44, 4), 1);
    assert_int_equal(config(bench, 52, 4), VMMP_VIRTIO_BLK_SEGMENTS);
    assert_int_equal(config(bench, 56, 1), 1);
    assert_int_equal(config(bench, 60, 4), UINT32_MAX);
}

static void features_offered(void **state)
{
    struct blk_bench *bench = *state;
    uint64_t bits = vmmp_virtio_offered(&bench->blk.virtio, false) & (BIT(24) - 1);
    assert_int_equal(bits, BIT(1) | BIT(2) | BIT(6) | BIT(9) | BIT(10) | BIT(11) | BIT(12) |
                               BIT(13) | BIT(14));
    bench->blk.info.read_only = true;
    bits = vmmp_virtio_offered(&bench->blk.virtio, false) & (BIT(24) - 1);
    assert_int_equal(bits,
                     BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(9) | BIT(10) | BIT(11) | BIT(12));
}

static void topology(void **state)
{
    struct blk_bench_options options = {
        .info = { .block_size = 512,
                  .physical_block_size = 4096,
                  .optimal_size = 65536,
                  .discard_granularity = 8192,
                  .discard = true,
                  .range_max = 1 << 20 },
    };
    make(state, &options);
    struct blk_bench *bench = *state;
    assert_int_equal(config(bench, 24, 1), 3);
    assert_int_equal(config(bench, 25, 1), 0);
    assert_int_equal(config(bench, 26, 2), 8);
    assert_int_equal(config(bench, 28, 4), 128);
    assert_int_equal(config(bench, 36, 4), 2048);
    assert_int_equal(config(bench, 44, 4), 16);
    teardown(state);
}

static void a_disk_can_grow(void **state)
{
    struct blk_bench *bench = *state;
    uint32_t written;
    bench->disk.info.capacity = BLK_CAPACITY / 2;
    vmmp_virtio_blk_resized(&bench->blk);
    blk_bench_start(bench, ALL);
    assert_int_equal(config(bench, 0, 4), BLK_CAPACITY / 1024);
    assert_int_equal(blk_bench_do(bench, IN, 1024, bench->data, 512, &written), IOERR);
    bench->driver.transport->isr(bench->driver.device);
    uint8_t generation = vmmp_virtio_config_generation(&bench->blk.virtio);

    bench->disk.info.capacity = BLK_CAPACITY;
    vmmp_virtio_blk_resized(&bench->blk);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_not_equal(vmmp_virtio_config_generation(&bench->blk.virtio), generation);
    assert_int_equal(config(bench, 0, 4), BLK_CAPACITY / 512);
    assert_int_equal(blk_bench_do(bench, IN, 1024, bench->data, 512, &written), OK);
    /* Nothing has changed; nor has it by nonsense. */
    vmmp_virtio_blk_resized(&bench->blk);
    bench->disk.info.capacity = 1000;
    bench->rig.origin = VMMP_LOG_CLIENT;
    vmmp_virtio_blk_resized(&bench->blk);
    assert_non_null(strstr(bench->rig.last_message, "1000 bytes"));
    assert_int_equal(config(bench, 0, 4), BLK_CAPACITY / 512);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device) & VMMP_VIRTIO_ISR_CONFIG,
                     0);
    bench->disk.info.capacity = BLK_CAPACITY;
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

/* ---- Making one ---- */

static void bad_arguments(void **state)
{
    static struct script_disk disk;
    static struct vmmp_virtio_blk blk;
    static struct vmmp_virtio_blk_request requests[1];
    static struct vmmp_guest_memory memory;
    struct vmmp_blk_backend backend = script_disk_backend(&disk);
    struct vmmp_virtio_blk_options options = { 0 };
    (void)state;
    disk.info.capacity = 512;
#define INIT(backend, count) \
    vmmp_virtio_blk_init(&blk, backend, requests, count, &options, &memory, NULL, NULL)
    assert_int_equal(INIT(&backend, 1), 0);
    vmmp_virtio_blk_fini(&blk);
    assert_int_equal(INIT(NULL, 1), -EINVAL);
    assert_int_equal(INIT(&backend, 0), -EINVAL);
    disk.info.capacity = 1000;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    disk.info.capacity = 512;
    disk.info.block_size = 3000;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    disk.info.block_size = 256;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    disk.info.block_size = 4096;
    disk.info.physical_block_size = 4097;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    disk.info.physical_block_size = 0;
    disk.info.layers = VMMP_BLK_LAYERS;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    disk.info.layers = 0;
    options.queues = VMMP_VIRTIO_BLK_QUEUES + 1;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    options.queues = 0;
    options.queue_size = 100;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    options.queue_size = 512;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
    options.queue_size = 128;
    assert_int_equal(INIT(&backend, 1), 0);
    assert_int_equal(blk.virtio.queues[0].max_size, 128);
    vmmp_virtio_blk_fini(&blk);
    backend.ops = NULL;
    assert_int_equal(INIT(&backend, 1), -EINVAL);
}

#define TEST(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TEST_SPLIT(test) \
    TEST(test, setup), TEST(test, setup_direct), TEST(test, setup_legacy), TEST(test, setup_mmio)
#define TEST_ALL(test) TEST_SPLIT(test), TEST(test, setup_packed), TEST(test, setup_packed_direct)

int test_virtio_blk(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ALL(reads_and_writes),
        TEST_ALL(any_layout_of_a_write),
        TEST_ALL(any_layout_of_a_read),
        TEST_ALL(a_request_without_data),
        TEST(identifies_itself, setup_full),
        TEST(discards_and_zeroes, setup_full),
        TEST(configuration, setup_full),
        TEST(features_offered, setup_full),
        cmocka_unit_test(topology),
        TEST_ALL(a_disk_can_grow),
        TEST(write_back_and_through, setup),
        TEST(write_back_and_through, setup_mmio),
        TEST(write_back_and_through, setup_packed),
        TEST(write_back_and_through, setup_legacy),
        TEST_ALL(a_failed_write_is_not_flushed),
        TEST_ALL(backend_errors),
        TEST(completes_out_of_order, setup),
        TEST_ALL(waits_for_a_free_request),
        TEST(commits_once_a_walk, setup),
        TEST(commits_once_a_walk, setup_mmio),
        TEST(commits_once_a_walk, setup_packed),
        TEST_ALL(completes_inside_commit),
        TEST_ALL(reset_waits_for_the_backend),
        TEST(reset_takes_its_time, setup_hasty),
        TEST(one_queue_is_reset, setup_queues),
        TEST(one_queue_is_reset, setup_packed_queues),
        TEST(one_queue_is_reset, setup_queues_direct),
        TEST_ALL(the_end_with_requests_in_flight),
        TEST_SPLIT(broken_with_requests_in_flight),
        TEST(four_queues, setup_queues),
        TEST(four_queues, setup_packed_queues),
        TEST(four_queues, setup_queues_direct),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests_name("virtio_blk", tests, NULL, NULL);
}
