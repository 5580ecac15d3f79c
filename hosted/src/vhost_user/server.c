/* SPDX-License-Identifier: BSD-2-Clause */
/* The server: listening, and the life of a connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost_user_internal.h"

#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"

#define BIT(n) (UINT64_C(1) << (n))

/* How often requests in flight are looked after while a ring stops. */
#define STOPPING_NS UINT64_C(500000)
/* How soon a connection ends whose memory is gone. */
#define MISSING_NS UINT64_C(100000000)
/* Messages in one turn of the loop. */
#define MESSAGES 16u

/* ---- The connection ---- */

static void disconnect(struct hosted_vhost_user *server)
{
    server->connected = false;
    hosted_event_source_remove(&server->source);
    vmmp_host_timer_cancel(&server->host, &server->timer);
    vmmp_host_timer_cancel(&server->host, &server->missing_timer);
    /* Kicks first, then the device, and what it works on last. */
    vhost_rings_fini(server);
    server->config.device->destroy(server->config.cookie);
    server->device = NULL;
    vhost_inflight_close(&server->inflight);
    vhost_memory_fini(&server->memory);
    if (server->backend_channel >= 0) {
        close(server->backend_channel);
        server->backend_channel = -1;
    }
    vhost_channel_fini(&server->channel);
    if (server->listener.fd >= 0) {
        hosted_event_source_modify(&server->listen_source, EPOLLIN);
    }
}

static void end_badly(struct hosted_vhost_user *server)
{
    server->statistics.refused++;
    disconnect(server);
}

static void say(const struct hosted_vhost_user *server, const char *what)
{
    vmmp_log(server->config.log, VMMP_LOG_WARNING, VMMP_LOG_GUEST,
             "vhost-user %s: %s; the connection is closed", server->device->ops->name, what);
}

/* False: the connection has ended. */
static bool finish_stopping(struct hosted_vhost_user *server)
{
    if (!vhost_rings_empty(server, server->stopping)) {
        hosted_event_source_modify(&server->source, 0);
        vmmp_host_timer_arm(&server->host, &server->timer,
                            vmmp_host_now(&server->host) + STOPPING_NS);
        return true;
    }
    if (vhost_protocol_stopped(server)) {
        end_badly(server);
        return false;
    }
    vhost_channel_next(&server->channel);
    return true;
}

/* On while a ring waits to be empty: nothing is read meanwhile. */
static void look_again(void *cookie)
{
    struct hosted_vhost_user *server = cookie;
    if (finish_stopping(server) && server->after == VHOST_AFTER_NOTHING) {
        hosted_event_source_modify(&server->source, EPOLLIN);
    }
}

static void look_for_memory(void *cookie)
{
    struct hosted_vhost_user *server = cookie;
    if (vhost_memory_missing(&server->memory) ||
        (server->inflight.mapping.start && vhost_guard_hit(server->inflight.mapping.start))) {
        say(server, "the front-end took memory away that it shares");
        end_badly(server);
        return;
    }
    vmmp_host_timer_arm(&server->host, &server->missing_timer,
                        vmmp_host_now(&server->host) + MISSING_NS);
}

/* False: no more for now. */
static bool take_message(struct hosted_vhost_user *server)
{
    const char *why = NULL;
    switch (vhost_channel_receive(&server->channel, &why)) {
    case VHOST_RECEIVE_AGAIN:
        return false;
    case VHOST_RECEIVE_END:
        disconnect(server);
        return false;
    case VHOST_RECEIVE_BAD:
        say(server, why);
        end_badly(server);
        return false;
    case VHOST_RECEIVED:
        break;
    }
    server->statistics.messages++;
    if (vhost_protocol_handle(server, &server->channel.message)) {
        end_badly(server);
        return false;
    }
    if (server->after != VHOST_AFTER_NOTHING) {
        return finish_stopping(server) && server->after == VHOST_AFTER_NOTHING;
    }
    vhost_channel_next(&server->channel);
    return true;
}

static void ready(void *cookie, uint32_t events)
{
    struct hosted_vhost_user *server = cookie;
    if (server->after != VHOST_AFTER_NOTHING) {
        /* Asked not to be told, so it is the end. */
        if (events & (EPOLLHUP | EPOLLERR)) {
            disconnect(server);
        }
        return;
    }
    for (unsigned i = 0; i < MESSAGES && take_message(server); i++) {
    }
}

/*
 * What is between the front-end and its driver: of a network device the control queue, with which
 * the driver says which frames it wants and how many pairs of queues it uses.
 */
#define NET_CONTROL                                                                        \
    (BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) | \
     BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |                  \
     BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

/* Inside. Single rings are reset by stopping them, so that is not offered. */
static void choose_face(struct hosted_vhost_user *server)
{
    struct vmmp_virtio_device *device = server->device;
    bool net = device->ops->type == VIRTIO_ID_NET;
    /* Of a network device the pairs; the queue behind them is the control queue. */
    unsigned served = net ? device->queue_count & ~1u : device->queue_count;
    device->features_off |=
        server->config.features_off | BIT(VIRTIO_F_RING_RESET) | (net ? NET_CONTROL : 0);
    device->control_elsewhere = true;
    vmmp_virtio_set_transport(device, &vhost_transport_ops, server);
    server->offered = vmmp_virtio_offered(device, false) | BIT(VHOST_USER_F_PROTOCOL_FEATURES);
    server->ring_count = served < HOSTED_VHOST_USER_QUEUES ? served : HOSTED_VHOST_USER_QUEUES;
    /* No message asks how large rings may be: front-ends have sizes of their own. */
    for (unsigned i = 0; i < server->ring_count; i++) {
        device->queues[i].max_size = VMMP_VIRTQUEUE_MAX_SIZE;
    }
}

static int begin(struct hosted_vhost_user *server)
{
    vhost_memory_init(&server->memory);
    memset(&server->inflight, 0, sizeof(server->inflight));
    vhost_rings_init(server);
    int error = server->config.device->create(server->config.cookie, &server->memory.guest,
                                              &server->device);
    if (error) {
        return error;
    }
    struct vmmp_virtio_device *device = server->device;
    vmmp_context_enter(&device->context);
    choose_face(server);
    vmmp_context_leave(&device->context);
    server->features = 0;
    server->protocol_features = 0;
    server->features_set = false;
    server->device_live = false;
    server->stopping = 0;
    server->after = VHOST_AFTER_NOTHING;
    server->source = (struct hosted_event_source){
        .fd = server->channel.socket,
        .ready = ready,
        .cookie = server,
    };
    error = hosted_event_loop_add(server->config.loop, &server->source, EPOLLIN);
    if (error) {
        server->config.device->destroy(server->config.cookie);
        return error;
    }
    return 0;
}

int hosted_vhost_user_serve(struct hosted_vhost_user *server, int socket)
{
    if (server->connected) {
        close(socket);
        return -EBUSY;
    }
    vhost_channel_init(&server->channel, socket);
    int error = begin(server);
    if (error) {
        vhost_channel_fini(&server->channel);
        vmmp_log(server->config.log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "vhost-user: making the device failed: %s", strerror(-error));
        return error;
    }
    server->connected = true;
    server->statistics.connections++;
    vmmp_host_timer_arm(&server->host, &server->missing_timer,
                        vmmp_host_now(&server->host) + MISSING_NS);
    if (server->listener.fd >= 0) {
        hosted_event_source_modify(&server->listen_source, 0);
    }
    return 0;
}

static void on_listener(void *cookie, uint32_t events)
{
    struct hosted_vhost_user *server = cookie;
    (void)events;
    int socket = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0) {
        hosted_vhost_user_serve(server, socket);
    }
}

/* ---- The server ---- */

static int listen_at(struct hosted_vhost_user *server, char message[HOSTED_UNIX_MESSAGE])
{
    int error = hosted_unix_listen(&server->listener, server->config.path, SOCK_STREAM, 1, message);
    if (error) {
        return error;
    }
    server->listen_source = (struct hosted_event_source){
        .fd = server->listener.fd,
        .ready = on_listener,
        .cookie = server,
    };
    error = hosted_event_loop_add(server->config.loop, &server->listen_source, EPOLLIN);
    if (error) {
        snprintf(message, HOSTED_UNIX_MESSAGE, "%.108s: cannot wait there: %s", server->config.path,
                 strerror(-error));
    }
    return error;
}

int hosted_vhost_user_open(struct hosted_vhost_user **result,
                           const struct hosted_vhost_user_config *config,
                           char message[HOSTED_UNIX_MESSAGE])
{
    struct hosted_vhost_user *server = calloc(1, sizeof(*server));
    *result = NULL;
    if (!server) {
        snprintf(message, HOSTED_UNIX_MESSAGE, "no memory: close other programs");
        return -ENOMEM;
    }
    server->config = *config;
    server->host = hosted_event_loop_host(config->loop);
    server->listener.fd = -1;
    server->backend_channel = -1;
    server->timer.work = (struct vmmp_work){ .run = look_again, .cookie = server };
    server->missing_timer.work = (struct vmmp_work){ .run = look_for_memory, .cookie = server };
    int error = vhost_guard_begin();
    if (error) {
        snprintf(message, HOSTED_UNIX_MESSAGE, "no handler for SIGBUS: %s", strerror(-error));
    } else if (config->path) {
        error = listen_at(server, message);
    }
    if (error) {
        hosted_vhost_user_close(server);
        return error;
    }
    *result = server;
    return 0;
}

void hosted_vhost_user_close(struct hosted_vhost_user *server)
{
    if (!server) {
        return;
    }
    if (server->connected) {
        disconnect(server);
    }
    hosted_event_source_remove(&server->listen_source);
    hosted_unix_unlisten(&server->listener);
    free(server);
}

bool hosted_vhost_user_connected(const struct hosted_vhost_user *server)
{
    return server->connected;
}

struct hosted_vhost_user_statistics
hosted_vhost_user_statistics(const struct hosted_vhost_user *server)
{
    return server->statistics;
}
