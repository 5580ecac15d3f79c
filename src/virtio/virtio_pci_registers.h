/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind the BARs of a virtio PCI function. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

/*
 * Hooks for vector registers, which both faces have; the cookie is the device. A vector that the
 * function does not have becomes NO_VECTOR, which is how the driver learns it (4.1.5.1.2).
 */
uint32_t vmmp_virtio_pci_config_vector_read(void *device);
void vmmp_virtio_pci_config_vector_write(void *device, uint32_t value);
uint32_t vmmp_virtio_pci_queue_vector_read(void *device);
void vmmp_virtio_pci_queue_vector_write(void *device, uint32_t value);

/**
 * vmmp_virtio_kick(), with an interrupt at the end for each vector that was to tell something,
 * where vectors are few by choice.
 */
void vmmp_virtio_pci_kick(struct vmmp_virtio_pci *pci, unsigned queue);

extern const struct vmmp_window_ops vmmp_virtio_pci_legacy_ops;
extern const struct vmmp_window_ops vmmp_virtio_pci_modern_ops;
