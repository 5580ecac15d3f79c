/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: a Unix socket at which other programs ask a running VMM to do something.
 *
 * A client sends one line, words separated by spaces, and gets one line of JSON back: an object
 * with "ok" true and what was asked for, or "ok" false and "error". Then the connection is closed.
 *
 * Threads: the event loop's; nothing is called inside a context.
 */
#pragma once

#include <stdbool.h>

#include <hosted/event_loop.h>
#include <hosted/unix_socket.h>

#include "json.h"
#include "options.h"

/** Longest request, with its end. */
#define CONTROL_REQUEST 512
#define CONTROL_WORDS   16
#define CONTROL_CLIENTS 4

struct control;

struct control_client {
    struct control *control;
    struct hosted_event_source source;
    bool connected;
    char request[CONTROL_REQUEST];
    size_t request_size;
    char *reply; /**< NULL: the request is still being read. */
    size_t reply_size;
    size_t reply_sent;
};

/** Zero it and set the first part. */
struct control {
    /**
     * Carries out `words`, of which there is at least one, and adds members to the reply. False:
     * `message` says what is wrong and what would be right.
     */
    bool (*command)(void *cookie, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE]);
    void *cookie;

    /* The module's own. */
    struct hosted_event_loop *loop;
    struct hosted_unix_listener listener;
    struct hosted_event_source source;
    struct vmmp_timer again; /**< Accepts again after there were no descriptors. */
    struct control_client clients[CONTROL_CLIENTS];
    bool open;
};

/** Listens at `path`. 0, or -1 (said). */
int control_open(struct control *control, const char *path, struct hosted_event_loop *loop);
/** Closes every connection and removes the socket; one that is not open is left alone. */
void control_close(struct control *control);

/**
 * `vmm ctl PATH WORD…`: sends the words, prints the reply's line to `out`. The file of a screenshot
 * is named from this process's folder on. An exit status: 0; 1: the VMM refused, or is not there
 * (said).
 */
int control_call(const char *socket, int count, char *const words[], FILE *out);
