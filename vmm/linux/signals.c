/* SPDX-License-Identifier: BSD-2-Clause */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <hosted/unix_socket.h>

#include "terminal.h"

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH, SIGTSTP, SIGCONT };
#define HANDLED (sizeof(handled) / sizeof(handled[0]))

/* A handler gets no cookie, so what it sees is the process's. */
static atomic_int wake_fd = -1;
static atomic_int terminate_number; /**< The first SIGTERM or the like; 0: none yet. */
static atomic_bool terminate_seen;
static atomic_bool statistics_wanted;
static atomic_bool resized;

static void wake(void)
{
    int fd = atomic_load(&wake_fd);
    if (fd >= 0) {
        /* Only a full counter could make this fail, and then the loop is awake. */
        eventfd_write(fd, 1);
    }
}

static void on_terminate(int number)
{
    int none = 0;
    if (atomic_load(&wake_fd) < 0 ||
        !atomic_compare_exchange_strong(&terminate_number, &none, number)) {
        terminal_restore();
        hosted_unix_abandon();
        _exit(128 + number);
    }
    wake();
}

static void on_signal(int number)
{
    int saved = errno;
    switch (number) {
    case SIGUSR1:
        atomic_store(&statistics_wanted, true);
        wake();
        break;
    case SIGWINCH:
        atomic_store(&resized, true);
        wake();
        break;
    case SIGTSTP:
        terminal_restore();
        raise(SIGSTOP);
        break;
    case SIGCONT:
        terminal_resume();
        atomic_store(&resized, true);
        wake();
        break;
    default:
        on_terminate(number);
        break;
    }
    errno = saved;
}

static void on_wake(void *cookie, uint32_t events)
{
    struct signals *signals = cookie;
    eventfd_t count;
    (void)events;
    eventfd_read(signals->source.fd, &count);
    if (atomic_load(&terminate_number) && !atomic_exchange(&terminate_seen, true)) {
        signals->terminate(signals->cookie, atomic_load(&terminate_number));
    }
    if (atomic_exchange(&statistics_wanted, false)) {
        signals->statistics(signals->cookie);
    }
    if (atomic_exchange(&resized, false)) {
        signals->resized(signals->cookie);
    }
}

void signals_block(bool block)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < HANDLED; i++) {
        sigaddset(&set, handled[i]);
    }
    pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int signals_begin(struct signals *signals, struct hosted_event_loop *loop)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    signals->source = (struct hosted_event_source){ .fd = fd, .ready = on_wake, .cookie = signals };
    int error = hosted_event_loop_add(loop, &signals->source, EPOLLIN);
    if (error) {
        close(fd);
        return error;
    }
    atomic_store(&wake_fd, fd);
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < HANDLED; i++) {
        struct sigaction before;
        sigaction(handled[i], &action, &before);
        /* nohup and background jobs of scripts: what they had ignored stays ignored. */
        if (before.sa_handler == SIG_IGN && (handled[i] == SIGHUP || handled[i] == SIGINT)) {
            sigaction(handled[i], &before, NULL);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

void signals_end(struct signals *signals)
{
    atomic_store(&wake_fd, -1);
    hosted_event_source_remove(&signals->source);
    close(signals->source.fd);
}
