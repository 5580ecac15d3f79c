/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-net device with a backend that a test scripts, and the guest's side of it. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"

#define NET_BIT(n) (UINT64_C(1) << (n))
#define NET_ALL    UINT64_MAX
#define NET_RX     0
#define NET_TX     1

#define NET_OFFLOADS                                                                            \
    (VMMP_VIRTIO_NET_CSUM | VMMP_VIRTIO_NET_TSO4 | VMMP_VIRTIO_NET_TSO6 | VMMP_VIRTIO_NET_ECN | \
     VMMP_VIRTIO_NET_USO)

#define NET_BENCH_FRAMES 64

struct net_bench {
    struct virtio_rig rig;
    struct vmmp_virtio_net net;
    struct virtio_driver driver;
    uint64_t buffers; /* 1 MiB of guest memory, */
    uint64_t used;    /* and how much of it is in use. */

    /* What the backend saw. */
    unsigned frames;
    size_t lengths[NET_BENCH_FRAMES];
    unsigned pairs[NET_BENCH_FRAMES];
    uint8_t last[1 << 17];
    size_t last_len;
    unsigned offers; /* Calls of `transmit`. */
    unsigned ready;  /* Calls of `rx_ready`. */
    unsigned ready_pair;
    unsigned configured;
    struct vmmp_virtio_net_state state;

    /* What it does. */
    unsigned room;       /* Frames that it takes before it is full. */
    bool wake;           /* `transmit` says writable when it is full, and has room for one. */
    bool echo;           /* `transmit` gives the frame back to the guest. */
    bool reset;          /* `transmit` resets the device. */
    int echoed;          /* The result of that. */
    const uint8_t *held; /* Received from inside rx_ready. */
    size_t held_len;
};

struct net_bench_options {
    bool direct; /* The host cannot defer. */
    bool legacy;
    bool mmio;
    bool packed; /* The driver takes packed rings and VIRTIO_F_IN_ORDER. */
    bool header;
    uint8_t pairs;
    uint16_t mtu;
    uint32_t offloads;
};

extern const uint8_t net_bench_mac[6];

/** Fixtures of cmocka's. */
int net_setup(void **state);
int net_setup_direct(void **state);
int net_setup_mmio(void **state);
int net_setup_packed(void **state);
int net_setup_packed_direct(void **state);
int net_setup_legacy(void **state);
int net_setup_offloads(void **state);
int net_setup_packed_offloads(void **state);
int net_setup_mtu(void **state);
int net_teardown(void **state);

struct net_bench *net_bench_make(const struct net_bench_options *options);
void net_bench_unmake(struct net_bench *bench);
void net_bench_enter(struct net_bench *bench);
void net_bench_leave(struct net_bench *bench);

/** Negotiates `features` of what is offered and starts all queues. */
void net_bench_start(struct net_bench *bench, uint64_t features);
size_t net_bench_header(const struct net_bench *bench);

/** A frame of `len` bytes to `to`, with contents by `seed`. */
void net_bench_fill(uint8_t *frame, size_t len, const uint8_t *to, uint8_t seed);

/** The guest sends: `head` (of the header's size, NULL: zeroes) and the frame over `pieces`. */
void net_bench_send(struct net_bench *bench, unsigned queue, const uint8_t *head,
                    const uint8_t *frame, size_t len, unsigned pieces);
/** The guest makes `count` buffers of `size` bytes available, each in `pieces` descriptors. */
void net_bench_post(struct net_bench *bench, unsigned queue, unsigned count, uint32_t size,
                    unsigned pieces);
/** Entries of the used ring since the last call. */
unsigned net_bench_finished(struct net_bench *bench, unsigned queue);
/** The next frame with its header, merged from as many buffers as it says; 0: none. */
size_t net_bench_take(struct net_bench *bench, unsigned queue, uint8_t *to, size_t room);
/** The backend has a frame (without header; one is put before it if there are headers). */
int net_bench_receive(struct net_bench *bench, unsigned pair, const uint8_t *frame, size_t len);
/** A control command; its answer, or -1 if it did not come. */
int net_bench_control(struct net_bench *bench, uint8_t class, uint8_t command, const void *data,
                      size_t len);
/** Runs deferred work until there is none. */
void net_bench_settle(struct net_bench *bench);
