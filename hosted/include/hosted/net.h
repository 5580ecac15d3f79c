/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outside of a virtio-net device on a Linux host: a TAP interface, user-mode networking, a
 * unix socket to another VMM, or memory shared with one.
 *
 *     hosted_net_open_tap(&outside, "tap0", 1, why);
 *     hosted_net_backend(outside, &backend);
 *     vmmp_virtio_net_init(&net, &backend, ...);
 *     hosted_net_attach(outside, &net, loop);
 *     ...
 *     hosted_net_detach(outside);     the model may now go, and another be attached
 *     hosted_net_close(outside);
 *
 * Frames that the guest has no buffers for wait: in the kernel, or here within bounds; the outside
 * is then not read. What the outside does not take stays with the guest.
 *
 * Threads: open, attach, detach and close outside all contexts; the loop calls the rest inside the
 * device's. The loop's clock and timers are used. Memory is allocated when opened; user-mode
 * networking allocates as libslirp does.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_net;

/** Room for why something could not be opened: one line, what is wrong and the mend. */
#define HOSTED_NET_WHY 256

/**
 * A TAP interface that exists, or is made if this process may; with virtio headers and what
 * offloads the kernel has. `queues`: 1, or as many as the device has pairs; 2 and more need an
 * interface made with multi_queue. 0, or -errno with `why`.
 */
int hosted_net_open_tap(struct hosted_net **net, const char *interface, unsigned queues,
                        char why[HOSTED_NET_WHY]);

/** A port of this machine that leads to one of the guest's. */
struct hosted_net_forward {
    bool udp;
    struct in_addr host; /**< Address to listen at. */
    uint16_t host_port;
    uint16_t guest_port;
};

/**
 * A network of its own behind NAT, by libslirp: the guest gets 10.0.2.15 by DHCP, the router and
 * name server are 10.0.2.2 and 10.0.2.3 (IPv6: fec0::2, fec0::3). Frames for the guest have at most
 * `mtu` bytes behind their Ethernet header, and never more than 1500; 0: that. -ENOSYS in builds
 * without libslirp.
 */
int hosted_net_open_user(struct hosted_net **net, const struct hosted_net_forward *forwards,
                         unsigned count, unsigned mtu, char why[HOSTED_NET_WHY]);

/**
 * A cable to another process: a unix socket at `path`, for its owner alone (mode 0600). One of the
 * two listens, the other connects; in either order and again when the other end comes back: a
 * connection is tried every second, and meanwhile frames are dropped. Stream sockets carry each
 * frame behind its length, 32 bits, big-endian, as QEMU's "-netdev stream" does.
 */
int hosted_net_open_socket(struct hosted_net **net, const char *path, bool listens,
                           char why[HOSTED_NET_WHY]);
/** The same over a connected socket of any kind (stream, or a frame in each packet), which from
 * now on belongs to it. -errno, and `fd` stays the caller's. */
int hosted_net_open_fd(struct hosted_net **net, int fd);

/**
 * A cable to another VMM of this user on this host through memory that both share
 * (hosted/share.h): no frame passes through the kernel. `path` is where the two meet. The loop is
 * the one of hosted_net_attach(). Frames for nobody are dropped.
 */
int hosted_net_open_share(struct hosted_net **net, const char *path, struct hosted_event_loop *loop,
                          const struct vmmp_log *log, char why[HOSTED_NET_WHY]);

/** What a device with this outside is made with. */
void hosted_net_backend(struct hosted_net *net, struct vmmp_virtio_net_backend *backend);
/**
 * The guest is told this MTU, 68 to 65535: a TAP interface gets it too, and keeps it. 0; -errno
 * with `why` where this process may not change an interface whose MTU is larger. Other outsides
 * take any; those of user mode are told when opened.
 */
int hosted_net_set_mtu(struct hosted_net *net, unsigned mtu, char why[HOSTED_NET_WHY]);
/** Starts to work for the device. 0 or -errno of the loop. */
int hosted_net_attach(struct hosted_net *net, struct vmmp_virtio_net *model,
                      struct hosted_event_loop *loop);
/** Final: on return nothing of it is running. Harmless when not attached. */
void hosted_net_detach(struct hosted_net *net);
/** Detaches and frees; NULL is fine. */
void hosted_net_close(struct hosted_net *net);

#ifdef __cplusplus
}
#endif
