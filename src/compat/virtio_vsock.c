/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_vsock.h> over the packet layer of vmmp/virtio_vsock.h. */
#include <sel4vmmplatsupport/drivers/virtio_vsock.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#include "compat/compat_vm.h"
#include "compat/virtio_pci_emul.h"

#define HEADER  VMMP_VIRTIO_VSOCK_HEADER
#define MTU     ((unsigned)VIRTIO_VSOCK_CAMKES_MTU)
#define PAYLOAD (MTU - HEADER)
#define OP_RW   5u /* virtio 1.2, 5.10.6: data of a stream, which may be cut anywhere. */

/* Packets that the guest has no buffers for yet. */
#define KEPT 32u

struct kept_packet {
    struct vmmp_vsock_packet header;
    uint8_t payload[PAYLOAD];
};

struct vsock {
    struct vmmp_compat_virtio virtio; /* First: the client's handle leads here. */
    virtio_vsock_t client;
    struct virtio_vsock_driver driver;
    struct vmmp_virtio_vsock model;
    bool forwarding; /* The guest's transmit queue is being worked on. */
    unsigned head;
    unsigned count;
    uint32_t given; /* Bytes of the first packet's payload that the guest has already. */
    uint64_t lost;
    struct vmmp_log_limit lost_limit;
    struct kept_packet kept[KEPT];
    _Alignas(max_align_t) uint8_t packet[MTU]; /* From the guest. */
};

/* ---- From the guest ---- */

static void forward(struct vsock *vsock, const struct vmmp_vsock_packet *packet,
                    const struct vmmp_iovec *payload, unsigned count)
{
    struct vmmp_vsock_packet part = *packet;
    uint32_t done = 0;
    do {
        uint32_t left = packet->len - done;
        part.len = left < PAYLOAD ? left : PAYLOAD;
        vmmp_vsock_packet_store(&part, vsock->packet);
        vmmp_iovec_read(payload, count, done, vsock->packet + HEADER, part.len);
        vsock->driver.backend_fn.forward((int)packet->dst_cid, vsock->packet, HEADER + part.len);
        done += part.len;
    } while (done < packet->len);
}

static bool from_guest(void *cookie, const struct vmmp_vsock_packet *packet,
                       const struct vmmp_iovec *payload, unsigned count)
{
    struct vsock *vsock = cookie;
    if (packet->dst_cid > INT_MAX) {
        vmmp_virtio_misuse(&vsock->model.virtio, "packet dropped: no guest can have the CID",
                           (uint32_t)packet->dst_cid);
    } else if (packet->len > PAYLOAD && packet->op != OP_RW) {
        vmmp_virtio_misuse(&vsock->model.virtio, "packet dropped: too long, bytes", packet->len);
    } else if (vsock->driver.backend_fn.forward) {
        vsock->forwarding = true;
        forward(vsock, packet, payload, count);
        vsock->forwarding = false;
    }
    return true;
}

/* ---- To the guest ---- */

static void first_is_done(struct vsock *vsock)
{
    vsock->head = (vsock->head + 1) % KEPT;
    vsock->count--;
    vsock->given = 0;
}

/* The first packet that is kept, or as much of it as there is room for. */
static bool give_kept(void *cookie, struct vmmp_vsock_packet *packet, const struct vmmp_iovec *room,
                      unsigned count, uint32_t size)
{
    struct vsock *vsock = cookie;
    const struct kept_packet *first = &vsock->kept[vsock->head];
    if (vsock->count == 0) {
        return false;
    }
    *packet = first->header;
    uint32_t left = first->header.len - vsock->given;
    packet->len = left < size ? left : size;
    vmmp_iovec_write(room, count, 0, first->payload + vsock->given, packet->len);
    vsock->given += packet->len;
    if (packet->len == left || packet->op != OP_RW) {
        first_is_done(vsock);
    }
    return true;
}

static bool deliver(struct vsock *vsock, const struct vmmp_vsock_packet *packet, uint8_t *payload)
{
    const struct vmmp_iovec iov = { payload, packet->len };
    return vmmp_virtio_vsock_deliver(&vsock->model, packet, &iov, 1);
}

/* Makes room in the middle of the guest's sending, if it has buffers. */
static void deliver_kept(struct vsock *vsock)
{
    while (vsock->count > 0 && vsock->given == 0 &&
           deliver(vsock, &vsock->kept[vsock->head].header, vsock->kept[vsock->head].payload)) {
        first_is_done(vsock);
    }
}

static void keep(struct vsock *vsock, const struct vmmp_vsock_packet *packet,
                 const uint8_t *payload)
{
    if (vsock->count == KEPT) {
        vsock->lost++;
        vmmp_log_guest(vsock->model.virtio.log, &vsock->lost_limit,
                       "virtio-vsock: the guest does not take its packets: %llu lost so far",
                       (unsigned long long)vsock->lost);
        return;
    }
    struct kept_packet *last = &vsock->kept[(vsock->head + vsock->count) % KEPT];
    last->header = *packet;
    memcpy(last->payload, payload, packet->len);
    vsock->count++;
    vmmp_virtio_vsock_wake(&vsock->model);
}

static void rx_complete(virtio_emul_t *emul, char *buf, unsigned int len)
{
    struct vsock *vsock = (struct vsock *)(void *)emul;
    struct vmmp_vsock_packet packet = { 0 };
    uint8_t *bytes = (uint8_t *)buf;

    if (emul && buf && len >= HEADER && len <= MTU) {
        vmmp_vsock_packet_load(&packet, bytes);
    }
    if (!emul || !buf || len < HEADER || len > MTU || packet.len > len - HEADER) {
        vmmp_log(&vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-vsock: packet of %u bytes, %u of payload, dropped: packets have %d to %u "
                 "bytes, with a header",
                 len, packet.len, HEADER, MTU);
        return;
    }
    if (!vmmp_virtio_live(&vsock->model.virtio)) {
        return;
    }
    if (vsock->count == KEPT) {
        deliver_kept(vsock);
    }
    /* While the guest sends, answers are collected: they come with one interrupt. */
    if (vsock->forwarding || vsock->count > 0 || !deliver(vsock, &packet, bytes + HEADER)) {
        keep(vsock, &packet, bytes + HEADER);
    }
}

/* The guest's connections are gone, and so is the use of what was on its way to them. */
static void forget(void *cookie)
{
    struct vsock *vsock = cookie;
    vsock->count = 0;
    vsock->head = 0;
    vsock->given = 0;
}

/* ---- Making one ---- */

static int make_model(struct vsock *vsock, struct vmmp_vm *vmmp)
{
    const struct vmmp_vsock_peer peer = {
        .packet = from_guest,
        .fill = give_kept,
        .reset = forget,
        .cookie = vsock,
    };
    const struct vmmp_virtio_vsock_options options = {
        .guest_cid = (uint64_t)vsock->driver.backend_fn.guest_cid,
        .features_off = VMMP_COMPAT_VIRTIO_DEVICE_BITS,
    };
    int error = -EINVAL;
    if (vsock->driver.backend_fn.guest_cid > 0) {
        error = vmmp_virtio_vsock_init(&vsock->model, &peer, NULL, &options, &vmmp->memory,
                                       &vmmp->log, &vmmp->host);
    }
    if (error == -EINVAL) {
        vmmp_log(&vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-vsock: the guest cannot have the CID %d: give it %d or more",
                 vsock->driver.backend_fn.guest_cid, VMMP_VSOCK_CID_GUEST);
    }
    return error;
}

virtio_vsock_t *common_make_virtio_vsock(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                         ioport_range_t ioport_range, ioport_type_t port_type,
                                         unsigned int interrupt_pin, unsigned int interrupt_line,
                                         struct virtio_vsock_passthrough backend)
{
    const struct vmmp_compat_virtio_place place = {
        .pci = pci,
        .ports = ioport,
        .range = ioport_range,
        .type = port_type,
        .interrupt_pin = interrupt_pin,
        .interrupt_line = interrupt_line,
        .command = 1,
        .class_code = VIRTIO_PCI_CLASS_VSOCK,
    };
    struct vmmp_vm *vmmp = vmmp_compat_vm(vm);
    struct vsock *vsock = vmmp_compat_calloc(vm, sizeof(*vsock));
    if (!vsock) {
        return NULL;
    }
    vsock->driver.backend_fn = backend;
    vsock->driver.emul_cb.rx_complete = rx_complete;
    vsock->client.emul = &vsock->virtio.emul;
    vsock->client.emul_driver = &vsock->driver;
    vsock->client.emul_driver_funcs = backend;
    if (vm->io_ops) {
        vsock->client.ioops = *vm->io_ops;
    }
    int first = make_model(vsock, vmmp) == 0
                    ? vmmp_compat_virtio_plug(&vsock->virtio, vm, &vsock->model.virtio, &place,
                                              backend.injectIRQ, backend.vsock_data)
                    : -1;
    if (first < 0) {
        vmmp_compat_free(vm, vsock);
        return NULL;
    }
    vsock->client.iobase = (unsigned)first;
    return &vsock->client;
}
