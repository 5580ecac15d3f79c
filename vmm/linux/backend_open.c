/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing what a backend reads and writes. */
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "message.h"

/* How often to look whether somebody has opened the pseudo-terminal. */
#define PTY_POLL_NS UINT64_C(200000000)

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

static void open_stdio(struct backend *backend)
{
    backend->in_fd = reopen(STDIN_FILENO, O_RDONLY, &backend->in_flags);
    backend->out_fd = reopen(STDOUT_FILENO, O_WRONLY, &backend->out_flags);
}

static int open_file(struct backend *backend, const char *path)
{
    backend->out_fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (backend->out_fd < 0) {
        message_error("%s file:%s: cannot open it for writing (%s): give a path that you may write",
                      backend->name, path, strerror(errno));
        return -1;
    }
    return 0;
}

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

static int open_pty(struct backend *backend)
{
    char path[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    backend->in_fd = master;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, path, sizeof(path)) != 0 || make_raw(path) != 0) {
        message_error("%s pty: cannot make a pseudo-terminal (%s): see that /dev/pts is mounted",
                      backend->name, strerror(errno));
        return -1;
    }
    /* The loop takes a descriptor once, and input and output are waited for separately. */
    backend->out_fd = fcntl(master, F_DUPFD_CLOEXEC, 0);
    if (backend->out_fd < 0) {
        message_error("%s pty: %s: raise the limit of open files", backend->name, strerror(errno));
        return -1;
    }
    backend->disconnected = true;
    message_note("%s: %s", backend->name, path);
    return 0;
}

static void look_for_client(void *cookie)
{
    struct backend *backend = cookie;
    struct pollfd poll_fd = { .fd = backend->in_fd, .events = POLLIN };
    pthread_mutex_lock(&backend->lock);
    if (poll(&poll_fd, 1, 0) >= 0 && (poll_fd.revents & POLLHUP)) {
        backend->host.ops->timer_arm(backend->host.cookie, &backend->timer,
                                     backend->host.ops->now(backend->host.cookie) + PTY_POLL_NS);
    } else {
        backend->disconnected = false;
        backend_wait_input(backend);
    }
    pthread_mutex_unlock(&backend->lock);
}

void backend_disconnected(struct backend *backend)
{
    backend->disconnected = true;
    backend->output.head = 0;
    backend->output.count = 0;
    backend->host.ops->timer_arm(backend->host.cookie, &backend->timer,
                                 backend->host.ops->now(backend->host.cookie) + PTY_POLL_NS);
}

int backend_open(struct backend *backend, const struct console_choice *choice, bool is_terminal)
{
    backend->kind = choice->kind;
    backend->in_fd = -1;
    backend->out_fd = -1;
    backend->in_flags = -1;
    backend->out_flags = -1;
    backend->is_terminal = is_terminal && choice->kind == CONSOLE_STDIO;
    pthread_mutex_init(&backend->lock, NULL);
    backend->host = hosted_event_loop_host(backend->loop);
    backend->timer.work.run = look_for_client;
    backend->timer.work.cookie = backend;
    int result = 0;
    switch (choice->kind) {
    case CONSOLE_STDIO:
        open_stdio(backend);
        break;
    case CONSOLE_PTY:
        result = open_pty(backend);
        break;
    case CONSOLE_FILE:
        result = open_file(backend, choice->path);
        break;
    case CONSOLE_NONE:
        break;
    }
    /* The sources remember the descriptors to close; the others become -1 at the end of data. */
    backend->in_source.fd = backend->in_fd;
    backend->in_source.ready = backend_input_ready;
    backend->in_source.cookie = backend;
    backend->out_source.fd = backend->out_fd;
    backend->out_source.ready = backend_output_ready;
    backend->out_source.cookie = backend;
    return result;
}

void backend_start(struct backend *backend)
{
    pthread_mutex_lock(&backend->lock);
    if (backend->disconnected) {
        backend_disconnected(backend);
    } else {
        backend_wait_input(backend);
    }
    bool has_input = backend->in_always_ready;
    pthread_mutex_unlock(&backend->lock);
    if (has_input) {
        backend->notify(backend->cookie);
    }
}

/* What the guest said last (why it crashed) is worth a moment. */
static void write_rest(struct backend *backend)
{
    struct pollfd room = { .fd = backend->out_fd, .events = POLLOUT };
    while (backend_drain(backend) && poll(&room, 1, 1000) > 0) {
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

void backend_close(struct backend *backend)
{
    if (!backend->name) {
        return;
    }
    hosted_event_source_remove(&backend->in_source);
    if (backend->host.ops) {
        backend->host.ops->timer_cancel(backend->host.cookie, &backend->timer);
    }
    write_rest(backend);
    hosted_event_source_remove(&backend->out_source);
    close_one(backend->in_source.fd, backend->in_flags, STDIN_FILENO);
    close_one(backend->out_source.fd, backend->out_flags, STDOUT_FILENO);
    pthread_mutex_destroy(&backend->lock);
    backend->name = NULL;
}
