/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest, a mux and unix sockets for its ports (hosted/vsock_unix.h), and peers on those sockets.
 */
#pragma once

#include <sys/socket.h>

#include <hosted/vsock_unix.h>

#include "support/vsock_guest.h"

#define OP(name)           VIRTIO_VSOCK_OP_##name
#define VSOCK_LINKS        8u
#define VSOCK_LINKS_BUFFER 65536u
/** How long clients may take for their line, with the fixture that is impatient. */
#define VSOCK_LINKS_IMPATIENCE_NS UINT64_C(20000000)

struct vsock_links {
    struct vsock_guest guest;
    struct vmmp_vsock_mux mux;
    struct hosted_event_loop *loop;
    struct hosted_vsock_unix *backend;
    void *memory;
    uint64_t timeout_ns;
    char folder[32];
    char path[64];
};

int vsock_links_create(struct vsock_links *bench, const char *path,
                       char error[HOSTED_VSOCK_UNIX_ERROR], struct hosted_vsock_unix **made);

/** Fixtures of cmocka's. */
int vsock_links_setup(void **state);
int vsock_links_setup_impatient(void **state);
int vsock_links_teardown(void **state);
/** What is ready is done; sockets of one machine are ready at once. */
void vsock_links_turn(struct vsock_links *bench);
/** The guest's driver. */
void vsock_links_start(struct vsock_links *bench);

/** Sockets of the host's, none of which waits. */
int vsock_links_open_socket(int type, const char *path, bool listens);
void vsock_links_say(int fd, const char *text);
void vsock_links_expect_text(int fd, const char *text);
void vsock_links_expect_end(int fd);
void vsock_links_expect_silence(int fd);
/** A client of the guest's port 1234, connected; the guest's answer in between. */
int vsock_links_connect_client(struct vsock_links *bench, uint32_t *host_port);
/** The guest connects to its host's port 99, on which somebody listens. */
int vsock_links_connect_guest(struct vsock_links *bench, int type);
/** The guest resets the connection, which was the last. */
void vsock_links_finish(struct vsock_links *bench, uint32_t guest_port, uint32_t host_port);
