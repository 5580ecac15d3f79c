/* SPDX-License-Identifier: BSD-2-Clause */
/* Between stream.c (moving bytes), stream_open.c and stream_socket.c. */
#pragma once

#include <hosted/stream.h>

#include <sel4vmmplatsupport/vmmp/log.h>

/** Says what is wrong. */
void hosted_stream_say(const struct hosted_stream *stream, const char *format, ...)
    VMMP_PRINTF(2, 3);

/** Waits for input while there is room for it. With the lock held. */
void hosted_stream_wait_input(struct hosted_stream *stream);
/** Writes what waits, as far as the host takes it; true if something is left. */
bool hosted_stream_drain(struct hosted_stream *stream);
/** Callbacks of the event loop. */
void hosted_stream_input_ready(void *cookie, uint32_t events);
void hosted_stream_output_ready(void *cookie, uint32_t events);
/** Tells the user that somebody has come or gone. With nothing locked, in the loop's thread. */
void hosted_stream_tell(struct hosted_stream *stream);

/** Nobody has the pseudo-terminal open any more. With the lock held. */
void hosted_stream_pty_gone(struct hosted_stream *stream);

int hosted_stream_socket_open(struct hosted_stream *stream);
/** Waits for clients. */
void hosted_stream_socket_listen(struct hosted_stream *stream);
/** The client has gone; the next one may come. With nothing locked, in the loop's thread. */
void hosted_stream_socket_gone(struct hosted_stream *stream);
