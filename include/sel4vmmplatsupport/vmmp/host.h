/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device model may ask of the host it runs on: time, deferral, timers and a context.
 *
 * Linux implements them with an event loop (hosted/), seL4 with a signal capability and a timer of
 * the client's, the scripted engine lets the test run them. None of them may be called from inside
 * a log sink.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The execution context of a device: register accesses, queue work, deferred work and completions
 * of one device run inside its context, one at a time. A mutex on Linux; nothing on seL4, where
 * `enter` and `leave` stay NULL. Contexts do not nest for one device; a device may enter an
 * interrupt line's context inside its own, never the other way round.
 */
struct vmmp_context {
    void (*enter)(void *cookie);
    void (*leave)(void *cookie);
    void *cookie;
};

static inline void vmmp_context_enter(const struct vmmp_context *context)
{
    if (context->enter) {
        context->enter(context->cookie);
    }
}

static inline void vmmp_context_leave(const struct vmmp_context *context)
{
    if (context->leave) {
        context->leave(context->cookie);
    }
}

/**
 * Something to be done soon, outside the call that asked for it. The device owns the memory.
 * `next` and `queued` belong to the host operations; zero them once.
 */
struct vmmp_work {
    void (*run)(void *cookie); /**< Called inside `context`. */
    void *cookie;
    const struct vmmp_context *context; /**< NULL: none. */
    struct vmmp_work *next;
    bool queued;
};

/** As a work item, run once when the time comes. */
struct vmmp_timer {
    struct vmmp_work work;
    uint64_t deadline_ns; /**< Valid while `armed`. */
    struct vmmp_timer *next;
    bool armed;
};

struct vmmp_host_ops {
    /** Monotonic time in nanoseconds. */
    uint64_t (*now)(void *cookie);
    /**
     * Runs `work` once, soon, from the host's event loop, never inside this call. Deferring what is
     * already queued changes nothing. Any thread. NULL in compatible clients without a loop: a
     * device then finishes a bounded amount of work in the same call.
     */
    void (*defer)(void *cookie, struct vmmp_work *work);
    /** Takes queued work back; on return it is neither queued nor running (not from itself). */
    void (*cancel)(void *cookie, struct vmmp_work *work);
    /** (Re-)arms a timer for an absolute time of `now`. */
    void (*timer_arm)(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns);
    /** On return the timer is neither armed nor its work running. */
    void (*timer_cancel)(void *cookie, struct vmmp_timer *timer);
    /** Makes a context; NULL: contexts are empty (one thread). 0 or -ENOMEM. */
    int (*context_init)(void *cookie, struct vmmp_context *context);
    void (*context_fini)(void *cookie, struct vmmp_context *context);
};

/** `ops` may be NULL: no time, no deferral, empty contexts. */
struct vmmp_host {
    const struct vmmp_host_ops *ops;
    void *cookie;
};

/** Makes the context of a device, or an empty one where the host has no threads. */
static inline int vmmp_host_context_init(const struct vmmp_host *host, struct vmmp_context *context)
{
    context->enter = 0;
    context->leave = 0;
    context->cookie = 0;
    return host->ops && host->ops->context_init ? host->ops->context_init(host->cookie, context)
                                                : 0;
}

static inline void vmmp_host_context_fini(const struct vmmp_host *host,
                                          struct vmmp_context *context)
{
    if (host->ops && host->ops->context_fini) {
        host->ops->context_fini(host->cookie, context);
    }
}

static inline bool vmmp_host_can_defer(const struct vmmp_host *host)
{
    return host->ops && host->ops->defer;
}

/** Defers `work`; false if the host cannot, and nothing was done. */
static inline bool vmmp_host_defer(const struct vmmp_host *host, struct vmmp_work *work)
{
    if (!vmmp_host_can_defer(host)) {
        return false;
    }
    host->ops->defer(host->cookie, work);
    return true;
}

static inline void vmmp_host_cancel(const struct vmmp_host *host, struct vmmp_work *work)
{
    if (host->ops && host->ops->cancel) {
        host->ops->cancel(host->cookie, work);
    }
}

/** Whether the host has a clock and timers; without, the functions below do nothing. */
static inline bool vmmp_host_has_timers(const struct vmmp_host *host)
{
    return host->ops && host->ops->now && host->ops->timer_arm && host->ops->timer_cancel;
}

/** Monotonic time in nanoseconds; 0 without a clock. */
static inline uint64_t vmmp_host_now(const struct vmmp_host *host)
{
    return host->ops && host->ops->now ? host->ops->now(host->cookie) : 0;
}

static inline void vmmp_host_timer_arm(const struct vmmp_host *host, struct vmmp_timer *timer,
                                       uint64_t deadline_ns)
{
    if (vmmp_host_has_timers(host)) {
        host->ops->timer_arm(host->cookie, timer, deadline_ns);
    }
}

static inline void vmmp_host_timer_cancel(const struct vmmp_host *host, struct vmmp_timer *timer)
{
    if (vmmp_host_has_timers(host)) {
        host->ops->timer_cancel(host->cookie, timer);
    }
}

#ifdef __cplusplus
}
#endif
