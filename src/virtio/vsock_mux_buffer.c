/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's data on its way to the backend. What comes while nothing is buffered goes there
 * straight from guest memory; what is not taken goes into the connection's ring, which holds
 * exactly what the guest was given credit for.
 *
 * Seqpacket messages go to the backend whole. Where they end is marked beside the bytes, so that
 * messages of a single byte need no more room than any.
 */
#include "virtio/vsock_mux.h"

#include <string.h>

/* ---- The ring ---- */

static void set_marks(const struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                      uint32_t count, uint32_t flags)
{
    uint32_t at = count & (mux->buffer_size - 1);
    unsigned shift = at % 4 * 2;
    uint8_t *marks = &connection->marks[at / 4];
    *marks = (uint8_t)((*marks & ~(3u << shift)) | (flags & 3u) << shift);
}

static uint32_t marks_at(const struct vmmp_vsock_mux *mux,
                         const struct vmmp_vsock_connection *connection, uint32_t count)
{
    uint32_t at = count & (mux->buffer_size - 1);
    return connection->marks[at / 4] >> (at % 4 * 2) & 3u;
}

/* Up to two pieces: the ring from byte `count` on. */
static unsigned pieces(const struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                       uint32_t count, uint32_t bytes, struct vmmp_iovec iov[2])
{
    uint32_t at = count & (mux->buffer_size - 1);
    uint32_t first = bytes < mux->buffer_size - at ? bytes : mux->buffer_size - at;
    iov[0] = (struct vmmp_iovec){ connection->buffer + at, first };
    iov[1] = (struct vmmp_iovec){ connection->buffer, bytes - first };
    return bytes > first ? 2 : 1;
}

/* Appends `payload` from byte `offset` on; it fits. */
static void store(const struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                  const struct vmmp_iovec *payload, unsigned count, uint32_t offset, uint32_t bytes)
{
    struct vmmp_iovec iov[2];
    unsigned parts = pieces(mux, connection, connection->rx_cnt, bytes, iov);
    for (unsigned i = 0; i < parts; i++) {
        vmmp_iovec_read(payload, count, offset, iov[i].base, iov[i].len);
        offset += (uint32_t)iov[i].len;
    }
    if (connection->type == VMMP_VSOCK_SEQPACKET) {
        for (uint32_t i = 0; i < bytes; i++) {
            set_marks(mux, connection, connection->rx_cnt + i, 0);
        }
    }
    connection->rx_cnt += bytes;
}

/* The bytes received last are the end of a message. */
static void end_message(const struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                        uint32_t flags)
{
    if (vsock_mux_buffered(connection) > 0 && !marks_at(mux, connection, connection->rx_cnt - 1)) {
        set_marks(mux, connection, connection->rx_cnt - 1, flags);
        connection->messages++;
    }
}

/* ---- To the backend ---- */

/* -1: the connection is over, or no longer what it was. */
static int64_t call_send(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                         const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                         uint32_t flags)
{
    enum vmmp_vsock_state state = connection->state;
    connection->sending = true;
    connection->woken = false;
    int64_t taken = mux->backend.send(mux->backend.cookie, connection, iov, count, bytes, flags);
    if (connection->state != state || !connection->sending) {
        return -1;
    }
    connection->sending = false;
    if (taken < 0) {
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_FAILED);
        return -1;
    }
    taken = taken < bytes ? taken : bytes;
    if (connection->host_shut & VMMP_VSOCK_RECEIVE) {
        taken = bytes; /* It said meanwhile that it does not want the rest. */
    } else if (connection->type == VMMP_VSOCK_SEQPACKET && taken < bytes) {
        taken = 0;
    }
    connection->blocked = taken < bytes && !connection->woken;
    return taken;
}

static void took(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                 uint32_t bytes)
{
    connection->fwd_cnt += bytes;
    if (connection->fwd_cnt - connection->told_fwd_cnt >= mux->buffer_size / 4 &&
        connection->state == VMMP_VSOCK_OPEN) {
        connection->pending |= VSOCK_PENDING_CREDIT;
        vmmp_vsock_mux_update(mux, connection);
    }
}

/* The first message in the ring; there is one. */
static uint32_t first_message(const struct vmmp_vsock_mux *mux,
                              const struct vmmp_vsock_connection *connection, uint32_t *flags)
{
    uint32_t count = connection->fwd_cnt;
    while ((*flags = marks_at(mux, connection, count)) == 0 && count != connection->rx_cnt - 1) {
        count++;
    }
    return count - connection->fwd_cnt + 1;
}

/* Offers the backend what is there, once. False: no more for now. */
static bool offer(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                  int64_t *taken)
{
    struct vmmp_iovec iov[2];
    uint32_t flags = 0;
    uint32_t bytes = vsock_mux_buffered(connection);
    bool seqpacket = connection->type == VMMP_VSOCK_SEQPACKET;

    if (bytes == 0 || connection->blocked || (seqpacket && connection->messages == 0)) {
        return false;
    }
    if (seqpacket) {
        bytes = first_message(mux, connection, &flags);
    }
    unsigned count = pieces(mux, connection, connection->fwd_cnt, bytes, iov);
    *taken = call_send(mux, connection, iov, count, bytes, flags);
    if (*taken < 0) {
        return false;
    }
    /* A shutdown from inside has emptied the ring. */
    uint32_t left = vsock_mux_buffered(connection);
    uint32_t done = *taken < left ? (uint32_t)*taken : left;
    if (seqpacket && done > 0) {
        connection->messages--;
    }
    took(mux, connection, done);
    return true;
}

/* All that can come out of the ring has. */
static bool drained(const struct vmmp_vsock_connection *connection)
{
    return vsock_mux_buffered(connection) == 0 ||
           (connection->type == VMMP_VSOCK_SEQPACKET && connection->messages == 0);
}

/* Tells the backend what the guest has shut. */
static void settle(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (connection->state == VMMP_VSOCK_DRAINING && drained(connection)) {
        vmmp_vsock_mux_tell_closed(mux, connection, VMMP_VSOCK_DONE);
        if (connection->state == VMMP_VSOCK_DRAINING) {
            vmmp_vsock_mux_give_back(mux, connection);
        }
        return;
    }
    if (connection->state != VMMP_VSOCK_OPEN) {
        return;
    }
    if (connection->guest_shut == VSOCK_SHUT_BOTH && drained(connection)) {
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_DONE);
        return;
    }
    uint8_t news = connection->guest_shut & (uint8_t)~connection->told_shut;
    if (!drained(connection)) {
        news &= (uint8_t)~VMMP_VSOCK_SEND;
    }
    connection->told_shut |= news;
    if (news && mux->backend.shutdown) {
        mux->backend.shutdown(mux->backend.cookie, connection, news);
    }
}

void vmmp_vsock_mux_drain(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    bool retried = false;
    int64_t taken = 0;

    if (connection->sending) {
        return; /* Whoever sends goes on afterwards. */
    }
    while (offer(mux, connection, &taken)) {
        /* A backend that says "writable" inside `send` is asked once more. */
        connection->blocked |= taken == 0 && retried;
        retried = taken == 0;
    }
    if (taken >= 0) {
        settle(mux, connection);
    }
}

/* ---- From the guest ---- */

static void data_seqpacket(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                           const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                           unsigned count)
{
    uint32_t flags = packet->flags & (VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);
    bool ends = (flags & VIRTIO_VSOCK_SEQ_EOM) != 0;
    bool direct =
        ends && packet->len > 0 && vsock_mux_buffered(connection) == 0 && !connection->blocked;

    if (direct) {
        int64_t taken = call_send(mux, connection, payload, count, packet->len, flags);
        if (taken < 0) {
            return;
        }
        if (taken > 0) {
            connection->rx_cnt += packet->len;
            took(mux, connection, packet->len);
            return;
        }
    }
    if (packet->len > 0) {
        store(mux, connection, payload, count, 0, packet->len);
    }
    if (ends) {
        end_message(mux, connection, flags);
        vmmp_vsock_mux_drain(mux, connection);
    }
}

static void data_stream(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                        const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                        unsigned count)
{
    int64_t taken = 0;
    if (packet->len == 0) {
        return;
    }
    if (vsock_mux_buffered(connection) == 0 && !connection->blocked) {
        taken = call_send(mux, connection, payload, count, packet->len, 0);
        if (taken < 0) {
            return;
        }
    }
    connection->rx_cnt += (uint32_t)taken;
    took(mux, connection, (uint32_t)taken);
    uint32_t left = packet->len - (uint32_t)taken;
    if (left > 0) {
        store(mux, connection, payload, count, (uint32_t)taken, left);
        vmmp_vsock_mux_drain(mux, connection);
    }
}

void vmmp_vsock_mux_data(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                         const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                         unsigned count)
{
    if (connection->host_shut & VMMP_VSOCK_RECEIVE) {
        /* The guest was told; what was on its way costs it no credit. */
        connection->rx_cnt += packet->len;
        took(mux, connection, packet->len);
    } else if (connection->type == VMMP_VSOCK_SEQPACKET) {
        data_seqpacket(mux, connection, packet, payload, count);
    } else {
        data_stream(mux, connection, packet, payload, count);
    }
}
