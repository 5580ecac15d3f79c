/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vsock_guest.h"

#include "vmmp_test.h"

void vsock_guest_prepare(struct vsock_guest *guest, bool defers, uint64_t cid)
{
    memset(guest, 0, sizeof(*guest));
    virtio_rig_init(&guest->rig, defers, false);
    guest->cid = cid;
    guest->buf_alloc = 65536;
    guest->repost = true;
}

void vsock_guest_plug(struct vsock_guest *guest, struct vmmp_virtio_device *device,
                      const struct virtio_driver_transport *transport)
{
    struct vmmp_window *function = virtio_rig_connect(&guest->rig, device, transport);
    virtio_driver_init(&guest->driver, transport, function, &guest->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    guest->driver.ordered = true;
    guest->rx = virtio_driver_alloc(
        &guest->driver, (uint64_t)VSOCK_GUEST_RX_SIZE * VMMP_VIRTIO_VSOCK_QUEUE_SIZE, 4096);
    guest->tx = virtio_driver_alloc(&guest->driver,
                                    (uint64_t)VSOCK_GUEST_TX_SIZE * VSOCK_GUEST_TX_SLOTS, 4096);
}

void vsock_guest_start(struct vsock_guest *guest, uint64_t features)
{
    assert_true(virtio_driver_start(&guest->driver, features, 3));
    vsock_guest_settle(guest);
}

void vsock_guest_unplug(struct vsock_guest *guest)
{
    virtio_rig_disconnect(&guest->rig);
}

void vsock_guest_fini(struct vsock_guest *guest)
{
    virtio_rig_fini(&guest->rig);
}

void vsock_guest_settle(struct vsock_guest *guest)
{
    for (unsigned i = 0; virtio_rig_run(&guest->rig); i++) {
        assert_true(i < 10000);
    }
}

void vsock_guest_wait(struct vsock_guest *guest, uint64_t ns)
{
    virtio_rig_advance(&guest->rig, ns);
    vsock_guest_settle(guest);
}

/* Header and data of a buffer meet in the middle of a descriptor, for every other one. */
static void post_one(struct vsock_guest *guest)
{
    unsigned slot = guest->rx_slot++ % VMMP_VIRTIO_VSOCK_QUEUE_SIZE;
    uint64_t at = guest->rx + (uint64_t)slot * VSOCK_GUEST_RX_SIZE;
    const struct virtio_driver_buffer buffer = { at, VSOCK_GUEST_RX_SIZE, true };
    virtio_driver_add(&guest->driver, VIRTIO_VSOCK_RX, &buffer, 1);
}

void vsock_guest_post(struct vsock_guest *guest, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        post_one(guest);
    }
    virtio_driver_kick(&guest->driver, VIRTIO_VSOCK_RX);
    vsock_guest_settle(guest);
}

struct vmmp_vsock_packet vsock_guest_packet(const struct vsock_guest *guest, uint16_t op,
                                            uint32_t src_port, uint32_t dst_port)
{
    return (struct vmmp_vsock_packet){
        .src_cid = guest->cid,
        .dst_cid = VMMP_VSOCK_CID_HOST,
        .src_port = src_port,
        .dst_port = dst_port,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .buf_alloc = guest->buf_alloc,
        .fwd_cnt = guest->fwd_cnt,
    };
}

void vsock_guest_send_raw(struct vsock_guest *guest, const struct vmmp_vsock_packet *packet,
                          const void *payload, uint32_t len)
{
    uint8_t header[VMMP_VIRTIO_VSOCK_HEADER];
    uint64_t at =
        guest->tx + (uint64_t)(guest->tx_slot++ % VSOCK_GUEST_TX_SLOTS) * VSOCK_GUEST_TX_SIZE;
    const struct virtio_driver_buffer buffers[] = { { at, 20, false },
                                                    { at + 20, 24 + len, false } };
    assert_true(len <= 65536);
    vmmp_vsock_packet_store(packet, header);
    memcpy(virtio_driver_at(&guest->driver, at, sizeof(header)), header, sizeof(header));
    if (len > 0) {
        memcpy(virtio_driver_at(&guest->driver, at + sizeof(header), len), payload, len);
    }
    virtio_driver_add(&guest->driver, VIRTIO_VSOCK_TX, buffers, 2);
    if (!guest->quiet) {
        virtio_driver_kick(&guest->driver, VIRTIO_VSOCK_TX);
        vsock_guest_settle(guest);
    }
}

void vsock_guest_send(struct vsock_guest *guest, uint16_t op, uint32_t src_port, uint32_t dst_port)
{
    struct vmmp_vsock_packet packet = vsock_guest_packet(guest, op, src_port, dst_port);
    vsock_guest_send_raw(guest, &packet, NULL, 0);
}

void vsock_guest_write(struct vsock_guest *guest, uint32_t src_port, uint32_t dst_port,
                       const void *data, uint32_t len)
{
    struct vmmp_vsock_packet packet =
        vsock_guest_packet(guest, VIRTIO_VSOCK_OP_RW, src_port, dst_port);
    packet.len = len;
    vsock_guest_send_raw(guest, &packet, data, len);
}

bool vsock_guest_next(struct vsock_guest *guest, struct vmmp_vsock_packet *packet, void *payload)
{
    uint32_t id;
    uint32_t len;
    if (!virtio_driver_used(&guest->driver, VIRTIO_VSOCK_RX, &id, &len)) {
        return false;
    }
    uint64_t at = vmmp_le64_get(guest->driver.queues[VIRTIO_VSOCK_RX].desc[id].addr);
    assert_in_range(len, VMMP_VIRTIO_VSOCK_HEADER, VSOCK_GUEST_RX_SIZE);
    const uint8_t *bytes = virtio_driver_at(&guest->driver, at, len);
    vmmp_vsock_packet_load(packet, bytes);
    assert_int_equal(packet->len, len - VMMP_VIRTIO_VSOCK_HEADER);
    if (payload) {
        memcpy(payload, bytes + VMMP_VIRTIO_VSOCK_HEADER, packet->len);
    }
    if (guest->repost) {
        vsock_guest_post(guest, 1);
    }
    return true;
}

void vsock_guest_expect(struct vsock_guest *guest, uint16_t op, uint32_t host_port,
                        uint32_t guest_port)
{
    struct vmmp_vsock_packet packet;
    assert_true(vsock_guest_next(guest, &packet, NULL));
    assert_int_equal(packet.op, op);
    assert_int_equal(packet.src_port, host_port);
    assert_int_equal(packet.dst_port, guest_port);
    assert_int_equal(packet.dst_cid, guest->cid);
}

void vsock_guest_expect_nothing(struct vsock_guest *guest)
{
    uint32_t id;
    uint32_t len;
    assert_false(virtio_driver_used(&guest->driver, VIRTIO_VSOCK_RX, &id, &len));
}

unsigned vsock_guest_sent(struct vsock_guest *guest)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&guest->driver, VIRTIO_VSOCK_TX, &id, &len)) {
        assert_int_equal(len, 0);
        count++;
    }
    return count;
}
