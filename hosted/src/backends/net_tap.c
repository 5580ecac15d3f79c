/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP interface (Linux, Documentation/networking/tuntap.rst), a descriptor for each queue. */
#include "backends/net_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TUN_F_USO4 /* Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

struct tap;

struct tap_queue {
    struct tap *tap;
    unsigned number;
    int fd;
    bool added;
    bool detached; /* From the interface: the kernel steers no flow here. */
    bool reading;
    bool writing;
    struct hosted_event_source source;
    size_t held; /* Bytes of the frame in `bounce` that the guest had no buffers for. */
    uint8_t bounce[NET_ROOM];
};

struct tap {
    struct hosted_net net;
    unsigned count;
    bool live;
    struct tap_queue queues[VMMP_VIRTIO_NET_MAX_PAIRS];
};

/* ---- Opening ---- */

static int refuse_interface(char *why, const char *interface, unsigned queues, int error)
{
    const char *multi = queues > 1 ? " multi_queue" : "";
    switch (error) {
    case EPERM:
    case EACCES:
        return net_refuse(why, error,
                          "%s: no permission: run 'ip tuntap add dev %s mode tap user $USER%s' as "
                          "root first",
                          interface, interface, multi);
    case EINVAL:
        return net_refuse(why, error,
                          "%s: it is no TAP interface, or made %s multi_queue: run 'ip tuntap add "
                          "dev %s mode tap user $USER%s' as root",
                          interface, queues > 1 ? "without" : "with", interface, multi);
    case EBUSY:
        return net_refuse(why, error, "%s: another program uses it: give each VMM one of its own",
                          interface);
    default:
        return net_refuse(why, error, "%s: %s", interface, strerror(error));
    }
}

static int open_queue(struct tap_queue *queue, const char *interface, unsigned queues, char *why)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

    queue->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (queue->fd < 0) {
        int error = errno;
        return net_refuse(why, error, "/dev/net/tun: %s: %s", strerror(error),
                          error == EACCES || error == EPERM
                              ? "make it readable and writable for this user"
                              : "load the kernel's module tun");
    }
    if (queues > 1) {
        request.ifr_flags |= IFF_MULTI_QUEUE;
    }
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(queue->fd, TUNSETIFF, &request) != 0) {
        return refuse_interface(why, interface, queues, errno);
    }
    return 0;
}

/* What the kernel can do for a guest, by trying; off again until a driver wants it. */
static uint32_t try_offloads(int fd)
{
    uint32_t offloads = 0;
    unsigned flags = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

    if (ioctl(fd, TUNSETOFFLOAD, flags | TUN_F_USO4 | TUN_F_USO6) == 0) {
        offloads = VMMP_VIRTIO_NET_USO;
    } else if (ioctl(fd, TUNSETOFFLOAD, flags) != 0) {
        return 0;
    }
    ioctl(fd, TUNSETOFFLOAD, 0);
    return offloads | VMMP_VIRTIO_NET_CSUM | VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6 |
           VMMP_VIRTIO_NET_ECN;
}

/* Frames longer than the guest's MTU would be made, and lost; shorter ones harm nobody. */
static int tap_set_mtu(struct hosted_net *net, unsigned mtu, char *why)
{
    const struct tap *tap = (const struct tap *)net;
    struct ifreq request = { .ifr_flags = 0 };
    int error = 0;

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(tap->queues[0].fd, TUNGETIFF, &request) != 0 ||
        ioctl(fd, SIOCGIFMTU, &request) != 0) {
        error = errno;
        net_refuse(why, error, "the MTU of the TAP interface is not to be had: %s",
                   strerror(error));
    } else if (request.ifr_mtu != (int)mtu) {
        int has = request.ifr_mtu;
        request.ifr_mtu = (int)mtu;
        if (ioctl(fd, SIOCSIFMTU, &request) != 0 && has > (int)mtu) {
            error = errno;
            net_refuse(why, error,
                       "%s has an MTU of %d, and what is longer than the guest's %u would be lost: "
                       "run 'ip link set %s mtu %u' as root first",
                       request.ifr_name, has, mtu, request.ifr_name, mtu);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return -error;
}

static void tap_close(struct hosted_net *net)
{
    struct tap *tap = (struct tap *)net;
    for (unsigned i = 0; i < tap->count; i++) {
        if (tap->queues[i].fd >= 0) {
            close(tap->queues[i].fd);
        }
    }
    free(tap);
}

/* ---- Frames ---- */

static void listen_to(struct tap_queue *queue, bool reading, bool writing)
{
    if (queue->added && (queue->reading != reading || queue->writing != writing)) {
        queue->reading = reading;
        queue->writing = writing;
        hosted_event_source_modify(&queue->source,
                                   (reading ? EPOLLIN : 0u) | (writing ? EPOLLOUT : 0u));
    }
}

static bool tap_transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                         size_t len)
{
    struct tap *tap = cookie;
    struct tap_queue *queue = &tap->queues[pair % tap->count];

    (void)len;
    if (queue->detached) {
        queue = &tap->queues[0];
    }
    if (writev(queue->fd, net_iovec(iov), (int)count) < 0 &&
        (errno == EAGAIN || errno == ENOBUFS) && queue->added) {
        listen_to(queue, queue->reading, true);
        return false;
    }
    /* Other errors are the frame's or the interface's (down): as on a wire, it is lost. */
    return true;
}

/* What was read into `bounce`; true unless it has to wait. */
static bool hand_over(struct tap_queue *queue)
{
    struct vmmp_iovec iov = { queue->bounce, queue->held };
    if (vmmp_virtio_net_receive(queue->tap->net.model, queue->number, &iov, 1) == -EAGAIN) {
        return false;
    }
    queue->held = 0;
    return true;
}

/* One frame, straight into the guest where it has room for any. False: stop. */
static bool read_frame(struct tap_queue *queue)
{
    struct vmmp_virtio_net *model = queue->tap->net.model;
    size_t most = vmmp_virtio_net_rx_max(model);
    const struct vmmp_iovec *iov;
    unsigned count;

    if (vmmp_virtio_net_rx_reserve(model, queue->number, most, &iov, &count) == 0) {
        ssize_t len = readv(queue->fd, net_iovec(iov), (int)count);
        if (len > 0) {
            vmmp_virtio_net_rx_commit(model, queue->number, (size_t)len);
        }
        return len > 0;
    }
    ssize_t len = read(queue->fd, queue->bounce, sizeof(queue->bounce));
    if (len <= 0) {
        return false;
    }
    queue->held = (size_t)len;
    return hand_over(queue);
}

static void read_frames(struct tap_queue *queue)
{
    struct vmmp_virtio_net *model = queue->tap->net.model;
    vmmp_virtio_net_batch_begin(model);
    if (queue->held == 0 || hand_over(queue)) {
        for (unsigned i = 0; i < NET_TURN && read_frame(queue); i++) {
        }
    }
    vmmp_virtio_net_batch_end(model);
    listen_to(queue, queue->tap->live && queue->held == 0, queue->writing);
}

static void unwatch(struct tap_queue *queue)
{
    if (queue->added) {
        queue->added = queue->reading = queue->writing = false;
        hosted_event_source_remove(&queue->source);
    }
}

static void tap_ready(void *cookie, uint32_t events)
{
    struct tap_queue *queue = cookie;
    struct hosted_net *net = &queue->tap->net;

    if (events & EPOLLERR) {
        /* Again and again, asked for or not: somebody has deleted the interface. */
        unwatch(queue);
        net_complain(net, "the TAP interface is gone; start the VMM anew", ENODEV);
        return;
    }
    if (events & EPOLLOUT) {
        listen_to(queue, queue->reading, false);
        vmmp_virtio_net_writable(net->model);
    }
    if (queue->reading && (events & EPOLLIN)) {
        read_frames(queue);
    }
}

/* Its context is entered, or the guest does not run yet. */
static int watch(struct tap_queue *queue)
{
    struct hosted_net *net = &queue->tap->net;
    queue->source = (struct hosted_event_source){
        .fd = queue->fd,
        .ready = tap_ready,
        .cookie = queue,
        .context = &net->model->virtio.context,
    };
    int result = queue->added ? 0 : hosted_event_loop_add(net->loop, &queue->source, 0);
    queue->added = result == 0;
    return result;
}

static void tap_rx_ready(void *cookie, unsigned pair)
{
    struct tap *tap = cookie;
    if (pair < tap->count && tap->queues[pair].held > 0) {
        read_frames(&tap->queues[pair]);
    }
}

/* ---- What the driver wants ---- */

static unsigned tun_offloads(uint32_t to_guest)
{
    return (to_guest & VMMP_VIRTIO_NET_CSUM ? TUN_F_CSUM : 0u) |
           (to_guest & VMMP_VIRTIO_NET_TSO4 ? TUN_F_TSO4 : 0u) |
           (to_guest & VMMP_VIRTIO_NET_TSO6 ? TUN_F_TSO6 : 0u) |
           (to_guest & VMMP_VIRTIO_NET_ECN ? TUN_F_TSO_ECN : 0u) |
           (to_guest & VMMP_VIRTIO_NET_USO ? TUN_F_USO4 | TUN_F_USO6 : 0u);
}

static void use_queue(struct tap_queue *queue, bool wanted)
{
    struct ifreq request = { .ifr_flags = wanted ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };
    if (queue->tap->count == 1 || queue->detached != wanted) {
        return;
    }
    /* A queue without an interface is an error to wait for. */
    if (!wanted) {
        unwatch(queue);
    }
    if (ioctl(queue->fd, TUNSETQUEUE, &request) == 0) {
        queue->detached = !wanted;
    }
    if (!queue->detached) {
        watch(queue);
    }
}

static void tap_configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    struct tap *tap = cookie;
    int header_size = state->header_size;
    int little_endian = 1;

    tap->live = state->live;
    for (unsigned i = 0; i < tap->count; i++) {
        struct tap_queue *queue = &tap->queues[i];
        use_queue(queue, i < state->pairs);
        if (!queue->detached && state->live) {
            ioctl(queue->fd, TUNSETVNETHDRSZ, &header_size);
            ioctl(queue->fd, TUNSETVNETLE, &little_endian);
            ioctl(queue->fd, TUNSETOFFLOAD, tun_offloads(state->to_guest));
        }
        /* A frame that waits has the header of the driver before. */
        queue->held = state->live ? queue->held : 0;
        listen_to(queue, state->live && !queue->detached && queue->held == 0, queue->writing);
    }
}

static int tap_attach(struct hosted_net *net)
{
    struct tap *tap = (struct tap *)net;
    for (unsigned i = 0; i < tap->count; i++) {
        int result = tap->queues[i].detached ? 0 : watch(&tap->queues[i]);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static void tap_detach(struct hosted_net *net)
{
    struct tap *tap = (struct tap *)net;
    for (unsigned i = 0; i < tap->count; i++) {
        unwatch(&tap->queues[i]);
        tap->queues[i].held = 0;
    }
    tap->live = false;
}

static const struct net_ops tap_ops = {
    .backend = { .transmit = tap_transmit,
                 .rx_ready = tap_rx_ready,
                 .configure = tap_configure,
                 .header = true },
    .set_mtu = tap_set_mtu,
    .attach = tap_attach,
    .detach = tap_detach,
    .close = tap_close,
};

int hosted_net_open_tap(struct hosted_net **net, const char *interface, unsigned queues,
                        char why[HOSTED_NET_WHY])
{
    int result = 0;

    *net = NULL;
    if (strlen(interface) == 0 || strlen(interface) >= IFNAMSIZ) {
        return net_refuse(why, EINVAL, "'%s' is no interface: its name has 1 to 15 characters",
                          interface);
    }
    if (queues == 0 || queues > VMMP_VIRTIO_NET_MAX_PAIRS) {
        return net_refuse(why, EINVAL, "%u queues: 1 to %d will do", queues,
                          VMMP_VIRTIO_NET_MAX_PAIRS);
    }
    struct tap *tap = calloc(1, sizeof(*tap));
    if (!tap) {
        return net_refuse(why, ENOMEM, "%s: no memory", interface);
    }
    tap->net.ops = &tap_ops;
    while (tap->count < queues && result == 0) {
        struct tap_queue *queue = &tap->queues[tap->count];
        queue->tap = tap;
        queue->number = tap->count++;
        result = open_queue(queue, interface, queues, why);
    }
    if (result != 0) {
        tap_close((struct hosted_net *)tap);
        return result;
    }
    tap->net.offloads = try_offloads(tap->queues[0].fd);
    *net = (struct hosted_net *)tap;
    return 0;
}
