/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the virtio devices of the compatible interface have in common. Clients include it for the
 * headers it includes, and pass a `virtio_emul_t *` back to the functions they were given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <autoconf.h>
#include <ethdrivers/raw.h>
#include <platsupport/io.h>
#include <satadrivers/raw.h>
#include <sel4vm/guest_vm.h>
#include <virtio/virtio_con.h>
#include <virtio/virtio_config.h>
#include <virtio/virtio_net.h>
#include <virtio/virtio_pci.h>
#include <virtio/virtio_ring.h>
#include <virtio/virtio_vsock.h>

#include <sel4vmmplatsupport/drivers/virtio_pci_console.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_vsock.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RX_QUEUE 0
#define TX_QUEUE 1

typedef enum virtio_pci_devices {
    VIRTIO_NET,
    VIRTIO_CONSOLE,
    VIRTIO_BLOCK,
    VIRTIO_VSOCK,
} virtio_pci_devices_t;

/** Queues of the device that has most of them. */
#define VQUEUE_NUM_VRINGS (VIRTIO_CON_MAX_PORTS * 2 + 2)

typedef struct v_queue {
    int status;
    uint16_t queue;
    struct vring vring[VQUEUE_NUM_VRINGS];
    uint16_t queue_size[VQUEUE_NUM_VRINGS];
    uint32_t queue_pfn[VQUEUE_NUM_VRINGS];
    uint16_t last_idx[VQUEUE_NUM_VRINGS];
} vqueue_t;

/**
 * Names a device; virtio_emul_t is this. Of its members only `vm` is set and kept: registers and
 * queues are those of the native device behind it, which nobody can reach around its transport.
 */
struct virtio_emul {
    void *internal;
    int (*io_in)(struct virtio_emul *emul, unsigned int offset, unsigned int size,
                 unsigned int *result);
    int (*io_out)(struct virtio_emul *emul, unsigned int offset, unsigned int size,
                  unsigned int value);
    void (*notify)(struct virtio_emul *emul);
    bool (*device_io_in)(struct virtio_emul *emul, unsigned int offset, unsigned int size,
                         unsigned int *result);
    bool (*device_io_out)(struct virtio_emul *emul, unsigned int offset, unsigned int size,
                          unsigned int result);
    vqueue_t virtq;
    vm_t *vm;
};

#ifdef __cplusplus
}
#endif
