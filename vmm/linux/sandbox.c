/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox.h"

#include "message.h"

#ifdef HOSTED_SECCOMP

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Names that an architecture does not have are left out there. */
static const char *const allowed[] = {
    /* Consoles, sockets, taps, disks. */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "lseek",
    "fsync",
    "fdatasync",
    "fallocate",
    "ftruncate",
    "fstat",
    "close",
    "dup",
    "fcntl",
    "poll",
    "ppoll",
    "io_uring_enter",
    "splice",
    /* Clients that come and go; sockets are removed at the end. */
    "accept4",
    "connect",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "bind",
    "listen",
    "unlink",
    "unlinkat",
    "newfstatat",
    "lstat",
    "stat",
    /* KVM, terminals, taps. */
    "ioctl",
    /* The event loop, threads, memory, signals. */
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "eventfd2",
    "timerfd_settime",
    "signalfd4",
    "futex",
    "madvise",
    "munmap",
    "mremap",
    "brk",
    "sched_yield",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "gettimeofday",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "tgkill",
    "kill",
    "gettid",
    "getpid",
    "getuid",
    "set_robust_list",
    "rseq",
    "prctl",
    "exit",
    "exit_group",
    "restart_syscall",
    "membarrier",
    "sched_getaffinity",
};

/* What a library may try, and lives without. */
static const char *const refused[] = { "open",      "openat",     "openat2",  "access",
                                       "faccessat", "faccessat2", "readlink", "readlinkat" };

static int allow_names(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        if (number >= 0) {
            int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
            if (error) {
                return error;
            }
        }
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int number = seccomp_syscall_resolve_name(refused[i]);
        if (number >= 0) {
            int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), number, 0);
            if (error) {
                return error;
            }
        }
    }
    return 0;
}

static struct scmp_arg_cmp compare(unsigned argument, enum scmp_compare how, uint64_t a, uint64_t b)
{
    return (struct scmp_arg_cmp){ argument, how, a, b };
}

/* Calls whose arguments decide. */
static int allow_by_arguments(scmp_filter_ctx filter, unsigned needs)
{
    const struct scmp_arg_cmp not_executable = compare(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp new_thread =
        compare(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);
    if (!error) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
    }
    if (!error) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, new_thread);
    }
    if (!error) {
        /* Its arguments are behind a pointer; without it the C library uses clone. */
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    if (!error && needs & SANDBOX_LISTEN) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fchmod), 0);
    }
    const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6 };
    size_t count = needs & SANDBOX_INTERNET ? 3 : 1;
    for (size_t i = 0; !error && i < count; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 compare(0, SCMP_CMP_EQ, families[i], 0));
    }
    return error;
}

int sandbox_enter(unsigned needs)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int error = filter ? 0 : -ENOMEM;
    if (!error) {
        error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    if (!error) {
        error = allow_names(filter);
    }
    if (!error) {
        error = allow_by_arguments(filter, needs);
    }
    if (!error) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (error) {
        message_error("--sandbox: this kernel refuses it (%s): it needs CONFIG_SECCOMP_FILTER; "
                      "leave --sandbox out to go on without",
                      strerror(-error));
        return -1;
    }
    return 0;
}

#else

int sandbox_enter(unsigned needs)
{
    (void)needs;
    message_error("--sandbox: this vmm was built without libseccomp: install libseccomp-dev and "
                  "build it again, or leave --sandbox out");
    return -1;
}

#endif
