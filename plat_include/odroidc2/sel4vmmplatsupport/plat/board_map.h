/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (Amlogic S905 datasheet, memory map), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                             \
    ROW(FIRMWARE, 0x00000000, 0x01000000, BOTTOM) /* RAM of the secure world */         \
    ROW(RAM_LOW, 0x01000000, 0x3c000000, FIRMWARE)                                      \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, RAM_LOW)                        \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                      \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                     \
    ROW(RAM_HIGH, 0x40000000, 0x40000000, PCI_MEM) /* 2 GiB in all */                   \
    ROW(CBUS, 0xc1100000, 0x100000, RAM_HIGH)                                           \
    ROW(GIC, 0xc4300000, 0x8000, CBUS)    /* Distributor 0xc4301000, CPUs 0xc4302000 */ \
    ROW(AOBUS, 0xc8100000, 0x100000, GIC) /* UART_AO 0xc81004c0 */                      \
    ROW(PERIPHERALS, 0xc8834000, 0x2000, AOBUS)                                         \
    ROW(HIU, 0xc883c000, 0x2000, PERIPHERALS) /* Clocks */                              \
    ROW(USB_ETHERNET, 0xc9000000, 0x420000, HIU)                                        \
    ROW(APB, 0xd0000000, 0x200000, USB_ETHERNET)
