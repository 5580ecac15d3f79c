/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control queues of virtio-console (virtio 1.2, 5.3.6.2). What the driver has still to be told
 * is a set of bits of each port, sent in the order of their numbers while it has buffers.
 */
#include <string.h>

#include "virtio/virtio_console_internal.h"

/* 5.3.6.2, struct virtio_console_control: le32 id, le16 event, le16 value. */
#define MESSAGE_SIZE 8u

enum {
    VIRTIO_CONSOLE_DEVICE_READY = 0,
    VIRTIO_CONSOLE_DEVICE_ADD = 1,
    VIRTIO_CONSOLE_DEVICE_REMOVE = 2,
    VIRTIO_CONSOLE_PORT_READY = 3,
    VIRTIO_CONSOLE_CONSOLE_PORT = 4,
    VIRTIO_CONSOLE_RESIZE = 5,
    VIRTIO_CONSOLE_PORT_OPEN = 6,
    VIRTIO_CONSOLE_PORT_NAME = 7,
};

/* The order counts: a port goes before it comes back, and has to be a console to have a size. */
enum pending {
    PENDING_REMOVE,
    PENDING_ADD,
    PENDING_CONSOLE,
    PENDING_NAME,
    PENDING_SIZE,
    PENDING_CLOSE,
    PENDING_OPEN,
};

#define BIT(n) ((uint8_t)(1u << (n)))

/* ---- To the driver ---- */

static void put_le16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static size_t compose_size(const struct vmmp_virtio_console *console,
                           const struct vmmp_virtio_console_port *port, uint8_t *to)
{
    put_le16(to, console->rows_first ? port->rows : port->cols);
    put_le16(to + 2, console->rows_first ? port->cols : port->rows);
    return 4;
}

/* Returns how many bytes it has. */
static size_t compose(const struct vmmp_virtio_console *console, unsigned id, enum pending what,
                      uint8_t message[MESSAGE_SIZE + VMMP_VIRTIO_CONSOLE_NAME])
{
    static const struct {
        uint8_t event;
        uint8_t value;
    } table[] = {
        [PENDING_REMOVE] = { VIRTIO_CONSOLE_DEVICE_REMOVE, 1 },
        [PENDING_ADD] = { VIRTIO_CONSOLE_DEVICE_ADD, 1 },
        [PENDING_CONSOLE] = { VIRTIO_CONSOLE_CONSOLE_PORT, 1 },
        [PENDING_NAME] = { VIRTIO_CONSOLE_PORT_NAME, 1 },
        [PENDING_SIZE] = { VIRTIO_CONSOLE_RESIZE, 0 },
        [PENDING_CLOSE] = { VIRTIO_CONSOLE_PORT_OPEN, 0 },
        [PENDING_OPEN] = { VIRTIO_CONSOLE_PORT_OPEN, 1 },
    };
    const struct vmmp_virtio_console_port *port = &console->ports[id];
    size_t more = 0;

    put_le16(message, id);
    put_le16(message + 2, 0);
    put_le16(message + 4, table[what].event);
    put_le16(message + 6, table[what].value);
    if (what == PENDING_NAME) {
        /* Without its zero; the buffer's length says where it ends. */
        more = strlen(port->name);
        memcpy(message + MESSAGE_SIZE, port->name, more);
    } else if (what == PENDING_SIZE) {
        more = compose_size(console, port, message + MESSAGE_SIZE);
    }
    return MESSAGE_SIZE + more;
}

/* The next thing to be said; false if there is none. */
static bool next_pending(struct vmmp_virtio_console *console, enum pending *what)
{
    for (unsigned ports = 0; ports < console->max_ports; ports++) {
        unsigned pending = console->ports[console->cursor].pending;
        for (unsigned bit = 0; pending != 0 && bit <= PENDING_OPEN; bit++) {
            if (pending >> bit & 1) {
                *what = (enum pending)bit;
                return true;
            }
        }
        console->cursor = (console->cursor + 1) % console->max_ports;
    }
    return false;
}

/*
 * Puts a message into a buffer. A name is cut to what fits; a size that does not fit is of no use
 * to this driver. False if the buffer is too small for any message.
 */
static bool put_message(struct vmmp_virtio_console *console, enum pending what,
                        const struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtio_console_port *port = &console->ports[console->cursor];
    uint8_t message[MESSAGE_SIZE + VMMP_VIRTIO_CONSOLE_NAME];
    size_t size = compose(console, console->cursor, what, message);
    uint32_t written = 0;

    if (chain->writable_bytes < size) {
        vmmp_virtio_misuse(&console->virtio, "control buffer too small, bytes",
                           chain->writable_bytes);
    }
    if (chain->writable_bytes >= size ||
        (what == PENDING_NAME && chain->writable_bytes >= MESSAGE_SIZE)) {
        written = (uint32_t)vmmp_iovec_write(&chain->iov[chain->readable], chain->writable, 0,
                                             message, size);
    }
    vmmp_virtio_push(&console->virtio, CONTROL_RX, &chain->token, written);
    if (chain->writable_bytes < MESSAGE_SIZE) {
        return false;
    }
    port->pending &= (uint8_t)~BIT(what);
    port->announced |= what == PENDING_ADD;
    return true;
}

void vmmp_virtio_console_send_control(struct vmmp_virtio_console *console)
{
    struct vmmp_virtqueue_chain chain = {
        .iov = console->iov,
        .capacity = sizeof(console->iov) / sizeof(console->iov[0]),
    };
    enum pending what;
    unsigned useless = 0;

    if (!vmmp_virtio_console_multiport(console) || !console->control_ready) {
        return;
    }
    while (next_pending(console, &what) &&
           vmmp_virtio_console_next_buffer(console, CONTROL_RX, &chain)) {
        if (!put_message(console, what, &chain) && ++useless > VMMP_VIRTIO_CONSOLE_QUEUE_SIZE) {
            break;
        }
    }
    vmmp_virtio_flush(&console->virtio, CONTROL_RX);
}

/* ---- From the driver ---- */

void vmmp_virtio_console_set_guest_open(struct vmmp_virtio_console_port *port, bool open)
{
    if (port->guest_open != open) {
        port->guest_open = open;
        if (port->backend.guest_open) {
            port->backend.guest_open(port->backend.cookie, open);
        }
    }
}

static void forget_port(struct vmmp_virtio_console_port *port)
{
    port->pending = 0;
    port->announced = false;
    port->ready = false;
}

void vmmp_virtio_console_forget_control(struct vmmp_virtio_console *console)
{
    console->control_ready = false;
    console->cursor = 0;
    for (unsigned id = 0; id < console->max_ports; id++) {
        forget_port(&console->ports[id]);
    }
}

/* A driver that says so again starts again; a port that it does not know to be gone goes first. */
static void device_ready(struct vmmp_virtio_console *console, bool ready)
{
    console->control_ready = ready;
    console->cursor = 0;
    for (unsigned id = 0; id < console->max_ports; id++) {
        struct vmmp_virtio_console_port *port = &console->ports[id];
        uint8_t pending = port->pending & BIT(PENDING_REMOVE);
        forget_port(port);
        port->pending = pending | (port->present ? BIT(PENDING_ADD) : 0);
    }
    if (!ready) {
        vmmp_virtio_misuse(&console->virtio, "driver reports that it failed, value", 0);
    }
}

static void port_ready(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                       uint32_t id, bool ready)
{
    port->ready = ready;
    if (!ready) {
        port->pending &= BIT(PENDING_REMOVE) | BIT(PENDING_ADD);
        vmmp_virtio_misuse(&console->virtio, "driver reports that it failed to add port", id);
        return;
    }
    if (port->is_console) {
        port->pending |= BIT(PENDING_CONSOLE);
        port->pending |= port->cols || port->rows ? BIT(PENDING_SIZE) : 0;
    }
    port->pending |= port->name[0] ? BIT(PENDING_NAME) : 0;
    port->pending |= port->host_open ? BIT(PENDING_OPEN) : 0;
}

static void port_open(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                      bool open)
{
    vmmp_virtio_console_set_guest_open(port, open);
    if (open) {
        /* For input that was refused. */
        vmmp_virtio_resume(&console->virtio, port->rx_queue);
    }
}

static void hear(struct vmmp_virtio_console *console, uint32_t id, unsigned event, bool value)
{
    if (event == VIRTIO_CONSOLE_DEVICE_READY) {
        device_ready(console, value);
        return;
    }
    if (event != VIRTIO_CONSOLE_PORT_READY && event != VIRTIO_CONSOLE_PORT_OPEN) {
        vmmp_virtio_misuse(&console->virtio, "control event that no driver sends", event);
        return;
    }
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!port || !port->announced) {
        vmmp_virtio_misuse(&console->virtio, "control message for a port that is not there", id);
    } else if (event == VIRTIO_CONSOLE_PORT_READY) {
        port_ready(console, port, id, value);
    } else {
        port_open(console, port, value);
    }
}

enum vmmp_virtio_progress vmmp_virtio_console_hear_control(struct vmmp_virtio_console *console)
{
    struct vmmp_virtio_device *dev = &console->virtio;
    struct vmmp_virtqueue_chain chain = {
        .iov = console->iov,
        .capacity = sizeof(console->iov) / sizeof(console->iov[0]),
    };
    uint8_t message[MESSAGE_SIZE];

    while (vmmp_virtio_pop(dev, CONTROL_TX, &chain)) {
        size_t size = vmmp_iovec_read(chain.iov, chain.readable, 0, message, sizeof(message));
        vmmp_virtio_push(dev, CONTROL_TX, &chain.token, 0);
        if (size < sizeof(message)) {
            vmmp_virtio_misuse(dev, "control message too short, bytes", (uint32_t)size);
            continue;
        }
        uint32_t id = message[0] | (uint32_t)message[1] << 8 | (uint32_t)message[2] << 16 |
                      (uint32_t)message[3] << 24;
        hear(console, id, message[4] | (unsigned)message[5] << 8, message[6] || message[7]);
    }
    vmmp_virtio_console_send_control(console);
    return VMMP_VIRTIO_DRAINED;
}

/* ---- From the client ---- */

/* Adds `what` to what the driver is told. */
static void tell(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                 enum pending what)
{
    port->pending |= BIT(what);
    vmmp_virtio_console_send_control(console);
}

void vmmp_virtio_console_tell_added(struct vmmp_virtio_console *console,
                                    struct vmmp_virtio_console_port *port)
{
    if (console->control_ready) {
        tell(console, port, PENDING_ADD);
    }
}

void vmmp_virtio_console_tell_removed(struct vmmp_virtio_console *console,
                                      struct vmmp_virtio_console_port *port)
{
    /* A removal that was not told yet still holds for what the driver knows. */
    bool known = port->announced || (port->pending & BIT(PENDING_REMOVE));
    port->announced = false;
    port->ready = false;
    port->pending = 0;
    if (known) {
        tell(console, port, PENDING_REMOVE);
    }
}

void vmmp_virtio_console_tell_size(struct vmmp_virtio_console *console,
                                   struct vmmp_virtio_console_port *port)
{
    if (port->ready && port->is_console) {
        tell(console, port, PENDING_SIZE);
    }
}

void vmmp_virtio_console_port_set_open(struct vmmp_virtio_console *console, unsigned id, bool open)
{
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!port || port->host_open == open) {
        return;
    }
    port->host_open = open;
    if (port->ready) {
        /* A closing that waits is told even if the port is open again, and not the reverse. */
        port->pending &= (uint8_t)~BIT(PENDING_OPEN);
        tell(console, port, open ? PENDING_OPEN : PENDING_CLOSE);
    }
}
