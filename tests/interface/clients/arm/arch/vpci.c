/* SPDX-License-Identifier: BSD-2-Clause */
/* Without what it needs before it. */
#include <sel4vmmplatsupport/arch/vpci.h>

int client_vpci(vm_t *vm, void *fdt)
{
    static vmm_pci_space_t *pci;
    static vmm_io_port_list_t *io_ports;

    return vmm_pci_init(&pci) || vmm_io_port_init(&io_ports, 0x1000) ||
           vm_install_vpci(vm, io_ports, pci) || fdt_generate_vpci_node(vm, pci, fdt, 1) ||
           PCI_CFG_BAR_MASK == 0;
}
