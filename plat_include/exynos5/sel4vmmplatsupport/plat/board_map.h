/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Exynos 5 Dual and 5422 User's Manuals, memory map), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                            \
    ROW(IRAM, 0x02020000, 0x54000, BOTTOM)                                             \
    ROW(AUDIO, 0x03800000, 0x100000, IRAM)                                             \
    ROW(SROM, 0x04000000, 0x0a000000, AUDIO)                                           \
    ROW(DEVICES, 0x10000000, 0x05000000, SROM) /* plat/device_map.h; GIC 0x10481000 */ \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, DEVICES)                       \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                     \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                    \
    ROW(RAM, 0x40000000, 0x80000000, PCI_MEM) /* 2 GiB */
