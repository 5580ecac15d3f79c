/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Zynq UltraScale+ Technical Reference Manual, UG1085, table 10-1),
 * and the windows of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address,
 * bytes, and the row that ends at or before it; addresses ascend. Rows named RAM… are what guests
 * may have as memory. The library does not compile if rows overlap
 * (src/compat/arm/plat/board_map.c); use the table in the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                           \
    ROW(RAM_LOW, 0x00000000, 0x3d000000, BOTTOM)                                      \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, RAM_LOW)                      \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                    \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                   \
    ROW(RAM_MIDDLE, 0x40000000, 0x40000000, PCI_MEM) /* 2 GiB in all */               \
    ROW(LOGIC, 0x80000000, 0x40000000, RAM_MIDDLE)   /* The programmable part */      \
    ROW(QSPI, 0xc0000000, 0x20000000, LOGIC)                                          \
    ROW(PCIE, 0xe0000000, 0x10000000, QSPI) /* The board's own */                     \
    ROW(STM, 0xf8000000, 0x01000000, PCIE)                                            \
    ROW(GIC, 0xf9000000, 0x100000, STM) /* Distributor 0xf9010000, CPUs 0xf9020000 */ \
    ROW(FULL_POWER, 0xfd000000, 0x01000000, GIC)                                      \
    ROW(USB, 0xfe000000, 0x01000000, FULL_POWER)                                      \
    ROW(LOW_POWER, 0xff000000, 0x00c00000, USB) /* UARTs 0xff000000, 0xff010000 */    \
    ROW(CSU_OCM, 0xffc00000, 0x00400000, LOW_POWER)                                   \
    ROW(PCIE_HIGH, 0x600000000, 0x200000000, CSU_OCM)                                 \
    ROW(RAM_HIGH, 0x800000000, 0x800000000, PCIE_HIGH) /* Boards with more than 2 GiB */
