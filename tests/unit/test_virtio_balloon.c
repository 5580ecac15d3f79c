/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-balloon (virtio 1.2, 5.5) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/balloon_bench.h"

int test_virtio_balloon(void);

/* ---- Inflate and deflate ---- */

static void inflated_pages_are_discarded_in_ranges(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 302, /* upwards */
                                FIRST + 399, FIRST + 398, FIRST + 397, /* downwards */
                                FIRST + 398, FIRST + 398,              /* again */
                                FIRST + 500 };
    balloon_start(bench);
    balloon_request(bench, INFLATE, frames, 9, 1);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 3);
    balloon_expect(bench, 0, 'D', FIRST + 300, 3);
    balloon_expect(bench, 1, 'D', FIRST + 397, 3);
    balloon_expect(bench, 2, 'D', FIRST + 500, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->balloon.counters.inflated, 9 * PAGE);
    assert_int_equal(bench->balloon.counters.ranges, 3);
    assert_int_equal(bench->rig.messages, 0);
}

static void frames_lie_anyhow_in_the_chain(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 302, FIRST + 303, FIRST + 304 };
    balloon_start(bench);
    balloon_request(bench, INFLATE, frames, 5, 7);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    balloon_expect(bench, 0, 'D', FIRST + 300, 5);
}

static void a_large_request_is_one_range(void **state)
{
    struct balloon_bench *bench = *state;
    uint32_t frames[600];
    balloon_start(bench);
    for (uint32_t i = 0; i < 600; i++) {
        frames[i] = FIRST + 300 + i;
    }
    balloon_request(bench, INFLATE, frames, 600, 2);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    balloon_expect(bench, 0, 'D', FIRST + 300, 600);
}

static void ranges_stay_inside_regions(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + FRAMES - 2, FIRST + FRAMES - 1, FIRST + FRAMES,
                                FIRST + FRAMES + 1 };
    const uint32_t back[] = { FIRST + FRAMES, FIRST + FRAMES - 1 };
    balloon_start(bench);
    balloon_request(bench, INFLATE, frames, 4, 1);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 2);
    balloon_expect(bench, 0, 'D', FIRST + FRAMES - 2, 2);
    balloon_expect(bench, 1, 'D', FIRST + FRAMES, 2);
    balloon_request(bench, INFLATE, back, 2, 1);
    assert_int_equal(bench->call_count, 4);
}

static void frames_that_are_not_ram(void **state)
{
    struct balloon_bench *bench = *state;
    /* Times 4096: beyond RAM; beyond 32 bits, where the low bits would be RAM; the most there is.
     */
    const uint32_t frames[] = {
        0,           FIRST - 1,  FIRST + 300, FIRST + FRAMES + 16, FIRST + 0x100000,
        FIRST + 301, UINT32_MAX, 0x80000000
    };
    balloon_start(bench);
    balloon_request(bench, INFLATE, frames, 8, 1);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    balloon_expect(bench, 0, 'D', FIRST + 300, 2);
    assert_int_equal(bench->balloon.counters.refused, 6);
    assert_int_equal(bench->rig.messages, 6);
    assert_false(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    for (unsigned i = 0; i < 100; i++) {
        balloon_request(bench, DEFLATE, frames, 1, 1);
    }
    assert_in_range(bench->rig.messages, 7, 20);
    assert_int_equal(bench->balloon.counters.refused, 106);
}

static void deflating_is_a_courtesy(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301 };
    balloon_start(bench);
    balloon_request(bench, DEFLATE, frames, 2, 1);
    balloon_acknowledged(bench, DEFLATE);
    assert_int_equal(bench->balloon.counters.deflated, 2 * PAGE);
    assert_int_equal(bench->call_count, 0); /* There is no populate. */
    assert_int_equal(bench->balloon.counters.ranges, 0);
}

static void odd_requests(void **state)
{
    struct balloon_bench *bench = *state;
    struct virtio_driver_buffer buffers[] = { { bench->buffers, 7, false },
                                              { bench->buffers + 64, 8, true } };
    const struct virtio_driver_buffer empty = { bench->buffers, 0, false };
    vmmp_le32_t frame = vmmp_le32(FIRST + 300);
    memcpy(virtio_driver_at(&bench->driver, bench->buffers, 4), &frame, 4);
    memset(virtio_driver_at(&bench->driver, bench->buffers + 64, 8), 0x55, 8);
    balloon_start(bench);
    virtio_driver_add(&bench->driver, INFLATE, buffers, 2); /* A frame and three quarters. */
    virtio_driver_add(&bench->driver, INFLATE, buffers + 1, 1);
    virtio_driver_add(&bench->driver, INFLATE, &empty, 1);
    virtio_driver_kick(&bench->driver, INFLATE);
    balloon_acknowledged(bench, INFLATE);
    balloon_acknowledged(bench, INFLATE);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    balloon_expect(bench, 0, 'D', FIRST + 300, 1);
    assert_int_equal(*(uint8_t *)virtio_driver_at(&bench->driver, bench->buffers + 64, 1), 0x55);
}

/* More than a request may have: the rest is ignored. Every second page: a call for each. */
static void endless_requests(void **state)
{
    struct balloon_bench *bench = *state;
    uint32_t frames[1024];
    struct virtio_driver_buffer buffers[32];
    for (uint32_t i = 0; i < 1024; i++) {
        frames[i] = FIRST + i % 512 * 2;
    }
    balloon_start(bench);
    balloon_request(bench, INFLATE, frames, 1024, 1);
    assert_int_equal(bench->call_count, 1024);
    for (unsigned i = 0; i < 32; i++) {
        buffers[i] = (struct virtio_driver_buffer){ bench->buffers, 4096, false };
    }
    bench->call_count = 0;
    virtio_driver_add(&bench->driver, INFLATE, buffers, 32);
    virtio_driver_kick(&bench->driver, INFLATE);
    assert_int_equal(bench->call_count, VMMP_VIRTIO_BALLOON_PFNS);
    assert_int_equal(bench->rig.messages, 1);
    balloon_settle(bench);
}

static void a_turn_is_bounded(void **state)
{
    struct balloon_bench *bench = *state;
    struct virtio_driver_buffer buffer = { bench->buffers, 4096, false };
    balloon_start(bench);
    for (unsigned i = 0; i < 100; i++) {
        virtio_driver_add(&bench->driver, INFLATE, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, INFLATE);
    unsigned turns = 0;
    do {
        turns++;
        assert_int_equal(bench->balloon.queues[INFLATE].chains, 4 * turns);
    } while (virtio_rig_run(&bench->rig) && turns < 25);
    assert_int_equal(turns, 25);
    for (unsigned i = 0; i < 100; i++) {
        balloon_acknowledged(bench, INFLATE);
    }
    balloon_settle(bench);
}

static void a_backend_that_fails(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 302 };
    balloon_start(bench);
    bench->rig.origin = VMMP_LOG_HOST;
    bench->result = -EIO;
    balloon_request(bench, INFLATE, frames, 2, 1);
    balloon_request(bench, INFLATE, frames, 2, 1);
    balloon_acknowledged(bench, INFLATE);
    balloon_acknowledged(bench, INFLATE);
    assert_int_equal(bench->rig.messages, 1);
    assert_int_equal(bench->balloon.counters.failures, 4);
}

/* ---- Pages that have to be asked back ---- */

static int setup_must_tell(void **state)
{
    const struct balloon_recipe recipe = { .must_tell = true, .options = BALLOON_EVERYTHING };
    *state = balloon_make(&recipe);
    return 0;
}

static int setup_must_tell_legacy(void **state)
{
    const struct balloon_recipe recipe = { .must_tell = true,
                                           .legacy = true,
                                           .options = BALLOON_EVERYTHING };
    *state = balloon_make(&recipe);
    return 0;
}

static void pages_are_asked_back(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 310 };
    balloon_start(bench);
    assert_int_equal(bench->driver.features & 0x3f, BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST) |
                                                        BIT(VIRTIO_BALLOON_F_STATS_VQ) |
                                                        BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM));
    balloon_request(bench, INFLATE, frames, 3, 1);
    balloon_request(bench, DEFLATE, frames, 2, 1);
    assert_int_equal(bench->call_count, 3);
    balloon_expect(bench, 2, 'P', FIRST + 300, 2);
    /* The next driver has all of RAM. */
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->call_count, 5);
    balloon_expect(bench, 3, 'P', FIRST, FRAMES);
    balloon_expect(bench, 4, 'P', FIRST + FRAMES, 16);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->call_count, 5);
}

static void who_does_not_tell_is_refused(void **state)
{
    struct balloon_bench *bench = *state;
    assert_false(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST), 2));
}

static void who_cannot_tell_is_accepted(void **state)
{
    struct balloon_bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300 };
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST), 2));
    balloon_request(bench, INFLATE, frames, 1, 1);
    balloon_acknowledged(bench, INFLATE);
}

/* ---- Configuration ---- */

static void the_target_is_shown(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    assert_int_equal(balloon_get(bench, NUM_PAGES), 0);
    unsigned before = bench->rig.pulses;
    balloon_enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, 3 * PAGE + 17), 0);
    balloon_leave(bench);
    assert_int_equal(balloon_get(bench, NUM_PAGES), 3);
    assert_int_equal(bench->rig.pulses, before + 1);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(vmmp_virtio_balloon_target(&bench->balloon), 3 * PAGE);
    balloon_enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, 3 * PAGE), 0);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, UINT64_C(1) << 44), -EINVAL);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, UINT64_MAX), -EINVAL);
    balloon_leave(bench);
    assert_int_equal(bench->rig.pulses, before + 1);
    balloon_put(bench, NUM_PAGES, 77); /* The driver's it is not. */
    balloon_put(bench, COMMAND, 77);
    assert_int_equal(balloon_get(bench, NUM_PAGES), 3);
    assert_int_equal(balloon_get(bench, COMMAND), 0);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(balloon_get(bench, NUM_PAGES), 3); /* The host still wants it. */
    balloon_enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, (UINT64_C(1) << 44) - 1), 0);
    balloon_leave(bench);
    assert_int_equal(balloon_get(bench, NUM_PAGES), UINT32_MAX);
    assert_int_equal(vmmp_virtio_balloon_target(&bench->balloon), (UINT64_C(1) << 44) - PAGE);
}

static void the_driver_says_how_large_it_is(void **state)
{
    struct balloon_bench *bench = *state;
    balloon_start(bench);
    balloon_put(bench, ACTUAL, 0x01020304);
    assert_int_equal(balloon_get(bench, ACTUAL), 0x01020304);
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x01020304) * PAGE);
    assert_int_equal(bench->changes, 1);
    /* 5.5.6.2.1: byte by byte, the value counts with its last byte. */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x01020304) * PAGE);
        bench->driver.transport->config_write(bench->driver.device, ACTUAL + i, 1, 0x11 * i);
    }
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x33221100) * PAGE);
    assert_int_equal(bench->changes, 2);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), 0);
    assert_int_equal(bench->changes, 3);
}

static void features_by_option(void **state)
{
    static const struct {
        struct balloon_recipe recipe;
        uint64_t features;
        unsigned queues;
    } rows[] = {
        { .features = 0, .queues = 2 },
        { .recipe = { .options = { .deflate_on_oom = true } }, .features = BIT(2), .queues = 2 },
        { .recipe = { .options = { .stats = true } }, .features = BIT(1), .queues = 3 },
        { .recipe = { .options = { .hinting = true } }, .features = BIT(3) | BIT(4), .queues = 4 },
        { .recipe = { .options = { .reporting = true } },
          .features = BIT(5) | BIT(4),
          .queues = 5 },
        { .recipe = { .options = { .reporting = true, .features_off = BIT(4) } },
          .features = BIT(5),
          .queues = 5 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *bench = balloon_make(&rows[i].recipe);
        struct balloon_bench *made = bench;
        assert_int_equal(made->driver.transport->features(made->driver.device) & 0xffffff,
                         rows[i].features);
        assert_int_equal(made->balloon.virtio.queue_count, rows[i].queues);
        balloon_teardown(&bench);
    }
}

/* ---- Which queue is which ---- */

static void queues_without_gaps_and_with(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    static const struct {
        uint64_t without;
        unsigned queues[4]; /* That the driver sets up. */
        unsigned reports;
    } rows[] = {
        { 0, { 2, 3, 4, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ), { 3, 4, 0, 0 }, 4 }, /* 5.5.2 */
        { BIT(VIRTIO_BALLOON_F_STATS_VQ), { 2, 3, 0, 0 }, 3 }, /* Linux */
        { BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 4, 0, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 3, 0, 0 }, 3 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 4, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 0 }, 2 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(virtio_driver_negotiate(&bench->driver, ~rows[i].without));
        virtio_driver_set_up_queue(&bench->driver, INFLATE);
        virtio_driver_set_up_queue(&bench->driver, DEFLATE);
        for (const unsigned *queue = rows[i].queues; *queue; queue++) {
            virtio_driver_set_up_queue(&bench->driver, *queue);
        }
        virtio_driver_ready(&bench->driver);
        bench->call_count = 0;
        virtio_driver_add(&bench->driver, rows[i].reports, &buffer, 1);
        virtio_driver_kick(&bench->driver, rows[i].reports);
        assert_int_equal(bench->call_count, 1);
        balloon_acknowledged(bench, rows[i].reports);
    }
}

static void a_queue_of_no_feature_is_left_alone(void **state)
{
    struct balloon_bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_PAGE_REPORTING), 5));
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    bench->driver.transport->kick(bench->driver.device, REPORTS);
    balloon_settle(bench);
    assert_int_equal(bench->call_count, 0);
    assert_true(balloon_outstanding(bench, REPORTS));
}

static void arguments(void **state)
{
    struct vmmp_virtio_balloon *balloon = malloc(sizeof(*balloon));
    struct virtio_rig rig;
    struct vmmp_virtio_balloon_options options = { .stats = true, .stats_period_ns = 1 };
    (void)state;
    virtio_rig_init(&rig, true, false);
    rig.origin = VMMP_LOG_CLIENT;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    assert_non_null(strstr(rig.last_message, "clock and timers"));
    options.stats = false;
    assert_int_equal(
        vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, &rig.host),
        -EINVAL);
    options.stats_period_ns = 0;
    options.target = UINT64_C(1) << 44;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    options.target = 10 * PAGE;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, NULL, &rig.log, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     0);
    assert_int_equal(vmmp_virtio_balloon_target(balloon), 10 * PAGE);
    vmmp_virtio_balloon_fini(balloon);
    virtio_rig_fini(&rig);
    free(balloon);
}

int test_virtio_balloon(void)
{
    const struct CMUnitTest tests[] = {
        BALLOON_EACH_WAY(inflated_pages_are_discarded_in_ranges),
        BALLOON_EACH_WAY(frames_lie_anyhow_in_the_chain),
        BALLOON_EACH_WAY(a_large_request_is_one_range),
        BALLOON_EACH_WAY(ranges_stay_inside_regions),
        BALLOON_EACH_WAY(frames_that_are_not_ram),
        BALLOON_EACH_WAY(deflating_is_a_courtesy),
        BALLOON_EACH_WAY(odd_requests),
        BALLOON_EACH_WAY(endless_requests),
        BALLOON_ON(balloon_setup, a_turn_is_bounded),
        BALLOON_ON(balloon_setup_legacy, a_turn_is_bounded),
        BALLOON_EACH_WAY(a_backend_that_fails),
        BALLOON_ON(setup_must_tell, pages_are_asked_back),
        BALLOON_ON(setup_must_tell_legacy, pages_are_asked_back),
        BALLOON_ON(setup_must_tell, who_does_not_tell_is_refused),
        BALLOON_ON(setup_must_tell_legacy, who_cannot_tell_is_accepted),
        BALLOON_EACH_WAY(the_target_is_shown),
        BALLOON_EACH_WAY(the_driver_says_how_large_it_is),
        cmocka_unit_test(features_by_option),
        BALLOON_EACH_WAY(queues_without_gaps_and_with),
        BALLOON_EACH_WAY(a_queue_of_no_feature_is_left_alone),
        cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests_name("virtio_balloon", tests, NULL, NULL);
}
