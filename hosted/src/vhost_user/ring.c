/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings: what the front-end told of them, their descriptors, starting and stopping. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vhost_user_internal.h"

#include "virtio/virtio_spec.h"

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void enter(const struct hosted_vhost_user *server)
{
    vmmp_context_enter(&server->device->context);
}

static void leave(const struct hosted_vhost_user *server)
{
    vmmp_context_leave(&server->device->context);
}

void vhost_rings_init(struct hosted_vhost_user *server)
{
    for (unsigned i = 0; i < HOSTED_VHOST_USER_QUEUES; i++) {
        server->rings[i] = (struct vhost_ring){
            .kick = -1,
            .call = -1,
            .error = -1,
            .server = server,
            .index = i,
        };
    }
}

static void forget_kick(struct vhost_ring *ring)
{
    hosted_event_source_remove(&ring->source);
    close_fd(&ring->kick);
}

void vhost_rings_fini(struct hosted_vhost_user *server)
{
    for (unsigned i = 0; i < HOSTED_VHOST_USER_QUEUES; i++) {
        struct vhost_ring *ring = &server->rings[i];
        forget_kick(ring);
        close_fd(&ring->call);
        close_fd(&ring->error);
    }
}

/* ---- Notifications ---- */

/* A descriptor that is full has been rung already. */
static void ring_bell(int fd)
{
    const uint64_t one = 1;
    if (fd >= 0) {
        ssize_t written = write(fd, &one, sizeof(one));
        (void)written;
    }
}

/* Inside. */
static void interrupt(void *transport, int queue)
{
    struct hosted_vhost_user *server = transport;
    if (queue >= 0) {
        ring_bell(server->rings[queue].call);
    } else if (server->device->status & VIRTIO_STATUS_NEEDS_RESET) {
        for (unsigned i = 0; i < server->ring_count; i++) {
            ring_bell(server->rings[i].error);
        }
    } else if (server->backend_channel >= 0) {
        /* A front-end that does not read them misses them. */
        vhost_send(server->backend_channel, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0, NULL, 0, -1);
    }
}

const struct vmmp_virtio_transport_ops vhost_transport_ops = { .interrupt = interrupt };

/* Inside. Level-triggered, so a descriptor that cannot be read any more is not waited for. */
static void kicked(void *cookie, uint32_t events)
{
    struct vhost_ring *ring = cookie;
    uint64_t count;
    ssize_t got = read(ring->kick, &count, sizeof(count));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) || !(events & EPOLLIN)) {
        hosted_event_source_remove(&ring->source);
        return;
    }
    if (ring->running) {
        vmmp_virtio_kick(ring->server->device, ring->index);
    }
}

static void set_nonblocking(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0 && !(flags & O_NONBLOCK)) {
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
}

const char *vhost_ring_set_kick(struct hosted_vhost_user *server, unsigned index, int fd)
{
    struct vhost_ring *ring = &server->rings[index];
    forget_kick(ring);
    set_nonblocking(fd);
    ring->kick = fd;
    if (fd < 0) {
        return "a ring without a kick descriptor: polling is not spoken";
    }
    ring->source = (struct hosted_event_source){
        .fd = fd,
        .ready = kicked,
        .cookie = ring,
        .context = &server->device->context,
    };
    if (hosted_event_loop_add(server->config.loop, &ring->source, EPOLLIN)) {
        return "a kick descriptor that cannot be waited for";
    }
    ring->started = true;
    if (!(server->features >> VHOST_USER_F_PROTOCOL_FEATURES & 1)) {
        ring->enabled = true;
    }
    return vhost_ring_update(server, index);
}

void vhost_ring_set_call(struct hosted_vhost_user *server, unsigned index, int fd)
{
    set_nonblocking(fd);
    enter(server);
    close_fd(&server->rings[index].call);
    server->rings[index].call = fd;
    leave(server);
    /* What was used before there was anybody to tell. */
    ring_bell(fd);
}

void vhost_ring_set_error(struct hosted_vhost_user *server, unsigned index, int fd)
{
    set_nonblocking(fd);
    enter(server);
    close_fd(&server->rings[index].error);
    server->rings[index].error = fd;
    leave(server);
}

/* ---- Starting ---- */

/* Inside. Features are final; the device may refuse them. */
static const char *accept_features(struct hosted_vhost_user *server)
{
    struct vmmp_virtio_device *device = server->device;
    uint64_t features = server->features & ~(UINT64_C(1) << VHOST_USER_F_PROTOCOL_FEATURES);
    if (device->status & VIRTIO_STATUS_FEATURES_OK) {
        return NULL;
    }
    vmmp_virtio_set_status(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER, false);
    vmmp_virtio_set_driver_features(device, 0, (uint32_t)features);
    vmmp_virtio_set_driver_features(device, 1, (uint32_t)(features >> 32));
    vmmp_virtio_set_status(
        device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK,
        false);
    if (device->status & VIRTIO_STATUS_FEATURES_OK) {
        return NULL;
    }
    return features >> VIRTIO_F_VERSION_1 & 1 ? "features that do not go together"
                                              : "a driver of the legacy interface";
}

/* Inside. Where the rings are for the guest. */
static bool set_registers(const struct hosted_vhost_user *server, const struct vhost_ring *ring)
{
    struct vmmp_virtio_queue *queue = &server->device->queues[ring->index];
    struct vmmp_virtqueue_config *registers = &queue->registers;
    registers->size = ring->size;
    return vhost_memory_find(&server->memory, ring->descriptor, &registers->desc) &&
           vhost_memory_find(&server->memory, ring->available, &registers->driver) &&
           vhost_memory_find(&server->memory, ring->used, &registers->device);
}

/* Inside. The queue is enabled and stands where the front-end says. */
static const char *enable_queue(struct hosted_vhost_user *server, struct vhost_ring *ring)
{
    struct vmmp_virtio_queue *queue = &server->device->queues[ring->index];
    struct vmmp_virtio_tracker *tracker = NULL;
    uint16_t position = ring->base;
    if (!set_registers(server, ring)) {
        return "a ring outside of memory";
    }
    vmmp_virtio_queue_enable(server->device, ring->index);
    if (!queue->vq.enabled) {
        return "a ring that cannot be";
    }
    const char *why = vhost_inflight_begin(&server->inflight, ring->index, &queue->vq,
                                           &server->statistics.resubmitted, &tracker, &position);
    if (why) {
        return why;
    }
    queue->tracker = tracker;
    server->statistics.tracked += tracker != NULL;
    return vmmp_virtqueue_seek(&queue->vq, position) ? NULL : vmmp_virtqueue_error(&queue->vq);
}

/* Inside. */
static void tell_device(const struct hosted_vhost_user *server)
{
    if (server->device->ops->queues_running) {
        server->device->ops->queues_running(server->device);
    }
}

static const char *start(struct hosted_vhost_user *server, struct vhost_ring *ring)
{
    const char *why = accept_features(server);
    why = why ? why : enable_queue(server, ring);
    if (why) {
        return why;
    }
    ring->running = true;
    if (server->device_live) {
        vmmp_virtio_kick(server->device, ring->index);
    } else {
        server->device_live = true;
        vmmp_virtio_set_status(server->device,
                               VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                                   VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK,
                               false);
    }
    tell_device(server);
    return NULL;
}

const char *vhost_ring_update(struct hosted_vhost_user *server, unsigned index)
{
    struct vhost_ring *ring = &server->rings[index];
    bool known = ring->addressed && ring->size > 0;
    if (ring->running || !ring->started || !ring->enabled || !known) {
        return NULL;
    }
    if (!server->features_set) {
        return "a ring is started before features were set";
    }
    enter(server);
    const char *why = start(server, ring);
    leave(server);
    return why;
}

/* ---- Stopping ---- */

static bool is_in(uint64_t rings, unsigned index)
{
    return rings >> index & 1;
}

void vhost_rings_pause(struct hosted_vhost_user *server, uint64_t rings)
{
    enter(server);
    for (unsigned i = 0; i < server->ring_count; i++) {
        if (is_in(rings, i) && server->rings[i].running) {
            vmmp_virtio_queue_pause(server->device, i, true);
        }
    }
    leave(server);
}

/* Inside. What an in-order device holds is given back unused, the next one begins with it. */
static bool is_empty(const struct hosted_vhost_user *server, unsigned index)
{
    const struct vmmp_virtio_device *device = server->device;
    return !server->rings[index].running || device->ops->in_order ||
           vmmp_virtqueue_in_flight(&device->queues[index].vq) == 0 || !vmmp_virtio_live(device);
}

bool vhost_rings_empty(struct hosted_vhost_user *server, uint64_t rings)
{
    bool empty = true;
    enter(server);
    for (unsigned i = 0; i < server->ring_count; i++) {
        empty = empty && (!is_in(rings, i) || is_empty(server, i));
    }
    leave(server);
    return empty;
}

/* Inside. */
static void stop(struct hosted_vhost_user *server, struct vhost_ring *ring)
{
    struct vmmp_virtio_queue *queue = &server->device->queues[ring->index];
    if (queue->vq.enabled) {
        vmmp_virtio_flush(server->device, ring->index);
        ring->base = vmmp_virtqueue_position(&queue->vq);
    }
    vmmp_virtio_queue_reset(server->device, ring->index);
    ring->running = false;
    tell_device(server);
}

void vhost_rings_stop(struct hosted_vhost_user *server, uint64_t rings)
{
    bool started = false;
    enter(server);
    for (unsigned i = 0; i < server->ring_count; i++) {
        struct vhost_ring *ring = &server->rings[i];
        if (is_in(rings, i) && ring->running) {
            stop(server, ring);
        }
        started = started || ring->started;
    }
    if (!started && server->device_live) {
        /* The driver is gone, or comes anew; perhaps with other features. */
        vmmp_virtio_set_status(server->device, 0, false);
        server->device_live = false;
        if (!server->device->resetting) {
            vhost_memory_forget(&server->memory);
        }
    }
    leave(server);
}

void vhost_rings_moved(struct hosted_vhost_user *server)
{
    bool in_flight = false;
    for (unsigned i = 0; i < server->ring_count; i++) {
        const struct vhost_ring *ring = &server->rings[i];
        if (!ring->running) {
            continue;
        }
        if (!set_registers(server, ring)) {
            /* Nowhere: finding it again fails. */
            server->device->queues[i].registers.desc = vmmp_gpa(UINT64_MAX);
        }
        vmmp_virtio_queue_moved(server->device, i);
        /* What a queue that broke had in flight is not known any more. */
        const struct vmmp_virtqueue *vq = &server->device->queues[i].vq;
        in_flight = in_flight || !vq->enabled || vmmp_virtqueue_in_flight(vq) > 0;
    }
    if (!in_flight) {
        vhost_memory_forget(&server->memory);
    }
}
