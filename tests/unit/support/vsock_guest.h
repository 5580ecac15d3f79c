/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's vsock driver that a test plays: packets in, packets out, receive buffers when it likes.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_vsock_spec.h"

#define VSOCK_GUEST_RX_SIZE   4096u
#define VSOCK_GUEST_TX_SIZE   (65536u + 64u)
#define VSOCK_GUEST_TX_SLOTS  32u
#define VSOCK_GUEST_HOST_PORT 1024u

struct vsock_guest {
    struct virtio_rig rig;
    struct virtio_driver driver;
    uint64_t cid;
    uint64_t rx;
    uint64_t tx;
    unsigned tx_slot;
    unsigned rx_slot;
    bool repost; /* A buffer read is made available again. */
    bool quiet;  /* No kick after a packet. */
    uint32_t buf_alloc;
    uint32_t fwd_cnt; /* Told in every packet. */
};

/** The rig, before the device is made. */
void vsock_guest_prepare(struct vsock_guest *guest, bool defers, uint64_t cid);
/** The transport and the driver, afterwards. */
void vsock_guest_plug(struct vsock_guest *guest, struct vmmp_virtio_device *device,
                      const struct virtio_driver_transport *transport);
void vsock_guest_start(struct vsock_guest *guest, uint64_t features);
/** Before the device's fini, */
void vsock_guest_unplug(struct vsock_guest *guest);
/** and after it. */
void vsock_guest_fini(struct vsock_guest *guest);

/** Makes `count` receive buffers available, kicks. */
void vsock_guest_post(struct vsock_guest *guest, unsigned count);
/** The header with the guest's CIDs and credit filled in. */
struct vmmp_vsock_packet vsock_guest_packet(const struct vsock_guest *guest, uint16_t op,
                                            uint32_t src_port, uint32_t dst_port);
/** Sends it as it is, with `len` bytes behind it whatever packet->len says. */
void vsock_guest_send_raw(struct vsock_guest *guest, const struct vmmp_vsock_packet *packet,
                          const void *payload, uint32_t len);
/** A stream packet to the host. */
void vsock_guest_send(struct vsock_guest *guest, uint16_t op, uint32_t src_port, uint32_t dst_port);
void vsock_guest_write(struct vsock_guest *guest, uint32_t src_port, uint32_t dst_port,
                       const void *data, uint32_t len);
/** The next packet received; `payload` has VSOCK_GUEST_RX_SIZE bytes, or is NULL. */
bool vsock_guest_next(struct vsock_guest *guest, struct vmmp_vsock_packet *packet, void *payload);
/** The next packet received is this, from `host_port` to `guest_port`. */
void vsock_guest_expect(struct vsock_guest *guest, uint16_t op, uint32_t host_port,
                        uint32_t guest_port);
void vsock_guest_expect_nothing(struct vsock_guest *guest);
/** How many transmit chains have come back. */
unsigned vsock_guest_sent(struct vsock_guest *guest);
/** All deferred work. */
void vsock_guest_settle(struct vsock_guest *guest);
/** Time passes. */
void vsock_guest_wait(struct vsock_guest *guest, uint64_t ns);
