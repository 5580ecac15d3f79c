/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/doorbells.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hosted.h"

/** What vmmp_doorbell.host points at. */
struct bell {
    struct hosted_event_source source;
    struct hosted_doorbells *owner;
    struct vmmp_doorbell *doorbell;
};

/* Takes what has been rung; false: nothing. */
static bool take(const struct bell *bell)
{
    uint64_t *times = &bell->doorbell->times;
    return read(bell->source.fd, times, sizeof *times) == sizeof *times;
}

/* Inside the doorbell's context, so that the bell cannot go away before the ring. */
static void ready(void *cookie, uint32_t events)
{
    struct bell *bell = cookie;
    (void)events;
    if (take(bell)) {
        __atomic_fetch_add(&bell->owner->rings, 1, __ATOMIC_RELAXED);
        bell->doorbell->ring(bell->doorbell); /* Which may remove the bell. */
    }
}

static int engine_doorbell(const struct hosted_doorbells *doorbells,
                           const struct vmmp_doorbell *doorbell, int fd, bool add)
{
    struct hosted_vm *hosted = hosted_vm_of(doorbells->vm);
    return hosted->engine->doorbell(hosted, doorbell, fd, add);
}

static int bell_start(struct bell *bell)
{
    const struct vmmp_doorbell *doorbell = bell->doorbell;
    bell->source.ready = ready;
    bell->source.cookie = bell;
    bell->source.context = doorbell->context;
    int error = hosted_event_loop_add(bell->owner->loop, &bell->source, EPOLLIN);
    if (error) {
        return error;
    }
    error = engine_doorbell(bell->owner, doorbell, bell->source.fd, true);
    if (error) {
        hosted_event_source_remove(&bell->source);
    }
    return error;
}

static int add(void *cookie, struct vmmp_doorbell *doorbell)
{
    struct bell *bell = calloc(1, sizeof *bell);
    if (!bell) {
        return -ENOMEM;
    }
    bell->owner = cookie;
    bell->doorbell = doorbell;
    bell->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = bell->source.fd < 0 ? -errno : bell_start(bell);
    if (error) {
        if (bell->source.fd >= 0) {
            close(bell->source.fd);
        }
        free(bell);
        return error;
    }
    doorbell->host = bell;
    return 0;
}

/*
 * The order matters: first the kernel stops taking writes, then the loop stops delivering, and what
 * is left in the eventfd is what nobody has delivered.
 */
static bool remove_bell(void *cookie, struct vmmp_doorbell *doorbell)
{
    struct bell *bell = doorbell->host;
    (void)engine_doorbell(cookie, doorbell, bell->source.fd, false);
    hosted_event_source_remove(&bell->source);
    bool rung = take(bell);
    close(bell->source.fd);
    free(bell);
    doorbell->host = NULL;
    return rung;
}

static const struct vmmp_doorbell_ops doorbell_ops = { add, remove_bell };

struct vmmp_doorbells hosted_doorbells_init(struct hosted_doorbells *doorbells, vm_t *vm,
                                            struct hosted_event_loop *loop)
{
    *doorbells = (struct hosted_doorbells){ .vm = vm, .loop = loop };
    bool can = hosted_vm_of(vm)->engine->doorbell != NULL;
    return (struct vmmp_doorbells){ can ? &doorbell_ops : NULL, doorbells };
}
