/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of virtio-net share, and its constants (virtio 1.2, 5.1). */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

/* 5.1.3 */
#define VIRTIO_NET_F_CSUM           0
#define VIRTIO_NET_F_GUEST_CSUM     1
#define VIRTIO_NET_F_MTU            3
#define VIRTIO_NET_F_MAC            5
#define VIRTIO_NET_F_GUEST_TSO4     7
#define VIRTIO_NET_F_GUEST_TSO6     8
#define VIRTIO_NET_F_GUEST_ECN      9
#define VIRTIO_NET_F_HOST_TSO4      11
#define VIRTIO_NET_F_HOST_TSO6      12
#define VIRTIO_NET_F_HOST_ECN       13
#define VIRTIO_NET_F_MRG_RXBUF      15
#define VIRTIO_NET_F_STATUS         16
#define VIRTIO_NET_F_CTRL_VQ        17
#define VIRTIO_NET_F_CTRL_RX        18
#define VIRTIO_NET_F_CTRL_VLAN      19
#define VIRTIO_NET_F_CTRL_RX_EXTRA  20
#define VIRTIO_NET_F_GUEST_ANNOUNCE 21
#define VIRTIO_NET_F_MQ             22
#define VIRTIO_NET_F_CTRL_MAC_ADDR  23
#define VIRTIO_NET_F_GUEST_USO4     54
#define VIRTIO_NET_F_GUEST_USO6     55
#define VIRTIO_NET_F_HOST_USO       56

/* 5.1.4, struct virtio_net_config */
#define CONFIG_MAC       0u
#define CONFIG_STATUS    6u
#define CONFIG_MAX_PAIRS 8u
#define CONFIG_MTU       10u
#define CONFIG_SIZE      12u

#define VIRTIO_NET_S_LINK_UP  1u
#define VIRTIO_NET_S_ANNOUNCE 2u

/* 5.1.6, struct virtio_net_hdr */
#define HDR_FLAGS       0u
#define HDR_GSO_TYPE    1u
#define HDR_HDR_LEN     2u
#define HDR_GSO_SIZE    4u
#define HDR_CSUM_START  6u
#define HDR_CSUM_OFFSET 8u
#define HDR_NUM_BUFFERS 10u /* Legacy: with MRG_RXBUF only. */
#define HDR_LEGACY_SIZE 10u
#define HDR_SIZE        12u

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1u
#define VIRTIO_NET_HDR_F_DATA_VALID 2u

#define VIRTIO_NET_HDR_GSO_NONE   0u
#define VIRTIO_NET_HDR_GSO_TCPV4  1u
#define VIRTIO_NET_HDR_GSO_TCPV6  4u
#define VIRTIO_NET_HDR_GSO_UDP_L4 5u
#define VIRTIO_NET_HDR_GSO_ECN    0x80u

/* 5.1.6.5 */
#define VIRTIO_NET_OK  0u
#define VIRTIO_NET_ERR 1u

#define VIRTIO_NET_CTRL_RX       0u
#define VIRTIO_NET_CTRL_MAC      1u
#define VIRTIO_NET_CTRL_VLAN     2u
#define VIRTIO_NET_CTRL_ANNOUNCE 3u
#define VIRTIO_NET_CTRL_MQ       4u

#define VIRTIO_NET_CTRL_RX_PROMISC      0u
#define VIRTIO_NET_CTRL_RX_ALLMULTI     1u
#define VIRTIO_NET_CTRL_RX_ALLUNI       2u
#define VIRTIO_NET_CTRL_RX_NOMULTI      3u
#define VIRTIO_NET_CTRL_RX_NOUNI        4u
#define VIRTIO_NET_CTRL_RX_NOBCAST      5u
#define VIRTIO_NET_CTRL_MAC_TABLE_SET   0u
#define VIRTIO_NET_CTRL_MAC_ADDR_SET    1u
#define VIRTIO_NET_CTRL_VLAN_ADD        0u
#define VIRTIO_NET_CTRL_VLAN_DEL        1u
#define VIRTIO_NET_CTRL_ANNOUNCE_ACK    0u
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0u

#define ETH_ADDRESS 6u
#define ETH_HEADER  14u
#define ETH_TAGS    8u /* Two VLAN tags. */
#define ETH_P_8021Q 0x8100u
#define MTU_MIN     68u

static inline uint16_t net_le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline struct vmmp_virtio_net *net_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_net *)((char *)dev - offsetof(struct vmmp_virtio_net, virtio));
}

/* vmmp_virtio_has_feature(), for every frame. */
static inline bool net_has(const struct vmmp_virtio_net *net, unsigned bit)
{
    return net->virtio.driver_features >> bit & 1;
}

/* virtio_net_rx.c */
void vmmp_virtio_net_rx_forget(struct vmmp_virtio_net *net, unsigned pair);
void vmmp_virtio_net_rx_refilled(struct vmmp_virtio_net *net, unsigned pair);

/* virtio_net_tx.c */
enum vmmp_virtio_progress vmmp_virtio_net_tx_process(struct vmmp_virtio_net *net, unsigned pair);
void vmmp_virtio_net_tx_forget(struct vmmp_virtio_net *net, unsigned pair);

/* virtio_net_ctrl.c */
enum vmmp_virtio_progress vmmp_virtio_net_control_process(struct vmmp_virtio_net *net,
                                                          unsigned queue);

/* virtio_net_filter.c */
void vmmp_virtio_net_filter_reset(struct vmmp_virtio_net_filter *filter);
/* Whether a frame that begins with `head` (ETH_HEADER bytes and, if it has a tag, 4 more) is for
 * the guest. */
bool vmmp_virtio_net_filter_passes(const struct vmmp_virtio_net *net, const uint8_t *head,
                                   size_t len);

/* virtio_net.c: `state` to the backend. */
void vmmp_virtio_net_configure(struct vmmp_virtio_net *net);
