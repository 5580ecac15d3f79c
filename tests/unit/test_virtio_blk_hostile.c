/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk against drivers that do not behave: the defined answer to everything malformed. */
#include "support/blk_bench.h"

#define BIT(n)  (UINT64_C(1) << (n))
#define ALL     UINT64_MAX
#define IN      VIRTIO_BLK_T_IN
#define OUT     VIRTIO_BLK_T_OUT
#define DISCARD VIRTIO_BLK_T_DISCARD
#define ZEROES  VIRTIO_BLK_T_WRITE_ZEROES
#define OK      VIRTIO_BLK_S_OK
#define IOERR   VIRTIO_BLK_S_IOERR
#define UNSUPP  VIRTIO_BLK_S_UNSUPP
#define SECTORS (BLK_CAPACITY / 512)

int test_virtio_blk_hostile(void);

enum face { MODERN, LEGACY, MMIO, PACKED };

static int make(void **state, enum face face, bool read_only)
{
    const struct blk_bench_options options = {
        .defers = true,
        .legacy = face == LEGACY,
        .mmio = face == MMIO,
        .packed = face == PACKED,
        .info = { .discard = true, .write_zeroes = true, .range_max = 65536 },
        .blk = { .read_only = read_only },
    };
    struct blk_bench *bench = malloc(sizeof(*bench));
    blk_bench_init(bench, &options);
    *state = bench;
    blk_bench_start(bench, ALL);
    return 0;
}

static int setup(void **state)
{
    return make(state, MODERN, false);
}

static int setup_legacy(void **state)
{
    return make(state, LEGACY, false);
}

static int setup_mmio(void **state)
{
    return make(state, MMIO, false);
}

static int setup_packed(void **state)
{
    return make(state, PACKED, false);
}

static int setup_read_only(void **state)
{
    return make(state, MODERN, true);
}

static int teardown(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_fini(bench);
    free(bench);
    return 0;
}

/* The request ends with this status, and the backend has not heard of it. */
static void expect_refused(struct blk_bench *bench, uint32_t type, uint64_t sector, uint32_t bytes,
                           uint8_t status)
{
    uint32_t written;
    unsigned before = bench->disk.submits;
    uint64_t refused = bench->blk.statistics.refused;
    assert_int_equal(blk_bench_do(bench, type, sector, bench->data, bytes, &written), status);
    assert_int_equal(bench->disk.submits, before);
    assert_int_equal(bench->blk.statistics.refused, refused + 1);
    assert_int_equal(written, bytes > 0 && type == IN ? 0 : 1);
    assert_false(blk_bench_broken(bench));
}

static void expect_done(struct blk_bench *bench, uint32_t type, uint64_t sector, uint32_t bytes)
{
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, type, sector, bench->data, bytes, &written), OK);
}

/* ---- Ranges ---- */

static void beyond_the_end(void **state)
{
    struct blk_bench *bench = *state;
    static const uint64_t sectors[] = {
        SECTORS,           SECTORS + 1,
        UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1,
        UINT64_C(1) << 55, (UINT64_C(1) << 55) - 1,
        UINT64_MAX,        UINT64_MAX - 1,
        UINT64_MAX / 512,  UINT64_MAX / 512 + 1,
        INT64_MAX,
    };
    for (unsigned i = 0; i < sizeof(sectors) / sizeof(sectors[0]); i++) {
        expect_refused(bench, IN, sectors[i], 512, IOERR);
        expect_refused(bench, OUT, sectors[i], 512, IOERR);
        expect_refused(bench, OUT, sectors[i], 65536, IOERR);
    }
    expect_done(bench, IN, SECTORS - 1, 512);
    expect_done(bench, OUT, SECTORS - 1, 512);
    expect_refused(bench, IN, SECTORS - 1, 1024, IOERR);
    expect_refused(bench, OUT, SECTORS - 1, 1024, IOERR);
    expect_done(bench, IN, SECTORS - 128, 65536);
    expect_refused(bench, IN, SECTORS - 127, 65536, IOERR);
    expect_done(bench, IN, 0, BLK_CAPACITY);
    /* Nothing at the end is nothing beyond it. */
    expect_done(bench, IN, SECTORS, 0);
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, IN, SECTORS + 1, 0, 0, &written), IOERR);
    assert_non_null(strstr(bench->rig.last_message, "beyond the end of the disk"));
}

static void lengths_that_are_not_sectors(void **state)
{
    struct blk_bench *bench = *state;
    static const uint32_t lengths[] = { 1, 511, 513, 4095, 65535 };
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        expect_refused(bench, OUT, 0, lengths[i], IOERR);
        expect_refused(bench, IN, 0, lengths[i], IOERR);
    }
}

/* ---- Kinds ---- */

static void unknown_kinds(void **state)
{
    struct blk_bench *bench = *state;
    /* SCSI commands, lifetime, secure erase, zones; the legacy interface's BARRIER bit. */
    static const uint32_t types[] = { 2,          3,     5,  6,  7,          9,
                                      10,         12,    14, 15, 16,         0x80000000,
                                      0x80000001, 0x100, 24, 26, 0xffffffff, 0xdeadbeef };
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        uint32_t written;
        assert_int_equal(blk_bench_do(bench, types[i], 0, bench->data, 512, &written), UNSUPP);
        assert_int_equal(written, 0);
        assert_int_equal(blk_bench_do(bench, types[i], 0, 0, 0, &written), UNSUPP);
        assert_int_equal(written, 1);
    }
    assert_int_equal(bench->disk.submits, 0);
}

static void data_in_the_wrong_direction(void **state)
{
    struct blk_bench *bench = *state;
    static const uint32_t types[] = { IN, OUT, DISCARD };
    for (unsigned i = 0; i < 3; i++) {
        uint64_t status = blk_bench_status(bench);
        struct virtio_driver_buffer buffers[] = {
            { blk_bench_header(bench, types[i], 0), 16, false },
            { bench->data, 512, false },
            { bench->data + 512, 512, true },
            { status, 1, true },
        };
        virtio_driver_add(&bench->driver, 0, buffers, 4);
        virtio_driver_kick(&bench->driver, 0);
        assert_int_equal(blk_bench_used(bench, 0), 1);
        assert_int_equal(blk_bench_byte(bench, status), IOERR);
    }
    assert_int_equal(bench->disk.submits, 0);
}

static void a_read_only_disk(void **state)
{
    struct blk_bench *bench = *state;
    assert_true(bench->driver.features & BIT(VIRTIO_BLK_F_RO));
    assert_false(bench->driver.features & BIT(VIRTIO_BLK_F_DISCARD));
    expect_done(bench, IN, 0, 512);
    expect_refused(bench, OUT, 0, 512, IOERR);
    expect_refused(bench, OUT, 0, 0, IOERR);
    expect_refused(bench, DISCARD, 0, 16, IOERR);
    expect_refused(bench, ZEROES, 0, 16, IOERR);
    uint32_t written;
    assert_int_equal(blk_bench_do(bench, VIRTIO_BLK_T_FLUSH, 0, 0, 0, &written), OK);
}

/* ---- Segments ---- */

static void put_segment(struct blk_bench *bench, unsigned i, uint64_t sector, uint32_t count,
                        uint32_t flags)
{
    struct virtio_blk_segment *segment =
        virtio_driver_at(&bench->driver, bench->data + 16 * i, sizeof(*segment));
    *segment = (struct virtio_blk_segment){ vmmp_le64(sector), vmmp_le32(count), vmmp_le32(flags) };
}

static void segments(void **state)
{
    struct blk_bench *bench = *state;
    static const uint32_t types[] = { DISCARD, ZEROES };
    for (unsigned t = 0; t < 2; t++) {
        uint32_t type = types[t];
        for (unsigned i = 0; i <= VMMP_VIRTIO_BLK_SEGMENTS; i++) {
            put_segment(bench, i, i, 1, 0);
        }
        expect_done(bench, type, 0, 16 * VMMP_VIRTIO_BLK_SEGMENTS);
        expect_refused(bench, type, 0, 16 * (VMMP_VIRTIO_BLK_SEGMENTS + 1), IOERR);
        expect_refused(bench, type, 0, 65536, IOERR);
        expect_refused(bench, type, 0, 0, IOERR);
        expect_refused(bench, type, 0, 15, IOERR);
        expect_refused(bench, type, 0, 17, IOERR);
        /* A range beyond the end, and one that is too large; after a good one, which is not done.
         */
        put_segment(bench, 1, SECTORS, 1, 0);
        expect_refused(bench, type, 0, 32, IOERR);
        put_segment(bench, 1, UINT64_MAX, 1, 0);
        expect_refused(bench, type, 0, 32, IOERR);
        put_segment(bench, 1, SECTORS - 1, 2, 0);
        expect_refused(bench, type, 0, 32, IOERR);
        put_segment(bench, 1, 0, 129, 0);
        expect_refused(bench, type, 0, 32, IOERR);
        put_segment(bench, 1, 0, UINT32_MAX, 0);
        expect_refused(bench, type, 0, 32, IOERR);
        put_segment(bench, 1, SECTORS - 128, 128, 0);
        expect_done(bench, type, 0, 32);
        /* 5.2.6.2: unknown flags, and `unmap` of a discard. */
        put_segment(bench, 1, 0, 1, 2);
        expect_refused(bench, type, 0, 32, UNSUPP);
        put_segment(bench, 1, 0, 1, 0x80000000);
        expect_refused(bench, type, 0, 32, UNSUPP);
    }
    put_segment(bench, 0, 0, 1, VIRTIO_BLK_SEGMENT_UNMAP);
    expect_refused(bench, DISCARD, 0, 16, UNSUPP);
    expect_done(bench, ZEROES, 0, 16);
}

/* A few bytes can name a lot of disk: it counts against the turn, which is 4 MiB. */
static void ranges_are_work(void **state)
{
    struct blk_bench *bench = *state;
    for (unsigned i = 0; i < VMMP_VIRTIO_BLK_SEGMENTS; i++) {
        put_segment(bench, i, i * 128, 128, 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint64_t header = blk_bench_header(bench, ZEROES, 0);
        const struct virtio_driver_buffer buffers[] = {
            { header, 16, false },
            { bench->data, 16 * VMMP_VIRTIO_BLK_SEGMENTS, false },
            { blk_bench_status(bench), 1, true },
        };
        virtio_driver_add(&bench->driver, 0, buffers, 3);
    }
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(blk_bench_used(bench, 0), 4);
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_int_equal(blk_bench_used(bench, 0), 4);
    assert_int_equal(bench->disk.submits, 8 * VMMP_VIRTIO_BLK_SEGMENTS);
}

static void kinds_not_negotiated(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, BIT(VIRTIO_F_VERSION_1));
    put_segment(bench, 0, 0, 1, 0);
    expect_refused(bench, DISCARD, 0, 16, UNSUPP);
    expect_refused(bench, ZEROES, 0, 16, UNSUPP);
}

/* ---- Chains that cannot be answered (2.1.2, 5.2.6) ---- */

static void expect_broken(struct blk_bench *bench, const struct virtio_driver_buffer *buffers,
                          unsigned count, const char *why)
{
    blk_bench_start(bench, ALL);
    virtio_driver_add(&bench->driver, 0, buffers, count);
    virtio_driver_kick(&bench->driver, 0);
    assert_true(blk_bench_broken(bench));
    assert_int_equal(blk_bench_used(bench, 0), 0);
    assert_int_equal(bench->blk.in_flight, 0);
    assert_int_equal(bench->disk.submits, 0);
    assert_non_null(strstr(bench->rig.last_message, why));
}

static void chains_without_an_answer(void **state)
{
    struct blk_bench *bench = *state;
    uint64_t header = blk_bench_header(bench, IN, 0);
    uint64_t status = blk_bench_status(bench);
    const struct virtio_driver_buffer no_status[] = { { header, 16, false },
                                                      { bench->data, 512, false } };
    const struct virtio_driver_buffer only_status[] = { { status, 1, true } };
    const struct virtio_driver_buffer short_header[] = { { header, 15, false },
                                                         { status, 1, true } };
    const struct virtio_driver_buffer empty[] = { { header, 0, false }, { status, 0, true } };
    const struct virtio_driver_buffer empty_status[] = { { header, 16, false },
                                                         { status, 0, true } };
    expect_broken(bench, no_status, 2, "without room for its status");
    expect_broken(bench, no_status, 1, "without room for its status");
    expect_broken(bench, only_status, 1, "without a whole header");
    expect_broken(bench, short_header, 2, "without a whole header");
    expect_broken(bench, empty, 2, "without a whole header");
    expect_broken(bench, empty_status, 2, "without room for its status");
    /* It works again after a reset. */
    blk_bench_start(bench, ALL);
    expect_done(bench, IN, 0, 512);
}

static void buffers_that_are_not_ram(void **state)
{
    struct blk_bench *bench = *state;
    uint64_t end = VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE;
    static const uint32_t lengths[] = { 512, 1, UINT32_MAX };
    const uint64_t addresses[] = { 0, end, end - 1, UINT64_MAX, UINT64_MAX - 511, end - 256 };
    for (unsigned a = 0; a < 6; a++) {
        for (unsigned l = 0; l < 3; l++) {
            if (addresses[a] + 1 == end && lengths[l] == 1) {
                continue;
            }
            if (addresses[a] == end - 256 && lengths[l] == 1) {
                continue;
            }
            const struct virtio_driver_buffer buffers[] = {
                { blk_bench_header(bench, IN, 0), 16, false },
                { addresses[a], lengths[l], true },
                { blk_bench_status(bench), 1, true },
            };
            expect_broken(bench, buffers, 3, "not in RAM");
            bench->driver.next_gpa = bench->data + 0x100000; /* Rings there is no end of. */
        }
    }
}

/* Upstream's stack overflow: more descriptors than three, up to what a ring has. */
static void as_many_descriptors_as_there_are(void **state)
{
    struct blk_bench *bench = *state;
    struct virtio_driver_buffer buffers[VMMP_VIRTIO_BLK_QUEUE_SIZE];
    unsigned most = VMMP_VIRTIO_BLK_QUEUE_SIZE;
    uint64_t status = blk_bench_status(bench);
    buffers[0] = (struct virtio_driver_buffer){ blk_bench_header(bench, IN, 0), 16, false };
    for (unsigned i = 1; i < most - 1; i++) {
        buffers[i] = (struct virtio_driver_buffer){ bench->data + 512 * (most - i), 512, true };
    }
    buffers[most - 1] = (struct virtio_driver_buffer){ status, 1, true };
    virtio_driver_add(&bench->driver, 0, buffers, most);
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(blk_bench_used(bench, 0), 1);
    assert_int_equal(blk_bench_byte(bench, status), OK);
    for (unsigned i = 1; i < most - 1; i++) {
        assert_memory_equal(virtio_driver_at(&bench->driver, bench->data + 512 * (most - i), 512),
                            bench->disk.data + 512 * (i - 1), 512);
    }
}

/* A descriptor that names itself. */
static void a_chain_that_loops(void **state)
{
    struct blk_bench *bench = *state;
    struct virtio_driver_queue *queue = &bench->driver.queues[0];
    virtio_driver_put(&queue->desc[0], blk_bench_header(bench, IN, 0), 16, VIRTQ_DESC_F_NEXT, 0);
    virtio_driver_offer(&bench->driver, 0, 0);
    virtio_driver_kick(&bench->driver, 0);
    assert_true(blk_bench_broken(bench));
    assert_int_equal(bench->disk.submits, 0);
}

static void configuration_at_any_width(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    for (uint32_t offset = 0; offset < 72; offset++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            uint64_t value = transport->config_read(bench->driver.device, offset, width);
            if (offset >= 60) { /* Upstream leaked what lay behind. */
                assert_int_equal(value, UINT64_MAX >> (64 - 8 * width));
            }
            transport->config_write(bench->driver.device, offset, width, UINT64_MAX);
        }
    }
    assert_int_equal(transport->config_read(bench->driver.device, 0, 4), SECTORS);
    expect_done(bench, IN, 0, 512);
}

static void messages_are_few(void **state)
{
    struct blk_bench *bench = *state;
    for (unsigned i = 0; i < 1000; i++) {
        expect_refused(bench, IN, UINT64_MAX, 512, IOERR);
    }
    assert_true(bench->rig.messages < 32);
}

#define TEST(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TEST_SPLIT(test)  TEST(test, setup), TEST(test, setup_legacy), TEST(test, setup_mmio)
#define TEST_ALL(test)    TEST_SPLIT(test), TEST(test, setup_packed)

int test_virtio_blk_hostile(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ALL(beyond_the_end),
        TEST_ALL(lengths_that_are_not_sectors),
        TEST_ALL(unknown_kinds),
        TEST_ALL(data_in_the_wrong_direction),
        TEST(a_read_only_disk, setup_read_only),
        TEST_ALL(segments),
        TEST_ALL(ranges_are_work),
        TEST(kinds_not_negotiated, setup),
        TEST(kinds_not_negotiated, setup_mmio),
        TEST(kinds_not_negotiated, setup_packed),
        TEST_ALL(chains_without_an_answer),
        TEST(buffers_that_are_not_ram, setup),
        TEST(buffers_that_are_not_ram, setup_mmio),
        TEST(buffers_that_are_not_ram, setup_packed),
        TEST_ALL(as_many_descriptors_as_there_are),
        TEST_SPLIT(a_chain_that_loops),
        TEST_ALL(configuration_at_any_width),
        TEST(messages_are_few, setup),
        TEST(messages_are_few, setup_mmio),
        TEST(messages_are_few, setup_packed),
    };
    return cmocka_run_group_tests_name("virtio_blk_hostile", tests, NULL, NULL);
}
