/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk (virtio 1.2, 5.2): what a driver that behaves gets. */
#include "support/blk_bench.h"

#define BIT(n) (UINT64_C(1) << (n))
#define ALL    UINT64_MAX
#define IN     VIRTIO_BLK_T_IN
#define OUT    VIRTIO_BLK_T_OUT
#define OK     VIRTIO_BLK_S_OK
#define IOERR  VIRTIO_BLK_S_IOERR

int test_virtio_blk(void);

static int setup_full(void **state)
{
    return blk_bench_make(state,
                          &(struct blk_bench_options){
                              .info = { .discard = true, .write_zeroes = true, .unmaps = true },
                              .blk = { .id = "a name of more than 20 bytes", .queues = 4 },
                          });
}

static uint64_t config(struct blk_bench *bench, uint32_t offset, unsigned size)
{
    return bench->driver.transport->config_read(bench->driver.device, offset, size);
}

static void *data(struct blk_bench *bench, size_t bytes)
{
    return virtio_driver_at(&bench->driver, bench->data, bytes);
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
    blk_bench_make(state, &options);
    struct blk_bench *bench = *state;
    assert_int_equal(config(bench, 24, 1), 3);
    assert_int_equal(config(bench, 25, 1), 0);
    assert_int_equal(config(bench, 26, 2), 8);
    assert_int_equal(config(bench, 28, 4), 128);
    assert_int_equal(config(bench, 36, 4), 2048);
    assert_int_equal(config(bench, 44, 4), 16);
    blk_teardown(state);
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

#define TEST(test, setup) cmocka_unit_test_setup_teardown(test, setup, blk_teardown)
#define TEST_SPLIT(test)                                                               \
    TEST(test, blk_setup), TEST(test, blk_setup_direct), TEST(test, blk_setup_legacy), \
        TEST(test, blk_setup_mmio)
#define TEST_ALL(test) \
    TEST_SPLIT(test), TEST(test, blk_setup_packed), TEST(test, blk_setup_packed_direct)

int test_virtio_blk(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ALL(reads_and_writes),          TEST_ALL(any_layout_of_a_write),
        TEST_ALL(any_layout_of_a_read),      TEST_ALL(a_request_without_data),
        TEST(identifies_itself, setup_full), TEST(discards_and_zeroes, setup_full),
        TEST(configuration, setup_full),     TEST(features_offered, setup_full),
        cmocka_unit_test(topology),          TEST_ALL(a_disk_can_grow),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests_name("virtio_blk", tests, NULL, NULL);
}
