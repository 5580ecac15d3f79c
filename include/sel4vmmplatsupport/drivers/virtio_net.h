/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, compatible interface: an Ethernet interface over functions of the kind of
 * <ethdrivers/raw.h>. Native: vmmp/virtio_net.h, of which this is a translation.
 *
 * The guest sees a legacy function 1af4:1000 with one I/O BAR, queues 0 (receive) and 1 (transmit)
 * of 128 entries, and F_MAC. All it can do wrong ends as vmmp/virtio_net.h says.
 *
 * From the guest: each frame comes to `raw_tx` as one buffer without the virtio header, up to 2048
 * bytes; longer ones are dropped, with a message. The guest has its descriptors back once the frame
 * has been copied, whatever `raw_tx` answers. A buffer that is ETHIF_TX_ENQUEUED is the client's
 * until it calls `tx_complete`; with all buffers there, frames wait in the guest's queue. With
 * ETHIF_TX_FAILED the frame is dropped.
 * To the guest: `allocate_rx_buf` gives a buffer of up to 2048 bytes, or 0 if there is none;
 * `rx_complete` takes its buffers back, which are one frame together, and drops the frame if the
 * guest has no buffer for it.
 * Both are `emul_driver->i_cb`'s, called with `emul_driver->cb_cookie`; also from inside `raw_tx`,
 * where what is received is shown to the guest with one interrupt in the end.
 *
 * Single-threaded, like everything that takes a `vm_t`. What is made lives as long as the VM;
 * nothing is allocated afterwards.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>
#include <sel4vmmplatsupport/ioports.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct virtio_net {
    unsigned int iobase; /**< First port. */
    virtio_emul_t *emul;
    struct eth_driver *emul_driver;           /**< `eth_data` is the client's to overwrite. */
    struct raw_iface_funcs emul_driver_funcs; /**< `backend`. */
    ps_io_ops_t ioops;
} virtio_net_t;

/**
 * Takes ports as vmm_io_port_add_handler() does (aligned to their number, rounded up to a power of
 * two), and plugs an interface into the first free device of `pci`. `interrupt_pin` and
 * `interrupt_line` are what the guest reads; `backend.raw_handleIRQ(driver, 0)` injects, once for a
 * batch. `backend.low_level_init` is called before this returns, with `eth_data` the interface, and
 * has to fill in an address of the guest's own (unicast, not all 0); its MTU is not told to the
 * guest. NULL if the address will not do, the ports cannot be had, the bus is full or memory is
 * short (said in the log).
 */
virtio_net_t *common_make_virtio_net(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     struct raw_iface_funcs backend);

/**
 * Functions that say in the log that they are missing; `get_mac` is NULL. The client replaces
 * `raw_tx`, `low_level_init` and `raw_handleIRQ`.
 */
struct raw_iface_funcs virtio_net_default_backend(void);

#ifdef __cplusplus
}
#endif
