/* SPDX-License-Identifier: BSD-2-Clause */
/* What seL4's libpci knows of a host device's base addresses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <pci/helper.h>

struct libpci_device_iocfg {
    uint32_t base_addr[6];
    uint8_t base_addr_space[6]; /**< PCI_BASE_ADDRESS_SPACE_IO or _MEMORY */
    uint8_t base_addr_type[6];  /**< PCI_BASE_ADDRESS_MEM_TYPE_32 or _64 */
    uint8_t base_addr_prefetchable[6];
    uint32_t base_addr_size_mask[6];
    uint32_t base_addr_size[6];
    uint32_t base_addr_raw[6];
    bool base_addr_64H[6]; /**< The upper half of the one before. */
};

typedef struct libpci_device_iocfg libpci_device_iocfg_t;
