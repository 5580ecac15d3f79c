/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net: features, configuration, life. Its queues: virtio_net_{rx,tx,ctrl}.c. */
#include <errno.h>
#include <string.h>

#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"

#define BIT(n) (UINT64_C(1) << (n))

#define SEGMENTATION (VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6 | VMMP_VIRTIO_NET_USO)

/* Which feature bits an offload of the backend stands for, from the guest and towards it. */
static const struct offload {
    uint32_t offload;
    uint64_t from_guest;
    uint64_t to_guest;
} offloads[] = {
    { VMMP_VIRTIO_NET_CSUM, BIT(VIRTIO_NET_F_CSUM), BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VMMP_VIRTIO_NET_TSO4, BIT(VIRTIO_NET_F_HOST_TSO4), BIT(VIRTIO_NET_F_GUEST_TSO4) },
    { VMMP_VIRTIO_NET_TSO6, BIT(VIRTIO_NET_F_HOST_TSO6), BIT(VIRTIO_NET_F_GUEST_TSO6) },
    { VMMP_VIRTIO_NET_ECN, BIT(VIRTIO_NET_F_HOST_ECN), BIT(VIRTIO_NET_F_GUEST_ECN) },
    { VMMP_VIRTIO_NET_USO, BIT(VIRTIO_NET_F_HOST_USO),
      BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6) },
};

/* 5.1.3.1: a bit, and those of which at least one has to come with it. */
static const struct dependency {
    uint64_t feature;
    uint64_t needs;
} dependencies[] = {
    { BIT(VIRTIO_NET_F_GUEST_TSO4), BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { BIT(VIRTIO_NET_F_GUEST_TSO6), BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { BIT(VIRTIO_NET_F_GUEST_ECN), BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) },
    { BIT(VIRTIO_NET_F_GUEST_USO4), BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { BIT(VIRTIO_NET_F_GUEST_USO6), BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { BIT(VIRTIO_NET_F_HOST_TSO4), BIT(VIRTIO_NET_F_CSUM) },
    { BIT(VIRTIO_NET_F_HOST_TSO6), BIT(VIRTIO_NET_F_CSUM) },
    { BIT(VIRTIO_NET_F_HOST_ECN), BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) },
    { BIT(VIRTIO_NET_F_HOST_USO), BIT(VIRTIO_NET_F_CSUM) },
    { BIT(VIRTIO_NET_F_CTRL_RX), BIT(VIRTIO_NET_F_CTRL_VQ) },
    { BIT(VIRTIO_NET_F_CTRL_VLAN), BIT(VIRTIO_NET_F_CTRL_VQ) },
    { BIT(VIRTIO_NET_F_GUEST_ANNOUNCE), BIT(VIRTIO_NET_F_CTRL_VQ) },
    { BIT(VIRTIO_NET_F_MQ), BIT(VIRTIO_NET_F_CTRL_VQ) },
    { BIT(VIRTIO_NET_F_CTRL_MAC_ADDR), BIT(VIRTIO_NET_F_CTRL_VQ) },
};

/* Those of `bits` that have with them what they need (2.2.2). In the table TSO comes before ECN. */
static uint64_t with_needs(uint64_t bits)
{
    for (size_t i = 0; i < sizeof(dependencies) / sizeof(dependencies[0]); i++) {
        if (!(bits & dependencies[i].needs)) {
            bits &= ~dependencies[i].feature;
        }
    }
    return bits;
}

/* The control queue is there, though not here, and is no feature of ours. */
static uint64_t with_given_needs(const struct vmmp_virtio_device *dev, uint64_t bits)
{
    uint64_t given = dev->control_elsewhere ? BIT(VIRTIO_NET_F_CTRL_VQ) & ~bits : 0;
    return with_needs(bits | given) & ~given;
}

static uint64_t features(struct vmmp_virtio_device *dev)
{
    const struct vmmp_virtio_net *net = net_of(dev);
    uint64_t bits = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
                    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) |
                    BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
                    BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE);
    if (net->has_mtu) {
        bits |= BIT(VIRTIO_NET_F_MTU);
    }
    if (net->max_pairs > 1) {
        bits |= BIT(VIRTIO_NET_F_MQ);
    }
    for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
        if (net->backend.offloads & offloads[i].offload) {
            bits |= offloads[i].from_guest | offloads[i].to_guest;
        }
    }
    bits = with_given_needs(dev, bits & ~dev->features_off);
    /* Virtio 1.4, 5.1.4.1. A driver that was offered both may take it alone. */
    return bits & BIT(VIRTIO_NET_F_CTRL_VQ) ? bits : bits & ~BIT(VIRTIO_NET_F_CTRL_RX_EXTRA);
}

static bool accept(struct vmmp_virtio_device *dev, uint64_t accepted)
{
    return with_given_needs(dev, accepted) == accepted;
}

/* ---- Configuration (5.1.4) ---- */

static void put_le16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    const struct vmmp_virtio_net *net = net_of(dev);
    uint8_t config[CONFIG_SIZE];
    uint16_t status = (uint16_t)((net->link_up ? VIRTIO_NET_S_LINK_UP : 0u) |
                                 (net->announcing ? VIRTIO_NET_S_ANNOUNCE : 0u));
    memcpy(config + CONFIG_MAC, net->mac, ETH_ADDRESS);
    put_le16(config + CONFIG_STATUS, status);
    put_le16(config + CONFIG_MAX_PAIRS, net->max_pairs);
    put_le16(config + CONFIG_MTU, net->mtu);
    memcpy(to, config + offset, size);
}

/* 5.1.4.2: legacy drivers set the address here, byte by byte; for others it is read-only. */
static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    struct vmmp_virtio_net *net = net_of(dev);
    for (unsigned i = 0; dev->legacy && i < size && offset + i < ETH_ADDRESS; i++) {
        net->mac[offset + i] = from[i];
    }
}

/* ---- Life ---- */

void vmmp_virtio_net_configure(struct vmmp_virtio_net *net)
{
    if (net->backend.configure) {
        net->backend.configure(net->backend.cookie, &net->state);
    }
}

static void driver_ok(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_net *net = net_of(dev);
    bool long_header = vmmp_virtio_has_feature(dev, VIRTIO_F_VERSION_1) ||
                       vmmp_virtio_has_feature(dev, VIRTIO_NET_F_MRG_RXBUF);

    net->header_size = long_header ? HDR_SIZE : HDR_LEGACY_SIZE;
    net->state = (struct vmmp_virtio_net_state){ true, net->header_size, 1, 0 };
    for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
        uint64_t bits = offloads[i].to_guest;
        if ((net->backend.offloads & offloads[i].offload) &&
            (dev->driver_features & bits) == bits) {
            net->state.to_guest |= offloads[i].offload;
        }
    }
    vmmp_virtio_net_configure(net);
}

/* 5.1.2: the control queue follows the pairs that the driver knows of. */
static unsigned control_queue(const struct vmmp_virtio_net *net)
{
    bool mq =
        vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_MQ) || net->virtio.control_elsewhere;
    return mq ? 2u * net->max_pairs : 2u;
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_net *net = net_of(dev);
    unsigned control = control_queue(net);

    if (queue == control && vmmp_virtio_has_feature(dev, VIRTIO_NET_F_CTRL_VQ)) {
        return vmmp_virtio_net_control_process(net, queue);
    }
    if (queue >= control) {
        return VMMP_VIRTIO_WAITING; /* The driver has not agreed to there being one. */
    }
    if (queue % 2 == 1) {
        return vmmp_virtio_net_tx_process(net, queue / 2);
    }
    vmmp_virtio_net_rx_refilled(net, queue / 2);
    return VMMP_VIRTIO_WAITING;
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_net *net = net_of(dev);
    if (queue >= 2u * net->max_pairs) {
        return;
    }
    if (queue % 2 == 1) {
        vmmp_virtio_net_tx_forget(net, queue / 2);
    } else {
        vmmp_virtio_net_rx_forget(net, queue / 2);
    }
}

/* The pairs before the first whose receiving queue does not work; the first one always counts. */
static void queues_running(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_net *net = net_of(dev);
    uint8_t pairs = 1;
    while (pairs < net->max_pairs && dev->queues[2 * (size_t)pairs].vq.enabled) {
        pairs++;
    }
    if (net->state.live && pairs != net->state.pairs) {
        net->state.pairs = pairs;
        vmmp_virtio_net_configure(net);
    }
}

/* A frame that the backend holds stays with it: the next driver's buffers are announced to it. */
static void forget(struct vmmp_virtio_net *net)
{
    for (unsigned pair = 0; pair < net->max_pairs; pair++) {
        vmmp_virtio_net_rx_forget(net, pair);
        vmmp_virtio_net_tx_forget(net, pair);
    }
    vmmp_virtio_net_filter_reset(&net->filter);
    memcpy(net->mac, net->own_mac, ETH_ADDRESS);
    net->announcing = false;
    net->header_size = HDR_SIZE;
    net->state = (struct vmmp_virtio_net_state){ false, HDR_SIZE, 1, 0 };
}

static bool reset(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_net *net = net_of(dev);
    bool was_live = net->state.live;
    forget(net);
    if (was_live) {
        vmmp_virtio_net_configure(net);
    }
    return true;
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-net",
    .type = VIRTIO_ID_NET,
    .in_order = true,
    .features = features,
    .accept = accept,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .config_write = config_write,
    .driver_ok = driver_ok,
    .process = process,
    .queue_reset = queue_reset,
    .queues_running = queues_running,
    .reset = reset,
};

/* ---- For the client ---- */

static const char *mistake(const struct vmmp_virtio_net_backend *backend,
                           const struct vmmp_virtio_net_options *options)
{
    static const uint8_t none[ETH_ADDRESS];
    if ((options->mac[0] & 1) || memcmp(options->mac, none, ETH_ADDRESS) == 0) {
        return "the address must be one interface's own: its first byte even, not all zero";
    }
    if (options->mtu != 0 && options->mtu < MTU_MIN) {
        return "the MTU must be 68 or more, or 0";
    }
    if (options->pairs > VMMP_VIRTIO_NET_MAX_PAIRS) {
        return "there can be at most VMMP_VIRTIO_NET_MAX_PAIRS pairs of queues";
    }
    uint16_t size = options->queue_size;
    if (size > VMMP_VIRTIO_NET_QUEUE_SIZE || (size & (size - 1)) != 0) {
        return "the size of queues must be a power of two up to VMMP_VIRTIO_NET_QUEUE_SIZE, or 0";
    }
    if (backend->offloads && !backend->header) {
        return "offloads need a backend with headers";
    }
    if ((backend->offloads & SEGMENTATION) && !(backend->offloads & VMMP_VIRTIO_NET_CSUM)) {
        return "TSO and USO need VMMP_VIRTIO_NET_CSUM";
    }
    if ((backend->offloads & VMMP_VIRTIO_NET_ECN) &&
        !(backend->offloads & (VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6))) {
        return "ECN needs TSO4 or TSO6";
    }
    return NULL;
}

static void set_mtu(struct vmmp_virtio_net *net, uint16_t mtu)
{
    uint32_t longest = (uint32_t)mtu + ETH_HEADER + ETH_TAGS;
    bool limited = mtu != 0 && longest < VMMP_VIRTIO_NET_MAX_FRAME;
    net->mtu = mtu;
    net->longest = limited ? longest : VMMP_VIRTIO_NET_MAX_FRAME;
}

int vmmp_virtio_net_init(struct vmmp_virtio_net *net, const struct vmmp_virtio_net_backend *backend,
                         const struct vmmp_virtio_net_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host)
{
    uint16_t sizes[2 * VMMP_VIRTIO_NET_MAX_PAIRS + 1];

    memset(net, 0, sizeof(*net));
    if (!backend || !options) {
        return -EINVAL;
    }
    const char *wrong = mistake(backend, options);
    if (wrong) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "%s: %s", ops.name, wrong);
        return -EINVAL;
    }
    net->max_pairs = options->pairs ? options->pairs : 1;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        sizes[i] = options->queue_size ? options->queue_size : VMMP_VIRTIO_NET_QUEUE_SIZE;
    }
    bool control = !(options->features_off & BIT(VIRTIO_NET_F_CTRL_VQ));
    int result = vmmp_virtio_init(&net->virtio, &ops, net->queues, sizes,
                                  2u * net->max_pairs + control, memory, log, host);
    if (result != 0) {
        return result;
    }
    net->virtio.features_off = options->features_off;
    net->backend = *backend;
    memcpy(net->own_mac, options->mac, ETH_ADDRESS);
    net->has_mtu = options->mtu != 0;
    net->link_up = true;
    set_mtu(net, options->mtu);
    for (unsigned pair = 0; pair < VMMP_VIRTIO_NET_MAX_PAIRS; pair++) {
        struct vmmp_virtio_net_tx *tx = &net->tx[pair];
        tx->chain.iov = &tx->iov[1];
        tx->chain.capacity = sizeof(tx->iov) / sizeof(tx->iov[0]) - 1;
    }
    forget(net);
    return 0;
}

void vmmp_virtio_net_fini(struct vmmp_virtio_net *net)
{
    vmmp_virtio_fini(&net->virtio);
}

void vmmp_virtio_net_set_link(struct vmmp_virtio_net *net, bool link_up)
{
    if (link_up != net->link_up) {
        net->link_up = link_up;
        vmmp_virtio_config_changed(&net->virtio);
        if (link_up) {
            /* What was held while it was out is stale, but the backend is to know. */
            for (unsigned pair = 0; pair < net->max_pairs; pair++) {
                vmmp_virtio_net_rx_refilled(net, pair);
            }
        }
    }
}

int vmmp_virtio_net_set_mtu(struct vmmp_virtio_net *net, uint16_t mtu)
{
    if (!net->has_mtu || mtu < MTU_MIN) {
        return -EINVAL;
    }
    if (mtu != net->mtu) {
        set_mtu(net, mtu);
        vmmp_virtio_config_changed(&net->virtio);
    }
    return 0;
}

void vmmp_virtio_net_announce(struct vmmp_virtio_net *net)
{
    if (vmmp_virtio_has_feature(&net->virtio, VIRTIO_NET_F_GUEST_ANNOUNCE)) {
        net->announcing = true;
        vmmp_virtio_config_changed(&net->virtio);
    }
}
