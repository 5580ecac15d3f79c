/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_vsock.h>

static void interrupt(void *cookie)
{
    (void)cookie;
}

static void forward(int cid, void *buffer, unsigned int len)
{
    (void)cid, (void)buffer, (void)len;
}

struct virtio_vsock_passthrough client_vsock_backend = { 3, interrupt, forward, NULL };

void client_virtio_pci_vsock(struct virtio_vsock_driver *driver, virtio_emul_t *vsock)
{
    char packet[VIRTIO_VSOCK_CAMKES_MTU] = { 0 };

    driver->backend_fn = client_vsock_backend;
    driver->emul_cb.rx_complete(vsock, packet, sizeof(packet));
}
