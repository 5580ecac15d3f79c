/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers that break the rules of packed rings (virtio 1.2, 2.8): each mistake stops the queue with
 * its reason, and nothing of the chain reaches the device. Everything is tried at every place of
 * the ring, so that the end of it lies everywhere in the chain.
 */
#include "vmmp_test.h"

#include <sys/mman.h>

#include "support/virtqueue_rig.h"

#define INDIRECT (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define PACKED   (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define N        VIRTQ_DESC_F_NEXT
#define W        VIRTQ_DESC_F_WRITE
#define I        VIRTQ_DESC_F_INDIRECT
#define A        VIRTQ_DESC_F_AVAIL
#define U        VIRTQ_DESC_F_USED
#define BUFFER   (RIG_RAM + 0x8000)
#define TABLE    (RIG_RAM + 0x4000)
#define END      (RIG_RAM + RIG_RAM_SIZE)
#define SIZE     9u
#define PLACES   (2 * SIZE)

static int setup(void **state)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    virtqueue_rig_init(rig, SIZE, PACKED | INDIRECT);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    virtqueue_rig_fini(*state);
    free(*state);
    return 0;
}

/* A fresh ring that `entries` chains of one have gone through. */
static void prepare(struct virtqueue_rig *rig, unsigned entries)
{
    const struct virtio_driver_buffer good = { BUFFER, 8, true };
    uint32_t id;
    uint32_t len;
    virtqueue_rig_restart(rig);
    for (unsigned i = 0; i < entries; i++) {
        virtio_driver_add(&rig->driver, 0, &good, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
        assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
    }
}

/* The entry that is `ahead` of the next one, and how an available one is marked there. */
static struct virtq_packed_desc *entry(struct virtqueue_rig *rig, unsigned ahead, unsigned *state)
{
    struct virtio_driver_packed *packed = &rig->driver.queues[0].packed;
    unsigned at = packed->next + ahead;
    bool wrap = packed->wrap ^ (at / rig->config.size % 2 != 0);
    *state = virtio_driver_available(wrap);
    return &packed->ring[at % rig->config.size];
}

static void put(struct virtqueue_rig *rig, unsigned ahead, uint64_t gpa, uint32_t len,
                unsigned flags)
{
    unsigned state;
    struct virtq_packed_desc *desc = entry(rig, ahead, &state);
    virtio_driver_put_packed(desc, gpa, len, 100 + ahead, flags | state);
}

static void expect(struct virtqueue_rig *rig, const char *error)
{
    bool popped = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    if (!error) {
        assert_true(popped);
        return;
    }
    assert_false(popped);
    assert_non_null(vmmp_virtqueue_error(&rig->vq));
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), error);
    /* It stays stopped, whatever comes. */
    for (unsigned i = 0; i < rig->config.size; i++) {
        put(rig, i, BUFFER, 8, 0);
    }
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_false(vmmp_virtqueue_flush(&rig->vq));
}

/* Of the four states of AVAIL and USED one says "available"; the others say nothing. */
static void heads_in_every_state(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned bits = 0; bits < 4; bits++) {
            unsigned flags = (bits & 1 ? A : 0) | (bits & 2 ? U : 0);
            unsigned available;
            prepare(rig, place);
            struct virtq_packed_desc *desc = entry(rig, 0, &available);
            virtio_driver_put_packed(desc, BUFFER, 8, 1, flags);
            assert_int_equal(vmmp_virtqueue_pop(&rig->vq, &rig->chain), flags == available);
            assert_null(vmmp_virtqueue_error(&rig->vq));
        }
    }
}

/* The rest of a chain has to be available when the first is (2.8.6, 2.8.17). */
static void chains_that_go_on_into_nothing(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned good = 1; good < SIZE; good++) {
            for (unsigned bits = 0; bits < 4; bits++) {
                unsigned flags = (bits & 1 ? A : 0) | (bits & 2 ? U : 0);
                unsigned available;
                prepare(rig, place);
                for (unsigned i = 0; i < good; i++) {
                    put(rig, i, BUFFER, 8, N);
                }
                struct virtq_packed_desc *desc = entry(rig, good, &available);
                virtio_driver_put_packed(desc, BUFFER, 8, 1, flags);
                expect(rig, flags == available ? NULL
                                               : "chain goes on where no descriptor is available");
            }
        }
    }
}

/* NEXT in all of them: the ring's end is followed by entries of the lap before. */
static void chains_around_the_ring(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned len = 0; len < 2; len++) {
            prepare(rig, place);
            for (unsigned i = 0; i < SIZE; i++) {
                put(rig, i, BUFFER, len * 8, N);
            }
            expect(rig, "chain goes on where no descriptor is available");
            prepare(rig, place);
            for (unsigned i = 0; i < SIZE; i++) {
                put(rig, i, BUFFER, len * 8, i + 1 < SIZE ? N : 0);
            }
            expect(rig, NULL);
            assert_int_equal(rig->chain.token.entries, SIZE);
        }
    }
}

/* Wrap-counter tricks: entries that are in flight are made available for the next lap. */
static void entries_in_flight_made_available_again(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned taken = 1; taken <= SIZE; taken++) {
            /* Chains of one up to there, then one that goes around into them. */
            prepare(rig, place);
            for (unsigned i = 0; i < SIZE; i++) {
                put(rig, i, BUFFER, 8, i < taken ? 0 : N);
            }
            for (unsigned i = 0; i < taken; i++) {
                assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            }
            for (unsigned i = 0; i < taken; i++) {
                put(rig, SIZE + i, BUFFER, 8, 0);
            }
            expect(rig, "chain is longer than the queue, or in flight already");
        }
    }
}

/* Also if they are used already but the driver has not been shown that. */
static void entries_that_are_not_shown_yet(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        prepare(rig, place);
        for (unsigned i = 0; i < SIZE; i++) {
            put(rig, i, BUFFER, 8, 0);
        }
        for (unsigned i = 0; i < SIZE; i++) {
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        }
        put(rig, SIZE, BUFFER, 8, 0);
        assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_string_equal(vmmp_virtqueue_error(&rig->vq),
                            "chain is longer than the queue, or in flight already");
    }
}

/* At most as many chains as there are entries, however the driver marks them. */
static void a_driver_that_marks_everything_for_ever(void **state)
{
    struct virtqueue_rig *rig = *state;
    unsigned popped = 0;
    prepare(rig, 4);
    for (unsigned i = 0; i < 1000 && !vmmp_virtqueue_error(&rig->vq); i++) {
        put(rig, i, BUFFER, 8, 0);
        popped += vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    }
    assert_int_equal(popped, SIZE);
    assert_non_null(vmmp_virtqueue_error(&rig->vq));
}

/* The same id for all: that is the driver's affair. */
static void one_id_for_everything(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct vmmp_virtqueue_token tokens[SIZE];
    unsigned ignored;
    prepare(rig, 5);
    for (unsigned i = 0; i < SIZE; i++) {
        put(rig, i, BUFFER, 8, W);
        entry(rig, i, &ignored)->id = vmmp_le16(65535);
    }
    for (unsigned i = 0; i < SIZE; i++) {
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        tokens[i] = rig->chain.token;
    }
    for (unsigned i = SIZE; i-- > 0;) {
        vmmp_virtqueue_push(&rig->vq, &tokens[i], i);
    }
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    for (unsigned i = 0; i < SIZE; i++) {
        assert_int_equal(vmmp_le16_get(entry(rig, i, &ignored)->id), 65535);
        assert_int_equal(vmmp_le32_get(entry(rig, i, &ignored)->len), SIZE - 1 - i);
    }
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
        { END - 0x10000, 0x10001 },
        { RIG_RAM, (uint32_t)RIG_RAM_SIZE + 1 },
        { RIG_RAM, UINT32_MAX },
        { UINT64_MAX, 1 },
        { UINT64_MAX, 2 },
        { UINT64_MAX - 7, 8 },
        { UINT64_MAX - 7, 16 },
        { UINT64_MAX - RIG_RAM + 1, UINT32_MAX },
        { RIG_RAM | UINT64_C(1) << 32, 8 },
        { RIG_RAM | UINT64_C(1) << 63, 8 },
    };
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
            for (unsigned at = 0; at < 6; at++) {
                prepare(rig, place);
                for (unsigned i = 0; i < at; i++) {
                    put(rig, i, BUFFER, 8, i < 2 ? N : N | W);
                }
                put(rig, at, rows[row].gpa, rows[row].len, at < 2 ? 0 : W);
                expect(rig, "buffer is not in RAM");
            }
        }
        prepare(rig, place);
        put(rig, 0, END - 8, 8, W);
        expect(rig, NULL);
        prepare(rig, place);
        put(rig, 0, RIG_RAM, (uint32_t)RIG_RAM_SIZE, W);
        expect(rig, NULL);
        assert_int_equal(rig->chain.writable_bytes, RIG_RAM_SIZE);
    }
}

static void readable_after_writable(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        /* Every pattern of directions of six buffers: only 0*1* is allowed. */
        for (unsigned pattern = 0; pattern < 64; pattern++) {
            bool sorted = true;
            prepare(rig, place);
            for (unsigned i = 0; i < 6; i++) {
                bool writable = pattern >> i & 1;
                sorted = sorted && !(i > 0 && (pattern >> (i - 1) & 1) && !writable);
                put(rig, i, BUFFER, 8, (writable ? W : 0) | (i < 5 ? N : 0));
            }
            expect(rig, sorted ? NULL : "readable buffer after a writable one");
        }
    }
}

static void chains_of_more_than_32_bits(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint64_t large = UINT64_C(0x40000000);
    void *space =
        mmap(NULL, (size_t)large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(space, MAP_FAILED);
    assert_int_equal(
        vmmp_guest_memory_add(&rig->memory, vmmp_gpa(UINT64_C(0x100000000)), large, space), 0);
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned less = 0; less < 2; less++) {
            prepare(rig, place);
            for (unsigned i = 0; i < 4; i++) {
                put(rig, i, UINT64_C(0x100000000), (uint32_t)large - (i == 3 ? less : 0),
                    i < 3 ? N : 0);
            }
            expect(rig, less ? NULL : "chain has 2^32 bytes or more");
        }
    }
    munmap(space, (size_t)large);
}

static void a_device_with_few_elements(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned capacity = 1; capacity <= 6; capacity++) {
            for (unsigned count = 1; count <= 8; count++) {
                prepare(rig, place);
                for (unsigned i = 0; i < count; i++) {
                    put(rig, i, BUFFER, 8, i + 1 < count ? N : 0);
                }
                rig->chain.capacity = capacity;
                rig->iov[capacity].base = NULL;
                expect(rig, count <= capacity ? NULL : "chain is longer than the device takes");
                assert_null(rig->iov[capacity].base);
                rig->chain.capacity = RIG_IOVECS;
            }
        }
    }
}

/* ---- Indirect descriptors (2.8.7, 2.8.19) ---- */

static void put_table(struct virtqueue_rig *rig, unsigned count)
{
    struct virtq_packed_desc *table = virtio_driver_at(&rig->driver, TABLE, 16 * count);
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_put_packed(&table[i], BUFFER, 8, 0, i < count / 2 ? 0 : W);
    }
}

static void indirect_without_negotiation(void **state)
{
    struct virtqueue_rig *rig = *state;
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, SIZE, PACKED);
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned next = 0; next < 2; next++) {
            prepare(rig, place);
            put_table(rig, 1);
            put(rig, 0, TABLE, 16, I | (next ? N : 0));
            expect(rig, "indirect descriptor was not negotiated");
        }
    }
}

static void indirect_lengths(void **state)
{
    struct virtqueue_rig *rig = *state;
    put_table(rig, 20);
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned len = 0; len < 300; len++) {
            prepare(rig, place);
            put_table(rig, len / 16 ? len / 16 : 1);
            put(rig, 0, TABLE, len, I);
            expect(rig, len == 0 || len % 16 ? "indirect table has a broken length"
                        : len > SIZE * 16    ? "indirect table is longer than the queue"
                                             : NULL);
        }
    }
    prepare(rig, 0);
    put(rig, 0, TABLE, 0xfffffff0, I);
    expect(rig, "indirect table is longer than the queue");
}

static void indirect_tables_outside_ram(void **state)
{
    struct virtqueue_rig *rig = *state;
    const uint64_t bad[] = { 0, RIG_RAM - 8, END - 24, END, UINT64_MAX - 15 };
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            prepare(rig, place);
            put(rig, 0, bad[i], 32, I);
            expect(rig, "indirect table is not in RAM");
        }
    }
}

static void indirect_in_a_chain_of_others(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned place = 0; place < PLACES; place++) {
        prepare(rig, place);
        put_table(rig, 1);
        put(rig, 0, TABLE, 16, I | N);
        put(rig, 1, BUFFER, 8, 0);
        expect(rig, "indirect descriptor in a chain of others");
        for (unsigned before = 1; before < 6; before++) {
            prepare(rig, place);
            put_table(rig, 1);
            for (unsigned i = 0; i < before; i++) {
                put(rig, i, BUFFER, 8, N);
            }
            put(rig, before, TABLE, 16, I);
            expect(rig, "indirect descriptor in a chain of others");
        }
    }
}

/* In a table the directions have their order too, and buffers lie in RAM. */
static void what_a_table_holds_is_checked(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_packed_desc *table = virtio_driver_at(&rig->driver, TABLE, 16 * SIZE);
    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned bad = 0; bad < SIZE; bad++) {
            prepare(rig, place);
            put_table(rig, SIZE);
            table[bad].addr = vmmp_le64(END - 7);
            put(rig, 0, TABLE, 16 * SIZE, I);
            expect(rig, "buffer is not in RAM");
            prepare(rig, place);
            put_table(rig, SIZE);
            table[bad].flags = vmmp_le16(vmmp_le16_get(table[bad].flags) ^ W);
            bool sorted = bad == SIZE / 2 || bad == SIZE / 2 - 1;
            put(rig, 0, TABLE, 16 * SIZE, I);
            expect(rig, sorted ? NULL : "readable buffer after a writable one");
        }
    }
}

int test_virtqueue_packed_hostile(void);

int test_virtqueue_packed_hostile(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(heads_in_every_state),
        TEST(chains_that_go_on_into_nothing),
        TEST(chains_around_the_ring),
        TEST(entries_in_flight_made_available_again),
        TEST(entries_that_are_not_shown_yet),
        TEST(a_driver_that_marks_everything_for_ever),
        TEST(one_id_for_everything),
        TEST(buffers_outside_ram),
        TEST(readable_after_writable),
        TEST(chains_of_more_than_32_bits),
        TEST(a_device_with_few_elements),
        TEST(indirect_without_negotiation),
        TEST(indirect_lengths),
        TEST(indirect_tables_outside_ram),
        TEST(indirect_in_a_chain_of_others),
        TEST(what_a_table_holds_is_checked),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
