/* SPDX-License-Identifier: BSD-2-Clause */
/* What fuzz_virtio_console.c has around its console: a host, a backend, a driver's first steps. */
#pragma once

#include <sel4vmmplatsupport/vmmp/pci_host.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

#define MEMORY_BASE UINT64_C(0x10000000)
#define DEVICE      (1u << 3)

/* Nothing a guest does in one step may cost more. */
#define MOST_WRITES (4u * VMMP_VIRTIO_CONSOLE_QUEUE_SIZE * (VMMP_VIRTIO_CONSOLE_QUEUE_SIZE + 16))
#define MOST_BYTES  (UINT64_C(4) << 20) /* Where work can be deferred. */

static struct vmmp_guest_memory memory;
static struct vmmp_pci_host host;
static struct vmmp_virtio_console console;
static struct vmmp_virtio_pci pci;
static struct fuzz_input *input;
static struct vmmp_work *queued;
static int depth;
static bool legacy;
static uint8_t policy; /* What the backend does. */
static unsigned writes;
static uint64_t written;
static unsigned messages;

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    FUZZ_CHECK(!queued || queued == work);
    queued = work;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static void enter(void *cookie)
{
    FUZZ_CHECK(++*(int *)cookie == 1);
}

static void leave(void *cookie)
{
    FUZZ_CHECK(--*(int *)cookie == 0);
}

static int context_init(void *cookie, struct vmmp_context *context)
{
    /* The PCI host gets no operations: the only context is the device's. */
    *context = (struct vmmp_context){ enter, leave, cookie };
    return 0;
}

static const struct vmmp_host_ops defers = { .defer = defer,
                                             .cancel = cancel,
                                             .context_init = context_init };
static const struct vmmp_host_ops does_not_defer = { .context_init = context_init };

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie, (void)level;
    FUZZ_CHECK(origin == VMMP_LOG_GUEST && strlen(message) < VMMP_LOG_MAX);
    messages++;
}

static void level(void *cookie, bool high)
{
    *(bool *)cookie = high;
}

static size_t backend_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    size_t bytes = 0;
    (void)cookie;
    FUZZ_CHECK(count > 0 && depth == 1);
    for (unsigned i = 0; i < count; i++) {
        /* An emergency character is the device's own copy. */
        bool emergency = count == 1 && iov[i].len == 1;
        FUZZ_CHECK(iov[i].len > 0 && (emergency || fuzz_in_ram(iov[i].base, iov[i].len)));
        bytes += iov[i].len;
    }
    FUZZ_CHECK(bytes <= VMMP_VIRTIO_CONSOLE_SLICE);
    written += bytes;
    FUZZ_CHECK(++writes < MOST_WRITES);
    FUZZ_CHECK(written < MOST_BYTES || console.virtio.host.ops == &does_not_defer);
    if (policy & 4) {
        vmmp_virtio_console_writable(&console);
    }
    if (policy & 8) {
        fuzz_scribble(input, &memory);
    }
    if (policy & 16) {
        vmmp_virtio_set_status(&console.virtio, 0, legacy);
    }
    if (policy & 32) {
        vmmp_virtio_console_receive(&console, "in write", 8);
    }
    switch (policy & 3) {
    case 0:
        return bytes;
    case 1:
        return 0;
    case 2:
        return bytes / 2;
    default:
        return fuzz_u8(input); /* Perhaps more than there was. */
    }
}

static void input_ready(void *cookie)
{
    (void)cookie;
    if (policy & 64) {
        vmmp_virtio_console_receive(&console, "announced", 9);
    }
}

static void write_modern(unsigned offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&pci.modern, offset, size, value);
}

static inline void reset(void)
{
    if (legacy) {
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_STATUS, 1, 0);
        FUZZ_CHECK(vmmp_window_read(&pci.legacy, VIRTIO_PCI_STATUS, 1) == 0);
    } else {
        write_modern(VIRTIO_PCI_COMMON_STATUS, 1, 0);
        FUZZ_CHECK(vmmp_window_read(&pci.modern, VIRTIO_PCI_COMMON_STATUS, 1) == 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        FUZZ_CHECK(!console.queues[i].vq.enabled && !console.queues[i].walking);
    }
    FUZZ_CHECK(!console.port.busy && !console.port.blocked);
}

/* What a driver that behaves does first, in one step. */
static void start(uint32_t features, uint16_t size)
{
    reset();
    for (uint16_t q = 0; legacy && q < 2; q++) {
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_GUEST_FEATURES, 4, features);
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_QUEUE_SEL, 2, q);
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_QUEUE_PFN, 4, (FUZZ_RAM >> 12) + 2u * q);
    }
    if (legacy) {
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_STATUS, 1, 7);
        return;
    }
    write_modern(VIRTIO_PCI_COMMON_STATUS, 1, 3);
    for (uint32_t word = 0; word < 2; word++) {
        write_modern(VIRTIO_PCI_COMMON_GFSELECT, 4, word);
        write_modern(VIRTIO_PCI_COMMON_GF, 4, word ? 0x101 : features);
    }
    write_modern(VIRTIO_PCI_COMMON_STATUS, 1, 11);
    for (uint16_t q = 0; q < 2; q++) {
        struct vmmp_virtqueue_config ring = fuzz_ring_config(q, size, 0);
        write_modern(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
        write_modern(VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
        write_modern(VIRTIO_PCI_COMMON_Q_DESCLO, 8, ring.desc.gpa);
        write_modern(VIRTIO_PCI_COMMON_Q_AVAILLO, 8, ring.driver.gpa);
        write_modern(VIRTIO_PCI_COMMON_Q_USEDLO, 8, ring.device.gpa);
        write_modern(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    }
    write_modern(VIRTIO_PCI_COMMON_STATUS, 1, 15);
}
