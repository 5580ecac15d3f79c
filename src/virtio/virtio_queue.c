/* SPDX-License-Identifier: BSD-2-Clause */
/* The queues of a virtio device: registers, walks within a budget, deferral, completion. */
#include <sel4vmmplatsupport/vmmp/virtio.h>

#include <string.h>

#include "virtio/virtio_core.h"
#include "virtio/virtio_spec.h"

/* ---- Registers ---- */

struct vmmp_virtio_queue *vmmp_virtio_queue(struct vmmp_virtio_device *dev, unsigned queue)
{
    return queue < dev->queue_count ? &dev->queues[queue] : NULL;
}

bool vmmp_virtio_queue_writable(struct vmmp_virtio_device *dev, unsigned queue)
{
    return queue < dev->queue_count && !dev->queues[queue].vq.enabled && !dev->resetting &&
           !(dev->status & VIRTIO_STATUS_NEEDS_RESET);
}

void vmmp_virtio_queue_changed(struct vmmp_virtio_device *dev, unsigned index)
{
    if (dev->transport_ops && dev->transport_ops->queue_changed) {
        dev->transport_ops->queue_changed(dev->transport, index);
    }
}

static void enable(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = &dev->queues[index];
    queue->registers.features = dev->driver_features;
    if (queue->registers.size > queue->max_size) {
        vmmp_virtio_broken(dev, "queue size is more than the device's");
    } else if (!vmmp_virtqueue_enable(&queue->vq, dev->memory, &queue->registers)) {
        vmmp_virtio_broken(dev, vmmp_virtqueue_error(&queue->vq));
    }
    vmmp_virtio_queue_changed(dev, index);
}

void vmmp_virtio_queue_enable(struct vmmp_virtio_device *dev, unsigned queue)
{
    if (!vmmp_virtio_queue_writable(dev, queue)) {
        return;
    }
    /* The shape of the rings depends on features, which are not final before. */
    if (!dev->queues[queue].legacy_pfn && !(dev->status & VIRTIO_STATUS_FEATURES_OK)) {
        vmmp_virtio_misuse(dev, "queue enabled before FEATURES_OK", queue);
        return;
    }
    enable(dev, queue);
}

void vmmp_virtio_restart_legacy_queues(struct vmmp_virtio_device *dev)
{
    for (unsigned i = 0; i < dev->queue_count; i++) {
        if (dev->queues[i].legacy_pfn && dev->queues[i].vq.enabled) {
            enable(dev, i);
        }
    }
}

void vmmp_virtio_clear_queue(struct vmmp_virtio_queue *queue)
{
    vmmp_virtqueue_disable(&queue->vq);
    memset(&queue->registers, 0, sizeof(queue->registers));
    queue->registers.size = queue->max_size;
    queue->legacy_pfn = 0;
    queue->vector = VMMP_VIRTIO_NO_VECTOR;
    queue->deferred = false;
    queue->paused = false;
    queue->tracker = NULL;
}

void vmmp_virtio_queue_pause(struct vmmp_virtio_device *dev, unsigned queue, bool pause)
{
    if (queue < dev->queue_count) {
        dev->queues[queue].paused = pause;
    }
}

void vmmp_virtio_queue_moved(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (queue && queue->vq.enabled && !vmmp_virtqueue_move(&queue->vq, &queue->registers)) {
        vmmp_virtio_broken(dev, vmmp_virtqueue_error(&queue->vq));
    }
}

void vmmp_virtio_queue_reset(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (!queue || dev->resetting) {
        return;
    }
    bool was_enabled = queue->vq.enabled;
    vmmp_virtio_clear_queue(queue);
    vmmp_virtio_queue_changed(dev, index);
    if (was_enabled && dev->ops->queue_reset) {
        dev->ops->queue_reset(dev, index);
    }
}

/* ---- Walks ---- */

static bool can_run(const struct vmmp_virtio_device *dev, const struct vmmp_virtio_queue *queue)
{
    return virtio_live(dev) && queue->vq.enabled && !queue->paused;
}

static void check(struct vmmp_virtio_device *dev, const struct vmmp_virtio_queue *queue)
{
    const char *error = vmmp_virtqueue_error(&queue->vq);
    if (error) {
        vmmp_virtio_broken(dev, error);
    }
}

static bool show(struct vmmp_virtio_queue *queue)
{
    struct vmmp_virtio_tracker *tracker = queue->tracker;
    if (!tracker) {
        return vmmp_virtqueue_flush(&queue->vq);
    }
    uint16_t position = vmmp_virtqueue_position(&queue->vq);
    tracker->showing(tracker, position);
    bool wanted = vmmp_virtqueue_flush(&queue->vq);
    tracker->shown(tracker, position);
    return wanted;
}

static void flush(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = &dev->queues[index];
    bool wanted = queue->vq.enabled && show(queue);
    if (wanted && virtio_live(dev)) {
        queue->interrupts++;
        vmmp_virtio_interrupt(dev, (int)index);
    }
}

static void defer(struct vmmp_virtio_device *dev, struct vmmp_virtio_queue *queue)
{
    queue->deferred = true;
    vmmp_host_defer(&dev->host, &dev->work);
}

/*
 * With deferral: kicks are off while the queue is walked, and what the budget leaves is deferred
 * with kicks still off.
 */
static void walk_deferring(struct vmmp_virtio_device *dev, struct vmmp_virtio_queue *queue,
                           unsigned index)
{
    queue->left = dev->budget;
    queue->exhausted = false;
    queue->again = false;
    bool known = false; /* That there is something to pop. */
    vmmp_virtqueue_disable_notifications(&queue->vq);
    while (can_run(dev, queue)) {
        uint64_t chains = queue->chains;
        enum vmmp_virtio_progress progress = dev->ops->process(dev, index);
        if (!can_run(dev, queue)) {
            break;
        }
        if (queue->exhausted || queue->again) {
            defer(dev, queue);
            break;
        }
        if (progress == VMMP_VIRTIO_WAITING) {
            break;
        }
        bool more = vmmp_virtqueue_enable_notifications(&queue->vq);
        check(dev, queue);
        /* A device may leave what it could have had. What came after it looked in vain is another
         * matter: the kick for it was left out. */
        if (!more || (known && queue->chains == chains)) {
            break;
        }
        known = true;
        vmmp_virtqueue_disable_notifications(&queue->vq);
    }
}

/*
 * Without: kicks are armed before the walk, so that whatever comes after the snapshot is kicked
 * for. What the device asks for during the walk (`again`) is done now, within the same snapshot.
 */
static void walk_snapshot(struct vmmp_virtio_device *dev, struct vmmp_virtio_queue *queue,
                          unsigned index)
{
    vmmp_virtqueue_enable_notifications(&queue->vq);
    check(dev, queue);
    queue->left.chains = vmmp_virtqueue_pending(&queue->vq);
    queue->left.elements = UINT32_MAX;
    queue->left.bytes = UINT64_MAX;
    queue->exhausted = false;
    for (unsigned rounds = 0; rounds <= queue->max_size && can_run(dev, queue); rounds++) {
        queue->again = false;
        dev->ops->process(dev, index);
        if (!queue->again) {
            break;
        }
    }
}

void vmmp_virtio_run_queue(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = &dev->queues[index];
    if (!can_run(dev, queue) || !dev->ops->process) {
        return;
    }
    if (queue->walking) {
        queue->again = true;
        return;
    }
    queue->walking = true;
    if (vmmp_host_can_defer(&dev->host)) {
        walk_deferring(dev, queue, index);
    } else {
        walk_snapshot(dev, queue, index);
    }
    queue->walking = false;
    flush(dev, index);
}

void vmmp_virtio_run_deferred(void *cookie)
{
    struct vmmp_virtio_device *dev = cookie;
    for (unsigned i = 0; i < dev->queue_count; i++) {
        if (dev->queues[i].deferred) {
            dev->queues[i].deferred = false;
            vmmp_virtio_run_queue(dev, i);
        }
    }
}

void vmmp_virtio_kick(struct vmmp_virtio_device *dev, unsigned queue)
{
    if (queue >= dev->queue_count) {
        vmmp_virtio_misuse(dev, "kick of a queue that does not exist", queue);
        return;
    }
    dev->queues[queue].kicks++;
    vmmp_virtio_run_queue(dev, queue);
}

void vmmp_virtio_resume(struct vmmp_virtio_device *dev, unsigned queue)
{
    if (queue < dev->queue_count) {
        vmmp_virtio_run_queue(dev, queue);
    }
}

/* ---- Chains ---- */

/* With one part of the budget spent there are no chains left either: one number to look at. */
static void spend(struct vmmp_virtio_budget *left, const struct vmmp_virtqueue_chain *chain)
{
    uint32_t elements = chain->readable + chain->writable;
    uint64_t bytes = (uint64_t)chain->readable_bytes + chain->writable_bytes;
    if (elements >= left->elements || bytes >= left->bytes) {
        left->chains = 0;
        return;
    }
    left->chains--;
    left->elements -= elements;
    left->bytes -= bytes;
}

static bool pop_tracked(struct vmmp_virtio_queue *queue, struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtio_tracker *tracker = queue->tracker;
    bool popped = false;
    if (tracker->again(tracker, &queue->vq, chain, &popped)) {
        return popped;
    }
    popped = vmmp_virtqueue_pop(&queue->vq, chain);
    if (popped) {
        tracker->popped(tracker, &queue->vq, &chain->token);
    }
    return popped;
}

static bool pop(struct vmmp_virtio_queue *queue, struct vmmp_virtqueue_chain *chain)
{
    return queue->tracker ? pop_tracked(queue, chain) : vmmp_virtqueue_pop(&queue->vq, chain);
}

bool vmmp_virtio_pop(struct vmmp_virtio_device *dev, unsigned index,
                     struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (!queue || !virtio_live(dev) || queue->paused) {
        return false;
    }
    if (queue->walking && queue->left.chains == 0) {
        queue->exhausted = true;
        return false;
    }
    if (!pop(queue, chain)) {
        check(dev, queue);
        return false;
    }
    queue->chains++;
    if (queue->walking) {
        spend(&queue->left, chain);
    }
    return true;
}

void vmmp_virtio_spend(struct vmmp_virtio_device *dev, unsigned index, uint64_t bytes)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (queue && queue->walking) {
        struct vmmp_virtio_budget *left = &queue->left;
        left->chains = bytes < left->bytes ? left->chains : 0;
        left->bytes -= bytes < left->bytes ? bytes : left->bytes;
    }
}

static void push_tracked(struct vmmp_virtio_queue *queue, struct vmmp_virtqueue_token token,
                         uint32_t written)
{
    if (token.generation == queue->vq.generation) {
        queue->tracker->pushed(queue->tracker, &token);
    }
    vmmp_virtqueue_push(&queue->vq, &token, written);
}

void vmmp_virtio_push(struct vmmp_virtio_device *dev, unsigned index,
                      const struct vmmp_virtqueue_token *token, uint32_t written)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (!queue) {
        return;
    }
    if (queue->tracker) {
        push_tracked(queue, *token, written);
    } else {
        vmmp_virtqueue_push(&queue->vq, token, written);
    }
}

void vmmp_virtio_flush(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    /* The walk ends in a flush of its own. */
    if (queue && !queue->walking) {
        flush(dev, index);
    }
}

bool vmmp_virtio_want_kick(struct vmmp_virtio_device *dev, unsigned index)
{
    struct vmmp_virtio_queue *queue = vmmp_virtio_queue(dev, index);
    if (!queue || !can_run(dev, queue)) {
        return false;
    }
    bool more = vmmp_virtqueue_enable_notifications(&queue->vq);
    check(dev, queue);
    return more;
}
