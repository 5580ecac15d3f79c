/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI transport of virtio (OASIS virtio 1.2, 4.1): a PCI function for a virtio device.
 *
 * BAR 0: ports, the legacy interface (4.1.4.10). BAR 4: 16 KiB of memory, 64-bit, with the common
 * configuration, ISR, device configuration and notification structures, a page each. Both on a
 * transitional device. The PCI configuration access capability (4.1.4.9) reaches both, decoded or
 * not. Interrupts are INTx; with `msi` MSI-X too, whose table is in BAR 1, with a vector for each
 * queue and one for configuration changes (up to `vectors` and VMMP_VIRTIO_PCI_VECTORS; the driver
 * may share them). Without it vector registers read NO_VECTOR.
 *
 *     vmmp_virtio_console_init(&console, &backend, NULL, &vm.memory, &vm.log, &vm.host);
 *     vmmp_virtio_pci_init(&pci, &console.virtio, NULL);
 *     vmmp_pci_host_add(host, &pci.function, VMMP_PCI_ANY_DEVICE, 0);
 *
 * Hostile guest: accesses of every offset, width and alignment are defined. Bytes that no register
 * has read all-ones and drop what is written to them; registers that can only be written read 0.
 * Multi-byte registers may be written in parts, except those with an effect (queue enable and
 * reset, legacy PFN and notify), which ignore parts. A wide access covers several registers, which
 * then take effect in ascending order.
 *
 * Threads: register accesses enter the device's context. Set up before the guest runs. Lock order:
 * PCI host, device, interrupt line.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/pci_msix.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VIRTIO_PCI_BAR_LEGACY 0
#define VMMP_VIRTIO_PCI_BAR_MSIX   1
#define VMMP_VIRTIO_PCI_BAR_MODERN 4

/** MSI-X vectors a function has at most. */
#define VMMP_VIRTIO_PCI_VECTORS 64

enum vmmp_virtio_pci_face {
    VMMP_VIRTIO_PCI_TRANSITIONAL, /**< Both, with a legacy id; modern where the type has none. */
    VMMP_VIRTIO_PCI_MODERN,       /**< Only the memory BAR; device id 0x1040 + type. */
    VMMP_VIRTIO_PCI_LEGACY,       /**< Only the port BAR. */
};

struct vmmp_virtio_pci_options {
    enum vmmp_virtio_pci_face face;
    /** Size of the legacy BAR, a power of two from 64 to 65536; 0: 64. */
    uint32_t legacy_size;
    uint8_t interrupt_pin; /**< 1 to 4; 0: 1 (INTA#). */
    uint32_t class_code;   /**< 24 bits; 0: what suits the type. */
    /** Where messages go (copied); NULL: the function has no MSI-X. */
    const struct vmmp_msi *msi;
    /** Who takes notifications (copied); NULL: they are accesses to the BARs. */
    const struct vmmp_doorbells *doorbells;
    /**
     * MSI-X vectors at most; 0: one for each queue and one more. With 2 a driver that would have
     * one for each queue has one for all of them, and is interrupted once for what a notification
     * completes: where an interrupt costs much, and one access completes work of several queues.
     * Notifications through the legacy face and by doorbells are not collected so.
     */
    uint16_t vectors;
};

struct vmmp_virtio_pci {
    struct vmmp_pci_function function; /**< What is plugged into a PCI host. */
    struct vmmp_virtio_device *device;
    struct vmmp_window legacy;
    struct vmmp_window modern;
    enum vmmp_virtio_pci_face face;

    struct vmmp_pci_msix msix; /**< `count` 0: none. */
    struct vmmp_pci_msix_vector vectors[VMMP_VIRTIO_PCI_VECTORS];
    uint16_t config_vector;
    bool vectors_few; /**< By choice: they are collected while a notification is worked on, */
    bool collecting;  /**< as now, */
    uint64_t vectors_wanted; /**< here: a bit each. */

    /* Where BARs are for doorbells: copies that belong to the device's context. */
    struct vmmp_doorbells doorbells;
    struct {
        bool mapped;
        bool port;
        uint64_t address;
    } bells[2]; /* Legacy, modern */

    uint8_t cfg_capability; /**< Offset of the configuration access capability, or 0. */
    struct vmmp_pci_register cfg_data;
};

/**
 * Makes a PCI function of `device`, which must outlive it. `options` NULL: transitional with
 * defaults. 0; -EINVAL for bad options, or a type without legacy id asked to be legacy (a
 * transitional one is then modern).
 */
int vmmp_virtio_pci_init(struct vmmp_virtio_pci *pci, struct vmmp_virtio_device *device,
                         const struct vmmp_virtio_pci_options *options);

/**
 * Unplugs the function; the device can then be finished, or given a new transport. The guest must
 * not be able to reach the function; completions in other threads may still come. Not inside the
 * device's context.
 */
void vmmp_virtio_pci_fini(struct vmmp_virtio_pci *pci);

#ifdef __cplusplus
}
#endif
