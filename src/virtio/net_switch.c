/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/net_switch.h>

#include <errno.h>
#include <string.h>

#define WAYS    4u
#define BUCKETS (VMMP_NET_SWITCH_ADDRESSES / WAYS)
#define HEADER  14u /* Destination, source, type. */
#define LENGTH  4u  /* Before each frame; a length of 0 says that the ring goes on at its start. */
#define ALL     VMMP_NET_SWITCH_PORTS

/* ---- Addresses (IEEE 802.1D, 7.8 and 7.9) ---- */

static uint64_t clock_ns(const struct vmmp_net_switch *net_switch)
{
    const struct vmmp_host *host = &net_switch->host;
    return host->ops && host->ops->now ? host->ops->now(host->cookie) : 0;
}

/* For a frame from this port. All frames of a batch have come at once. */
static uint64_t now(const struct vmmp_net_switch_port *from)
{
    return from->in_batch ? from->batch_ns : clock_ns(from->net_switch);
}

static struct vmmp_net_switch_entry *bucket_of(struct vmmp_net_switch *net_switch,
                                               const uint8_t *address)
{
    /* The golden ratio's digits mix well; the upper ones are the best mixed. */
    uint32_t lower, upper = 0;
    memcpy(&lower, address + 2, 4);
    memcpy(&upper, address, 2);
    uint32_t hash = (lower ^ upper * UINT32_C(0x85ebca6b)) * UINT32_C(0x9e3779b1);
    size_t bucket = (hash >> 16) % BUCKETS;
    return &net_switch->table[bucket * WAYS];
}

static void learn(const struct vmmp_net_switch_port *from, const uint8_t *address)
{
    struct vmmp_net_switch_entry *bucket = bucket_of(from->net_switch, address);
    struct vmmp_net_switch_entry *oldest = bucket;

    if (address[0] & 1) {
        return; /* No interface has such an address. */
    }
    for (unsigned i = 0; i < WAYS; i++) {
        struct vmmp_net_switch_entry *entry = &bucket[i];
        if (entry->valid && memcmp(entry->address, address, 6) == 0) {
            oldest = entry;
            break;
        }
        if (oldest->valid && (!entry->valid || entry->seen_ns < oldest->seen_ns)) {
            oldest = entry;
        }
    }
    memcpy(oldest->address, address, 6);
    oldest->port = (uint8_t)from->number;
    oldest->valid = true;
    oldest->seen_ns = now(from);
}

/* The port with this address, or ALL. */
static unsigned look_up(const struct vmmp_net_switch_port *from, const uint8_t *address)
{
    struct vmmp_net_switch_entry *bucket = bucket_of(from->net_switch, address);
    for (unsigned i = 0; i < WAYS && !(address[0] & 1); i++) {
        struct vmmp_net_switch_entry *entry = &bucket[i];
        if (entry->valid && memcmp(entry->address, address, 6) == 0) {
            /* It may have been seen in a batch that began after this one. */
            if ((int64_t)(now(from) - entry->seen_ns) > (int64_t)VMMP_NET_SWITCH_AGE_NS) {
                entry->valid = false;
                break;
            }
            return entry->port;
        }
    }
    return ALL;
}

/* ---- Rings ---- */

static uint32_t record_size(size_t len)
{
    return LENGTH + ((uint32_t)len + 3) / 4 * 4;
}

static void put_length(uint8_t *at, uint32_t len)
{
    memcpy(at, &len, LENGTH);
}

static uint32_t get_length(const uint8_t *at)
{
    uint32_t len;
    memcpy(&len, at, LENGTH);
    return len;
}

/* Inside the switch's context. */
static void put(struct vmmp_net_switch_port *port, const struct vmmp_iovec *iov, unsigned count,
                size_t len)
{
    uint32_t need = record_size(len);
    uint32_t skip = need > port->size - port->head ? port->size - port->head : 0;

    if (need > port->size - port->used || skip > port->size - port->used - need) {
        port->dropped++;
        return;
    }
    if (skip > 0) {
        put_length(port->memory + port->head, 0);
        port->head = 0;
    }
    put_length(port->memory + port->head, (uint32_t)len);
    vmmp_iovec_read(iov, count, 0, port->memory + port->head + LENGTH, len);
    port->head = (port->head + need) % port->size;
    port->used += skip + need;
    port->frames++;
    port->forwarded++;
    vmmp_host_defer(&port->net_switch->host, &port->work);
}

/*
 * Gives the device what was in its ring on entry. Inside the device's context; producers only ever
 * write to the free part of the ring, so frames are read without the switch's.
 */
static void deliver(void *cookie)
{
    struct vmmp_net_switch_port *port = cookie;
    const struct vmmp_context *context = &port->net_switch->context;
    uint32_t used = 0;
    uint32_t done = 0;
    uint32_t tail = port->tail;

    if (port->delivering || !port->net) {
        return;
    }
    vmmp_context_enter(context);
    uint32_t frames = port->frames;
    vmmp_context_leave(context);
    port->delivering = true;
    vmmp_virtio_net_batch_begin(port->net);
    while (done < frames) {
        uint32_t len = get_length(port->memory + tail);
        if (len == 0) {
            used += port->size - tail;
            tail = 0;
            len = get_length(port->memory);
        }
        struct vmmp_iovec iov = { port->memory + tail + LENGTH, len };
        if (vmmp_virtio_net_receive(port->net, 0, &iov, 1) == -EAGAIN) {
            break; /* rx_ready goes on. */
        }
        used += record_size(len);
        tail = (tail + record_size(len)) % port->size;
        done++;
    }
    vmmp_virtio_net_batch_end(port->net);
    port->delivering = false;
    vmmp_context_enter(context);
    port->tail = tail;
    port->used -= used;
    port->frames -= done;
    vmmp_context_leave(context);
}

/* ---- Forwarding ---- */

/* The addresses of a frame; usually they lie in its first piece. False: it is too short. */
static bool read_head(const struct vmmp_iovec *iov, unsigned count, uint8_t head[HEADER])
{
    if (count > 0 && iov[0].len >= HEADER) {
        memcpy(head, iov[0].base, HEADER);
        return true;
    }
    return vmmp_iovec_read(iov, count, 0, head, HEADER) == HEADER;
}

/* The next port from `i` on that a frame from `from` to port `to`, or ALL, goes to; or the end. */
static unsigned next_port(const struct vmmp_net_switch_port *from, unsigned i, unsigned to)
{
    const struct vmmp_net_switch *net_switch = from->net_switch;
    while (i < net_switch->ports_end &&
           (!net_switch->ports[i] || net_switch->ports[i] == from || (to != ALL && to != i))) {
        i++;
    }
    return i;
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    const struct vmmp_net_switch_port *from = cookie;
    struct vmmp_net_switch *net_switch = from->net_switch;
    uint8_t head[HEADER];

    (void)pair;
    if (!read_head(iov, count, head) || !from->net) {
        return true;
    }
    vmmp_context_enter(&net_switch->context);
    learn(from, head + 6);
    unsigned to = look_up(from, head);
    net_switch->flooded += to == ALL;
    for (unsigned i = next_port(from, 0, to); i < net_switch->ports_end;
         i = next_port(from, i + 1, to)) {
        put(net_switch->ports[i], iov, count, len);
    }
    vmmp_context_leave(&net_switch->context);
    if (!vmmp_host_can_defer(&net_switch->host)) {
        /* One thread, empty contexts: at once. */
        for (unsigned i = next_port(from, 0, to); i < net_switch->ports_end;
             i = next_port(from, i + 1, to)) {
            deliver(net_switch->ports[i]);
        }
    }
    return true;
}

static void transmit_batch(void *cookie, bool begins)
{
    struct vmmp_net_switch_port *from = cookie;
    from->in_batch = begins;
    from->batch_ns = begins ? clock_ns(from->net_switch) : 0;
}

static void rx_ready(void *cookie, unsigned pair)
{
    (void)pair;
    deliver(cookie);
}

/* ---- Ports ---- */

int vmmp_net_switch_init(struct vmmp_net_switch *net_switch, const struct vmmp_host *host)
{
    memset(net_switch, 0, sizeof(*net_switch));
    if (host) {
        net_switch->host = *host;
    }
    return vmmp_host_context_init(&net_switch->host, &net_switch->context);
}

void vmmp_net_switch_fini(struct vmmp_net_switch *net_switch)
{
    vmmp_host_context_fini(&net_switch->host, &net_switch->context);
}

int vmmp_net_switch_port_init(struct vmmp_net_switch_port *port, struct vmmp_net_switch *net_switch,
                              void *memory, size_t size)
{
    memset(port, 0, sizeof(*port));
    if (!memory || size < VMMP_NET_SWITCH_MEMORY_LEAST || size > UINT32_MAX / 2) {
        return -EINVAL;
    }
    port->net_switch = net_switch;
    port->memory = memory;
    port->size = (uint32_t)size / 4 * 4;
    port->work.run = deliver;
    port->work.cookie = port;
    return 0;
}

void vmmp_net_switch_backend(struct vmmp_net_switch_port *port,
                             struct vmmp_virtio_net_backend *backend)
{
    *backend = (struct vmmp_virtio_net_backend){
        .transmit = transmit,
        .transmit_batch = transmit_batch,
        .rx_ready = rx_ready,
        .cookie = port,
    };
}

int vmmp_net_switch_attach(struct vmmp_net_switch_port *port, struct vmmp_virtio_net *net)
{
    struct vmmp_net_switch *net_switch = port->net_switch;
    int result = -ENOSPC;

    port->work.context = &net->virtio.context;
    port->head = port->tail = port->used = port->frames = 0;
    vmmp_context_enter(&net_switch->context);
    for (unsigned i = 0; i < VMMP_NET_SWITCH_PORTS; i++) {
        if (!net_switch->ports[i]) {
            port->number = i;
            port->net = net;
            net_switch->ports[i] = port;
            net_switch->ports_end = i < net_switch->ports_end ? net_switch->ports_end : i + 1;
            result = 0;
            break;
        }
    }
    vmmp_context_leave(&net_switch->context);
    return result;
}

void vmmp_net_switch_detach(struct vmmp_net_switch_port *port)
{
    struct vmmp_net_switch *net_switch = port->net_switch;

    if (!port->net) {
        return;
    }
    vmmp_context_enter(&net_switch->context);
    net_switch->ports[port->number] = NULL;
    while (net_switch->ports_end > 0 && !net_switch->ports[net_switch->ports_end - 1]) {
        net_switch->ports_end--;
    }
    for (unsigned i = 0; i < VMMP_NET_SWITCH_ADDRESSES; i++) {
        if (net_switch->table[i].port == port->number) {
            net_switch->table[i].valid = false;
        }
    }
    vmmp_context_leave(&net_switch->context);
    /* Nobody defers it from here on. */
    vmmp_host_cancel(&net_switch->host, &port->work);
    port->net = NULL;
}
