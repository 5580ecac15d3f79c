/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where everything is in the board `pc`: memory, ports and global system interrupts.
 *
 * RAM is below the hole that a 32-bit PCI bus and the interrupt controllers need, and goes on at
 * 4 GiB. Each row of PC_WINDOWS names the row below it in memory: ranges that overlap or are out of
 * order do not compile.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/acpi.h>
#include <sel4vmmplatsupport/vmmp/smbios.h>

#include "../machine_board.h"

/* Name, first address, bytes, the row that ends at or before it. Addresses ascend. */
#define PC_WINDOWS(ROW)                                                                          \
    ROW(RAM_LOW, 0x00000000, 0xc0000000, BOTTOM)         /* At most; a small machine has less */ \
    ROW(SCREEN, 0xc0000000, 0x02000000, RAM_LOW)         /* At most, if there is one */          \
    ROW(PCI_MEM, 0xd0000000, 0x10000000, SCREEN)         /* BARs */                              \
    ROW(PCI_ECAM, 0xe0000000, 0x00100000, PCI_MEM)       /* Configuration space of bus 0 */      \
    ROW(VIRTIO_MMIO, 0xfeb00000, 0x00002000, PCI_ECAM)   /* Slots of PC_VIRTIO_MMIO_SLOT */      \
    ROW(IOAPIC, 0xfec00000, 0x00001000, VIRTIO_MMIO)     /* The kernel's */                      \
    ROW(LOCAL_APIC, 0xfee00000, 0x00001000, IOAPIC)      /* The kernel's */                      \
    ROW(HYPERVISOR, 0xfeffc000, 0x00004000, LOCAL_APIC)  /* Pages that Intel's KVM wants */      \
    ROW(RAM_HIGH, 0x100000000, 0x3f00000000, HYPERVISOR) /* What does not fit into RAM_LOW */

/* GCC and clang give an enumerator the width its value needs. */
enum {
    PC_BOTTOM_END = 0,
#define PC_ROW(name, base, size, below)                                   \
    PC_##name##_BASE = UINT64_C(base), PC_##name##_SIZE = UINT64_C(size), \
    PC_##name##_END = UINT64_C(base) + UINT64_C(size),
    PC_WINDOWS(PC_ROW)
#undef PC_ROW
};

#define PC_ROW(name, base, size, below)                                           \
    static_assert(UINT64_C(base) >= PC_##below##_END, #name " overlaps " #below); \
    static_assert(UINT64_C(size) != 0 && UINT64_C(base) % 0x1000 == 0 &&          \
                      UINT64_C(size) % 0x1000 == 0,                               \
                  #name " is not made of pages");
PC_WINDOWS(PC_ROW)
#undef PC_ROW

/* In RAM, what a PC keeps free of it for its adapters and firmware: 640 KiB to 1 MiB. */
#define PC_ADAPTERS_BASE 0xa0000
#define PC_ADAPTERS_END  0x100000
static_assert(VMMP_ACPI_AREA >= PC_ADAPTERS_BASE &&
                  VMMP_ACPI_AREA + VMMP_ACPI_AREA_SIZE <= PC_ADAPTERS_END,
              "the ACPI tables are in RAM that the guest is told of");

static_assert(VMMP_SMBIOS_AREA >= VMMP_ACPI_AREA + VMMP_ACPI_AREA_SIZE &&
                  VMMP_SMBIOS_AREA + VMMP_SMBIOS_AREA_SIZE <= PC_ADAPTERS_END,
              "the SMBIOS tables are in the way, or in RAM that the guest is told of");

#define PC_UART_PORT     0x3f8
#define PC_PM_PORT       0x600 /* PM1a: event and control block. */
#define PC_PM_TIMER_PORT 0x608
#define PC_PCI_PORTS     0x1000 /* First port that BARs can have. */
#define PC_PCI_PORT_SIZE 0xf000

#define PC_UART_IRQ          4
#define PC_SCI_IRQ           9  /* And 8 is the clock's, by vmmp/rtc_cmos.h. */
#define PC_PCI_INTX_GSI      16 /* INTA; the other pins follow. */
#define PC_VIRTIO_MMIO_SLOTS 12
#define PC_VIRTIO_MMIO_SLOT  0x200
/* From this one on slots have interrupts of ISA's, which a kernel sets up without being told of. */
#define PC_VIRTIO_MMIO_ISA_SLOT 4

#define PC_CPUS           64 /* A libsel4vm VM has no more on Linux; ACPI could tell of 254. */
#define PC_MEMORY_MINIMUM (UINT64_C(64) << 20)
#define PC_MEMORY_MAXIMUM (PC_RAM_LOW_SIZE + PC_RAM_HIGH_SIZE)

static_assert((uint64_t)PC_VIRTIO_MMIO_SLOTS * PC_VIRTIO_MMIO_SLOT <= PC_VIRTIO_MMIO_SIZE,
              "virtio-mmio slots do not fit their window");

/** The interrupt of each virtio-mmio slot: what PCI, UART, SCI and a PC's own devices leave. */
extern const uint8_t pc_virtio_mmio_gsis[PC_VIRTIO_MMIO_SLOTS];

#define PC_SCREEN_UNIT 0x10000 /* VIDEO_TYPE_VLFB counts the framebuffer's size in these. */

/** machine_board's `screen_memory`. */
struct machine_range pc_screen_memory(const struct machine_config *config);
/** machine_board's `ram_ranges`. */
unsigned pc_ram_ranges(uint64_t memory, struct machine_range ranges[2]);
