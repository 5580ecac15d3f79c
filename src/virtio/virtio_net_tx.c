/* SPDX-License-Identifier: BSD-2-Clause */
/* Transmission: headers are checked and copied, frames stay where they are. */
#include <string.h>

#include "virtio/iovec.h"
#include "virtio/virtio_net_internal.h"

static unsigned tx_queue(unsigned pair)
{
    return 2 * pair + 1;
}

/* ---- The header (5.1.6.2) ---- */

static bool segmentation_allowed(const struct vmmp_virtio_net *net, uint8_t type)
{
    bool ecn = type & VIRTIO_NET_HDR_GSO_ECN;
    switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return net_has(net, VIRTIO_NET_F_HOST_TSO4) &&
               (!ecn || net_has(net, VIRTIO_NET_F_HOST_ECN));
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return net_has(net, VIRTIO_NET_F_HOST_TSO6) &&
               (!ecn || net_has(net, VIRTIO_NET_F_HOST_ECN));
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        return !ecn && net_has(net, VIRTIO_NET_F_HOST_USO);
    default:
        return false;
    }
}

/*
 * Checks a header against a frame of `len` bytes and clears what has no meaning. Bits of `flags`
 * that are for the other direction are to be ignored (5.1.6.2.2).
 */
static bool header_fits(const struct vmmp_virtio_net *net, uint8_t *header, size_t len)
{
    bool checksum = header[HDR_FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    uint8_t type = header[HDR_GSO_TYPE];

    if (!checksum) {
        /* Without, nothing else in the header has a meaning; segmentation needs it. */
        memset(header, 0, HDR_SIZE);
        return type == VIRTIO_NET_HDR_GSO_NONE && len <= net->longest;
    }
    header[HDR_FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    memset(header + HDR_NUM_BUFFERS, 0, HDR_SIZE - HDR_NUM_BUFFERS);
    size_t end = (size_t)net_le16(header + HDR_CSUM_START) + net_le16(header + HDR_CSUM_OFFSET) +
                 sizeof(uint16_t);
    if (!net_has(net, VIRTIO_NET_F_CSUM) || end > len) {
        return false;
    }
    if (type == VIRTIO_NET_HDR_GSO_NONE) {
        memset(header + HDR_HDR_LEN, 0, 4);
        return len <= net->longest;
    }
    /* A hint that some drivers get wrong (5.1.6.2.2); backends may count on its being within. */
    if (net_le16(header + HDR_HDR_LEN) > len) {
        header[HDR_HDR_LEN] = (uint8_t)len;
        header[HDR_HDR_LEN + 1] = (uint8_t)(len >> 8);
    }
    return segmentation_allowed(net, type) && net_le16(header + HDR_GSO_SIZE) > 0;
}

/* ---- Frames ---- */

/* Copies the header; usually it lies in one piece, and is the long one. */
static void read_header(const struct vmmp_virtqueue_chain *chain, uint8_t *header, size_t size)
{
    if (size == HDR_SIZE && chain->iov[0].len >= HDR_SIZE) {
        memcpy(header, chain->iov[0].base, HDR_SIZE);
    } else {
        vmmp_iovec_read(chain->iov, chain->readable, 0, header, size);
    }
}

/* Takes the header off the chain's elements and puts the copy before the frame. */
static bool prepare(struct vmmp_virtio_net *net, struct vmmp_virtio_net_tx *tx)
{
    struct vmmp_virtqueue_chain *chain = &tx->chain;

    if (chain->writable > 0 || chain->readable_bytes < net->header_size + ETH_HEADER ||
        chain->readable_bytes > (uint32_t)net->header_size + VMMP_VIRTIO_NET_MAX_FRAME) {
        return false;
    }
    read_header(chain, tx->header, net->header_size);
    unsigned at = vmmp_iovec_skip(chain->iov, 0, chain->readable, net->header_size);
    tx->len = chain->readable_bytes - net->header_size;
    if (!header_fits(net, tx->header, tx->len)) {
        return false;
    }
    /* chain->iov is tx->iov + 1: there is always a place before its elements. */
    tx->at = at + 1;
    tx->count = chain->readable - at;
    if (net->backend.header) {
        tx->at--;
        tx->count++;
        tx->len += net->header_size;
        tx->iov[tx->at] = (struct vmmp_iovec){ tx->header, net->header_size };
    }
    return true;
}

/* Offers the backend the frame that is held. */
static bool offer(struct vmmp_virtio_net *net, unsigned pair)
{
    const struct vmmp_virtio_net_backend *backend = &net->backend;
    struct vmmp_virtio_net_tx *tx = &net->tx[pair];

    for (unsigned tries = 0; tries < 2; tries++) {
        tx->woken = false;
        if (!backend->transmit ||
            backend->transmit(backend->cookie, pair, &tx->iov[tx->at], tx->count, tx->len)) {
            return true;
        }
        /* It may be writable again inside the call; then it is asked once more. */
        if (!tx->busy || !tx->woken) {
            break;
        }
    }
    return false;
}

/* The next frame to offer: false if there is none. Those that will not do are given back. */
static bool next_frame(struct vmmp_virtio_net *net, unsigned pair)
{
    struct vmmp_virtio_net_tx *tx = &net->tx[pair];
    while (vmmp_virtio_pop(&net->virtio, tx_queue(pair), &tx->chain)) {
        bool good = prepare(net, tx);
        if (good && net->link_up) {
            tx->busy = true;
            return true;
        }
        net->stats.tx_malformed += !good;
        net->stats.tx_no_link += good;
        vmmp_virtio_push(&net->virtio, tx_queue(pair), &tx->chain.token, 0);
    }
    return false;
}

static enum vmmp_virtio_progress transmit(struct vmmp_virtio_net *net, unsigned pair)
{
    struct vmmp_virtio_net_tx *tx = &net->tx[pair];

    if (tx->blocked) {
        return VMMP_VIRTIO_WAITING;
    }
    while (tx->busy || next_frame(net, pair)) {
        bool taken = offer(net, pair);
        if (!tx->busy) {
            continue; /* The device was reset from inside the backend. */
        }
        if (!taken) {
            tx->blocked = true;
            net->stats.tx_waits++;
            return VMMP_VIRTIO_WAITING;
        }
        tx->busy = false;
        net->stats.tx_frames++;
        net->stats.tx_bytes += tx->len - (net->backend.header ? net->header_size : 0u);
        vmmp_virtio_push(&net->virtio, tx_queue(pair), &tx->chain.token, 0);
    }
    return VMMP_VIRTIO_DRAINED;
}

enum vmmp_virtio_progress vmmp_virtio_net_tx_process(struct vmmp_virtio_net *net, unsigned pair)
{
    const struct vmmp_virtio_net_backend *backend = &net->backend;
    /* What the backend answers meanwhile is one batch. */
    vmmp_virtio_net_batch_begin(net);
    if (backend->transmit_batch) {
        backend->transmit_batch(backend->cookie, true);
    }
    enum vmmp_virtio_progress progress = transmit(net, pair);
    if (backend->transmit_batch) {
        backend->transmit_batch(backend->cookie, false);
    }
    vmmp_virtio_net_batch_end(net);
    return progress;
}

void vmmp_virtio_net_writable(struct vmmp_virtio_net *net)
{
    for (unsigned pair = 0; pair < net->max_pairs; pair++) {
        struct vmmp_virtio_net_tx *tx = &net->tx[pair];
        tx->woken = true;
        if (tx->blocked) {
            tx->blocked = false;
            vmmp_virtio_resume(&net->virtio, tx_queue(pair));
        }
    }
}

void vmmp_virtio_net_tx_forget(struct vmmp_virtio_net *net, unsigned pair)
{
    net->tx[pair].busy = false;
    net->tx[pair].blocked = false;
}
