/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   LD_PRELOAD=libkvm_fails.so KVM_FAILS=memory|entry|internal:N vmm …
 *
 * A KVM that gives up: the N-th KVM_RUN of the process and all later ones end as if it could not
 * read the guest's memory, as if the processor refused to enter the guest, or by an internal error.
 * Guests are not known to bring a real one there.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#define MAX_DESCRIPTORS 256
#define ENTRY_REASON    0xbadu
#define SUBERROR        4u

int ioctl(int fd, unsigned long request, ...);

/* By descriptor of the vCPU; other mappings are remembered, too, and not used. */
static _Atomic(struct kvm_run *) runs[MAX_DESCRIPTORS];
static atomic_ulong entered;

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    long result = syscall(SYS_mmap, address, size, protection, flags, fd, offset);

    if (result != -1 && fd >= 0 && fd < MAX_DESCRIPTORS) {
        atomic_store(&runs[fd], (struct kvm_run *)result);
    }
    return (void *)result;
}

/* Which KVM_RUN is to fail, and how: 0 if none is. */
static unsigned long wanted(const char **how)
{
    const char *value = getenv("KVM_FAILS");
    const char *number = value ? strchr(value, ':') : NULL;

    *how = value;
    return number ? strtoul(number + 1, NULL, 10) : 0;
}

static int fail(struct kvm_run *run, const char *how)
{
    if (strncmp(how, "entry", 5) == 0) {
        run->exit_reason = KVM_EXIT_FAIL_ENTRY;
        run->fail_entry.hardware_entry_failure_reason = ENTRY_REASON;
    } else if (strncmp(how, "internal", 8) == 0) {
        run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
        run->internal.suberror = SUBERROR;
        run->internal.ndata = 0;
    } else {
        errno = EFAULT;
        return -1;
    }
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    const char *how;
    va_list arguments;

    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == KVM_RUN && fd >= 0 && fd < MAX_DESCRIPTORS) {
        unsigned long first = wanted(&how);
        if (first && atomic_fetch_add(&entered, 1) + 1 >= first) {
            return fail(atomic_load(&runs[fd]), how);
        }
    }
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
