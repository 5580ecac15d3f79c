/* SPDX-License-Identifier: BSD-2-Clause */
/* <pci/...>: what the library's headers and its clients use of seL4's libpci. */
#include <stdbool.h>
#include <stdint.h>

#include <pci/helper.h>
#include <pci/virtual_pci.h>

#include "check.h"

CHECK_VALUE(PCI_VENDOR_ID, 0x00);
CHECK_VALUE(PCI_DEVICE_ID, 0x02);
CHECK_VALUE(PCI_COMMAND, 0x04);
CHECK_VALUE(PCI_STATUS, 0x06);
CHECK_VALUE(PCI_STATUS_CAP_LIST, 0x10);
CHECK_VALUE(PCI_HEADER_TYPE, 0x0e);
CHECK_VALUE(PCI_BASE_ADDRESS_0, 0x10);
CHECK_VALUE(PCI_BASE_ADDRESS_5, 0x24);
CHECK_VALUE(PCI_BASE_ADDRESS_SPACE_IO, 1);
CHECK_VALUE(PCI_BASE_ADDRESS_MEM_PREFETCH, 8);
CHECK_VALUE(PCI_CAPABILITY_LIST, 0x34);
CHECK_VALUE(PCI_INTERRUPT_LINE, 0x3c);
CHECK_VALUE(PCI_INTERRUPT_PIN, 0x3d);
CHECK_VALUE(PCI_CAP_LIST_NEXT, 1);
CHECK_VALUE(PCI_CAP_ID_MSI, 5);
CHECK_VALUE(PCI_CAP_ID_MSIX, 0x11);

CHECK_MEMBER(libpci_device_iocfg_t, base_addr, uint32_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_space, uint8_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_type, uint8_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_prefetchable, uint8_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_size_mask, uint32_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_size, uint32_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_raw, uint32_t[6]);
CHECK_MEMBER(libpci_device_iocfg_t, base_addr_64H, bool[6]);
