/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzzers of virtio models without a transport have around them: a host, a driver. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_spec.h"

static struct vmmp_guest_memory memory;
static struct vmmp_work *queued;
static struct vmmp_timer *timer;
static uint64_t now_ns;
static int depth;
static unsigned messages;
static bool legacy;

static inline uint64_t bench_now(void *cookie)
{
    (void)cookie;
    return now_ns;
}

static inline void bench_defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    FUZZ_CHECK(!queued || queued == work);
    queued = work;
}

static inline void bench_cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static inline void bench_timer_arm(void *cookie, struct vmmp_timer *armed, uint64_t deadline_ns)
{
    (void)cookie;
    FUZZ_CHECK(!timer || timer == armed);
    timer = armed;
    timer->deadline_ns = deadline_ns;
}

static inline void bench_timer_cancel(void *cookie, struct vmmp_timer *cancelled)
{
    (void)cookie;
    timer = timer == cancelled ? NULL : timer;
}

static inline void bench_enter(void *cookie)
{
    FUZZ_CHECK(++*(int *)cookie == 1);
}

static inline void bench_leave(void *cookie)
{
    FUZZ_CHECK(--*(int *)cookie == 0);
}

static inline int bench_context_init(void *cookie, struct vmmp_context *context)
{
    *context = (struct vmmp_context){ bench_enter, bench_leave, cookie };
    return 0;
}

static const struct vmmp_host_ops bench_defers = { .now = bench_now,
                                                   .defer = bench_defer,
                                                   .cancel = bench_cancel,
                                                   .timer_arm = bench_timer_arm,
                                                   .timer_cancel = bench_timer_cancel,
                                                   .context_init = bench_context_init };
static const struct vmmp_host_ops bench_does_not_defer = { .now = bench_now,
                                                           .timer_arm = bench_timer_arm,
                                                           .timer_cancel = bench_timer_cancel,
                                                           .context_init = bench_context_init };

static inline void bench_sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                              const char *message)
{
    (void)cookie, (void)level, (void)origin;
    FUZZ_CHECK(strlen(message) < VMMP_LOG_MAX);
    messages++;
}

static const struct vmmp_log bench_log = { bench_sink, NULL, VMMP_LOG_DEBUG };

/** Once per input; `how` chooses the host. */
static inline struct vmmp_host bench_init(uint8_t how, struct fuzz_input *in)
{
    fuzz_memory_init(&memory, in);
    queued = NULL;
    timer = NULL;
    now_ns = 0;
    messages = 0;
    legacy = false;
    return (struct vmmp_host){ how & 1 ? &bench_defers : &bench_does_not_defer, &depth };
}

static inline void bench_run_deferred(void)
{
    struct vmmp_work *work = queued;
    queued = NULL;
    if (work) {
        vmmp_context_enter(work->context);
        work->run(work->cookie);
        vmmp_context_leave(work->context);
    }
}

/** Time goes on; a timer that is due runs, at most a few times. */
static inline void bench_advance(uint64_t nanoseconds)
{
    now_ns += nanoseconds;
    for (unsigned i = 0; i < 4 && timer && timer->deadline_ns <= now_ns; i++) {
        struct vmmp_timer *due = timer;
        timer = NULL;
        vmmp_context_enter(due->work.context);
        due->work.run(due->work.cookie);
        vmmp_context_leave(due->work.context);
    }
}

/** What a driver that behaves does first. `queues`: a bit for each that it sets up. */
static inline void bench_start(struct vmmp_virtio_device *dev, uint64_t features, uint32_t size,
                               unsigned queues)
{
    vmmp_virtio_set_status(dev, 0, legacy);
    FUZZ_CHECK(vmmp_virtio_status(dev) == 0);
    vmmp_virtio_set_status(dev, 3, legacy);
    features &= vmmp_virtio_offered(dev, legacy) & ~(UINT64_C(1) << 34); /* Split rings. */
    vmmp_virtio_set_driver_features(dev, 0, (uint32_t)features);
    vmmp_virtio_set_driver_features(dev, 1, (uint32_t)(features >> 32) | (legacy ? 0 : 1));
    vmmp_virtio_set_status(dev, 11, legacy);
    for (unsigned i = 0; i < dev->queue_count; i++) {
        if (queues >> i & 1) {
            dev->queues[i].registers = fuzz_ring_config(i, size, 0);
            dev->queues[i].legacy_pfn = legacy;
            vmmp_virtio_queue_enable(dev, i);
        }
    }
    vmmp_virtio_set_status(dev, 15, legacy);
}
