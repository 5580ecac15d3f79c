/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a guest's console or serial port ends: a hosted stream (hosted/stream.h) as the command
 * line chose it, whose messages are the VMM's and from whose terminal the VMM takes its keys.
 *
 * Threads: as hosted/stream.h; opened before the guest runs, closed after it has stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hosted/stream.h>

#include "keys.h"
#include "options.h"

/** Zero it and set the first part. */
struct backend {
    const char *name; /**< Of the option it comes from, for messages: "--console". */
    struct hosted_event_loop *loop;
    void (*notify)(void *cookie); /**< Input has come or output can go. */
    /** A pseudo-terminal has a new size. May be NULL. */
    void (*resized)(void *cookie, uint16_t columns, uint16_t rows);
    void *cookie;
    struct keys keys; /**< With `command` set, a terminal's Ctrl-A is the VMM's. */

    enum console_kind kind;
    struct hosted_stream stream;
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

/** As hosted_stream_write() and _read(), for a struct machine_port. */
size_t backend_write(void *backend, const uint8_t *bytes, size_t size);
size_t backend_read(void *backend, uint8_t *bytes, size_t size);

/** Appends `size` bytes to the input as if they had been typed; false if there is no room. */
bool backend_type(struct backend *backend, const char *bytes, size_t size);
