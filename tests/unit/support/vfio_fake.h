/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that does not exist, below hosted/src/vfio/function.c, and the VM above it. Both notice
 * what must never happen, whatever a guest does: `broken` says what.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "vfio/vfio_internal.h"

#define FAKE_MEMORY_BASE UINT64_C(0x10000000)
#define FAKE_MEMORY_SIZE UINT64_C(0x1000000)
#define FAKE_IRQ         17
#define FAKE_MAPPINGS    32

/** Where the capabilities of the device are. */
#define FAKE_VENDOR 0x40u /* Vendor-specific, not for guests. */
#define FAKE_MSIX   0xa0u
#define FAKE_PM     0xc8u
#define FAKE_MSI    0xd0u
#define FAKE_PCIE   0xe0u

struct fake_mapping {
    uint64_t gpa;
    uint64_t size; /**< 0: the place is free. */
    const uint8_t *memory;
};

struct fake_message {
    int fd; /**< 0: the place is free. */
    uint64_t address;
    uint32_t data;
};

struct vfio_fake {
    uint8_t config[256];
    uint64_t sizes[6];
    uint8_t *memory[6];
    uint32_t table_size, pending_size; /**< The device's own. */
    unsigned table_bar, pending_bar;
    uint32_t table, pending;
    uint16_t command; /**< As last written. */

    enum vfio_interrupts kind;
    unsigned count; /**< Of interrupts that are on. */
    unsigned most;  /**< The host has this many to give; 0: all. */
    int fds[VFIO_VECTORS];
    int unmask;
    unsigned resets;
    unsigned accesses; /**< Reads and writes of BARs. */
    bool dead;         /**< Nothing may be asked of it. */

    struct fake_mapping mappings[FAKE_MAPPINGS];
    struct fake_message messages[VFIO_VECTORS];
    int line_fd; /**< Of INTx; 0: off. */

    const char *broken;

    struct vmmp_pci_host host;
    struct vfio_function function;
};

/** A network card as QEMU's e1000e: five vectors, table and pending bits in BAR 3, ports in BAR 2.
 */
void vfio_fake_card(struct vfio_fake *fake);
/** A disk as QEMU's nvme: a 64-bit BAR with everything in it, `count` vectors. */
void vfio_fake_disk(struct vfio_fake *fake, unsigned count);
/** Makes the function, plugs it in and starts it. 0 or -errno. */
int vfio_fake_start(struct vfio_fake *fake);
/** Undoes it, and checks that nothing is left. */
void vfio_fake_stop(struct vfio_fake *fake);
/** Frees its memory. */
void vfio_fake_free(struct vfio_fake *fake);

/** The message that the VM makes of the vector; NULL: none. */
const struct fake_message *vfio_fake_message(const struct vfio_fake *fake, unsigned vector);
/** What is mapped at the guest's address; NULL: nothing. */
const uint8_t *vfio_fake_mapped(const struct vfio_fake *fake, uint64_t gpa);
