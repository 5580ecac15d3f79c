/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's virtio devices, and other functions of its PCI bus: which there are, and their
 * place on the guest's bus.
 *
 * Whoever configures a machine names its devices in `struct machine_config`; the machine makes each
 * model on its own guest memory, and unmakes it with itself. What a model is connected to (files,
 * sockets) belongs to the caller and outlives machines, so that a guest that starts again finds it.
 */
#pragma once

#include <stdbool.h>

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

/** Devices beside the console. */
#define MACHINE_DEVICES 24

/** How the guest reaches its virtio devices. */
enum machine_transport {
    MACHINE_TRANSPORT_PCI, /**< Transitional functions, */
    MACHINE_TRANSPORT_PCI_MODERN,
    MACHINE_TRANSPORT_PCI_LEGACY, /**< or with one face only. */
    MACHINE_TRANSPORT_MMIO,       /**< In the slots of the board, from the first on. */
};

/** What a model is made with; all of it outlives the model. */
struct machine_device_environment {
    vm_t *vm; /**< For backends that deal with the host's side of guest RAM. */
    const struct vmmp_guest_memory *memory;
    const struct vmmp_log *log;
    const struct vmmp_host *host;
    struct vmmp_pci_host *pci;  /**< For machine_pci_plug(). */
    const struct vmmp_msi *msi; /**< For PCI functions; NULL: the machine has no MSIs. */
    const struct vmmp_doorbells
        *doorbells; /**< For those that are no virtio devices. May be NULL. */
};

/** A device to be made; `cookie` is passed to both functions. */
struct machine_device_ops {
    /**
     * Makes the model and connects it. 0 with `*virtio` set (NULL: it is a `part` of an earlier
     * device, and `destroy` will not be called), or -errno after undoing everything;
     * the machine then says which device failed. The VM does not run.
     */
    int (*create)(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio);
    /** Disconnects and unmakes it. No vCPU runs; deferred work and completions may still come. */
    void (*destroy)(void *cookie);
};

struct machine_device {
    const char *name; /**< For messages. */
    const struct machine_device_ops *ops;
    void *cookie;
    bool part; /**< Of an earlier device's model: it has no place on the bus. */
    /** No virtio device but a PCI function, which `create` plugs in and `destroy` takes out. */
    bool function;
    /** MSI-X vectors at most (vmmp_virtio_pci_options); 0: all it has use for. */
    uint16_t vectors;
};

/** A virtio device's place in the machine. */
struct machine_virtio {
    struct vmmp_virtio_device *virtio; /**< NULL: the place is free. */
    struct vmmp_virtio_pci pci;        /**< Which of the two it is, the configuration says. */
    struct vmmp_virtio_mmio mmio;
    struct vmmp_irq_line line; /**< With MMIO. */
    uint16_t vectors;          /**< As its device says. */
    bool function_made;        /**< Of a device that is no virtio device. */
};

struct machine;

/** Plugs a function into the first free device. As vmmp_pci_host_add(). */
int machine_pci_plug(struct vmmp_pci_host *pci, struct vmmp_pci_function *function);
/** A BAR of a function that is plugged in for which the PCI windows have no room; -1: none. */
int machine_pci_unplaced(const struct vmmp_pci_function *function);

/** Plugs a device into the machine's bus. 0 or -errno; nothing is left behind then. */
int machine_virtio_plug(struct machine *machine, struct machine_virtio *place,
                        struct vmmp_virtio_device *virtio);
/** Takes it out; a free place is left alone. */
void machine_virtio_unplug(struct machine *machine, struct machine_virtio *place);

/** MMIO slots in use by a machine of this configuration, and the first of them. PCI: 0. */
struct machine_config;
unsigned machine_mmio_slots(const struct machine_config *config);
unsigned machine_mmio_first(const struct machine_config *config);
/** Where a slot is, and its interrupt as libsel4vm counts. */
uint64_t machine_mmio_base(const struct machine_config *config, unsigned slot);
int machine_mmio_irq(const struct machine_config *config, unsigned slot);

/** Makes and plugs every device of the configuration. 0, or -errno (said). */
int machine_devices_add(struct machine *machine);
/** Undoes as much of that as was done. */
void machine_devices_remove(struct machine *machine);
