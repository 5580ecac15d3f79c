/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console (virtio 1.2, 5.3): the device and its ports. */
#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_console_internal.h"
#include "virtio/virtio_spec.h"

/* 5.3.2: port 0; port n > 0 has 2n + 2 and 2n + 3, after the two control queues. */
#define RECEIVEQ_PORT0  0u
#define TRANSMITQ_PORT0 1u
#define QUEUES_OF_ONE   2u

/* 5.3.4, struct virtio_console_config */
#define CONFIG_COLS      0u
#define CONFIG_ROWS      2u
#define CONFIG_MAX_PORTS 4u
#define CONFIG_EMERG_WR  8u
#define CONFIG_SIZE      12u

static struct vmmp_virtio_console *console_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_console *)((char *)dev -
                                          offsetof(struct vmmp_virtio_console, virtio));
}

static unsigned port_of(unsigned queue)
{
    return queue < CONTROL_RX ? 0 : queue / 2 - 1;
}

/* ---- Configuration ---- */

static uint64_t features(struct vmmp_virtio_device *dev)
{
    const struct vmmp_virtio_console *console = console_of(dev);
    return UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE |
           (uint64_t)console->multiport << VIRTIO_CONSOLE_F_MULTIPORT |
           (uint64_t)console->has_size << VIRTIO_CONSOLE_F_SIZE;
}

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    const struct vmmp_virtio_console *console = console_of(dev);
    const struct vmmp_virtio_console_port *port = &console->ports[0];
    uint8_t config[CONFIG_SIZE] = { 0 };
    if (console->has_size) {
        config[CONFIG_COLS] = (uint8_t)port->cols;
        config[CONFIG_COLS + 1] = (uint8_t)(port->cols >> 8);
        config[CONFIG_ROWS] = (uint8_t)port->rows;
        config[CONFIG_ROWS + 1] = (uint8_t)(port->rows >> 8);
    }
    config[CONFIG_MAX_PORTS] = console->multiport ? (uint8_t)console->max_ports : 0;
    memcpy(to, config + offset, size);
}

/*
 * 5.3.4: one character, at any status, for kernels that have no queue yet. Legacy drivers write
 * configuration byte by byte; the character is in the first.
 */
static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    const struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console_of(dev), 0);
    if (!port || offset > CONFIG_EMERG_WR || offset + size <= CONFIG_EMERG_WR) {
        return;
    }
    uint8_t character = from[CONFIG_EMERG_WR - offset];
    struct vmmp_iovec iov = { &character, 1 };
    if (port->backend.write) {
        port->backend.write(port->backend.cookie, &iov, 1);
    }
}

/* ---- Queues ---- */

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_console *console = console_of(dev);
    if (queue >= QUEUES_OF_ONE && !vmmp_virtio_console_multiport(console)) {
        return VMMP_VIRTIO_WAITING; /* Queues that this driver does not have. */
    }
    if (queue == CONTROL_RX) {
        vmmp_virtio_console_send_control(console);
        return VMMP_VIRTIO_WAITING;
    }
    if (queue == CONTROL_TX) {
        return vmmp_virtio_console_hear_control(console);
    }
    struct vmmp_virtio_console_port *port = &console->ports[port_of(queue)];
    return queue == port->tx_queue ? vmmp_virtio_console_transmit(console, port)
                                   : vmmp_virtio_console_input_room(port);
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_console *console = console_of(dev);
    if (queue == CONTROL_RX || queue == CONTROL_TX) {
        return; /* What waits to be told does so elsewhere. */
    }
    struct vmmp_virtio_console_port *port = &console->ports[port_of(queue)];
    if (queue == port->tx_queue) {
        vmmp_virtio_console_forget_output(port);
    }
}

/* ---- Life ---- */

static void driver_ok(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_console *console = console_of(dev);
    if (!vmmp_virtio_console_multiport(console) && console->ports[0].present) {
        vmmp_virtio_console_set_guest_open(&console->ports[0], true);
    }
}

/* Input that was refused stays refused: the next driver's buffers are announced to the client. */
static bool reset(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_console *console = console_of(dev);
    vmmp_virtio_console_forget_control(console);
    for (unsigned id = 0; id < console->max_ports; id++) {
        vmmp_virtio_console_forget_output(&console->ports[id]);
        vmmp_virtio_console_set_guest_open(&console->ports[id], false);
    }
    return true;
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-console",
    .type = VIRTIO_ID_CONSOLE,
    .in_order = true,
    .features = features,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .config_write = config_write,
    .driver_ok = driver_ok,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

static void prepare_port(struct vmmp_virtio_console_port *port, unsigned id)
{
    memset(port, 0, sizeof(*port));
    port->rx_queue = (uint16_t)(id == 0 ? RECEIVEQ_PORT0 : 2 * id + 2);
    port->tx_queue = (uint16_t)(id == 0 ? TRANSMITQ_PORT0 : 2 * id + 3);
    port->chain.iov = port->iov;
    port->chain.capacity = sizeof(port->iov) / sizeof(port->iov[0]);
}

/* `ports->max` is within bounds. */
static int init(struct vmmp_virtio_console *console, const struct vmmp_virtio_console_ports *ports,
                unsigned queue_count, const struct vmmp_virtio_console_options *options,
                const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                const struct vmmp_host *host)
{
    uint16_t sizes[VMMP_VIRTIO_CONSOLE_QUEUES(VMMP_VIRTIO_CONSOLE_PORTS_MAX)];

    for (unsigned i = 0; i < queue_count; i++) {
        sizes[i] = VMMP_VIRTIO_CONSOLE_QUEUE_SIZE;
    }
    int result = vmmp_virtio_init(&console->virtio, &ops, ports->queues, sizes, queue_count, memory,
                                  log, host);
    if (result != 0) {
        return result;
    }
    console->ports = ports->ports;
    console->max_ports = ports->max;
    console->rows_first = ports->rows_first;
    for (unsigned id = 0; id < ports->max; id++) {
        prepare_port(&console->ports[id], id);
    }
    if (options) {
        console->ports[0].cols = options->cols;
        console->ports[0].rows = options->rows;
        console->has_size = options->cols || options->rows;
        console->virtio.features_off = options->features_off;
    }
    return 0;
}

int vmmp_virtio_console_init(struct vmmp_virtio_console *console,
                             const struct vmmp_virtio_console_backend *backend,
                             const struct vmmp_virtio_console_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host)
{
    const struct vmmp_virtio_console_ports ports = { &console->port, console->queues, 1, false };

    memset(console, 0, sizeof(*console));
    if (!backend) {
        return -EINVAL;
    }
    int result = init(console, &ports, QUEUES_OF_ONE, options, memory, log, host);
    if (result == 0) {
        console->port.backend = *backend;
        console->port.present = true;
        console->port.is_console = true;
        console->port.host_open = true;
    }
    return result;
}

int vmmp_virtio_console_init_multiport(struct vmmp_virtio_console *console,
                                       const struct vmmp_virtio_console_ports *ports,
                                       const struct vmmp_virtio_console_options *options,
                                       const struct vmmp_guest_memory *memory,
                                       const struct vmmp_log *log, const struct vmmp_host *host)
{
    memset(console, 0, sizeof(*console));
    if (!ports || !ports->ports || ports->max == 0 || ports->max > VMMP_VIRTIO_CONSOLE_PORTS_MAX) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-console: give memory for 1 to %d ports", VMMP_VIRTIO_CONSOLE_PORTS_MAX);
        return -EINVAL;
    }
    console->multiport = true;
    int result =
        init(console, ports, VMMP_VIRTIO_CONSOLE_QUEUES(ports->max), options, memory, log, host);
    /* Linux does nothing with the size of any port without this feature. */
    console->has_size = true;
    return result;
}

void vmmp_virtio_console_fini(struct vmmp_virtio_console *console)
{
    vmmp_virtio_fini(&console->virtio);
}

/* ---- Ports ---- */

static int check_addition(const struct vmmp_virtio_console *console, unsigned id,
                          const struct vmmp_virtio_console_port_options *options)
{
    const struct vmmp_log *log = console->virtio.log;
    if (!options || !console->multiport || id >= console->max_ports) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-console: there is no port %u: make the console for more ports", id);
        return -EINVAL;
    }
    if (console->ports[id].present) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-console: port %u is there already: remove it first", id);
        return -EEXIST;
    }
    if (options->name && strlen(options->name) >= VMMP_VIRTIO_CONSOLE_NAME) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-console: the name of port %u is longer than %d characters", id,
                 VMMP_VIRTIO_CONSOLE_NAME - 1);
        return -ENAMETOOLONG;
    }
    return 0;
}

int vmmp_virtio_console_port_add(struct vmmp_virtio_console *console, unsigned id,
                                 const struct vmmp_virtio_console_port_options *options)
{
    int error = check_addition(console, id, options);
    if (error) {
        return error;
    }
    struct vmmp_virtio_console_port *port = &console->ports[id];
    port->backend = options->backend;
    memset(port->name, 0, sizeof(port->name));
    if (options->name) {
        memcpy(port->name, options->name, strlen(options->name));
    }
    if (options->cols || options->rows || id != 0) {
        port->cols = options->cols;
        port->rows = options->rows;
    }
    port->is_console = options->is_console;
    port->drop_when_closed = options->drop_when_closed;
    port->host_open = !options->closed;
    port->present = true;
    vmmp_virtio_console_tell_added(console, port);
    if (id == 0 && vmmp_virtio_live(&console->virtio) && !vmmp_virtio_console_multiport(console)) {
        vmmp_virtio_console_set_guest_open(port, true);
    }
    return 0;
}

int vmmp_virtio_console_port_remove(struct vmmp_virtio_console *console, unsigned id)
{
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!console->multiport) {
        return -EINVAL;
    }
    if (!port) {
        return -ENOENT;
    }
    if (port->busy) {
        vmmp_virtio_push(&console->virtio, port->tx_queue, &port->chain.token, 0);
    }
    vmmp_virtio_console_forget_output(port);
    port->present = false;
    port->guest_open = false;
    port->starved = false;
    vmmp_virtio_console_tell_removed(console, port);
    /* The rest of the output, so that nobody in the guest waits for its buffers. */
    vmmp_virtio_resume(&console->virtio, port->tx_queue);
    return 0;
}

bool vmmp_virtio_console_port_guest_open(const struct vmmp_virtio_console *console, unsigned id)
{
    const struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    return port && port->guest_open;
}

void vmmp_virtio_console_port_resize(struct vmmp_virtio_console *console, unsigned id,
                                     uint16_t cols, uint16_t rows)
{
    struct vmmp_virtio_console_port *port = vmmp_virtio_console_find(console, id);
    if (!port || (cols == port->cols && rows == port->rows)) {
        return;
    }
    port->cols = cols;
    port->rows = rows;
    vmmp_virtio_console_tell_size(console, port);
    if (id == 0 && console->has_size) {
        vmmp_virtio_config_changed(&console->virtio);
    }
}

void vmmp_virtio_console_resize(struct vmmp_virtio_console *console, uint16_t cols, uint16_t rows)
{
    vmmp_virtio_console_port_resize(console, 0, cols, rows);
}
