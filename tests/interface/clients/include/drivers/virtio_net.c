/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/virtio_net.h>

static virtio_net_t *net;

static int transmit(struct eth_driver *driver, unsigned int num, uintptr_t *phys, unsigned int *len,
                    void *cookie)
{
    if (num != 1 || len[0] > 1514 || !phys[0] || !driver->eth_data) {
        return ETHIF_TX_FAILED;
    }
    driver->i_cb.tx_complete(driver->cb_cookie, cookie);
    return cookie ? ETHIF_TX_ENQUEUED : ETHIF_TX_COMPLETE;
}

static void init(struct eth_driver *driver, uint8_t *mac, int *mtu)
{
    mac[0] = driver->eth_data ? 2 : 0;
    *mtu = 1500;
}

static void handle_irq(struct eth_driver *driver, int irq)
{
    (void)driver, (void)irq;
}

int client_virtio_net_receive(const char *frame, unsigned int len)
{
    void *cookie;
    void *emul_cookie = net->emul_driver->cb_cookie;
    uintptr_t buffer = net->emul_driver->i_cb.allocate_rx_buf(emul_cookie, len, &cookie);

    if (!buffer) {
        return -1;
    }
    memcpy((void *)buffer, frame, len);
    net->emul_driver->i_cb.rx_complete(emul_cookie, 1, &cookie, &len);
    return 0;
}

virtio_net_t *client_virtio_net(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ports)
{
    struct raw_iface_funcs backend = virtio_net_default_backend();
    ioport_range_t range = { 0, 0, 0x400 };

    backend.raw_tx = transmit;
    backend.low_level_init = init;
    backend.raw_handleIRQ = handle_irq;
    net = common_make_virtio_net(vm, pci, ports, range, IOPORT_FREE, 1, 82, backend);
    if (net) {
        net->emul_driver->eth_data = &net;
        net->emul_driver->i_fn.raw_handleIRQ(net->emul_driver, (int)net->iobase);
    }
    return net && net->emul && net->ioops.dma_manager.cookie &&
                   net->emul_driver_funcs.raw_tx == transmit
               ? net
               : NULL;
}
