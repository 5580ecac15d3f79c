/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory shared by way of a server of QEMU's protocol (share_ivshmem.c), such as ivshmem-server,
 * of which we are a client as QEMU's device is one. A client that has come gets the version, its
 * identifier and -1 with the memory, and from then on a peer's identifier with an eventfd for each
 * of its vectors, or with none when that peer goes; its own identifier comes with those by which it
 * is rung. Of vectors the first is used. A connection has two ends: the peer is who was there
 * first.
 */
#include "share.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 0
#define MEMORY  (-1)
#define LAST_ID 65535
/* Numbers taken before others get their turn. */
#define NUMBERS 64

/* What is said first. */
enum { SAID_NOTHING, SAID_VERSION, SAID_ID, SAID_MEMORY };

void share_ivshmem_forget(struct hosted_share *share)
{
    if (share->server.descriptor >= 0) {
        close(share->server.descriptor);
    }
    share->server = (struct share_ivshmem_server){ .descriptor = -1, .peer = -1 };
}

/* 0, a whole number; -EAGAIN, -EPIPE. It may come in pieces; a descriptor comes with the first. */
static int hear(struct share_ivshmem_server *server, int fd, int64_t *number, int *descriptor)
{
    bool truncated;
    int came;
    ssize_t got = share_receive_with(fd, server->bytes + server->count,
                                     sizeof(server->bytes) - server->count, &came, &truncated);
    if (got <= 0) {
        bool later = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
        return later ? -EAGAIN : -EPIPE;
    }
    if (came >= 0) {
        if (server->descriptor >= 0) {
            close(server->descriptor);
        }
        server->descriptor = came;
    }
    server->count += (size_t)got;
    if (server->count < sizeof(server->bytes)) {
        return -EAGAIN;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof(server->bytes); i++) {
        value |= (uint64_t)server->bytes[i] << (8 * i);
    }
    *number = (int64_t)value;
    *descriptor = server->descriptor;
    server->descriptor = -1;
    server->count = 0;
    return 0;
}

static int take_memory(struct hosted_share *share, int64_t number, int descriptor,
                       uint64_t *its_size)
{
    struct stat status;
    if (number != MEMORY || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(descriptor);
        return -EPROTO;
    }
    if ((uint64_t)status.st_size != share->size) {
        *its_size = (uint64_t)status.st_size;
        close(descriptor);
        return -EINVAL;
    }
    return share_memory_adopt(share, descriptor);
}

static bool is_id(int64_t number)
{
    return number >= 0 && number <= LAST_ID;
}

static int greet_by(struct hosted_share *share, int64_t number, int descriptor, uint64_t *its_size)
{
    struct share_ivshmem_server *server = &share->server;
    bool memory = server->said == SAID_ID;
    if (memory != (descriptor >= 0) || (server->said == SAID_NOTHING && number != VERSION) ||
        (server->said == SAID_VERSION && !is_id(number))) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        return -EPROTO;
    }
    if (server->said == SAID_VERSION) {
        server->id = number;
        share_set_second(share, number != 0);
    }
    int error = memory ? take_memory(share, number, descriptor, its_size) : 0;
    server->said += !error;
    return error;
}

int share_ivshmem_greet(struct hosted_share *share, int fd, uint64_t *its_size)
{
    int error = 0;
    while (!error && share->server.said < SAID_MEMORY) {
        int64_t number;
        int descriptor;
        error = hear(&share->server, fd, &number, &descriptor);
        if (!error) {
            error = greet_by(share, number, descriptor, its_size);
        }
    }
    return error;
}

/* ---- Peers --------------------------------------------------------------------------------- */

static void changed(struct hosted_share *share, const char *what)
{
    if (share->changed) {
        share->changed(share->cookie);
    }
    vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: %s", share->name, what);
}

/* Takes the descriptor that rings it. */
static void peer_comes(struct hosted_share *share, int64_t id, int descriptor)
{
    share->server.peer = id;
    pthread_mutex_lock(&share->lock);
    share_set_second(share, share->server.id > id);
    share->event_out = descriptor;
    share->stats.met++;
    share->stats.connected = true;
    pthread_mutex_unlock(&share->lock);
    changed(share, "a peer has come to the server");
}

static void peer_goes(struct hosted_share *share)
{
    share->server.peer = -1;
    pthread_mutex_lock(&share->lock);
    int fd = share->event_out;
    share->event_out = -1;
    share->stats.connected = false;
    pthread_mutex_unlock(&share->lock);
    close(fd);
    changed(share, "the peer has left the server");
}

/* Of our vectors the first is used. */
static int take_doorbell(struct hosted_share *share, int descriptor)
{
    if (share->doorbell.fd >= 0) {
        close(descriptor);
        return 0;
    }
    share->doorbell.fd = descriptor;
    return share_ivshmem_listen(share);
}

static int take_number(struct hosted_share *share, int64_t number, int descriptor)
{
    struct share_ivshmem_server *server = &share->server;
    if (!is_id(number)) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        return -EPROTO;
    }
    if (number == server->id) {
        return descriptor >= 0 ? take_doorbell(share, descriptor) : -EPROTO;
    }
    if (descriptor < 0) {
        if (number == server->peer) {
            peer_goes(share);
        }
    } else if (server->peer < 0) {
        peer_comes(share, number, descriptor);
    } else {
        /* Another vector of the peer's, or one end too many. */
        close(descriptor);
    }
    return 0;
}

static void on_server(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    int error = 0;
    (void)events;
    for (unsigned i = 0; i < NUMBERS && !error; i++) {
        int64_t number;
        int descriptor;
        error = hear(&share->server, share->peer.fd, &number, &descriptor);
        if (!error) {
            error = take_number(share, number, descriptor);
        }
    }
    if (!error || error == -EAGAIN) {
        return;
    }
    (void)share_ivshmem_heard(share);
    share_ivshmem_end(share);
    pthread_mutex_lock(&share->lock);
    share->stats.refused += error == -EPROTO;
    pthread_mutex_unlock(&share->lock);
    changed(share, error == -EPROTO ? "the server says what is no message; it is left"
                                    : "the server is gone");
    share_meet_again(share);
}

int share_ivshmem_begin(struct hosted_share *share, int fd)
{
    share->peer.fd = fd;
    share->peer.ready = on_server;
    share->peer.cookie = share;
    int error = hosted_event_loop_add(share->loop, &share->peer, EPOLLIN | EPOLLRDHUP);
    if (error) {
        close(fd);
        return error;
    }
    pthread_mutex_lock(&share->lock);
    share->peer_fd = fd;
    pthread_mutex_unlock(&share->lock);
    return 0;
}
