/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Tegra K1 Technical Reference Manual, address map), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

/* The board's PCIe reaches to 0x40000000: a guest that has it must not have a virtual bus as well.
 */
#define VMMP_BOARD_MAP(ROW)                                                              \
    ROW(PCIE, 0x01000000, 0x3c000000, BOTTOM)                                            \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, PCIE)                            \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                       \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                      \
    ROW(IRAM, 0x40000000, 0x40000, PCI_MEM)                                              \
    ROW(HOST1X, 0x50000000, 0x34000, IRAM)                                               \
    ROW(GIC, 0x50040000, 0x8000, HOST1X) /* Distributor 0x50041000, CPUs 0x50042000 */   \
    ROW(GRAPHICS, 0x54000000, 0x04000000, GIC)                                           \
    ROW(PPSB, 0x60000000, 0x01000000, GRAPHICS) /* Clocks 0x60006000, GPIO 0x6000d000 */ \
    ROW(APB, 0x70000000, 0x01000000, PPSB)      /* UARTs 0x70006000 */                   \
    ROW(AHB, 0x7c000000, 0x02000000, APB)       /* USB 0x7d000000 */                     \
    ROW(RAM, 0x80000000, 0x80000000, AHB)       /* 2 GiB */
