/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device of the compatible interface, and its guest: a legacy driver that reaches it
 * through the client's list of ports, as a guest's port instructions do.
 *
 *     compat_bench_init(&b->bench);
 *     b->net = common_make_virtio_net(&b->bench.f.vm, b->bench.pci, b->bench.ports, …);
 *     compat_bench_connect(&b->bench, b->net->iobase);
 *     compat_bench_probe(&b->bench, 0, 2);
 *     compat_bench_offer(&b->bench, 1, frame, sizeof(frame), false);
 */
#pragma once

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/ioports.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "support/fixture.h"
#include "support/virtio_driver.h"

struct compat_bench {
    struct fixture f;
    vmm_pci_space_t *pci;
    vmm_io_port_list_t *ports;
    unsigned iobase;
    struct vmmp_window device_ports; /* From there on. */
    struct virtio_driver driver;
    uint64_t buffers; /* 0x60000 bytes that a probe starts from anew. */
    uint64_t next;    /* Offset of the next one. */
    unsigned injected;
};

/** A VM with a bus and a list of ports from 0x1000 on; its messages are the fixture's. */
void compat_bench_init(struct compat_bench *bench);
void compat_bench_fini(struct compat_bench *bench);
/** The guest talks to the device whose ports start there. */
void compat_bench_connect(struct compat_bench *bench, unsigned iobase);

/** The guest's port instructions, relative to the device's first port. */
uint64_t compat_bench_in(struct compat_bench *bench, unsigned offset, unsigned size);
void compat_bench_out(struct compat_bench *bench, unsigned offset, unsigned size, uint64_t value);
/** Its configuration space: device `device` of bus 0. */
uint32_t compat_bench_pci(struct compat_bench *bench, unsigned device, unsigned offset,
                          unsigned size);

/** A driver of the guest's starts, perhaps after another one. */
void compat_bench_probe(struct compat_bench *bench, uint64_t features, unsigned queues);
/** Room in guest memory. */
uint64_t compat_bench_room(struct compat_bench *bench, uint32_t size);
void *compat_bench_at(struct compat_bench *bench, uint64_t gpa, uint32_t size);
/** Adds one buffer with `bytes` (NULL: nothing) in it, and kicks. Where it is. */
uint64_t compat_bench_offer(struct compat_bench *bench, unsigned queue, const void *bytes,
                            uint32_t size, bool writable);
/** Takes a used buffer, copies out what is in it, up to `most` bytes. False: there is none. */
bool compat_bench_take(struct compat_bench *bench, unsigned queue, void *bytes, uint32_t most,
                       uint32_t *len);
