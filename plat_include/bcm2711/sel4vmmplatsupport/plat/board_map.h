/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (BCM2711 ARM Peripherals, low peripheral mode), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                                    \
    ROW(RAM_LOW, 0x00000000, 0x3b400000, BOTTOM) /* With gpu_mem=76, the firmware's default */ \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, RAM_LOW)                               \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                             \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                            \
    ROW(RAM_MIDDLE, 0x40000000, 0xbc000000, PCI_MEM)                                           \
    ROW(PERIPHERALS, 0xfc000000, 0x03800000, RAM_MIDDLE) /* UART0 0xfe201000 */                \
    ROW(LOCAL, 0xff800000, 0x00800000, PERIPHERALS)      /* GIC 0xff841000 */                  \
    ROW(RAM_HIGH, 0x100000000, 0x100000000, LOCAL)       /* 8 GiB in all */                    \
    ROW(PCIE, 0x600000000, 0x40000000, RAM_HIGH)         /* The board's own */
