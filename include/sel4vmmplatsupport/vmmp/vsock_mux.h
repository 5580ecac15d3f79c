/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock connections between a guest and the host (CID 2): the protocol of OASIS virtio 1.2, 5.10.6,
 * on top of the packet layer (vmmp/virtio_vsock.h), for a backend that sees connections and bytes.
 *
 * Stream and seqpacket sockets, either side connecting. Credit is kept both ways: what the guest
 * sends and the backend does not take waits in a buffer of exactly the size that the guest was
 * promised (`buffer_size` per connection); what the backend has for the guest stays with the
 * backend until the guest has both a receive buffer and credit. Connections take turns packet by
 * packet. A connection's answers that wait for a receive buffer are bits of the connection; resets
 * of connections that do not exist wait in a bounded ring, and when that is full the transmit queue
 * waits (5.10.6.1).
 *
 * Backend and layer call each other freely, all inside the device's context
 * (mux->device.virtio.context); code elsewhere enters it first. `connection` is valid from
 * `connect`, or from vmmp_vsock_mux_open(), until `closed` or vmmp_vsock_mux_close().
 *
 * Hostile guest: can open, abuse and abandon connections up to the table's size and fill their
 * buffers; what breaks the protocol (data beyond its credit, an acknowledgement of bytes never
 * sent, operations out of turn) resets that connection. It can make all its ports collide in the
 * hash table, which costs it a walk over the table per packet. A connection the guest never ends is
 * ended after `timeout_ns` where the host has timers.
 *
 * Memory: the caller supplies it, VMMP_VSOCK_MUX_MEMORY() bytes; buffers are not touched before
 * they are used. Nothing is allocated.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Resets of unknown connections that can wait for receive buffers. */
#define VMMP_VSOCK_MUX_RESETS 128
/** Good values for the options. */
#define VMMP_VSOCK_MUX_CONNECTIONS 1024
#define VMMP_VSOCK_MUX_BUFFER      131072
#define VMMP_VSOCK_MUX_TIMEOUT_NS  UINT64_C(8000000000)

/** Bytes of memory for `connections` with buffers of `buffer` bytes. */
#define VMMP_VSOCK_MUX_MEMORY(connections, buffer)                                        \
    ((size_t)(connections) * (sizeof(struct vmmp_vsock_connection) + 2 * sizeof(void *) + \
                              (size_t)(buffer) + (size_t)(buffer) / 4))

enum vmmp_vsock_type {
    VMMP_VSOCK_STREAM = 1,
    VMMP_VSOCK_SEQPACKET = 2,
};

/** Directions, as the side that speaks sees them. */
#define VMMP_VSOCK_RECEIVE 1u
#define VMMP_VSOCK_SEND    2u

/** Flags of seqpacket data: the message ends here; and it is the last of a record (MSG_EOR). */
#define VMMP_VSOCK_END_OF_MESSAGE 1u
#define VMMP_VSOCK_END_OF_RECORD  2u

/** What `receive` returns besides a number of bytes. */
#define VMMP_VSOCK_END    (-1) /**< No more will ever come. */
#define VMMP_VSOCK_BROKEN (-2) /**< The connection is to be reset. Also from `send`. */

/** Why a connection ended. */
enum vmmp_vsock_reason {
    VMMP_VSOCK_DONE,    /**< Both sides have said all; everything was delivered. */
    VMMP_VSOCK_RESET,   /**< The guest broke it off, refused it, or broke the protocol. */
    VMMP_VSOCK_FAILED,  /**< The backend said VMMP_VSOCK_BROKEN. */
    VMMP_VSOCK_TIMEOUT, /**< The guest did not answer, or the backend did not take the rest. */
    VMMP_VSOCK_GONE,    /**< The guest's driver is gone. */
};

struct vmmp_vsock_connection;

/** The host's side of all connections of a guest. `connect` and `send` must be set. */
struct vmmp_vsock_backend {
    /**
     * The guest connects to `connection->host_port`. True: vmmp_vsock_mux_accept() or _close()
     * follows (or was called already). False: nobody listens there; the guest is told so.
     */
    bool (*connect)(void *cookie, struct vmmp_vsock_connection *connection);
    /** The guest has accepted a connection of vmmp_vsock_mux_open(). */
    void (*connected)(void *cookie, struct vmmp_vsock_connection *connection);
    /**
     * Data of the guest, `bytes` in `count` pieces. Returns how many bytes were taken; if not all,
     * no more come until vmmp_vsock_mux_writable(). Seqpacket: one whole message with `flags`,
     * taken or (0) not. VMMP_VSOCK_BROKEN.
     */
    int64_t (*send)(void *cookie, struct vmmp_vsock_connection *connection,
                    const struct vmmp_iovec *iov, unsigned count, uint32_t bytes, uint32_t flags);
    /**
     * The guest can take up to `bytes`, into `count` pieces of its memory. Returns how many there
     * are; 0: none for now, no call comes until vmmp_vsock_mux_readable(); VMMP_VSOCK_END or
     * _BROKEN. Seqpacket: pieces of a message, the last with VMMP_VSOCK_END_OF_MESSAGE in `*flags`
     * (0 before). NULL: the host never sends.
     */
    int64_t (*receive)(void *cookie, struct vmmp_vsock_connection *connection,
                       const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                       uint32_t *flags);
    /**
     * The guest says that it will not VMMP_VSOCK_RECEIVE or not VMMP_VSOCK_SEND any more; the
     * latter comes behind all its data. Each once. May be NULL.
     */
    void (*shutdown)(void *cookie, struct vmmp_vsock_connection *connection, uint32_t flags);
    /** The connection is over; the backend must forget it. Not after vmmp_vsock_mux_close(). */
    void (*closed)(void *cookie, struct vmmp_vsock_connection *connection,
                   enum vmmp_vsock_reason reason);
    void *cookie;
};

enum vmmp_vsock_state {
    VMMP_VSOCK_FREE,
    VMMP_VSOCK_REQUESTED, /**< By the host; the guest has not answered. */
    VMMP_VSOCK_ACCEPTING, /**< By the guest; the backend has not answered. */
    VMMP_VSOCK_OPEN,
    VMMP_VSOCK_CLOSING,   /**< The host is done; the guest's reset confirms it. */
    VMMP_VSOCK_RESETTING, /**< A reset waits for a receive buffer. */
    VMMP_VSOCK_DRAINING,  /**< The guest is done and gone; the backend gets the rest. */
};

struct vmmp_vsock_connection {
    uint32_t guest_port;
    uint32_t host_port;
    enum vmmp_vsock_type type;
    void *user; /**< The backend's. */

    /* The layer's own. */
    enum vmmp_vsock_state state;
    uint8_t pending;    /**< Packets to be sent, a bit each. */
    uint8_t guest_shut; /**< What the guest will not do any more, */
    uint8_t host_shut;  /**< the host, */
    uint8_t told_shut;  /**< and what of the former the backend has been told. */
    bool known;         /**< To the backend. */
    bool readable;      /**< The backend may have data. */
    bool blocked;       /**< The backend did not take everything. */
    bool sending;       /**< Inside `send`. */
    bool woken;         /**< vmmp_vsock_mux_writable() meanwhile. */
    bool asked;         /**< For credit, since it ran out. */
    bool listed;        /**< On the list of those that have something to say. */
    bool timed;         /**< On the list of those that time out. */
    uint64_t deadline;
    uint32_t peer_buf_alloc; /**< The guest's buffer, */
    uint32_t peer_fwd_cnt;   /**< how much it has taken out of it, */
    uint32_t tx_cnt;         /**< and how much was put in. */
    uint32_t rx_cnt;         /**< Bytes from the guest, */
    uint32_t fwd_cnt;        /**< those the backend has taken, */
    uint32_t told_fwd_cnt;   /**< as the guest knows. */
    uint32_t messages;       /**< Complete ones in the buffer. */
    uint8_t *buffer;         /**< A ring: byte n of the guest's is at n modulo its size. */
    uint8_t *marks;          /**< Two bits for each byte: flags of the message it ends. */
    struct vmmp_vsock_connection *hash_next; /**< Or of the free list. */
    struct vmmp_vsock_connection *ready_before;
    struct vmmp_vsock_connection *ready_next;
    struct vmmp_vsock_connection *timed_next;
    struct vmmp_vsock_connection *timed_before;
};

struct vmmp_vsock_mux_options {
    uint64_t guest_cid;
    unsigned connections; /**< 1 to 65536. */
    uint32_t buffer_size; /**< A power of two, 4 KiB to 1 GiB: the guest's credit. */
    uint64_t timeout_ns;  /**< 0: VMMP_VSOCK_MUX_TIMEOUT_NS. */
    bool seqpacket;
    uint64_t features_off; /**< Feature bits not to offer. */
};

/** A reset for a connection that does not exist. */
struct vmmp_vsock_mux_reset {
    uint64_t src_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint16_t type;
};

struct vmmp_vsock_mux_stats {
    uint64_t opened;
    uint64_t refused; /**< By the backend, or for want of room. */
    uint64_t resets;  /**< Connections that ended for a broken rule. */
    uint64_t timeouts;
};

struct vmmp_vsock_mux {
    struct vmmp_virtio_vsock device; /**< device.virtio is what a transport is connected to. */
    struct vmmp_vsock_backend backend;
    struct vmmp_vsock_mux_stats stats;
    unsigned in_use; /**< Connections in the table. */

    /* The layer's own. */
    struct vmmp_vsock_connection *table;
    struct vmmp_vsock_connection **buckets;
    struct vmmp_vsock_connection *free;
    struct vmmp_vsock_connection *ready_first;
    struct vmmp_vsock_connection *ready_last;
    struct vmmp_vsock_connection *timed_first;
    struct vmmp_vsock_connection *timed_last;
    unsigned connections;
    uint32_t buffer_size;
    uint64_t timeout_ns;
    uint32_t next_port;
    bool resetting; /**< All connections are being closed. */
    struct vmmp_timer timer;
    struct vmmp_log_limit log_limit;
    unsigned reset_head;
    unsigned reset_count;
    struct vmmp_vsock_mux_reset resets[VMMP_VSOCK_MUX_RESETS];
};

/**
 * Prepares a device with the connection layer behind it. `memory` is VMMP_VSOCK_MUX_MEMORY() bytes,
 * zeroed, aligned to 16, and outlives the mux. `guests` is who gets packets for other CIDs than the
 * host's (NULL: they are reset). 0; -EINVAL for options out of range or too little memory; -ENOMEM.
 */
int vmmp_vsock_mux_init(struct vmmp_vsock_mux *mux, const struct vmmp_vsock_backend *backend,
                        const struct vmmp_vsock_peer *guests,
                        const struct vmmp_vsock_mux_options *options, void *memory,
                        size_t memory_size, const struct vmmp_guest_memory *guest_memory,
                        const struct vmmp_log *log, const struct vmmp_host *host);
/** After the transport's fini. The backend gets `closed` for what is still open. */
void vmmp_vsock_mux_fini(struct vmmp_vsock_mux *mux);

/**
 * Connects to `guest_port` of the guest, from a port of the layer's choice. 0 with `*connection`
 * set, and `connected` or `closed` follows; -ENOTCONN if the guest has no driver running; -ENOSPC
 * if the table is full; -EPROTONOSUPPORT for seqpacket if the driver does not have it.
 */
int vmmp_vsock_mux_open(struct vmmp_vsock_mux *mux, uint32_t guest_port, enum vmmp_vsock_type type,
                        void *user, struct vmmp_vsock_connection **connection);
/** The backend has connected what the guest asked for. */
void vmmp_vsock_mux_accept(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
/** There may be data for the guest. Harmless at any time. */
void vmmp_vsock_mux_readable(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
/** The backend can take data again. Harmless at any time. */
void vmmp_vsock_mux_writable(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
/** The host will not VMMP_VSOCK_RECEIVE or VMMP_VSOCK_SEND (either or both) any more. */
void vmmp_vsock_mux_shutdown(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                             uint32_t flags);
/**
 * The backend is done with the connection and forgets it. An open one is shut down in order, a
 * request of the guest's that was not accepted is refused, one of the host's withdrawn. What the
 * backend had not taken is dropped.
 */
void vmmp_vsock_mux_close(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);

#ifdef __cplusplus
}
#endif
