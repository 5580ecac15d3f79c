/* SPDX-License-Identifier: BSD-2-Clause */
#include "gdb_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gdb_target.h"
#include "message.h"

/* gdb reads what it asked for; one that does not is gone. */
#define SEND_TIMEOUT_MS 1000

static void send_bytes(void *cookie, const char *bytes, size_t size)
{
    /* The session's cookie is the target's; the server is around the target's owner. */
    struct gdb_target *target = cookie;
    struct gdb_server *server = target->cookie;
    while (size && server->client >= 0 && !server->broken) {
        ssize_t sent = send(server->client, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            struct pollfd room = { .fd = server->client, .events = POLLOUT };
            server->broken = poll(&room, 1, SEND_TIMEOUT_MS) <= 0;
        } else if (sent < 0 && errno != EINTR) {
            server->broken = true;
        }
    }
}

static void drop_client(struct gdb_server *server)
{
    hosted_event_source_remove(&server->client_source);
    close(server->client);
    server->client = -1;
    if (!server->session.over) {
        gdb_target_detach(server->target);
    }
    server->session.over = true;
}

static void on_client(void *cookie, uint32_t events)
{
    struct gdb_server *server = cookie;
    uint8_t bytes[4096];
    (void)events;
    ssize_t size = recv(server->client, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size > 0) {
        gdb_session_input(&server->session, bytes, (size_t)size);
    }
    if (size <= 0 || server->session.over || server->broken) {
        drop_client(server);
    }
}

static void on_listener(void *cookie, uint32_t events)
{
    struct gdb_server *server = cookie;
    (void)events;
    int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    if (server->client >= 0) {
        message_note("--gdb: a second gdb was turned away: one is connected already");
        close(client);
        return;
    }
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    server->client_source =
        (struct hosted_event_source){ .fd = client, .ready = on_client, .cookie = server };
    if (hosted_event_loop_add(server->loop, &server->client_source, EPOLLIN)) {
        close(client);
        return;
    }
    server->client = client;
    server->broken = false;
    gdb_target_attach(server->target);
    gdb_session_begin(&server->session, &gdb_target_ops, server->cpus, send_bytes, server->target);
    struct gdb_stop stop = { .signal = 5 };
    gdb_session_stopped(&server->session, &stop);
}

void gdb_server_stopped(void *cookie, const struct gdb_stop *stop)
{
    struct gdb_server *server = cookie;
    if (server->client >= 0) {
        gdb_session_stopped(&server->session, stop);
    }
}

int gdb_server_open(struct gdb_server *server, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = { htonl(INADDR_LOOPBACK) },
    };
    int on = 1;
    server->client = -1;
    server->session.over = true;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener >= 0) {
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (server->listener < 0 ||
        bind(server->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server->listener, 1) != 0) {
        message_error("--gdb %u: cannot listen on 127.0.0.1:%u (%s): give another port", port, port,
                      strerror(errno));
        gdb_server_close(server);
        return -1;
    }
    server->listener_source = (struct hosted_event_source){
        .fd = server->listener,
        .ready = on_listener,
        .cookie = server,
    };
    if (hosted_event_loop_add(server->loop, &server->listener_source, EPOLLIN)) {
        message_error("--gdb %u: no more file descriptors: raise the limit of open files", port);
        gdb_server_close(server);
        return -1;
    }
    return 0;
}

void gdb_server_ended(struct gdb_server *server, bool by_signal, unsigned status)
{
    if (server->client >= 0) {
        gdb_session_ended(&server->session, by_signal, status);
    }
}

void gdb_server_close(struct gdb_server *server)
{
    hosted_event_source_remove(&server->client_source);
    hosted_event_source_remove(&server->listener_source);
    if (server->client >= 0) {
        close(server->client);
    }
    if (server->listener >= 0) {
        close(server->listener);
    }
    server->client = -1;
    server->listener = -1;
}
