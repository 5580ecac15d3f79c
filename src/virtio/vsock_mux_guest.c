/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest says: one function per operation (virtio 1.2, 5.10.6.3 to 5.10.6.7). */
#include "virtio/vsock_mux.h"

/*
 * A reset for what is not a connection. False if the ring is full: the packet that asks for it then
 * waits, and with it the transmit queue.
 */
static bool reply_reset(struct vmmp_vsock_mux *mux, const struct vmmp_vsock_packet *packet)
{
    if (packet->op == VIRTIO_VSOCK_OP_RST) {
        return true;
    }
    if (mux->reset_count == VMMP_VSOCK_MUX_RESETS) {
        return false;
    }
    unsigned at = (mux->reset_head + mux->reset_count++) % VMMP_VSOCK_MUX_RESETS;
    mux->resets[at] = (struct vmmp_vsock_mux_reset){ packet->dst_cid, packet->dst_port,
                                                     packet->src_port, packet->type };
    vmmp_virtio_vsock_wake(&mux->device);
    return true;
}

/* No more than can be in flight and still be told from less than none. */
static uint32_t usable(uint32_t buf_alloc)
{
    return buf_alloc < INT32_MAX ? buf_alloc : INT32_MAX;
}

static bool handle_request(struct vmmp_vsock_mux *mux, const struct vmmp_vsock_packet *packet)
{
    struct vmmp_vsock_connection *connection = vmmp_vsock_mux_take(
        mux, packet->src_port, packet->dst_port, (enum vmmp_vsock_type)packet->type);
    if (!connection) {
        mux->stats.refused += mux->reset_count < VMMP_VSOCK_MUX_RESETS;
        return reply_reset(mux, packet);
    }
    connection->state = VMMP_VSOCK_ACCEPTING;
    connection->peer_buf_alloc = usable(packet->buf_alloc);
    connection->peer_fwd_cnt = packet->fwd_cnt;
    connection->tx_cnt = packet->fwd_cnt;
    connection->known = true;
    if (!mux->backend.connect(mux->backend.cookie, connection) &&
        connection->state == VMMP_VSOCK_ACCEPTING) {
        connection->known = false;
        mux->stats.refused++;
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_RESET);
    }
    return true;
}

static void handle_response(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (connection->state != VMMP_VSOCK_REQUESTED ||
        (connection->pending & VSOCK_PENDING_REQUEST)) {
        vmmp_vsock_mux_violation(mux, connection, "response without a request");
        return;
    }
    connection->state = VMMP_VSOCK_OPEN;
    mux->stats.opened++;
    vmmp_vsock_mux_stop_timer(mux, connection);
    if (mux->backend.connected) {
        mux->backend.connected(mux->backend.cookie, connection);
    }
    if (connection->state == VMMP_VSOCK_OPEN) {
        vmmp_vsock_mux_update(mux, connection);
    }
}

static void handle_reset(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    bool complete = (connection->guest_shut & VMMP_VSOCK_SEND) != 0;

    if (connection->state == VMMP_VSOCK_OPEN && complete && vsock_mux_buffered(connection) > 0) {
        /* The guest has said all and waited for us long enough; the backend still gets it. */
        vmmp_vsock_mux_unhash(mux, connection);
        connection->state = VMMP_VSOCK_DRAINING;
        connection->pending = 0;
        vmmp_vsock_mux_start_timer(mux, connection);
        vmmp_vsock_mux_drain(mux, connection);
        return;
    }
    connection->state = VMMP_VSOCK_RESETTING; /* For what the backend calls. */
    connection->pending = 0;
    connection->readable = false;
    vmmp_vsock_mux_tell_closed(mux, connection, complete ? VMMP_VSOCK_DONE : VMMP_VSOCK_RESET);
    if (connection->state != VMMP_VSOCK_FREE) {
        vmmp_vsock_mux_give_back(mux, connection);
    }
}

static void handle_shutdown(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                            uint32_t flags)
{
    connection->guest_shut |= (uint8_t)(flags & VSOCK_SHUT_BOTH);
    switch (connection->state) {
    case VMMP_VSOCK_OPEN:
        vmmp_vsock_mux_drain(mux, connection);
        break;
    case VMMP_VSOCK_ACCEPTING:
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_RESET);
        break;
    case VMMP_VSOCK_CLOSING:
        if (connection->guest_shut == VSOCK_SHUT_BOTH) {
            vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_DONE);
        }
        break;
    default:
        vmmp_vsock_mux_violation(mux, connection, "shutdown of what is not connected");
        break;
    }
}

static void handle_data(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                        const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                        unsigned count)
{
    if (connection->state == VMMP_VSOCK_CLOSING) {
        return; /* On its way when the host closed. */
    }
    if (connection->state != VMMP_VSOCK_OPEN || (connection->guest_shut & VMMP_VSOCK_SEND)) {
        vmmp_vsock_mux_violation(mux, connection, "data out of turn");
    } else if (packet->len > mux->buffer_size - vsock_mux_buffered(connection)) {
        vmmp_vsock_mux_violation(mux, connection, "more data than credit");
    } else {
        vmmp_vsock_mux_data(mux, connection, packet, payload, count);
    }
}

/*
 * Every packet carries the guest's buffer and how much left it. Counts may come out of order by a
 * little (the guest fills headers in on several CPUs): an older one changes nothing. False: the
 * guest has taken more than it was sent.
 */
static bool take_credit(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                        const struct vmmp_vsock_packet *packet)
{
    uint32_t in_flight = connection->tx_cnt - packet->fwd_cnt;
    if (in_flight > INT32_MAX) {
        return false;
    }
    if (in_flight <= connection->tx_cnt - connection->peer_fwd_cnt) {
        connection->peer_fwd_cnt = packet->fwd_cnt;
    }
    connection->peer_buf_alloc = usable(packet->buf_alloc);
    if (vmmp_vsock_mux_credit(connection) > 0) {
        connection->asked = false;
        connection->pending &= (uint8_t)~VSOCK_PENDING_ASK;
    }
    vmmp_vsock_mux_update(mux, connection);
    return true;
}

static void handle(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                   const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                   unsigned count)
{
    switch (packet->op) {
    case VIRTIO_VSOCK_OP_REQUEST:
        vmmp_vsock_mux_violation(mux, connection, "request on ports in use");
        break;
    case VIRTIO_VSOCK_OP_RESPONSE:
        handle_response(mux, connection);
        break;
    case VIRTIO_VSOCK_OP_SHUTDOWN:
        handle_shutdown(mux, connection, packet->flags);
        break;
    case VIRTIO_VSOCK_OP_RW:
        handle_data(mux, connection, packet, payload, count);
        break;
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        break;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        connection->pending |= VSOCK_PENDING_CREDIT;
        vmmp_vsock_mux_update(mux, connection);
        break;
    default:
        vmmp_vsock_mux_violation(mux, connection, "unknown operation");
        break;
    }
}

bool vmmp_vsock_mux_packet(void *cookie, const struct vmmp_vsock_packet *packet,
                           const struct vmmp_iovec *payload, unsigned count)
{
    struct vmmp_vsock_mux *mux = cookie;
    /* 5.10.6.4.2: a reset answers unknown types, 5.10.6.5: and what nobody listens for. */
    if (packet->dst_cid != VMMP_VSOCK_CID_HOST ||
        !virtio_vsock_knows_type(&mux->device, packet->type)) {
        return reply_reset(mux, packet);
    }
    struct vmmp_vsock_connection *connection =
        vmmp_vsock_mux_find(mux, packet->src_port, packet->dst_port);
    if (!connection) {
        return packet->op == VIRTIO_VSOCK_OP_REQUEST ? handle_request(mux, packet)
                                                     : reply_reset(mux, packet);
    }
    if (connection->type != (enum vmmp_vsock_type)packet->type) {
        return reply_reset(mux, packet);
    }
    if (packet->op == VIRTIO_VSOCK_OP_RST) {
        handle_reset(mux, connection);
    } else if (connection->state == VMMP_VSOCK_RESETTING) {
        return true; /* It has ended, and the guest is about to hear it. */
    } else if (!take_credit(mux, connection, packet)) {
        vmmp_vsock_mux_violation(mux, connection, "more data acknowledged than sent");
    } else {
        handle(mux, connection, packet, payload, count);
    }
    return true;
}
