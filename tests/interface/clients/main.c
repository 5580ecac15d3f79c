/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of the compatible interface, as camkes-vm's components and libraries use it: compiled
 * with their flags, linked against the library, never run. ROOT/X.c is the client of
 * <sel4vmmplatsupport/X.h>; ROOT is include, an architecture or a platform.
 *
 * Here are the names that clients define themselves, which the library must leave to them.
 */
#include <stdbool.h>
#include <stdint.h>

#include <platsupport/io.h>
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/ioports.h>

vmm_pci_space_t *pci;
vmm_io_port_list_t *io_ports;
ps_io_ops_t io_ops;
vm_t vm;
int vm_config;
int reboot_hooks_list;
uint8_t self_mac[6];
int vm_smc_handler, vusb_notify, restart_component, cross_vm_connections_init, get_crossvm_irq_num;
int make_virtio_net, make_virtio_con, make_virtio_blk, make_virtio_vsock, make_virtio_net_vswitch;
int virtio_net_notify, virtio_net_init, virtio_net_rx, virtio_console_init, virtio_console_putchar;
int handle_serial_console, handle_vsock_irq, pci_config_io_in, pci_config_io_out;
int vmm_init, vm_create_hpet;

int main(void)
{
    return 0;
}
