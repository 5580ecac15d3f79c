/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One unix socket and the vsock connection it is for. All of it runs inside the device's context.
 *
 * Open sockets are watched edge-triggered, for everything at once: the connection layer remembers
 * what is readable and what was refused, so an event is told once and the loop is never asked to
 * change its mind.
 */
#include "vsock_unix.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define WATCHED ((uint32_t)EPOLLIN | (uint32_t)EPOLLOUT | (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLET)

/* How long a kernel that is short of memory is left alone. */
#define AGAIN_NS UINT64_C(10000000)

/* Pieces of guest memory for one system call; what does not fit comes with the next. */
#define PIECES 64u

/* ---- Life ---- */

static void on_event(void *cookie, uint32_t events);
static void on_timeout(void *cookie);

struct vsock_unix_link *vsock_unix_link_take(struct hosted_vsock_unix *vsock, int fd,
                                             enum vmmp_vsock_type type)
{
    struct vsock_unix_link *link = vsock->free;
    if (!link) {
        return NULL;
    }
    vsock->free = link->next_free;
    memset(link, 0, sizeof(*link));
    link->owner = vsock;
    link->type = type;
    link->source = (struct hosted_event_source){
        .fd = fd, .ready = on_event, .cookie = link, .context = vsock->context
    };
    link->timer.work =
        (struct vmmp_work){ .run = on_timeout, .cookie = link, .context = vsock->context };
    return link;
}

void vsock_unix_link_release(struct vsock_unix_link *link)
{
    struct hosted_vsock_unix *vsock = link->owner;
    vsock->host.ops->timer_cancel(vsock->host.cookie, &link->timer);
    hosted_event_source_remove(&link->source);
    close(link->source.fd);
    free(link->message);
    link->message = NULL;
    link->connection = NULL;
    link->state = VSOCK_UNIX_FREE;
    link->next_free = vsock->free;
    vsock->free = link;
}

static void give_up(struct vsock_unix_link *link)
{
    struct vmmp_vsock_connection *connection = link->connection;
    struct vmmp_vsock_mux *mux = link->owner->mux;
    link->owner->stats.refused += link->state != VSOCK_UNIX_OPEN;
    vsock_unix_link_release(link);
    if (connection) {
        vmmp_vsock_mux_close(mux, connection);
    }
}

static void on_timeout(void *cookie)
{
    struct vsock_unix_link *link = cookie;
    if (link->state == VSOCK_UNIX_OPEN) {
        on_event(link, (uint32_t)EPOLLIN | (uint32_t)EPOLLOUT);
    } else {
        give_up(link);
    }
}

/* The socket was ready, and stays so: there will be no edge to say that there is memory again. */
static int64_t try_again(struct vsock_unix_link *link)
{
    const struct vmmp_host *host = &link->owner->host;
    vmmp_host_timer_arm(host, &link->timer, vmmp_host_now(host) + AGAIN_NS);
    return 0;
}

bool vsock_unix_link_watch(struct vsock_unix_link *link)
{
    if (link->source.loop) {
        /* Anew, or an edge that came during the greeting would be missed. */
        hosted_event_source_remove(&link->source);
    }
    return hosted_event_loop_add(link->owner->loop, &link->source, WATCHED) == 0;
}

/* ---- The greeting ---- */

void vsock_unix_link_greet(struct vsock_unix_link *link)
{
    struct hosted_vsock_unix *vsock = link->owner;
    link->state = VSOCK_UNIX_GREETING;
    /* Part of a line stays in the socket: told of only once, or the loop would never rest. */
    if (hosted_event_loop_add(vsock->loop, &link->source, (uint32_t)EPOLLIN | (uint32_t)EPOLLET) !=
        0) {
        give_up(link);
        return;
    }
    vsock->host.ops->timer_arm(vsock->host.cookie, &link->timer,
                               vsock->host.ops->now(vsock->host.cookie) + vsock->timeout_ns);
}

/* "CONNECT " and a number below 2^32, nothing before, between or behind. */
static bool parse_line(const char *line, size_t length, uint32_t *port)
{
    static const char word[] = "CONNECT ";
    size_t at = sizeof(word) - 1;
    uint64_t value = 0;

    if (length <= at || memcmp(line, word, at) != 0) {
        return false;
    }
    for (; at < length; at++) {
        if (line[at] < '0' || line[at] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(line[at] - '0');
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *port = (uint32_t)value;
    return true;
}

/*
 * The first line, and not a byte more: what follows is the guest's. 1: there; 0: not yet; -1: it
 * will never be.
 */
static int read_line(const struct vsock_unix_link *link, uint32_t *port)
{
    char line[VSOCK_UNIX_LINE];
    bool seqpacket = link->type == VMMP_VSOCK_SEQPACKET;
    ssize_t got = recv(link->source.fd, line, sizeof(line), MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    const char *end = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
    if (!end) {
        return got <= 0 || seqpacket || (size_t)got == sizeof(line) ? -1 : 0;
    }
    size_t length = (size_t)(end - line) + 1;
    if (seqpacket && length != (size_t)got) {
        return -1;
    }
    if (recv(link->source.fd, line, length, 0) != (ssize_t)length) {
        return -1;
    }
    return parse_line(line, length - 1, port) ? 1 : -1;
}

static void on_greeting(struct vsock_unix_link *link)
{
    struct hosted_vsock_unix *vsock = link->owner;
    uint32_t port;
    int result = read_line(link, &port);
    if (result == 0) {
        return;
    }
    vsock->host.ops->timer_cancel(vsock->host.cookie, &link->timer);
    if (result < 0) {
        give_up(link);
        return;
    }
    /* From here on only the other end's going matters; its data waits for the guest's answer. */
    hosted_event_source_modify(&link->source, (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLET);
    link->state = VSOCK_UNIX_ASKING;
    if (vmmp_vsock_mux_open(vsock->mux, port, link->type, link, &link->connection) != 0) {
        give_up(link);
    }
}

void vsock_unix_connected(void *cookie, struct vmmp_vsock_connection *connection)
{
    struct vsock_unix_link *link = connection->user;
    char line[VSOCK_UNIX_LINE];
    int length = snprintf(line, sizeof(line), "OK %u\n", connection->host_port);
    (void)cookie;
    /* Nothing was written before, so there is room. */
    if (send(link->source.fd, line, (size_t)length, MSG_NOSIGNAL) != length ||
        !vsock_unix_link_watch(link)) {
        give_up(link);
        return;
    }
    link->state = VSOCK_UNIX_OPEN;
    vmmp_vsock_mux_readable(link->owner->mux, connection);
}

/* ---- Data ---- */

static unsigned to_iovecs(struct iovec to[PIECES], const struct vmmp_iovec *iov, unsigned count)
{
    count = count < PIECES ? count : PIECES;
    for (unsigned i = 0; i < count; i++) {
        to[i] = (struct iovec){ iov[i].base, iov[i].len };
    }
    return count;
}

/* The other end is closed: its last words may still be unread, but it will not hear ours. */
static int64_t become_deaf(struct vsock_unix_link *link, uint32_t bytes)
{
    link->deaf = true;
    vmmp_vsock_mux_shutdown(link->owner->mux, link->connection, VMMP_VSOCK_RECEIVE);
    return bytes;
}

/* A message in more pieces than one call takes is put together first. */
static ssize_t send_message(struct vsock_unix_link *link, const struct vmmp_iovec *iov,
                            unsigned count, uint32_t bytes)
{
    uint8_t *whole = malloc(bytes);
    if (!whole) {
        errno = ENOBUFS;
        return -1;
    }
    vmmp_iovec_read(iov, count, 0, whole, bytes);
    ssize_t sent = send(link->source.fd, whole, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    int error = errno;
    free(whole);
    errno = error;
    return sent;
}

/*
 * What the socket takes of a stream. All that it can: only a socket that has refused something says
 * later that it is writable.
 */
static ssize_t send_stream(const struct vsock_unix_link *link, const struct vmmp_iovec *iov,
                           unsigned count)
{
    ssize_t done = 0;
    while (count > 0) {
        struct iovec pieces[PIECES];
        unsigned some = to_iovecs(pieces, iov, count);
        size_t offered = 0;
        for (unsigned i = 0; i < some; i++) {
            offered += pieces[i].iov_len;
        }
        struct msghdr message = { .msg_iov = pieces, .msg_iovlen = some };
        ssize_t sent = sendmsg(link->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return done > 0 ? done : sent;
        }
        done += sent;
        if ((size_t)sent < offered) {
            break;
        }
        iov += some;
        count -= some;
    }
    return done;
}

int64_t vsock_unix_send(void *cookie, struct vmmp_vsock_connection *connection,
                        const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                        uint32_t flags)
{
    struct vsock_unix_link *link = connection->user;
    ssize_t sent;
    (void)cookie;
    (void)flags;

    if (link->deaf) {
        return bytes;
    }
    if (link->type == VMMP_VSOCK_SEQPACKET && count > PIECES) {
        sent = send_message(link, iov, count, bytes);
    } else {
        sent = send_stream(link, iov, count);
    }
    if (sent >= 0) {
        return sent;
    }
    switch (errno) {
    case EAGAIN:
        return 0;
    case EINTR:
    case ENOBUFS:
    case ENOMEM:
        return try_again(link);
    case EPIPE:
    case ECONNRESET:
        return become_deaf(link, bytes);
    default:
        /* EMSGSIZE: a message that this socket can never take, and the like. */
        return VMMP_VSOCK_BROKEN;
    }
}

static int64_t receive_error(struct vsock_unix_link *link)
{
    switch (errno) {
    case EAGAIN:
        return 0;
    case EINTR:
    case ENOBUFS:
    case ENOMEM:
        return try_again(link);
    case ECONNRESET: /* The other end closed without reading all: there is no more of it. */
        return VMMP_VSOCK_END;
    default:
        return VMMP_VSOCK_BROKEN;
    }
}

/* The next message of the socket, kept for as many packets as it takes. */
static int64_t fetch_message(struct vsock_unix_link *link)
{
    if (!link->message) {
        link->message = malloc(VSOCK_UNIX_MESSAGE);
        if (!link->message) {
            return try_again(link);
        }
    }
    ssize_t got =
        recv(link->source.fd, link->message, VSOCK_UNIX_MESSAGE, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0) {
        return receive_error(link);
    }
    if (got > VSOCK_UNIX_MESSAGE) {
        return VMMP_VSOCK_BROKEN;
    }
    link->message_size = (size_t)got;
    link->message_at = 0;
    /* An empty message looks like the end, and ends it. */
    return got == 0 ? VMMP_VSOCK_END : got;
}

static int64_t receive_message(struct vsock_unix_link *link, const struct vmmp_iovec *iov,
                               unsigned count, uint32_t bytes, uint32_t *flags)
{
    if (link->message_at == link->message_size) {
        int64_t got = fetch_message(link);
        if (got <= 0) {
            return got;
        }
    }
    size_t left = link->message_size - link->message_at;
    size_t piece = left < bytes ? left : bytes;
    vmmp_iovec_write(iov, count, 0, link->message + link->message_at, piece);
    link->message_at += piece;
    *flags = link->message_at == link->message_size ? VMMP_VSOCK_END_OF_MESSAGE : 0;
    return (int64_t)piece;
}

static int64_t receive_bytes(struct vsock_unix_link *link, const struct vmmp_iovec *iov,
                             unsigned count)
{
    struct iovec pieces[PIECES];
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = to_iovecs(pieces, iov, count) };
    ssize_t got = recvmsg(link->source.fd, &message, MSG_DONTWAIT);
    if (got < 0) {
        return receive_error(link);
    }
    return got > 0 ? got : VMMP_VSOCK_END;
}

/* Whether the other end has closed altogether, and not only stopped sending. */
static bool hung_up(const struct vsock_unix_link *link)
{
    struct pollfd state = { .fd = link->source.fd };
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
}

int64_t vsock_unix_receive(void *cookie, struct vmmp_vsock_connection *connection,
                           const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                           uint32_t *flags)
{
    struct vsock_unix_link *link = connection->user;
    (void)cookie;
    int64_t got = link->type == VMMP_VSOCK_SEQPACKET
                      ? receive_message(link, iov, count, bytes, flags)
                      : receive_bytes(link, iov, count);
    if (got == VMMP_VSOCK_END && !link->deaf && hung_up(link)) {
        become_deaf(link, 0);
    }
    return got;
}

void vsock_unix_shutdown(void *cookie, struct vmmp_vsock_connection *connection, uint32_t flags)
{
    const struct vsock_unix_link *link = connection->user;
    (void)cookie;
    if (flags & VMMP_VSOCK_SEND) {
        shutdown(link->source.fd, SHUT_WR);
    }
    if (flags & VMMP_VSOCK_RECEIVE) {
        shutdown(link->source.fd, SHUT_RD);
    }
}

void vsock_unix_closed(void *cookie, struct vmmp_vsock_connection *connection,
                       enum vmmp_vsock_reason reason)
{
    struct vsock_unix_link *link = connection->user;
    (void)cookie;
    (void)reason;
    link->owner->stats.refused += link->state == VSOCK_UNIX_ASKING;
    vsock_unix_link_release(link);
}

/* ---- Events ---- */

static void on_event(void *cookie, uint32_t events)
{
    struct vsock_unix_link *link = cookie;
    struct vmmp_vsock_mux *mux = link->owner->mux;
    struct vmmp_vsock_connection *connection = link->connection;
    uint32_t gone = (uint32_t)EPOLLHUP | (uint32_t)EPOLLERR;

    if (link->state == VSOCK_UNIX_GREETING) {
        on_greeting(link);
        return;
    }
    if (link->state == VSOCK_UNIX_ASKING) {
        if (events & gone) {
            give_up(link);
        }
        return;
    }
    /* Each of these may end the connection and free the link; the next then does nothing, because
     * the connection is no longer the backend's. */
    if (events & ((uint32_t)EPOLLOUT | gone)) {
        vmmp_vsock_mux_writable(mux, connection);
    }
    if (link->connection == connection &&
        (events & ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP | gone))) {
        vmmp_vsock_mux_readable(mux, connection);
    }
}
