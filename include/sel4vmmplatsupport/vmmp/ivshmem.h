/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cross-VM connection in the shape of QEMU's device "ivshmem-doorbell" (PCI 1af4:1110; QEMU's
 * docs/specs/ivshmem-spec): for guests whose programs and drivers know that one. Where theirs is
 * CAmkES' connector, see vmmp/crossvm.h; a peer may have either.
 *
 *     BAR 0   registers of 32 bits
 *     0x00    mask of INTx: bit 0
 *     0x04    status: bit 0, an interrupt from the peer; a read clears it
 *     0x08    IVPosition: which end this is, 0 or 1
 *     0x0c    Doorbell: writing (end << 16 | vector) interrupts that end, this one too
 *     BAR 1   MSI-X table and pending bits, if the host has messages
 *     BAR 2   the shared memory
 *
 * Each end has one vector, 0. While MSI-X is off, INTx is high as long as a bit of the status is in
 * the mask; drivers of revision 1, which this is, leave the mask 0. Interrupts that come before the
 * guest has taken the last one are one with it.
 *
 * Ownership: the caller owns the device, which stays where it is, and the memory behind BAR 2,
 * which it maps from `bar_mapped`. Nothing here allocates.
 * Threads: vmmp_ivshmem_interrupt() may be called from any thread and any context. Without deferral
 * by the host (one thread, empty contexts) it takes effect in the call.
 * Hostile guest: can interrupt its peer and itself as often as it likes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/msi.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/pci_msix.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_IVSHMEM_BAR_REGISTERS 0
#define VMMP_IVSHMEM_BAR_MSIX      1
#define VMMP_IVSHMEM_BAR_MEMORY    2

struct vmmp_ivshmem_config {
    uint64_t size; /**< Of the memory, in bytes: a power of two from 4096 to 2^30. */
    /** Which end this is, 0 or 1; may change when a peer comes. Inside the context. */
    unsigned (*position)(void *cookie);
    /** The guest interrupts the other end. Inside the context. */
    void (*ring)(void *cookie);
    /** As vmmp_pci_function_ops has it: the memory's BAR is to be mapped. NULL: not told. */
    void (*bar_mapped)(void *cookie, unsigned bar, uint64_t address, bool mapped);
    void *cookie;
    const struct vmmp_msi *msi; /**< Copied; NULL: the device has no MSI-X. */
    struct vmmp_host host;
    const struct vmmp_log *log;
};

struct vmmp_ivshmem {
    struct vmmp_ivshmem_config config;
    struct vmmp_pci_function pci; /**< To be plugged into a PCI host. */
    struct vmmp_pci_msix msix;
    struct vmmp_pci_msix_vector vector;
    struct vmmp_window window; /**< The registers, BAR 0. */
    struct vmmp_context context;
    struct vmmp_work work;
    uint32_t arrived; /**< An interrupt that has not been taken in yet (atomic). */
    uint32_t mask;
    uint32_t status;
    struct vmmp_log_limit limit;
};

/** 0; -EINVAL for a size that cannot be (with a message); -ENOMEM: the host has no context. */
int vmmp_ivshmem_init(struct vmmp_ivshmem *device, const struct vmmp_ivshmem_config *config);
/** Unplugs the function. Nobody calls vmmp_ivshmem_interrupt() any more. */
void vmmp_ivshmem_fini(struct vmmp_ivshmem *device);

/** The peer interrupts this end. */
void vmmp_ivshmem_interrupt(struct vmmp_ivshmem *device);

#ifdef __cplusplus
}
#endif
