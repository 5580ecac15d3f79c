/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind the BARs of a virtio PCI function. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

extern const struct vmmp_window_ops vmmp_virtio_pci_legacy_ops;
extern const struct vmmp_window_ops vmmp_virtio_pci_modern_ops;
