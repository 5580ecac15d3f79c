/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals that mean something to the VMM, brought into the event loop.
 *
 * SIGTERM, SIGINT and SIGHUP ask the guest to power off; the second of them ends the process at
 * once from within the handler, whatever the event loop is doing, with the terminal restored and
 * status 128 + number. SIGUSR1 asks for statistics, SIGWINCH says that the terminal changed its
 * size. SIGTSTP and SIGCONT leave and enter raw mode. SIGPIPE is ignored.
 */
#pragma once

#include <stdbool.h>

#include <hosted/event_loop.h>

struct signals {
    void (*terminate)(void *cookie, int number);
    void (*statistics)(void *cookie);
    void (*resized)(void *cookie);
    void *cookie;

    /* The module's own. */
    struct hosted_event_source source;
};

/**
 * Installs the handlers and calls back from the loop. The callbacks are set by then. 0 or -errno.
 * One per process.
 */
int signals_begin(struct signals *signals, struct hosted_event_loop *loop);
/** No callbacks any more; SIGTERM and its like end the process at once. */
void signals_end(struct signals *signals);

/**
 * Blocks these signals in the calling thread, or lets them through again. Around the making of
 * threads, which inherit it: the signals are then the event loop's thread's alone.
 */
void signals_block(bool block);
