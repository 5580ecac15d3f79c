/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's vsock ports as unix sockets of the host, the convention of Firecracker:
 *
 *  - A program of the host connects to the socket PATH, writes "CONNECT 1234\n" and reads
 *    "OK 1073741824\n" when the guest's port 1234 has accepted; the number is the host's port. From
 *    then on the two are connected. If nobody listens the socket is closed instead.
 *  - The guest connects to port 1234 of the host (CID 2): it is connected to whoever listens on the
 *    unix socket PATH_1234; if nobody does, the guest's connection is reset.
 *
 * For seqpacket sockets, which that convention does not have: sockets of type SOCK_SEQPACKET,
 * PATH.seqpacket for programs of the host ("CONNECT 1234\n" is then a message of its own), and
 * PATH_1234 if that is of this type. A message has at most 64 KiB; larger ones of the host break
 * their connection.
 *
 * Data is read from sockets into the guest's buffers and written from there, without a copy
 * between. Neither side can make the other wait: a slow reader holds up its own connection, by
 * credit.
 *
 * The sockets PATH and PATH.seqpacket have the mode 0600. One that is left over is replaced if
 * nobody listens on it, and they are removed at the end, unless they have become somebody else's.
 *
 * Threads: create and destroy in the thread that sets the VMM up, outside the device's context;
 * what happens between runs inside it, called by the event loop and by vCPUs. SIGPIPE never comes
 * of it.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/vsock_mux.h>

#include <hosted/event_loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_vsock_unix;

struct hosted_vsock_unix_options {
    const char *path;
    unsigned connections; /**< Sockets open at a time; those of both directions count. */
    bool seqpacket;       /**< Make PATH.seqpacket too. */
    uint64_t timeout_ns;  /**< For "CONNECT": 0 is VMMP_VSOCK_MUX_TIMEOUT_NS. */
};

/** Statistics. */
struct hosted_vsock_unix_stats {
    uint64_t accepted; /**< Clients of PATH. */
    uint64_t refused;  /**< Those closed for want of room, for a bad first line, or by the guest. */
    uint64_t reached;  /**< Connections of the guest that found somebody. */
    uint64_t missed;   /**< Those that did not. */
};

/** Room for any message of the next function, with its terminating zero. */
#define HOSTED_VSOCK_UNIX_ERROR 256

/**
 * Makes the sockets and starts listening, so that errors come early; clients are accepted after the
 * start. 0 with `*made` set; else -errno, and `error` says what is wrong and how to mend it:
 * -ENAMETOOLONG, -EADDRINUSE (somebody listens, or it is no socket), -EACCES, -ENOENT, -ENOMEM …
 */
int hosted_vsock_unix_create(struct hosted_vsock_unix **made, struct hosted_event_loop *loop,
                             const struct hosted_vsock_unix_options *options,
                             char error[HOSTED_VSOCK_UNIX_ERROR]);

/** What vmmp_vsock_mux_init() wants. */
struct vmmp_vsock_backend hosted_vsock_unix_backend(struct hosted_vsock_unix *vsock);

/** Accepts clients from now on, for this mux. 0, or -errno of epoll. */
int hosted_vsock_unix_start(struct hosted_vsock_unix *vsock, struct vmmp_vsock_mux *mux);
/**
 * Stops accepting and closes all connections: before the mux is taken down. It may be started
 * again, with another mux.
 */
void hosted_vsock_unix_stop(struct hosted_vsock_unix *vsock);
/** Removes the sockets. NULL is left alone. */
void hosted_vsock_unix_destroy(struct hosted_vsock_unix *vsock);

/** Inside the device's context. */
struct hosted_vsock_unix_stats hosted_vsock_unix_stats(const struct hosted_vsock_unix *vsock);

#ifdef __cplusplus
}
#endif
