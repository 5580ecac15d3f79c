/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the event loop share: a loop in a thread, and callbacks that count. */
#pragma once

#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <hosted/event_loop.h>

#define MS UINT64_C(1000000)

/* A loop of its own thread, for what needs two. */
struct runner {
    struct hosted_event_loop *loop;
    struct vmmp_host host;
    pthread_t thread;
    int result;
};

static inline void *runner_main(void *cookie)
{
    struct runner *runner = cookie;
    runner->result = hosted_event_loop_run(runner->loop);
    return NULL;
}

static inline void runner_start(struct runner *runner)
{
    assert_int_equal(hosted_event_loop_create(&runner->loop), 0);
    runner->host = hosted_event_loop_host(runner->loop);
    assert_int_equal(pthread_create(&runner->thread, NULL, runner_main, runner), 0);
}

static inline void runner_end(struct runner *runner)
{
    hosted_event_loop_stop(runner->loop);
    assert_int_equal(pthread_join(runner->thread, NULL), 0);
    assert_int_equal(runner->result, 0);
    hosted_event_loop_destroy(runner->loop);
}

/* What callbacks do and see. */
struct counter {
    struct vmmp_work work;
    struct vmmp_timer timer;
    struct vmmp_host host;
    struct vmmp_context context;
    struct hosted_event_loop *loop;
    struct hosted_event_source source;
    atomic_int ran;
    atomic_int running;
    uint32_t events;
    uint64_t at;
    char order[8];
    char name;
    struct counter *log;
    struct counter *victim;
    bool again;
};

static inline void count(void *cookie)
{
    struct counter *counter = cookie;
    atomic_fetch_add(&counter->running, 1);
    counter->at = counter->host.ops ? counter->host.ops->now(counter->host.cookie) : 0;
    if (counter->log) {
        size_t length = strlen(counter->log->order);
        counter->log->order[length] = counter->name;
        counter->log->order[length + 1] = 0;
    }
    if (counter->again) {
        counter->host.ops->defer(counter->host.cookie, &counter->work);
    }
    if (counter->victim) {
        counter->host.ops->cancel(counter->host.cookie, &counter->victim->work);
    }
    atomic_fetch_add(&counter->ran, 1);
    atomic_fetch_sub(&counter->running, 1);
}

static inline void counter_init(struct counter *counter, struct hosted_event_loop *loop)
{
    memset(counter, 0, sizeof *counter);
    counter->loop = loop;
    counter->host = hosted_event_loop_host(loop);
    counter->work.run = count;
    counter->work.cookie = counter;
    counter->timer.work.run = count;
    counter->timer.work.cookie = counter;
}

static inline void wait_for(atomic_int *value, int wanted)
{
    while (atomic_load(value) < wanted) {
        usleep(100);
    }
}
