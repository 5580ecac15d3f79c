/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/host_faults.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

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

/* The linker's names for a wrapped function and what it wraps. */
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
