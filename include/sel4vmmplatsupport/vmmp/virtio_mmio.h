/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MMIO transport of virtio (OASIS virtio 1.2, 4.2): a register window of 512 bytes and an
 * interrupt. Version 2 only; the legacy interface (version 1) is not offered.
 *
 *     vmmp_virtio_console_init(&console, &backend, NULL, &vm.memory, &vm.log, &vm.host);
 *     vmmp_vm_irq_line_init(&vm, &line, 48);
 *     vmmp_virtio_mmio_init(&mmio, &console.virtio, &line, NULL);
 *     vmmp_vm_attach_window(&vm, &mmio.window, vmmp_gpa(0xa000000));
 *
 * A guest learns of it from its device tree (vmmp_fdt_virtio_mmio()), or from its command line
 * (vmmp_virtio_mmio_command_line()).
 *
 * The interrupt is a level: high while InterruptStatus is not 0. With `edge` there is one edge per
 * notification instead, for guests told so; notifications may then be fewer than edges but never
 * without one. There are no shared memory regions: their lengths and bases read all-ones (4.2.2).
 *
 * Hostile guest: accesses of every offset, width and alignment are defined, as those of PCI are
 * (vmmp/virtio_pci.h); drivers that follow the specification use 4 bytes, aligned. Bytes that no
 * register has read all-ones and drop writes. Registers that only have an effect when written read
 * 0; selectors and queue addresses read what was written. Multi-byte registers may be written in
 * parts, except those with an effect, which ignore parts. A QueueReady of 0 stops the queue and
 * keeps its other registers; QueueReset gives them their reset values.
 *
 * Threads: register accesses enter the device's context. Set up, and attached, before the guest
 * runs; torn down when it does not run. Lock order: device, interrupt line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the window: registers, then as much device configuration as registers. */
#define VMMP_VIRTIO_MMIO_SIZE 0x200u

struct vmmp_virtio_mmio_options {
    /** Each notification is an edge (vmmp_irq_line_pulse()). */
    bool edge;
    /** Who takes notifications (copied); NULL: they are accesses to the window. */
    const struct vmmp_doorbells *doorbells;
    uint32_t vendor; /**< VendorID, 0: "QEMU", which is what guests have seen there most. */
};

struct vmmp_virtio_mmio {
    struct vmmp_window window; /**< What is attached to a VM. */
    struct vmmp_virtio_device *device;
    struct vmmp_irq_source irq;
    struct vmmp_doorbells doorbells;
    bool edge;
    uint32_t vendor;
};

/**
 * Gives `device` its registers; both `device` and `line` (NULL: no interrupt) must outlive it.
 * `options` NULL: defaults. 0; -EINVAL without a device or for one with more than 256 bytes of
 * configuration; -ENOSPC if the line has no place left.
 */
int vmmp_virtio_mmio_init(struct vmmp_virtio_mmio *mmio, struct vmmp_virtio_device *device,
                          struct vmmp_irq_line *line,
                          const struct vmmp_virtio_mmio_options *options);

/**
 * The guest must not be able to reach the window; completions in other threads may still come. The
 * device can then be finished, or given a new transport. Not inside the device's context.
 */
void vmmp_virtio_mmio_fini(struct vmmp_virtio_mmio *mmio);

/** Room for any text of vmmp_virtio_mmio_command_line(). */
#define VMMP_VIRTIO_MMIO_COMMAND_LINE 64

/**
 * Writes what a Linux guest without device tree is told of a device on its command line,
 * `virtio_mmio.device=0x200@BASE:IRQ`. `irq` is the guest's number: on x86 the GSI. Returns the
 * length without the terminating zero, or -ENOSPC if `size` is too small (nothing is written).
 */
int vmmp_virtio_mmio_command_line(char *text, size_t size, uint64_t base, uint32_t irq);

#ifdef __cplusplus
}
#endif
