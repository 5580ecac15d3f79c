/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of a hosted VMM: file descriptors, deferred work and timers, run by one thread.
 *
 * It implements `struct vmmp_host_ops` (vmmp/host.h), so that device models get their time,
 * deferral, timers and contexts from it. A program may have several loops; each is independent.
 *
 * Threads: everything may be called from any thread, except where a function says otherwise.
 * Callbacks are run by the thread that is in hosted_event_loop_run() or hosted_event_loop_step(),
 * one at a time, each inside the context given with it.
 *
 * Taking something back (cancel, remove, timer_cancel) is final: on return it is neither queued nor
 * running, even if it queues itself again every time. Two cases do not wait: from the callback
 * itself (which then goes on to its end), and inside the callback's own context (there the callback
 * cannot be running, and one that has not begun by then never will). Whoever waits for a callback
 * while holding another context counts as entering the callback's: the lock order of vmmp/host.h
 * applies. Contexts are those of this loop's context_init, or at least outlive what they are used
 * with.
 *
 * Memory: the caller owns sources, work items and timers; nothing is allocated after creation,
 * except by context_init. Signals: block them before the first thread is made and add a signalfd.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_event_loop;

/** A file descriptor to wait for. Zero it, fill the first part, and keep it until it is removed. */
struct hosted_event_source {
    int fd; /**< Not closed by the loop. */
    /** Called inside `context` with the EPOLL* bits that are ready; EPOLLERR and EPOLLHUP may be
     * among them unasked. Level-triggered: called again until the reason is gone. */
    void (*ready)(void *cookie, uint32_t events);
    void *cookie;
    const struct vmmp_context *context; /**< NULL: none. */

    /* The loop's own. */
    struct hosted_event_loop *loop;
    struct hosted_event_source *next;
    uint64_t id;
};

/** 0 with `*loop` set; -ENOMEM, or -errno of epoll, eventfd or timerfd (out of descriptors). */
int hosted_event_loop_create(struct hosted_event_loop **loop);
/** Nobody may be running the loop or use it again. What is still queued is forgotten. */
void hosted_event_loop_destroy(struct hosted_event_loop *loop);

/**
 * Waits for `events` (EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, or 0) on `source->fd`.
 * 0; -EINVAL without `ready`; -EBUSY if the source is added already; -EEXIST if the loop has
 * this descriptor already; -EPERM for what cannot be waited for (a regular file is always ready:
 * read it directly); -EBADF, -ENOMEM, -ENOSPC as epoll_ctl(2).
 */
int hosted_event_loop_add(struct hosted_event_loop *loop, struct hosted_event_source *source,
                          uint32_t events);
/** Waits for `events` from now on; 0 silences the source (bar errors). -ENOENT if not added. */
int hosted_event_source_modify(struct hosted_event_source *source, uint32_t events);
/** Final as said above; afterwards the descriptor may be closed and the source added again.
 * A source that is not added is left alone. */
void hosted_event_source_remove(struct hosted_event_source *source);

/** Runs callbacks until stopped. 0; -EBUSY if a thread runs the loop already; -errno of epoll. */
int hosted_event_loop_run(struct hosted_event_loop *loop);
/** One round: waits up to `timeout_ms` (0: not at all, -1: for ever) for something to do and does
 * what is due. 0, also after a stop or an empty round; errors as hosted_event_loop_run(). */
int hosted_event_loop_step(struct hosted_event_loop *loop, int timeout_ms);
/** Makes the running, or else the next, hosted_event_loop_run() return 0 at the end of its round.
 * Safe from callbacks and other threads; several stops count as one. */
void hosted_event_loop_stop(struct hosted_event_loop *loop);

/** The loop as host operations for device models; valid as long as the loop. Its contexts are
 * mutexes; entering one twice in one thread is a bug of the caller and asserts. */
struct vmmp_host hosted_event_loop_host(struct hosted_event_loop *loop);

#ifdef __cplusplus
}
#endif
