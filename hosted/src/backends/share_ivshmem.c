/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory shared with a guest of QEMU's: we are the server that its device "ivshmem-doorbell"
 * connects to (QEMU's docs/specs/ivshmem-spec, "Device-independent part": the client-server
 * protocol). Numbers of 8 bytes, little-endian, some with a descriptor: the version; the client's
 * identifier; -1 with the memory; then a peer's identifier with an eventfd for each vector, its own
 * among them. The client sends nothing. We are peer 0, the client is peer 1, with a vector each.
 */
#include "share.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION 0
#define US      0
#define CLIENT  1
#define MEMORY  (-1)

static bool say(int fd, int64_t number, int descriptor)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    }
    return share_send_with(fd, bytes, sizeof(bytes), descriptor);
}

static void close_event(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/*
 * The client may have made an eventfd blocking, for it is one open file for both. Nobody but a
 * client that means harm makes one that can be read, or written, cease to be so until we do.
 */
static bool is_writable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT);
}

bool share_ivshmem_emit(struct hosted_share *share)
{
    const uint64_t one = 1;
    return is_writable(share->event_out) &&
           write(share->event_out, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

bool share_ivshmem_heard(struct hosted_share *share)
{
    struct pollfd poll_fd = { .fd = share->doorbell.fd, .events = POLLIN };
    uint64_t count;
    if (poll(&poll_fd, 1, 0) != 1) {
        return true;
    }
    if (!(poll_fd.revents & POLLIN)) {
        return false;
    }
    ssize_t got = read(share->doorbell.fd, &count, sizeof(count));
    if (got == (ssize_t)sizeof(count)) {
        share_deliver(share, count < UINT32_MAX ? count : UINT32_MAX);
        return true;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What a server gave that is no eventfd may be ready, with nothing to say, for ever. */
static void on_doorbell(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    (void)events;
    if (!share_ivshmem_heard(share)) {
        hosted_event_source_remove(&share->doorbell);
        close_event(&share->doorbell.fd);
    }
}

int share_ivshmem_listen(struct hosted_share *share)
{
    share->doorbell.ready = on_doorbell;
    share->doorbell.cookie = share;
    return hosted_event_loop_add(share->loop, &share->doorbell, EPOLLIN);
}

void share_ivshmem_end(struct hosted_share *share)
{
    share_ivshmem_forget(share);
    pthread_mutex_lock(&share->lock);
    int fd = share->peer_fd;
    share->peer_fd = -1;
    share->stats.connected = false;
    close_event(&share->event_out);
    pthread_mutex_unlock(&share->lock);
    hosted_event_source_remove(&share->peer);
    hosted_event_source_remove(&share->doorbell);
    close_event(&share->doorbell.fd);
    if (fd >= 0) {
        close(fd);
    }
}

/* A client says nothing: whatever there is to read is its end. */
static void on_client(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    (void)events;
    (void)share_ivshmem_heard(share);
    share_ivshmem_end(share);
    if (share->changed) {
        share->changed(share->cookie);
    }
    vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: the peer is gone", share->name);
}

static int welcome(struct hosted_share *share, int fd)
{
    share->doorbell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    share->event_out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    share->peer.fd = fd;
    share->peer.ready = on_client;
    share->peer.cookie = share;
    if (share->doorbell.fd < 0 || share->event_out < 0) {
        return -EMFILE;
    }
    int error = hosted_event_loop_add(share->loop, &share->peer, EPOLLIN | EPOLLRDHUP);
    if (!error) {
        error = share_ivshmem_listen(share);
    }
    if (!error &&
        !(say(fd, VERSION, -1) && say(fd, CLIENT, -1) && say(fd, MEMORY, share->memory_fd) &&
          say(fd, US, share->doorbell.fd) && say(fd, CLIENT, share->event_out))) {
        error = -EPIPE;
    }
    return error;
}

void share_ivshmem_serve(struct hosted_share *share, int fd)
{
    int error = share->peer_fd >= 0 ? -EBUSY : welcome(share, fd);
    pthread_mutex_lock(&share->lock);
    if (error) {
        share->stats.refused++;
    } else {
        share->peer_fd = fd;
        share->stats.met++;
        share->stats.connected = true;
    }
    pthread_mutex_unlock(&share->lock);
    if (error == -EBUSY) {
        close(fd);
        return;
    }
    if (error) {
        share_ivshmem_end(share);
        close(fd);
        return;
    }
    vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: a peer of QEMU's has come",
             share->name);
    if (share->changed) {
        share->changed(share->cookie);
    }
}
