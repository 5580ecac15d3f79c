/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net (OASIS virtio 1.2, 5.1): an Ethernet interface, up to VMMP_VIRTIO_NET_MAX_PAIRS pairs
 * of queues and a control queue.
 *
 *     guest  <-- rings -->  struct vmmp_virtio_net  <-- struct vmmp_virtio_net_backend -->  outside
 *
 * Transmission: each chain goes to the backend's `transmit` as it lies in guest memory. A backend
 * that is full says so; the frame and all behind it stay with the guest until
 * vmmp_virtio_net_writable().
 * Reception: vmmp_virtio_net_receive() copies a frame into the guest once; with
 * vmmp_virtio_net_rx_reserve() and _commit() a backend with virtio headers reads straight into the
 * guest's buffers. A frame for which the guest has no buffers yet stays with the backend until
 * `rx_ready`. Between vmmp_virtio_net_batch_begin() and _end() frames are shown to the guest
 * together, with one interrupt per queue.
 *
 * Headers: a backend with `header` gets each frame behind a struct virtio_net_hdr of
 * vmmp_virtio_net_state.header_size bytes (little-endian), and gives frames behind one. Others get
 * and give plain frames; the guest is then offered no offload. Headers of guests are checked and
 * handed on as a copy: types of segmentation that were not negotiated, checksums beyond the frame
 * and header lengths beyond it never reach a backend.
 *
 * Hostile guest: all bytes of a frame are its own, and may change while the backend reads them. It
 * cannot make a frame shorter than 14 bytes or longer than VMMP_VIRTIO_NET_MAX_FRAME. What is wrong
 * with a frame costs that frame (counted); a control queue that cannot be answered and rings that
 * break the rules put the device into NEEDS_RESET.
 *
 * Threads: as vmmp/virtio.h: inside the device's context, in which the backend is called too.
 * Functions of the backend may call every function below, also those that make it call itself:
 * a frame may be received from inside `transmit`. Nothing is allocated.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VIRTIO_NET_MAX_PAIRS  4
#define VMMP_VIRTIO_NET_QUEUE_SIZE 256
/** Longest frame, in bytes without the virtio header: what segmentation offload makes (5.1.6.3). */
#define VMMP_VIRTIO_NET_MAX_FRAME 65550
/** Longest virtio header. */
#define VMMP_VIRTIO_NET_MAX_HEADER 12
/** Entries of each of the two address filters; with more the guest gets all addresses. */
#define VMMP_VIRTIO_NET_FILTERS 64
/** Most chains that one received frame may be spread over. */
#define VMMP_VIRTIO_NET_SLOTS 128

/* Offloads, of a backend or towards a guest. */
#define VMMP_VIRTIO_NET_CSUM 0x01u /**< Checksums are left to be filled in. */
#define VMMP_VIRTIO_NET_TSO4                                             \
    0x02u /**< TCP over IPv4 in one long frame. Needs CSUM, as the rest. \
           */
#define VMMP_VIRTIO_NET_TSO6 0x04u
#define VMMP_VIRTIO_NET_ECN  0x08u /**< Such frames may have CWR set. Needs TSO4 or TSO6. */
#define VMMP_VIRTIO_NET_USO  0x10u /**< UDP over IPv4 and IPv6. */

/** What a driver has set up, for the backend. */
struct vmmp_virtio_net_state {
    bool live;           /**< There is a driver; without one frames are dropped. */
    uint8_t header_size; /**< 10 or 12 bytes. */
    uint8_t pairs;       /**< Pairs of queues in use: frames for 0 .. pairs - 1 are welcome. */
    uint32_t to_guest;   /**< Offloads that frames towards the guest may use. */
};

/** The outside of the interface. Functions may be NULL. */
struct vmmp_virtio_net_backend {
    /**
     * A frame of the guest's, `len` bytes in all with the header if there are headers. True: taken,
     * the memory is the guest's again on return. False: full; the same frame is offered again after
     * vmmp_virtio_net_writable(). NULL: all are dropped.
     */
    bool (*transmit)(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len);
    /** There are buffers again for what receive or reserve refused with -EAGAIN, for this pair. */
    void (*rx_ready)(void *cookie, unsigned pair);
    /** A driver started, changed something, or is gone. */
    void (*configure)(void *cookie, const struct vmmp_virtio_net_state *state);
    void *cookie;
    bool header;       /**< Frames have virtio headers, both ways. */
    uint32_t offloads; /**< VMMP_VIRTIO_NET_*, in both directions; 0 without `header`. */
    /** Frames come now, one after the other (true), or have come: for what is done once for many.
     * May be NULL. */
    void (*transmit_batch)(void *cookie, bool begins);
};

struct vmmp_virtio_net_options {
    uint8_t mac[6]; /**< Unicast, not all 0. */
    uint16_t mtu;  /**< 68 to 65535; 0: not told to the guest, whose frames may be of any length. */
    uint8_t pairs; /**< Pairs of queues, 1 to VMMP_VIRTIO_NET_MAX_PAIRS; 0: one. */
    uint16_t queue_size;   /**< A power of two up to VMMP_VIRTIO_NET_QUEUE_SIZE; 0: that. */
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

struct vmmp_virtio_net_stats {
    uint64_t tx_frames;
    uint64_t tx_bytes;
    uint64_t tx_malformed; /**< Dropped: header, length or direction of a chain is wrong. */
    uint64_t tx_no_link;   /**< Dropped: the link is down. */
    uint64_t tx_waits;     /**< The backend was full. */
    uint64_t rx_frames;
    uint64_t rx_bytes;
    uint64_t rx_filtered; /**< Not for this guest, by its own filters. */
    /** No driver, no link, too short, too long for the guest's buffers, or with a header that asks
     * the driver for what it has not agreed to. */
    uint64_t rx_dropped;
    uint64_t rx_waits; /**< The guest had no buffers. */
};

/** The device's own, as all below. */
struct vmmp_virtio_net_slot {
    struct vmmp_virtqueue_token token;
    uint32_t bytes;
    uint32_t elements;
};

/** Receive buffers taken from the ring and not filled yet, in their order. */
struct vmmp_virtio_net_rx {
    bool starved;   /**< -EAGAIN was said. */
    bool unshown;   /**< Frames have not been shown to the guest. */
    uint32_t bytes; /**< Room in all slots. */
    unsigned first_slot, end_slot;
    unsigned first_iov, end_iov;
    struct vmmp_virtio_net_slot slots[VMMP_VIRTIO_NET_SLOTS];
    struct vmmp_iovec iov[2 * VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE)];
};

struct vmmp_virtio_net_tx {
    bool busy;    /**< A frame is held: `at`, `count` and `len` of `iov` describe it. */
    bool blocked; /**< The backend was full. */
    bool woken;   /**< The backend was writable again while it was offered a frame. */
    unsigned at;
    unsigned count;
    size_t len;
    uint8_t header[VMMP_VIRTIO_NET_MAX_HEADER]; /**< Checked; what the backend sees. */
    struct vmmp_virtqueue_chain chain;
    struct vmmp_iovec iov[1 + VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE)];
};

struct vmmp_virtio_net_filter {
    bool promiscuous;
    bool all_multicast;
    bool all_unicast;
    bool no_multicast;
    bool no_unicast;
    bool no_broadcast;
    bool unicast_overflow;
    bool multicast_overflow;
    uint8_t unicast_count;
    uint8_t multicast_count;
    uint8_t unicast[VMMP_VIRTIO_NET_FILTERS][6];
    uint8_t multicast[VMMP_VIRTIO_NET_FILTERS][6];
    uint32_t vlans[4096 / 32];
};

struct vmmp_virtio_net {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queues[2 * VMMP_VIRTIO_NET_MAX_PAIRS + 1];
    struct vmmp_virtio_net_backend backend;
    uint8_t own_mac[6]; /**< As made; a reset brings it back. */
    uint8_t mac[6];
    uint16_t mtu;
    bool has_mtu;
    bool link_up;
    bool announcing;
    uint8_t max_pairs;
    uint8_t header_size;
    unsigned batch;   /**< Depth of batch_begin. */
    uint32_t longest; /**< Frame without segmentation, without the header. */
    struct vmmp_virtio_net_state state;
    struct vmmp_virtio_net_filter filter;
    struct vmmp_virtio_net_stats stats;
    struct vmmp_virtio_net_rx rx[VMMP_VIRTIO_NET_MAX_PAIRS];
    struct vmmp_virtio_net_tx tx[VMMP_VIRTIO_NET_MAX_PAIRS];
    struct vmmp_iovec control_iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_NET_QUEUE_SIZE)];
};

/**
 * Prepares an interface whose link is up. `backend` and `options` are copied; the others as
 * vmmp_virtio_init(). 0; -EINVAL (a bad address, MTU, number of pairs, or offloads without what
 * they need), -ENOMEM.
 */
int vmmp_virtio_net_init(struct vmmp_virtio_net *net, const struct vmmp_virtio_net_backend *backend,
                         const struct vmmp_virtio_net_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host);
/** After the transport's fini. */
void vmmp_virtio_net_fini(struct vmmp_virtio_net *net);

/**
 * Gives the guest one frame (with its header if there are headers), copied once. 0: done, delivered
 * or dropped as a wire would (filtered, no driver, no link, longer than the guest's buffers).
 * -EAGAIN: the guest has no buffers; keep it until `rx_ready`, or drop it.
 */
int vmmp_virtio_net_receive(struct vmmp_virtio_net *net, unsigned pair,
                            const struct vmmp_iovec *iov, unsigned count);

/**
 * For backends with headers: where a frame of up to `len` bytes, its header included, may be
 * written: `*count` pieces of guest memory, at least `len` bytes in all. They are good until
 * commit, the next call for this pair, or the end of the context. 0; -EAGAIN as above; -EMSGSIZE:
 * the guest's buffers are too small or too many, receive the frame when its length is known;
 * -ENETDOWN: no driver, no link, or the driver does not use this pair: frames are to be dropped.
 */
int vmmp_virtio_net_rx_reserve(struct vmmp_virtio_net *net, unsigned pair, size_t len,
                               const struct vmmp_iovec **iov, unsigned *count);
/**
 * A frame has been written there, `len` bytes with its header: filters decide whether it counts,
 * and it does not if the header asks for more than the driver agreed to, or a frame without
 * segmentation is longer than the MTU allows. Unknown flags are cleared.
 */
void vmmp_virtio_net_rx_commit(struct vmmp_virtio_net *net, unsigned pair, size_t len);
/** The longest frame with its header that this driver may be given. */
size_t vmmp_virtio_net_rx_max(const struct vmmp_virtio_net *net);

/** Frames received meanwhile are shown to the guest at the matching end. Nests. */
void vmmp_virtio_net_batch_begin(struct vmmp_virtio_net *net);
void vmmp_virtio_net_batch_end(struct vmmp_virtio_net *net);

/** The backend can take frames again. Harmless at other times. */
void vmmp_virtio_net_writable(struct vmmp_virtio_net *net);

/** Plugs the cable in or out: a configuration change. While it is out, frames are dropped. */
void vmmp_virtio_net_set_link(struct vmmp_virtio_net *net, bool up);
/** 0; -EINVAL if the interface was made without an MTU or it is below 68. Linux reads it when it
 * binds its driver. */
int vmmp_virtio_net_set_mtu(struct vmmp_virtio_net *net, uint16_t mtu);
/** Asks the guest to tell the network where it is now (5.1.6.5.4), e.g. on a new backend. */
void vmmp_virtio_net_announce(struct vmmp_virtio_net *net);

#ifdef __cplusplus
}
#endif
