/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection table: by ports, by who has something to say, by deadline. */
#include "virtio/vsock_mux.h"

#include <string.h>

/* ---- By ports ---- */

static struct vmmp_vsock_connection **bucket(const struct vmmp_vsock_mux *mux, uint32_t guest_port,
                                             uint32_t host_port)
{
    uint32_t mixed = (guest_port * 0x9e3779b1u) ^ (host_port * 0x85ebca6bu);
    mixed ^= mixed >> 15;
    unsigned count = 1;
    while (count < mux->connections) {
        count *= 2;
    }
    return &mux->buckets[mixed & (count - 1)];
}

struct vmmp_vsock_connection *vmmp_vsock_mux_find(const struct vmmp_vsock_mux *mux,
                                                  uint32_t guest_port, uint32_t host_port)
{
    struct vmmp_vsock_connection *connection = *bucket(mux, guest_port, host_port);
    while (connection &&
           (connection->guest_port != guest_port || connection->host_port != host_port)) {
        connection = connection->hash_next;
    }
    return connection;
}

struct vmmp_vsock_connection *vmmp_vsock_mux_take(struct vmmp_vsock_mux *mux, uint32_t guest_port,
                                                  uint32_t host_port, enum vmmp_vsock_type type)
{
    struct vmmp_vsock_connection *connection = mux->free;
    if (!connection) {
        return NULL;
    }
    mux->free = connection->hash_next;
    mux->in_use++;

    uint8_t *buffer = connection->buffer;
    uint8_t *marks = connection->marks;
    memset(connection, 0, sizeof(*connection));
    connection->buffer = buffer;
    connection->marks = marks;
    connection->guest_port = guest_port;
    connection->host_port = host_port;
    connection->type = type;

    struct vmmp_vsock_connection **head = bucket(mux, guest_port, host_port);
    connection->hash_next = *head;
    *head = connection;
    return connection;
}

void vmmp_vsock_mux_unhash(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    struct vmmp_vsock_connection **link =
        bucket(mux, connection->guest_port, connection->host_port);
    while (*link && *link != connection) {
        link = &(*link)->hash_next;
    }
    if (*link) {
        *link = connection->hash_next;
        connection->hash_next = NULL;
    }
}

void vmmp_vsock_mux_delist(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    struct vmmp_vsock_connection *before = connection->ready_before;
    struct vmmp_vsock_connection *next = connection->ready_next;
    *(before ? &before->ready_next : &mux->ready_first) = next;
    *(next ? &next->ready_before : &mux->ready_last) = before;
    connection->listed = false;
}

void vmmp_vsock_mux_give_back(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    vmmp_vsock_mux_unhash(mux, connection);
    vmmp_vsock_mux_stop_timer(mux, connection);
    if (connection->listed) {
        vmmp_vsock_mux_delist(mux, connection);
    }
    connection->state = VMMP_VSOCK_FREE;
    connection->user = NULL;
    connection->known = false;
    connection->hash_next = mux->free;
    mux->free = connection;
    mux->in_use--;
}

/* ---- By who has something to say ---- */

uint32_t vmmp_vsock_mux_credit(const struct vmmp_vsock_connection *connection)
{
    /* 5.10.6.3. A guest may shrink its buffer below what is in it already. */
    uint32_t in_flight = connection->tx_cnt - connection->peer_fwd_cnt;
    return in_flight < connection->peer_buf_alloc ? connection->peer_buf_alloc - in_flight : 0;
}

static bool may_send(const struct vmmp_vsock_connection *connection)
{
    return connection->state == VMMP_VSOCK_OPEN && connection->readable &&
           !(connection->guest_shut & VMMP_VSOCK_RECEIVE) &&
           !(connection->host_shut & VMMP_VSOCK_SEND);
}

bool vmmp_vsock_mux_has_work(const struct vmmp_vsock_mux *mux,
                             const struct vmmp_vsock_connection *connection)
{
    return connection->pending != 0 ||
           (mux->backend.receive && may_send(connection) && vmmp_vsock_mux_credit(connection) > 0);
}

void vmmp_vsock_mux_enlist(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    connection->listed = true;
    connection->ready_before = mux->ready_last;
    connection->ready_next = NULL;
    *(mux->ready_last ? &mux->ready_last->ready_next : &mux->ready_first) = connection;
    mux->ready_last = connection;
}

void vmmp_vsock_mux_ask(struct vmmp_vsock_connection *connection)
{
    if (may_send(connection) && vmmp_vsock_mux_credit(connection) == 0 && !connection->asked) {
        connection->asked = true;
        connection->pending |= VSOCK_PENDING_ASK;
    }
}

void vmmp_vsock_mux_update(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    vmmp_vsock_mux_ask(connection);
    if (!connection->listed && vmmp_vsock_mux_has_work(mux, connection)) {
        vmmp_vsock_mux_enlist(mux, connection);
        vmmp_virtio_vsock_wake(&mux->device);
    }
}

/* ---- By deadline: all wait equally long, so the list is in order by itself ---- */

void vmmp_vsock_mux_stop_timer(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (!connection->timed) {
        return;
    }
    struct vmmp_vsock_connection *before = connection->timed_before;
    struct vmmp_vsock_connection *next = connection->timed_next;
    *(before ? &before->timed_next : &mux->timed_first) = next;
    *(next ? &next->timed_before : &mux->timed_last) = before;
    connection->timed = false;
}

void vmmp_vsock_mux_start_timer(struct vmmp_vsock_mux *mux,
                                struct vmmp_vsock_connection *connection)
{
    const struct vmmp_host *host = &mux->device.virtio.host;
    if (!host->ops || !host->ops->now || !host->ops->timer_arm) {
        return;
    }
    vmmp_vsock_mux_stop_timer(mux, connection);
    connection->deadline = host->ops->now(host->cookie) + mux->timeout_ns;
    connection->timed = true;
    connection->timed_next = NULL;
    connection->timed_before = mux->timed_last;
    if (mux->timed_last) {
        mux->timed_last->timed_next = connection;
    } else {
        mux->timed_first = connection;
        host->ops->timer_arm(host->cookie, &mux->timer, connection->deadline);
    }
    mux->timed_last = connection;
}
