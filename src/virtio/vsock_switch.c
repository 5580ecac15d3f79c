/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets between guests. Lock order: a device's context, then the switch's. Inside the latter
 * nothing is called but `defer` and timers of hosts.
 */
#include <sel4vmmplatsupport/vmmp/vsock_switch.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_vsock_spec.h"

#define RECORD ((uint32_t)sizeof(struct vmmp_vsock_packet))

/* ---- Rings ---- */

static uint32_t room_of(const struct vmmp_vsock_switch_port *port)
{
    return port->ring_size - (port->tail - port->head);
}

/* Up to two pieces of the ring, from the free-running position `at`. */
static unsigned pieces(const struct vmmp_vsock_switch_port *port, uint32_t at, uint32_t bytes,
                       struct vmmp_iovec iov[2])
{
    uint32_t offset = at & (port->ring_size - 1);
    uint32_t first = bytes < port->ring_size - offset ? bytes : port->ring_size - offset;
    iov[0] = (struct vmmp_iovec){ port->ring + offset, first };
    iov[1] = (struct vmmp_iovec){ port->ring, bytes - first };
    return bytes > first ? 2 : 1;
}

static void put(struct vmmp_vsock_switch_port *port, const void *from, uint32_t bytes)
{
    struct vmmp_iovec iov[2];
    unsigned count = pieces(port, port->tail, bytes, iov);
    vmmp_iovec_write(iov, count, 0, from, bytes);
    port->tail += bytes;
}

static void peek(const struct vmmp_vsock_switch_port *port, struct vmmp_vsock_packet *packet)
{
    struct vmmp_iovec iov[2];
    unsigned count = pieces(port, port->head, RECORD, iov);
    vmmp_iovec_read(iov, count, 0, packet, RECORD);
}

/* The switch's own clock, for all guests; 0 for ever where its host has none. */
static uint64_t now_of(const struct vmmp_vsock_switch *vswitch)
{
    const struct vmmp_host *host = &vswitch->host;
    return host->ops && host->ops->now ? host->ops->now(host->cookie) : 0;
}

/* Has the port's device look, soon and in its own context. */
static void wake(struct vmmp_vsock_switch_port *port)
{
    vmmp_host_defer(&port->device->virtio.host, &port->work);
}

static void append(struct vmmp_vsock_switch_port *port, const struct vmmp_vsock_packet *packet,
                   const struct vmmp_iovec *payload, unsigned count)
{
    uint32_t left = packet->len;
    if (port->head == port->tail) {
        port->moved = now_of(port->owner);
    }
    put(port, packet, RECORD);
    for (unsigned i = 0; i < count && left > 0; i++) {
        uint32_t piece = payload[i].len < left ? (uint32_t)payload[i].len : left;
        put(port, payload[i].base, piece);
        left -= piece;
    }
    wake(port);
}

/* There is room again: whoever waits tries again. */
static void wake_waiting(struct vmmp_vsock_switch *vswitch)
{
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_PORTS; i++) {
        struct vmmp_vsock_switch_port *port = vswitch->ports[i];
        if (port && port->waiting) {
            port->waiting = false;
            wake(port);
        }
    }
}

/* ---- Connections ---- */

static bool is_dying(const struct vmmp_vsock_switch_connection *connection)
{
    return connection->tell_server || connection->tell_client;
}

static bool matches(const struct vmmp_vsock_switch_connection *connection,
                    const struct vmmp_vsock_packet *packet, bool from_server)
{
    uint64_t src_cid = from_server ? connection->server_cid : connection->client_cid;
    uint64_t dst_cid = from_server ? connection->client_cid : connection->server_cid;
    uint32_t src_port = from_server ? connection->server_port : connection->client_port;
    uint32_t dst_port = from_server ? connection->client_port : connection->server_port;
    return connection->used && connection->type == packet->type && packet->src_cid == src_cid &&
           packet->dst_cid == dst_cid && packet->src_port == src_port &&
           packet->dst_port == dst_port;
}

/* The connection that a packet belongs to, open or dying, or NULL. */
static struct vmmp_vsock_switch_connection *find(struct vmmp_vsock_switch *vswitch,
                                                 const struct vmmp_vsock_packet *packet, bool dying)
{
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_CONNECTIONS; i++) {
        struct vmmp_vsock_switch_connection *each = &vswitch->connections[i];
        if (is_dying(each) == dying &&
            (matches(each, packet, true) || matches(each, packet, false))) {
            return each;
        }
    }
    return NULL;
}

static void end(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_connection *connection)
{
    vswitch->dying -= is_dying(connection);
    if (connection->server) {
        connection->server->open--;
    }
    memset(connection, 0, sizeof(*connection));
}

/* One of the two is to be told that the connection has ended. */
static void tell(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_connection *connection,
                 struct vmmp_vsock_switch_port *told)
{
    connection->tell_server = connection->server == told;
    connection->tell_client = !connection->tell_server;
    vswitch->dying++;
    told->owes = true;
    wake(told);
}

/* Takes note of an accepted connection. False: the guest has its share already. */
static bool note(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *server,
                 struct vmmp_vsock_switch_port *client, const struct vmmp_vsock_packet *packet)
{
    if (find(vswitch, packet, false)) {
        return true;
    }
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_CONNECTIONS &&
                         server->open < VMMP_VSOCK_SWITCH_CONNECTIONS / VMMP_VSOCK_SWITCH_PORTS;
         i++) {
        struct vmmp_vsock_switch_connection *each = &vswitch->connections[i];
        if (!each->used) {
            *each = (struct vmmp_vsock_switch_connection){
                .server = server,
                .client = client,
                .server_cid = packet->src_cid,
                .client_cid = packet->dst_cid,
                .server_port = packet->src_port,
                .client_port = packet->dst_port,
                .type = packet->type,
                .used = true,
            };
            server->open++;
            return true;
        }
    }
    return false;
}

/* A guest is gone: the other ends of its connections are to be told. */
static void abandon(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *gone)
{
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_CONNECTIONS; i++) {
        struct vmmp_vsock_switch_connection *each = &vswitch->connections[i];
        if (!each->used || (each->server != gone && each->client != gone)) {
            continue;
        }
        struct vmmp_vsock_switch_port *other = each->server == gone ? each->client : each->server;
        bool told =
            each->tell_server ? each->server == gone : each->tell_client && each->client == gone;
        if (other == gone || !other || told) {
            end(vswitch, each);
            continue;
        }
        if (!is_dying(each)) {
            tell(vswitch, each, other);
        }
        if (each->server == gone) {
            gone->open--;
            each->server = NULL;
        } else {
            each->client = NULL;
        }
    }
}

/* The next reset that a guest is to be told. */
static bool fill_owed(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *port,
                      struct vmmp_vsock_packet *packet)
{
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_CONNECTIONS; i++) {
        struct vmmp_vsock_switch_connection *each = &vswitch->connections[i];
        bool server = each->tell_server && each->server == port;
        if (!server && (!each->tell_client || each->client != port)) {
            continue;
        }
        *packet = (struct vmmp_vsock_packet){
            .src_cid = server ? each->client_cid : each->server_cid,
            .dst_cid = server ? each->server_cid : each->client_cid,
            .src_port = server ? each->client_port : each->server_port,
            .dst_port = server ? each->server_port : each->client_port,
            .type = each->type,
            .op = VIRTIO_VSOCK_OP_RST,
        };
        vswitch->resets++;
        end(vswitch, each);
        return true;
    }
    port->owes = false;
    return false;
}

/* ---- From a guest ---- */

static struct vmmp_vsock_switch_port *find_port(const struct vmmp_vsock_switch *vswitch,
                                                uint64_t cid)
{
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_PORTS; i++) {
        struct vmmp_vsock_switch_port *port = vswitch->ports[i];
        if (port && port->cid == cid) {
            return port;
        }
    }
    return NULL;
}

/* The packet's connection ends here: its sender is told. False: when it has room for that. */
static bool refuse(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *sender,
                   const struct vmmp_vsock_packet *packet)
{
    const struct vmmp_vsock_packet reset = {
        .src_cid = packet->dst_cid,
        .dst_cid = packet->src_cid,
        .src_port = packet->dst_port,
        .dst_port = packet->src_port,
        .type = packet->type,
        .op = VIRTIO_VSOCK_OP_RST,
    };
    if (packet->op == VIRTIO_VSOCK_OP_RST) {
        return true;
    }
    if (room_of(sender) < RECORD) {
        sender->waiting = true;
        return false;
    }
    struct vmmp_vsock_switch_connection *connection = find(vswitch, packet, false);
    if (connection) {
        /* The other end hears of it when it takes packets again. */
        tell(vswitch, connection,
             connection->server == sender ? connection->client : connection->server);
    }
    vswitch->resets++;
    append(sender, &reset, NULL, 0);
    return true;
}

/* Has the sender look again when its patience is over. */
static void wait_for_room(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *sender,
                          const struct vmmp_vsock_switch_port *full)
{
    const struct vmmp_host *host = &sender->device->virtio.host;
    sender->waiting = true;
    vswitch->stalls++;
    if (host->ops->timer_arm && host->ops->now) {
        uint64_t waited = now_of(vswitch) - full->moved;
        host->ops->timer_arm(host->cookie, &sender->timer,
                             host->ops->now(host->cookie) + VMMP_VSOCK_SWITCH_PATIENCE_NS - waited);
    }
}

static bool hand_over(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *sender,
                      const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                      unsigned count)
{
    struct vmmp_vsock_switch_port *to = find_port(vswitch, packet->dst_cid);
    /* 5.10.6.4.2: a reset answers unknown types; what the other guest knows it says itself. */
    if (!to || !to->running || packet->len > VMMP_VIRTIO_VSOCK_PAYLOAD ||
        !virtio_vsock_knows_type(sender->device, packet->type) ||
        /* With something missing before it, its connection's data is worth nothing. */
        (vswitch->dying > 0 && find(vswitch, packet, true))) {
        return refuse(vswitch, sender, packet);
    }
    if (room_of(to) < RECORD + packet->len) {
        if (now_of(vswitch) - to->moved >= VMMP_VSOCK_SWITCH_PATIENCE_NS) {
            return refuse(vswitch, sender, packet);
        }
        wait_for_room(vswitch, sender, to);
        return false;
    }
    if (packet->op == VIRTIO_VSOCK_OP_RESPONSE && !note(vswitch, sender, to, packet)) {
        return refuse(vswitch, sender, packet);
    }
    if (packet->op == VIRTIO_VSOCK_OP_RST) {
        struct vmmp_vsock_switch_connection *connection = find(vswitch, packet, false);
        if (connection) {
            end(vswitch, connection);
        }
    }
    append(to, packet, payload, count);
    vswitch->packets++;
    return true;
}

static bool take_packet(void *cookie, const struct vmmp_vsock_packet *packet,
                        const struct vmmp_iovec *payload, unsigned count)
{
    struct vmmp_vsock_switch_port *port = cookie;
    struct vmmp_vsock_switch *vswitch = port->owner;
    if (!vswitch) {
        return true;
    }
    vmmp_context_enter(&vswitch->context);
    port->running = true;
    bool taken = hand_over(vswitch, port, packet, payload, count);
    vmmp_context_leave(&vswitch->context);
    return taken;
}

/* ---- To a guest ---- */

/* The first packet of the ring, or as much of it as fits: what is cut off comes with the next. */
static void fill_first(struct vmmp_vsock_switch_port *port, struct vmmp_vsock_packet *packet,
                       const struct vmmp_iovec *room, unsigned count, uint32_t size)
{
    struct vmmp_iovec iov[2];
    peek(port, packet);
    uint32_t whole = packet->len;
    uint32_t left = whole - port->partial;
    uint32_t piece = left < size ? left : size;

    packet->len = piece;
    if (piece < left) {
        packet->flags = 0; /* A message's end is in its last piece. */
        packet->op = piece > 0 ? packet->op : VIRTIO_VSOCK_OP_CREDIT_UPDATE;
    }
    unsigned parts = pieces(port, port->head + RECORD + port->partial, piece, iov);
    uint64_t done = 0;
    for (unsigned i = 0; i < parts; i++) {
        done += vmmp_iovec_write(room, count, done, iov[i].base, iov[i].len);
    }
    port->partial += piece;
    if (port->partial == whole) {
        port->head += RECORD + whole;
        port->partial = 0;
    }
}

static bool fill(void *cookie, struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                 unsigned count, uint32_t size)
{
    struct vmmp_vsock_switch_port *port = cookie;
    struct vmmp_vsock_switch *vswitch = port->owner;
    bool filled = false;
    if (!vswitch) {
        return false;
    }
    vmmp_context_enter(&vswitch->context);
    port->running = true;
    if (port->head != port->tail) {
        fill_first(port, packet, room, count, size);
        port->moved = now_of(vswitch);
        wake_waiting(vswitch);
        filled = true;
    } else {
        /* Behind the data that came before. */
        filled = port->owes && fill_owed(vswitch, port, packet);
    }
    vmmp_context_leave(&vswitch->context);
    return filled;
}

/* ---- Life ---- */

static void forget(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *port)
{
    port->head = port->tail = 0;
    port->partial = 0;
    port->running = false;
    port->waiting = false;
    port->owes = false;
    abandon(vswitch, port);
    wake_waiting(vswitch);
}

static void reset(void *cookie)
{
    struct vmmp_vsock_switch_port *port = cookie;
    struct vmmp_vsock_switch *vswitch = port->owner;
    if (vswitch) {
        vmmp_context_enter(&vswitch->context);
        forget(vswitch, port);
        /* After a transport reset the driver goes on, perhaps with a new CID. */
        port->running = vmmp_virtio_live(&port->device->virtio);
        port->cid = port->device->guest_cid;
        vmmp_context_leave(&vswitch->context);
    }
}

static void work(void *cookie)
{
    struct vmmp_vsock_switch_port *port = cookie;
    vmmp_virtio_vsock_wake(port->device);
    vmmp_virtio_vsock_resume(port->device);
}

struct vmmp_vsock_peer vmmp_vsock_switch_peer(struct vmmp_vsock_switch_port *port)
{
    return (struct vmmp_vsock_peer){ take_packet, fill, reset, port };
}

int vmmp_vsock_switch_init(struct vmmp_vsock_switch *vswitch, const struct vmmp_host *host)
{
    static const struct vmmp_host no_host;
    memset(vswitch, 0, sizeof(*vswitch));
    vswitch->host = host ? *host : no_host;
    return vmmp_host_context_init(&vswitch->host, &vswitch->context);
}

void vmmp_vsock_switch_fini(struct vmmp_vsock_switch *vswitch)
{
    vmmp_host_context_fini(&vswitch->host, &vswitch->context);
}

static int plug_in(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *port)
{
    if (find_port(vswitch, port->cid)) {
        return -EADDRINUSE;
    }
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_PORTS; i++) {
        if (!vswitch->ports[i]) {
            vswitch->ports[i] = port;
            port->owner = vswitch;
            return 0;
        }
    }
    return -ENOSPC;
}

int vmmp_vsock_switch_attach(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *port,
                             struct vmmp_virtio_vsock *device, void *ring, uint32_t ring_size)
{
    if (!ring || ring_size < VMMP_VSOCK_SWITCH_RING || (ring_size & (ring_size - 1)) != 0 ||
        port->owner) {
        return -EINVAL;
    }
    if (!vmmp_host_can_defer(&device->virtio.host)) {
        return -ENOTSUP;
    }
    *port = (struct vmmp_vsock_switch_port){
        .device = device, .cid = device->guest_cid, .ring = ring, .ring_size = ring_size
    };
    port->work.run = work;
    port->work.cookie = port;
    port->work.context = &device->virtio.context;
    port->timer.work = port->work;
    vmmp_context_enter(&device->virtio.context);
    vmmp_context_enter(&vswitch->context);
    int result = plug_in(vswitch, port);
    vmmp_context_leave(&vswitch->context);
    vmmp_context_leave(&device->virtio.context);
    return result;
}

void vmmp_vsock_switch_detach(struct vmmp_vsock_switch_port *port)
{
    struct vmmp_vsock_switch *vswitch = port->owner;
    if (!vswitch) {
        return;
    }
    const struct vmmp_host *host = &port->device->virtio.host;
    vmmp_context_enter(&port->device->virtio.context);
    vmmp_context_enter(&vswitch->context);
    for (unsigned i = 0; i < VMMP_VSOCK_SWITCH_PORTS; i++) {
        vswitch->ports[i] = vswitch->ports[i] == port ? NULL : vswitch->ports[i];
    }
    forget(vswitch, port);
    port->owner = NULL;
    vmmp_context_leave(&vswitch->context);
    vmmp_context_leave(&port->device->virtio.context);
    /* Nobody can wake it any more. */
    vmmp_host_cancel(host, &port->work);
    if (host->ops->timer_cancel) {
        host->ops->timer_cancel(host->cookie, &port->timer);
    }
}
