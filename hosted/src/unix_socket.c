/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/unix_socket.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int new_socket(int type)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

static bool set_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address->sun_path)) {
        return false;
    }
    memcpy(address->sun_path, path, length + 1);
    return true;
}

int hosted_unix_connect(const char *path, int type)
{
    struct sockaddr_un address;
    if (!set_address(&address, path)) {
        return -ENAMETOOLONG;
    }
    int fd = new_socket(type);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Where something is left over a turn takes a moment; so many of them are waited for one. */
static const struct timespec moment = { .tv_nsec = 20000000 };
#define TURN_MOMENTS 25

/* What stands for the turn at `path`: the abstract name of its folder and of what it is there. */
static bool name_turn(struct sockaddr_un *name, const char *path)
{
    char folder[sizeof(name->sun_path)] = ".";
    struct stat status;
    const char *slash = strrchr(path, '/');
    if (slash) {
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
    }
    if (stat(folder, &status) != 0) {
        return false;
    }
    memset(name, 0, sizeof(*name));
    name->sun_family = AF_UNIX;
    snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, "vmmp-listen/%jx/%jx/%.64s",
             (uintmax_t)status.st_dev, (uintmax_t)status.st_ino, slash ? slash + 1 : path);
    return true;
}

/*
 * Waits for the turn to listen at `path`: without turns, of two who find what is left over one
 * could remove what the other one has just made. A turn is a socket in the abstract namespace,
 * where a name is one's and goes with its process however that ends. Another user could keep it for
 * ever, so that after a while this goes on without: -1.
 */
static int take_turn(const char *path)
{
    struct sockaddr_un name;
    int fd = name_turn(&name, path) ? new_socket(SOCK_STREAM) : -1;
    for (unsigned i = 0; fd >= 0 && i < TURN_MOMENTS; i++) {
        if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0) {
            return fd;
        }
        nanosleep(&moment, NULL);
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static bool nobody_serves(const char *path, int type)
{
    int fd = hosted_unix_connect(path, type);
    if (fd >= 0) {
        close(fd);
    }
    return fd == -ECONNREFUSED;
}

/*
 * Whether `path` is a socket that nobody serves any more. One that has just been made refuses too,
 * until its maker listens: a moment later it does not.
 */
static bool is_left_over(const char *path, int type)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode) || !nobody_serves(path, type)) {
        return false;
    }
    nanosleep(&moment, NULL);
    return nobody_serves(path, type);
}

static int bind_anew(const struct hosted_unix_listener *listener, int type)
{
    const struct sockaddr *address = (const struct sockaddr *)&listener->address;
    if (bind(listener->fd, address, sizeof(listener->address)) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return -errno;
    }
    const char *path = listener->address.sun_path;
    if (!is_left_over(path, type) || unlink(path) != 0) {
        return -EADDRINUSE;
    }
    return bind(listener->fd, address, sizeof(listener->address)) == 0 ? 0 : -errno;
}

static void remove_made(const char *path, dev_t device, ino_t inode)
{
    struct stat status;
    if (lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode) {
        unlink(path);
    }
}

/*
 * What a process that ends at once has to remove. A signal's handler gets no cookie, so it is the
 * process's; and the handler may run at any time, so what it reads stays where it is.
 */
#define MOST_KEPT 64
enum { FREE, CHANGING, MADE };
static struct {
    atomic_int state;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    dev_t device;
    ino_t inode;
} made[MOST_KEPT];

static void keep(struct hosted_unix_listener *listener)
{
    for (unsigned i = 0; i < MOST_KEPT && !listener->kept; i++) {
        int none = FREE;
        if (atomic_compare_exchange_strong(&made[i].state, &none, CHANGING)) {
            memcpy(made[i].path, listener->address.sun_path, sizeof(made[i].path));
            made[i].device = listener->device;
            made[i].inode = listener->inode;
            atomic_store(&made[i].state, MADE);
            listener->kept = i + 1;
        }
    }
}

void hosted_unix_abandon(void)
{
    for (unsigned i = 0; i < MOST_KEPT; i++) {
        if (atomic_load(&made[i].state) == MADE) {
            remove_made(made[i].path, made[i].device, made[i].inode);
        }
    }
}

/* In turn. */
static int begin(struct hosted_unix_listener *listener, int type, int backlog)
{
    struct stat status;
    listener->fd = new_socket(type);
    if (listener->fd < 0) {
        return listener->fd;
    }
    /* Linux gives the name the mode that the socket has, so nobody else can ever connect. */
    if (fchmod(listener->fd, 0600) != 0) {
        return -errno;
    }
    int error = bind_anew(listener, type);
    if (error) {
        return error;
    }
    if (lstat(listener->address.sun_path, &status) == 0) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
        keep(listener);
    }
    return listen(listener->fd, backlog) == 0 ? 0 : -errno;
}

static const char *mend(int error)
{
    switch (error) {
    case -EADDRINUSE:
        return "another program uses it, or it is no socket: give another path";
    case -ENAMETOOLONG:
        return "give a path of 1 to 107 characters";
    default:
        return "give a path in a folder that you may write";
    }
}

int hosted_unix_listen(struct hosted_unix_listener *listener, const char *path, int type,
                       int backlog, char message[HOSTED_UNIX_MESSAGE])
{
    memset(listener, 0, sizeof(*listener));
    listener->fd = -1;
    int error = -ENAMETOOLONG;
    if (set_address(&listener->address, path)) {
        int turn = take_turn(path);
        error = begin(listener, type, backlog);
        if (turn >= 0) {
            close(turn);
        }
    }
    if (error) {
        snprintf(message, HOSTED_UNIX_MESSAGE, "%.108s: cannot listen there (%s): %s", path,
                 strerror(-error), mend(error));
        hosted_unix_unlisten(listener);
        listener->fd = -1;
    }
    return error;
}

void hosted_unix_unlisten(struct hosted_unix_listener *listener)
{
    if (listener->fd < 0) {
        return;
    }
    /* While it listens nobody takes its place, and its inode is no other file's. */
    if (listener->inode != 0) {
        remove_made(listener->address.sun_path, listener->device, listener->inode);
    }
    if (listener->kept) {
        atomic_store(&made[listener->kept - 1].state, FREE);
        listener->kept = 0;
    }
    close(listener->fd);
    listener->fd = -1;
}
