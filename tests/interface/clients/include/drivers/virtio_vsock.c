/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/virtio_vsock.h>

static void interrupt(void *cookie)
{
    (void)cookie;
}

static void forward(int cid, void *buffer, unsigned int len)
{
    (void)cid, (void)buffer, (void)len;
}

virtio_vsock_t *client_virtio_vsock(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ports)
{
    static char packet[VIRTIO_VSOCK_CAMKES_MTU];
    ioport_range_t range = { 0, 0, 0x400 };
    struct virtio_vsock_passthrough backend;

    backend.guest_cid = 3;
    backend.injectIRQ = interrupt;
    backend.forward = forward;
    backend.vsock_data = packet;
    virtio_vsock_t *vsock =
        common_make_virtio_vsock(vm, pci, ports, range, IOPORT_FREE, 10, 10, backend);
    if (vsock) {
        vsock->emul_driver->emul_cb.rx_complete(vsock->emul, packet, sizeof(packet));
        vsock->emul_driver->backend_fn.injectIRQ(vsock->emul_driver_funcs.vsock_data);
    }
    return vsock && vsock->iobase ? vsock : NULL;
}
