/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables that describe a PC guest's machine.
 *
 *     uint8_t tables[VMMP_ACPI_AREA_SIZE];
 *     size_t used;
 *     err = vmmp_acpi_build(&config, VMMP_ACPI_AREA, tables, sizeof(tables), &used);
 *     vmmp_guest_memory_write(memory, vmmp_gpa(VMMP_ACPI_AREA), tables, used);
 *
 * RSDP (the first bytes), RSDT and XSDT, FADT, FACS, DSDT, MADT and, where configured, MCFG, HPET
 * and SPCR. The DSDT holds the PCI root with its windows, interrupt routing and an _OSC that leaves
 * hot plug, PME, AER and the PCIe capability to the guest (no firmware has them), CPUs, virtio-mmio
 * devices, UARTs, the clock, what the machine keeps for itself, and soft-off (\_S5). The model is
 * that of full ACPI hardware which is always in ACPI mode (no SMI command): the power button is
 * the fixed one of the PM1 event block.
 *
 * What the tables promise has to be there. The VMM supplies the PM1a event block (4 bytes, status
 * and enable), behind it the PM1a control block (2 bytes; SCI_EN reads 1; SLP_TYP of soft-off is
 * VMMP_ACPI_S5_TYPE), the 32-bit PM timer (3579545 Hz) and the reset register.
 *
 * Threads, ownership: no state is kept and nothing allocated; the buffer is the caller's.
 * Hostile guest: tables are written before it runs and are never read back.
 * Sources: ACPI 6.4, chapters 5 (tables), 4.8 (PM1), 6 (resources), 20 (AML); IA-PC HPET 1.0a;
 * PCI Firmware 3.3, 4.1 (MCFG); Microsoft SPCR 2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where a PC's system software looks for the RSDP (ACPI 5.2.5.1): start and usual room. */
#define VMMP_ACPI_AREA      0xe0000
#define VMMP_ACPI_AREA_SIZE 0x10000

#define VMMP_ACPI_S5_TYPE 5 /**< SLP_TYP that the guest writes for soft-off. */

#define VMMP_ACPI_CPUS        254 /**< Local APIC identifiers are bytes, and 255 means all. */
#define VMMP_ACPI_UARTS       4
#define VMMP_ACPI_VIRTIO_MMIO 64
#define VMMP_ACPI_PCI_SLOTS   32

/** Guest-physical; a `size` of 0: there is none. */
struct vmmp_acpi_window {
    uint64_t base;
    uint64_t size;
};

struct vmmp_acpi_pci {
    bool present; /**< Segment 0, bus 0 upwards. */
    uint8_t last_bus;
    struct vmmp_acpi_window ecam;  /**< A MiB for each bus, below 4 GiB: MCFG is made. */
    struct vmmp_acpi_window mem32; /**< Below 4 GiB. */
    struct vmmp_acpi_window mem64;
    /**
     * Device s of bus 0 raises pin p (0: INTA) on global system interrupt
     * `intx_gsi[(s + p) % 4]`, level-triggered, active low as PCI has it.
     */
    uint8_t intx_gsi[4];
};

struct vmmp_acpi_uart {
    uint16_t port; /**< First of 8. */
    uint8_t irq;   /**< ISA interrupt, 1 to 15. */
};

struct vmmp_acpi_virtio_mmio {
    struct vmmp_acpi_window window; /**< Below 4 GiB. */
    uint8_t gsi;                    /**< Level-triggered, active high. */
};

struct vmmp_acpi_config {
    unsigned cpus; /**< 1 to VMMP_ACPI_CPUS; CPU i has local APIC identifier i. */

    uint32_t lapic_base;  /**< 0: 0xfee00000. */
    uint32_t ioapic_base; /**< 0: 0xfec00000; its interrupts start at GSI 0. */
    uint8_t ioapic_id;
    bool no_ioapic; /**< Interrupts arrive at the 8259s alone; then no `pci` and no virtio-mmio. */
    bool no_soft_off;   /**< The control block switches nothing off: no \_S5. */
    bool timer_on_gsi2; /**< ISA interrupt 0 arrives there, as on every PC with an IOAPIC. */
    bool dual_8259;     /**< There is a pair of interrupt controllers as well. */

    uint8_t sci_irq;     /**< 0: 9. Level-triggered, active high. */
    uint16_t pm1a_base;  /**< Event block; the control block is at + 4. */
    uint16_t pm_timer;   /**< Port; 0: none. */
    uint16_t reset_port; /**< 0: none. */
    uint8_t reset_value;

    bool i8042;
    bool cmos_rtc;      /**< Ports 0x70 and 0x71, interrupt 8, century in byte 0x32. */
    bool vga;           /**< A VGA adapter may be probed for. */
    uint32_t hpet_base; /**< 0: none. Block identifier 0x8086a201. */

    struct vmmp_acpi_pci pci;
    unsigned uart_count;
    struct vmmp_acpi_uart uarts[VMMP_ACPI_UARTS];
    int spcr_uart; /**< Index of the console that SPCR names, at 115200 baud; negative: no SPCR. */
    unsigned virtio_mmio_count;
    struct vmmp_acpi_virtio_mmio virtio_mmio[VMMP_ACPI_VIRTIO_MMIO];
};

/**
 * Writes all tables to `buffer`, as they have to lie at guest-physical `address`, a multiple of 64
 * below 4 GiB; the RSDP is at its start, `*used` the number of bytes. 0; -EINVAL for a
 * configuration outside the limits above; -ENOSPC if the buffer is too small.
 */
int vmmp_acpi_build(const struct vmmp_acpi_config *config, uint64_t address, void *buffer,
                    size_t buffer_size, size_t *used);

#ifdef __cplusplus
}
#endif
