/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP end of --gdb: one conversation at a time, on 127.0.0.1 only, in the event loop. A gdb
 * that connects finds the guest stopped; one that goes away leaves it running.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <hosted/event_loop.h>

#include "gdb_session.h"

struct gdb_target;

/** Zero it and set the first part. */
struct gdb_server {
    struct hosted_event_loop *loop;
    struct gdb_target *target;
    unsigned cpus;

    /* The module's own. */
    int listener; /**< -1: none. */
    int client;   /**< -1: none. */
    bool broken;  /**< The client does not take what is sent. */
    struct hosted_event_source listener_source;
    struct hosted_event_source client_source;
    struct gdb_session session;
};

/** Listens. 0, or -1 after saying what is wrong. */
int gdb_server_open(struct gdb_server *server, uint16_t port);
/** The guest has ended: with a status, or by a signal of gdb's numbering. */
void gdb_server_ended(struct gdb_server *server, bool by_signal, unsigned status);
void gdb_server_close(struct gdb_server *server);
/** For gdb_target.stopped; the cookie is the server. */
void gdb_server_stopped(void *cookie, const struct gdb_stop *stop);
