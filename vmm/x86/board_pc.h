/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board `pc`: a PC without firmware. ACPI tables, the memory map and boot parameters are in
 * place when the kernel starts. Interrupt controllers are the host's, the interval timer too unless
 * it has none. Private to vmm/x86 and tests.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/acpi_pm.h>
#include <sel4vmmplatsupport/vmmp/e820.h>
#include <sel4vmmplatsupport/vmmp/i8254.h>
#include <sel4vmmplatsupport/vmmp/io_port.h>
#include <sel4vmmplatsupport/vmmp/pc_reset.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/rtc_cmos.h>
#include <sel4vmmplatsupport/vmmp/uart16550.h>

#include "../machine.h"
#include "board_pc_map.h"

extern const struct machine_board machine_board_pc;

#define PC_PORT_RANGES 16

struct pc {
    struct vmmp_io_port_range port_ranges[PC_PORT_RANGES];
    struct vmmp_io_port_space ports;
    struct vmmp_msi msi;
    uint64_t messages; /**< MSIs; atomic. */
    struct vmmp_pc_reset reset;
    struct vmmp_pci_function bridge; /**< Device 0: what guests take mechanism #1 by. */
    struct vmmp_irq_line sci;
    struct vmmp_acpi_pm pm;
    struct vmmp_irq_line rtc_line;
    struct vmmp_rtc_cmos rtc;
    struct vmmp_irq_line pit_line;
    struct vmmp_i8254 pit;
    struct vmmp_irq_line uart_line;
    struct vmmp_uart16550 com1;
    bool reset_made; /**< What pc_remove() has to undo. */
    bool sci_made;
    bool pm_made;
    bool rtc_line_made;
    bool rtc_made;
    bool pit_line_made;
    bool pit_made;
    bool uart_line_made;
    bool uart_made;
};

/* board_pc_load.c */

/** The memory map that the guest gets. 0 or -errno. */
int pc_memory_map(const struct machine_config *config, struct vmmp_e820 *map);
/** What the ACPI tables describe. */
void pc_describe(const struct machine_config *config, struct vmmp_acpi_config *acpi);
/** machine_board's `plan` and `load`. */
int pc_plan(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
            struct vmmp_image_error *error);
int pc_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
            size_t fdt_size, struct vmmp_image_error *error);
