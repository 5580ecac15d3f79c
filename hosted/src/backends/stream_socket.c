/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams that end in a Unix socket, where clients come and go one after the other. */
#include "stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void accept_client(void *cookie, uint32_t events);

/* Whether somebody answers at `address`. */
static bool is_in_use(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 &&
                   connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return !refused;
}

/* Binds `fd`, in the place of a socket that nobody serves any more. 0 or -errno. */
static int bind_anew(int fd, const struct sockaddr_un *address)
{
    struct stat status;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return 0;
    }
    int error = errno;
    if (error != EADDRINUSE || lstat(address->sun_path, &status) != 0 ||
        !S_ISSOCK(status.st_mode) || is_in_use(address) || unlink(address->sun_path) != 0) {
        return -error;
    }
    return bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
}

static int say_why(const struct hosted_stream *stream, int error)
{
    const struct hosted_stream_config *config = &stream->config;
    const char *mend = "give a path in a folder that you may write";
    if (error == -EADDRINUSE) {
        mend = "another program uses it, or it is no socket: give another path";
    } else if (error == -ENAMETOOLONG) {
        mend = "give a path of at most 107 characters";
    }
    hosted_stream_say(stream, "%s socket:%s: cannot listen there (%s): %s", config->name,
                      config->path, strerror(-error), mend);
    return error;
}

int hosted_stream_socket_open(struct hosted_stream *stream)
{
    const char *path = stream->config.path;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat status;
    if (strlen(path) >= sizeof(address.sun_path)) {
        return say_why(stream, -ENAMETOOLONG);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return say_why(stream, -errno);
    }
    stream->listener.fd = fd;
    stream->listener.ready = accept_client;
    stream->listener.cookie = stream;
    /* Linux gives the name the mode that the socket has. */
    fchmod(fd, 0600);
    int error = bind_anew(fd, &address);
    if (error) {
        return say_why(stream, error);
    }
    if (lstat(path, &status) == 0) {
        stream->device = status.st_dev;
        stream->inode = status.st_ino;
    }
    /* Clients may queue while one is served. */
    return listen(fd, 8) == 0 ? 0 : say_why(stream, -errno);
}

void hosted_stream_socket_listen(struct hosted_stream *stream)
{
    int error = hosted_event_loop_add(stream->config.loop, &stream->listener, EPOLLIN);
    if (error) {
        say_why(stream, error);
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

static void accept_client(void *cookie, uint32_t events)
{
    struct hosted_stream *stream = cookie;
    int fd = accept4(stream->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)events;
    if (fd < 0) {
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

/* Removes the name, if it is still the one that was made. */
void hosted_stream_socket_close(struct hosted_stream *stream)
{
    struct stat status;
    if (stream->listener.fd < 0) {
        return;
    }
    close(stream->listener.fd);
    stream->listener.fd = -1;
    if (stream->inode && lstat(stream->config.path, &status) == 0 &&
        status.st_dev == stream->device && status.st_ino == stream->inode) {
        unlink(stream->config.path);
    }
}
