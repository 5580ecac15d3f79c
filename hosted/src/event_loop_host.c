/* SPDX-License-Identifier: BSD-2-Clause */
#include "event_loop_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t host_now(void *cookie)
{
    (void)cookie;
    return now_ns();
}

/* ---- work ----------------------------------------------------------------------------------- */

static void queue_push(struct event_queue *queue, struct vmmp_work *work)
{
    work->next = NULL;
    work->queued = true;
    if (queue->tail) {
        queue->tail->next = work;
    } else {
        queue->head = work;
    }
    queue->tail = work;
}

static struct vmmp_work *queue_pop(struct event_queue *queue)
{
    struct vmmp_work *work = queue->head;
    if (work) {
        queue->head = work->next;
        if (!queue->head) {
            queue->tail = NULL;
        }
        work->next = NULL;
        work->queued = false;
    }
    return work;
}

static void queue_remove(struct event_queue *queue, struct vmmp_work *work)
{
    struct vmmp_work *before = NULL;
    for (struct vmmp_work *each = queue->head; each; before = each, each = each->next) {
        if (each == work) {
            if (before) {
                before->next = work->next;
            } else {
                queue->head = work->next;
            }
            if (queue->tail == work) {
                queue->tail = before;
            }
            work->next = NULL;
            work->queued = false;
            return;
        }
    }
}

static void unqueue(struct hosted_event_loop *loop, struct vmmp_work *work)
{
    if (work->queued) {
        queue_remove(&loop->deferred, work);
        queue_remove(&loop->batch, work);
    }
}

static void host_defer(void *cookie, struct vmmp_work *work)
{
    struct hosted_event_loop *loop = cookie;
    pthread_mutex_lock(&loop->lock);
    if (!work->queued) {
        queue_push(&loop->deferred, work);
        event_loop_wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
}

static void host_cancel(void *cookie, struct vmmp_work *work)
{
    struct hosted_event_loop *loop = cookie;
    pthread_mutex_lock(&loop->lock);
    do {
        unqueue(loop, work);
    } while (event_loop_call_cancel(loop, work));
    pthread_mutex_unlock(&loop->lock);
}

void event_loop_run_batch(struct hosted_event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    event_loop_expire_timers(loop);
    /* A snapshot: what these defer comes after the descriptors of the next round, so that neither
     * starves the other. */
    loop->batch = loop->deferred;
    loop->deferred = (struct event_queue){ NULL, NULL };
    for (struct vmmp_work *work; (work = queue_pop(&loop->batch));) {
        if (event_loop_call_begin(loop, work, work->context)) {
            work->run(work->cookie);
            event_loop_call_end(loop);
        }
    }
    pthread_mutex_unlock(&loop->lock);
}

/* ---- timers --------------------------------------------------------------------------------- */

static void program_timer(struct hosted_event_loop *loop, uint64_t deadline_ns)
{
    struct itimerspec setting = { 0 };
    if (deadline_ns != UINT64_MAX) {
        /* Zero would disarm. */
        uint64_t ns = deadline_ns ? deadline_ns : 1;
        uint64_t seconds = ns / NS_PER_S;
        /* Beyond what the kernel counts in signed nanoseconds it would refuse; nobody lives to see
         * the difference. */
        setting.it_value.tv_sec = (time_t)(seconds < INT32_MAX ? seconds : INT32_MAX);
        setting.it_value.tv_nsec = (long)(ns % NS_PER_S);
    }
    int err = timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &setting, NULL);
    assert(err == 0);
    (void)err;
    loop->timer_programmed = deadline_ns;
}

static void unarm(struct hosted_event_loop *loop, struct vmmp_timer *timer)
{
    struct vmmp_timer **link = &loop->timers;
    while (*link && *link != timer) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = timer->next;
    }
    timer->next = NULL;
    timer->armed = false;
}

static void host_timer_arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct hosted_event_loop *loop = cookie;
    pthread_mutex_lock(&loop->lock);
    if (timer->armed) {
        unarm(loop, timer);
    }
    /* An expiry that has not been delivered yet is replaced by this deadline. */
    unqueue(loop, &timer->work);
    if (loop->current.subject == &timer->work && !loop->current.running) {
        loop->current.subject = NULL;
    }
    struct vmmp_timer **link = &loop->timers;
    while (*link && (*link)->deadline_ns <= deadline_ns) {
        link = &(*link)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    timer->next = *link;
    *link = timer;
    /* Later deadlines are programmed when the earlier one has passed. */
    if (deadline_ns < loop->timer_programmed) {
        program_timer(loop, deadline_ns);
    }
    pthread_mutex_unlock(&loop->lock);
}

static void host_timer_cancel(void *cookie, struct vmmp_timer *timer)
{
    struct hosted_event_loop *loop = cookie;
    pthread_mutex_lock(&loop->lock);
    do {
        if (timer->armed) {
            unarm(loop, timer);
        }
        unqueue(loop, &timer->work);
    } while (event_loop_call_cancel(loop, &timer->work));
    pthread_mutex_unlock(&loop->lock);
}

void event_loop_expire_timers(struct hosted_event_loop *loop)
{
    if (loop->timer_programmed == UINT64_MAX) {
        return;
    }
    uint64_t now = now_ns();
    if (now < loop->timer_programmed) {
        return;
    }
    while (loop->timers && loop->timers->deadline_ns <= now) {
        struct vmmp_timer *timer = loop->timers;
        unarm(loop, timer);
        if (!timer->work.queued) {
            queue_push(&loop->deferred, &timer->work);
        }
    }
    program_timer(loop, loop->timers ? loop->timers->deadline_ns : UINT64_MAX);
}

/* ---- contexts ------------------------------------------------------------------------------- */

struct context {
    pthread_mutex_t mutex;
};

static void context_enter(void *cookie)
{
    struct context *context = cookie;
    int err = pthread_mutex_lock(&context->mutex);
    assert(err == 0); /* EDEADLK: entered twice. */
    (void)err;
}

static void context_leave(void *cookie)
{
    struct context *context = cookie;
    int err = pthread_mutex_unlock(&context->mutex);
    assert(err == 0);
    (void)err;
}

static int host_context_init(void *cookie, struct vmmp_context *context)
{
    struct context *own = calloc(1, sizeof *own);
    if (!own) {
        return -ENOMEM;
    }
    (void)cookie;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&own->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    *context = (struct vmmp_context){ context_enter, context_leave, own };
    return 0;
}

static void host_context_fini(void *cookie, struct vmmp_context *context)
{
    struct hosted_event_loop *loop = cookie;
    struct context *own = context->cookie;
    if (!own) {
        return;
    }
    /* The loop may still be on its way through this context for a call that was taken back. */
    pthread_mutex_lock(&loop->lock);
    while (loop->current.entering && loop->current.context.cookie == own &&
           !event_loop_is_own_thread(loop)) {
        pthread_cond_wait(&loop->settled, &loop->lock);
    }
    pthread_mutex_unlock(&loop->lock);
    int err = pthread_mutex_destroy(&own->mutex);
    assert(err == 0); /* EBUSY: still entered. */
    (void)err;
    free(own);
    *context = (struct vmmp_context){ 0 };
}

struct vmmp_host hosted_event_loop_host(struct hosted_event_loop *loop)
{
    static const struct vmmp_host_ops ops = {
        .now = host_now,
        .defer = host_defer,
        .cancel = host_cancel,
        .timer_arm = host_timer_arm,
        .timer_cancel = host_timer_cancel,
        .context_init = host_context_init,
        .context_fini = host_context_fini,
    };
    return (struct vmmp_host){ &ops, loop };
}
