/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtqueue without a device, and the driver at its other end. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

#include "support/virtio_driver.h"

#define RIG_RAM      UINT64_C(0x40000000)
#define RIG_RAM_SIZE UINT64_C(0x100000)
#define RIG_IOVECS   1100

struct virtqueue_rig {
    uint8_t *ram;
    struct vmmp_guest_memory memory;
    struct vmmp_virtqueue vq;
    struct vmmp_virtqueue_config config;
    struct virtio_driver driver; /* Its queue 0. */
    struct vmmp_iovec iov[RIG_IOVECS];
    struct vmmp_virtqueue_chain chain;
};

/** RAM, a queue of `size` entries with `features` at the beginning of it, enabled. */
void virtqueue_rig_init(struct virtqueue_rig *rig, uint32_t size, uint64_t features);
void virtqueue_rig_fini(struct virtqueue_rig *rig);
/** The queue as it was after init, rings zeroed; the buffers keep what they hold. */
void virtqueue_rig_restart(struct virtqueue_rig *rig);
