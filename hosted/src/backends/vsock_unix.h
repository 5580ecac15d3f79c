/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the backend share: vsock_unix.c (listening), vsock_unix_link.c (links). */
#pragma once

#include <hosted/unix_socket.h>
#include <hosted/vsock_unix.h>

/* "CONNECT 4294967295\n" and a little. */
#define VSOCK_UNIX_LINE 32
/* Largest message of a seqpacket socket. */
#define VSOCK_UNIX_MESSAGE 65536

enum vsock_unix_state {
    VSOCK_UNIX_FREE,
    VSOCK_UNIX_GREETING, /* A client has not said "CONNECT" yet. */
    VSOCK_UNIX_ASKING,   /* The guest has not answered. */
    VSOCK_UNIX_OPEN,
};

/* One socket and the connection it is for. */
struct vsock_unix_link {
    struct hosted_vsock_unix *owner;
    struct vmmp_vsock_connection *connection; /* From ASKING on. */
    enum vsock_unix_state state;
    enum vmmp_vsock_type type;
    bool deaf; /* The other end is closed: what the guest sends is dropped. */
    struct hosted_event_source source;
    struct vmmp_timer timer; /* For the greeting; then, for a kernel that is short of memory. */
    struct vsock_unix_link *next_free;

    /* A message of a seqpacket socket on its way to the guest. */
    uint8_t *message;
    size_t message_size;
    size_t message_at;
};

struct vsock_unix_listener {
    struct hosted_vsock_unix *owner;
    enum vmmp_vsock_type type;
    char path[108];
    struct hosted_unix_listener socket;
    struct hosted_event_source source; /* `fd` -1: none. */
};

struct hosted_vsock_unix {
    struct hosted_event_loop *loop;
    struct vmmp_host host;
    struct vmmp_vsock_mux *mux; /* NULL: not started. */
    const struct vmmp_context *context;
    char path[108];
    uint64_t timeout_ns;
    struct hosted_vsock_unix_stats stats;
    struct vsock_unix_listener listeners[2];
    struct vmmp_timer again; /* Accepts again after there were no descriptors. */
    unsigned count;
    struct vsock_unix_link *free;
    struct vsock_unix_link links[];
};

/* Takes a socket over: its link, not watched yet. NULL if there is none left; `fd` stays open. */
struct vsock_unix_link *vsock_unix_link_take(struct hosted_vsock_unix *vsock, int fd,
                                             enum vmmp_vsock_type type);
/* Begins with a client that has to say which port it wants. */
void vsock_unix_link_greet(struct vsock_unix_link *link);
/* Closes the socket and forgets the connection, without a word to the mux. */
void vsock_unix_link_release(struct vsock_unix_link *link);

/* The functions of struct vmmp_vsock_backend, whose cookie is a struct hosted_vsock_unix. */
void vsock_unix_connected(void *cookie, struct vmmp_vsock_connection *connection);
int64_t vsock_unix_send(void *cookie, struct vmmp_vsock_connection *connection,
                        const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                        uint32_t flags);
int64_t vsock_unix_receive(void *cookie, struct vmmp_vsock_connection *connection,
                           const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                           uint32_t *flags);
void vsock_unix_shutdown(void *cookie, struct vmmp_vsock_connection *connection, uint32_t flags);
void vsock_unix_closed(void *cookie, struct vmmp_vsock_connection *connection,
                       enum vmmp_vsock_reason reason);
/* Starts watching the socket of an open connection. False: it cannot be. */
bool vsock_unix_link_watch(struct vsock_unix_link *link);
