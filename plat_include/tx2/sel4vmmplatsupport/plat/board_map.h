/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Tegra X2 Technical Reference Manual, address map), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                                 \
    ROW(MISC, 0x00100000, 0x02b00000, BOTTOM)                                               \
    ROW(UARTS, 0x03100000, 0x80000, MISC)                                                   \
    ROW(STORAGE_USB, 0x03400000, 0x400000, UARTS)                                           \
    ROW(GIC, 0x03880000, 0x8000, STORAGE_USB) /* Distributor 0x03881000, CPUs 0x03882000 */ \
    ROW(CONTROL, 0x03900000, 0x09700000, GIC) /* UARTC 0x0c280000 */                        \
    ROW(PCIE_CONTROL, 0x10000000, 0x10000, CONTROL)                                         \
    ROW(SMMU_GRAPHICS, 0x12000000, 0x0e000000, PCIE_CONTROL)                                \
    ROW(SYSRAM, 0x30000000, 0x50000, SMMU_GRAPHICS)                                         \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, SYSRAM)                             \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                          \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                         \
    ROW(PCIE, 0x40000000, 0x40000000, PCI_MEM) /* The board's own */                        \
    ROW(RAM, 0x80000000, 0x200000000, PCIE)    /* 8 GiB */
