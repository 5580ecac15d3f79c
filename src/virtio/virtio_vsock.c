/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-vsock's packet layer: queues, headers, configuration, events. */
#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#include <errno.h>
#include <string.h>

#include "virtio/iovec.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtio_vsock_spec.h"

#define QUEUES      3
#define HEADER      VMMP_VIRTIO_VSOCK_HEADER
#define CONFIG_SIZE 8u /* 5.10.4: le64 guest_cid */

static struct vmmp_virtio_vsock *vsock_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_vsock *)((char *)dev - offsetof(struct vmmp_virtio_vsock, virtio));
}

/* ---- Headers (5.10.6, struct virtio_vsock_hdr) ---- */

static void store(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t load(const uint8_t *from, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)from[i] << (8 * i);
    }
    return value;
}

void vmmp_vsock_packet_store(const struct vmmp_vsock_packet *packet, uint8_t bytes[HEADER])
{
    store(bytes, packet->src_cid, 8);
    store(bytes + 8, packet->dst_cid, 8);
    store(bytes + 16, packet->src_port, 4);
    store(bytes + 20, packet->dst_port, 4);
    store(bytes + 24, packet->len, 4);
    store(bytes + 28, packet->type, 2);
    store(bytes + 30, packet->op, 2);
    store(bytes + 32, packet->flags, 4);
    store(bytes + 36, packet->buf_alloc, 4);
    store(bytes + 40, packet->fwd_cnt, 4);
}

void vmmp_vsock_packet_load(struct vmmp_vsock_packet *packet, const uint8_t bytes[HEADER])
{
    packet->src_cid = load(bytes, 8);
    packet->dst_cid = load(bytes + 8, 8);
    packet->src_port = (uint32_t)load(bytes + 16, 4);
    packet->dst_port = (uint32_t)load(bytes + 20, 4);
    packet->len = (uint32_t)load(bytes + 24, 4);
    packet->type = (uint16_t)load(bytes + 28, 2);
    packet->op = (uint16_t)load(bytes + 30, 2);
    packet->flags = (uint32_t)load(bytes + 32, 4);
    packet->buf_alloc = (uint32_t)load(bytes + 36, 4);
    packet->fwd_cnt = (uint32_t)load(bytes + 40, 4);
}

/* ---- From the guest ---- */

static void drop(struct vmmp_virtio_vsock *vsock, const char *why, uint32_t value)
{
    vsock->stats.dropped++;
    vmmp_virtio_misuse(&vsock->virtio, why, value);
}

/* Reads the header once and cuts the payload out of the chain. False: it cannot be trusted. */
static bool parse(struct vmmp_virtio_vsock *vsock)
{
    const struct vmmp_virtqueue_chain *chain = &vsock->tx;
    struct vmmp_vsock_packet *packet = &vsock->packet;
    uint8_t bytes[HEADER];

    if (vmmp_iovec_read(vsock->tx_iov, chain->readable, 0, bytes, HEADER) < HEADER) {
        drop(vsock, "packet dropped: shorter than a header, bytes", chain->readable_bytes);
        return false;
    }
    vmmp_vsock_packet_load(packet, bytes);
    if (packet->len > chain->readable_bytes - HEADER) {
        drop(vsock, "packet dropped: longer than its chain, bytes", packet->len);
        return false;
    }
    if (packet->src_cid != vsock->guest_cid) {
        drop(vsock, "packet dropped: source is not the guest's own CID but",
             (uint32_t)packet->src_cid);
        return false;
    }
    vsock->tx_at = vmmp_iovec_skip(vsock->tx_iov, 0, chain->readable, HEADER);
    vsock->tx_count = vmmp_iovec_trim(vsock->tx_iov, vsock->tx_at, chain->readable, packet->len);
    return true;
}

static bool hand_over(struct vmmp_virtio_vsock *vsock)
{
    const struct vmmp_vsock_packet *packet = &vsock->packet;
    const struct vmmp_vsock_peer *peer =
        packet->dst_cid != VMMP_VSOCK_CID_HOST && vsock->guests.packet ? &vsock->guests
                                                                       : &vsock->host;
    if (!peer->packet(peer->cookie, packet, &vsock->tx_iov[vsock->tx_at],
                      vsock->tx_count - vsock->tx_at)) {
        return false;
    }
    vsock->stats.tx_packets++;
    vsock->stats.tx_bytes += packet->len;
    return true;
}

static enum vmmp_virtio_progress walk_tx(struct vmmp_virtio_vsock *vsock)
{
    struct vmmp_virtio_device *dev = &vsock->virtio;
    for (;;) {
        if (!vsock->tx_held) {
            if (!vmmp_virtio_pop(dev, VIRTIO_VSOCK_TX, &vsock->tx)) {
                return VMMP_VIRTIO_DRAINED;
            }
            if (!parse(vsock)) {
                vmmp_virtio_push(dev, VIRTIO_VSOCK_TX, &vsock->tx.token, 0);
                continue;
            }
        }
        vsock->tx_held = true;
        if (!hand_over(vsock)) {
            return VMMP_VIRTIO_WAITING;
        }
        if (!vsock->tx_held) {
            return VMMP_VIRTIO_WAITING; /* The device was reset from inside the peer. */
        }
        vsock->tx_held = false;
        vmmp_virtio_push(dev, VIRTIO_VSOCK_TX, &vsock->tx.token, 0);
    }
}

/* Replies go into the receive queue after the walk, so that they come with one interrupt. */
static enum vmmp_virtio_progress transmit(struct vmmp_virtio_vsock *vsock)
{
    vsock->tx_walking = true;
    enum vmmp_virtio_progress progress = walk_tx(vsock);
    vsock->tx_walking = false;
    if (vsock->rx_wanted) {
        vsock->rx_wanted = false;
        vmmp_virtio_resume(&vsock->virtio, VIRTIO_VSOCK_RX);
    }
    return progress;
}

void vmmp_virtio_vsock_resume(struct vmmp_virtio_vsock *vsock)
{
    if (vsock->tx_held) {
        vmmp_virtio_resume(&vsock->virtio, VIRTIO_VSOCK_TX);
    }
}

/* ---- To the guest ---- */

/* Cuts the chain's writable part in two: 44 bytes for the header, the rest. */
static bool split(struct vmmp_virtio_vsock_slot *slot, const struct vmmp_virtqueue_chain *chain)
{
    unsigned end = chain->readable + chain->writable;
    size_t left = HEADER;

    if (chain->writable_bytes < HEADER) {
        return false;
    }
    slot->head_count = 0;
    for (unsigned i = chain->readable; left > 0 && i < end; i++) {
        size_t piece = slot->iov[i].len < left ? slot->iov[i].len : left;
        slot->head[slot->head_count++] = (struct vmmp_iovec){ slot->iov[i].base, piece };
        left -= piece;
    }
    slot->size = chain->writable_bytes - HEADER;
    if (slot->size > VMMP_VIRTIO_VSOCK_PAYLOAD) {
        slot->size = VMMP_VIRTIO_VSOCK_PAYLOAD;
    }
    slot->at = vmmp_iovec_skip(slot->iov, chain->readable, end, HEADER);
    slot->count = vmmp_iovec_trim(slot->iov, slot->at, end, slot->size) - slot->at;
    slot->token = chain->token;
    return true;
}

/* A receive buffer; one that was taken and not used stays in hand. */
static bool take_slot(struct vmmp_virtio_vsock *vsock)
{
    struct vmmp_virtio_vsock_slot *slot = &vsock->slot;
    struct vmmp_virtqueue_chain chain = {
        .iov = slot->iov,
        .capacity = sizeof(slot->iov) / sizeof(slot->iov[0]),
    };
    /* Chains without room for a header are given back, but not for ever. */
    for (unsigned i = 0; !slot->held && i <= VMMP_VIRTIO_VSOCK_QUEUE_SIZE; i++) {
        if (!vmmp_virtio_pop(&vsock->virtio, VIRTIO_VSOCK_RX, &chain)) {
            return false;
        }
        slot->held = split(slot, &chain);
        if (!slot->held) {
            drop(vsock, "receive buffer too small for a header, bytes", chain.writable_bytes);
            vmmp_virtio_push(&vsock->virtio, VIRTIO_VSOCK_RX, &chain.token, 0);
        }
    }
    return slot->held;
}

static void use_slot(struct vmmp_virtio_vsock *vsock, const struct vmmp_vsock_packet *packet)
{
    struct vmmp_virtio_vsock_slot *slot = &vsock->slot;
    uint8_t bytes[HEADER];

    vmmp_vsock_packet_store(packet, bytes);
    vmmp_iovec_write(slot->head, slot->head_count, 0, bytes, HEADER);
    slot->held = false;
    vmmp_virtio_push(&vsock->virtio, VIRTIO_VSOCK_RX, &slot->token, HEADER + packet->len);
    vsock->stats.rx_packets++;
    vsock->stats.rx_bytes += packet->len;
}

static bool ask(struct vmmp_virtio_vsock *vsock, const struct vmmp_vsock_peer *peer,
                struct vmmp_vsock_packet *packet)
{
    struct vmmp_virtio_vsock_slot *slot = &vsock->slot;
    memset(packet, 0, sizeof(*packet));
    vsock->filling = true;
    bool filled = peer->fill &&
                  peer->fill(peer->cookie, packet, &slot->iov[slot->at], slot->count, slot->size);
    vsock->filling = false;
    /* The slot is gone if the device was reset inside the peer; a peer cannot say more than fits.
     */
    packet->len = packet->len < slot->size ? packet->len : slot->size;
    return filled && slot->held;
}

/* The peers in turn; false if none has anything to say. */
static bool fill_slot(struct vmmp_virtio_vsock *vsock)
{
    struct vmmp_vsock_packet packet;
    for (unsigned i = 0; i < 2; i++) {
        const struct vmmp_vsock_peer *peer = vsock->guests_next ? &vsock->guests : &vsock->host;
        vsock->guests_next = !vsock->guests_next;
        if (ask(vsock, peer, &packet)) {
            use_slot(vsock, &packet);
            return true;
        }
        if (!vsock->slot.held) {
            return false;
        }
    }
    return false;
}

/* Kicks stay off while there is nothing to say: what the guest refills costs it no exit. */
static enum vmmp_virtio_progress receive(struct vmmp_virtio_vsock *vsock)
{
    while (take_slot(vsock)) {
        if (!fill_slot(vsock)) {
            return VMMP_VIRTIO_WAITING;
        }
    }
    return VMMP_VIRTIO_DRAINED;
}

void vmmp_virtio_vsock_wake(struct vmmp_virtio_vsock *vsock)
{
    if (vsock->tx_walking) {
        vsock->rx_wanted = true;
    } else {
        vmmp_virtio_resume(&vsock->virtio, VIRTIO_VSOCK_RX);
    }
}

bool vmmp_virtio_vsock_deliver(struct vmmp_virtio_vsock *vsock,
                               const struct vmmp_vsock_packet *packet,
                               const struct vmmp_iovec *payload, unsigned count)
{
    struct vmmp_virtio_vsock_slot *slot = &vsock->slot;
    uint64_t done = 0;

    if (vsock->filling || !take_slot(vsock) || slot->size < packet->len) {
        return false;
    }
    for (unsigned i = 0; i < count && done < packet->len; i++) {
        size_t left = packet->len - (size_t)done;
        done += vmmp_iovec_write(&slot->iov[slot->at], slot->count, done, payload[i].base,
                                 payload[i].len < left ? payload[i].len : left);
    }
    struct vmmp_vsock_packet sent = *packet;
    sent.len = (uint32_t)done;
    use_slot(vsock, &sent);
    vmmp_virtio_flush(&vsock->virtio, VIRTIO_VSOCK_RX);
    return true;
}

/* ---- Events ---- */

static enum vmmp_virtio_progress tell_event(struct vmmp_virtio_vsock *vsock)
{
    static const uint8_t event[VIRTIO_VSOCK_EVENT_SIZE] = { VIRTIO_VSOCK_EVENT_TRANSPORT_RESET };
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_VSOCK_QUEUE_SIZE)];
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = sizeof(iov) / sizeof(iov[0]) };

    while (vsock->reset_event) {
        if (!vmmp_virtio_pop(&vsock->virtio, VIRTIO_VSOCK_EVENT, &chain)) {
            return VMMP_VIRTIO_DRAINED;
        }
        uint32_t written = 0;
        if (chain.writable_bytes >= VIRTIO_VSOCK_EVENT_SIZE) {
            written = (uint32_t)vmmp_iovec_write(&iov[chain.readable], chain.writable, 0, event,
                                                 sizeof(event));
            vsock->reset_event = false;
        }
        vmmp_virtio_push(&vsock->virtio, VIRTIO_VSOCK_EVENT, &chain.token, written);
    }
    return VMMP_VIRTIO_WAITING;
}

static void reset_peers(struct vmmp_virtio_vsock *vsock)
{
    vsock->tx_held = false;
    vsock->rx_wanted = false;
    if (vsock->host.reset) {
        vsock->host.reset(vsock->host.cookie);
    }
    if (vsock->guests.reset) {
        vsock->guests.reset(vsock->guests.cookie);
    }
}

static bool valid_cid(uint64_t cid)
{
    return cid >= VMMP_VSOCK_CID_GUEST && cid != VIRTIO_VSOCK_CID_ANY32 && cid != UINT64_MAX;
}

int vmmp_virtio_vsock_transport_reset(struct vmmp_virtio_vsock *vsock, uint64_t guest_cid)
{
    if (!valid_cid(guest_cid)) {
        return -EINVAL;
    }
    vsock->guest_cid = guest_cid;
    vmmp_virtio_config_changed(&vsock->virtio);
    if (vsock->tx_held) {
        vmmp_virtio_push(&vsock->virtio, VIRTIO_VSOCK_TX, &vsock->tx.token, 0);
    }
    reset_peers(vsock);
    /* A driver that starts later reads the CID and has no connections: nothing to tell it. */
    if (vmmp_virtio_live(&vsock->virtio)) {
        vsock->reset_event = true;
        vmmp_virtio_resume(&vsock->virtio, VIRTIO_VSOCK_EVENT);
        vmmp_virtio_resume(&vsock->virtio, VIRTIO_VSOCK_TX);
    }
    return 0;
}

/* ---- The device ---- */

static uint64_t features(struct vmmp_virtio_device *dev)
{
    return UINT64_C(1) << VIRTIO_VSOCK_F_STREAM | (uint64_t)vsock_of(dev)->seqpacket
                                                      << VIRTIO_VSOCK_F_SEQPACKET;
}

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    uint8_t config[CONFIG_SIZE];
    store(config, vsock_of(dev)->guest_cid, sizeof(config));
    memcpy(to, config + offset, size);
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_vsock *vsock = vsock_of(dev);
    switch (queue) {
    case VIRTIO_VSOCK_RX:
        return receive(vsock);
    case VIRTIO_VSOCK_TX:
        return transmit(vsock);
    default:
        return tell_event(vsock);
    }
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_vsock *vsock = vsock_of(dev);
    if (queue == VIRTIO_VSOCK_RX) {
        vsock->slot.held = false;
    } else if (queue == VIRTIO_VSOCK_TX) {
        vsock->tx_held = false;
    }
}

static bool reset(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_vsock *vsock = vsock_of(dev);
    vsock->slot.held = false;
    vsock->reset_event = false;
    reset_peers(vsock);
    return true;
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-vsock",
    .type = VIRTIO_ID_VSOCK,
    .in_order = true,
    .features = features,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

int vmmp_virtio_vsock_init(struct vmmp_virtio_vsock *vsock, const struct vmmp_vsock_peer *host,
                           const struct vmmp_vsock_peer *guests,
                           const struct vmmp_virtio_vsock_options *options,
                           const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                           const struct vmmp_host *host_ops)
{
    static const uint16_t sizes[QUEUES] = { VMMP_VIRTIO_VSOCK_QUEUE_SIZE,
                                            VMMP_VIRTIO_VSOCK_QUEUE_SIZE,
                                            VMMP_VIRTIO_VSOCK_QUEUE_SIZE };

    memset(vsock, 0, sizeof(*vsock));
    if (!host || !host->packet || (guests && !guests->packet) || !options ||
        !valid_cid(options->guest_cid)) {
        return -EINVAL;
    }
    int result =
        vmmp_virtio_init(&vsock->virtio, &ops, vsock->queues, sizes, QUEUES, memory, log, host_ops);
    if (result != 0) {
        return result;
    }
    vsock->host = *host;
    if (guests) {
        vsock->guests = *guests;
    }
    vsock->guest_cid = options->guest_cid;
    vsock->seqpacket = options->seqpacket;
    vsock->virtio.features_off = options->features_off;
    vsock->tx.iov = vsock->tx_iov;
    vsock->tx.capacity = sizeof(vsock->tx_iov) / sizeof(vsock->tx_iov[0]);
    return 0;
}

void vmmp_virtio_vsock_fini(struct vmmp_virtio_vsock *vsock)
{
    vmmp_virtio_fini(&vsock->virtio);
}
