/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reception. Chains are taken from the ring into slots, in order, and filled from the front; what
 * a frame does not need stays for the next one.
 */
#include <errno.h>
#include <string.h>

#include "virtio/virtio_core.h"
#include "virtio/virtio_net_internal.h"

#define RX_IOVS  (2u * VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE))
#define POP_IOVS ((unsigned)VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE))

enum fill {
    FILL_ENOUGH,
    FILL_EMPTY, /* The guest may add more, and kicks are on. */
    FILL_FULL,  /* There is no room for more slots: its buffers are too small. */
};

static unsigned rx_queue(unsigned pair)
{
    return 2 * pair;
}

static bool merges(const struct vmmp_virtio_net *net)
{
    return net_has(net, VIRTIO_NET_F_MRG_RXBUF);
}

/* Moves what is left to the front. True if another chain fits. */
static bool make_room(struct vmmp_virtio_net_rx *rx)
{
    if (rx->end_iov + POP_IOVS <= RX_IOVS && rx->end_slot < VMMP_VIRTIO_NET_SLOTS) {
        return true;
    }
    unsigned iovs = rx->end_iov - rx->first_iov;
    unsigned slots = rx->end_slot - rx->first_slot;
    memmove(rx->iov, &rx->iov[rx->first_iov], iovs * sizeof(rx->iov[0]));
    memmove(rx->slots, &rx->slots[rx->first_slot], slots * sizeof(rx->slots[0]));
    rx->first_iov = rx->first_slot = 0;
    rx->end_iov = iovs;
    rx->end_slot = slots;
    return rx->end_iov + POP_IOVS <= RX_IOVS && rx->end_slot < VMMP_VIRTIO_NET_SLOTS;
}

/* A chain from the ring. After a miss kicks are on, so the driver tells when there is one again. */
static bool pop(struct vmmp_virtio_net *net, unsigned queue, struct vmmp_virtqueue_chain *chain)
{
    return vmmp_virtio_pop(&net->virtio, queue, chain) ||
           (vmmp_virtio_want_kick(&net->virtio, queue) &&
            vmmp_virtio_pop(&net->virtio, queue, chain));
}

static void add_slot(struct vmmp_virtio_net_rx *rx, const struct vmmp_virtqueue_chain *chain)
{
    if (chain->readable > 0) {
        memmove(chain->iov, &chain->iov[chain->readable], chain->writable * sizeof(chain->iov[0]));
    }
    rx->slots[rx->end_slot++] = (struct vmmp_virtio_net_slot){
        .token = chain->token,
        .bytes = chain->writable_bytes,
        .elements = chain->writable,
    };
    rx->end_iov += chain->writable;
    rx->bytes += chain->writable_bytes;
}

/*
 * Gives the first slots back empty if not even a header fits into them (5.1.6.3.1); how many.
 * Behind a larger one such a slot is of use, and stays: chains go back in the order in which they
 * came.
 */
static __attribute__((noinline)) unsigned give_back_useless(struct vmmp_virtio_net *net,
                                                            unsigned pair)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    unsigned count = 0;
    while (rx->first_slot != rx->end_slot && rx->slots[rx->first_slot].bytes < net->header_size) {
        const struct vmmp_virtio_net_slot *slot = &rx->slots[rx->first_slot++];
        rx->first_iov += slot->elements;
        rx->bytes -= slot->bytes;
        vmmp_virtio_push(&net->virtio, rx_queue(pair), &slot->token, 0);
        rx->unshown = true;
        count++;
    }
    return count;
}

/*
 * Sees to `len` bytes in the slots, a header's worth of them in the first; without merging to one
 * slot, whatever its size. Does not look for useful ones for ever.
 */
static enum fill fill(struct vmmp_virtio_net *net, unsigned pair, size_t len)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    unsigned useless = rx->first_slot != rx->end_slot ? give_back_useless(net, pair) : 0;

    while (rx->bytes < len) {
        if (rx->first_slot != rx->end_slot && !merges(net)) {
            return FILL_FULL;
        }
        if (useless > VMMP_VIRTIO_NET_QUEUE_SIZE || !make_room(rx)) {
            return FILL_FULL;
        }
        struct vmmp_virtqueue_chain chain = { .iov = &rx->iov[rx->end_iov], .capacity = POP_IOVS };
        if (!pop(net, rx_queue(pair), &chain)) {
            rx->starved = true;
            net->stats.rx_waits++;
            return FILL_EMPTY;
        }
        add_slot(rx, &chain);
        if (chain.writable_bytes < net->header_size) {
            useless += give_back_useless(net, pair);
        }
    }
    return FILL_ENOUGH;
}

static void show(struct vmmp_virtio_net *net, unsigned pair)
{
    if (net->rx[pair].unshown && net->batch == 0) {
        net->rx[pair].unshown = false;
        vmmp_virtio_flush(&net->virtio, rx_queue(pair));
    }
}

/* Gives the first slots back with `len` bytes in them, of which the header is the first. */
static void finish(struct vmmp_virtio_net *net, unsigned pair, size_t len)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    const struct vmmp_iovec *iov = &rx->iov[rx->first_iov];
    unsigned left = rx->end_iov - rx->first_iov;
    size_t covered = rx->slots[rx->first_slot].bytes;
    uint16_t buffers = 1;

    for (; covered < len; buffers++) {
        covered += rx->slots[rx->first_slot + buffers].bytes;
    }
    if (net->header_size > HDR_NUM_BUFFERS) {
        const vmmp_le16_t number = vmmp_le16(buffers);
        if (iov->len >= HDR_SIZE) {
            memcpy((uint8_t *)iov->base + HDR_NUM_BUFFERS, &number, sizeof(number));
        } else {
            vmmp_iovec_write(iov, left, HDR_NUM_BUFFERS, &number, sizeof(number));
        }
    }
    net->stats.rx_frames++;
    net->stats.rx_bytes += len - net->header_size;
    for (; len > 0; buffers--) {
        const struct vmmp_virtio_net_slot *slot = &rx->slots[rx->first_slot++];
        uint32_t part = len < slot->bytes ? (uint32_t)len : slot->bytes;
        rx->first_iov += slot->elements;
        rx->bytes -= slot->bytes;
        len -= part;
        vmmp_virtio_push(&net->virtio, rx_queue(pair), &slot->token, part);
    }
    if (rx->first_slot == rx->end_slot) {
        rx->first_slot = rx->end_slot = 0;
        rx->first_iov = rx->end_iov = 0;
    }
    rx->unshown = true;
    show(net, pair);
}

/* The first bytes of a frame: its addresses, type and VLAN tag. */
#define HEAD (ETH_HEADER + 4)

static bool wanted(const struct vmmp_virtio_net *net, const struct vmmp_iovec *iov, unsigned count,
                   size_t header)
{
    uint8_t head[HEAD];
    if (net->filter.promiscuous) {
        return true;
    }
    size_t len = vmmp_iovec_read(iov, count, header, head, sizeof(head));
    return vmmp_virtio_net_filter_passes(net, head, len);
}

static bool up(const struct vmmp_virtio_net *net, unsigned pair)
{
    /* 5.1.6.5.6.2: not to queues that the driver does not look at. */
    return pair < net->state.pairs && net->link_up && virtio_live(&net->virtio);
}

size_t vmmp_virtio_net_rx_max(const struct vmmp_virtio_net *net)
{
    uint32_t segments = VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6 | VMMP_VIRTIO_NET_USO;
    size_t longest = net->state.to_guest & segments ? VMMP_VIRTIO_NET_MAX_FRAME : net->longest;
    return net->header_size + longest;
}

/* ---- The header that a backend brings (5.1.6.4.1) ---- */

static bool segments_agreed(const struct vmmp_virtio_net *net, uint8_t type)
{
    uint32_t agreed = net->state.to_guest;
    if (type & VIRTIO_NET_HDR_GSO_ECN && !(agreed & VMMP_VIRTIO_NET_ECN)) {
        return false;
    }
    switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return agreed & VMMP_VIRTIO_NET_TSO4;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return agreed & VMMP_VIRTIO_NET_TSO6;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        return agreed & VMMP_VIRTIO_NET_USO;
    default:
        return false;
    }
}

/*
 * Whether the driver has agreed to what the header at the front says of the `len` bytes there,
 * itself included. A backend may have made it for the driver before: what waits in a TAP interface
 * stays as it was queued. Flags that are only news, as that a checksum is known to be good, are
 * taken out for who does not want to know.
 */
static bool header_agreed(const struct vmmp_virtio_net *net, const struct vmmp_iovec *iov,
                          unsigned left, size_t len)
{
    uint8_t start[2];
    if (iov->len >= sizeof(start)) {
        memcpy(start, iov->base, sizeof(start));
    } else {
        vmmp_iovec_read(iov, left, 0, start, sizeof(start));
    }
    if (start[HDR_GSO_TYPE] != VIRTIO_NET_HDR_GSO_NONE &&
        !segments_agreed(net, start[HDR_GSO_TYPE])) {
        return false;
    }
    /* 5.1.4.1: segments may be longer than the MTU, whole frames not. */
    if (len > net->header_size + (size_t)net->longest &&
        (start[HDR_GSO_TYPE] & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_NONE) {
        return false;
    }
    if (start[HDR_FLAGS] == 0) {
        return true;
    }
    uint8_t known = net->state.to_guest & VMMP_VIRTIO_NET_CSUM
                        ? VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID
                        : 0;
    if (start[HDR_FLAGS] & ~known & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        return false;
    }
    if (start[HDR_FLAGS] & ~known) {
        start[HDR_FLAGS] &= known;
        vmmp_iovec_write(iov, left, HDR_FLAGS, &start[HDR_FLAGS], 1);
    }
    return true;
}

/* ---- One copy ---- */

static void copy_in(const struct vmmp_iovec *iov, unsigned left, const struct vmmp_iovec *from,
                    unsigned count, size_t header)
{
    static const uint8_t zeroes[HDR_SIZE];
    size_t at = header;

    if (header > 0) {
        vmmp_iovec_write(iov, left, 0, zeroes, header);
    }
    for (unsigned i = 0; i < count; i++) {
        if (at + from[i].len <= iov->len) {
            memcpy((uint8_t *)iov->base + at, from[i].base, from[i].len);
        } else {
            vmmp_iovec_write(iov, left, at, from[i].base, from[i].len);
        }
        at += from[i].len;
    }
}

static int drop(struct vmmp_virtio_net *net)
{
    net->stats.rx_dropped++;
    return 0;
}

/*
 * The usual case in few steps: no buffer is held, and the next one takes the frame in its first
 * piece. False: nothing of the frame was used, and a buffer that was taken waits in a slot.
 */
static bool receive_quickly(struct vmmp_virtio_net *net, unsigned pair,
                            const struct vmmp_iovec *from, unsigned count, size_t own, size_t len)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    struct vmmp_virtqueue_chain chain = { .iov = rx->iov, .capacity = POP_IOVS };

    if (rx->end_iov != 0 || !vmmp_virtio_pop(&net->virtio, rx_queue(pair), &chain)) {
        return false;
    }
    /* A chain of nothing leaves in `iov` what an earlier one had there. */
    if (chain.readable > 0 || chain.writable == 0 || chain.iov->len < len) {
        add_slot(rx, &chain);
        return false;
    }
    copy_in(chain.iov, 1, from, count, own);
    if (own == 0 && !header_agreed(net, chain.iov, 1, len)) {
        add_slot(rx, &chain);
        drop(net);
        return true;
    }
    if (net->header_size > HDR_NUM_BUFFERS) {
        const vmmp_le16_t one = vmmp_le16(1);
        memcpy((uint8_t *)chain.iov->base + HDR_NUM_BUFFERS, &one, sizeof(one));
    }
    net->stats.rx_frames++;
    net->stats.rx_bytes += len - net->header_size;
    vmmp_virtio_push(&net->virtio, rx_queue(pair), &chain.token, (uint32_t)len);
    rx->unshown = true;
    show(net, pair);
    return true;
}

int vmmp_virtio_net_receive(struct vmmp_virtio_net *net, unsigned pair,
                            const struct vmmp_iovec *iov, unsigned count)
{
    /* What the model has to put before the frame, or the frame brings along. */
    size_t own = net->backend.header ? 0 : net->header_size;
    size_t brought = net->header_size - own;
    size_t len = own;

    for (unsigned i = 0; i < count; i++) {
        len += iov[i].len;
    }
    if (!up(net, pair) || len < net->header_size + ETH_HEADER ||
        len > vmmp_virtio_net_rx_max(net)) {
        return drop(net);
    }
    if (!wanted(net, iov, count, brought)) {
        net->stats.rx_filtered++;
        return 0;
    }
    if (receive_quickly(net, pair, iov, count, own, len)) {
        return 0;
    }
    enum fill filled = fill(net, pair, len);
    if (filled != FILL_ENOUGH) {
        show(net, pair);
        return filled == FILL_EMPTY ? -EAGAIN : drop(net);
    }
    const struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    const struct vmmp_iovec *to = &rx->iov[rx->first_iov];
    unsigned left = rx->end_iov - rx->first_iov;
    copy_in(to, left, iov, count, own);
    if (brought > 0 && !header_agreed(net, to, left, len)) {
        return drop(net);
    }
    finish(net, pair, len);
    return 0;
}

/* ---- No copy ---- */

int vmmp_virtio_net_rx_reserve(struct vmmp_virtio_net *net, unsigned pair, size_t len,
                               const struct vmmp_iovec **iov, unsigned *count)
{
    if (!up(net, pair) || !net->backend.header) {
        return -ENETDOWN;
    }
    enum fill filled = fill(net, pair, len);
    if (filled != FILL_ENOUGH) {
        show(net, pair);
        return filled == FILL_EMPTY ? -EAGAIN : -EMSGSIZE;
    }
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    *iov = &rx->iov[rx->first_iov];
    *count = (merges(net) ? rx->end_iov : rx->first_iov + rx->slots[rx->first_slot].elements) -
             rx->first_iov;
    return 0;
}

void vmmp_virtio_net_rx_commit(struct vmmp_virtio_net *net, unsigned pair, size_t len)
{
    /* Also after a reset meanwhile: there is nothing reserved then. */
    if (!up(net, pair) || len < net->header_size + ETH_HEADER || len > net->rx[pair].bytes) {
        net->stats.rx_dropped++;
        return;
    }
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    if (!wanted(net, &rx->iov[rx->first_iov], rx->end_iov - rx->first_iov, net->header_size)) {
        net->stats.rx_filtered++;
        return;
    }
    if (!header_agreed(net, &rx->iov[rx->first_iov], rx->end_iov - rx->first_iov, len)) {
        drop(net);
        return;
    }
    finish(net, pair, len);
}

/* ---- Batches, buffers ---- */

void vmmp_virtio_net_batch_begin(struct vmmp_virtio_net *net)
{
    net->batch++;
}

void vmmp_virtio_net_batch_end(struct vmmp_virtio_net *net)
{
    if (net->batch == 0 || --net->batch > 0) {
        return;
    }
    for (unsigned pair = 0; pair < net->max_pairs; pair++) {
        show(net, pair);
    }
}

void vmmp_virtio_net_rx_refilled(struct vmmp_virtio_net *net, unsigned pair)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    if (rx->starved) {
        rx->starved = false;
        if (net->backend.rx_ready) {
            net->backend.rx_ready(net->backend.cookie, pair);
        }
    }
}

void vmmp_virtio_net_rx_forget(struct vmmp_virtio_net *net, unsigned pair)
{
    struct vmmp_virtio_net_rx *rx = &net->rx[pair];
    rx->unshown = false;
    rx->bytes = 0;
    rx->first_slot = rx->end_slot = 0;
    rx->first_iov = rx->end_iov = 0;
}
