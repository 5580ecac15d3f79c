/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the virtual PCI bus is in a guest's address space on this platform: in the memory that the
 * firmware keeps for the GPU, which is never a guest's. The same addresses as on most boards.
 */
#pragma once

#define PCI_CFG_REGION_ADDR 0x3E000000
#define PCI_CFG_REGION_SIZE 0x1000000
#define PCI_IO_REGION_ADDR  0x3D000000
#define PCI_IO_REGION_SIZE  0x10000
#define PCI_MEM_REGION_ADDR 0x3F000000ull
#define PCI_MEM_REGION_SIZE 0x1000000

/* 2: interrupt-map entries have two cells of unit address for the GIC; 1: they have none. */
#define GIC_ADDRESS_CELLS 0x1
