/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop's insides, shared by its two halves: descriptors and rounds (event_loop.c), and
 * deferred work, timers and contexts (event_loop_host.c).
 *
 * Lock order: a callback's context, then `lock`. Nothing is entered and no callback is run with
 * `lock` held.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include <hosted/event_loop.h>

#define EVENT_SOURCE_LISTS 256u

struct event_queue {
    struct vmmp_work *head, *tail;
};

/** What the loop's thread is about to call, is calling, or has just called. */
struct event_current {
    const void *subject; /**< Work item or source; NULL once taken back or finished. */
    bool running;        /**< The callback itself has begun. */
    bool entering;       /**< `context` is being entered, held, or left by the loop's thread. */
    struct vmmp_context context;
};

struct hosted_event_loop {
    int epoll;
    int wake;  /**< eventfd */
    int timer; /**< timerfd */

    pthread_mutex_t lock;
    pthread_cond_t settled; /**< `current` has changed. */
    /** By the low bits of their identifiers, which are given in turn: a few in each. */
    struct hosted_event_source *sources[EVENT_SOURCE_LISTS];
    uint64_t last_id;
    struct event_queue deferred; /**< For the next round. */
    struct event_queue batch;    /**< Of this round. */
    struct vmmp_timer *timers;   /**< Earliest first. */
    uint64_t timer_programmed;   /**< Deadline in the timerfd; UINT64_MAX: disarmed. */
    struct event_current current;
    bool in_use;    /**< A thread is in run or step: `thread`. */
    bool must_wake; /**< That thread sleeps, or is about to, and nobody has woken it yet. */
    bool stop;
    pthread_t thread;
};

/** Work and timers of one round, after the descriptors. `lock` is not held. */
void event_loop_run_batch(struct hosted_event_loop *loop);

/* The following are called with `lock` held. */

/** Makes a sleeping loop look again. */
void event_loop_wake(struct hosted_event_loop *loop);
bool event_loop_is_own_thread(const struct hosted_event_loop *loop);
/**
 * Announces the call of `subject`, enters `context`, and finds out whether the call is still
 * wanted. Drops `lock` meanwhile. False: taken back; the context has been left again.
 * Afterwards, true: `lock` is NOT held; call, then event_loop_call_end().
 */
bool event_loop_call_begin(struct hosted_event_loop *loop, const void *subject,
                           const struct vmmp_context *context);
/** Leaves the context; on return `lock` is held. */
void event_loop_call_end(struct hosted_event_loop *loop);
/**
 * Takes back a call that is under way, or waits for its end: see event_loop.h. True if it waited:
 * the callback may have queued itself again.
 */
bool event_loop_call_cancel(struct hosted_event_loop *loop, const void *subject);
/** Moves what is due from the timers to `deferred` and programs the timerfd for the rest. */
void event_loop_expire_timers(struct hosted_event_loop *loop);
