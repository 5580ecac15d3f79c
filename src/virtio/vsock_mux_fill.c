/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets for the guest: one for each receive buffer, the connections in turn. */
#include "virtio/vsock_mux.h"

static void fill_reset(struct vmmp_vsock_mux *mux, struct vmmp_vsock_packet *packet)
{
    const struct vmmp_vsock_mux_reset *reset = &mux->resets[mux->reset_head];
    packet->src_cid = reset->src_cid;
    packet->dst_cid = mux->device.guest_cid;
    packet->src_port = reset->src_port;
    packet->dst_port = reset->dst_port;
    packet->type = reset->type;
    packet->op = VIRTIO_VSOCK_OP_RST;
    mux->reset_head = (mux->reset_head + 1) % VMMP_VSOCK_MUX_RESETS;
    mux->reset_count--;
    vmmp_virtio_vsock_resume(&mux->device);
}

/* Every packet of a connection tells the guest its credit. */
static void address(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                    struct vmmp_vsock_packet *packet, uint16_t op)
{
    packet->src_cid = VMMP_VSOCK_CID_HOST;
    packet->dst_cid = mux->device.guest_cid;
    packet->src_port = connection->host_port;
    packet->dst_port = connection->guest_port;
    packet->type = (uint16_t)connection->type;
    packet->op = op;
    packet->buf_alloc = mux->buffer_size;
    packet->fwd_cnt = connection->fwd_cnt;
    connection->told_fwd_cnt = connection->fwd_cnt;
    connection->pending &= (uint8_t)~VSOCK_PENDING_CREDIT;
}

/*
 * Data of the backend's. False if there was none, or something else than data came of it, which is
 * then in `pending`.
 */
static bool fill_data(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                      struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                      unsigned count, uint32_t size)
{
    uint32_t flags = 0;
    uint32_t credit = vmmp_vsock_mux_credit(connection);
    uint32_t most = size < credit ? size : credit;

    connection->readable = false;
    if (most == 0) {
        /* A buffer with no room for data is used up by a packet without. */
        connection->readable = true;
        connection->pending |= VSOCK_PENDING_CREDIT;
        return false;
    }
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_VSOCK_QUEUE_SIZE)];
    unsigned pieces = 0;
    for (uint32_t left = most; pieces < count && left > 0; pieces++) {
        iov[pieces] = room[pieces];
        iov[pieces].len = iov[pieces].len < left ? iov[pieces].len : left;
        left -= (uint32_t)iov[pieces].len;
    }
    int64_t bytes =
        mux->backend.receive(mux->backend.cookie, connection, iov, pieces, most, &flags);
    if (connection->state != VMMP_VSOCK_OPEN || bytes == 0) {
        return false;
    }
    if (bytes == VMMP_VSOCK_END) {
        vmmp_vsock_mux_shutdown(mux, connection, VMMP_VSOCK_SEND);
        return false;
    }
    if (bytes < 0) {
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_FAILED);
        return false;
    }
    connection->readable = true;
    packet->len = bytes < most ? (uint32_t)bytes : most;
    packet->flags = connection->type == VMMP_VSOCK_SEQPACKET ? flags & 3u : 0;
    connection->tx_cnt += packet->len;
    address(mux, connection, packet, VIRTIO_VSOCK_OP_RW);
    return true;
}

/* The packets that are bits, in the order in which they may be sent. */
static bool fill_pending(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                         struct vmmp_vsock_packet *packet, uint8_t allowed)
{
    static const struct {
        uint8_t bit;
        uint16_t op;
    } packets[] = {
        { VSOCK_PENDING_RESET, VIRTIO_VSOCK_OP_RST },
        { VSOCK_PENDING_REQUEST, VIRTIO_VSOCK_OP_REQUEST },
        { VSOCK_PENDING_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE },
        { VSOCK_PENDING_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN },
        { VSOCK_PENDING_ASK, VIRTIO_VSOCK_OP_CREDIT_REQUEST },
        { VSOCK_PENDING_CREDIT, VIRTIO_VSOCK_OP_CREDIT_UPDATE },
    };
    uint8_t pending = connection->pending & allowed;
    for (unsigned i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        if (pending & packets[i].bit) {
            connection->pending &= (uint8_t)~packets[i].bit;
            address(mux, connection, packet, packets[i].op);
            packet->flags = packets[i].op == VIRTIO_VSOCK_OP_SHUTDOWN ? connection->host_shut : 0;
            if (packets[i].bit == VSOCK_PENDING_RESET) {
                vmmp_vsock_mux_give_back(mux, connection);
            }
            return true;
        }
    }
    return false;
}

/* What a connection has to say next; false if it turns out to be nothing. */
static bool fill_one(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                     struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                     unsigned count, uint32_t size)
{
    if (fill_pending(mux, connection, packet, (uint8_t)~VSOCK_PENDING_CREDIT)) {
        return true;
    }
    /* Data carries the credit update along. */
    uint8_t credit = connection->pending;
    connection->pending = 0;
    bool data = vmmp_vsock_mux_has_work(mux, connection);
    connection->pending = credit;
    return (data && fill_data(mux, connection, packet, room, count, size)) ||
           fill_pending(mux, connection, packet, UINT8_MAX);
}

bool vmmp_vsock_mux_fill(void *cookie, struct vmmp_vsock_packet *packet,
                         const struct vmmp_iovec *room, unsigned count, uint32_t size)
{
    struct vmmp_vsock_mux *mux = cookie;
    if (mux->reset_count > 0) {
        fill_reset(mux, packet);
        return true;
    }
    while (mux->ready_first) {
        struct vmmp_vsock_connection *connection = mux->ready_first;
        vmmp_vsock_mux_delist(mux, connection);
        bool filled = fill_one(mux, connection, packet, room, count, size);
        vmmp_vsock_mux_ask(connection);
        if (connection->state != VMMP_VSOCK_FREE && !connection->listed &&
            vmmp_vsock_mux_has_work(mux, connection)) {
            vmmp_vsock_mux_enlist(mux, connection);
        }
        if (filled) {
            return true;
        }
    }
    return false;
}
