/* SPDX-License-Identifier: BSD-2-Clause */
/* vmmp/frame_ring.h: frames come out as they went in, and a hostile end gets nowhere. */
#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include <sel4vmmplatsupport/vmmp/frame_ring.h>

int test_frame_ring(void);

/* Words of a half, and where its ring begins. */
#define WRITTEN 0u
#define READ    64u
#define RING    4096u

struct rig {
    uint8_t *memory;
    struct vmmp_frame_ring ends[2];
};

static uint8_t frame[VMMP_FRAME_RING_FRAME];
static uint8_t got[VMMP_FRAME_RING_FRAME];

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    /* Exactly as much, so that what is beside it is found. */
    rig->memory = calloc(1, VMMP_FRAME_RING_LEAST);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            vmmp_frame_ring_init(&rig->ends[i], rig->memory, VMMP_FRAME_RING_LEAST, i == 1), 0);
    }
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    free(rig->memory);
    free(rig);
    return 0;
}

static void fill(uint32_t len, uint32_t seed)
{
    for (uint32_t i = 0; i < len; i++) {
        frame[i] = (uint8_t)(seed + i * 7 + (i >> 8));
    }
}

static int put(struct vmmp_frame_ring *end, uint32_t len)
{
    uint32_t first = len / 3;
    const struct vmmp_iovec iov[2] = { { frame, first }, { frame + first, len - first } };
    return vmmp_frame_ring_write(end, iov, 2, len);
}

static uint32_t word(const struct rig *rig, unsigned end, unsigned offset)
{
    uint32_t value;
    memcpy(&value, rig->memory + end * (VMMP_FRAME_RING_LEAST / 2) + offset, 4);
    return value;
}

static void set_word(struct rig *rig, unsigned end, unsigned offset, uint32_t value)
{
    memcpy(rig->memory + end * (VMMP_FRAME_RING_LEAST / 2) + offset, &value, 4);
}

static void every_length_goes_through_both_ways(void **state)
{
    struct rig *rig = *state;
    for (uint32_t len = 1; len <= VMMP_FRAME_RING_FRAME; len += len < 70 ? 1 : 977) {
        for (unsigned from = 0; from < 2; from++) {
            fill(len, len + from);
            assert_int_equal(put(&rig->ends[from], len), 0);
            assert_int_equal(vmmp_frame_ring_next(&rig->ends[1 - from], got), len);
            assert_memory_equal(got, frame, len);
            /* It stays until it was taken. */
            assert_int_equal(vmmp_frame_ring_next(&rig->ends[1 - from], got), len);
            vmmp_frame_ring_taken(&rig->ends[1 - from]);
            assert_int_equal(vmmp_frame_ring_next(&rig->ends[1 - from], got), 0);
        }
    }
    assert_int_equal(put(&rig->ends[0], VMMP_FRAME_RING_FRAME), 0);
    assert_int_equal(put(&rig->ends[0], 0), -EMSGSIZE);
    assert_int_equal(vmmp_frame_ring_write(&rig->ends[0], NULL, 0, VMMP_FRAME_RING_FRAME + 1),
                     -EMSGSIZE);
    assert_int_equal(rig->ends[0].errors + rig->ends[1].errors, 0);
}

static void events_are_needed_when_they_are(void **state)
{
    struct rig *rig = *state;
    struct vmmp_frame_ring *a = &rig->ends[0];
    struct vmmp_frame_ring *b = &rig->ends[1];
    unsigned count = 0;
    assert_true(vmmp_frame_ring_wakes_reader(a)); /* b sleeps since it began */
    fill(1000, 1);
    assert_int_equal(put(a, 1000), 0);
    assert_int_equal(vmmp_frame_ring_next(b, got), 1000);
    assert_false(vmmp_frame_ring_wakes_reader(a));
    assert_false(vmmp_frame_ring_sleep(b));
    vmmp_frame_ring_taken(b);
    assert_false(vmmp_frame_ring_wakes_writer(b));
    assert_true(vmmp_frame_ring_sleep(b));
    assert_true(vmmp_frame_ring_wakes_reader(a));
    while (put(a, 1000) == 0) {
        count++;
    }
    assert_true(count > 100);
    assert_true(vmmp_frame_ring_wakes_writer(b));
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(vmmp_frame_ring_next(b, got), 1000);
        vmmp_frame_ring_taken(b);
    }
    assert_int_equal(put(a, 1000), 0);
    assert_false(vmmp_frame_ring_wakes_writer(b));
}

static void an_end_that_begins_anew_goes_on(void **state)
{
    struct rig *rig = *state;
    fill(100, 3);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(put(&rig->ends[0], 100), 0);
        assert_int_equal(put(&rig->ends[1], 100), 0);
    }
    vmmp_frame_ring_init(&rig->ends[1], rig->memory, VMMP_FRAME_RING_LEAST, true);
    assert_int_equal(vmmp_frame_ring_next(&rig->ends[1], got), 0);
    assert_int_equal(vmmp_frame_ring_next(&rig->ends[0], got), 100);
    fill(60, 4);
    assert_int_equal(put(&rig->ends[0], 60), 0);
    assert_int_equal(vmmp_frame_ring_next(&rig->ends[1], got), 60);
    assert_memory_equal(got, frame, 60);
}

static void too_little_memory_is_refused(void **state)
{
    struct rig *rig = *state;
    const uint64_t sizes[] = { 0, VMMP_FRAME_RING_LEAST - 1, UINT64_C(1) << 31 };
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vmmp_frame_ring_init(&rig->ends[0], rig->memory, sizes[i], false),
                         -EINVAL);
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Counts and lengths of every kind: nothing beside the memory is touched, and it goes on. */
static void nonsense_is_skipped(void **state)
{
    struct rig *rig = *state;
    uint32_t random = 1;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t value = next_random(&random);
        switch (i % 5) {
        case 0:
            value = word(rig, 0, WRITTEN) + (value & 0x3ffff);
            break;
        case 1:
            value &= 0x1ffff;
            break;
        default:
            break;
        }
        set_word(rig, 0, i % 3 ? WRITTEN : READ, value);
        set_word(rig, 0, RING + (next_random(&random) & 0x1fffc), value);
        uint32_t len = vmmp_frame_ring_next(&rig->ends[1], got);
        assert_true(len <= VMMP_FRAME_RING_FRAME);
        if (len) {
            vmmp_frame_ring_taken(&rig->ends[1]);
        }
        int result = put(&rig->ends[1], 1 + value % VMMP_FRAME_RING_FRAME);
        assert_true(result == 0 || result == -EAGAIN);
    }
    assert_true(rig->ends[1].errors > 0);
    for (unsigned i = 0; i < 2; i++) {
        vmmp_frame_ring_init(&rig->ends[i], rig->memory, VMMP_FRAME_RING_LEAST, i == 1);
    }
    vmmp_frame_ring_init(&rig->ends[0], rig->memory, VMMP_FRAME_RING_LEAST, false);
    vmmp_frame_ring_init(&rig->ends[1], rig->memory, VMMP_FRAME_RING_LEAST, true);
    fill(1500, 9);
    assert_int_equal(put(&rig->ends[0], 1500), 0);
    assert_int_equal(vmmp_frame_ring_next(&rig->ends[1], got), 1500);
    assert_memory_equal(got, frame, 1500);
}

/* ---- Both ends at once ---- */

#define FRAMES 20000u

struct side {
    struct vmmp_frame_ring *ring;
    sem_t event;
    sem_t *other;
    bool lost;  /* An event that was needed has not come, */
    bool wrong; /* or a frame is not what was written. */
};

static uint32_t length_of(uint32_t number)
{
    return 5 + number * 2654435761u % 9000;
}

static bool await_event(struct side *side)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 30;
    side->lost = sem_timedwait(&side->event, &end) != 0;
    return !side->lost;
}

static void *write_all(void *cookie)
{
    static uint8_t bytes[16384];
    struct side *side = cookie;
    for (uint32_t i = 0; i < FRAMES; i++) {
        const struct vmmp_iovec iov = { bytes, length_of(i) };
        memcpy(bytes, &i, sizeof(i));
        bytes[length_of(i) - 1] = (uint8_t)(i ^ 0x5a);
        while (vmmp_frame_ring_write(side->ring, &iov, 1, length_of(i)) != 0) {
            if (!await_event(side)) {
                return NULL;
            }
        }
        if (vmmp_frame_ring_wakes_reader(side->ring)) {
            sem_post(side->other);
        }
    }
    return NULL;
}

static void *read_all(void *cookie)
{
    struct side *side = cookie;
    for (uint32_t i = 0; i < FRAMES;) {
        uint32_t number;
        uint32_t len = vmmp_frame_ring_next(side->ring, got);
        if (len == 0) {
            if (vmmp_frame_ring_sleep(side->ring) && !await_event(side)) {
                return NULL;
            }
            continue;
        }
        memcpy(&number, got, sizeof(number));
        side->wrong = side->wrong || number != i || len != length_of(i) ||
                      got[len - 1] != (uint8_t)(i ^ 0x5a);
        vmmp_frame_ring_taken(side->ring);
        i++;
        if (vmmp_frame_ring_wakes_writer(side->ring)) {
            sem_post(side->other);
        }
    }
    return NULL;
}

/* Neither frames nor events that are needed are lost; run under ThreadSanitizer. */
static void two_threads_wait_for_each_other(void **state)
{
    struct rig *rig = *state;
    struct side sides[2] = { { .ring = &rig->ends[0] }, { .ring = &rig->ends[1] } };
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sem_init(&sides[i].event, 0, 0), 0);
        sides[i].other = &sides[1 - i].event;
    }
    assert_int_equal(pthread_create(&threads[0], NULL, write_all, &sides[0]), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, read_all, &sides[1]), 0);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_false(sides[i].lost);
        assert_false(sides[i].wrong);
        sem_destroy(&sides[i].event);
    }
    assert_int_equal(rig->ends[1].errors, 0);
    assert_int_equal(vmmp_frame_ring_next(&rig->ends[1], got), 0);
}

int test_frame_ring(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(every_length_goes_through_both_ways),
        TEST(events_are_needed_when_they_are),
        TEST(an_end_that_begins_anew_goes_on),
        TEST(too_little_memory_is_refused),
        TEST(nonsense_is_skipped),
        TEST(two_threads_wait_for_each_other),
    };
    return cmocka_run_group_tests_name("frame_ring", tests, NULL, NULL);
}
