/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of virtio-console's ports (virtio 1.2, 5.3.6). */
#include "virtio/iovec.h"
#include "virtio/virtio_console_internal.h"

/* Bytes of output per turn where the rest can be deferred. */
#define TURN_BYTES (UINT64_C(1) << 20)

/* ---- Output ---- */

/*
 * Offers the backend the next slice of the chain under way. Returns how much there was; `taken` is
 * how much it took.
 */
static size_t write_slice(struct vmmp_virtio_console_port *port, size_t *taken)
{
    const struct vmmp_virtio_console_backend *backend = &port->backend;
    const struct vmmp_iovec *first = &port->iov[port->at];
    unsigned count = 0;
    size_t bytes = 0;

    while (port->at + count < port->chain.readable &&
           first[count].len <= VMMP_VIRTIO_CONSOLE_SLICE - bytes) {
        bytes += first[count].len;
        count++;
    }
    struct vmmp_iovec part = { first->base, VMMP_VIRTIO_CONSOLE_SLICE };
    if (count == 0) {
        first = &part;
        count = 1;
        bytes = part.len;
    }
    port->woken = false;
    *taken = backend->write ? backend->write(backend->cookie, first, count) : bytes;
    /* A backend that claims more than it was given has taken all. */
    *taken = *taken < bytes ? *taken : bytes;
    return bytes;
}

/*
 * Writes out the chain under way, up to `*turn` bytes. False if the backend did not take everything
 * or the turn is over.
 */
static bool write_chain(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                        uint64_t *turn)
{
    bool retried = false;
    while (port->at < port->chain.readable) {
        if (*turn == 0) {
            vmmp_virtio_resume(&console->virtio, port->tx_queue);
            return false;
        }
        size_t taken;
        size_t offered = write_slice(port, &taken);
        if (!port->busy) {
            return false; /* The device was reset, or the port removed, from inside the backend. */
        }
        port->transmitted += taken;
        port->at = vmmp_iovec_skip(port->iov, port->at, port->chain.readable, taken);
        *turn -= taken < *turn ? taken : *turn;
        if (taken < offered) {
            /* A backend may say "writable" inside `write`; then it is asked once more. */
            if (!port->woken || (taken == 0 && retried)) {
                port->blocked = true;
                return false;
            }
            retried = taken == 0;
        }
    }
    return true;
}

/* Output of a port that is not there: its driver gets the buffers back and can go on. */
static enum vmmp_virtio_progress discard(struct vmmp_virtio_console *console,
                                         struct vmmp_virtio_console_port *port)
{
    while (vmmp_virtio_pop(&console->virtio, port->tx_queue, &port->chain)) {
        vmmp_virtio_push(&console->virtio, port->tx_queue, &port->chain.token, 0);
    }
    return VMMP_VIRTIO_DRAINED;
}

enum vmmp_virtio_progress vmmp_virtio_console_transmit(struct vmmp_virtio_console *console,
                                                       struct vmmp_virtio_console_port *port)
{
    struct vmmp_virtio_device *dev = &console->virtio;
    uint64_t turn = vmmp_host_can_defer(&dev->host) ? TURN_BYTES : UINT64_MAX;

    if (!port->present) {
        return discard(console, port);
    }
    if (port->blocked) {
        return VMMP_VIRTIO_WAITING;
    }
    for (;;) {
        if (!port->busy) {
            if (!vmmp_virtio_pop(dev, port->tx_queue, &port->chain)) {
                return VMMP_VIRTIO_DRAINED;
            }
            port->busy = true;
            port->at = 0;
        }
        if (!write_chain(console, port, &turn)) {
            return VMMP_VIRTIO_WAITING;
        }
        vmmp_virtio_push(dev, port->tx_queue, &port->chain.token, 0);
        port->busy = false;
    }
}

void vmmp_virtio_console_forget_output(struct vmmp_virtio_console_port *port)
{
    port->busy = false;
    port->blocked = false;
}

void vmmp_virtio_console_port_writable(struct vmmp_virtio_console *console, unsigned id)
{
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!port) {
        return;
    }
    port->woken = true;
    if (port->blocked) {
        port->blocked = false;
        vmmp_virtio_resume(&console->virtio, port->tx_queue);
    }
}

void vmmp_virtio_console_writable(struct vmmp_virtio_console *console)
{
    vmmp_virtio_console_port_writable(console, 0);
}

/* ---- Input ---- */

bool vmmp_virtio_console_next_buffer(struct vmmp_virtio_console *console, unsigned queue,
                                     struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtio_device *dev = &console->virtio;
    return vmmp_virtio_pop(dev, queue, chain) ||
           (vmmp_virtio_want_kick(dev, queue) && vmmp_virtio_pop(dev, queue, chain));
}

/* Fills the guest's buffers. Those without room for a byte are given back, but not for ever. */
static size_t fill(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                   const uint8_t *bytes, size_t len)
{
    struct vmmp_virtqueue_chain chain = {
        .iov = console->iov,
        .capacity = sizeof(console->iov) / sizeof(console->iov[0]),
    };
    size_t done = 0;
    unsigned empty = 0;

    while (done < len && empty <= VMMP_VIRTIO_CONSOLE_QUEUE_SIZE &&
           vmmp_virtio_console_next_buffer(console, port->rx_queue, &chain)) {
        size_t written = vmmp_iovec_write(&chain.iov[chain.readable], chain.writable, 0,
                                          bytes + done, len - done);
        vmmp_virtio_push(&console->virtio, port->rx_queue, &chain.token, (uint32_t)written);
        done += written;
        empty += written == 0;
    }
    vmmp_virtio_flush(&console->virtio, port->rx_queue);
    return done;
}

size_t vmmp_virtio_console_port_receive(struct vmmp_virtio_console *console, unsigned id,
                                        const void *data, size_t len)
{
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!port) {
        return 0;
    }
    if (!port->guest_open && port->drop_when_closed) {
        return len;
    }
    /* Linux throws away what arrives at a port that no program has open. */
    size_t done = port->guest_open ? fill(console, port, data, len) : 0;
    port->received += done;
    port->starved = done < len;
    return done;
}

size_t vmmp_virtio_console_receive(struct vmmp_virtio_console *console, const void *data,
                                   size_t len)
{
    return vmmp_virtio_console_port_receive(console, 0, data, len);
}

/* The buffers stay where they are until there is input. */
enum vmmp_virtio_progress vmmp_virtio_console_input_room(struct vmmp_virtio_console_port *port)
{
    if (port->starved && port->guest_open) {
        port->starved = false;
        if (port->backend.input_ready) {
            port->backend.input_ready(port->backend.cookie);
        }
    }
    return VMMP_VIRTIO_WAITING;
}
