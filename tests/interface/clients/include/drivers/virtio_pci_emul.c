/* SPDX-License-Identifier: BSD-2-Clause */
/* For all that it brings with it. */
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>

struct raw_iface_funcs client_net_functions;
raw_diskiface_funcs_t client_disk_functions;
ps_io_ops_t client_io_ops;
const virtio_pci_devices_t client_kinds[] = { VIRTIO_NET, VIRTIO_CONSOLE, VIRTIO_BLOCK,
                                              VIRTIO_VSOCK };
char client_rings[VQUEUE_NUM_VRINGS == 2 * VIRTIO_CON_MAX_PORTS + 2 ? 1 : -1];
char client_queues[RX_QUEUE == 0 && TX_QUEUE == 1 ? 1 : -1];

vm_t *client_virtio_pci_emul(virtio_emul_t *emul)
{
    return strlen("string.h") ? emul->vm : NULL;
}
