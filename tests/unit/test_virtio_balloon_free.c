/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that the guest says are free: reported and hinted ones (virtio 1.2, 5.5.6.5 and 5.5.6.7).
 */
#include "vmmp_test.h"

#include <errno.h>

#include "support/balloon_bench.h"

int test_virtio_balloon_free(void);

/* ---- Reports ---- */

static void reported_pages_are_discarded(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = {
        { (FIRST + 512) * (uint64_t)PAGE, 64 * PAGE, true },
        { (FIRST + 576) * (uint64_t)PAGE, 64 * PAGE, true },    /* Its neighbour. */
        { (FIRST + 700) * (uint64_t)PAGE + 1, 3 * PAGE, true }, /* Two pages and parts of others. */
        { (FIRST + 800) * (uint64_t)PAGE + 1, PAGE, true },     /* Parts only. */
        { (FIRST + FRAMES - 2) * (uint64_t)PAGE, 4 * PAGE, true }, /* Two regions. */
    };
    balloon_start(bench);
    virtio_driver_add(&bench->driver, REPORTS, buffers, 5);
    virtio_driver_kick(&bench->driver, REPORTS);
    balloon_acknowledged(bench, REPORTS);
    assert_int_equal(bench->call_count, 4);
    balloon_expect(bench, 0, 'D', FIRST + 512, 128);
    balloon_expect(bench, 1, 'D', FIRST + 701, 2);
    balloon_expect(bench, 2, 'D', FIRST + FRAMES - 2, 2);
    balloon_expect(bench, 3, 'D', FIRST + FRAMES, 2);
    assert_int_equal(bench->balloon.counters.reported, 134 * PAGE);
}

static void a_report_outside_ram(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = {
        { (FIRST + 512) * (uint64_t)PAGE, PAGE, true },
        { (FIRST + FRAMES) * (uint64_t)PAGE, 17 * PAGE, true },
    };
    balloon_start(bench);
    virtio_driver_add(&bench->driver, REPORTS, buffers, 2);
    virtio_driver_kick(&bench->driver, REPORTS);
    assert_int_equal(bench->call_count, 0);
    assert_true(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
}

static void readable_reports_are_none(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, false };
    balloon_start(bench);
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, REPORTS);
    balloon_acknowledged(bench, REPORTS);
    assert_int_equal(bench->call_count, 0);
}

/* 5.5.6.7.2: free pages that hold something have to keep it. */
static void poisoned_pages_stay(void **state)
{
    static const uint32_t poisons[] = { 0xaaaaaaaa, 1, 0 };
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    for (unsigned i = 0; i < 3; i++) {
        assert_true(virtio_driver_negotiate(&bench->driver, ALL));
        balloon_put(bench, POISON, poisons[i]);
        assert_int_equal(balloon_get(bench, POISON), poisons[i]);
        for (unsigned q = 0; q < 5; q++) {
            virtio_driver_set_up_queue(&bench->driver, q);
        }
        virtio_driver_ready(&bench->driver);
        balloon_put(bench, POISON, 0); /* Too late. */
        virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
        virtio_driver_kick(&bench->driver, REPORTS);
        balloon_acknowledged(bench, REPORTS);
        assert_int_equal(bench->call_count, poisons[i] == 0);
    }
}

/* What is not negotiated has no meaning. */
static void a_poison_value_without_the_feature(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    assert_true(virtio_driver_negotiate(&bench->driver, ~BIT(VIRTIO_BALLOON_F_PAGE_POISON)));
    balloon_put(bench, POISON, 1);
    for (unsigned q = 0; q < 5; q++) {
        virtio_driver_set_up_queue(&bench->driver, q);
    }
    virtio_driver_ready(&bench->driver);
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, REPORTS);
    assert_int_equal(bench->call_count, 1);
}

/* ---- Hints ---- */

static void tell(struct balloon_bench *bench, uint32_t command, uint32_t size)
{
    const struct virtio_driver_buffer buffer = { bench->buffers, size, false };
    vmmp_le32_t id = vmmp_le32(command);
    memcpy(virtio_driver_at(&bench->driver, bench->buffers, 4), &id, 4);
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, HINTS);
    balloon_acknowledged(bench, HINTS);
}

static void hint(struct balloon_bench *bench, uint32_t frame, uint32_t pages)
{
    const struct virtio_driver_buffer buffer = { (FIRST + frame) * (uint64_t)PAGE, pages * PAGE,
                                                 true };
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, HINTS);
    balloon_acknowledged(bench, HINTS);
}

static int command(struct balloon_bench *bench, enum vmmp_balloon_hint what)
{
    balloon_enter(bench);
    int result = vmmp_virtio_balloon_hint(&bench->balloon, what);
    balloon_leave(bench);
    return result;
}

static void a_round_of_hints(void **state)
{
    struct balloon_bench *bench = *state;
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), -ENODEV);
    balloon_start(bench);
    assert_int_equal(balloon_get(bench, COMMAND), 0); /* STOP */
    hint(bench, 512, 64);                             /* Nobody asked. */
    assert_int_equal(bench->call_count, 0);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)balloon_get(bench, COMMAND);
    assert_true(id >= 2);
    hint(bench, 512, 64); /* Not named yet. */
    assert_int_equal(bench->call_count, 0);
    tell(bench, id, 4);
    hint(bench, 512, 64);
    hint(bench, 640, 64);
    assert_int_equal(bench->call_count, 2);
    balloon_expect(bench, 0, 'K', FIRST + 512, 64);
    balloon_expect(bench, 1, 'K', FIRST + 640, 64);
    assert_int_equal(bench->balloon.counters.hinted, 128 * PAGE);
    bench->driver.transport->isr(bench->driver.device);
    tell(bench, 0, 4); /* The driver has no more: DONE, and it gets its pages back. */
    assert_int_equal(balloon_get(bench, COMMAND), 1);
    assert_true(bench->driver.transport->isr(bench->driver.device) & VMMP_VIRTIO_ISR_CONFIG);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    assert_int_equal(bench->balloon.hint_rounds, 1);
    /* The next one has another number; the old one does not count. */
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    assert_int_not_equal(balloon_get(bench, COMMAND), id);
    tell(bench, id, 4);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    tell(bench, (uint32_t)balloon_get(bench, COMMAND), 4);
    tell(bench, id, 4); /* Nor in the middle. */
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    /* A reset ends it. */
    balloon_start(bench);
    assert_int_equal(balloon_get(bench, COMMAND), 0);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
}

static void hints_are_stopped(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
        uint32_t id = (uint32_t)balloon_get(bench, COMMAND);
        tell(bench, id, 4);
        assert_int_equal(command(bench, i ? VMMP_BALLOON_HINT_DONE : VMMP_BALLOON_HINT_STOP), 0);
        assert_int_equal(balloon_get(bench, COMMAND), i);
        hint(bench, 512, 64);
        tell(bench, id, 4);
        hint(bench, 512, 64);
        tell(bench, i, 4); /* A reserved value starts nothing. */
        hint(bench, 512, 64);
        assert_int_equal(bench->call_count, 0);
        assert_int_equal(bench->balloon.hint_rounds, 0);
    }
}

static void malformed_hints(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)balloon_get(bench, COMMAND);
    for (uint32_t size = 1; size < 9; size++) {
        if (size != 4) {
            tell(bench, id, size);
        }
    }
    assert_int_equal(bench->rig.messages, 7);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 0);
    /* A command and pages in one chain are taken in that order. */
    const struct virtio_driver_buffer both[] = { { bench->buffers, 4, false },
                                                 { (FIRST + 512) * (uint64_t)PAGE, PAGE, true } };
    tell(bench, id, 4);
    virtio_driver_add(&bench->driver, HINTS, both, 2);
    virtio_driver_kick(&bench->driver, HINTS);
    assert_int_equal(bench->call_count, 1);
}

/* Hints found in another way than by a kick are older than the driver's last word. */
static void hints_that_were_not_kicked_for(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    tell(bench, (uint32_t)balloon_get(bench, COMMAND), 4);
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    balloon_enter(bench);
    vmmp_virtio_resume(&bench->balloon.virtio, HINTS);
    balloon_leave(bench);
    balloon_expect(bench, 0, 'H', FIRST + 512, 1);
}

static void the_client_ends_a_round(void **state)
{
    const struct balloon_recipe recipe = { .client_ends_hints = true,
                                           .options = BALLOON_EVERYTHING };
    struct balloon_bench *bench = balloon_make(&recipe);
    void *made = bench;
    (void)state;
    balloon_start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)balloon_get(bench, COMMAND);
    tell(bench, id, 4);
    tell(bench, 0, 4);
    assert_int_equal(bench->ends, 1);
    assert_int_equal(balloon_get(bench, COMMAND), id);
    tell(bench, 0, 4);
    assert_int_equal(bench->ends, 1);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_DONE), 0);
    assert_int_equal(balloon_get(bench, COMMAND), 1);
    /* Numbers go round without the reserved ones. */
    bench->balloon.hint_last = UINT32_MAX;
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    assert_int_equal(balloon_get(bench, COMMAND), 2);
    balloon_teardown(&made);
}

int test_virtio_balloon_free(void)
{
    const struct CMUnitTest tests[] = {
        BALLOON_EACH_WAY(reported_pages_are_discarded),
        BALLOON_EACH_WAY(a_report_outside_ram),
        BALLOON_EACH_WAY(readable_reports_are_none),
        BALLOON_EACH_WAY(poisoned_pages_stay),
        BALLOON_EACH_WAY(a_poison_value_without_the_feature),
        BALLOON_EACH_WAY(a_round_of_hints),
        BALLOON_EACH_WAY(hints_are_stopped),
        BALLOON_EACH_WAY(malformed_hints),
        BALLOON_EACH_WAY(hints_that_were_not_kicked_for),
        cmocka_unit_test(the_client_ends_a_round),
    };
    return cmocka_run_group_tests_name("virtio_balloon_free", tests, NULL, NULL);
}
