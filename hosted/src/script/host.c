/* SPDX-License-Identifier: BSD-2-Clause */
/* Host operations under the test's control: work and timers run when the test says so. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "script.h"

/** More than any device defers on purpose. */
#define WORK_LIMIT 10000

struct script_context {
    struct script_vm *script;
    pthread_mutex_t lock;
    atomic_uintptr_t owner; /**< The thread inside; 0: none. */
    unsigned nested;        /**< Wrong entries by it. */
};

static uint64_t host_now(void *cookie)
{
    struct script_vm *script = cookie;
    pthread_mutex_lock(&script->lock);
    uint64_t now = script->now;
    pthread_mutex_unlock(&script->lock);
    return now;
}

static void host_defer(void *cookie, struct vmmp_work *work)
{
    struct script_vm *script = cookie;
    pthread_mutex_lock(&script->lock);
    if (!work->queued) {
        work->queued = true;
        work->next = NULL;
        *script->queue_end = work;
        script->queue_end = &work->next;
    }
    pthread_mutex_unlock(&script->lock);
}

/** Under the lock: waits while another thread runs `work`. */
static void wait_not_running(struct script_vm *script, const struct vmmp_work *work)
{
    while (script->running == work && !pthread_equal(script->runner, pthread_self())) {
        pthread_cond_wait(&script->changed, &script->lock);
    }
}

static void host_cancel(void *cookie, struct vmmp_work *work)
{
    struct script_vm *script = cookie;
    pthread_mutex_lock(&script->lock);
    for (struct vmmp_work **link = &script->queue; work->queued && *link; link = &(*link)->next) {
        if (*link == work) {
            *link = work->next;
            if (!*link) {
                script->queue_end = link;
            }
            break;
        }
    }
    work->queued = false;
    wait_not_running(script, work);
    pthread_mutex_unlock(&script->lock);
}

/** Under the lock. */
static void timer_remove(struct script_vm *script, struct vmmp_timer *timer)
{
    for (struct vmmp_timer **link = &script->timers; timer->armed && *link; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    }
    timer->armed = false;
}

static void host_timer_arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct script_vm *script = cookie;
    pthread_mutex_lock(&script->lock);
    timer_remove(script, timer);
    struct vmmp_timer **link = &script->timers;
    while (*link && (*link)->deadline_ns <= deadline_ns) {
        link = &(*link)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->next = *link;
    timer->armed = true;
    *link = timer;
    pthread_mutex_unlock(&script->lock);
}

static void host_timer_cancel(void *cookie, struct vmmp_timer *timer)
{
    struct script_vm *script = cookie;
    pthread_mutex_lock(&script->lock);
    timer_remove(script, timer);
    wait_not_running(script, &timer->work);
    pthread_mutex_unlock(&script->lock);
}

static void context_enter(void *cookie)
{
    struct script_context *context = cookie;
    uintptr_t self = (uintptr_t)pthread_self();
    if (atomic_load(&context->owner) == self) {
        context->nested++;
        script_record_text(context->script, "a context was entered by a thread that is inside it");
        return;
    }
    pthread_mutex_lock(&context->lock);
    atomic_store(&context->owner, self);
}

static void context_leave(void *cookie)
{
    struct script_context *context = cookie;
    if (atomic_load(&context->owner) != (uintptr_t)pthread_self()) {
        script_record_text(context->script, "a context was left by a thread that is not inside it");
    } else if (context->nested) {
        context->nested--;
    } else {
        atomic_store(&context->owner, 0);
        pthread_mutex_unlock(&context->lock);
    }
}

static int host_context_init(void *cookie, struct vmmp_context *context)
{
    struct script_vm *script = cookie;
    if (script_permit(script->hosted, HOSTED_CALL_CONTEXT)) {
        return -ENOMEM;
    }
    struct script_context *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    made->script = script;
    pthread_mutex_init(&made->lock, NULL);
    context->enter = context_enter;
    context->leave = context_leave;
    context->cookie = made;
    return 0;
}

static void host_context_fini(void *cookie, struct vmmp_context *context)
{
    struct script_context *made = context->cookie;
    (void)cookie;
    if (made) {
        pthread_mutex_destroy(&made->lock);
        free(made);
    }
    context->enter = NULL;
    context->leave = NULL;
    context->cookie = NULL;
}

static const struct vmmp_host_ops script_host_ops = {
    .now = host_now,
    .defer = host_defer,
    .cancel = host_cancel,
    .timer_arm = host_timer_arm,
    .timer_cancel = host_timer_cancel,
    .context_init = host_context_init,
    .context_fini = host_context_fini,
};

struct vmmp_host script_host(vm_t *vm)
{
    struct vmmp_host host = { .ops = &script_host_ops, .cookie = script_vm_of(vm) };
    return host;
}

/** Entered and left with the lock held, which is given up while the work runs. */
static void work_run(struct script_vm *script, struct vmmp_work *work)
{
    const struct vmmp_context *context = work->context;
    script->running = work;
    script->runner = pthread_self();
    pthread_mutex_unlock(&script->lock);
    if (context) {
        vmmp_context_enter(context);
    }
    work->run(work->cookie);
    if (context) {
        vmmp_context_leave(context);
    }
    pthread_mutex_lock(&script->lock);
    script->running = NULL;
    pthread_cond_broadcast(&script->changed);
}

unsigned script_run_deferred(vm_t *vm)
{
    struct script_vm *script = script_vm_of(vm);
    unsigned count = 0;
    pthread_mutex_lock(&script->lock);
    while (script->queue && count < WORK_LIMIT) {
        struct vmmp_work *work = script->queue;
        script->queue = work->next;
        if (!script->queue) {
            script->queue_end = &script->queue;
        }
        work->queued = false;
        work_run(script, work);
        count++;
    }
    bool endless = script->queue != NULL;
    pthread_mutex_unlock(&script->lock);
    if (endless) {
        script_record_text(script, "work is deferred for ever");
    }
    return count;
}

unsigned script_deferred(vm_t *vm)
{
    struct script_vm *script = script_vm_of(vm);
    unsigned count = 0;
    pthread_mutex_lock(&script->lock);
    for (const struct vmmp_work *work = script->queue; work; work = work->next) {
        count++;
    }
    pthread_mutex_unlock(&script->lock);
    return count;
}

void script_advance_time(vm_t *vm, uint64_t nanoseconds)
{
    struct script_vm *script = script_vm_of(vm);
    unsigned count = 0;
    pthread_mutex_lock(&script->lock);
    uint64_t target = script->now + nanoseconds;
    while (script->timers && script->timers->deadline_ns <= target && count < WORK_LIMIT) {
        struct vmmp_timer *timer = script->timers;
        script->now = timer->deadline_ns > script->now ? timer->deadline_ns : script->now;
        timer_remove(script, timer);
        work_run(script, &timer->work);
        count++;
    }
    script->now = target;
    pthread_mutex_unlock(&script->lock);
    if (count == WORK_LIMIT) {
        script_record_text(script, "a timer is armed for the past for ever");
    }
}
