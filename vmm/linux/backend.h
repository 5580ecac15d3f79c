/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's end of a guest's console or serial port: standard input and output, a new
 * pseudo-terminal, a file, or nothing.
 *
 * Nothing is lost and nothing blocks: input is read only while there is room for it, and output
 * that the host does not take waits in a buffer; when that is full the device is told so, and the
 * guest waits. Two exceptions: output for a pseudo-terminal that nobody has opened is dropped, and
 * so is output that can never be written (the reader is gone, the disk is full), with one message.
 *
 * Threads: backend_write() and backend_read() from any thread, inside the device's context;
 * `notify` is called by the event loop's thread, in no context and with nothing locked. The rest:
 * the thread that sets the VMM up, before the guest runs or after it has stopped.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hosted/event_loop.h>

#include "keys.h"
#include "options.h"

#define BACKEND_BUFFER 65536

struct backend_ring {
    uint8_t bytes[BACKEND_BUFFER];
    size_t head;
    size_t count;
};

/** Zero it and set the first part. */
struct backend {
    const char *name; /**< Of the option it comes from, for messages: "--console". */
    struct hosted_event_loop *loop;
    void (*notify)(void *cookie); /**< Input has come or output can go. */
    void *cookie;
    struct keys keys; /**< With `command` set, a terminal's Ctrl-A is the VMM's. */

    /* The module's own. */
    enum console_kind kind;
    int in_fd;    /**< -1: no input, or no more. */
    int out_fd;   /**< -1: output is dropped. */
    int in_flags; /**< To be put back with F_SETFL; -1: unchanged. */
    int out_flags;
    bool is_terminal;
    bool in_always_ready; /**< A regular file: read when the guest wants it. */
    bool in_waiting;      /**< The loop waits for input. */
    bool out_waiting;     /**< The loop waits for room. */
    bool disconnected;    /**< Nobody has opened the pseudo-terminal. */
    pthread_mutex_t lock; /**< Guards the rings and the flags; nothing is called inside. */
    struct hosted_event_source in_source;
    struct hosted_event_source out_source;
    struct vmmp_host host;
    struct vmmp_timer timer; /**< Looks for somebody at the pseudo-terminal. */
    struct backend_ring input;
    struct backend_ring output;
};

/**
 * Opens what `choice` says. `is_terminal` (stdio only): standard input is a raw terminal, and
 * `keys` are taken out of its input. 0, or -1 after saying what is wrong.
 */
int backend_open(struct backend *backend, const struct console_choice *choice, bool is_terminal);
/** Starts reading. The device that `notify` belongs to exists by now. */
void backend_start(struct backend *backend);
/** Writes what is left, for at most a second, and closes. A zeroed backend is left alone. */
void backend_close(struct backend *backend);

/** Takes up to `size` bytes of output and returns how many; `notify` says when more can go. */
size_t backend_write(void *backend, const uint8_t *bytes, size_t size);
/** Gives up to `size` bytes of input and returns how many; `notify` says when there are more. */
size_t backend_read(void *backend, uint8_t *bytes, size_t size);

/** Appends `size` bytes to the input as if they had been typed; false if there is no room. */
bool backend_type(struct backend *backend, const char *bytes, size_t size);

/* Between backend.c and backend_open.c. */

/** Waits for input while there is room for it. With the lock held. */
void backend_wait_input(struct backend *backend);
/** Writes what waits, as far as the host takes it; true if something is left. */
bool backend_drain(struct backend *backend);
/** Callbacks of the event loop. */
void backend_input_ready(void *cookie, uint32_t events);
void backend_output_ready(void *cookie, uint32_t events);
/** For pseudo-terminals: nobody is there any more. With the lock held. */
void backend_disconnected(struct backend *backend);
