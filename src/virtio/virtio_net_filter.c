/* SPDX-License-Identifier: BSD-2-Clause */
/* Which frames a guest wants to see (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3). */
#include <string.h>

#include "virtio/virtio_net_internal.h"

/* Everything, until the driver says otherwise: one that cannot is not to miss anything. */
void vmmp_virtio_net_filter_reset(struct vmmp_virtio_net_filter *filter)
{
    memset(filter, 0, sizeof(*filter));
    filter->promiscuous = true;
}

static bool is_listed(const uint8_t list[][ETH_ADDRESS], unsigned count, const uint8_t *address)
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(list[i], address, ETH_ADDRESS) == 0) {
            return true;
        }
    }
    return false;
}

static bool address_passes(const struct vmmp_virtio_net *net, const uint8_t *to)
{
    static const uint8_t broadcast[ETH_ADDRESS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const struct vmmp_virtio_net_filter *filter = &net->filter;

    if (!(to[0] & 1)) {
        return !filter->no_unicast && (filter->all_unicast || filter->unicast_overflow ||
                                       memcmp(to, net->mac, ETH_ADDRESS) == 0 ||
                                       is_listed(filter->unicast, filter->unicast_count, to));
    }
    if (memcmp(to, broadcast, ETH_ADDRESS) == 0) {
        return !filter->no_broadcast;
    }
    return !filter->no_multicast && (filter->all_multicast || filter->multicast_overflow ||
                                     is_listed(filter->multicast, filter->multicast_count, to));
}

bool vmmp_virtio_net_filter_passes(const struct vmmp_virtio_net *net, const uint8_t *head,
                                   size_t len)
{
    /* Nobody can tell a device that has no control queue which frames it is to let through. */
    if (net->filter.promiscuous || (net->virtio.features_off >> VIRTIO_NET_F_CTRL_VQ & 1)) {
        return true;
    }
    if (len >= ETH_HEADER + 2 && (head[12] << 8 | head[13]) == ETH_P_8021Q &&
        vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_CTRL_VLAN)) {
        unsigned vlan = (unsigned)(head[14] << 8 | head[15]) & 0xfff;
        if (!(net->filter.vlans[vlan / 32] >> vlan % 32 & 1)) {
            return false;
        }
    }
    return address_passes(net, head);
}
