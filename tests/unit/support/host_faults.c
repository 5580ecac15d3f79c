/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/host_faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "vmmp_test.h"

/* ---- A call that fails so many times ---- */

static struct {
    atomic_int error;
    atomic_uint left;
} faults[HOST_CALLS];

void host_fault_set(enum host_call call, int error, unsigned times)
{
    atomic_store(&faults[call].error, error);
    atomic_store(&faults[call].left, times);
}

unsigned host_fault_left(enum host_call call)
{
    return atomic_load(&faults[call].left);
}

static bool fails(enum host_call call)
{
    unsigned left = atomic_load(&faults[call].left);
    while (left > 0 && !atomic_compare_exchange_weak(&faults[call].left, &left, left - 1)) {
    }
    return left > 0;
}

/* ---- A call that fails in its turn ---- */

static _Thread_local bool sweeping;
static _Thread_local unsigned countdown;
static _Thread_local const char *failed;

void host_fault_sweep(unsigned n)
{
    sweeping = true;
    countdown = n;
    failed = NULL;
}

const char *host_fault_end(void)
{
    sweeping = false;
    return failed;
}

static bool is_its_turn(const char *name)
{
    if (!sweeping || failed || countdown-- > 0) {
        return false;
    }
    failed = name;
    return true;
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

void host_fault_each(const struct host_fault_subject *subject)
{
    const char *name = "";
    unsigned n = 0;
    for (; name; n++) {
        unsigned before = open_descriptors();
        host_fault_sweep(n);
        int result = subject->make(subject->cookie);
        name = host_fault_end();
        if (result == 0) {
            subject->undo(subject->cookie);
        } else if (!name) {
            fail_msg("%s: not made (%d) though nothing failed", subject->name, result);
        }
        if (open_descriptors() != before) {
            fail_msg("%s: %u descriptors more after call %u (%s) failed", subject->name,
                     open_descriptors() - before, n, name ? name : "none");
        }
    }
    if (n < 2) {
        fail_msg("%s: none of its calls is one that can fail here", subject->name);
    }
    print_message("%s: %u calls failed in turn\n", subject->name, n - 1);
}

/* ---- The wrapped calls: the linker's names for a function and what wraps it ---- */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (fails(HOST_CALL_SENDMSG)) {
        errno = atomic_load(&faults[HOST_CALL_SENDMSG].error);
        return -1;
    }
    return __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (fails(HOST_CALL_RECVMSG)) {
        errno = atomic_load(&faults[HOST_CALL_RECVMSG].error);
        return -1;
    }
    return __real_recvmsg(fd, message, flags);
}

#ifdef HOSTED_URING
struct io_uring;
int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);

int __wrap_io_uring_submit(struct io_uring *ring)
{
    return fails(HOST_CALL_URING_SUBMIT) ? -atomic_load(&faults[HOST_CALL_URING_SUBMIT].error)
                                         : __real_io_uring_submit(ring);
}
#endif

/* A function of these parameters that fails in its turn with `failure` and errno `error`. */
#define SWEPT(result, name, failure, error, parameters, arguments) \
    result __real_##name parameters;                               \
    result __wrap_##name parameters;                               \
    result __wrap_##name parameters                                \
    {                                                              \
        if (is_its_turn(#name)) {                                  \
            errno = error;                                         \
            return failure;                                        \
        }                                                          \
        return __real_##name arguments;                            \
    }

SWEPT(void *, malloc, NULL, ENOMEM, (size_t size), (size))
SWEPT(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
SWEPT(void *, realloc, NULL, ENOMEM, (void *old, size_t size), (old, size))
SWEPT(void *, aligned_alloc, NULL, ENOMEM, (size_t alignment, size_t size), (alignment, size))
SWEPT(void *, mmap, MAP_FAILED, ENOMEM,
      (void *address, size_t size, int protection, int flags, int fd, off_t offset),
      (address, size, protection, flags, fd, offset))
SWEPT(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
SWEPT(int, ftruncate, -1, ENOSPC, (int fd, off_t size), (fd, size))
SWEPT(int, socket, -1, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
SWEPT(int, bind, -1, EACCES, (int fd, const struct sockaddr *address, socklen_t size),
      (fd, address, size))
SWEPT(int, listen, -1, ENOBUFS, (int fd, int backlog), (fd, backlog))
SWEPT(int, eventfd, -1, EMFILE, (unsigned initial, int flags), (initial, flags))
SWEPT(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
SWEPT(int, epoll_create1, -1, EMFILE, (int flags), (flags))
SWEPT(int, epoll_ctl, -1, ENOSPC, (int epoll, int operation, int fd, struct epoll_event *event),
      (epoll, operation, fd, event))
SWEPT(int, posix_openpt, -1, EMFILE, (int flags), (flags))

typedef void *thread_function(void *cookie);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *cookie);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *cookie);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *cookie)
{
    return is_its_turn("pthread_create")
               ? EAGAIN
               : __real_pthread_create(thread, attributes, function, cookie);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    unsigned mode = flags & O_CREAT ? va_arg(rest, unsigned) : 0;
    va_end(rest);
    if (is_its_turn("open")) {
        errno = EMFILE;
        return -1;
    }
    return __real_open(path, flags, mode);
}
