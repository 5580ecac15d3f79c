/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection layer: making it, what the backend calls, how connections end. */
#include "virtio/vsock_mux.h"

#include <errno.h>
#include <string.h>

/* Ports of connections the host makes: above what programs choose, below what kernels do. */
#define FIRST_PORT UINT32_C(0x40000000)
#define PORTS      UINT32_C(0x40000000)

/* ---- How connections end ---- */

void vmmp_vsock_mux_tell_closed(struct vmmp_vsock_mux *mux,
                                struct vmmp_vsock_connection *connection,
                                enum vmmp_vsock_reason reason)
{
    if (connection->known) {
        connection->known = false;
        connection->sending = false;
        if (mux->backend.closed) {
            mux->backend.closed(mux->backend.cookie, connection, reason);
        }
        connection->user = NULL;
    }
}

void vmmp_vsock_mux_abort(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                          enum vmmp_vsock_reason reason)
{
    bool guest_gone = connection->state == VMMP_VSOCK_DRAINING;
    bool unsaid =
        connection->state == VMMP_VSOCK_REQUESTED && (connection->pending & VSOCK_PENDING_REQUEST);

    /* Before the backend hears of it, so that what it calls finds an ended connection. */
    connection->state = VMMP_VSOCK_RESETTING;
    connection->pending = 0;
    connection->readable = false;
    vmmp_vsock_mux_stop_timer(mux, connection);
    vmmp_vsock_mux_tell_closed(mux, connection, reason);
    if (connection->state != VMMP_VSOCK_RESETTING) {
        return; /* The device was reset from inside the backend. */
    }
    if (guest_gone || unsaid) {
        vmmp_vsock_mux_give_back(mux, connection);
        return;
    }
    connection->pending = VSOCK_PENDING_RESET;
    vmmp_vsock_mux_update(mux, connection);
}

void vmmp_vsock_mux_violation(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                              const char *what)
{
    mux->stats.resets++;
    vmmp_log_guest(mux->device.virtio.log, &mux->log_limit,
                   "virtio-vsock: connection of guest port %u and host port %u reset: %s",
                   connection->guest_port, connection->host_port, what);
    vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_RESET);
}

void vmmp_vsock_mux_finish(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    connection->state = VMMP_VSOCK_CLOSING;
    connection->host_shut = VSOCK_SHUT_BOTH;
    connection->pending &= VSOCK_PENDING_RESPONSE;
    connection->pending |= VSOCK_PENDING_SHUTDOWN;
    connection->readable = false;
    vmmp_vsock_mux_start_timer(mux, connection);
    vmmp_vsock_mux_update(mux, connection);
}

/* ---- What the backend calls ---- */

static bool backend_has(const struct vmmp_vsock_connection *connection)
{
    return connection->known && connection->state != VMMP_VSOCK_FREE;
}

static uint32_t choose_port(struct vmmp_vsock_mux *mux, uint32_t guest_port)
{
    uint32_t port;
    /* Fewer connections than ports: this ends, after as many tries as there are connections. */
    do {
        port = FIRST_PORT + mux->next_port;
        mux->next_port = (mux->next_port + 1) % PORTS;
    } while (vmmp_vsock_mux_find(mux, guest_port, port));
    return port;
}

int vmmp_vsock_mux_open(struct vmmp_vsock_mux *mux, uint32_t guest_port, enum vmmp_vsock_type type,
                        void *user, struct vmmp_vsock_connection **connection)
{
    const struct vmmp_virtio_device *dev = &mux->device.virtio;
    *connection = NULL;
    if (!vmmp_virtio_live(dev) || mux->resetting) {
        return -ENOTCONN;
    }
    if (type != VMMP_VSOCK_STREAM &&
        (type != VMMP_VSOCK_SEQPACKET || !vmmp_virtio_has_feature(dev, VIRTIO_VSOCK_F_SEQPACKET))) {
        return -EPROTONOSUPPORT;
    }
    struct vmmp_vsock_connection *made =
        vmmp_vsock_mux_take(mux, guest_port, choose_port(mux, guest_port), type);
    if (!made) {
        return -ENOSPC;
    }
    made->state = VMMP_VSOCK_REQUESTED;
    made->known = true;
    made->user = user;
    made->pending = VSOCK_PENDING_REQUEST;
    *connection = made;
    vmmp_vsock_mux_start_timer(mux, made);
    vmmp_vsock_mux_update(mux, made);
    return 0;
}

void vmmp_vsock_mux_accept(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (connection->state == VMMP_VSOCK_ACCEPTING) {
        connection->state = VMMP_VSOCK_OPEN;
        connection->pending |= VSOCK_PENDING_RESPONSE;
        mux->stats.opened++;
        vmmp_vsock_mux_update(mux, connection);
    }
}

void vmmp_vsock_mux_readable(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (backend_has(connection)) {
        connection->readable = true;
        vmmp_vsock_mux_update(mux, connection);
    }
}

void vmmp_vsock_mux_writable(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (!backend_has(connection)) {
        return;
    }
    connection->woken = true;
    if (connection->blocked) {
        connection->blocked = false;
        vmmp_vsock_mux_drain(mux, connection);
    }
}

void vmmp_vsock_mux_shutdown(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                             uint32_t flags)
{
    uint8_t news = (uint8_t)(flags & VSOCK_SHUT_BOTH & ~(uint32_t)connection->host_shut);
    if (!backend_has(connection) || connection->state != VMMP_VSOCK_OPEN || !news) {
        return;
    }
    connection->host_shut |= news;
    connection->pending |= VSOCK_PENDING_SHUTDOWN;
    if (news & VMMP_VSOCK_RECEIVE) {
        connection->fwd_cnt = connection->rx_cnt;
        connection->messages = 0;
        connection->blocked = false;
    }
    if (connection->host_shut == VSOCK_SHUT_BOTH) {
        vmmp_vsock_mux_finish(mux, connection);
        vmmp_vsock_mux_tell_closed(mux, connection, VMMP_VSOCK_DONE);
        return;
    }
    vmmp_vsock_mux_update(mux, connection);
}

void vmmp_vsock_mux_close(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    if (!backend_has(connection)) {
        return;
    }
    connection->known = false;
    connection->user = NULL;
    connection->sending = false;
    if (connection->state == VMMP_VSOCK_OPEN) {
        vmmp_vsock_mux_finish(mux, connection);
    } else {
        vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_DONE);
    }
}

/* ---- Time ---- */

static void expire(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection)
{
    /* What the guest has not read would be lost with a reset: it gets more time. */
    if (connection->state == VMMP_VSOCK_CLOSING && connection->tx_cnt != connection->peer_fwd_cnt) {
        vmmp_vsock_mux_start_timer(mux, connection);
        return;
    }
    mux->stats.timeouts++;
    vmmp_vsock_mux_abort(mux, connection, VMMP_VSOCK_TIMEOUT);
}

static void time_out(void *cookie)
{
    struct vmmp_vsock_mux *mux = cookie;
    const struct vmmp_host *host = &mux->device.virtio.host;
    uint64_t now = host->ops->now(host->cookie);
    /* Once around: those that get more time go to the end, with a deadline that is not over. */
    while (mux->timed_first && mux->timed_first->deadline <= now) {
        struct vmmp_vsock_connection *connection = mux->timed_first;
        vmmp_vsock_mux_stop_timer(mux, connection);
        expire(mux, connection);
    }
    if (mux->timed_first) {
        host->ops->timer_arm(host->cookie, &mux->timer, mux->timed_first->deadline);
    }
}

/* ---- The guest's driver is gone ---- */

static void reset(void *cookie)
{
    struct vmmp_vsock_mux *mux = cookie;
    bool nested = mux->resetting;
    mux->resetting = true;
    mux->reset_head = 0;
    mux->reset_count = 0;
    for (unsigned i = 0; i < mux->connections && mux->in_use > 0; i++) {
        struct vmmp_vsock_connection *connection = &mux->table[i];
        if (connection->state != VMMP_VSOCK_FREE) {
            connection->state = VMMP_VSOCK_RESETTING;
            connection->pending = 0;
            connection->readable = false;
            vmmp_vsock_mux_tell_closed(mux, connection, VMMP_VSOCK_GONE);
        }
        if (connection->state == VMMP_VSOCK_RESETTING) { /* Not reset again meanwhile. */
            vmmp_vsock_mux_give_back(mux, connection);
        }
    }
    mux->resetting = nested;
}

/* ---- Making it ---- */

static bool options_valid(const struct vmmp_vsock_mux_options *options, const void *memory,
                          size_t memory_size)
{
    uint32_t buffer = options->buffer_size;
    return options->connections >= 1 && options->connections <= 65536 && buffer >= 4096 &&
           buffer <= (UINT32_C(1) << 30) && (buffer & (buffer - 1)) == 0 &&
           /* On 32 bits the product could wrap. */
           (uint64_t)options->connections * (buffer + buffer / 4) < SIZE_MAX / 2 && memory &&
           memory_size >= VMMP_VSOCK_MUX_MEMORY(options->connections, buffer);
}

static void lay_out(struct vmmp_vsock_mux *mux, void *memory)
{
    unsigned count = mux->connections;
    uint8_t *at = memory;
    size_t tables = count * (sizeof(*mux->table) + 2 * sizeof(void *));

    memset(at, 0, tables);
    mux->table = memory;
    mux->buckets = (void *)(at + count * sizeof(*mux->table));
    at += tables;
    for (unsigned i = count; i-- > 0;) {
        struct vmmp_vsock_connection *connection = &mux->table[i];
        connection->buffer = at + (size_t)i * mux->buffer_size;
        connection->marks =
            at + (size_t)count * mux->buffer_size + (size_t)i * (mux->buffer_size / 4);
        connection->hash_next = mux->free;
        mux->free = connection;
    }
}

int vmmp_vsock_mux_init(struct vmmp_vsock_mux *mux, const struct vmmp_vsock_backend *backend,
                        const struct vmmp_vsock_peer *guests,
                        const struct vmmp_vsock_mux_options *options, void *memory,
                        size_t memory_size, const struct vmmp_guest_memory *guest_memory,
                        const struct vmmp_log *log, const struct vmmp_host *host)
{
    const struct vmmp_vsock_peer peer = { vmmp_vsock_mux_packet, vmmp_vsock_mux_fill, reset, mux };

    memset(mux, 0, sizeof(*mux));
    if (!backend || !backend->connect || !backend->send || !options ||
        !options_valid(options, memory, memory_size)) {
        return -EINVAL;
    }
    const struct vmmp_virtio_vsock_options device = { options->guest_cid, options->seqpacket,
                                                      options->features_off };
    int result =
        vmmp_virtio_vsock_init(&mux->device, &peer, guests, &device, guest_memory, log, host);
    if (result != 0) {
        return result;
    }
    mux->backend = *backend;
    mux->connections = options->connections;
    mux->buffer_size = options->buffer_size;
    mux->timeout_ns = options->timeout_ns ? options->timeout_ns : VMMP_VSOCK_MUX_TIMEOUT_NS;
    mux->timer.work.run = time_out;
    mux->timer.work.cookie = mux;
    mux->timer.work.context = &mux->device.virtio.context;
    lay_out(mux, memory);
    return 0;
}

void vmmp_vsock_mux_fini(struct vmmp_vsock_mux *mux)
{
    const struct vmmp_host *host = &mux->device.virtio.host;
    if (host->ops && host->ops->timer_cancel) {
        host->ops->timer_cancel(host->cookie, &mux->timer);
    }
    vmmp_context_enter(&mux->device.virtio.context);
    mux->device.virtio.status = 0; /* What backends call from here on finds nobody. */
    reset(mux);
    vmmp_context_leave(&mux->device.virtio.context);
    vmmp_virtio_vsock_fini(&mux->device);
}
