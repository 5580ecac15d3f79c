/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where on this board (QEMU's machine virt), and the windows
 * of the virtual PCI bus between it. VMMP_BOARD_MAP(ROW): name, first address, bytes, and the row
 * that ends at or before it; addresses ascend. Rows named RAM… are what guests may have as memory.
 * The library does not compile if rows overlap (src/compat/arm/plat/board_map.c); use the table in
 * the same way for what a VMM adds.
 */
#pragma once

#include <sel4vmmplatsupport/plat/vpci.h>

#define VMMP_BOARD_MAP(ROW)                                                               \
    ROW(FLASH, 0x00000000, 0x08000000, BOTTOM)                                            \
    ROW(GIC, 0x08000000, 0x01000000, FLASH) /* Distributor 0x08000000, CPUs 0x08010000 */ \
    ROW(UART0, 0x09000000, 0x1000, GIC)     /* PL011, SPI 1 */                            \
    ROW(RTC, 0x09010000, 0x1000, UART0)     /* PL031, SPI 2 */                            \
    ROW(FW_CFG, 0x09020000, 0x1000, RTC)                                                  \
    ROW(GPIO, 0x09030000, 0x1000, FW_CFG) /* PL061, SPI 7 */                              \
    ROW(UART1, 0x09040000, 0x1000, GPIO)                                                  \
    ROW(SMMU, 0x09050000, 0x20000, UART1)                                                 \
    ROW(VIRTIO_MMIO, 0x0a000000, 0x4000, SMMU) /* 32 slots, SPI 16 and on */              \
    ROW(PLATFORM_BUS, 0x0c000000, 0x02000000, VIRTIO_MMIO)                                \
    ROW(SECURE_RAM, 0x0e000000, 0x01000000, PLATFORM_BUS)                                 \
    ROW(PCIE, 0x10000000, 0x30000000, SECURE_RAM) /* The machine's own */                 \
    ROW(RAM_LOW, 0x40000000, 0x9d000000, PCIE)                                            \
    ROW(PCI_IO, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE, RAM_LOW)                          \
    ROW(PCI_CFG, PCI_CFG_REGION_ADDR, PCI_CFG_REGION_SIZE, PCI_IO)                        \
    ROW(PCI_MEM, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_SIZE, PCI_CFG)                       \
    ROW(RAM_HIGH, 0xe0000000, 0x3f60000000, PCI_MEM)
