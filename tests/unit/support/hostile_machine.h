/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with a device that is attacked and one, an entropy device, whose driver is honest. Both
 * have the same RAM, host and interrupt line.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/blk_ram.h>
#include <sel4vmmplatsupport/vmmp/testing/virtio_hostile.h>
#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>
#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

#include "support/virtio_rig.h"

enum victim {
    VICTIM_CONSOLE,
    VICTIM_CONSOLE_PORTS,
    VICTIM_NET,
    VICTIM_BLK,
    VICTIM_RNG,
    VICTIM_BALLOON,
    VICTIM_VSOCK,
    VICTIMS,
};

#define HOSTILE_REQUESTS 4
#define HOSTILE_PORTS    2
#define HOSTILE_DISK     65536

struct hostile_machine {
    struct virtio_rig rig;
    struct virtio_driver driver;
    struct vmmp_virtio_hostile hostile;
    enum victim kind;
    struct vmmp_virtio_device *device; /* What is attacked. */
    struct vmmp_virtio_console console;
    struct vmmp_virtio_console_port ports[HOSTILE_PORTS];
    struct vmmp_virtio_queue port_queues[VMMP_VIRTIO_CONSOLE_QUEUES(HOSTILE_PORTS)];
    struct vmmp_virtio_net net;
    struct vmmp_virtio_blk blk;
    struct vmmp_virtio_blk_request requests[HOSTILE_REQUESTS];
    struct vmmp_blk_ram disk;
    struct vmmp_blk_backend whole_disk; /* The one that does not fail. */
    uint8_t disk_memory[HOSTILE_DISK];
    struct vmmp_virtio_rng rng;
    struct vmmp_virtio_balloon balloon;
    struct vmmp_virtio_vsock vsock;
    uint64_t bytes;   /* That backends were given. */
    unsigned calls;   /* Of backends' functions, */
    unsigned fail_at; /* and the one that fails; 0: none does. */
    unsigned packets; /* Left for the vsock backend to send. */

    /* The honest one. */
    struct vmmp_virtio_rng other;
    struct vmmp_virtio_mmio other_mmio;
    struct virtio_driver other_driver;
    uint64_t other_buffer;
};

extern const char *const victim_names[VICTIMS];

/** Every queue has its kind of device by `kind`; `packed` where the transport can have it. */
struct hostile_machine *hostile_machine_make(enum victim kind,
                                             const struct virtio_driver_transport *transport,
                                             bool defers, bool packed);
void hostile_machine_unmake(struct hostile_machine *machine);
/** Attack this queue from now on. */
void hostile_machine_aim(struct hostile_machine *machine, unsigned queue);
/** Does what is deferred; tells backends' users that they may go on. */
void hostile_machine_settle(struct hostile_machine *machine);
/** The honest driver asks for bytes and gets them; otherwise the test fails. */
void hostile_machine_check_other(struct hostile_machine *machine);
