/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end of the guest's network interface: a machine that answers ARP requests for its
 * address (RFC 826) and ICMP echo requests (RFC 792), and drops everything else. Frames longer than
 * an Ethernet frame are dropped too. One thread.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#define NET_PEER_FRAME 1514

struct net_peer {
    struct vmmp_virtio_net *net; /**< Where answers go. */
    uint8_t mac[6];
    uint8_t ip[4];
    uint64_t answered;
    uint64_t dropped; /**< Not for us, not understood, or the guest had no buffer for the answer. */
    uint8_t frame[NET_PEER_FRAME];
};

/** `net` may be initialised later. */
void net_peer_init(struct net_peer *peer, struct vmmp_virtio_net *net, const uint8_t mac[6],
                   const uint8_t ip[4]);
/** What the interface is made with. */
struct vmmp_virtio_net_backend net_peer_backend(struct net_peer *peer);
