/* SPDX-License-Identifier: BSD-2-Clause */
/* What the outsides of virtio-net devices have in common. */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

#include <hosted/net.h>

/* The longest frame with its header. */
#define NET_ROOM (VMMP_VIRTIO_NET_MAX_HEADER + VMMP_VIRTIO_NET_MAX_FRAME)
/* Frames in one go, so that the loop gets to its other sources. */
#define NET_TURN 64

/* The kernel takes the guest's buffers as they are. */
_Static_assert(sizeof(struct iovec) == sizeof(struct vmmp_iovec) &&
                   offsetof(struct iovec, iov_base) == offsetof(struct vmmp_iovec, base) &&
                   offsetof(struct iovec, iov_len) == offsetof(struct vmmp_iovec, len),
               "struct vmmp_iovec is struct iovec");

static inline const struct iovec *net_iovec(const struct vmmp_iovec *iov)
{
    return (const struct iovec *)(const void *)iov;
}

struct net_ops {
    struct vmmp_virtio_net_backend backend; /* `cookie` is the struct hosted_net. */
    /* NULL: any will do. */
    int (*set_mtu)(struct hosted_net *net, unsigned mtu, char *why);
    int (*attach)(struct hosted_net *net);
    void (*detach)(struct hosted_net *net);
    void (*close)(struct hosted_net *net); /* Frees it. */
};

/* The first member of each kind. */
struct hosted_net {
    const struct net_ops *ops;
    uint32_t offloads;
    struct vmmp_virtio_net *model; /* NULL: not attached. */
    struct hosted_event_loop *loop;
    struct vmmp_host host; /* The loop's. */
};

/* Writes `why`, returns -error. */
int net_refuse(char why[HOSTED_NET_WHY], int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Something went wrong while it ran. */
void net_complain(const struct hosted_net *net, const char *what, int error);

/*
 * Fills in the checksum of a frame, if the header that came before it from the device, which has
 * checked it, leaves that to the outside (virtio 1.2, 5.1.6.2).
 */
void net_complete_checksum(uint8_t *frame, size_t len, const uint8_t *header);
