/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-vsock, compatible interface: packets between guests, which the client carries.
 * Native: vmmp/virtio_vsock.h, whose packet layer this is a translation of.
 *
 * The guest sees a legacy function 1af4:1012 with one I/O BAR and queues 0 (receive), 1 (transmit)
 * and 2 (events) of 128 entries. All it can do wrong ends as vmmp/virtio_vsock.h says.
 * drivers/virtio_pci_vsock.h says what the client gives and calls.
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

typedef struct virtio_vsock {
    unsigned int iobase; /**< First port. */
    virtio_emul_t *emul;
    struct virtio_vsock_driver *emul_driver;
    struct virtio_vsock_passthrough emul_driver_funcs; /**< `backend`. */
    ps_io_ops_t ioops;
} virtio_vsock_t;

/**
 * Takes ports as vmm_io_port_add_handler() does (aligned to their number, rounded up to a power of
 * two), and plugs a socket device into the first free device of `pci`. `interrupt_pin` and
 * `interrupt_line` are what the guest reads; `backend.injectIRQ` injects. NULL if
 * `backend.guest_cid` is below 3, the ports cannot be had, the bus is full or memory is short (said
 * in the log).
 */
virtio_vsock_t *common_make_virtio_vsock(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                         ioport_range_t ioport_range, ioport_type_t port_type,
                                         unsigned int interrupt_pin, unsigned int interrupt_line,
                                         struct virtio_vsock_passthrough backend);

#ifdef __cplusplus
}
#endif
