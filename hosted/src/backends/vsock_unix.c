/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock ports as unix sockets: making and removing the sockets, accepting, connecting. */
#include "vsock_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SEQPACKET_SUFFIX ".seqpacket"
/* "_4294967295" */
#define LONGEST_SUFFIX 11
#define BACKLOG        128
/* Clients accepted before others get their turn. */
#define ACCEPTS 16
/* How long to leave a listener alone when there are no descriptors or links. */
#define AGAIN_NS UINT64_C(100000000)

static int socket_type(enum vmmp_vsock_type type)
{
    return type == VMMP_VSOCK_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
}

/* ---- Making the sockets ---- */

static int fail(char error[HOSTED_VSOCK_UNIX_ERROR], int result, const char *format, ...)
    VMMP_PRINTF(3, 4);
static int fail(char error[HOSTED_VSOCK_UNIX_ERROR], int result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, HOSTED_VSOCK_UNIX_ERROR, format, args);
    va_end(args);
    return result;
}

static int listen_on(struct vsock_unix_listener *listener, char error[HOSTED_VSOCK_UNIX_ERROR])
{
    char message[HOSTED_UNIX_MESSAGE];
    int result = hosted_unix_listen(&listener->socket, listener->path, socket_type(listener->type),
                                    BACKLOG, message);
    if (result != 0) {
        return fail(error, result, "%s", message);
    }
    listener->source.fd = listener->socket.fd;
    return 0;
}

/* ---- Accepting ---- */

static void accept_again(void *cookie)
{
    struct hosted_vsock_unix *vsock = cookie;
    for (unsigned i = 0; i < 2; i++) {
        hosted_event_source_modify(&vsock->listeners[i].source, (uint32_t)EPOLLIN);
    }
}

/* There are no descriptors: waiting clients would be announced for ever. */
static void pause_accepting(struct hosted_vsock_unix *vsock)
{
    for (unsigned i = 0; i < 2; i++) {
        hosted_event_source_modify(&vsock->listeners[i].source, 0);
    }
    vsock->host.ops->timer_arm(vsock->host.cookie, &vsock->again,
                               vsock->host.ops->now(vsock->host.cookie) + AGAIN_NS);
}

static void on_client(void *cookie, uint32_t events)
{
    struct vsock_unix_listener *listener = cookie;
    struct hosted_vsock_unix *vsock = listener->owner;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS; i++) {
        int fd = accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                pause_accepting(vsock);
            }
            return;
        }
        struct vsock_unix_link *link = vsock_unix_link_take(vsock, fd, listener->type);
        if (!link) {
            vsock->stats.refused++;
            close(fd);
            continue;
        }
        vsock->stats.accepted++;
        vsock_unix_link_greet(link);
    }
}

/* ---- Connecting for the guest ---- */

static bool guest_connects(void *cookie, struct vmmp_vsock_connection *connection)
{
    struct hosted_vsock_unix *vsock = cookie;
    char path[sizeof(vsock->path) + LONGEST_SUFFIX];

    snprintf(path, sizeof(path), "%s_%u", vsock->path, connection->host_port);
    int fd = vsock->mux && vsock->free ? hosted_unix_connect(path, socket_type(connection->type))
                                       : -ENOSPC;
    if (fd < 0) {
        vsock->stats.missed++;
        return false;
    }
    struct vsock_unix_link *link = vsock_unix_link_take(vsock, fd, connection->type);
    link->connection = connection;
    link->state = VSOCK_UNIX_OPEN;
    if (!vsock_unix_link_watch(link)) {
        vsock_unix_link_release(link);
        return false;
    }
    connection->user = link;
    vsock->stats.reached++;
    vmmp_vsock_mux_accept(vsock->mux, connection);
    vmmp_vsock_mux_readable(vsock->mux, connection);
    return true;
}

struct vmmp_vsock_backend hosted_vsock_unix_backend(struct hosted_vsock_unix *vsock)
{
    return (struct vmmp_vsock_backend){ .connect = guest_connects,
                                        .connected = vsock_unix_connected,
                                        .send = vsock_unix_send,
                                        .receive = vsock_unix_receive,
                                        .shutdown = vsock_unix_shutdown,
                                        .closed = vsock_unix_closed,
                                        .cookie = vsock };
}

/* ---- Life ---- */

static void init_listener(struct hosted_vsock_unix *vsock, unsigned index,
                          enum vmmp_vsock_type type, const char *suffix)
{
    struct vsock_unix_listener *listener = &vsock->listeners[index];
    listener->owner = vsock;
    listener->type = type;
    snprintf(listener->path, sizeof(listener->path), "%.*s%s",
             (int)(sizeof(listener->path) - sizeof(SEQPACKET_SUFFIX)), vsock->path, suffix);
    listener->socket.fd = -1;
    listener->source.fd = -1;
    listener->source.ready = on_client;
    listener->source.cookie = listener;
}

int hosted_vsock_unix_create(struct hosted_vsock_unix **made, struct hosted_event_loop *loop,
                             const struct hosted_vsock_unix_options *options,
                             char error[HOSTED_VSOCK_UNIX_ERROR])
{
    size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - LONGEST_SUFFIX;
    unsigned count = options->connections;

    *made = NULL;
    if (strlen(options->path) == 0 || strlen(options->path) > most) {
        return fail(error, -ENAMETOOLONG,
                    "\"%.40s\" is not a path of 1 to %zu characters; give a shorter one",
                    options->path, most);
    }
    struct hosted_vsock_unix *vsock =
        calloc(1, sizeof(*vsock) + count * sizeof(struct vsock_unix_link));
    if (!vsock) {
        return fail(error, -ENOMEM, "no memory for %u vsock connections", count);
    }
    vsock->loop = loop;
    vsock->host = hosted_event_loop_host(loop);
    vsock->timeout_ns = options->timeout_ns ? options->timeout_ns : VMMP_VSOCK_MUX_TIMEOUT_NS;
    vsock->again.work.run = accept_again;
    vsock->again.work.cookie = vsock;
    snprintf(vsock->path, sizeof(vsock->path), "%s", options->path);
    init_listener(vsock, 0, VMMP_VSOCK_STREAM, "");
    init_listener(vsock, 1, VMMP_VSOCK_SEQPACKET, SEQPACKET_SUFFIX);
    vsock->count = count;
    for (unsigned i = count; i-- > 0;) {
        vsock->links[i].source.fd = -1;
        vsock->links[i].next_free = vsock->free;
        vsock->free = &vsock->links[i];
    }
    int result = listen_on(&vsock->listeners[0], error);
    if (result == 0 && options->seqpacket) {
        result = listen_on(&vsock->listeners[1], error);
    }
    if (result != 0) {
        hosted_vsock_unix_destroy(vsock);
        return result;
    }
    *made = vsock;
    return 0;
}

int hosted_vsock_unix_start(struct hosted_vsock_unix *vsock, struct vmmp_vsock_mux *mux)
{
    int result = 0;
    vsock->mux = mux;
    vsock->context = &mux->device.virtio.context;
    vsock->again.work.context = vsock->context;
    for (unsigned i = 0; i < 2 && result == 0; i++) {
        struct vsock_unix_listener *listener = &vsock->listeners[i];
        if (listener->source.fd >= 0) {
            listener->source.context = vsock->context;
            result = hosted_event_loop_add(vsock->loop, &listener->source, (uint32_t)EPOLLIN);
        }
    }
    if (result != 0) {
        hosted_vsock_unix_stop(vsock);
    }
    return result;
}

void hosted_vsock_unix_stop(struct hosted_vsock_unix *vsock)
{
    if (!vsock->mux) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        hosted_event_source_remove(&vsock->listeners[i].source);
    }
    vsock->host.ops->timer_cancel(vsock->host.cookie, &vsock->again);
    vmmp_context_enter(vsock->context);
    for (unsigned i = 0; i < vsock->count; i++) {
        struct vsock_unix_link *link = &vsock->links[i];
        struct vmmp_vsock_connection *connection = link->connection;
        if (link->state != VSOCK_UNIX_FREE) {
            vsock_unix_link_release(link);
        }
        if (connection) {
            vmmp_vsock_mux_close(vsock->mux, connection);
        }
    }
    vsock->mux = NULL;
    vmmp_context_leave(vsock->context);
}

void hosted_vsock_unix_destroy(struct hosted_vsock_unix *vsock)
{
    if (!vsock) {
        return;
    }
    hosted_vsock_unix_stop(vsock);
    for (unsigned i = 0; i < 2; i++) {
        hosted_event_source_remove(&vsock->listeners[i].source);
        hosted_unix_unlisten(&vsock->listeners[i].socket);
    }
    free(vsock);
}

struct hosted_vsock_unix_stats hosted_vsock_unix_stats(const struct hosted_vsock_unix *vsock)
{
    return vsock->stats;
}
