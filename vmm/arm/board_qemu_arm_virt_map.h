/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where everything is in the machine `qemu-arm-virt`: the one table, for every host.
 *
 * RAM, GIC, UART, RTC and virtio-mmio slots are where QEMU's machine `virt` has them; the PCI
 * windows are where the compatible interface puts them for this platform (plat/vpci.h), so that one
 * device tree suits Linux hosts and seL4. Each row of VIRT_WINDOWS names the row below it in
 * memory: ranges that overlap or are out of order do not compile.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "../machine_board.h"

/* Name, first address, bytes, the row that ends at or before it. Addresses ascend. */
#define VIRT_WINDOWS(ROW)                                                                       \
    ROW(GIC_DIST, 0x08000000, 0x00010000, BOTTOM)     /* GICv2 or GICv3 distributor */          \
    ROW(GICV2_CPU, 0x08010000, 0x00010000, GIC_DIST)  /* GICv2 CPU interface */                 \
    ROW(GICV2M, 0x08020000, 0x00001000, GICV2_CPU)    /* GICv2 MSI frame */                     \
    ROW(GICV3_REDIST, 0x080a0000, 0x00f60000, GICV2M) /* GICv3 redistributors, 128 KiB a CPU */ \
    ROW(PL011, 0x09000000, 0x00001000, GICV3_REDIST)  /* UART */                                \
    ROW(PL031, 0x09010000, 0x00001000, PL011)         /* Real-time clock */                     \
    ROW(PL061, 0x09030000, 0x00001000, PL031)         /* GPIO */                                \
    ROW(VIRTIO_MMIO, 0x0a000000, 0x00004000, PL061)   /* Slots of VIRT_VIRTIO_MMIO_SLOT */      \
    ROW(RAM_LOW, 0x40000000, 0x9d000000, VIRTIO_MMIO) /* At most; a small machine has less */   \
    ROW(PCI_IO, 0xdd000000, 0x00010000, RAM_LOW)      /* PCI_IO_REGION_ADDR of plat/vpci.h */   \
    ROW(PCI_CFG, 0xde000000, 0x01000000, PCI_IO)      /* PCI_CFG_REGION_ADDR */                 \
    ROW(PCI_MEM, 0xdf000000, 0x01000000, PCI_CFG)     /* PCI_MEM_REGION_ADDR */                 \
    ROW(RAM_HIGH, 0x100000000, 0x3f00000000, PCI_MEM) /* What does not fit into RAM_LOW */

/* GCC and clang give an enumerator the width its value needs. */
enum {
    VIRT_BOTTOM_END = 0,
#define VIRT_ROW(name, base, size, below)                                     \
    VIRT_##name##_BASE = UINT64_C(base), VIRT_##name##_SIZE = UINT64_C(size), \
    VIRT_##name##_END = UINT64_C(base) + UINT64_C(size),
    VIRT_WINDOWS(VIRT_ROW)
#undef VIRT_ROW
};

#define VIRT_ROW(name, base, size, below)                                           \
    static_assert(UINT64_C(base) >= VIRT_##below##_END, #name " overlaps " #below); \
    static_assert(UINT64_C(size) != 0 && UINT64_C(base) % 0x1000 == 0 &&            \
                      UINT64_C(size) % 0x1000 == 0,                                 \
                  #name " is not made of pages");
VIRT_WINDOWS(VIRT_ROW)
#undef VIRT_ROW

/* Interrupt numbers: an SPI n is INTID 32 + n in libsel4vm's and the GIC's counting. */
#define VIRT_SPI_INTID(spi)    (32 + (spi))
#define VIRT_PL011_SPI         1
#define VIRT_PL031_SPI         2
#define VIRT_PCI_INTX_SPI      3 /* INTA; the other pins follow. */
#define VIRT_PL061_SPI         7
#define VIRT_VIRTIO_MMIO_SPI   16 /* First slot; the others follow. */
#define VIRT_VIRTIO_MMIO_SLOTS 32
#define VIRT_VIRTIO_MMIO_SLOT  0x200
#define VIRT_GICV2M_SPI        48 /* First MSI. */
#define VIRT_GICV2M_SPIS       64
#define VIRT_SPIS              (VIRT_GICV2M_SPI + VIRT_GICV2M_SPIS)

static_assert(VIRT_PL011_SPI < VIRT_PL031_SPI && VIRT_PL031_SPI < VIRT_PCI_INTX_SPI,
              "SPIs of UART, RTC and PCI overlap");
static_assert(VIRT_PCI_INTX_SPI + MACHINE_PCI_INTX_PINS <= VIRT_PL061_SPI &&
                  VIRT_PL061_SPI < VIRT_VIRTIO_MMIO_SPI,
              "SPIs of PCI, GPIO and virtio-mmio overlap");
static_assert(VIRT_VIRTIO_MMIO_SPI + VIRT_VIRTIO_MMIO_SLOTS <= VIRT_GICV2M_SPI,
              "SPIs of virtio-mmio and MSIs overlap");
static_assert(VIRT_VIRTIO_MMIO_SLOTS * VIRT_VIRTIO_MMIO_SLOT == VIRT_VIRTIO_MMIO_SIZE,
              "virtio-mmio slots do not fill their window");

/* The pin of the GPIO controller that the power key is on. */
#define VIRT_POWER_KEY_PIN 3

#define VIRT_CPUS             8 /* A GICv2 has an 8-bit mask of targets. */
#define VIRT_GICV3_REDIST_CPU 0x20000
#define VIRT_MEMORY_MINIMUM   (UINT64_C(64) << 20)
#define VIRT_MEMORY_MAXIMUM   (VIRT_RAM_LOW_SIZE + VIRT_RAM_HIGH_SIZE)

static_assert((uint64_t)VIRT_CPUS * VIRT_GICV3_REDIST_CPU <= VIRT_GICV3_REDIST_SIZE,
              "the redistributors do not fit");

/** The whole table, ascending, for messages and tests. */
extern const struct machine_range virt_ranges[];
extern const size_t virt_range_count;

/** The row `address` lies in, or NULL. */
const struct machine_range *virt_range_of(uint64_t address);

/** How `memory` bytes of RAM are split: at most two ranges. Returns how many, 0 if out of range. */
unsigned virt_ram_ranges(uint64_t memory, struct machine_range ranges[2]);
