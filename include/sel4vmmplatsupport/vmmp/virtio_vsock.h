/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-vsock (OASIS virtio 1.2, 5.10), the packet layer: the guest's packets come out of its
 * transmit queue, checked, and packets for the guest are put into its receive buffers.
 *
 *     guest  --- queues --->  struct vmmp_virtio_vsock  --- struct vmmp_vsock_peer --->  peers
 *
 * What is behind it is up to two peers: `host` gets what is for CID 2, `guests` the rest (NULL: the
 * host's peer gets that too). Peers that exist: the connection layer (vmmp/vsock_mux.h) for
 * programs of the host, the switch (vmmp/vsock_switch.h) for other guests, and any callbacks of a
 * client's own.
 *
 * Queues 0 (receive), 1 (transmit), 2 (events). Features: F_STREAM, F_SEQPACKET.
 *
 * Hostile guest: packets whose header is short, whose payload is said to be longer than the chain,
 * or whose source CID is not the guest's never reach a peer; they are dropped, counted and logged
 * (limited). Everything else in a header is the guest's word and the peer's to judge. Payload is
 * guest memory and may change while it is read. A receive buffer never gets more than it holds; one
 * too small for a header comes back empty. Threads: as vmmp/virtio.h.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Entries of each queue: what guests of the legacy interface have always been given. */
#define VMMP_VIRTIO_VSOCK_QUEUE_SIZE 128
/** The header in front of each packet, in bytes (5.10.6). */
#define VMMP_VIRTIO_VSOCK_HEADER 44
/** Most payload in one packet that `fill` gets room for. */
#define VMMP_VIRTIO_VSOCK_PAYLOAD 65536
/** The host's CID (5.10.4). */
#define VMMP_VSOCK_CID_HOST 2
/** Lowest CID a guest can have. */
#define VMMP_VSOCK_CID_GUEST 3

/** A packet's header (5.10.6) as numbers. */
struct vmmp_vsock_packet {
    uint64_t src_cid;
    uint64_t dst_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint32_t len; /**< Of the payload, in bytes. */
    uint16_t type;
    uint16_t op;
    uint32_t flags;
    uint32_t buf_alloc;
    uint32_t fwd_cnt;
};

/** Who is behind the device. Functions are called inside the device's context. */
struct vmmp_vsock_peer {
    /**
     * A packet of the guest's; its payload, packet->len bytes, is `count` pieces of guest memory.
     * True: taken. False: there is no room; the packet and all behind it wait until
     * vmmp_virtio_vsock_resume(), and then this one comes again.
     */
    bool (*packet)(void *cookie, const struct vmmp_vsock_packet *packet,
                   const struct vmmp_iovec *payload, unsigned count);
    /**
     * The guest has a receive buffer: fills in `packet`, and packet->len bytes of payload into
     * `room`, `size` bytes in `count` pieces. False: nothing to say for now; the peer calls
     * vmmp_virtio_vsock_wake() when it has. NULL: it uses vmmp_virtio_vsock_deliver() only.
     */
    bool (*fill)(void *cookie, struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                 unsigned count, uint32_t size);
    /** The guest's driver is gone and all its sockets with it. May be NULL. */
    void (*reset)(void *cookie);
    void *cookie;
};

struct vmmp_virtio_vsock_options {
    uint64_t guest_cid;    /**< 3 or more, not 2^32-1 and not 2^64-1. Linux guests use 32 bits. */
    bool seqpacket;        /**< Offer F_SEQPACKET. */
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

/** A receive chain in hand: its first bytes are for the header, the rest for payload. */
struct vmmp_virtio_vsock_slot {
    bool held;
    unsigned head_count;
    unsigned at; /**< First element of `iov` with room for payload. */
    unsigned count;
    uint32_t size; /**< Room for payload. */
    struct vmmp_virtqueue_token token;
    struct vmmp_iovec head[VMMP_VIRTIO_VSOCK_HEADER];
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_VSOCK_QUEUE_SIZE)];
};

/** Statistics. */
struct vmmp_virtio_vsock_stats {
    uint64_t rx_packets; /**< Into the guest, */
    uint64_t rx_bytes;   /**< payload only. */
    uint64_t tx_packets; /**< Out of the guest. */
    uint64_t tx_bytes;
    uint64_t dropped; /**< Malformed packets of the guest, and receive buffers too small. */
};

struct vmmp_virtio_vsock {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queues[3];
    struct vmmp_vsock_peer host;
    struct vmmp_vsock_peer guests;
    uint64_t guest_cid;
    struct vmmp_virtio_vsock_stats stats;

    /* The device's own. */
    bool seqpacket;
    bool reset_event; /**< TRANSPORT_RESET is to be told. */
    bool tx_walking;  /**< In the transmit queue; waking the receive queue waits for its end. */
    bool rx_wanted;   /**< And is wanted. */
    bool filling;     /**< A peer has the slot. */
    bool guests_next; /**< Whose turn to fill it is. */
    bool tx_held;     /**< A packet waits for its peer. */
    struct vmmp_vsock_packet packet;
    struct vmmp_virtqueue_chain tx;
    struct vmmp_iovec tx_iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_VSOCK_QUEUE_SIZE)];
    unsigned tx_at; /**< First element of `tx_iov` with payload, */
    unsigned tx_count;
    struct vmmp_virtio_vsock_slot slot;
};

/**
 * Prepares a device. `host` and `guests` are copied; `guests` may be NULL; the others as
 * vmmp_virtio_init(). 0, -EINVAL (a CID that is reserved, no peer) or -ENOMEM.
 */
int vmmp_virtio_vsock_init(struct vmmp_virtio_vsock *vsock, const struct vmmp_vsock_peer *host,
                           const struct vmmp_vsock_peer *guests,
                           const struct vmmp_virtio_vsock_options *options,
                           const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                           const struct vmmp_host *host_ops);
/** After the transport's fini. Peers get no `reset`. */
void vmmp_virtio_vsock_fini(struct vmmp_virtio_vsock *vsock);

/** A peer has something for `fill`: the guest gets it now, if it has buffers, else then. */
void vmmp_virtio_vsock_wake(struct vmmp_virtio_vsock *vsock);
/** A peer whose `packet` said false has room again. Harmless at other times. */
void vmmp_virtio_vsock_resume(struct vmmp_virtio_vsock *vsock);

/**
 * Puts one packet, packet->len bytes of `payload` behind it, into a receive buffer of the guest at
 * once; from inside any function of a peer but `fill`. False: it has no buffer, or none so large as
 * the next one would have to be; nothing has happened.
 */
bool vmmp_virtio_vsock_deliver(struct vmmp_virtio_vsock *vsock,
                               const struct vmmp_vsock_packet *packet,
                               const struct vmmp_iovec *payload, unsigned count);

/**
 * Tells the guest that all its connections are gone and that it may have a new CID (5.10.6.6.1), as
 * after it has been moved to another host. Peers get their `reset`. 0, or -EINVAL for a CID that is
 * reserved. The event waits until the guest has a buffer for it.
 */
int vmmp_virtio_vsock_transport_reset(struct vmmp_virtio_vsock *vsock, uint64_t guest_cid);

/** The header as it lies in guest memory, and back. */
void vmmp_vsock_packet_store(const struct vmmp_vsock_packet *packet,
                             uint8_t bytes[VMMP_VIRTIO_VSOCK_HEADER]);
void vmmp_vsock_packet_load(struct vmmp_vsock_packet *packet,
                            const uint8_t bytes[VMMP_VIRTIO_VSOCK_HEADER]);

#ifdef __cplusplus
}
#endif
