/* SPDX-License-Identifier: BSD-2-Clause */
/* What a virtio device needs around it: RAM, a log, a host with or without deferral, a line. */
#pragma once

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "support/virtio_driver.h"

#define VIRTIO_RIG_RAM      UINT64_C(0x40000000)
#define VIRTIO_RIG_RAM_SIZE UINT64_C(0x400000)

struct virtio_rig {
    uint8_t *ram;
    struct vmmp_guest_memory memory;
    struct vmmp_log log;
    char last_message[VMMP_LOG_MAX];
    unsigned messages;
    enum vmmp_log_origin origin; /* Whose messages are expected: the guest's at first. */

    struct vmmp_host host; /* `ops` NULL: cannot defer. */
    struct vmmp_work *queued;
    int depth; /* Contexts entered; 0 or 1. */
    unsigned deferrals;
    uint64_t now; /* In nanoseconds. */
    struct vmmp_timer *timers;

    struct vmmp_irq_line line;
    bool high;
    unsigned pulses; /* With `pulse`: calls. With `level`: rises. */

    /* Of the device that is connected. */
    struct vmmp_virtio_pci pci;
    struct vmmp_virtio_mmio mmio;
};

/** A level line, a pulse line with `pulse`; deferral with `defers`. */
void virtio_rig_init(struct virtio_rig *rig, bool defers, bool pulse);
void virtio_rig_fini(struct virtio_rig *rig);
/** Runs one piece of deferred work; false if there was none. */
bool virtio_rig_run(struct virtio_rig *rig);
/** Moves the clock on, running due timers in the order of their deadlines. */
void virtio_rig_advance(struct virtio_rig *rig, uint64_t nanoseconds);
/** Puts the function on the rig's line, as a PCI host would. */
void virtio_rig_plug(struct virtio_rig *rig, struct vmmp_virtio_pci *pci);

/**
 * Gives `device` what `transport` drives, on the rig's line; returns what virtio_driver_init()
 * takes as its device. One device at a time.
 */
struct vmmp_window *virtio_rig_connect(struct virtio_rig *rig, struct vmmp_virtio_device *device,
                                       const struct virtio_driver_transport *transport);
void virtio_rig_disconnect(struct virtio_rig *rig);
