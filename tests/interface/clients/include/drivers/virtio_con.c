/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/virtio_con.h>

static void interrupt(void *cookie)
{
    (void)cookie;
}

static void put(int port, char c)
{
    (void)port, (void)c;
}

virtio_con_t *client_virtio_con(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ports)
{
    static char rings[VIRTIO_CON_MAX_PORTS][4088];
    static virtio_con_t *con;
    ioport_range_t range = { 0, 0, 0x400 };
    struct virtio_console_passthrough backend;

    backend.handleIRQ = interrupt;
    backend.backend_putchar = put;
    backend.console_data = rings;
    con = common_make_virtio_con(vm, pci, ports, range, IOPORT_FREE, 9, 9, backend);
    if (con) {
        con->emul_driver->emul_cb.emul_putchar(0, con->emul, rings[0], 0, 1);
        con->emul_driver->backend_fn.handleIRQ(con->emul_driver_funcs.console_data);
    }
    return con && con->iobase ? con : NULL;
}
