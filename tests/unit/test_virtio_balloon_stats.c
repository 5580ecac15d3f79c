/* SPDX-License-Identifier: BSD-2-Clause */
/* The balloon's statistics queue (virtio 1.2, 5.5.6.3). */
#include "vmmp_test.h"

#include <errno.h>

#include "support/balloon_bench.h"

int test_virtio_balloon_stats(void);

/* ---- Statistics ---- */

static uint32_t stat_entry(struct balloon_bench *bench, uint32_t at, uint16_t tag, uint64_t value)
{
    uint8_t *bytes = virtio_driver_at(&bench->driver, bench->buffers + 0x80000 + at, 10);
    for (unsigned i = 0; i < 2; i++) {
        bytes[i] = (uint8_t)(tag >> (8 * i));
    }
    for (unsigned i = 0; i < 8; i++) {
        bytes[2 + i] = (uint8_t)(value >> (8 * i));
    }
    return at + 10;
}

static void give_stats(struct balloon_bench *bench, uint32_t size)
{
    const struct virtio_driver_buffer buffers[] = {
        { bench->buffers + 0x80000, size / 2, false },
        { bench->buffers + 0x80000 + size / 2, size - size / 2, false },
    };
    virtio_driver_add(&bench->driver, STATS, buffers, 2);
    virtio_driver_kick(&bench->driver, STATS);
}

static int ask(struct balloon_bench *bench)
{
    balloon_enter(bench);
    int result = vmmp_virtio_balloon_ask_stats(&bench->balloon);
    balloon_leave(bench);
    return result;
}

/* As Linux does it: one buffer, given at the start, and again whenever it comes back. */
static void statistics_on_demand(void **state)
{
    struct balloon_bench *bench = *state;
    const struct vmmp_balloon_stats *stats = &bench->balloon.stats;
    assert_int_equal(ask(bench), -ENODEV);
    balloon_start(bench);
    assert_int_equal(ask(bench), -EAGAIN);
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 111);
    give_stats(bench, size);
    assert_true(balloon_outstanding(bench, STATS));
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(stats->reports, bench->driver.transport->legacy ? 0 : 1);

    unsigned changes = bench->changes;
    assert_int_equal(ask(bench), 0);
    assert_int_equal(ask(bench), -EAGAIN);
    assert_int_equal(bench->rig.pulses, 1);
    balloon_acknowledged(bench, STATS);
    size = stat_entry(bench, 0, VMMP_BALLOON_TOTAL, UINT64_C(0x123456789abcdef0));
    size = stat_entry(bench, size, VMMP_BALLOON_DIRECT_RECLAIM, 16);
    size = stat_entry(bench, size, VMMP_BALLOON_STATS, 1); /* Not known, */
    size = stat_entry(bench, size, UINT16_MAX, 1);         /* nor this. */
    size = stat_entry(bench, size, VMMP_BALLOON_SWAP_IN, 5);
    give_stats(bench, size);
    assert_int_equal(bench->changes, changes + 1);
    assert_int_equal(stats->valid, BIT(VMMP_BALLOON_TOTAL) | BIT(VMMP_BALLOON_DIRECT_RECLAIM) |
                                       BIT(VMMP_BALLOON_SWAP_IN));
    assert_int_equal(stats->value[VMMP_BALLOON_TOTAL], UINT64_C(0x123456789abcdef0));
    assert_int_equal(stats->value[VMMP_BALLOON_DIRECT_RECLAIM], 16);
    assert_int_equal(stats->value[VMMP_BALLOON_SWAP_IN], 5);
    assert_true(balloon_outstanding(bench, STATS));
    virtio_driver_reset(&bench->driver);
    assert_int_equal(ask(bench), -ENODEV);
    assert_int_equal(stats->valid, 0);
    balloon_start(bench);
    assert_int_equal(ask(bench), -EAGAIN); /* The old buffer is not the new driver's. */
}

static void malformed_statistics(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer writable = { bench->buffers, 100, true };
    balloon_start(bench);
    bench->balloon.stats_first = false;
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 1);
    stat_entry(bench, size, VMMP_BALLOON_TOTAL, 2);
    give_stats(bench, size + 9); /* The second is incomplete. */
    assert_int_equal(bench->balloon.stats.valid, BIT(VMMP_BALLOON_FREE));
    virtio_driver_add(&bench->driver, STATS, &writable, 1);
    virtio_driver_kick(&bench->driver, STATS); /* A second buffer: one of them comes back. */
    balloon_acknowledged(bench, STATS);
    assert_true(balloon_outstanding(bench, STATS));
    assert_int_equal(bench->balloon.stats.valid, 0);
    assert_int_equal(bench->rig.messages, 1);
    size = 0;
    for (unsigned i = 0; i < 100; i++) { /* The last that are looked at win. */
        size = stat_entry(bench, size, VMMP_BALLOON_FREE, i);
    }
    give_stats(bench, size);
    assert_int_equal(bench->balloon.stats.value[VMMP_BALLOON_FREE], 63);
}

static int setup_period(void **state)
{
    const struct balloon_recipe recipe = { .options = { .stats = true,
                                                        .stats_period_ns = 2 * SECOND } };
    *state = balloon_make(&recipe);
    return 0;
}

static void statistics_from_time_to_time(void **state)
{
    struct balloon_bench *bench = *state;
    virtio_rig_advance(&bench->rig, 10 * SECOND);
    balloon_start(bench);
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 111);
    give_stats(bench, size);
    assert_int_equal(bench->balloon.stats.time_ns, 10 * SECOND);
    virtio_rig_advance(&bench->rig, 2 * SECOND - 1);
    assert_true(balloon_outstanding(bench, STATS));
    virtio_rig_advance(&bench->rig, 1);
    balloon_acknowledged(bench, STATS);
    virtio_rig_advance(&bench->rig, 10 * SECOND); /* A guest that takes its time. */
    give_stats(bench, size);
    assert_true(balloon_outstanding(bench, STATS));
    virtio_rig_advance(&bench->rig, 2 * SECOND);
    balloon_acknowledged(bench, STATS);
    virtio_driver_reset(&bench->driver);
    virtio_rig_advance(&bench->rig, 2 * SECOND);
    assert_null(bench->rig.timers);
    balloon_start(bench);
    assert_non_null(bench->rig.timers); /* Teardown looks whether it goes. */
}

static void the_statistics_queue_is_reset(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    give_stats(bench, stat_entry(bench, 0, VMMP_BALLOON_FREE, 1));
    vmmp_virtio_queue_reset(&bench->balloon.virtio, STATS);
    assert_int_equal(ask(bench), -EAGAIN);
    virtio_driver_set_up_queue(&bench->driver, STATS);
    give_stats(bench, stat_entry(bench, 0, VMMP_BALLOON_FREE, 2));
    assert_int_equal(ask(bench), 0);
    balloon_acknowledged(bench, STATS);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(vmmp_balloon_stat_name(VMMP_BALLOON_SWAP_IN), "swap_in");
    assert_string_equal(vmmp_balloon_stat_name(VMMP_BALLOON_DIRECT_RECLAIM), "direct_reclaim");
    assert_null(vmmp_balloon_stat_name(VMMP_BALLOON_STATS));
}

int test_virtio_balloon_stats(void)
{
    const struct CMUnitTest tests[] = {
        BALLOON_EACH_WAY(statistics_on_demand),
        BALLOON_EACH_WAY(malformed_statistics),
        BALLOON_ON(setup_period, statistics_from_time_to_time),
        BALLOON_ON(balloon_setup, the_statistics_queue_is_reset),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("virtio_balloon_stats", tests, NULL, NULL);
}
