/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables for guests of the compatible interface. See vmmp/acpi.h for the native one. */
#pragma once

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where a PC's system software looks for the tables. */
#define LOWER_BIOS_START (0xE0000)
#define LOWER_BIOS_SIZE  (0xFFFF)

#define ACPI_START      (LOWER_BIOS_START)
#define XSDT_START      (ACPI_START + 0x1000) /**< Where it used to lie: the RSDP says where. */
#define MAX_ACPI_TABLES (16)

/**
 * Writes tables that describe what libsel4vm emulates, a local APIC per vCPU and a pair of 8259s,
 * to guest memory at ACPI_START: RAM there, or else 16 fresh pages. Ports 0x600 to 0x605 are named
 * as the PM1 blocks, which are the client's to emulate: there is no soft-off (\_S5) unless it says
 * by vmmp_compat_set_soft_off() that it does. HPET with CONFIG_VMM_USE_HPET. Called by
 * vmm_plat_init_guest_boot_structure(), after the vCPUs were created. 0 or -1 (logged).
 */
int make_guest_acpi_tables(vm_t *vm);

#ifdef __cplusplus
}
#endif
