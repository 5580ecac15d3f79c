/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_spec.h"

/* 5.4.2 */
#define REQUESTQ 0

#define SECOND_NS UINT64_C(1000000000)

static struct vmmp_virtio_rng *rng_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_rng *)((char *)dev - offsetof(struct vmmp_virtio_rng, virtio));
}

/* ---- The rate ---- */

/* How many of `want` bytes may be given now. */
static uint64_t allowance(struct vmmp_virtio_rng *rng, uint64_t want)
{
    if (rng->rate_bytes == 0) {
        return want;
    }
    uint64_t now = vmmp_host_now(&rng->virtio.host);
    if (now >= rng->rate_end_ns) {
        rng->rate_left = rng->rate_bytes;
        rng->rate_end_ns =
            rng->rate_period_ns < UINT64_MAX - now ? now + rng->rate_period_ns : UINT64_MAX;
    }
    return want < rng->rate_left ? want : rng->rate_left;
}

static void period_over(void *cookie)
{
    struct vmmp_virtio_rng *rng = cookie;
    rng->limited = false;
    vmmp_virtio_resume(&rng->virtio, REQUESTQ);
}

/* ---- Requests ---- */

/* Fills the request's buffers in their order, up to `most` bytes. */
static uint32_t fill(struct vmmp_virtio_rng *rng, uint64_t most)
{
    const struct vmmp_virtqueue_chain *chain = &rng->chain;
    const struct vmmp_iovec *iov = &rng->iov[chain->readable];
    uint64_t done = 0;

    for (unsigned i = 0; i < chain->writable && done < most; i++) {
        size_t ask = iov[i].len < most - done ? iov[i].len : (size_t)(most - done);
        size_t got = rng->entropy.fill(rng->entropy.cookie, iov[i].base, ask);
        /* A source that claims more than it was asked for has filled what it was asked for. */
        done += got < ask ? got : ask;
        if (got < ask || !rng->busy) {
            break; /* No more for now, or the device was reset from inside the source. */
        }
    }
    return (uint32_t)done;
}

/* Writes up to `want` bytes into the request that is held. False if it has to wait. */
static bool give(struct vmmp_virtio_rng *rng, uint64_t want, uint32_t *written)
{
    uint64_t most = allowance(rng, want);
    if (most == 0) {
        rng->limited = true;
        rng->rate_waits++;
        vmmp_host_timer_arm(&rng->virtio.host, &rng->timer, rng->rate_end_ns);
        return false;
    }
    /* Set before the call: a source may say that it is ready again inside it. */
    rng->dry = true;
    *written = fill(rng, most);
    if (rng->rate_bytes > 0) {
        rng->rate_left -= *written;
    }
    if (!rng->busy) {
        return false;
    }
    if (*written == 0) {
        rng->empty_waits++;
        return false;
    }
    rng->dry = false;
    return true;
}

/* Answers the request that is held. False if it has to wait. */
static bool answer(struct vmmp_virtio_rng *rng, uint64_t *turn)
{
    uint64_t want = rng->chain.writable_bytes < *turn ? rng->chain.writable_bytes : *turn;
    uint32_t written = 0;

    /* A request without room takes nothing from the rate, nor does it begin a period. */
    if (want > 0 && !give(rng, want, &written)) {
        return false;
    }
    vmmp_virtio_push(&rng->virtio, REQUESTQ, &rng->chain.token, written);
    rng->busy = false;
    rng->bytes += written;
    rng->requests++;
    *turn -= written;
    return true;
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_rng *rng = rng_of(dev);
    bool turns = vmmp_host_can_defer(&dev->host);
    uint64_t turn = VMMP_VIRTIO_RNG_MOST;

    while (!rng->limited && !rng->dry) {
        if (!rng->busy) {
            if (!vmmp_virtio_pop(dev, queue, &rng->chain)) {
                return VMMP_VIRTIO_DRAINED;
            }
            rng->busy = true;
        }
        if (turn == 0) {
            vmmp_virtio_resume(dev, queue);
            break;
        }
        if (!answer(rng, &turn)) {
            break;
        }
        turn = turns ? turn : VMMP_VIRTIO_RNG_MOST;
    }
    return VMMP_VIRTIO_WAITING;
}

void vmmp_virtio_rng_ready(struct vmmp_virtio_rng *rng)
{
    if (rng->dry) {
        rng->dry = false;
        vmmp_virtio_resume(&rng->virtio, REQUESTQ);
    }
}

/* ---- The device ---- */

/* What was used up of the rate stays used up, and the timer goes on. */
static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_rng *rng = rng_of(dev);
    (void)queue;
    rng->busy = false;
    rng->dry = false;
}

static bool reset(struct vmmp_virtio_device *dev)
{
    queue_reset(dev, REQUESTQ);
    return true;
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-rng",
    .type = VIRTIO_ID_ENTROPY,
    .in_order = true,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

int vmmp_virtio_rng_init(struct vmmp_virtio_rng *rng, const struct vmmp_entropy *entropy,
                         const struct vmmp_virtio_rng_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host)
{
    static const uint16_t size = VMMP_VIRTIO_RNG_QUEUE_SIZE;

    memset(rng, 0, sizeof(*rng));
    if (!entropy || !entropy->fill) {
        return -EINVAL;
    }
    if (options && options->rate_bytes > 0 && !(host && vmmp_host_has_timers(host))) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-rng: a rate needs host operations with a clock and timers; "
                 "give the device some, or no rate");
        return -EINVAL;
    }
    int result = vmmp_virtio_init(&rng->virtio, &ops, &rng->queue, &size, 1, memory, log, host);
    if (result != 0) {
        return result;
    }
    rng->entropy = *entropy;
    rng->chain.iov = rng->iov;
    rng->chain.capacity = sizeof(rng->iov) / sizeof(rng->iov[0]);
    rng->timer.work.run = period_over;
    rng->timer.work.cookie = rng;
    rng->timer.work.context = &rng->virtio.context;
    if (options) {
        rng->rate_bytes = options->rate_bytes;
        rng->rate_period_ns = options->rate_period_ns ? options->rate_period_ns : SECOND_NS;
        rng->virtio.features_off = options->features_off;
    }
    return 0;
}

void vmmp_virtio_rng_fini(struct vmmp_virtio_rng *rng)
{
    vmmp_host_timer_cancel(&rng->virtio.host, &rng->timer);
    vmmp_virtio_fini(&rng->virtio);
}
