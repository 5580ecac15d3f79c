/* SPDX-License-Identifier: BSD-2-Clause */
/* A unix socket to another VMM: a frame in each packet, or behind its length in a stream. */
#include "backends/net_internal.h"

#include <hosted/unix_socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LENGTH   4u
#define RETRY_NS UINT64_C(1000000000)

enum end { END_FD, END_LISTENS, END_CONNECTS };

struct cable {
    struct hosted_net net;
    enum end end;
    bool stream;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* To connect to. */
    struct hosted_unix_listener listener;
    int fd; /* -1: nobody at the other end. */
    bool listening, added, reading, writing;
    struct hosted_event_source listen_source;
    struct hosted_event_source source;
    struct vmmp_timer retry;
    struct iovec iov[2 + VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE)];
    size_t unsent, unsent_at; /* The rest of a frame that went out in part. */
    uint8_t out[LENGTH + NET_ROOM];
    size_t filled; /* Bytes in `in`, which begins with a length in a stream. */
    uint8_t in[LENGTH + NET_ROOM];
};

static void start_connecting(struct cable *cable);

static void wait_for(struct cable *cable, bool reading, bool writing)
{
    if (cable->added && (cable->reading != reading || cable->writing != writing)) {
        cable->reading = reading;
        cable->writing = writing;
        hosted_event_source_modify(&cable->source,
                                   (reading ? EPOLLIN : 0u) | (writing ? EPOLLOUT : 0u));
    }
}

/* ---- The other end comes and goes ---- */

static void unplug(struct cable *cable)
{
    if (cable->added) {
        cable->added = cable->reading = cable->writing = false;
        hosted_event_source_remove(&cable->source);
    }
    if (cable->fd >= 0) {
        close(cable->fd);
    }
    cable->fd = -1;
    cable->filled = 0;
    cable->unsent = 0;
}

static void lost(struct cable *cable, int error)
{
    if (error != 0 && error != ECONNRESET && error != EPIPE) {
        net_complain(&cable->net, "socket", error);
    }
    unplug(cable);
    start_connecting(cable);
    vmmp_virtio_net_writable(cable->net.model); /* What was held is dropped with the rest. */
}

/* ---- From the guest ---- */

/* False: there is more to send. */
static bool send_rest(struct cable *cable)
{
    while (cable->unsent > 0) {
        ssize_t sent = send(cable->fd, cable->out + cable->unsent_at, cable->unsent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        cable->unsent_at += (size_t)sent;
        cable->unsent -= (size_t)sent;
    }
    return true;
}

/* Keeps what the socket did not take of a frame: a stream cannot be left in the middle of one. */
static void keep_rest(struct cable *cable, unsigned count, size_t sent)
{
    cable->unsent = 0;
    cable->unsent_at = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skip = sent < cable->iov[i].iov_len ? sent : cable->iov[i].iov_len;
        size_t len = cable->iov[i].iov_len - skip;
        memcpy(cable->out + cable->unsent, (uint8_t *)cable->iov[i].iov_base + skip, len);
        cable->unsent += len;
        sent -= skip;
    }
}

static bool cable_transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov,
                           unsigned count, size_t len)
{
    struct cable *cable = cookie;
    uint32_t length = htonl((uint32_t)len);
    unsigned skip = cable->stream ? 0 : 1;

    (void)pair;
    if (cable->fd < 0) {
        return true; /* Nobody is there. */
    }
    if (!send_rest(cable)) {
        wait_for(cable, cable->reading, true);
        return false;
    }
    cable->iov[0] = (struct iovec){ &length, LENGTH };
    memcpy(&cable->iov[1], net_iovec(iov), count * sizeof(*iov));
    struct msghdr message = { .msg_iov = &cable->iov[skip], .msg_iovlen = count + 1 - skip };
    ssize_t sent = sendmsg(cable->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        wait_for(cable, cable->reading, true);
        return false;
    }
    if (sent >= 0 && cable->stream && (size_t)sent < LENGTH + len) {
        keep_rest(cable, count + 1, (size_t)sent);
        wait_for(cable, cable->reading, true);
    }
    /* Of other errors `ready` hears by itself. */
    return true;
}

/* ---- To the guest ---- */

static bool hand_over(struct cable *cable, uint8_t *frame, size_t len)
{
    struct vmmp_iovec iov = { frame, len };
    return vmmp_virtio_net_receive(cable->net.model, 0, &iov, 1) != -EAGAIN;
}

/*
 * Hands over the whole frames in `in`. False: the guest has no buffers. What is not a whole frame
 * moves to the front. A length that no frame has is a peer that speaks something else.
 */
static bool take_frames(struct cable *cable, int *error)
{
    size_t at = 0;
    bool taken = true;

    while (cable->filled - at >= LENGTH) {
        uint32_t length;
        memcpy(&length, cable->in + at, LENGTH);
        length = ntohl(length);
        if (length == 0 || length > VMMP_VIRTIO_NET_MAX_FRAME) {
            *error = EPROTO;
            break;
        }
        if (cable->filled - at - LENGTH < length) {
            break;
        }
        taken = hand_over(cable, cable->in + at + LENGTH, length);
        if (!taken) {
            break;
        }
        at += LENGTH + length;
    }
    cable->filled -= at;
    if (at > 0) {
        memmove(cable->in, cable->in + at, cable->filled);
    }
    return taken;
}

/* As take_frames(), for the packet in `in`. */
static bool take_packet(struct cable *cable)
{
    if (cable->filled > 0 && !hand_over(cable, cable->in, cable->filled)) {
        return false;
    }
    cable->filled = 0;
    return true;
}

static void read_frames(struct cable *cable)
{
    int error = 0;
    bool closed = false;
    bool room = true;

    vmmp_virtio_net_batch_begin(cable->net.model);
    for (unsigned i = 0; i < NET_TURN && error == 0 && !closed; i++) {
        room = cable->stream ? take_frames(cable, &error) : take_packet(cable);
        if (!room || error != 0) {
            break;
        }
        ssize_t len = recv(cable->fd, cable->in + cable->filled, sizeof(cable->in) - cable->filled,
                           MSG_DONTWAIT);
        if (len < 0 && errno == EAGAIN) {
            break;
        }
        error = len < 0 ? errno : 0;
        closed = len == 0;
        cable->filled += len > 0 ? (size_t)len : 0;
    }
    vmmp_virtio_net_batch_end(cable->net.model);
    if (closed || error != 0) {
        lost(cable, error);
        return;
    }
    wait_for(cable, room, cable->writing);
}

static void cable_ready(void *cookie, uint32_t events)
{
    struct cable *cable = cookie;
    if ((events & EPOLLOUT) && send_rest(cable)) {
        wait_for(cable, cable->reading, false);
        vmmp_virtio_net_writable(cable->net.model);
    }
    if (cable->added && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        if (cable->reading || !(events & (EPOLLHUP | EPOLLERR))) {
            read_frames(cable);
        } else {
            /* What is left in it waits for buffers that may never come. */
            lost(cable, 0);
        }
    }
}

static void cable_rx_ready(void *cookie, unsigned pair)
{
    struct cable *cable = cookie;
    if (pair == 0 && cable->added && !cable->reading) {
        read_frames(cable);
    }
}

/* Without a driver frames are read and dropped, so that the other end does not block. */
static void cable_configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    struct cable *cable = cookie;
    if (!state->live && cable->added) {
        read_frames(cable);
    }
}

/* ---- Plugging in ---- */

static int plug(struct cable *cable)
{
    cable->source = (struct hosted_event_source){
        .fd = cable->fd,
        .ready = cable_ready,
        .cookie = cable,
        .context = &cable->net.model->virtio.context,
    };
    /* The guest before may have left a frame that is out in part. */
    bool unsent = cable->unsent > 0;
    int result =
        hosted_event_loop_add(cable->net.loop, &cable->source, EPOLLIN | (unsent ? EPOLLOUT : 0u));
    cable->added = result == 0;
    cable->reading = cable->added;
    cable->writing = cable->added && unsent;
    return result;
}

static void try_later(struct cable *cable)
{
    const struct vmmp_host *host = &cable->net.host;
    host->ops->timer_arm(host->cookie, &cable->retry, host->ops->now(host->cookie) + RETRY_NS);
}

static void accept_peer(void *cookie, uint32_t events)
{
    struct cable *cable = cookie;
    int fd = accept4(cable->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)events;
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* Who waits would be announced over and over. */
            hosted_event_source_modify(&cable->listen_source, 0);
            try_later(cable);
        }
        return;
    }
    if (cable->fd >= 0) {
        close(fd); /* A cable has two ends. */
        return;
    }
    cable->fd = fd;
    if (plug(cable) != 0) {
        unplug(cable);
    }
}

static void retry(void *cookie)
{
    struct cable *cable = cookie;
    hosted_event_source_modify(&cable->listen_source, EPOLLIN);
    start_connecting(cable);
}

static void start_connecting(struct cable *cable)
{
    if (cable->end != END_CONNECTS || cable->fd >= 0) {
        return;
    }
    cable->fd = hosted_unix_connect(cable->path, SOCK_STREAM);
    if (cable->fd >= 0 && plug(cable) == 0) {
        return;
    }
    unplug(cable);
    try_later(cable);
}

static int cable_attach(struct hosted_net *net)
{
    struct cable *cable = (struct cable *)net;
    const struct vmmp_context *context = &net->model->virtio.context;
    int result = 0;

    cable->retry.work = (struct vmmp_work){ .run = retry, .cookie = cable, .context = context };
    if (cable->end == END_LISTENS) {
        cable->listen_source = (struct hosted_event_source){
            .fd = cable->listener.fd, .ready = accept_peer, .cookie = cable, .context = context
        };
        result = hosted_event_loop_add(net->loop, &cable->listen_source, EPOLLIN);
        cable->listening = result == 0;
    }
    vmmp_context_enter(context);
    if (result == 0 && cable->fd >= 0) {
        result = plug(cable);
    } else {
        start_connecting(cable);
    }
    vmmp_context_leave(context);
    return result;
}

static void cable_detach(struct hosted_net *net)
{
    struct cable *cable = (struct cable *)net;
    if (cable->listening) {
        hosted_event_source_remove(&cable->listen_source);
        cable->listening = false;
    }
    if (cable->added) {
        hosted_event_source_remove(&cable->source);
    }
    net->host.ops->timer_cancel(net->host.cookie, &cable->retry);
    /* The connection stays for the next model. */
    cable->added = cable->reading = cable->writing = false;
}

static void cable_close(struct hosted_net *net)
{
    struct cable *cable = (struct cable *)net;
    unplug(cable);
    hosted_unix_unlisten(&cable->listener);
    free(cable);
}

static const struct net_ops cable_ops = {
    .backend = { .transmit = cable_transmit,
                 .rx_ready = cable_rx_ready,
                 .configure = cable_configure },
    .attach = cable_attach,
    .detach = cable_detach,
    .close = cable_close,
};

/* ---- Opening ---- */

static struct cable *make(enum end end)
{
    struct cable *cable = calloc(1, sizeof(*cable));
    if (cable) {
        cable->net.ops = &cable_ops;
        cable->end = end;
        cable->stream = true;
        cable->listener.fd = -1;
        cable->fd = -1;
    }
    return cable;
}

int hosted_net_open_socket(struct hosted_net **net, const char *path, bool listens,
                           char why[HOSTED_NET_WHY])
{
    *net = NULL;
    struct cable *cable = make(listens ? END_LISTENS : END_CONNECTS);
    if (!cable) {
        return net_refuse(why, ENOMEM, "%s: no memory", path);
    }
    int result = 0;
    if (listens) {
        char message[HOSTED_UNIX_MESSAGE];
        result = hosted_unix_listen(&cable->listener, path, SOCK_STREAM, 1, message);
        if (result != 0) {
            net_refuse(why, -result, "%s", message);
        }
    } else if (strlen(path) == 0 || strlen(path) >= sizeof(cable->path)) {
        result = net_refuse(why, ENAMETOOLONG,
                            "'%s': the path of a socket has 1 to %zu characters: use a shorter one",
                            path, sizeof(cable->path) - 1);
    } else {
        memcpy(cable->path, path, strlen(path) + 1);
    }
    if (result != 0) {
        free(cable);
        return result;
    }
    *net = (struct hosted_net *)cable;
    return 0;
}

int hosted_net_open_fd(struct hosted_net **net, int fd)
{
    int type;
    socklen_t len = sizeof(type);

    *net = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
        return -errno;
    }
    struct cable *cable = make(END_FD);
    if (!cable) {
        return -ENOMEM;
    }
    cable->stream = type == SOCK_STREAM;
    cable->fd = fd;
    *net = (struct hosted_net *)cable;
    return 0;
}
