/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/arch/ioports.h>
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>
#include <sel4vmmplatsupport/arch/ioport_defs.h>

int client_vmm_pci_helper(vm_t *vm, vmm_pci_space_t *pci)
{
    vm_ioport_range_t range = { X86_IO_PCI_CONFIG_START, X86_IO_PCI_CONFIG_END };
    vm_ioport_interface_t interface = { pci, vmm_pci_io_port_in, vmm_pci_io_port_out,
                                        "PCI configuration" };

    return vm_io_port_add_handler(vm, range, interface);
}
