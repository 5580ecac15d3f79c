/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's end of a stream of bytes to a guest, such as a console's port or a UART: standard
 * input and output, a new pseudo-terminal, a file, a Unix socket, or nothing.
 *
 *     struct hosted_stream_config config = { .kind = HOSTED_STREAM_SOCKET, .path = "/run/agent",
 *                                            .name = "--console", .loop = loop, … };
 *     hosted_stream_open(&stream, &config);
 *     hosted_stream_start(&stream);           (once the device is there)
 *
 * Nothing is lost and nothing blocks: input is read only while there is room for it, and output
 * that the host does not take waits in a buffer; when that is full the device is told so, and the
 * guest waits. What becomes of output when nobody is there to read it:
 *
 *   standard output, file   it is dropped once it can never be written (the reader is gone, the
 *                           disk is full), with one message
 *   pseudo-terminal         dropped while nobody has it open, as a terminal's would be that is
 *                           switched off; so is what the last reader left in the buffer
 *   socket                  kept, and the guest waits, until the next client comes: the clients
 *                           together get everything once and in order. What the host's kernel has
 *                           taken for a client that goes without reading it is that client's.
 *
 * A socket is listened on by this end, and serves one client at a time; the next ones wait. A
 * client that has said all it will (shutdown) may go on reading. A socket that an earlier program
 * left behind is replaced; it is readable and writable by its owner alone.
 *
 * Threads: hosted_stream_write(), _read() and _type() from any thread, inside the device's context;
 * `notify`, `connected`, `resized` and `filter` are called by the loop's thread, in no context and
 * with nothing locked (`notify` by hosted_stream_type() too). The rest: one thread, before the
 * guest runs or after it has stopped.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <hosted/event_loop.h>
#include <hosted/unix_socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTED_STREAM_BUFFER 65536
/** Longest message, with its terminating zero. */
#define HOSTED_STREAM_MESSAGE 512

enum hosted_stream_kind {
    HOSTED_STREAM_NONE,  /**< Nowhere: output is dropped, there is no input. */
    HOSTED_STREAM_STDIO, /**< Standard input and output. */
    HOSTED_STREAM_PTY,   /**< A new pseudo-terminal: hosted_stream_path(). */
    HOSTED_STREAM_FILE,  /**< Output into a file; no input. */
    HOSTED_STREAM_SOCKET,
};

/** Strings, loop and cookie outlive the stream. Functions may be NULL. */
struct hosted_stream_config {
    enum hosted_stream_kind kind;
    const char *path; /**< Of a file or socket. */
    const char *name; /**< For messages: what the user calls it. */
    struct hosted_event_loop *loop;
    void (*notify)(void *cookie); /**< Input has come or output can go. */
    /** Pseudo-terminal, socket: somebody has come, or gone. The others are always connected. */
    void (*connected)(void *cookie, bool connected);
    /** Pseudo-terminal: its user has given it a size; noticed within a second. */
    void (*resized)(void *cookie, uint16_t columns, uint16_t rows);
    /** Takes out of `bytes` what is not for the guest; returns how many are left, in place. */
    size_t (*filter)(void *cookie, uint8_t *bytes, size_t size);
    /** Something is wrong: one line that says what would be right. Any thread. */
    void (*error)(void *cookie, const char *message);
    void *cookie;
};

struct hosted_stream_ring {
    uint8_t bytes[HOSTED_STREAM_BUFFER];
    size_t head;
    size_t count;
};

/** All members belong to the stream. A zeroed one may be closed. */
struct hosted_stream {
    struct hosted_stream_config config;
    bool open;
    int in_fd;    /**< -1: no input, or no more. */
    int out_fd;   /**< -1: output is dropped, or kept for the next client. */
    int in_flags; /**< To be put back with F_SETFL; -1: unchanged. */
    int out_flags;
    bool in_always_ready; /**< A regular file: read when the guest wants it. */
    bool in_waiting;      /**< The loop waits for input. */
    bool in_ended;        /**< Socket: this client says nothing more. */
    bool out_waiting;     /**< The loop waits for room. */
    bool out_ended;       /**< Socket: this client reads nothing more. */
    bool connected;
    bool told; /**< What `connected` was called with last. */
    struct hosted_unix_listener socket;
    char pty[64];
    uint16_t columns; /**< As it was told last. */
    uint16_t rows;
    pthread_mutex_t lock; /**< Guards the rings and the flags; nothing is called inside. */
    struct hosted_event_source in_source;
    struct hosted_event_source out_source;
    struct hosted_event_source listener;
    struct vmmp_host host;
    struct vmmp_timer timer; /**< Looks at the pseudo-terminal, or for clients again. */
    struct hosted_stream_ring input;
    struct hosted_stream_ring output;
};

/** `config` is copied. 0, or -errno after saying what is wrong. */
int hosted_stream_open(struct hosted_stream *stream, const struct hosted_stream_config *config);
/** Starts reading and listening. Whatever `notify` and `connected` concern exists by now. */
void hosted_stream_start(struct hosted_stream *stream);
/** Writes what is left, for at most a second, and closes. */
void hosted_stream_close(struct hosted_stream *stream);
/** The pseudo-terminal's path, or the file's or socket's; NULL: it has none. */
const char *hosted_stream_path(const struct hosted_stream *stream);
/** Whether somebody could be there: true from the start except of pseudo-terminals and sockets. */
bool hosted_stream_connected(struct hosted_stream *stream);

/** Takes up to `size` bytes of output and returns how many; `notify` says when more can go. */
size_t hosted_stream_write(struct hosted_stream *stream, const void *bytes, size_t size);
/** Gives up to `size` bytes of input and returns how many; `notify` says when there are more. */
size_t hosted_stream_read(struct hosted_stream *stream, void *bytes, size_t size);
/** Appends `size` bytes to the input as if they had come in; false if there is no room. */
bool hosted_stream_type(struct hosted_stream *stream, const char *bytes, size_t size);

#ifdef __cplusplus
}
#endif
