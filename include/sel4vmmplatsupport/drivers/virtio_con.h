/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console, compatible interface: four ports, /dev/hvc0 to /dev/hvc3 of a Linux guest.
 * Native: vmmp/virtio_console.h, of which this is a translation.
 *
 * The guest sees a legacy function 1af4:1003 with one I/O BAR, ten queues of 128 entries and
 * F_MULTIPORT. All it can do wrong ends as vmmp/virtio_console.h says.
 *
 * Single-threaded, like everything that takes a `vm_t`. What is made lives as long as the VM.
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

typedef struct virtio_con {
    unsigned int iobase; /**< First port. */
    virtio_emul_t *emul;
    struct virtio_console_driver *emul_driver;
    struct virtio_console_passthrough emul_driver_funcs; /**< `backend`. */
    ps_io_ops_t ioops;
} virtio_con_t;

/**
 * Takes ports as vmm_io_port_add_handler() does (aligned to their number, rounded up to a power of
 * two), and plugs a console into the first free device of `pci`. `interrupt_pin` and
 * `interrupt_line` are what the guest reads; `backend.handleIRQ` injects. NULL if the ports cannot
 * be had, the bus is full or memory is short (said in the log).
 */
virtio_con_t *common_make_virtio_con(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     struct virtio_console_passthrough backend);

#ifdef __cplusplus
}
#endif
