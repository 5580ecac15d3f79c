/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual PCI for ARM guests, compatible interface. Native: vmmp/pci_host.h. */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/ioports.h>
#include <sel4vmmplatsupport/plat/vpci.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PCI_CFG_BAR_MASK 0xFFFFFFFF

/**
 * Makes the configuration window (CAM) and the window of I/O ports of this platform answer. Devices
 * may be added before or after. What nobody answers reads all-ones. 0, or -1 (logged) if an
 * argument is NULL or one of the windows is taken; then neither answers.
 */
int vm_install_vpci(vm_t *vm, vmm_io_port_list_t *io_port, vmm_pci_space_t *pci);

/**
 * Adds the node /pci for these windows to `fdt`, with an interrupt map of every device on the bus
 * except the host bridge. All devices must have been added. 0; -1 for a NULL argument; a negative
 * libfdt error, and then the tree has no such node: -FDT_ERR_EXISTS, -FDT_ERR_NOSPACE,
 * -FDT_ERR_BADNCELLS if the root's cells cannot hold the addresses, -FDT_ERR_BADVALUE if a device's
 * interrupt line is no SPI (logged).
 */
int fdt_generate_vpci_node(vm_t *vm, vmm_pci_space_t *pci, void *fdt, int gic_phandle);

#ifdef __cplusplus
}
#endif
