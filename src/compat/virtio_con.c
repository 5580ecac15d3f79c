/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_con.h> over vmmp/virtio_console.h. */
#include <sel4vmmplatsupport/drivers/virtio_con.h>

#include <string.h>

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "compat/compat_vm.h"
#include "compat/virtio_pci_emul.h"

/* The client's ring. */
#define RING_SIZE 4088u
/* VIRTIO_CONSOLE_F_SIZE (5.3.3) */
#define FEATURE_SIZE UINT64_C(1)
/* Input of a port that the guest has not taken yet. */
#define KEPT_SIZE 4096u

struct con;

struct con_port {
    struct con *con;
    int number;
    uint32_t head;
    uint32_t count;
    uint8_t kept[KEPT_SIZE];
};

struct con {
    struct vmmp_compat_virtio virtio; /* First: the client's handle leads here. */
    virtio_con_t client;
    struct virtio_console_driver driver;
    struct vmmp_virtio_console model;
    struct vmmp_virtio_console_port ports[VIRTIO_CON_MAX_PORTS];
    struct vmmp_virtio_queue queues[VMMP_VIRTIO_CONSOLE_QUEUES(VIRTIO_CON_MAX_PORTS)];
    struct con_port port[VIRTIO_CON_MAX_PORTS];
    struct vmmp_log_limit lost_limit;
};

static struct con *con_of(virtio_emul_t *emul)
{
    return (struct con *)(void *)emul;
}

/* ---- Output ---- */

static size_t write_out(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    const struct con_port *port = cookie;
    console_putchar_fn_t put = port->con->driver.backend_fn.backend_putchar;
    size_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *bytes = iov[i].base;
        for (size_t b = 0; put && b < iov[i].len; b++) {
            put(port->number, bytes[b]);
        }
        done += iov[i].len;
    }
    return done;
}

/* ---- Input ---- */

static size_t give(struct con_port *port, const void *bytes, size_t size)
{
    return vmmp_virtio_console_port_receive(&port->con->model, (unsigned)port->number, bytes, size);
}

/* The guest has room: what was kept comes first. */
static void give_kept(void *cookie)
{
    struct con_port *port = cookie;
    while (port->count > 0) {
        uint32_t together = KEPT_SIZE - port->head;
        together = together < port->count ? together : port->count;
        uint32_t taken = (uint32_t)give(port, port->kept + port->head, together);
        port->head = (port->head + taken) % KEPT_SIZE;
        port->count -= taken;
        if (taken < together) {
            return;
        }
    }
}

static void keep(struct con_port *port, const uint8_t *bytes, uint32_t size)
{
    uint32_t room = KEPT_SIZE - port->count;
    uint32_t kept = size < room ? size : room;
    for (uint32_t i = 0; i < kept; i++) {
        port->kept[(port->head + port->count + i) % KEPT_SIZE] = bytes[i];
    }
    port->count += kept;
    if (kept < size) {
        vmmp_log_guest(port->con->model.virtio.log, &port->con->lost_limit,
                       "virtio-console: the guest does not read port %d: %u bytes of input lost",
                       port->number, size - kept);
    }
}

static void receive(struct con_port *port, const char *bytes, uint32_t size)
{
    uint32_t taken = port->count == 0 ? (uint32_t)give(port, bytes, size) : 0;
    if (taken < size) {
        keep(port, (const uint8_t *)bytes + taken, size - taken);
    }
}

static void emul_putchar(int number, virtio_emul_t *emul, char *buffer, uint32_t head,
                         uint32_t tail)
{
    if (!emul || !buffer || number < 0 || number >= VIRTIO_CON_MAX_PORTS || head >= RING_SIZE ||
        tail >= RING_SIZE) {
        vmmp_log(&vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-console: input for port %d from %u to %u: ports are 0 to %d, the ring has "
                 "%u bytes",
                 number, head, tail, VIRTIO_CON_MAX_PORTS - 1, RING_SIZE);
        return;
    }
    struct con_port *port = &con_of(emul)->port[number];
    if (tail < head) {
        receive(port, buffer + head, RING_SIZE - head);
        head = 0;
    }
    receive(port, buffer + head, tail - head);
}

/* ---- Making one ---- */

static int make_model(struct con *con, struct vmmp_vm *vmmp)
{
    const struct vmmp_virtio_console_ports memory = {
        .ports = con->ports,
        .queues = con->queues,
        .max = VIRTIO_CON_MAX_PORTS,
        .rows_first = false,
    };
    /* Such consoles have no size. */
    const struct vmmp_virtio_console_options options = { .features_off = FEATURE_SIZE };
    int error = vmmp_virtio_console_init_multiport(&con->model, &memory, &options, &vmmp->memory,
                                                   &vmmp->log, &vmmp->host);
    for (int i = 0; !error && i < VIRTIO_CON_MAX_PORTS; i++) {
        struct con_port *port = &con->port[i];
        const struct vmmp_virtio_console_port_options port_options = {
            .backend = { .write = write_out, .input_ready = give_kept, .cookie = port },
            .is_console = true,
        };
        port->con = con;
        port->number = i;
        error = vmmp_virtio_console_port_add(&con->model, (unsigned)i, &port_options);
    }
    return error;
}

virtio_con_t *common_make_virtio_con(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     struct virtio_console_passthrough backend)
{
    const struct vmmp_compat_virtio_place place = {
        .pci = pci,
        .ports = ioport,
        .range = ioport_range,
        .type = port_type,
        .interrupt_pin = interrupt_pin,
        .interrupt_line = interrupt_line,
        .command = 3,
        .class_code = VIRTIO_PCI_CLASS_CONSOLE,
    };
    struct vmmp_vm *vmmp = vmmp_compat_vm(vm);
    struct con *con = vmmp_compat_calloc(vm, sizeof(*con));
    if (!con) {
        return NULL;
    }
    con->driver.backend_fn = backend;
    con->driver.emul_cb.emul_putchar = emul_putchar;
    con->client.emul = &con->virtio.emul;
    con->client.emul_driver = &con->driver;
    con->client.emul_driver_funcs = backend;
    if (vm->io_ops) {
        con->client.ioops = *vm->io_ops;
    }
    int first = make_model(con, vmmp) == 0
                    ? vmmp_compat_virtio_plug(&con->virtio, vm, &con->model.virtio, &place,
                                              backend.handleIRQ, backend.console_data)
                    : -1;
    if (first < 0) {
        vmmp_compat_free(vm, con);
        return NULL;
    }
    con->client.iobase = (unsigned)first;
    return &con->client;
}
