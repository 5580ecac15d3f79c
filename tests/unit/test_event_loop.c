/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/event_loop.h"

static void nothing(void *cookie)
{
    (void)cookie;
}

static void test_defer_runs_once_outside_the_call(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&counter, loop);
    counter.host.ops->defer(loop, &counter.work);
    counter.host.ops->defer(loop, &counter.work);
    assert_int_equal(counter.ran, 0);
    assert_true(counter.work.queued);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(counter.ran, 1);
    assert_false(counter.work.queued);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(counter.ran, 1);
    hosted_event_loop_destroy(loop);
}

static void test_work_that_defers_itself_runs_once_a_round(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&counter, loop);
    counter.again = true;
    counter.host.ops->defer(loop, &counter.work);
    for (int round = 1; round <= 5; round++) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
        assert_int_equal(counter.ran, round);
    }
    counter.host.ops->cancel(loop, &counter.work);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(counter.ran, 5);
    hosted_event_loop_destroy(loop);
}

static void test_order_and_cancel_in_every_place(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter each[3];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    for (unsigned cancelled = 0; cancelled < 4; cancelled++) {
        const char *expected[] = { "bc", "ac", "ab", "abc" };
        for (unsigned i = 0; i < 3; i++) {
            counter_init(&each[i], loop);
            each[i].name = (char)('a' + i);
            each[i].log = &each[0];
            each[i].host.ops->defer(loop, &each[i].work);
        }
        if (cancelled < 3) {
            each[0].host.ops->cancel(loop, &each[cancelled].work);
            assert_false(each[cancelled].work.queued);
        }
        assert_int_equal(hosted_event_loop_step(loop, 0), 0);
        assert_string_equal(each[0].order, expected[cancelled]);
    }
    /* The queue is whole after its last was taken out: another can be put behind. */
    counter_init(&each[0], loop);
    each[0].host.ops->defer(loop, &each[0].work);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(each[0].ran, 1);
    hosted_event_loop_destroy(loop);
}

static void test_cancel_reaches_the_rest_of_the_round(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter first, second;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&first, loop);
    counter_init(&second, loop);
    first.victim = &second;
    first.host.ops->defer(loop, &first.work);
    first.host.ops->defer(loop, &second.work);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(first.ran, 1);
    assert_int_equal(second.ran, 0);
    hosted_event_loop_destroy(loop);
}

static void test_cancel_from_itself_returns(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&counter, loop);
    counter.again = true;
    counter.victim = &counter;
    counter.host.ops->defer(loop, &counter.work);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(counter.ran, 1);
    assert_false(counter.work.queued);
    hosted_event_loop_destroy(loop);
}

static void slow(void *cookie)
{
    struct counter *counter = cookie;
    atomic_fetch_add(&counter->running, 1);
    usleep(2000);
    counter->host.ops->defer(counter->host.cookie, &counter->work);
    atomic_fetch_add(&counter->ran, 1);
    atomic_fetch_sub(&counter->running, 1);
}

static void test_cancel_waits_for_what_runs_and_queues_itself(void **state)
{
    (void)state;
    struct runner runner;
    runner_start(&runner);
    for (int i = 0; i < 20; i++) {
        struct counter counter;
        counter_init(&counter, runner.loop);
        counter.work.run = slow;
        assert_int_equal(vmmp_host_context_init(&runner.host, &counter.context), 0);
        counter.work.context = i % 2 ? &counter.context : NULL;
        runner.host.ops->defer(runner.loop, &counter.work);
        wait_for(&counter.running, 1);
        runner.host.ops->cancel(runner.loop, &counter.work);
        int ran = counter.ran;
        assert_true(ran >= 1);
        assert_int_equal(counter.running, 0);
        assert_false(counter.work.queued);
        usleep(500);
        assert_int_equal(counter.ran, ran);
        vmmp_host_context_fini(&runner.host, &counter.context);
        /* The counter's memory is poisoned: nobody may look at it now. */
        memset(&counter, 0xa5, sizeof counter);
    }
    runner_end(&runner);
}

/* A device reset inside its context, while the loop waits at the door with that device's work. */
static void test_cancel_inside_the_context_neither_waits_nor_lets_it_run(void **state)
{
    (void)state;
    struct runner runner;
    runner_start(&runner);
    for (int i = 0; i < 200; i++) {
        struct counter counter;
        counter_init(&counter, runner.loop);
        assert_int_equal(vmmp_host_context_init(&runner.host, &counter.context), 0);
        counter.work.context = &counter.context;
        vmmp_context_enter(&counter.context);
        runner.host.ops->defer(runner.loop, &counter.work);
        usleep(i % 4 ? 50 : 1000);
        runner.host.ops->cancel(runner.loop, &counter.work);
        vmmp_context_leave(&counter.context);
        assert_int_equal(counter.ran, 0);
        vmmp_host_context_fini(&runner.host, &counter.context);
        assert_null(counter.context.cookie);
        memset(&counter, 0xa5, sizeof counter);
    }
    runner_end(&runner);
}

/* As above, but the one who cancels is not in the context; a third thread is. */
struct holder {
    struct vmmp_context *context;
    atomic_int inside;
    atomic_int release;
};

static void *hold(void *cookie)
{
    struct holder *holder = cookie;
    vmmp_context_enter(holder->context);
    atomic_store(&holder->inside, 1);
    wait_for(&holder->release, 1);
    vmmp_context_leave(holder->context);
    return NULL;
}

static void test_context_stays_until_the_loop_has_passed_it(void **state)
{
    (void)state;
    struct runner runner;
    runner_start(&runner);
    for (int i = 0; i < 20; i++) {
        struct counter counter;
        pthread_t thread;
        counter_init(&counter, runner.loop);
        assert_int_equal(vmmp_host_context_init(&runner.host, &counter.context), 0);
        struct holder holder = { &counter.context, 0, 0 };
        assert_int_equal(pthread_create(&thread, NULL, hold, &holder), 0);
        wait_for(&holder.inside, 1);
        counter.work.context = &counter.context;
        runner.host.ops->defer(runner.loop, &counter.work);
        usleep(500);
        runner.host.ops->cancel(runner.loop, &counter.work);
        atomic_store(&holder.release, 1);
        pthread_join(thread, NULL);
        vmmp_host_context_fini(&runner.host, &counter.context);
        assert_int_equal(counter.ran, 0);
    }
    runner_end(&runner);
}

#define DEFERRERS 4
#define DEFERRALS 20000

struct shared_counter {
    struct counter counter;
    unsigned long plain; /* Only the context keeps it from being a data race. */
};

static void count_plain(void *cookie)
{
    struct shared_counter *shared = cookie;
    shared->plain++;
    atomic_fetch_add(&shared->counter.ran, 1);
}

static void *defer_many(void *cookie)
{
    struct shared_counter *shared = cookie;
    const struct vmmp_host *host = &shared->counter.host;
    for (int i = 0; i < DEFERRALS; i++) {
        host->ops->defer(host->cookie, &shared->counter.work);
        vmmp_context_enter(&shared->counter.context);
        shared->plain++;
        vmmp_context_leave(&shared->counter.context);
        if (i % 16 == 0) {
            host->ops->cancel(host->cookie, &shared->counter.work);
        }
        if (i % 64 == 0) {
            host->ops->timer_arm(host->cookie, &shared->counter.timer,
                                 host->ops->now(host->cookie) + 1000);
        }
    }
    return NULL;
}

static void test_many_threads_and_one_context(void **state)
{
    (void)state;
    struct runner runner;
    struct shared_counter shared = { 0 };
    pthread_t threads[DEFERRERS];
    runner_start(&runner);
    counter_init(&shared.counter, runner.loop);
    assert_int_equal(vmmp_host_context_init(&runner.host, &shared.counter.context), 0);
    shared.counter.work.run = count_plain;
    shared.counter.work.cookie = &shared;
    shared.counter.work.context = &shared.counter.context;
    shared.counter.timer.work = shared.counter.work;
    for (int i = 0; i < DEFERRERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, defer_many, &shared), 0);
    }
    for (int i = 0; i < DEFERRERS; i++) {
        pthread_join(threads[i], NULL);
    }
    runner.host.ops->timer_cancel(runner.loop, &shared.counter.timer);
    /* The last deferral is never lost. */
    int ran = shared.counter.ran;
    runner.host.ops->defer(runner.loop, &shared.counter.work);
    wait_for(&shared.counter.ran, ran + 1);
    runner.host.ops->cancel(runner.loop, &shared.counter.work);
    assert_int_equal(shared.plain,
                     (unsigned long)DEFERRERS * DEFERRALS + (unsigned)shared.counter.ran);
    vmmp_host_context_fini(&runner.host, &shared.counter.context);
    runner_end(&runner);
}

static void test_timers_come_in_order_and_not_early(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter each[3];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    const struct vmmp_host host = hosted_event_loop_host(loop);
    uint64_t start = host.ops->now(host.cookie);
    const uint64_t after[3] = { 20 * MS, 5 * MS, 10 * MS };
    for (unsigned i = 0; i < 3; i++) {
        counter_init(&each[i], loop);
        each[i].name = (char)('a' + i);
        each[i].log = &each[0];
        host.ops->timer_arm(loop, &each[i].timer, start + after[i]);
        assert_true(each[i].timer.armed);
    }
    while (each[0].ran == 0) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    }
    assert_string_equal(each[0].order, "bca");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(each[i].ran, 1);
        assert_true(each[i].at >= start + after[i]);
        assert_false(each[i].timer.armed);
    }
    hosted_event_loop_destroy(loop);
}

static void test_timers_are_armed_again_and_cancelled(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter first, second;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&first, loop);
    counter_init(&second, loop);
    const struct vmmp_host host = first.host;
    uint64_t start = host.ops->now(loop);

    /* Later than first asked for. */
    host.ops->timer_arm(loop, &first.timer, start + MS);
    host.ops->timer_arm(loop, &first.timer, start + 15 * MS);
    /* The earliest is cancelled; the other still comes. */
    host.ops->timer_arm(loop, &second.timer, start + 2 * MS);
    host.ops->timer_cancel(loop, &second.timer);
    assert_false(second.timer.armed);
    while (first.ran == 0) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    }
    assert_true(first.at >= start + 15 * MS);
    assert_int_equal(second.ran, 0);

    /* In the past, and at zero: at once. */
    host.ops->timer_arm(loop, &first.timer, 0);
    host.ops->timer_arm(loop, &second.timer, start);
    while (first.ran < 2 || second.ran < 1) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    }

    /* Never: neither fires nor keeps the others from firing. */
    host.ops->timer_arm(loop, &first.timer, UINT64_MAX);
    host.ops->timer_arm(loop, &second.timer, host.ops->now(loop) + MS);
    while (second.ran < 2) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    }
    assert_int_equal(first.ran, 2);
    host.ops->timer_cancel(loop, &first.timer);
    host.ops->timer_cancel(loop, &first.timer);
    hosted_event_loop_destroy(loop);
}

/* Arming again replaces an expiry that is queued but was not delivered. */
static void arm_far(void *cookie)
{
    struct counter *counter = cookie;
    struct counter *other = counter->victim;
    counter->ran++;
    other->host.ops->timer_arm(other->loop, &other->timer, UINT64_MAX - 1);
}

static void test_arming_replaces_an_expiry(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter first, second;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&first, loop);
    counter_init(&second, loop);
    first.timer.work.run = arm_far;
    first.victim = &second;
    first.host.ops->timer_arm(loop, &first.timer, 1);
    first.host.ops->timer_arm(loop, &second.timer, 2);
    while (first.ran == 0) {
        assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    }
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(second.ran, 0);
    assert_true(second.timer.armed);
    hosted_event_loop_destroy(loop);
}

static void rearm(void *cookie)
{
    struct counter *counter = cookie;
    usleep(500);
    counter->host.ops->timer_arm(counter->loop, &counter->timer, 1);
    atomic_fetch_add(&counter->ran, 1);
}

static void test_timer_cancel_beats_a_timer_that_arms_itself(void **state)
{
    (void)state;
    struct runner runner;
    runner_start(&runner);
    for (int i = 0; i < 20; i++) {
        struct counter counter;
        counter_init(&counter, runner.loop);
        counter.timer.work.run = rearm;
        runner.host.ops->timer_arm(runner.loop, &counter.timer, 1);
        wait_for(&counter.ran, 3);
        runner.host.ops->timer_cancel(runner.loop, &counter.timer);
        int ran = counter.ran;
        assert_false(counter.timer.armed);
        usleep(1000);
        assert_int_equal(counter.ran, ran);
        memset(&counter, 0xa5, sizeof counter);
    }
    runner_end(&runner);
}

static void step_and_run_inside(void *cookie)
{
    struct counter *counter = cookie;
    counter->ran++;
    assert_int_equal(hosted_event_loop_step(counter->loop, 0), -EBUSY);
    assert_int_equal(hosted_event_loop_run(counter->loop), -EBUSY);
    hosted_event_loop_stop(counter->loop);
    hosted_event_loop_stop(counter->loop);
}

static void test_stop(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&counter, loop);
    counter.work.run = step_and_run_inside;
    counter.host.ops->defer(loop, &counter.work);
    assert_int_equal(hosted_event_loop_run(loop), 0);
    assert_int_equal(counter.ran, 1);
    /* Before the run: it returns at once, and only once. */
    hosted_event_loop_stop(loop);
    assert_int_equal(hosted_event_loop_run(loop), 0);
    counter.host.ops->defer(loop, &counter.work);
    assert_int_equal(hosted_event_loop_run(loop), 0);
    assert_int_equal(counter.ran, 2);
    hosted_event_loop_destroy(loop);
}

static void test_stop_from_other_threads_many_times(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct runner runner;
        runner_start(&runner);
        if (i % 2) {
            usleep(100);
        }
        runner_end(&runner);
    }
}

static void test_two_loops_and_no_descriptor_left(void **state)
{
    (void)state;
    struct hosted_event_loop *loops[2];
    struct counter each[2];
    int before = dup(0);
    assert_true(before >= 0);
    close(before);
    for (int round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(hosted_event_loop_create(&loops[i]), 0);
            counter_init(&each[i], loops[i]);
            each[i].host.ops->defer(each[i].host.cookie, &each[i].work);
        }
        assert_int_equal(hosted_event_loop_step(loops[1], 0), 0);
        assert_int_equal(each[0].ran, 0);
        assert_int_equal(each[1].ran, 1);
        hosted_event_loop_destroy(loops[0]);
        hosted_event_loop_destroy(loops[1]);
    }
    int after = dup(0);
    assert_int_equal(after, before);
    close(after);
}

static void test_contexts_exclude(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    pthread_t thread;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    counter_init(&counter, loop);
    assert_int_equal(vmmp_host_context_init(&counter.host, &counter.context), 0);
    struct holder holder = { &counter.context, 0, 0 };
    vmmp_context_enter(&counter.context);
    assert_int_equal(pthread_create(&thread, NULL, hold, &holder), 0);
    usleep(2000);
    assert_int_equal(holder.inside, 0);
    vmmp_context_leave(&counter.context);
    wait_for(&holder.inside, 1);
    atomic_store(&holder.release, 1);
    pthread_join(thread, NULL);
    vmmp_host_context_fini(&counter.host, &counter.context);
    vmmp_host_context_fini(&counter.host, &counter.context);
    hosted_event_loop_destroy(loop);
}

static void test_wake_up_is_prompt(void **state)
{
    (void)state;
    struct runner runner;
    struct counter counter;
    runner_start(&runner);
    counter_init(&counter, runner.loop);
    /* The loop sleeps without a timeout: a lost wake-up would hang here. */
    for (int i = 1; i <= 2000; i++) {
        runner.host.ops->defer(runner.loop, &counter.work);
        while (counter.ran < i) {
            nothing(NULL);
        }
    }
    runner.host.ops->cancel(runner.loop, &counter.work);
    runner_end(&runner);
}

int test_event_loop(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defer_runs_once_outside_the_call),
        cmocka_unit_test(test_work_that_defers_itself_runs_once_a_round),
        cmocka_unit_test(test_order_and_cancel_in_every_place),
        cmocka_unit_test(test_cancel_reaches_the_rest_of_the_round),
        cmocka_unit_test(test_cancel_from_itself_returns),
        cmocka_unit_test(test_cancel_waits_for_what_runs_and_queues_itself),
        cmocka_unit_test(test_cancel_inside_the_context_neither_waits_nor_lets_it_run),
        cmocka_unit_test(test_context_stays_until_the_loop_has_passed_it),
        cmocka_unit_test(test_many_threads_and_one_context),
        cmocka_unit_test(test_timers_come_in_order_and_not_early),
        cmocka_unit_test(test_timers_are_armed_again_and_cancelled),
        cmocka_unit_test(test_arming_replaces_an_expiry),
        cmocka_unit_test(test_timer_cancel_beats_a_timer_that_arms_itself),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_from_other_threads_many_times),
        cmocka_unit_test(test_two_loops_and_no_descriptor_left),
        cmocka_unit_test(test_contexts_exclude),
        cmocka_unit_test(test_wake_up_is_prompt),
    };
    return cmocka_run_group_tests_name("event_loop", tests, NULL, NULL);
}
