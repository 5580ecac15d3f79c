/* SPDX-License-Identifier: BSD-2-Clause */
/* User-mode networking: libslirp is the router, the name server and every host behind them. */
#include "backends/net_internal.h"

#include <errno.h>

#ifndef HOSTED_SLIRP

int hosted_net_open_user(struct hosted_net **net, const struct hosted_net_forward *forwards,
                         unsigned count, unsigned mtu, char why[HOSTED_NET_WHY])
{
    (void)forwards;
    (void)count;
    (void)mtu;
    *net = NULL;
    return net_refuse(why, ENOSYS,
                      "this program was built without libslirp: install libslirp-dev and build it "
                      "again, or use a TAP interface");
}

#else

#include <arpa/inet.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS   UINT64_C(1000000)
/* Frames on the way to a guest that has no buffers. libslirp forgets what it has handed over. */
#define HELD_FRAMES 256
#define HELD_ROOM   2048
#define MOST_MTU    1500 /* libslirp's own if none is given; its frames are no longer. */

struct held_frame {
    size_t len;
    uint8_t bytes[HELD_ROOM];
};

/* What epoll was told about a descriptor; the index is the descriptor. */
struct watched {
    uint32_t events;
    uint32_t round;
};

/* Armed while attached; when it is due is kept meanwhile. */
struct user_timer {
    struct vmmp_timer timer;
    struct user_net *user;
    struct user_timer *next;
    bool due;
    uint64_t when_ns;
    SlirpTimerCb run;
    void *cookie;
};

struct user_net {
    struct hosted_net net;
    Slirp *slirp;
    int epoll; /* Of libslirp's sockets; the loop waits for it. */
    bool added;
    bool busy;   /* Inside libslirp. */
    bool silent; /* The loop does not wait for sockets. */
    struct hosted_event_source source;
    struct vmmp_work work;
    struct vmmp_timer wake;
    struct user_timer *timers;
    struct pollfd *polls;
    unsigned poll_count, poll_room;
    struct watched *watched;
    unsigned watched_room;
    uint32_t round;
    unsigned held_first, held_count;
    struct held_frame held[HELD_FRAMES];
    size_t header_size;
    uint8_t frame[NET_ROOM];
};

/* ---- Sockets ---- */

static uint32_t epoll_events(int events)
{
    return (events & SLIRP_POLL_IN ? EPOLLIN : 0u) | (events & SLIRP_POLL_OUT ? EPOLLOUT : 0u) |
           (events & SLIRP_POLL_PRI ? EPOLLPRI : 0u);
}

static bool grow(void **array, unsigned *room, unsigned needed, size_t size)
{
    if (needed <= *room) {
        return true;
    }
    unsigned more = needed < 64 ? 64 : needed * 2;
    uint8_t *grown = realloc(*array, more * size);
    if (!grown) {
        return false;
    }
    memset(grown + *room * size, 0, (more - *room) * size);
    *array = grown;
    *room = more;
    return true;
}

static void watch(struct user_net *user, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data = { .fd = fd } };
    if (!grow((void **)&user->watched, &user->watched_room, (unsigned)fd + 1,
              sizeof(*user->watched))) {
        return; /* It is polled whenever something else happens. */
    }
    struct watched *watched = &user->watched[fd];
    watched->round = user->round;
    if (watched->events == events) {
        return;
    }
    if (epoll_ctl(user->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
        epoll_ctl(user->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        return;
    }
    watched->events = events;
}

static void unwatch(struct user_net *user, int fd)
{
    if (fd >= 0 && (unsigned)fd < user->watched_room && user->watched[fd].events != 0) {
        user->watched[fd].events = 0;
        epoll_ctl(user->epoll, EPOLL_CTL_DEL, fd, NULL);
    }
}

static int add_poll(int fd, int events, void *cookie)
{
    struct user_net *user = cookie;
    if (!grow((void **)&user->polls, &user->poll_room, user->poll_count + 1,
              sizeof(*user->polls))) {
        return -1;
    }
    user->polls[user->poll_count] = (struct pollfd){
        .fd = fd,
        .events = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
                          (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                          (events & SLIRP_POLL_PRI ? POLLPRI : 0)),
    };
    watch(user, fd, epoll_events(events));
    return (int)user->poll_count++;
}

static int get_revents(int index, void *cookie)
{
    const struct user_net *user = cookie;
    if (index < 0 || (unsigned)index >= user->poll_count) {
        return 0;
    }
    int events = user->polls[index].revents;
    return (events & POLLIN ? SLIRP_POLL_IN : 0) | (events & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & POLLPRI ? SLIRP_POLL_PRI : 0) | (events & POLLERR ? SLIRP_POLL_ERR : 0) |
           (events & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* Asks libslirp what it waits for now, and until when. */
static void refill(struct user_net *user)
{
    uint32_t timeout_ms = 1000;
    user->poll_count = 0;
    user->round++;
    slirp_pollfds_fill(user->slirp, &timeout_ms, add_poll, user);
    for (unsigned fd = 0; fd < user->watched_room; fd++) {
        if (user->watched[fd].round != user->round) {
            unwatch(user, (int)fd);
        }
    }
    const struct vmmp_host *host = &user->net.host;
    host->ops->timer_arm(host->cookie, &user->wake,
                         host->ops->now(host->cookie) + timeout_ms * NS_PER_MS);
}

static void listen_to(struct user_net *user, bool wanted)
{
    if (user->added && user->silent == wanted) {
        user->silent = !wanted;
        hosted_event_source_modify(&user->source, wanted ? EPOLLIN : 0);
    }
}

/* Lets libslirp do what is due. While frames wait for the guest, no more are made. */
static void serve(void *cookie)
{
    struct user_net *user = cookie;
    if (user->busy) {
        return;
    }
    if (user->held_count > 0) {
        listen_to(user, false);
        return;
    }
    user->busy = true;
    vmmp_virtio_net_batch_begin(user->net.model);
    int result = poll(user->polls, user->poll_count, 0);
    slirp_pollfds_poll(user->slirp, result < 0, get_revents, user);
    refill(user);
    vmmp_virtio_net_batch_end(user->net.model);
    user->busy = false;
    listen_to(user, user->held_count == 0);
}

static void socket_ready(void *cookie, uint32_t events)
{
    (void)events;
    serve(cookie);
}

/* ---- Frames ---- */

static bool hand_over(struct user_net *user, const void *frame, size_t len)
{
    /* Its frames are short, and their checksums filled in. */
    static const uint8_t header[VMMP_VIRTIO_NET_MAX_HEADER];
    const struct vmmp_iovec iov[2] = { { (void *)(uintptr_t)header, user->header_size },
                                       { (void *)(uintptr_t)frame, len } };
    return vmmp_virtio_net_receive(user->net.model, 0, iov, 2) != -EAGAIN;
}

static ssize_t send_packet(const void *frame, size_t len, void *cookie)
{
    struct user_net *user = cookie;
    if (!user->net.model || (user->held_count == 0 && hand_over(user, frame, len))) {
        return (ssize_t)len;
    }
    if (user->held_count < HELD_FRAMES && len <= HELD_ROOM) {
        struct held_frame *held =
            &user->held[(user->held_first + user->held_count++) % HELD_FRAMES];
        held->len = len;
        memcpy(held->bytes, frame, len);
    }
    return (ssize_t)len; /* Beyond that it is lost, and sent again by TCP. */
}

static void user_rx_ready(void *cookie, unsigned pair)
{
    struct user_net *user = cookie;
    (void)pair;
    if (user->held_count == 0) {
        return;
    }
    while (user->held_count > 0) {
        const struct held_frame *held = &user->held[user->held_first];
        if (!hand_over(user, held->bytes, held->len)) {
            return;
        }
        user->held_first = (user->held_first + 1) % HELD_FRAMES;
        user->held_count--;
    }
    listen_to(user, true);
    vmmp_host_defer(&user->net.host, &user->work);
}

/*
 * The frame is copied first: libslirp looks at it more than once. It terminates TCP, so a segment
 * may be as long as IP can have it: one frame and one acknowledgement stand for dozens.
 */
static bool user_transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                          size_t len)
{
    struct user_net *user = cookie;
    (void)pair;
    len = vmmp_iovec_read(iov, count, 0, user->frame,
                          len < sizeof(user->frame) ? len : sizeof(user->frame));
    uint8_t *frame = user->frame + user->header_size;
    len -= user->header_size;
    net_complete_checksum(frame, len, user->frame);
    slirp_input(user->slirp, frame, (int)len);
    /* After the batch: sockets may be new, data may be waiting. */
    vmmp_host_defer(&user->net.host, &user->work);
    return true;
}

static void user_configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    struct user_net *user = cookie;
    user->header_size = state->header_size;
    if (!state->live && user->held_count > 0) {
        user->held_count = 0;
        listen_to(user, true);
        vmmp_host_defer(&user->net.host, &user->work);
    }
}

/* ---- What libslirp asks for ---- */

static void guest_error(const char *message, void *cookie)
{
    const struct user_net *user = cookie;
    if (user->net.model) {
        vmmp_log(user->net.model->virtio.log, VMMP_LOG_DEBUG, VMMP_LOG_GUEST, "virtio-net: %s",
                 message);
    }
}

/* The loop's clock, also while there is no loop. */
static int64_t clock_get_ns(void *cookie)
{
    struct timespec now;
    (void)cookie;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void run_timer(void *cookie)
{
    struct user_timer *timer = cookie;
    timer->due = false;
    timer->run(timer->cookie);
    vmmp_host_defer(&timer->user->net.host, &timer->user->work);
}

static void *timer_new(SlirpTimerCb run, void *timer_cookie, void *cookie)
{
    struct user_net *user = cookie;
    struct user_timer *timer = calloc(1, sizeof(*timer));
    if (timer) {
        timer->user = user;
        timer->run = run;
        timer->cookie = timer_cookie;
        timer->timer.work.run = run_timer;
        timer->timer.work.cookie = timer;
        timer->next = user->timers;
        user->timers = timer;
    }
    return timer;
}

static void disarm(struct user_timer *timer)
{
    const struct vmmp_host *host = &timer->user->net.host;
    if (timer->user->net.model) {
        host->ops->timer_cancel(host->cookie, &timer->timer);
    }
}

static void arm(struct user_timer *timer)
{
    const struct hosted_net *net = &timer->user->net;
    if (timer->due && timer->user->added) {
        timer->timer.work.context = &net->model->virtio.context;
        net->host.ops->timer_arm(net->host.cookie, &timer->timer, timer->when_ns);
    }
}

static void timer_free(void *cookie, void *user_cookie)
{
    struct user_net *user = user_cookie;
    for (struct user_timer **at = &user->timers; *at; at = &(*at)->next) {
        if (*at == cookie) {
            *at = (*at)->next;
            disarm(cookie);
            free(cookie);
            return;
        }
    }
}

static void timer_mod(void *cookie, int64_t when_ms, void *user_cookie)
{
    struct user_timer *timer = cookie;
    (void)user_cookie;
    if (timer) {
        timer->due = true;
        timer->when_ns = (uint64_t)when_ms * NS_PER_MS;
        arm(timer);
    }
}

static void register_poll_fd(int fd, void *cookie)
{
    (void)fd;
    (void)cookie;
}

static void unregister_poll_fd(int fd, void *cookie)
{
    unwatch(cookie, fd);
}

static void notify(void *cookie)
{
    struct user_net *user = cookie;
    if (user->added) {
        vmmp_host_defer(&user->net.host, &user->work);
    }
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_poll_fd,
    .unregister_poll_fd = unregister_poll_fd,
    .notify = notify,
};

/* ---- Life ---- */

static int user_attach(struct hosted_net *net)
{
    struct user_net *user = (struct user_net *)net;
    const struct vmmp_context *context = &net->model->virtio.context;

    user->source = (struct hosted_event_source){
        .fd = user->epoll, .ready = socket_ready, .cookie = user, .context = context
    };
    user->work = (struct vmmp_work){ .run = serve, .cookie = user, .context = context };
    user->wake.work = user->work;
    int result = hosted_event_loop_add(net->loop, &user->source, EPOLLIN);
    if (result != 0) {
        return result;
    }
    vmmp_context_enter(context);
    user->added = true;
    user->silent = false;
    for (struct user_timer *timer = user->timers; timer; timer = timer->next) {
        arm(timer);
    }
    refill(user);
    vmmp_context_leave(context);
    return 0;
}

static void user_detach(struct hosted_net *net)
{
    struct user_net *user = (struct user_net *)net;
    if (user->added) {
        hosted_event_source_remove(&user->source);
        user->added = false;
    }
    vmmp_host_cancel(&net->host, &user->work);
    net->host.ops->timer_cancel(net->host.cookie, &user->wake);
    for (struct user_timer *timer = user->timers; timer; timer = timer->next) {
        disarm(timer);
    }
    user->held_count = 0;
}

static void user_close(struct hosted_net *net)
{
    struct user_net *user = (struct user_net *)net;
    if (user->slirp) {
        slirp_cleanup(user->slirp);
    }
    if (user->epoll >= 0) {
        close(user->epoll);
    }
    free(user->polls);
    free(user->watched);
    free(user);
}

static const struct net_ops user_ops = {
    .backend = { .transmit = user_transmit,
                 .rx_ready = user_rx_ready,
                 .configure = user_configure,
                 .header = true },
    .attach = user_attach,
    .detach = user_detach,
    .close = user_close,
};

static void set_addresses(SlirpConfig *config)
{
    config->in_enabled = true;
    inet_pton(AF_INET, "10.0.2.0", &config->vnetwork);
    inet_pton(AF_INET, "255.255.255.0", &config->vnetmask);
    inet_pton(AF_INET, "10.0.2.2", &config->vhost);
    inet_pton(AF_INET, "10.0.2.15", &config->vdhcp_start);
    inet_pton(AF_INET, "10.0.2.3", &config->vnameserver);
    config->in6_enabled = true;
    inet_pton(AF_INET6, "fec0::", &config->vprefix_addr6);
    config->vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::2", &config->vhost6);
    inet_pton(AF_INET6, "fec0::3", &config->vnameserver6);
}

static int add_forward(struct user_net *user, const struct hosted_net_forward *forward, char *why)
{
    struct in_addr guest;
    inet_pton(AF_INET, "10.0.2.15", &guest);
    errno = 0;
    if (slirp_add_hostfwd(user->slirp, forward->udp, forward->host, forward->host_port, guest,
                          forward->guest_port) != 0) {
        int error = errno ? errno : EADDRINUSE;
        return net_refuse(why, error, "port %u for %s cannot be had: %s: choose another",
                          forward->host_port, forward->udp ? "UDP" : "TCP", strerror(error));
    }
    return 0;
}

int hosted_net_open_user(struct hosted_net **net, const struct hosted_net_forward *forwards,
                         unsigned count, unsigned mtu, char why[HOSTED_NET_WHY])
{
    SlirpConfig config = { .version = 1, .if_mtu = mtu < MOST_MTU ? mtu : MOST_MTU };
    int result = 0;

    *net = NULL;
    struct user_net *user = calloc(1, sizeof(*user));
    if (!user) {
        return net_refuse(why, ENOMEM, "no memory");
    }
    user->net.ops = &user_ops;
    /* No TSO6: of IPv6 libslirp refuses frames longer than its MTU (ICMPv6 Packet Too Big). */
    user->net.offloads = VMMP_VIRTIO_NET_CSUM | VMMP_VIRTIO_NET_TSO4;
    user->header_size = VMMP_VIRTIO_NET_MAX_HEADER;
    user->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (user->epoll < 0) {
        result = net_refuse(why, errno, "epoll: %s", strerror(errno));
    } else {
        set_addresses(&config);
        user->slirp = slirp_new(&config, &callbacks, user);
        if (!user->slirp) {
            result =
                net_refuse(why, ENOMEM, "libslirp %s refuses to start", slirp_version_string());
        }
    }
    for (unsigned i = 0; i < count && result == 0; i++) {
        result = add_forward(user, &forwards[i], why);
    }
    if (result != 0) {
        user_close((struct hosted_net *)user);
        return result;
    }
    *net = (struct hosted_net *)user;
    return 0;
}

#endif
