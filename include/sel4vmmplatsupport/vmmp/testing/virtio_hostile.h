/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile drivers, for tests of any virtio device: named cases of what a driver must not do (rings,
 * state, registers of PCI and MMIO), each with what the device has to answer. They are played
 * through the register window by the driver of vmmp/testing/virtio_driver.h, some ten thousand a
 * second.
 *
 *     struct vmmp_virtio_hostile hostile = { .driver = &driver, .queues = 2, … };
 *     for (unsigned i = 0; i < vmmp_virtio_hostile_count; i++) {
 *         const struct vmmp_virtio_hostile_case *row = &vmmp_virtio_hostile_cases[i];
 *         if (vmmp_virtio_hostile_applies(&hostile, row)) {
 *             const char *wrong = vmmp_virtio_hostile_run(&hostile, row);
 *             if (wrong) { … row->name, wrong … }
 *         }
 *     }
 *
 * A case starts the device, does its deed, looks at the outcome, and ends with a reset after which
 * the device has to start and to be whole again. What belongs to a type of device (a request
 * without a status byte, a frame without a header) is the device's test's to add: such cases have
 * the same form. Sections are those of OASIS virtio 1.2.
 *
 * Threads, errors, ownership: as the driver's.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the device has to answer. */
enum vmmp_virtio_outcome {
    /** DEVICE_NEEDS_RESET (2.1.2), and nothing of the offending chain is used. */
    VMMP_VIRTIO_BREAKS,
    /** As if nothing had been: the status is what it was, and nothing is used. */
    VMMP_VIRTIO_IGNORES,
    /** Either, or what the device makes of contents; a reset brings it back. */
    VMMP_VIRTIO_SURVIVES,
};

/** A device under attack. What is not said to be optional has to be there. */
struct vmmp_virtio_hostile {
    /** Prepared; `rings` says whether packed rings are negotiated where they are offered. */
    struct vmmp_virtio_driver *driver;
    uint64_t wanted; /**< Features to accept where they are offered. */
    unsigned queues; /**< How many the driver sets up. */
    unsigned queue;  /**< The one that is attacked. */
    /** The device looks at that one when it is kicked or provoked: outcomes are certain. */
    bool looks;
    uint64_t buffer;  /**< 64 KiB of RAM for data, 4 KiB aligned; not the driver's. */
    uint64_t ram_end; /**< The first address behind RAM that contains `buffer`. */
    uint64_t nowhere; /**< A page with no RAM. */
    struct vmmp_pci_function *function; /**< Optional: NULL, it is not on PCI. */
    /** Optional: lets the device look at `queue`, say by giving it input for the guest. */
    void (*provoke)(void *cookie, unsigned queue);
    /** Optional: does what the device has deferred. */
    void (*settle)(void *cookie);
    void *cookie;  /**< Of both. */
    uint32_t seed; /**< Of the junk that some cases write; changes. */
};

#define VMMP_VIRTIO_HOSTILE_SPLIT  0x1u
#define VMMP_VIRTIO_HOSTILE_PACKED 0x2u
#define VMMP_VIRTIO_HOSTILE_BOTH   0x3u

#define VMMP_VIRTIO_HOSTILE_ON_MODERN 0x1u /**< The modern face on PCI. */
#define VMMP_VIRTIO_HOSTILE_ON_LEGACY 0x2u
#define VMMP_VIRTIO_HOSTILE_ON_MMIO   0x4u

enum vmmp_virtio_hostile_category {
    VMMP_VIRTIO_HOSTILE_RING,  /**< Played on every queue. */
    VMMP_VIRTIO_HOSTILE_STATE, /**< Played once for a device, as those below. */
    VMMP_VIRTIO_HOSTILE_PCI,   /**< Modern registers, legacy ports and configuration space. */
    VMMP_VIRTIO_HOSTILE_MMIO,
    VMMP_VIRTIO_HOSTILE_DEVICE, /**< A device's own. */
};

struct vmmp_virtio_hostile_case {
    const char *name;
    enum vmmp_virtio_hostile_category category;
    unsigned rings;      /**< The kinds of rings it can be played on, a mask. */
    unsigned transports; /**< ON_…, a mask; 0: all. */
    bool needs_function; /**< `function` is there. */
    enum vmmp_virtio_outcome outcome;
    /** Does it, to a started device. NULL, or what was answered wrongly there and then. */
    const char *(*play)(struct vmmp_virtio_hostile *hostile, const void *what);
    const void *what; /**< Of the case's own. */
    uint64_t without; /**< Features that are not accepted. */
};

extern const struct vmmp_virtio_hostile_case vmmp_virtio_hostile_cases[];
extern const unsigned vmmp_virtio_hostile_count;

/** Whether the case can be played against this device by this driver. */
bool vmmp_virtio_hostile_applies(const struct vmmp_virtio_hostile *hostile,
                                 const struct vmmp_virtio_hostile_case *row);
/** Plays it. NULL: the device did what it has to; otherwise what it did not, a static text. */
const char *vmmp_virtio_hostile_run(struct vmmp_virtio_hostile *hostile,
                                    const struct vmmp_virtio_hostile_case *row);

/* ---- For cases of a device's own ---- */

/** Kicks the queue whatever the device says about kicks, provokes, settles. */
void vmmp_virtio_hostile_strike(struct vmmp_virtio_hostile *hostile);
/** The next number of a fixed row of pseudo-random ones. */
uint32_t vmmp_virtio_hostile_junk(struct vmmp_virtio_hostile *hostile);
/** Fills guest memory with them. */
void vmmp_virtio_hostile_fill(struct vmmp_virtio_hostile *hostile, uint64_t gpa, size_t len);

#ifdef __cplusplus
}
#endif
