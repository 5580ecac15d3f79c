/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of this machine for a guest: PCI passthrough by Linux' VFIO (Documentation/driver-api/
 * vfio.rst; groups and the type 1 IOMMU interface).
 *
 *     hosted_vfio_space_open(&space, NULL, &log, error);
 *     hosted_vfio_open(&device, space, &options, error);            the VMM's life
 *     hosted_vfio_give(device, &guest, &function);                  a guest's
 *     at = vmmp_pci_host_add(pci, function, VMMP_PCI_ANY_DEVICE, 0);
 *     hosted_vfio_start(device, irq);
 *     ...
 *     vmmp_pci_host_remove(pci, function);
 *     hosted_vfio_take(device);
 *
 * The guest's own driver drives the device: its registers are memory of the guest's, it reads and
 * writes guest memory by DMA, and its interrupts go through the kernel alone (hosted/irqfd.h). What
 * the guest sees of configuration space is a copy: BARs, command register, power management, MSI,
 * MSI-X and PCI Express device control are emulated, the option ROM, other capabilities and
 * extended configuration space do not exist. DMA reaches the guest's RAM, at guest-physical
 * addresses, and nothing else: all of it stays in this machine's memory meanwhile, and must not be
 * given back (hosted_vm_discard()).
 *
 * The device is reset when it is opened, when it is taken from a guest and when it is closed, where
 * it has a reset; else it is no bus master, at least.
 *
 * When the host wants the device back (somebody unbinds its driver, it is unplugged, or it reports
 * an error that it does not survive), the guest reads all-ones from then on, one line says so, and
 * the device cannot be given again.
 *
 * Hostile guest: can do with the device whatever the device can do, below an IOMMU that lets it
 * reach the guest's own memory. Devices that can be made to harm the machine otherwise (by writing
 * firmware into them that lasts, say) are the user's to judge.
 *
 * Threads: all functions are called by the thread that runs the loop, or while nobody does; vCPUs
 * come through the function at any time between start and remove. Errors: 0 or -errno with one
 * line, what is wrong and how to mend it, in `error` or in the log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTED_VFIO_ERROR 512
/** An address in full, "0000:00:04.0", with its end. */
#define HOSTED_VFIO_ADDRESS 16

/** What the devices of a guest share: one view of its memory. */
struct hosted_vfio_space;
struct hosted_vfio;

/**
 * `root` is what stands before /dev and /sys; NULL: nothing. `log` may be NULL; both outlive the
 * space.
 */
int hosted_vfio_space_open(struct hosted_vfio_space **space, const char *root,
                           const struct vmmp_log *log, char error[HOSTED_VFIO_ERROR]);
/** Its devices are closed. NULL: nothing. */
void hosted_vfio_space_close(struct hosted_vfio_space *space);

/**
 * The full form of a device's address: "0000:00:04.0" or, of the first domain, "00:04.0". False if
 * it is none.
 */
bool hosted_vfio_address(const char *text, char address[HOSTED_VFIO_ADDRESS]);

struct hosted_vfio_options {
    const char *name;               /**< For messages; outlives the device. */
    const char *address;            /**< As hosted_vfio_address() gives it. */
    struct hosted_event_loop *loop; /**< Hears of the device's going away. */
};

/** Opens a device that is bound to vfio-pci, and resets it. */
int hosted_vfio_open(struct hosted_vfio **device, struct hosted_vfio_space *space,
                     const struct hosted_vfio_options *options, char error[HOSTED_VFIO_ERROR]);
/** Resets it and gives it back to the host. It is taken. NULL: nothing. */
void hosted_vfio_close(struct hosted_vfio *device);

struct hosted_vfio_guest {
    vm_t *vm;
    const struct vmmp_guest_memory *memory; /**< All of the guest's RAM. */
    const struct vmmp_host *host;
    const struct vmmp_log *log;
};

/**
 * Makes the guest's function of a device, not plugged in yet; the guest's memory is the device's to
 * use from here on. -EBUSY if a guest has it; -ENODEV if it is gone; -ENOMEM if the memory cannot
 * be kept (RLIMIT_MEMLOCK).
 */
int hosted_vfio_give(struct hosted_vfio *device, const struct hosted_vfio_guest *guest,
                     struct vmmp_pci_function **function);
/** It is plugged in; its INTx is the VM's input `irq` (-1: it has none). 0 or -errno. */
int hosted_vfio_start(struct hosted_vfio *device, int irq);
/** Takes it from its guest and resets it; the function is out of its host. */
void hosted_vfio_take(struct hosted_vfio *device);

struct hosted_vfio_status {
    uint16_t vendor;
    uint16_t device;
    bool gone;
    const char *interrupts; /**< "none", "intx", "msi" or "msix": what the guest has switched on. */
    uint64_t mapped;        /**< Bytes of guest memory that it reaches. */
};
struct hosted_vfio_status hosted_vfio_status(const struct hosted_vfio *device);

#ifdef __cplusplus
}
#endif
