/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers that break the rules of virtio 1.2, 2.7: each mistake stops the queue with its reason,
 * and nothing of the chain reaches the device.
 */
#include "vmmp_test.h"

#include <sys/mman.h>

#include "support/virtqueue_rig.h"

#define INDIRECT (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define N        VIRTQ_DESC_F_NEXT
#define W        VIRTQ_DESC_F_WRITE
#define I        VIRTQ_DESC_F_INDIRECT
#define BUFFER   (RIG_RAM + 0x8000)
#define TABLE    (RIG_RAM + 0x4000)
#define END      (RIG_RAM + RIG_RAM_SIZE)

static int setup(void **state)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    virtqueue_rig_init(rig, 8, INDIRECT);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    virtqueue_rig_fini(*state);
    free(*state);
    return 0;
}

/* A good chain first, so that the walk has its usual shortcuts, then descriptors as a test likes.
 */
static struct virtq_desc *prepare(struct virtqueue_rig *rig)
{
    const struct virtio_driver_buffer good = { BUFFER, 8, true };
    virtqueue_rig_restart(rig);
    virtio_driver_add(&rig->driver, 0, &good, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
    vmmp_virtqueue_flush(&rig->vq);
    return rig->driver.queues[0].desc;
}

static void expect(struct virtqueue_rig *rig, uint16_t head, const char *error)
{
    virtio_driver_offer(&rig->driver, 0, head);
    bool popped = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    assert_int_equal(popped, error == NULL);
    if (error) {
        assert_non_null(vmmp_virtqueue_error(&rig->vq));
        assert_string_equal(vmmp_virtqueue_error(&rig->vq), error);
        /* It stays stopped, whatever comes. */
        virtio_driver_offer(&rig->driver, 0, 0);
        assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
        assert_false(vmmp_virtqueue_flush(&rig->vq));
    }
}

/* Moves the table to where good descriptors follow it: going beyond must not look good. */
static void put_descriptors_behind_the_table(struct virtqueue_rig *rig)
{
    struct virtio_driver_queue *queue = &rig->driver.queues[0];
    rig->config.desc = vmmp_gpa(RIG_RAM + 0x40000);
    queue->desc = virtio_driver_at(&rig->driver, RIG_RAM + 0x40000, 0x10000);
    for (unsigned i = 8; i < 0x1000; i++) {
        virtio_driver_put(&queue->desc[i], BUFFER, 8, W, 0);
    }
}

static void heads_beyond_the_table(void **state)
{
    struct virtqueue_rig *rig = *state;
    put_descriptors_behind_the_table(rig);
    for (unsigned head = 0; head < 65536; head++) {
        struct virtq_desc *desc = prepare(rig);
        virtio_driver_put(&desc[head % 8], BUFFER, 8, W, 0);
        expect(rig, (uint16_t)head, head < 8 ? NULL : "descriptor index is beyond the table");
    }
}

static void next_beyond_the_table(void **state)
{
    struct virtqueue_rig *rig = *state;
    put_descriptors_behind_the_table(rig);
    for (unsigned next = 0; next < 65536; next++) {
        struct virtq_desc *desc = prepare(rig);
        for (unsigned i = 0; i < 8; i++) {
            virtio_driver_put(&desc[i], BUFFER, 8, 0, 0);
        }
        virtio_driver_put(&desc[7], BUFFER, 8, N, next);
        expect(rig, 7,
               next == 7  ? "chain is longer than the queue, or loops"
               : next < 8 ? NULL
                          : "descriptor index is beyond the table");
    }
}

static void loops_of_every_length(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned len = 0; len < 2; len++) { /* With and without bytes. */
        for (unsigned loop = 1; loop <= 8; loop++) {
            for (unsigned lead = 0; lead + loop <= 8; lead++) {
                struct virtq_desc *desc = prepare(rig);
                for (unsigned i = 0; i < lead + loop; i++) {
                    unsigned next = i + 1 < lead + loop ? i + 1 : lead;
                    virtio_driver_put(&desc[i], BUFFER, len * 16, N, next);
                }
                expect(rig, 0, "chain is longer than the queue, or loops");
            }
        }
    }
}

static void large_loops(void **state)
{
    struct virtqueue_rig *rig = *state;
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, 128, INDIRECT);
    struct virtq_desc *desc = prepare(rig);
    for (unsigned i = 0; i < 128; i++) {
        virtio_driver_put(&desc[i], BUFFER, 0, N | W, (i + 1) % 128);
    }
    expect(rig, 5, "chain is longer than the queue, or loops");
}

static void indices_that_jump(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned jump = 0; jump < 65536; jump++) {
        struct virtq_desc *desc = prepare(rig);
        virtio_driver_put(&desc[0], BUFFER, 8, W, 0);
        /* Index 1 is known, and used up to 1. */
        vmmp_guest_store_le16(&rig->driver.queues[0].avail->idx, (uint16_t)(1 + jump));
        bool popped = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
        assert_int_equal(popped, jump >= 1 && jump <= 8);
        assert_int_equal(vmmp_virtqueue_error(&rig->vq) != NULL, jump > 8);
    }
}

/* With chains in flight there is less room, and going back is not possible at all. */
static void indices_that_jump_with_chains_in_flight(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer good = { BUFFER, 8, true };
    for (unsigned jump = 0; jump < 65536; jump++) {
        prepare(rig);
        for (unsigned i = 0; i < 5; i++) {
            virtio_driver_add(&rig->driver, 0, &good, 1);
        }
        for (unsigned i = 0; i < 5; i++) {
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        }
        vmmp_guest_store_le16(&rig->driver.queues[0].avail->idx, (uint16_t)(6 + jump));
        assert_int_equal(vmmp_virtqueue_enable_notifications(&rig->vq), jump >= 1 && jump <= 3);
        assert_int_equal(vmmp_virtqueue_error(&rig->vq) != NULL, jump > 3);
    }
}

/* Heads that are in flight already: at most as many chains as there are entries (CVE-2016-5403). */
static void the_same_head_again_and_again(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&desc[0], BUFFER, 8, W, 0);
    unsigned popped = 0;
    for (unsigned i = 0; i < 1000; i++) {
        virtio_driver_offer(&rig->driver, 0, 0);
        popped += vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    }
    assert_int_equal(popped, 8);
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), "available index jumped");
}

static void buffers_outside_ram(void **state)
{
    struct virtqueue_rig *rig = *state;
    static const struct {
        uint64_t gpa;
        uint32_t len;
    } rows[] = {
        { 0, 1 },
        { RIG_RAM - 1, 1 },
        { RIG_RAM - 1, 2 },
        { END, 1 },
        { END - 1, 2 },
        { END - 8, 9 },
        { RIG_RAM, (uint32_t)RIG_RAM_SIZE + 1 },
        { RIG_RAM, UINT32_MAX },
        { UINT64_MAX, 1 },
        { UINT64_MAX, 2 },
        { UINT64_MAX - 7, 8 },
        { UINT64_MAX - 7, 16 },
        { UINT64_MAX - RIG_RAM + 1, UINT32_MAX },
        { RIG_RAM | UINT64_C(1) << 32, 8 }, /* The low half is RAM. */
        { RIG_RAM | UINT64_C(1) << 63, 8 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned flags = 0; flags < 2; flags++) {
            struct virtq_desc *desc = prepare(rig);
            virtio_driver_put(&desc[1], rows[i].gpa, rows[i].len, flags ? W : 0, 0);
            virtio_driver_put(&desc[0], BUFFER, 8, N, 1);
            expect(rig, 0, "buffer is not in RAM");
        }
    }
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&desc[0], END - 8, 8, W, 0);
    expect(rig, 0, NULL);
    desc = prepare(rig);
    virtio_driver_put(&desc[0], RIG_RAM, (uint32_t)RIG_RAM_SIZE, W, 0);
    expect(rig, 0, NULL);
    assert_int_equal(rig->chain.writable_bytes, RIG_RAM_SIZE);
    desc = prepare(rig);
    virtio_driver_put(&desc[0], END - 1, 1, W, 0);
    expect(rig, 0, NULL);
}

static void readable_after_writable(void **state)
{
    struct virtqueue_rig *rig = *state;
    /* Every pattern of directions of four buffers: only 0*1* is allowed. */
    for (unsigned pattern = 0; pattern < 16; pattern++) {
        struct virtq_desc *desc = prepare(rig);
        bool sorted = true;
        for (unsigned i = 0; i < 4; i++) {
            bool writable = pattern >> i & 1;
            sorted = sorted && !(i > 0 && (pattern >> (i - 1) & 1) && !writable);
            virtio_driver_put(&desc[i], BUFFER, 8, (writable ? W : 0) | (i < 3 ? N : 0), i + 1);
        }
        expect(rig, 0, sorted ? NULL : "readable buffer after a writable one");
    }
}

static void chains_of_more_than_32_bits(void **state)
{
    struct virtqueue_rig *rig = *state;
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, 8, INDIRECT);
    /* Address space is cheap, and none of it is touched. */
    uint64_t large = UINT64_C(0x40000000);
    void *space =
        mmap(NULL, (size_t)large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(space, MAP_FAILED);
    assert_int_equal(
        vmmp_guest_memory_add(&rig->memory, vmmp_gpa(UINT64_C(0x100000000)), large, space), 0);
    for (unsigned count = 3; count <= 5; count++) {
        struct virtq_desc *desc = prepare(rig);
        /* Once the short way, on which buffers have been there before. */
        if (count > 3) {
            virtio_driver_put(&desc[0], UINT64_C(0x100000000), 8, 0, 0);
            expect(rig, 0, NULL);
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
            vmmp_virtqueue_flush(&rig->vq);
        }
        for (unsigned i = 0; i < count; i++) {
            virtio_driver_put(&desc[i], UINT64_C(0x100000000), (uint32_t)large,
                              i + 1 < count ? N : 0, i + 1);
        }
        expect(rig, 0, count <= 3 ? NULL : "chain has 2^32 bytes or more");
    }
    /* The largest: 2^32 - 1. */
    struct virtq_desc *desc = prepare(rig);
    for (unsigned i = 0; i < 4; i++) {
        virtio_driver_put(&desc[i], UINT64_C(0x100000000), (uint32_t)large - (i == 3),
                          i < 3 ? N : 0, i + 1);
    }
    expect(rig, 0, NULL);
    assert_int_equal(rig->chain.readable_bytes, UINT32_MAX);
    munmap(space, (size_t)large);
}

static void a_device_with_few_elements(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned count = 1; count <= 8; count++) {
        struct virtq_desc *desc = prepare(rig);
        for (unsigned i = 0; i < count; i++) {
            virtio_driver_put(&desc[i], BUFFER, 8, i + 1 < count ? N : 0, i + 1);
        }
        rig->chain.capacity = 4;
        rig->iov[4].base = NULL;
        expect(rig, 0, count <= 4 ? NULL : "chain is longer than the device takes");
        assert_null(rig->iov[4].base);
        rig->chain.capacity = RIG_IOVECS;
    }
}

static void pieces_do_not_overrun_the_elements(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint8_t *second = calloc(1, 0x1000);
    assert_int_equal(vmmp_guest_memory_add(&rig->memory, vmmp_gpa(END), 0x1000, second), 0);
    for (unsigned count = 1; count <= 8; count++) {
        struct virtq_desc *desc = prepare(rig);
        for (unsigned i = 0; i < count; i++) {
            virtio_driver_put(&desc[i], END - 4, 8, i + 1 < count ? N : 0, i + 1);
        }
        rig->chain.capacity = 12;
        rig->iov[12].base = NULL;
        /* 8 descriptors, and room for 4 pieces more. */
        expect(rig, 0, count <= 4 ? NULL : "buffer has too many pieces");
        assert_null(rig->iov[12].base);
        rig->chain.capacity = RIG_IOVECS;
    }
    free(second);
}

/* ---- Indirect descriptors (2.7.5.3) ---- */

static struct virtq_desc *table_of(struct virtqueue_rig *rig, uint64_t gpa)
{
    return virtio_driver_at(&rig->driver, gpa, 128);
}

static void indirect_without_negotiation(void **state)
{
    struct virtqueue_rig *rig = *state;
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, 8, 0);
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&table_of(rig, TABLE)[0], BUFFER, 8, 0, 0);
    virtio_driver_put(&desc[0], TABLE, 16, I, 0);
    expect(rig, 0, "indirect descriptor was not negotiated");
}

static void indirect_lengths(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned len = 0; len < 300; len++) {
        struct virtq_desc *desc = prepare(rig);
        virtio_driver_put(&table_of(rig, TABLE)[0], BUFFER, 8, 0, 0);
        virtio_driver_put(&desc[0], TABLE, len, I, 0);
        expect(rig, 0,
               len == 0 || len % 16 ? "indirect table has a broken length"
               : len > 8 * 16       ? "indirect table is longer than the queue"
                                    : NULL);
    }
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&desc[0], TABLE, 0xfffffff0, I, 0);
    expect(rig, 0, "indirect table is longer than the queue");
}

static void indirect_tables_outside_ram(void **state)
{
    struct virtqueue_rig *rig = *state;
    const uint64_t bad[] = { 0, RIG_RAM - 8, END - 24, END, UINT64_MAX - 15 };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct virtq_desc *desc = prepare(rig);
        virtio_driver_put(&desc[0], bad[i], 32, I, 0);
        expect(rig, 0, "indirect table is not in RAM");
    }
}

static void indirect_inside_indirect(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&table_of(rig, TABLE)[0], TABLE + 64, 16, I, 0);
    virtio_driver_put(&table_of(rig, TABLE + 64)[0], BUFFER, 8, 0, 0);
    virtio_driver_put(&desc[0], TABLE, 16, I, 0);
    expect(rig, 0, "indirect descriptor in an indirect table");

    /* A table that is the queue's own, and so refers to itself. */
    desc = prepare(rig);
    virtio_driver_put(&desc[0], rig->config.desc.gpa, 128, I, 0);
    expect(rig, 0, "indirect descriptor in an indirect table");
}

static void indirect_with_next(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_desc *desc = prepare(rig);
    virtio_driver_put(&table_of(rig, TABLE)[0], BUFFER, 8, 0, 0);
    virtio_driver_put(&desc[0], TABLE, 16, I | N, 1);
    virtio_driver_put(&desc[1], BUFFER, 8, 0, 0);
    expect(rig, 0, "indirect descriptor has a next one");
}

static void indirect_next_beyond_its_table(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned next = 0; next < 20; next++) {
        struct virtq_desc *desc = prepare(rig);
        struct virtq_desc *table = table_of(rig, TABLE);
        for (unsigned i = 0; i < 8; i++) {
            virtio_driver_put(&table[i], BUFFER, 8, 0, 0);
        }
        virtio_driver_put(&table[2], BUFFER, 8, N, next);
        virtio_driver_put(&table[0], BUFFER, 8, N, 2);
        virtio_driver_put(&desc[0], TABLE, 3 * 16, I, 0);
        expect(rig, 0,
               next == 1  ? NULL
               : next < 3 ? "chain is longer than the queue, or loops"
                          : "descriptor index is beyond the table");
    }
}

/* The direct part counts too (2.7.5.3.1: no chain is longer than the queue). */
static void direct_and_indirect_together_too_long(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned direct = 0; direct < 7; direct++) {
        struct virtq_desc *desc = prepare(rig);
        struct virtq_desc *table = table_of(rig, TABLE);
        for (unsigned i = 0; i < 4; i++) {
            virtio_driver_put(&table[i], BUFFER, 8, i < 3 ? N : 0, i + 1);
        }
        for (unsigned i = 0; i < direct; i++) {
            virtio_driver_put(&desc[i], BUFFER, 8, N, i + 1);
        }
        virtio_driver_put(&desc[direct], TABLE, 64, I, 0);
        expect(rig, 0, direct <= 4 ? NULL : "chain is longer than the queue, or loops");
    }
}

int test_virtqueue_hostile(void);

int test_virtqueue_hostile(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(heads_beyond_the_table),
        TEST(next_beyond_the_table),
        TEST(loops_of_every_length),
        TEST(large_loops),
        TEST(indices_that_jump),
        TEST(indices_that_jump_with_chains_in_flight),
        TEST(the_same_head_again_and_again),
        TEST(buffers_outside_ram),
        TEST(readable_after_writable),
        TEST(chains_of_more_than_32_bits),
        TEST(a_device_with_few_elements),
        TEST(pieces_do_not_overrun_the_elements),
        TEST(indirect_without_negotiation),
        TEST(indirect_lengths),
        TEST(indirect_tables_outside_ram),
        TEST(indirect_inside_indirect),
        TEST(indirect_with_next),
        TEST(indirect_next_beyond_its_table),
        TEST(direct_and_indirect_together_too_long),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
