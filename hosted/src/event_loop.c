/* SPDX-License-Identifier: BSD-2-Clause */
#include "event_loop_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Identifiers in epoll's data: the loop's own two descriptors, then the sources. */
#define ID_WAKE  0u
#define ID_TIMER 1u

/* Descriptors taken from epoll at a time; the rest comes in the next round. */
#define EVENTS_PER_ROUND 32

static int watch(const struct hosted_event_loop *loop, int operation, int fd, uint32_t events,
                 uint64_t id)
{
    struct epoll_event event = { .events = events, .data.u64 = id };
    return epoll_ctl(loop->epoll, operation, fd, &event) == 0 ? 0 : -errno;
}

static int open_descriptors(struct hosted_event_loop *loop)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        return -errno;
    }
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake < 0) {
        return -errno;
    }
    loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->timer < 0) {
        return -errno;
    }
    int err = watch(loop, EPOLL_CTL_ADD, loop->wake, EPOLLIN, ID_WAKE);
    return err ? err : watch(loop, EPOLL_CTL_ADD, loop->timer, EPOLLIN, ID_TIMER);
}

static void close_descriptors(const struct hosted_event_loop *loop)
{
    const int fds[] = { loop->timer, loop->wake, loop->epoll };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

int hosted_event_loop_create(struct hosted_event_loop **loop)
{
    struct hosted_event_loop *created = calloc(1, sizeof *created);
    *loop = NULL;
    if (!created) {
        return -ENOMEM;
    }
    created->epoll = created->wake = created->timer = -1;
    created->last_id = ID_TIMER;
    created->timer_programmed = UINT64_MAX;
    int err = open_descriptors(created);
    if (err) {
        close_descriptors(created);
        free(created);
        return err;
    }
    pthread_mutex_init(&created->lock, NULL);
    pthread_cond_init(&created->settled, NULL);
    *loop = created;
    return 0;
}

void hosted_event_loop_destroy(struct hosted_event_loop *loop)
{
    if (!loop) {
        return;
    }
    assert(!loop->in_use);
    close_descriptors(loop);
    pthread_cond_destroy(&loop->settled);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

/* ---- calls ---------------------------------------------------------------------------------- */

bool event_loop_is_own_thread(const struct hosted_event_loop *loop)
{
    return loop->in_use && pthread_equal(loop->thread, pthread_self());
}

void event_loop_wake(struct hosted_event_loop *loop)
{
    if (loop->must_wake) {
        const uint64_t one = 1;
        loop->must_wake = false;
        /* The counter is drained every time before must_wake is set again, so it cannot overflow.
         */
        ssize_t written = write(loop->wake, &one, sizeof one);
        assert(written == sizeof one);
        (void)written;
    }
}

bool event_loop_call_begin(struct hosted_event_loop *loop, const void *subject,
                           const struct vmmp_context *context)
{
    struct event_current *current = &loop->current;
    current->subject = subject;
    current->entering = context != NULL;
    if (context) {
        /* A copy: once the call is taken back the owner may free everything but the context's own
         * insides, which context_fini keeps until `entering` is over. */
        current->context = *context;
        pthread_mutex_unlock(&loop->lock);
        vmmp_context_enter(&current->context);
        pthread_mutex_lock(&loop->lock);
    }
    if (!current->subject) {
        event_loop_call_end(loop);
        return false;
    }
    current->running = true;
    pthread_mutex_unlock(&loop->lock);
    return true;
}

void event_loop_call_end(struct hosted_event_loop *loop)
{
    struct event_current *current = &loop->current;
    if (current->running) {
        pthread_mutex_lock(&loop->lock);
    }
    current->subject = NULL;
    current->running = false;
    if (current->entering) {
        /* Whoever waits for the call may go on now; the context is left first all the same, so that
         * it finds the context free. */
        pthread_mutex_unlock(&loop->lock);
        vmmp_context_leave(&current->context);
        pthread_mutex_lock(&loop->lock);
        current->entering = false;
    }
    pthread_cond_broadcast(&loop->settled);
}

bool event_loop_call_cancel(struct hosted_event_loop *loop, const void *subject)
{
    struct event_current *current = &loop->current;
    if (current->subject != subject) {
        return false;
    }
    if (!current->running) {
        current->subject = NULL;
        return false;
    }
    if (event_loop_is_own_thread(loop)) {
        return false;
    }
    while (current->subject == subject && current->running) {
        pthread_cond_wait(&loop->settled, &loop->lock);
    }
    return true;
}

/* ---- sources -------------------------------------------------------------------------------- */

static struct hosted_event_source **source_list(struct hosted_event_loop *loop, uint64_t id)
{
    return &loop->sources[id % EVENT_SOURCE_LISTS];
}

int hosted_event_loop_add(struct hosted_event_loop *loop, struct hosted_event_source *source,
                          uint32_t events)
{
    if (!source->ready) {
        return -EINVAL;
    }
    if (source->loop) {
        return -EBUSY;
    }
    pthread_mutex_lock(&loop->lock);
    source->id = ++loop->last_id;
    int err = watch(loop, EPOLL_CTL_ADD, source->fd, events, source->id);
    if (!err) {
        struct hosted_event_source **list = source_list(loop, source->id);
        source->loop = loop;
        source->next = *list;
        *list = source;
    }
    pthread_mutex_unlock(&loop->lock);
    return err;
}

int hosted_event_source_modify(struct hosted_event_source *source, uint32_t events)
{
    struct hosted_event_loop *loop = source->loop;
    if (!loop) {
        return -ENOENT;
    }
    pthread_mutex_lock(&loop->lock);
    int err = watch(loop, EPOLL_CTL_MOD, source->fd, events, source->id);
    pthread_mutex_unlock(&loop->lock);
    return err;
}

void hosted_event_source_remove(struct hosted_event_source *source)
{
    struct hosted_event_loop *loop = source->loop;
    if (!loop) {
        return;
    }
    pthread_mutex_lock(&loop->lock);
    struct hosted_event_source **link = source_list(loop, source->id);
    while (*link && *link != source) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = source->next;
        watch(loop, EPOLL_CTL_DEL, source->fd, 0, source->id);
    }
    event_loop_call_cancel(loop, source);
    source->next = NULL;
    source->loop = NULL;
    pthread_mutex_unlock(&loop->lock);
}

/* Events carry an identifier and not a pointer: the source may have been removed, and its memory
 * used for another, since epoll reported it. */
static struct hosted_event_source *find_source(struct hosted_event_loop *loop, uint64_t id)
{
    struct hosted_event_source *source = *source_list(loop, id);
    while (source && source->id != id) {
        source = source->next;
    }
    return source;
}

static void run_source(struct hosted_event_loop *loop, uint64_t id, uint32_t events)
{
    pthread_mutex_lock(&loop->lock);
    struct hosted_event_source *source = find_source(loop, id);
    if (source && event_loop_call_begin(loop, source, source->context)) {
        source->ready(source->cookie, events);
        event_loop_call_end(loop);
    }
    pthread_mutex_unlock(&loop->lock);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static int enter_loop(struct hosted_event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    int err = loop->in_use ? -EBUSY : 0;
    if (!err) {
        loop->in_use = true;
        loop->thread = pthread_self();
    }
    pthread_mutex_unlock(&loop->lock);
    return err;
}

static void leave_loop(struct hosted_event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->in_use = false;
    pthread_mutex_unlock(&loop->lock);
}

/* Decides, in one critical section with must_wake, whether there is a reason not to sleep. */
static int prepare_to_wait(struct hosted_event_loop *loop, int timeout_ms)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->deferred.head || loop->stop) {
        timeout_ms = 0;
    }
    loop->must_wake = timeout_ms != 0;
    pthread_mutex_unlock(&loop->lock);
    return timeout_ms;
}

static void drain(int fd)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got; /* Nothing to read: somebody else's wake-up, which is as good. */
}

static int round_once(struct hosted_event_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    int wait_ms = prepare_to_wait(loop, timeout_ms);
    int count = epoll_wait(loop->epoll, events, EVENTS_PER_ROUND, wait_ms);
    int err = count < 0 && errno != EINTR ? -errno : 0;

    pthread_mutex_lock(&loop->lock);
    if (loop->must_wake) {
        loop->must_wake = false;
    } else if (wait_ms != 0) {
        drain(loop->wake); /* Was written, whether epoll reported it yet or not. */
    }
    pthread_mutex_unlock(&loop->lock);

    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == ID_TIMER) {
            drain(loop->timer);
        } else if (events[i].data.u64 != ID_WAKE) {
            run_source(loop, events[i].data.u64, events[i].events);
        }
    }
    event_loop_run_batch(loop);
    return err;
}

int hosted_event_loop_step(struct hosted_event_loop *loop, int timeout_ms)
{
    int err = enter_loop(loop);
    if (!err) {
        err = round_once(loop, timeout_ms);
        leave_loop(loop);
    }
    return err;
}

static bool take_stop(struct hosted_event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool stop = loop->stop;
    loop->stop = false;
    pthread_mutex_unlock(&loop->lock);
    return stop;
}

int hosted_event_loop_run(struct hosted_event_loop *loop)
{
    int err = enter_loop(loop);
    if (err) {
        return err;
    }
    while (!err && !take_stop(loop)) {
        err = round_once(loop, -1);
    }
    leave_loop(loop);
    return err;
}

void hosted_event_loop_stop(struct hosted_event_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stop = true;
    event_loop_wake(loop);
    pthread_mutex_unlock(&loop->lock);
}
