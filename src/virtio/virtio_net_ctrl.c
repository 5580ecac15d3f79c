/* SPDX-License-Identifier: BSD-2-Clause */
/* The control queue of virtio-net (virtio 1.2, 5.1.6.5). */
#include <string.h>

#include "virtio/virtio_net_internal.h"

/* A command, taken out of guest memory piece by piece; every piece is read once. */
struct command {
    const struct vmmp_iovec *iov;
    unsigned count;
    uint32_t at;
    uint32_t left;
};

static bool take(struct command *command, void *to, uint32_t len)
{
    if (len > command->left) {
        return false;
    }
    vmmp_iovec_read(command->iov, command->count, command->at, to, len);
    command->at += len;
    command->left -= len;
    return true;
}

static bool take_flag(struct command *command, bool *flag)
{
    uint8_t value;
    if (command->left != 1 || !take(command, &value, 1)) {
        return false;
    }
    *flag = value != 0;
    return true;
}

static bool take_le16(struct command *command, uint16_t *value)
{
    uint8_t bytes[2];
    if (command->left != 2 || !take(command, bytes, 2)) {
        return false;
    }
    *value = net_le16(bytes);
    return true;
}

static bool rx_mode(struct vmmp_virtio_net *net, uint8_t what, struct command *command)
{
    struct vmmp_virtio_net_filter *filter = &net->filter;
    bool extra = vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_RX_EXTRA);

    if (!vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_RX)) {
        return false;
    }
    switch (what) {
    case VIRTIO_NET_CTRL_RX_PROMISC:
        return take_flag(command, &filter->promiscuous);
    case VIRTIO_NET_CTRL_RX_ALLMULTI:
        return take_flag(command, &filter->all_multicast);
    case VIRTIO_NET_CTRL_RX_ALLUNI:
        return extra && take_flag(command, &filter->all_unicast);
    case VIRTIO_NET_CTRL_RX_NOMULTI:
        return extra && take_flag(command, &filter->no_multicast);
    case VIRTIO_NET_CTRL_RX_NOUNI:
        return extra && take_flag(command, &filter->no_unicast);
    case VIRTIO_NET_CTRL_RX_NOBCAST:
        return extra && take_flag(command, &filter->no_broadcast);
    default:
        return false;
    }
}

/*
 * One of the two lists. More addresses than there is room for are all addresses (5.1.6.5.2: the
 * device may then let more through); their number is only ever compared and skipped over.
 */
static bool take_list(struct command *command, uint8_t list[][ETH_ADDRESS], uint8_t *count,
                      bool *overflow)
{
    vmmp_le32_t number;
    if (!take(command, &number, sizeof(number))) {
        return false;
    }
    uint32_t entries = vmmp_le32_get(number);
    if (entries > command->left / ETH_ADDRESS) {
        return false;
    }
    *overflow = entries > VMMP_VIRTIO_NET_FILTERS;
    *count = *overflow ? 0 : (uint8_t)entries;
    if (*overflow) {
        command->at += entries * ETH_ADDRESS;
        command->left -= entries * ETH_ADDRESS;
        return true;
    }
    return take(command, list, entries * ETH_ADDRESS);
}

static bool set_table(struct vmmp_virtio_net *net, struct command *command)
{
    struct vmmp_virtio_net_filter new = net->filter;
    if (!take_list(command, new.unicast, &new.unicast_count, &new.unicast_overflow) ||
        !take_list(command, new.multicast, &new.multicast_count, &new.multicast_overflow) ||
        command->left != 0) {
        return false;
    }
    net->filter = new;
    return true;
}

static bool set_address(struct vmmp_virtio_net *net, struct command *command)
{
    uint8_t mac[ETH_ADDRESS];
    if (!vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
        command->left != sizeof(mac) || !take(command, mac, sizeof(mac)) || mac[0] & 1) {
        return false;
    }
    memcpy(net->mac, mac, sizeof(mac));
    vmmp_virtio_config_altered(&net->virtio);
    return true;
}

static bool mac(struct vmmp_virtio_net *net, uint8_t what, struct command *command)
{
    switch (what) {
    case VIRTIO_NET_CTRL_MAC_TABLE_SET:
        return vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_RX) &&
               set_table(net, command);
    case VIRTIO_NET_CTRL_MAC_ADDR_SET:
        return set_address(net, command);
    default:
        return false;
    }
}

static bool vlan(struct vmmp_virtio_net *net, uint8_t what, struct command *command)
{
    uint16_t id;
    if (!vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_VLAN) ||
        !take_le16(command, &id) || id > 4095 || what > VIRTIO_NET_CTRL_VLAN_DEL) {
        return false;
    }
    uint32_t bit = UINT32_C(1) << id % 32;
    if (what == VIRTIO_NET_CTRL_VLAN_ADD) {
        net->filter.vlans[id / 32] |= bit;
    } else {
        net->filter.vlans[id / 32] &= ~bit;
    }
    return true;
}

static bool announce(struct vmmp_virtio_net *net, uint8_t what, struct command *command)
{
    if (!vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
        what != VIRTIO_NET_CTRL_ANNOUNCE_ACK || command->left != 0) {
        return false;
    }
    net->announcing = false;
    vmmp_virtio_config_altered(&net->virtio);
    return true;
}

static bool multiqueue(struct vmmp_virtio_net *net, uint8_t what, struct command *command)
{
    uint16_t pairs;
    if (!vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_MQ) ||
        what != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || !take_le16(command, &pairs) || pairs == 0 ||
        pairs > net->max_pairs) {
        return false;
    }
    net->state.pairs = (uint8_t)pairs;
    vmmp_virtio_net_configure(net);
    return true;
}

static bool carry_out(struct vmmp_virtio_net *net, struct command *command)
{
    uint8_t head[2];
    if (!take(command, head, sizeof(head))) {
        return false;
    }
    switch (head[0]) {
    case VIRTIO_NET_CTRL_RX:
        return rx_mode(net, head[1], command);
    case VIRTIO_NET_CTRL_MAC:
        return mac(net, head[1], command);
    case VIRTIO_NET_CTRL_VLAN:
        return vlan(net, head[1], command);
    case VIRTIO_NET_CTRL_ANNOUNCE:
        return announce(net, head[1], command);
    case VIRTIO_NET_CTRL_MQ:
        return multiqueue(net, head[1], command);
    default:
        return false;
    }
}

enum vmmp_virtio_progress vmmp_virtio_net_control_process(struct vmmp_virtio_net *net,
                                                          unsigned queue)
{
    struct vmmp_virtqueue_chain chain = {
        .iov = net->control_iov,
        .capacity = sizeof(net->control_iov) / sizeof(net->control_iov[0]),
    };
    while (vmmp_virtio_pop(&net->virtio, queue, &chain)) {
        if (chain.writable_bytes == 0) {
            vmmp_virtio_broken(&net->virtio, "a control command leaves no room for its answer");
            break;
        }
        struct command command = { chain.iov, chain.readable, 0, chain.readable_bytes };
        uint8_t answer = VIRTIO_NET_ERR;
        if (carry_out(net, &command)) {
            answer = VIRTIO_NET_OK;
        }
        vmmp_iovec_write(&chain.iov[chain.readable], chain.writable, 0, &answer, 1);
        vmmp_virtio_push(&net->virtio, queue, &chain.token, 1);
    }
    return VMMP_VIRTIO_DRAINED;
}
