/* SPDX-License-Identifier: BSD-2-Clause */
/* A host with a clock and timers that the test advances by hand. */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/host.h>

struct fake_time {
    uint64_t now;
    struct vmmp_timer *timers; /* Armed, unordered. */
    unsigned fired;
    struct vmmp_host host;
};

static uint64_t fake_time_now(void *cookie)
{
    return ((struct fake_time *)cookie)->now;
}

static void fake_time_cancel(void *cookie, struct vmmp_timer *timer)
{
    struct fake_time *time = cookie;
    for (struct vmmp_timer **at = &time->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    timer->armed = false;
}

static void fake_time_arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct fake_time *time = cookie;
    fake_time_cancel(cookie, timer);
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    timer->next = time->timers;
    time->timers = timer;
}

static const struct vmmp_host_ops fake_time_ops = { .now = fake_time_now,
                                                    .timer_arm = fake_time_arm,
                                                    .timer_cancel = fake_time_cancel };

static void fake_time_init(struct fake_time *time, uint64_t now)
{
    *time = (struct fake_time){ .now = now, .host = { &fake_time_ops, time } };
}

/* The earliest deadline; UINT64_MAX if nothing is armed. */
static uint64_t fake_time_deadline(const struct fake_time *time)
{
    uint64_t first = UINT64_MAX;
    for (const struct vmmp_timer *timer = time->timers; timer; timer = timer->next) {
        first = timer->deadline_ns < first ? timer->deadline_ns : first;
    }
    return first;
}

/* Time goes on; timers run at their deadlines. Fails if one arms itself for the past for ever. */
static void fake_time_advance(struct fake_time *time, uint64_t nanoseconds)
{
    uint64_t end = time->now + nanoseconds;
    for (unsigned rounds = 0; fake_time_deadline(time) <= end; rounds++) {
        assert_true(rounds < 100000);
        struct vmmp_timer *due = time->timers;
        while (due->deadline_ns != fake_time_deadline(time)) {
            due = due->next;
        }
        time->now = due->deadline_ns > time->now ? due->deadline_ns : time->now;
        fake_time_cancel(time, due);
        time->fired++;
        if (due->work.context) {
            vmmp_context_enter(due->work.context);
        }
        due->work.run(due->work.cookie);
        if (due->work.context) {
            vmmp_context_leave(due->work.context);
        }
    }
    time->now = end;
}
