/* SPDX-License-Identifier: BSD-2-Clause */
/* How two ends of shared memory find each other at a socket, and find each other again. */
#include "share.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often to try where somebody comes and goes at the same time. */
#define TRIES 8
/* How often the loop turns while an answer is awaited. */
#define TURN_MS 2
/* Until an end that lost the other one tries again; the other one may be about to come back. */
#define AGAIN_NS UINT64_C(100000000)

/* ---- Who listens --------------------------------------------------------------------------- */

/* The socket's mode lets nobody else in; a path in a folder of everybody's may be another's. */
static bool is_same_user(const struct hosted_share *share, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == share->user || peer.uid == 0);
}

static bool welcome(const struct hosted_share *share, int fd)
{
    const struct share_message message = { SHARE_MAGIC, SHARE_VERSION, SHARE_WELCOME,
                                           share->size + share->second };
    return share_send_with(fd, &message, sizeof(message), share->memory_fd);
}

static void drop_candidate(struct hosted_share *share, bool refused)
{
    if (share->candidate.fd < 0) {
        return;
    }
    hosted_event_source_remove(&share->candidate);
    close(share->candidate.fd);
    share->candidate.fd = -1;
    if (refused) {
        pthread_mutex_lock(&share->lock);
        share->stats.refused++;
        pthread_mutex_unlock(&share->lock);
    }
}

/* Who has come says hello. */
static void on_hello(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    struct share_message message;
    int fd = share->candidate.fd;
    (void)events;
    int error = share_receive(fd, &message);
    if (error == -EAGAIN) {
        return;
    }
    if (error || message.kind != SHARE_HELLO) {
        drop_candidate(share, true);
        return;
    }
    if (message.value != share->size || share->peer_fd >= 0) {
        share_send(fd, SHARE_REFUSED, share->peer_fd >= 0 ? 0 : share->size);
        drop_candidate(share, true);
        return;
    }
    if (!welcome(share, fd)) {
        drop_candidate(share, true);
        return;
    }
    hosted_event_source_remove(&share->candidate);
    share->candidate.fd = -1;
    if (share_peer_begin(share, fd) == 0) {
        vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: a peer has come",
                 share->name);
    }
}

/* A peer that is gone may not have been noticed yet when the next one knocks. */
static void notice_peer(struct hosted_share *share)
{
    struct pollfd poll_peer = { .fd = share->peer_fd, .events = POLLIN | POLLRDHUP };
    while (share->peer_fd >= 0 && poll(&poll_peer, 1, 0) == 1 &&
           (poll_peer.revents & (POLLRDHUP | POLLHUP | POLLERR))) {
        share->peer.ready(share, (uint32_t)EPOLLIN);
    }
}

static void on_candidate(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    (void)events;
    int fd = accept4(share->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    notice_peer(share);
    if (share->ivshmem) {
        share_ivshmem_serve(share, fd);
        return;
    }
    /* One at a time; who does not speak makes room for the next. */
    drop_candidate(share, true);
    if (!is_same_user(share, fd)) {
        close(fd);
        return;
    }
    share->candidate.fd = fd;
    share->candidate.ready = on_hello;
    share->candidate.cookie = share;
    if (hosted_event_loop_add(share->loop, &share->candidate, (uint32_t)EPOLLIN) != 0) {
        close(fd);
        share->candidate.fd = -1;
    }
}

static int socket_type(const struct hosted_share *share)
{
    return share->ivshmem ? SOCK_STREAM : SOCK_SEQPACKET;
}

static int listen_there(struct hosted_share *share, char message[HOSTED_UNIX_MESSAGE])
{
    int error = hosted_unix_listen(&share->listener, share->path, socket_type(share), 4, message);
    if (error) {
        return error;
    }
    share->listening.fd = share->listener.fd;
    share->listening.ready = on_candidate;
    share->listening.cookie = share;
    error = hosted_event_loop_add(share->loop, &share->listening, (uint32_t)EPOLLIN);
    if (error) {
        hosted_unix_unlisten(&share->listener);
        snprintf(message, HOSTED_UNIX_MESSAGE, "no event (%s): raise the limit of open files",
                 strerror(-error));
    }
    return error;
}

/* ---- Who joins ----------------------------------------------------------------------------- */

/* A message, and the descriptor that came with it or -1. As share_receive(). */
static int receive_answer(int fd, struct share_message *message, int *memory_fd)
{
    bool truncated;
    ssize_t size = share_receive_with(fd, message, sizeof(*message), memory_fd, &truncated);
    if (size < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -EPIPE;
    }
    if (size == 0) {
        return -EPIPE;
    }
    return share_is_message(message, (size_t)size) && !truncated ? 0 : -EPROTO;
}

/* To who listens. QEMU's server speaks first. */
static bool say_hello(struct hosted_share *share, int fd)
{
    if (share->ivshmem) {
        share_ivshmem_forget(share);
        return true;
    }
    return share_send(fd, SHARE_HELLO, share->size);
}

/* The listener's answer to a hello: 0, the peer is there by `fd`; else `fd` is still ours. */
static int take_answer(struct hosted_share *share, int fd, uint64_t *its_size)
{
    struct share_message message;
    int memory_fd;
    if (share->ivshmem) {
        return share_ivshmem_greet(share, fd, its_size);
    }
    int error = receive_answer(fd, &message, &memory_fd);
    if (!error && message.kind == SHARE_WELCOME &&
        message.value - (message.value & 1) == share->size && memory_fd >= 0) {
        share_set_second(share, !(message.value & 1));
        return share_memory_adopt(share, memory_fd);
    }
    if (memory_fd >= 0) {
        close(memory_fd);
    }
    if (error) {
        return error;
    }
    if (message.kind != SHARE_REFUSED) {
        return -EPROTO;
    }
    *its_size = message.value;
    return message.value ? -EINVAL : -EBUSY;
}

/* After the answer, with `fd`, which this takes. */
static int begin(struct hosted_share *share, int fd)
{
    return share->ivshmem ? share_ivshmem_begin(share, fd) : share_peer_begin(share, fd);
}

static int fail(char error[HOSTED_SHARE_ERROR], int result, const char *path, const char *what)
{
    snprintf(error, HOSTED_SHARE_ERROR, "%.108s: %s", path, what);
    return result;
}

static int say_refused(const struct hosted_share *share, int result, uint64_t its_size,
                       char error[HOSTED_SHARE_ERROR])
{
    switch (result) {
    case -EBUSY:
        return fail(error, result, share->path, "two VMs share it already: give another socket");
    case -EINVAL:
        snprintf(error, HOSTED_SHARE_ERROR,
                 "%.108s: the other end shares %llu KiB, not %llu: give both the same size",
                 share->path, (unsigned long long)(its_size >> 10),
                 (unsigned long long)(share->size >> 10));
        return result;
    case -ETIMEDOUT:
        return fail(error, result, share->path,
                    "who listens there does not answer: end that program, or give another socket");
    case -EPROTO:
        return fail(error, result, share->path,
                    "who listens there is no VM to share with: give another socket");
    default:
        return fail(error, result, share->path, "the other end is going away: try again");
    }
}

/* The listener may be served by this very loop, which then has to turn meanwhile. */
static bool await_answer(struct hosted_share *share, int fd, unsigned timeout_ms)
{
    struct pollfd answer = { .fd = fd, .events = POLLIN };
    uint64_t end = vmmp_host_now(&share->host) + timeout_ms * UINT64_C(1000000);
    while (poll(&answer, 1, TURN_MS) != 1) {
        /* -EBUSY: another thread turns it. */
        int error = hosted_event_loop_step(share->loop, 0);
        if ((error && error != -EBUSY) || vmmp_host_now(&share->host) >= end) {
            return false;
        }
    }
    return true;
}

/* Joins who listens by `fd`, which this takes, and waits for the answer. */
static int join(struct hosted_share *share, int fd, unsigned timeout_ms,
                char error[HOSTED_SHARE_ERROR])
{
    uint64_t its_size = 0;
    int result = -EPIPE;
    if (!is_same_user(share, fd)) {
        close(fd);
        return fail(error, -EACCES, share->path, "another user listens there: give another path");
    }
    if (say_hello(share, fd)) {
        do {
            result = await_answer(share, fd, timeout_ms) ? take_answer(share, fd, &its_size)
                                                         : -ETIMEDOUT;
        } while (result == -EAGAIN);
    }
    if (result == 0) {
        result = begin(share, fd);
        return result ? fail(error, result, share->path, "no event: raise the limit of open files")
                      : 0;
    }
    close(fd);
    return say_refused(share, result, its_size, error);
}

int share_meet(struct hosted_share *share, unsigned timeout_ms, char error[HOSTED_SHARE_ERROR])
{
    char message[HOSTED_UNIX_MESSAGE];
    int result = -EADDRINUSE;
    for (unsigned i = 0; i < TRIES && result; i++) {
        int fd = hosted_unix_connect(share->path, socket_type(share));
        if (fd >= 0) {
            result = join(share, fd, timeout_ms, error);
            if (result != -EPIPE) {
                return result;
            }
            continue;
        }
        result = listen_there(share, message);
        if (result && result != -EADDRINUSE) {
            break;
        }
        /* Somebody else has come first in between. */
        if (result) {
            (void)poll(NULL, 0, 20);
        }
    }
    if (result) {
        snprintf(error, HOSTED_SHARE_ERROR, "%s", message);
        return result;
    }
    result = share_memory_make(share);
    return result ? fail(error, result, share->path, "no memory to share: ask for less") : 0;
}

/* ---- Meeting again ------------------------------------------------------------------------- */

static void try_later(struct hosted_share *share)
{
    vmmp_host_timer_arm(&share->host, &share->again, vmmp_host_now(&share->host) + AGAIN_NS);
}

/* The listener answers an end that has memory already. */
static void on_answer(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    int fd = share->candidate.fd;
    uint64_t its_size;
    (void)events;
    int error = take_answer(share, fd, &its_size);
    if (error == -EAGAIN) {
        return;
    }
    if (error) {
        drop_candidate(share, error == -EPROTO);
        try_later(share);
        return;
    }
    hosted_event_source_remove(&share->candidate);
    share->candidate.fd = -1;
    if (begin(share, fd) != 0) {
        try_later(share);
        return;
    }
    vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: the %s is back, with new memory",
             share->name, share->ivshmem ? "server" : "peer");
}

static void meet_again(void *cookie)
{
    struct hosted_share *share = cookie;
    char message[HOSTED_UNIX_MESSAGE];
    int fd = hosted_unix_connect(share->path, socket_type(share));
    if (fd < 0 && share->ivshmem) {
        try_later(share); /* A server that comes back finds its place free. */
        return;
    }
    if (fd < 0) {
        int error = listen_there(share, message);
        if (error && !share->said_lost) {
            share->said_lost = true;
            vmmp_log(share->log, VMMP_LOG_WARNING, VMMP_LOG_HOST, "share %s: %s", share->name,
                     message);
        }
        if (error) {
            try_later(share);
        }
        return;
    }
    share->candidate.fd = fd;
    share->candidate.ready = on_answer;
    share->candidate.cookie = share;
    if (!is_same_user(share, fd) || !say_hello(share, fd) ||
        hosted_event_loop_add(share->loop, &share->candidate, (uint32_t)EPOLLIN) != 0) {
        close(fd);
        share->candidate.fd = -1;
        try_later(share);
    }
}

void share_meet_again(struct hosted_share *share)
{
    share->again.work.run = meet_again;
    share->again.work.cookie = share;
    if (share->path[0] && share->listener.fd < 0) {
        try_later(share);
    }
}

void share_meet_end(struct hosted_share *share)
{
    vmmp_host_timer_cancel(&share->host, &share->again);
    drop_candidate(share, false);
    if (share->listener.fd >= 0) {
        hosted_event_source_remove(&share->listening);
        hosted_unix_unlisten(&share->listener);
    }
}
