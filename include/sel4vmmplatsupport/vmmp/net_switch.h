/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A learning Ethernet switch between virtio-net devices of one process (IEEE 802.1D's forwarding
 * and aging, no spanning tree: it is the only bridge between its ports).
 *
 *     vmmp_net_switch_init(&net_switch, &host);
 *     vmmp_net_switch_port_init(&port, &net_switch, memory, VMMP_NET_SWITCH_MEMORY);
 *     vmmp_net_switch_backend(&port, &backend);
 *     vmmp_virtio_net_init(&net, &backend, ...);
 *     vmmp_net_switch_attach(&port, &net);
 *
 * A frame is copied into the ring of each port it goes to, and from there into the guest in that
 * device's own context: two devices' contexts are never nested. A ring that is full drops
 * (counted), so that one guest that does not read holds up nobody else.
 *
 * Hostile guest: can send from any address and fill the table of addresses, which has a fixed size
 * and forgets; then frames are flooded. It cannot make a frame come back to its own port.
 *
 * Threads: ports may belong to devices in different threads. The switch has a context of its own,
 * entered inside a device's; nothing else is entered inside it. init, fini, attach and detach are
 * called outside all contexts. Memory is the caller's; nothing is allocated.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_NET_SWITCH_PORTS 16
/** Addresses that are remembered. */
#define VMMP_NET_SWITCH_ADDRESSES 256
/** For how long after they were last seen, where the host has a clock. */
#define VMMP_NET_SWITCH_AGE_NS (UINT64_C(300) * 1000000000)
/** A good size of a port's ring, in bytes; the least is VMMP_NET_SWITCH_MEMORY_LEAST. */
#define VMMP_NET_SWITCH_MEMORY       (256u << 10)
#define VMMP_NET_SWITCH_MEMORY_LEAST 4096u

struct vmmp_net_switch;

/** The switch's own. */
struct vmmp_net_switch_port {
    struct vmmp_net_switch *net_switch;
    struct vmmp_virtio_net *net; /**< NULL: not attached. */
    struct vmmp_work work;
    unsigned number;
    bool delivering;
    bool in_batch;
    uint64_t batch_ns; /**< When the batch began. */
    /* The ring: records of a 32-bit length and a frame, all of them contiguous. */
    uint8_t *memory;
    uint32_t size;
    uint32_t head;
    uint32_t tail;
    uint32_t used;      /**< Bytes. */
    uint32_t frames;    /**< Records. */
    uint64_t forwarded; /**< Frames put into this ring. */
    uint64_t dropped;   /**< Frames for this port that found the ring full. */
};

struct vmmp_net_switch_entry {
    uint8_t address[6];
    uint8_t port;
    bool valid;
    uint64_t seen_ns;
};

struct vmmp_net_switch {
    struct vmmp_host host;
    struct vmmp_context context;
    struct vmmp_net_switch_port *ports[VMMP_NET_SWITCH_PORTS];
    unsigned ports_end; /**< There are none from here on. */
    struct vmmp_net_switch_entry table[VMMP_NET_SWITCH_ADDRESSES];
    uint64_t flooded; /**< Frames to an unknown address or to many. */
};

/** `host` may be NULL; it is copied. 0 or -ENOMEM. */
int vmmp_net_switch_init(struct vmmp_net_switch *net_switch, const struct vmmp_host *host);
/** All ports are detached. */
void vmmp_net_switch_fini(struct vmmp_net_switch *net_switch);

/** A port with a ring in `memory`, aligned to 4 bytes, `size` bytes (rounded down to that).
 * 0; -EINVAL if it is too small. */
int vmmp_net_switch_port_init(struct vmmp_net_switch_port *port, struct vmmp_net_switch *net_switch,
                              void *memory, size_t size);
/** What a device on this port is made with. */
void vmmp_net_switch_backend(struct vmmp_net_switch_port *port,
                             struct vmmp_virtio_net_backend *backend);
/** Plugs the device in. 0; -ENOSPC if all ports are taken. */
int vmmp_net_switch_attach(struct vmmp_net_switch_port *port, struct vmmp_virtio_net *net);
/** Unplugs it, before the device's fini. Frames on the way to it are forgotten. Harmless twice. */
void vmmp_net_switch_detach(struct vmmp_net_switch_port *port);

#ifdef __cplusplus
}
#endif
