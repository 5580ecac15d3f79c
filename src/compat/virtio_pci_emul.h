/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a native virtio device becomes one of the compatible interface: a legacy PCI function whose
 * ports are in the client's list and whose interrupt the client injects. For src/compat only.
 *
 *     struct net {
 *         struct vmmp_compat_virtio virtio;        first
 *         struct vmmp_virtio_net model;
 *         virtio_net_t client;
 *     };
 */
#pragma once

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>
#include <sel4vmmplatsupport/ioports.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

/** Feature bits of devices, as opposed to those of rings, that a legacy driver can see. */
#define VMMP_COMPAT_VIRTIO_DEVICE_BITS UINT64_C(0xffffff)

/** Part of a device's own structure, which vmmp_compat_calloc() made. */
struct vmmp_compat_virtio {
    virtio_emul_t emul; /**< What the client holds. First, so that it is found again. */
    struct vmmp_virtio_pci pci;
    struct vmmp_irq_line line;
    void (*inject)(void *cookie);
    void *inject_cookie;
};

/** What the client says of the device's place. */
struct vmmp_compat_virtio_place {
    vmm_pci_space_t *pci;
    vmm_io_port_list_t *ports;
    ioport_range_t range;
    ioport_type_t type;
    unsigned interrupt_pin;  /**< Shown to the guest as it is, also above 4. */
    unsigned interrupt_line; /**< As well. */
    uint16_t command;        /**< The command register to begin with: 1 ports, 2 memory. */
    uint32_t class_code;
};

/**
 * Plugs `device` in. `inject` (may be NULL) is called once for every batch that the guest wants to
 * be told of. Returns the first port, or -1 after saying why, with nothing plugged in.
 */
int vmmp_compat_virtio_plug(struct vmmp_compat_virtio *virtio, vm_t *vm,
                            struct vmmp_virtio_device *device,
                            const struct vmmp_compat_virtio_place *place,
                            void (*inject)(void *cookie), void *inject_cookie);
