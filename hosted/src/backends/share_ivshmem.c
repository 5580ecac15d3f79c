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
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION 0
#define US      0
#define CLIENT  1
#define MEMORY  (-1)

/** A descriptor in a message. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static bool say(int fd, int64_t number, int descriptor)
{
    uint8_t bytes[8];
    union control control = { .room = { 0 } };
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    }
    if (descriptor >= 0) {
        header.msg_control = control.room;
        header.msg_controllen = sizeof(control.room);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
    }
    return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(bytes);
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
static bool is_ready(int fd, short events)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & events);
}

bool share_ivshmem_emit(struct hosted_share *share)
{
    const uint64_t one = 1;
    return is_ready(share->event_out, POLLOUT) &&
           write(share->event_out, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

static void on_doorbell(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    uint64_t count;
    (void)events;
    if (is_ready(share->doorbell.fd, POLLIN) &&
        read(share->doorbell.fd, &count, sizeof(count)) == (ssize_t)sizeof(count)) {
        share_deliver(share, count < UINT32_MAX ? count : UINT32_MAX);
    }
}

void share_ivshmem_end(struct hosted_share *share)
{
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
    on_doorbell(share, 0);
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
    share->doorbell.ready = on_doorbell;
    share->doorbell.cookie = share;
    share->peer.fd = fd;
    share->peer.ready = on_client;
    share->peer.cookie = share;
    if (share->doorbell.fd < 0 || share->event_out < 0) {
        return -EMFILE;
    }
    int error = hosted_event_loop_add(share->loop, &share->peer, EPOLLIN | EPOLLRDHUP);
    if (!error) {
        error = hosted_event_loop_add(share->loop, &share->doorbell, EPOLLIN);
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
