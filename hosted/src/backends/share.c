/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory shared by two VMs, and the events between them once they have met (share_meet.c). */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Messages taken before others get their turn. */
#define MESSAGES 64
#define READABLE ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP)

/* ---- Messages ------------------------------------------------------------------------------ */

/** A descriptor in a message. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

bool share_send_with(int fd, const void *bytes, size_t size, int descriptor)
{
    union control control = { .room = { 0 } };
    struct iovec iov = { (void *)bytes, size };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (descriptor >= 0) {
        header.msg_control = control.room;
        header.msg_controllen = sizeof(control.room);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
    }
    return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

ssize_t share_receive_with(int fd, void *bytes, size_t size, int *descriptor, bool *truncated)
{
    union control control; /* With no room for a second one. */
    struct iovec iov = { bytes, size };
    struct msghdr header = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = CMSG_LEN(sizeof(int)) };
    *descriptor = -1;
    ssize_t got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(descriptor, CMSG_DATA(rights), sizeof(int));
    }
    *truncated = got > 0 && (header.msg_flags & MSG_TRUNC);
    return got;
}

bool share_send(int fd, enum share_kind kind, uint64_t value)
{
    const struct share_message message = { SHARE_MAGIC, SHARE_VERSION, (uint16_t)kind, value };
    return share_send_with(fd, &message, sizeof(message), -1);
}

bool share_is_message(const struct share_message *message, size_t size)
{
    return size == sizeof(*message) && message->magic == SHARE_MAGIC &&
           message->version == SHARE_VERSION;
}

int share_receive(int fd, struct share_message *message)
{
    /* Descriptors that nobody asked for go with what has no room for them. */
    ssize_t size = recv(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -EPIPE;
    }
    if (size == 0) {
        return -EPIPE;
    }
    return share_is_message(message, (size_t)size) ? 0 : -EPROTO;
}

/* ---- Memory -------------------------------------------------------------------------------- */

static int map(struct hosted_share *share, int fd)
{
    void *memory = mmap(NULL, (size_t)share->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    /* A guest may have it: it goes to where the old one is, in one step. */
    if (share->memory && mremap(memory, (size_t)share->size, (size_t)share->size,
                                MREMAP_MAYMOVE | MREMAP_FIXED, share->memory) == MAP_FAILED) {
        int error = -errno;
        munmap(memory, (size_t)share->size);
        return error;
    }
    share->memory = share->memory ? share->memory : memory;
    return 0;
}

static void keep_descriptor(struct hosted_share *share, int fd)
{
    if (share->memory_fd >= 0) {
        close(share->memory_fd);
    }
    share->memory_fd = fd;
}

int share_memory_make(struct hosted_share *share)
{
    int fd = memfd_create("vmm-share", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error = fd < 0 ? -errno : 0;
    if (!error && (ftruncate(fd, (off_t)share->size) != 0 ||
                   fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
        error = -errno;
    }
    if (!error) {
        error = map(share, fd);
    }
    if (error) {
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    keep_descriptor(share, fd);
    return 0;
}

int share_memory_adopt(struct hosted_share *share, int fd)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    int error = 0;
    /*
     * Anything else could be cut short later: touching it would then end us. Memory of QEMU's
     * server never is sealed; a guest touches that, and we do not.
     */
    bool stays = share->ivshmem || (seals >= 0 && (seals & F_SEAL_SHRINK));
    if (!stays || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size < share->size) {
        error = -EPROTO;
    }
    if (!error) {
        error = map(share, fd);
    }
    if (error) {
        close(fd);
        return error;
    }
    keep_descriptor(share, fd);
    return 0;
}

void *hosted_share_memory(const struct hosted_share *share, uint64_t *size)
{
    *size = share->size;
    return share->memory;
}

/* ---- Events -------------------------------------------------------------------------------- */

/* Under the lock: what is pending, as far as there is room. */
static void flush(struct hosted_share *share)
{
    while (share->pending > 0) {
        uint64_t count = share->pending < UINT32_MAX ? share->pending : UINT32_MAX;
        if (!share_send(share->peer_fd, SHARE_EVENTS, count)) {
            break;
        }
        share->pending -= count;
        share->stats.sent += count;
    }
    bool waits = share->pending > 0;
    if (waits != share->waits) {
        share->waits = waits;
        hosted_event_source_modify(&share->peer, waits ? READABLE | (uint32_t)EPOLLOUT : READABLE);
    }
}

void hosted_share_emit(struct hosted_share *share, uint64_t count)
{
    pthread_mutex_lock(&share->lock);
    if (share->peer_fd < 0) {
        share->stats.dropped += count;
    } else if (share->ivshmem) {
        uint64_t sent = share_ivshmem_emit(share) ? count : 0;
        share->stats.sent += sent;
        share->stats.dropped += count - sent;
    } else {
        share->pending += count;
        if (!share->waits) {
            flush(share);
        }
    }
    pthread_mutex_unlock(&share->lock);
}

static void lose_peer(struct hosted_share *share, bool broke_protocol)
{
    pthread_mutex_lock(&share->lock);
    int fd = share->peer_fd;
    share->peer_fd = -1; /* From here on nobody else touches the source. */
    share->stats.dropped += share->pending;
    share->pending = 0;
    share->waits = false;
    share->stats.connected = false;
    share->stats.refused += broke_protocol;
    pthread_mutex_unlock(&share->lock);
    hosted_event_source_remove(&share->peer);
    close(fd);
    if (share->changed) {
        share->changed(share->cookie);
    }
    vmmp_log(share->log, VMMP_LOG_INFO, VMMP_LOG_HOST, "share %s: the peer %s", share->name,
             broke_protocol ? "says what is no message; it is sent away" : "is gone");
    share_meet_again(share);
}

void share_deliver(struct hosted_share *share, uint64_t count)
{
    pthread_mutex_lock(&share->lock);
    share->stats.received += count;
    share->stats.unheard += share->events ? 0 : count;
    pthread_mutex_unlock(&share->lock);
    while (share->events && count > 0) {
        uint32_t some = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
        share->events(share->cookie, some);
        count -= some;
    }
}

static void on_peer(void *cookie, uint32_t events)
{
    struct hosted_share *share = cookie;
    struct share_message message;
    uint64_t count = 0;
    int error = 0;

    for (unsigned i = 0; i < MESSAGES && !error; i++) {
        error = share_receive(share->peer.fd, &message);
        if (!error &&
            (message.kind != SHARE_EVENTS || message.value == 0 || message.value > UINT32_MAX)) {
            error = -EPROTO;
        }
        count += error ? 0 : message.value;
    }
    if (count > 0) {
        share_deliver(share, count);
    }
    if (error && error != -EAGAIN) {
        lose_peer(share, error == -EPROTO);
        return;
    }
    if (events & (uint32_t)EPOLLOUT) {
        pthread_mutex_lock(&share->lock);
        flush(share);
        pthread_mutex_unlock(&share->lock);
    }
}

int share_peer_begin(struct hosted_share *share, int fd)
{
    share->peer.fd = fd;
    share->peer.ready = on_peer;
    share->peer.cookie = share;
    /* Who emits from now on may have to wait for room: the source is there by then. */
    pthread_mutex_lock(&share->lock);
    int error = hosted_event_loop_add(share->loop, &share->peer, READABLE);
    if (!error) {
        share->peer_fd = fd;
        share->stats.met++;
        share->stats.connected = true;
    }
    pthread_mutex_unlock(&share->lock);
    if (error) {
        close(fd);
    } else if (share->changed) {
        share->changed(share->cookie);
    }
    return error;
}

void hosted_share_start(struct hosted_share *share, void (*events)(void *cookie, uint32_t count),
                        void *cookie)
{
    share->events = events;
    share->cookie = cookie;
}

void hosted_share_on_change(struct hosted_share *share, void (*changed)(void *cookie))
{
    share->changed = changed;
}

void hosted_share_stop(struct hosted_share *share)
{
    share->events = NULL;
    share->changed = NULL;
}

bool hosted_share_is_second(const struct hosted_share *share)
{
    return __atomic_load_n(&share->second, __ATOMIC_RELAXED);
}

struct hosted_share_stats hosted_share_stats(struct hosted_share *share)
{
    pthread_mutex_lock(&share->lock);
    struct hosted_share_stats stats = share->stats;
    pthread_mutex_unlock(&share->lock);
    return stats;
}

uint64_t hosted_share_meeting(struct hosted_share *share)
{
    pthread_mutex_lock(&share->lock);
    uint64_t meeting = share->stats.connected ? share->stats.met : 0;
    pthread_mutex_unlock(&share->lock);
    return meeting;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static struct hosted_share *allocate(struct hosted_event_loop *loop, uint64_t size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct hosted_share *share = calloc(1, sizeof(*share));
    if (!share) {
        return NULL;
    }
    pthread_mutex_init(&share->lock, NULL);
    share->loop = loop;
    share->host = hosted_event_loop_host(loop);
    share->name = "pair";
    share->user = geteuid();
    share->size = (size + page - 1) & ~(page - 1);
    share->memory_fd = -1;
    share->listener.fd = -1;
    share->candidate.fd = -1;
    share->peer_fd = -1;
    share->doorbell.fd = -1;
    share->event_out = -1;
    share->server.descriptor = -1;
    return share;
}

int hosted_share_create(struct hosted_share **made, struct hosted_event_loop *loop,
                        const struct hosted_share_options *options, char error[HOSTED_SHARE_ERROR])
{
    *made = NULL;
    if (strlen(options->path) == 0 || strlen(options->path) >= sizeof((*made)->path)) {
        snprintf(error, HOSTED_SHARE_ERROR, "%.108s: give a path of 1 to 107 characters",
                 options->path);
        return -ENAMETOOLONG;
    }
    struct hosted_share *share = allocate(loop, options->size);
    if (!share || options->size == 0 || options->size > SIZE_MAX / 2) {
        snprintf(error, HOSTED_SHARE_ERROR, "no memory: ask for less");
        hosted_share_destroy(share);
        return -ENOMEM;
    }
    share->log = options->log;
    share->name = options->name ? options->name : options->path;
    snprintf(share->path, sizeof(share->path), "%s", options->path);
    share->ivshmem = options->ivshmem;
    int result = share_meet(share, options->timeout_ms ? options->timeout_ms : 30000, error);
    if (result) {
        hosted_share_destroy(share);
        return result;
    }
    *made = share;
    return 0;
}

int hosted_share_pair(struct hosted_share *ends[2], struct hosted_event_loop *const loops[2],
                      uint64_t size)
{
    int sockets[2] = { -1, -1 };
    ends[0] = allocate(loops[0], size);
    ends[1] = allocate(loops[1], size);
    int error = ends[0] && ends[1] ? 0 : -ENOMEM;
    if (!error) {
        error = share_memory_make(ends[0]);
    }
    if (!error) {
        ends[1]->second = true;
        int fd = fcntl(ends[0]->memory_fd, F_DUPFD_CLOEXEC, 0);
        error = fd < 0 ? -errno : share_memory_adopt(ends[1], fd);
    }
    if (!error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets)) {
        error = -errno;
    }
    for (unsigned i = 0; i < 2 && sockets[i] >= 0; i++) {
        int added = error ? error : share_peer_begin(ends[i], sockets[i]);
        if (error) {
            close(sockets[i]);
        }
        error = added;
    }
    for (unsigned i = 0; i < 2 && error; i++) {
        hosted_share_destroy(ends[i]);
        ends[i] = NULL;
    }
    return error;
}

void hosted_share_destroy(struct hosted_share *share)
{
    if (!share) {
        return;
    }
    share_meet_end(share);
    if (share->ivshmem) {
        share_ivshmem_end(share);
    }
    if (share->peer_fd >= 0) {
        hosted_event_source_remove(&share->peer);
        close(share->peer_fd);
    }
    if (share->memory) {
        munmap(share->memory, (size_t)share->size);
    }
    if (share->memory_fd >= 0) {
        close(share->memory_fd);
    }
    pthread_mutex_destroy(&share->lock);
    free(share);
}
