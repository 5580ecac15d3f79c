/* SPDX-License-Identifier: BSD-2-Clause */
#include "terminal.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "message.h"

/* Signals that end a process and are not handled otherwise (signals.c). */
static const int deadly[] = { SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGBUS,  SIGFPE, SIGSEGV,
                              SIGSYS,  SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR2 };
#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

/* Written before threads exist, only read afterwards, except for the flag. */
static struct termios cooked;
static struct termios raw;
static atomic_bool is_raw;
static struct sigaction before[DEADLY];

/*
 * With SIGTTOU blocked tcsetattr works from the background as well: a VMM that dies there must not
 * be stopped instead.
 */
static void set(const struct termios *mode)
{
    sigset_t block;
    sigset_t saved;
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &block, &saved);
    tcsetattr(STDIN_FILENO, TCSANOW, mode);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void terminal_restore(void)
{
    if (atomic_exchange(&is_raw, false)) {
        set(&cooked);
        message_set_raw(false);
    }
}

void terminal_resume(void)
{
    if (raw.c_cc[VMIN] && tcgetpgrp(STDIN_FILENO) == getpgrp() && !atomic_exchange(&is_raw, true)) {
        set(&raw);
        message_set_raw(true);
    }
}

/*
 * Restores the terminal, then lets happen what would have happened: the former action (a
 * sanitizer's report, a core file) is put back, and the signal comes again, by itself if the fault
 * persists.
 */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    (void)context;
    terminal_restore();
    for (size_t i = 0; i < DEADLY; i++) {
        if (deadly[i] == number) {
            sigaction(number, &before[i], NULL);
        }
    }
    if (info->si_code <= 0 || number == SIGABRT) {
        raise(number);
    }
}

static void catch_deadly(void)
{
    /* A stack overflow must be reported too: the handler needs another stack. */
    static char stack[16384];
    stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
    stack_t existing;
    if (sigaltstack(NULL, &existing) == 0 && (existing.ss_flags & SS_DISABLE)) {
        sigaltstack(&alternative, NULL);
    }
    struct sigaction action = { .sa_sigaction = on_deadly, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < DEADLY; i++) {
        sigaction(deadly[i], &action, &before[i]);
    }
}

bool terminal_begin(void)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &cooked) != 0) {
        return false;
    }
    raw = cooked;
    /* As cfmakeraw(3); break and parity do not occur on what users sit at. */
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    atexit(terminal_restore);
    catch_deadly();
    terminal_resume();
    return true;
}

bool terminal_size(unsigned *columns, unsigned *rows)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row) {
        return false;
    }
    *columns = size.ws_col;
    *rows = size.ws_row;
    return true;
}
