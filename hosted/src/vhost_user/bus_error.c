/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a front-end shares and then takes away (it truncates the file): an access is a
 * SIGBUS. The handler puts zeroes of our own in the place of the whole mapping, so that the access
 * goes on; the connection is ended soon after.
 *
 * A signal handler belongs to the process, and so does the table.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "vhost_user_internal.h"

#define GUARDS 512u

/* `start` 0: free. Written under the lock, read by the handler. */
static struct guard {
    uintptr_t start;
    size_t size;
    bool hit;
} guards[GUARDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

static struct guard *find(uintptr_t address)
{
    for (unsigned i = 0; i < GUARDS; i++) {
        uintptr_t start = __atomic_load_n(&guards[i].start, __ATOMIC_ACQUIRE);
        if (start && address - start < guards[i].size) {
            return &guards[i];
        }
    }
    return NULL;
}

/* Back to whom it was before; the access is made again and finds it there. */
static void give_up(int number, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        signal(number, SIG_DFL);
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    struct guard *guard = find((uintptr_t)info->si_addr);
    void *zeroes = MAP_FAILED;
    if (guard) {
        void *start = (char *)info->si_addr - ((uintptr_t)info->si_addr - guard->start);
        zeroes = mmap(start, guard->size, PROT_READ | PROT_WRITE,
                      MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        __atomic_store_n(&guard->hit, true, __ATOMIC_RELEASE);
    }
    if (zeroes == MAP_FAILED) {
        give_up(number, info, context);
    }
    errno = saved;
}

/* Somebody else may have taken the signal since the last time. */
int vhost_guard_begin(void)
{
    struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };
    struct sigaction now;
    int result = 0;
    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&lock);
    if (sigaction(SIGBUS, NULL, &now) != 0) {
        result = -errno;
    } else if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_bus_error) {
        before = now;
        result = sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

bool vhost_guard_add(void *start, size_t size)
{
    bool added = false;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < GUARDS && !added; i++) {
        if (!guards[i].start) {
            guards[i].size = size;
            guards[i].hit = false;
            __atomic_store_n(&guards[i].start, (uintptr_t)start, __ATOMIC_RELEASE);
            added = true;
        }
    }
    pthread_mutex_unlock(&lock);
    return added;
}

bool vhost_guard_hit(const void *start)
{
    const struct guard *guard = find((uintptr_t)start);
    return guard && __atomic_load_n(&guard->hit, __ATOMIC_ACQUIRE);
}

bool vhost_guard_remove(void *start)
{
    pthread_mutex_lock(&lock);
    struct guard *guard = find((uintptr_t)start);
    bool hit = guard && guard->hit;
    if (guard) {
        __atomic_store_n(&guard->start, 0, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return hit;
}
