/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/event_loop.h"

static void ready(void *cookie, uint32_t events)
{
    struct counter *counter = cookie;
    char byte;
    counter->events = events;
    if (events & EPOLLIN) {
        assert_int_equal(read(counter->source.fd, &byte, 1), 1);
    }
    if (counter->again) {
        hosted_event_source_remove(&counter->source);
    }
    atomic_fetch_add(&counter->ran, 1);
}

static void source_init(struct counter *counter, struct hosted_event_loop *loop, int fd)
{
    counter_init(counter, loop);
    counter->source.fd = fd;
    counter->source.ready = ready;
    counter->source.cookie = counter;
}

static void test_descriptors(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter in, out;
    int fds[2];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    assert_int_equal(pipe(fds), 0);
    source_init(&in, loop, fds[0]);
    source_init(&out, loop, fds[1]);
    assert_int_equal(hosted_event_loop_add(loop, &in.source, EPOLLIN), 0);
    assert_int_equal(hosted_event_loop_add(loop, &out.source, 0), 0);

    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(in.ran + out.ran, 0);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(in.ran, 1);
    assert_int_equal(in.events, EPOLLIN);
    /* Level-triggered: the second byte is still there. */
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(in.ran, 2);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(in.ran, 2);

    assert_int_equal(hosted_event_source_modify(&out.source, EPOLLOUT), 0);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(out.ran, 1);
    assert_int_equal(out.events, EPOLLOUT);
    assert_int_equal(hosted_event_source_modify(&out.source, 0), 0);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(out.ran, 1);

    /* Removed from its own callback; then added again. */
    in.again = true;
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(in.ran, 3);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(in.ran, 3);
    in.again = false;
    assert_int_equal(hosted_event_loop_add(loop, &in.source, EPOLLIN), 0);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(in.ran, 4);

    hosted_event_source_remove(&out.source);
    close(fds[1]);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(in.events, EPOLLHUP);
    hosted_event_source_remove(&in.source);
    hosted_event_source_remove(&in.source);
    close(fds[0]);
    hosted_event_loop_destroy(loop);
}

static void test_descriptor_errors(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter, twin;
    int fds[2];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    assert_int_equal(pipe(fds), 0);
    source_init(&counter, loop, fds[0]);
    assert_int_equal(hosted_event_source_modify(&counter.source, EPOLLIN), -ENOENT);
    assert_int_equal(hosted_event_loop_add(loop, &counter.source, EPOLLIN), 0);
    assert_int_equal(hosted_event_loop_add(loop, &counter.source, EPOLLIN), -EBUSY);
    source_init(&twin, loop, fds[0]);
    assert_int_equal(hosted_event_loop_add(loop, &twin.source, EPOLLIN), -EEXIST);
    twin.source.fd = -1;
    assert_int_equal(hosted_event_loop_add(loop, &twin.source, EPOLLIN), -EBADF);
    twin.source.fd = open("/proc/self/exe", O_RDONLY);
    assert_true(twin.source.fd >= 0);
    assert_int_equal(hosted_event_loop_add(loop, &twin.source, EPOLLIN), -EPERM);
    close(twin.source.fd);
    twin.source.fd = fds[1];
    twin.source.ready = NULL;
    assert_int_equal(hosted_event_loop_add(loop, &twin.source, EPOLLIN), -EINVAL);
    hosted_event_source_remove(&twin.source);
    hosted_event_source_remove(&counter.source);
    close(fds[0]);
    close(fds[1]);
    hosted_event_loop_destroy(loop);
    hosted_event_loop_destroy(NULL);
}

/* Both are reported in one round, and the first callback removes the second. */
static void remove_other(void *cookie, uint32_t events)
{
    struct counter *counter = cookie;
    (void)events;
    counter->ran++;
    hosted_event_source_remove(&counter->victim->source);
    hosted_event_source_remove(&counter->source);
}

static void test_a_removed_source_is_not_called_any_more(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter first, second;
    int fds[4];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(fds + 2), 0);
    source_init(&first, loop, fds[0]);
    source_init(&second, loop, fds[2]);
    first.source.ready = remove_other;
    second.source.ready = remove_other;
    first.victim = &second;
    second.victim = &first;
    assert_int_equal(hosted_event_loop_add(loop, &first.source, EPOLLIN), 0);
    assert_int_equal(hosted_event_loop_add(loop, &second.source, EPOLLIN), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(write(fds[3], "x", 1), 1);
    assert_int_equal(hosted_event_loop_step(loop, -1), 0);
    assert_int_equal(hosted_event_loop_step(loop, 0), 0);
    assert_int_equal(first.ran + second.ran, 1);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    hosted_event_loop_destroy(loop);
}

static void ready_slowly(void *cookie, uint32_t events)
{
    struct counter *counter = cookie;
    (void)events;
    atomic_fetch_add(&counter->running, 1);
    usleep(1000);
    atomic_fetch_add(&counter->ran, 1);
    atomic_fetch_sub(&counter->running, 1);
}

static void test_remove_waits_for_the_callback(void **state)
{
    (void)state;
    struct runner runner;
    int fds[2];
    runner_start(&runner);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    for (int i = 0; i < 20; i++) {
        struct counter counter;
        source_init(&counter, runner.loop, fds[0]);
        counter.source.ready = ready_slowly;
        assert_int_equal(vmmp_host_context_init(&runner.host, &counter.context), 0);
        counter.source.context = i % 2 ? &counter.context : NULL;
        assert_int_equal(hosted_event_loop_add(runner.loop, &counter.source, EPOLLIN), 0);
        wait_for(&counter.running, 1);
        hosted_event_source_remove(&counter.source);
        assert_int_equal(counter.running, 0);
        vmmp_host_context_fini(&runner.host, &counter.context);
        memset(&counter, 0xa5, sizeof counter);
    }
    close(fds[0]);
    close(fds[1]);
    runner_end(&runner);
}

static void take_signal(void *cookie, uint32_t events)
{
    struct counter *counter = cookie;
    struct signalfd_siginfo info;
    assert_int_equal(events, EPOLLIN);
    assert_int_equal(read(counter->source.fd, &info, sizeof info), (ssize_t)sizeof info);
    counter->events = info.ssi_signo;
    hosted_event_loop_stop(counter->loop);
}

static void test_signals_by_signalfd(void **state)
{
    (void)state;
    struct hosted_event_loop *loop;
    struct counter counter;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    source_init(&counter, loop, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    counter.source.ready = take_signal;
    assert_int_equal(hosted_event_loop_add(loop, &counter.source, EPOLLIN), 0);
    pthread_kill(pthread_self(), SIGUSR2);
    assert_int_equal(hosted_event_loop_run(loop), 0);
    assert_int_equal(counter.events, SIGUSR2);
    hosted_event_source_remove(&counter.source);
    close(counter.source.fd);
    hosted_event_loop_destroy(loop);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int test_event_loop_fd(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_descriptor_errors),
        cmocka_unit_test(test_a_removed_source_is_not_called_any_more),
        cmocka_unit_test(test_remove_waits_for_the_callback),
        cmocka_unit_test(test_signals_by_signalfd),
    };
    return cmocka_run_group_tests_name("event_loop_fd", tests, NULL, NULL);
}
