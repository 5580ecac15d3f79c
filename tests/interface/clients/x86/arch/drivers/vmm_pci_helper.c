/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/arch/ioports.h>
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>
#include <sel4vmmplatsupport/arch/ioport_defs.h>

int client_vmm_pci_helper(vm_t *vm, libpci_device_iocfg_t *config, vmm_pci_space_t *pci)
{
    vmm_pci_bar_t bars[6];
    vm_ioport_range_t range = { X86_IO_PCI_CONFIG_START, X86_IO_PCI_CONFIG_END };
    vm_ioport_interface_t interface = { pci, vmm_pci_io_port_in, vmm_pci_io_port_out,
                                        "PCI configuration" };

    if (vm_io_port_add_handler(vm, range, interface)) {
        return -1;
    }
    int count = vmm_pci_helper_map_bars(vm, config, bars);
    return count > 0 && bars[0].size_bits ? count : -1;
}
