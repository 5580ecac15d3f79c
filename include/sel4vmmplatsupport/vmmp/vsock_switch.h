/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock between guests of one process: a switch that hands packets from one virtio-vsock device to
 * another by CID (OASIS virtio 1.2, 5.10). What is for the host (CID 2) never comes here.
 *
 * A device's context is never entered inside another's: a packet is copied into a ring of its
 * destination, inside the switch's own context (after a device's in the lock order), and the
 * destination's work is deferred. Credit is between the guests. When a ring is full its senders
 * wait; a guest that has not taken a packet for VMMP_VSOCK_SWITCH_PATIENCE_NS meanwhile counts as
 * dead, and what is for it is reset, so that it cannot hold the others up for longer (where hosts
 * have timers).
 *
 * The switch knows which connections are open and resets them when one of their guests goes.
 *
 * Hostile guest: can fill its own share of the table of connections and the rings of others, up to
 * their size and patience. It can pretend connections that the other then resets. It cannot speak
 * with another's CID.
 *
 * Threads: attach and detach outside every device's context; the rest happens inside them. Memory
 * is the caller's, nothing is allocated.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VSOCK_SWITCH_PORTS 16
/** Connections that can be open; a guest can have its share of them accepted. */
#define VMMP_VSOCK_SWITCH_CONNECTIONS 1024
/** Smallest ring: two packets of the largest size. */
#define VMMP_VSOCK_SWITCH_RING        262144
#define VMMP_VSOCK_SWITCH_PATIENCE_NS UINT64_C(1000000000)

struct vmmp_vsock_switch;

/** A guest's place. Zero it; it belongs to the switch while attached. */
struct vmmp_vsock_switch_port {
    struct vmmp_vsock_switch *owner;
    struct vmmp_virtio_vsock *device;
    uint64_t cid;
    uint8_t *ring;
    uint32_t ring_size;
    uint32_t head;    /**< Free-running: where the next packet is taken, */
    uint32_t tail;    /**< and where it is put. */
    uint32_t partial; /**< Payload of the first packet that the guest has already. */
    uint32_t open;    /**< Connections it accepted. */
    bool running;     /**< It has a driver that takes packets, as far as is known. */
    bool waiting;     /**< It has a packet that found no room. */
    bool owes;        /**< It is to be sent resets of the table. */
    uint64_t moved;   /**< When it last took a packet, or its ring was empty. */
    struct vmmp_work work;
    struct vmmp_timer timer;
};

/** A connection; `server` accepted it. A guest that is gone is NULL. */
struct vmmp_vsock_switch_connection {
    struct vmmp_vsock_switch_port *server;
    struct vmmp_vsock_switch_port *client;
    uint64_t server_cid;
    uint64_t client_cid;
    uint32_t server_port;
    uint32_t client_port;
    uint16_t type;
    bool used;
    bool tell_server; /**< It has ended, and this one is to be told. */
    bool tell_client;
};

struct vmmp_vsock_switch {
    struct vmmp_host host;
    struct vmmp_context context;
    struct vmmp_vsock_switch_port *ports[VMMP_VSOCK_SWITCH_PORTS];
    struct vmmp_vsock_switch_connection connections[VMMP_VSOCK_SWITCH_CONNECTIONS];
    unsigned dying;   /**< Connections that somebody is to be told of. */
    uint64_t packets; /**< Handed over. */
    uint64_t resets;  /**< Sent by the switch itself. */
    uint64_t stalls;  /**< Packets that had to wait for room. */
};

/** `host` gives the context and the clock for all. 0 or -ENOMEM. */
int vmmp_vsock_switch_init(struct vmmp_vsock_switch *vswitch, const struct vmmp_host *host);
/** All ports are detached by then. */
void vmmp_vsock_switch_fini(struct vmmp_vsock_switch *vswitch);

/** What vmmp_virtio_vsock_init() or vmmp_vsock_mux_init() wants as `guests`. Before the attach. */
struct vmmp_vsock_peer vmmp_vsock_switch_peer(struct vmmp_vsock_switch_port *port);

/**
 * Connects a device, made with the port's peer, by its CID. `ring` is a power of two bytes, at
 * least VMMP_VSOCK_SWITCH_RING. 0; -EINVAL; -ENOTSUP if the device's host cannot defer; -EADDRINUSE
 * if another has the CID; -ENOSPC if all ports are taken. Until then the guest's packets are
 * dropped.
 */
int vmmp_vsock_switch_attach(struct vmmp_vsock_switch *vswitch, struct vmmp_vsock_switch_port *port,
                             struct vmmp_virtio_vsock *device, void *ring, uint32_t ring_size);
/** Before the device's fini. Its connections are reset. One that is not attached is left alone. */
void vmmp_vsock_switch_detach(struct vmmp_vsock_switch_port *port);

#ifdef __cplusplus
}
#endif
