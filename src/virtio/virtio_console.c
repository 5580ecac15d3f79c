/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_spec.h"

/* 5.3.3 */
#define VIRTIO_CONSOLE_F_SIZE        0
#define VIRTIO_CONSOLE_F_EMERG_WRITE 2

/* 5.3.2: port 0; port n > 0 would have 2n + 2 and 2n + 3, after the two control queues. */
#define RECEIVEQ_PORT0  0
#define TRANSMITQ_PORT0 1
#define QUEUES          2

/* 5.3.4, struct virtio_console_config */
#define CONFIG_COLS     0u
#define CONFIG_ROWS     2u
#define CONFIG_EMERG_WR 8u
#define CONFIG_SIZE     12u

/* Bytes of output per turn where the rest can be deferred. */
#define TURN_BYTES (UINT64_C(1) << 20)

static struct vmmp_virtio_console *console_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_console *)((char *)dev -
                                          offsetof(struct vmmp_virtio_console, virtio));
}

/* ---- Output ---- */

/*
 * Offers the backend the next slice of the chain under way. Returns how much there was; `taken` is
 * how much it took.
 */
static size_t write_slice(struct vmmp_virtio_console *console,
                          struct vmmp_virtio_console_port *port, size_t *taken)
{
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
    *taken = console->backend.write ? console->backend.write(console->backend.cookie, first, count)
                                    : bytes;
    /* A backend that claims more than it was given has taken all. */
    *taken = *taken < bytes ? *taken : bytes;
    return bytes;
}

/* Moves on by `taken` bytes. The elements are the console's own copy and are consumed in place. */
static void advance(struct vmmp_virtio_console_port *port, size_t taken)
{
    port->transmitted += taken;
    while (taken > 0) {
        struct vmmp_iovec *iov = &port->iov[port->at];
        if (taken < iov->len) {
            iov->base = (uint8_t *)iov->base + taken;
            iov->len -= taken;
            return;
        }
        taken -= iov->len;
        port->at++;
    }
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
        size_t offered = write_slice(console, port, &taken);
        if (!port->busy) {
            return false; /* The device was reset from inside the backend. */
        }
        advance(port, taken);
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

static enum vmmp_virtio_progress transmit(struct vmmp_virtio_console *console,
                                          struct vmmp_virtio_console_port *port)
{
    struct vmmp_virtio_device *dev = &console->virtio;
    uint64_t turn = vmmp_host_can_defer(&dev->host) ? TURN_BYTES : UINT64_MAX;

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

void vmmp_virtio_console_writable(struct vmmp_virtio_console *console)
{
    struct vmmp_virtio_console_port *port = &console->port;
    port->woken = true;
    if (port->blocked) {
        port->blocked = false;
        vmmp_virtio_resume(&console->virtio, port->tx_queue);
    }
}

/* ---- Input ---- */

/* A chain for input. After a miss kicks are on, so the driver tells when there is one again. */
static bool next_input(struct vmmp_virtio_console *console, struct vmmp_virtio_console_port *port,
                       struct vmmp_virtqueue_chain *chain)
{
    struct vmmp_virtio_device *dev = &console->virtio;
    return vmmp_virtio_pop(dev, port->rx_queue, chain) ||
           (vmmp_virtio_want_kick(dev, port->rx_queue) &&
            vmmp_virtio_pop(dev, port->rx_queue, chain));
}

size_t vmmp_virtio_console_receive(struct vmmp_virtio_console *console, const void *data,
                                   size_t len)
{
    struct vmmp_virtio_console_port *port = &console->port;
    struct vmmp_virtqueue_chain chain = {
        .iov = port->rx_iov,
        .capacity = sizeof(port->rx_iov) / sizeof(port->rx_iov[0]),
    };
    const uint8_t *bytes = data;
    size_t done = 0;
    unsigned empty = 0;

    /* Chains without room for a byte are given back, but not for ever. */
    while (done < len && empty <= VMMP_VIRTIO_CONSOLE_QUEUE_SIZE &&
           next_input(console, port, &chain)) {
        size_t written = vmmp_iovec_write(&chain.iov[chain.readable], chain.writable, 0,
                                          bytes + done, len - done);
        vmmp_virtio_push(&console->virtio, port->rx_queue, &chain.token, (uint32_t)written);
        done += written;
        empty += written == 0;
    }
    port->received += done;
    port->starved = done < len;
    vmmp_virtio_flush(&console->virtio, port->rx_queue);
    return done;
}

/* The guest has made buffers available. They stay where they are until there is input. */
static enum vmmp_virtio_progress make_ready(struct vmmp_virtio_console *console,
                                            struct vmmp_virtio_console_port *port)
{
    if (port->starved) {
        port->starved = false;
        if (console->backend.input_ready) {
            console->backend.input_ready(console->backend.cookie);
        }
    }
    return VMMP_VIRTIO_WAITING;
}

/* ---- The device ---- */

static uint64_t features(struct vmmp_virtio_device *dev)
{
    const struct vmmp_virtio_console *console = console_of(dev);
    return UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE | (uint64_t)console->has_size
                                                             << VIRTIO_CONSOLE_F_SIZE;
}

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    const struct vmmp_virtio_console *console = console_of(dev);
    uint8_t config[CONFIG_SIZE] = { 0 };
    config[CONFIG_COLS] = (uint8_t)console->cols;
    config[CONFIG_COLS + 1] = (uint8_t)(console->cols >> 8);
    config[CONFIG_ROWS] = (uint8_t)console->rows;
    config[CONFIG_ROWS + 1] = (uint8_t)(console->rows >> 8);
    memcpy(to, config + offset, size);
}

/*
 * 5.3.4: one character, at any status, for kernels that have no queue yet. Legacy drivers write
 * configuration byte by byte; the character is in the first.
 */
static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    struct vmmp_virtio_console *console = console_of(dev);
    if (offset > CONFIG_EMERG_WR || offset + size <= CONFIG_EMERG_WR) {
        return;
    }
    uint8_t character = from[CONFIG_EMERG_WR - offset];
    struct vmmp_iovec iov = { &character, 1 };
    if (console->backend.write) {
        console->backend.write(console->backend.cookie, &iov, 1);
    }
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_console *console = console_of(dev);
    return queue == console->port.tx_queue ? transmit(console, &console->port)
                                           : make_ready(console, &console->port);
}

static void forget_output(struct vmmp_virtio_console_port *port)
{
    port->busy = false;
    port->blocked = false;
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_console *console = console_of(dev);
    if (queue == console->port.tx_queue) {
        forget_output(&console->port);
    }
}

/* Input that was refused stays refused: the next driver's buffers are announced to the client. */
static bool reset(struct vmmp_virtio_device *dev)
{
    forget_output(&console_of(dev)->port);
    return true;
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-console",
    .type = VIRTIO_ID_CONSOLE,
    .features = features,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .config_write = config_write,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

int vmmp_virtio_console_init(struct vmmp_virtio_console *console,
                             const struct vmmp_virtio_console_backend *backend,
                             const struct vmmp_virtio_console_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host)
{
    static const uint16_t sizes[QUEUES] = { VMMP_VIRTIO_CONSOLE_QUEUE_SIZE,
                                            VMMP_VIRTIO_CONSOLE_QUEUE_SIZE };

    memset(console, 0, sizeof(*console));
    if (!backend) {
        return -EINVAL;
    }
    int result =
        vmmp_virtio_init(&console->virtio, &ops, console->queues, sizes, QUEUES, memory, log, host);
    if (result != 0) {
        return result;
    }
    console->backend = *backend;
    if (options) {
        console->cols = options->cols;
        console->rows = options->rows;
        console->has_size = options->cols || options->rows;
        console->virtio.features_off = options->features_off;
    }
    console->port.rx_queue = RECEIVEQ_PORT0;
    console->port.tx_queue = TRANSMITQ_PORT0;
    console->port.chain.iov = console->port.iov;
    console->port.chain.capacity = sizeof(console->port.iov) / sizeof(console->port.iov[0]);
    return 0;
}

void vmmp_virtio_console_fini(struct vmmp_virtio_console *console)
{
    vmmp_virtio_fini(&console->virtio);
}

void vmmp_virtio_console_resize(struct vmmp_virtio_console *console, uint16_t cols, uint16_t rows)
{
    if (console->has_size && (cols != console->cols || rows != console->rows)) {
        console->cols = cols;
        console->rows = rows;
        vmmp_virtio_config_changed(&console->virtio);
    }
}
