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
#define PORTS       2u /* All rings fit into RAM. */

/* Nothing a guest does in one step may cost more. */
#define MOST_WRITES (8u * VMMP_VIRTIO_CONSOLE_QUEUE_SIZE * (VMMP_VIRTIO_CONSOLE_QUEUE_SIZE + 16))
#define MOST_BYTES  (UINT64_C(4) << 20) /* Where work can be deferred. */

static struct vmmp_guest_memory memory;
static struct vmmp_pci_host host;
static struct vmmp_virtio_console console;
static struct vmmp_virtio_console_port ports[PORTS];
static struct vmmp_virtio_queue queues[VMMP_VIRTIO_CONSOLE_QUEUES(PORTS)];
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

static void add_port(unsigned id, bool is_console);

/* The port is unplugged, and perhaps another takes its place. */
static void replace_port(unsigned id, bool with)
{
    if (console.multiport && console.ports[id].present) {
        FUZZ_CHECK(!vmmp_virtio_console_port_remove(&console, id));
    }
    if (console.multiport && with) {
        add_port(id, policy & 1);
    }
}

static size_t backend_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    unsigned id = *(const unsigned *)cookie;
    size_t bytes = 0;
    FUZZ_CHECK(count > 0 && depth == 1 && console.ports[id].present);
    for (unsigned i = 0; i < count; i++) {
        /* An emergency character is the device's own copy. */
        bool emergency = count == 1 && iov[i].len == 1;
        FUZZ_CHECK(iov[i].len > 0 && (emergency || fuzz_in_ram(iov[i].base, iov[i].len)));
        bytes += iov[i].len;
    }
    FUZZ_CHECK(bytes <= VMMP_VIRTIO_CONSOLE_SLICE);
    written += bytes;
    FUZZ_CHECK(++writes < MOST_WRITES);
    FUZZ_CHECK(written < PORTS * MOST_BYTES || console.virtio.host.ops == &does_not_defer);
    if (policy & 4) {
        vmmp_virtio_console_port_writable(&console, id);
    }
    if (policy & 8) {
        fuzz_scribble(input, &memory);
    }
    if (policy & 16) {
        vmmp_virtio_set_status(&console.virtio, 0, legacy);
    }
    if (policy & 32) {
        vmmp_virtio_console_port_receive(&console, id, "in write", 8);
    }
    if (policy & 128) {
        replace_port(id, policy & 2);
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
    unsigned id = *(const unsigned *)cookie;
    FUZZ_CHECK(console.ports[id].guest_open && depth == 1);
    if (policy & 64) {
        vmmp_virtio_console_port_receive(&console, id, "announced", 9);
    }
}

static void guest_open(void *cookie, bool open)
{
    unsigned id = *(const unsigned *)cookie;
    FUZZ_CHECK(vmmp_virtio_console_port_guest_open(&console, id) == open && depth == 1);
    if (policy & 64) {
        vmmp_virtio_console_port_receive(&console, id, "opened", 6);
    }
    if ((policy & 144) == 144) {
        replace_port(id, open ? 0 : policy & 2); /* A new port may be open at once, and so on. */
    }
}

static struct vmmp_virtio_console_backend backend_of(unsigned id)
{
    static unsigned ids[PORTS] = { 0, 1 };
    return (struct vmmp_virtio_console_backend){ backend_write, input_ready, &ids[id], guest_open };
}

static void add_port(unsigned id, bool is_console)
{
    const struct vmmp_virtio_console_port_options options = {
        .backend = backend_of(id),
        .name = id ? "fuzz" : NULL,
        .is_console = is_console,
        .closed = policy & 4,
        .drop_when_closed = policy & 8,
        .cols = 100,
    };
    FUZZ_CHECK(!vmmp_virtio_console_port_add(&console, id, &options));
}

/* What holds between any two steps. */
static inline void check_ports(void)
{
    for (unsigned i = 0; i < console.virtio.queue_count; i++) {
        fuzz_ring_check(&console.virtio.queues[i].vq);
        FUZZ_CHECK(!console.virtio.queues[i].walking);
    }
    for (unsigned id = 0; id < console.max_ports; id++) {
        const struct vmmp_virtio_console_port *port = &console.ports[id];
        FUZZ_CHECK(port->present || (!port->busy && !port->blocked && !port->guest_open));
        FUZZ_CHECK(!port->ready || port->announced);
        FUZZ_CHECK(!port->blocked || port->busy);
        FUZZ_CHECK(console.control_ready || !port->announced);
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
    for (unsigned i = 0; i < console.virtio.queue_count; i++) {
        FUZZ_CHECK(!console.virtio.queues[i].vq.enabled && !console.virtio.queues[i].walking);
    }
    for (unsigned id = 0; id < console.max_ports; id++) {
        const struct vmmp_virtio_console_port *port = &console.ports[id];
        FUZZ_CHECK(!port->busy && !port->blocked && !port->guest_open && !port->pending);
    }
}

/* What a driver that behaves does first, in one step. */
static void start(uint32_t features, uint16_t size)
{
    reset();
    for (uint16_t q = 0; legacy && q < console.virtio.queue_count; q++) {
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
    for (uint16_t q = 0; q < console.virtio.queue_count; q++) {
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

static inline void kick(unsigned queue)
{
    if (legacy) {
        vmmp_window_write(&pci.legacy, VIRTIO_PCI_QUEUE_NOTIFY, 2, queue);
    } else {
        write_modern(MODERN_NOTIFY * MODERN_PAGE + queue * MODERN_NOTIFY_MULTIPLIER, 2, queue);
    }
}

/* The guest offers one buffer, entry 0 of the queue's table, and kicks. */
static inline void offer(unsigned queue, uint64_t gpa, uint32_t size, unsigned flags)
{
    if (queue >= console.virtio.queue_count) {
        return;
    }
    struct fuzz_input first = { (const uint8_t[]){ 0 }, 1 };
    struct virtq_desc desc = { vmmp_le64(gpa), vmmp_le32(size), vmmp_le16((uint16_t)flags),
                               vmmp_le16(0) };
    uint64_t table = FUZZ_RAM + queue * FUZZ_RING_STRIDE;
    vmmp_guest_memory_write(&memory, vmmp_gpa(table), &desc, sizeof(desc));
    fuzz_ring_offer(&first, &memory, queue, console.virtio.queues[queue].registers.size & 0xff, 1);
    kick(queue);
}

/* A control message, perhaps cut or too long, of a port and an event that may be. */
static inline void say(struct fuzz_input *in)
{
    const uint64_t at = FUZZ_RAM + 0x1c00;
    uint8_t how = fuzz_u8(in);
    uint8_t id = fuzz_u8(in);
    uint8_t fill = id == 255 ? 255 : 0;
    const uint8_t message[8] = { id, fill, fill, fill, how & 15, 0, how >> 4 & 1, 0 };
    vmmp_guest_memory_write(&memory, vmmp_gpa(at), message, sizeof(message));
    offer(3, at, how & 32 ? fuzz_u8(in) : 8, 0);
}

/* The client does something with a port. */
static inline void change_port(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    unsigned id = how % PORTS;
    vmmp_context_enter(&console.virtio.context);
    if (how & 2) {
        replace_port(id, how & 4);
    } else if (how & 8) {
        vmmp_virtio_console_port_set_open(&console, id, how & 4);
    } else {
        vmmp_virtio_console_port_resize(&console, id, how, 24);
    }
    vmmp_context_leave(&console.virtio.context);
}
