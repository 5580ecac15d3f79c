/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing what a stream reads and writes. */
#include "stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* How often to look whether somebody has opened the pseudo-terminal, and given it a new size. */
#define PTY_CLIENT_NS UINT64_C(200000000)
#define PTY_SIZE_NS   UINT64_C(1000000000)

/*
 * A non-blocking description of what `fd` is. Standard input and output are shared with the shell
 * and other programs, who must not find theirs non-blocking: terminals and pipes are opened again.
 * What cannot be is changed, and changed back at the end.
 */
static int reopen(int fd, int access, int *flags)
{
    struct stat status;
    *flags = -1;
    if (fstat(fd, &status) != 0) {
        return -1;
    }
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
        return fd;
    }
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int again = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (again >= 0) {
            return again;
        }
    }
    int now = fcntl(fd, F_GETFL);
    if (now >= 0 && !(now & O_NONBLOCK) && fcntl(fd, F_SETFL, now | O_NONBLOCK) == 0) {
        *flags = now;
    }
    return fd;
}

static void open_stdio(struct hosted_stream *stream)
{
    stream->in_fd = reopen(STDIN_FILENO, O_RDONLY, &stream->in_flags);
    stream->out_fd = reopen(STDOUT_FILENO, O_WRONLY, &stream->out_flags);
}

static int open_file(struct hosted_stream *stream)
{
    const struct hosted_stream_config *config = &stream->config;
    stream->out_fd =
        open(config->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (stream->out_fd < 0) {
        int error = errno;
        hosted_stream_say(
            stream, "%s file:%s: cannot open it for writing (%s): give a path that you may write",
            config->name, config->path, strerror(error));
        return -error;
    }
    return 0;
}

/* ---- Pseudo-terminals ---- */

/* The terminal's own echo and line editing are the guest's business. */
static int make_raw(const char *path)
{
    int terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    if (terminal < 0) {
        return -1;
    }
    int result = tcgetattr(terminal, &mode);
    if (result == 0) {
        cfmakeraw(&mode);
        result = tcsetattr(terminal, TCSANOW, &mode);
    }
    close(terminal);
    return result;
}

static int open_pty(struct hosted_stream *stream)
{
    const char *name = stream->config.name;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    stream->in_fd = master;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, stream->pty, sizeof(stream->pty)) != 0 || make_raw(stream->pty) != 0) {
        int error = errno;
        hosted_stream_say(stream,
                          "%s pty: cannot make a pseudo-terminal (%s): see that /dev/pts is "
                          "mounted",
                          name, strerror(error));
        return -error;
    }
    /* The loop takes a descriptor once, and input and output are waited for separately. */
    stream->out_fd = fcntl(master, F_DUPFD_CLOEXEC, 0);
    if (stream->out_fd < 0) {
        int error = errno;
        hosted_stream_say(stream, "%s pty: %s: raise the limit of open files", name,
                          strerror(error));
        return -error;
    }
    return 0;
}

static void look_again(struct hosted_stream *stream, uint64_t delay_ns)
{
    stream->host.ops->timer_arm(stream->host.cookie, &stream->timer,
                                stream->host.ops->now(stream->host.cookie) + delay_ns);
}

/* Linux tells the processes on a terminal of a new size, but not the one on its other side. */
static void look_at_size(struct hosted_stream *stream)
{
    struct winsize size;
    if (ioctl(stream->in_fd, TIOCGWINSZ, &size) != 0 || (!size.ws_col && !size.ws_row) ||
        (size.ws_col == stream->columns && size.ws_row == stream->rows)) {
        return;
    }
    stream->columns = size.ws_col;
    stream->rows = size.ws_row;
    stream->config.resized(stream->config.cookie, size.ws_col, size.ws_row);
}

static void look(void *cookie)
{
    struct hosted_stream *stream = cookie;
    struct pollfd poll_fd = { .fd = stream->in_fd, .events = POLLIN };
    pthread_mutex_lock(&stream->lock);
    bool gone = poll(&poll_fd, 1, 0) >= 0 && (poll_fd.revents & POLLHUP);
    if (!gone) {
        stream->connected = true;
        hosted_stream_wait_input(stream);
    }
    bool sized = !gone && stream->config.resized;
    if (gone || sized) {
        look_again(stream, gone ? PTY_CLIENT_NS : PTY_SIZE_NS);
    }
    pthread_mutex_unlock(&stream->lock);
    hosted_stream_tell(stream);
    if (sized) {
        look_at_size(stream);
    }
}

void hosted_stream_pty_gone(struct hosted_stream *stream)
{
    stream->connected = false;
    stream->output.head = 0;
    stream->output.count = 0;
    look_again(stream, PTY_CLIENT_NS);
}

/* ---- All of them ---- */

static void prepare(struct hosted_stream *stream, const struct hosted_stream_config *config)
{
    memset(stream, 0, sizeof(*stream));
    stream->config = *config;
    stream->in_fd = -1;
    stream->out_fd = -1;
    stream->listener.fd = -1;
    stream->socket.fd = -1;
    stream->in_flags = -1;
    stream->out_flags = -1;
    stream->connected = config->kind != HOSTED_STREAM_PTY && config->kind != HOSTED_STREAM_SOCKET;
    stream->told = stream->connected;
    pthread_mutex_init(&stream->lock, NULL);
    stream->host = hosted_event_loop_host(config->loop);
    stream->timer.work.run = look;
    stream->timer.work.cookie = stream;
    stream->in_source.ready = hosted_stream_input_ready;
    stream->in_source.cookie = stream;
    stream->out_source.ready = hosted_stream_output_ready;
    stream->out_source.cookie = stream;
    stream->open = true;
}

int hosted_stream_open(struct hosted_stream *stream, const struct hosted_stream_config *config)
{
    int result = 0;
    prepare(stream, config);
    switch (config->kind) {
    case HOSTED_STREAM_STDIO:
        open_stdio(stream);
        break;
    case HOSTED_STREAM_PTY:
        result = open_pty(stream);
        break;
    case HOSTED_STREAM_FILE:
        result = open_file(stream);
        break;
    case HOSTED_STREAM_SOCKET:
        result = hosted_stream_socket_open(stream);
        break;
    case HOSTED_STREAM_NONE:
        break;
    }
    /* The sources remember the descriptors to close; the others become -1 at the end of data. */
    stream->in_source.fd = stream->in_fd;
    stream->out_source.fd = stream->out_fd;
    if (result) {
        hosted_stream_close(stream);
    }
    return result;
}

void hosted_stream_start(struct hosted_stream *stream)
{
    if (stream->config.kind == HOSTED_STREAM_SOCKET) {
        hosted_stream_socket_listen(stream);
        return;
    }
    pthread_mutex_lock(&stream->lock);
    if (stream->config.kind == HOSTED_STREAM_PTY) {
        hosted_stream_pty_gone(stream);
    } else {
        hosted_stream_wait_input(stream);
    }
    bool has_input = stream->in_always_ready;
    pthread_mutex_unlock(&stream->lock);
    if (has_input && stream->config.notify) {
        stream->config.notify(stream->config.cookie);
    }
}

/* What the guest said last (why it crashed) is worth a moment. */
static void write_rest(struct hosted_stream *stream)
{
    struct pollfd room = { .fd = stream->out_fd, .events = POLLOUT };
    while (hosted_stream_drain(stream) && stream->out_fd >= 0 && !stream->out_ended &&
           poll(&room, 1, 1000) > 0) {
    }
}

static void close_one(int fd, int flags, int standard)
{
    if (flags >= 0) {
        fcntl(fd, F_SETFL, flags);
    }
    if (fd >= 0 && fd != standard) {
        close(fd);
    }
}

void hosted_stream_close(struct hosted_stream *stream)
{
    if (!stream->open) {
        return;
    }
    hosted_event_source_remove(&stream->listener);
    hosted_event_source_remove(&stream->in_source);
    stream->host.ops->timer_cancel(stream->host.cookie, &stream->timer);
    write_rest(stream);
    hosted_event_source_remove(&stream->out_source);
    close_one(stream->in_source.fd, stream->in_flags, STDIN_FILENO);
    close_one(stream->out_source.fd, stream->out_flags, STDOUT_FILENO);
    hosted_unix_unlisten(&stream->socket);
    pthread_mutex_destroy(&stream->lock);
    stream->open = false;
}

const char *hosted_stream_path(const struct hosted_stream *stream)
{
    return stream->config.kind == HOSTED_STREAM_PTY ? stream->pty : stream->config.path;
}

bool hosted_stream_connected(struct hosted_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool connected = stream->connected;
    pthread_mutex_unlock(&stream->lock);
    return connected;
}
