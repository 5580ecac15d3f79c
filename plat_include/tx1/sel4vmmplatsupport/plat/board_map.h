/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Tegra X1 Technical Reference Manual, address map), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                            \
    ROW(PCIE, 0x01000000, 0x3f000000, BOTTOM)                                          \
    ROW(IRAM, 0x40000000, 0x40000, PCIE)                                               \
    ROW(HOST1X, 0x50000000, 0x34000, IRAM)                                             \
    ROW(GIC, 0x50040000, 0x8000, HOST1X) /* Distributor 0x50041000, CPUs 0x50042000 */ \
    ROW(GRAPHICS, 0x54000000, 0x04000000, GIC)                                         \
    ROW(PPSB, 0x60000000, 0x01000000, GRAPHICS)                                        \
    ROW(APB, 0x70000000, 0x01000000, PPSB) /* UARTs 0x70006000 */                      \
    ROW(AHB, 0x7c000000, 0x02000000, APB)                                              \
    ROW(RAM, 0x80000000, 0x100000000, AHB) /* 4 GiB */                                 \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, RAM)                           \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                     \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)
