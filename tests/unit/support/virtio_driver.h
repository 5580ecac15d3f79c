/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public driver for tests (vmmp/testing/virtio_driver.h) under short names, with what its rings
 * consist of; its failures are cmocka's.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

#include "vmmp_test.h"

#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define VIRTIO_DRIVER_QUEUES VMMP_VIRTIO_DRIVER_QUEUES
#define VIRTIO_DRIVER_IDS    VMMP_VIRTIO_DRIVER_IDS

#define virtio_driver           vmmp_virtio_driver
#define virtio_driver_transport vmmp_virtio_driver_transport
#define virtio_driver_buffer    vmmp_virtio_driver_buffer
#define virtio_driver_packed    vmmp_virtio_driver_packed
#define virtio_driver_queue     vmmp_virtio_driver_queue

#define virtio_driver_pci_modern vmmp_virtio_driver_pci_modern
#define virtio_driver_pci_legacy vmmp_virtio_driver_pci_legacy
#define virtio_driver_mmio       vmmp_virtio_driver_mmio

#define virtio_driver_alloc            vmmp_virtio_driver_alloc
#define virtio_driver_at               vmmp_virtio_driver_at
#define virtio_driver_start            vmmp_virtio_driver_start
#define virtio_driver_negotiate        vmmp_virtio_driver_negotiate
#define virtio_driver_set_up_queue     vmmp_virtio_driver_set_up_queue
#define virtio_driver_ready            vmmp_virtio_driver_ready
#define virtio_driver_reset            vmmp_virtio_driver_reset
#define virtio_driver_has              vmmp_virtio_driver_has
#define virtio_driver_place_rings      vmmp_virtio_driver_place_rings
#define virtio_driver_put              vmmp_virtio_driver_put
#define virtio_driver_put_packed       vmmp_virtio_driver_put_packed
#define virtio_driver_available        vmmp_virtio_driver_available
#define virtio_driver_add              vmmp_virtio_driver_add
#define virtio_driver_add_indirect     vmmp_virtio_driver_add_indirect
#define virtio_driver_offer            vmmp_virtio_driver_offer
#define virtio_driver_kick             vmmp_virtio_driver_kick
#define virtio_driver_used             vmmp_virtio_driver_used
#define virtio_driver_set_used_event   vmmp_virtio_driver_set_used_event
#define virtio_driver_set_no_interrupt vmmp_virtio_driver_set_no_interrupt

static inline void virtio_driver_failed(const char *what)
{
    fail_msg("virtio driver: %s", what);
}

static inline void virtio_driver_init(struct virtio_driver *driver,
                                      const struct virtio_driver_transport *transport,
                                      struct vmmp_window *device, struct vmmp_guest_memory *memory,
                                      uint64_t gpa, uint64_t size)
{
    vmmp_virtio_driver_init(driver, transport, device, memory, gpa, size);
    driver->fail = virtio_driver_failed;
}
