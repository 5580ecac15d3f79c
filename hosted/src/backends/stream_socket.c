/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams that end in a Unix socket, where clients come and go one after the other. */
#include "stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long to leave clients alone when there are no descriptors for them. */
#define AGAIN_NS UINT64_C(100000000)

static void accept_client(void *cookie, uint32_t events);
static void accept_again(void *cookie);

/* Clients that may queue while one is served. */
#define BACKLOG 8

int hosted_stream_socket_open(struct hosted_stream *stream)
{
    const struct hosted_stream_config *config = &stream->config;
    char message[HOSTED_UNIX_MESSAGE];
    int error = hosted_unix_listen(&stream->socket, config->path, SOCK_STREAM, BACKLOG, message);
    if (error) {
        hosted_stream_say(stream, "%s socket:%s", config->name, message);
        return error;
    }
    stream->listener.fd = stream->socket.fd;
    stream->listener.ready = accept_client;
    stream->listener.cookie = stream;
    stream->timer.work.run = accept_again;
    return 0;
}

void hosted_stream_socket_listen(struct hosted_stream *stream)
{
    int error = hosted_event_loop_add(stream->config.loop, &stream->listener, EPOLLIN);
    if (error) {
        hosted_stream_say(stream, "%s socket:%s: cannot wait for clients (%s)", stream->config.name,
                          stream->config.path, strerror(-error));
    }
}

/* Takes the client in. False if there are not enough descriptors. */
static bool adopt(struct hosted_stream *stream, int fd)
{
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (twin < 0) {
        return false;
    }
    pthread_mutex_lock(&stream->lock);
    stream->in_fd = fd;
    stream->out_fd = twin;
    stream->in_source.fd = fd;
    stream->out_source.fd = twin;
    stream->in_ended = false;
    stream->out_ended = false;
    stream->connected = true;
    hosted_stream_wait_input(stream);
    pthread_mutex_unlock(&stream->lock);
    return true;
}

static void accept_again(void *cookie)
{
    struct hosted_stream *stream = cookie;
    hosted_event_source_modify(&stream->listener, EPOLLIN);
}

/* Who waits would be announced over and over. */
static void pause_accepting(struct hosted_stream *stream)
{
    const struct vmmp_host *host = &stream->host;
    hosted_event_source_modify(&stream->listener, 0);
    host->ops->timer_arm(host->cookie, &stream->timer, host->ops->now(host->cookie) + AGAIN_NS);
}

static void accept_client(void *cookie, uint32_t events)
{
    struct hosted_stream *stream = cookie;
    int fd = accept4(stream->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)events;
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(stream);
        }
        return;
    }
    if (!adopt(stream, fd)) {
        close(fd);
        return;
    }
    hosted_event_source_remove(&stream->listener);
    hosted_stream_tell(stream);
    /* What the last client has not read. */
    hosted_stream_output_ready(stream, 0);
}

void hosted_stream_socket_gone(struct hosted_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    hosted_event_source_remove(&stream->in_source);
    hosted_event_source_remove(&stream->out_source);
    close(stream->in_source.fd);
    close(stream->out_source.fd);
    stream->in_source.fd = -1;
    stream->out_source.fd = -1;
    stream->in_fd = -1;
    stream->out_fd = -1;
    stream->in_waiting = false;
    stream->out_waiting = false;
    stream->connected = false;
    pthread_mutex_unlock(&stream->lock);
    hosted_stream_tell(stream);
    hosted_stream_socket_listen(stream);
}
