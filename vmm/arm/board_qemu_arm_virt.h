/* SPDX-License-Identifier: BSD-2-Clause */
/* The board `qemu-arm-virt`: QEMU's machine `virt` with PCI windows as the compatible interface has
 * them. Private to vmm/arm and tests. */
#pragma once

#include <sel4vmmplatsupport/vmmp/pl011.h>
#include <sel4vmmplatsupport/vmmp/pl031.h>
#include <sel4vmmplatsupport/vmmp/pl061.h>

#include "board_arm.h"
#include "board_qemu_arm_virt_map.h"
#include "board_qemu_arm_virt_msi.h"

struct virt {
    struct arm_firmware firmware;
    struct virt_msi msi;
    struct vmmp_irq_line uart_line;
    struct vmmp_pl011 pl011;
    struct vmmp_irq_line rtc_line;
    struct vmmp_pl031 rtc;
    struct vmmp_irq_line gpio_line;
    struct vmmp_pl061 gpio;
    bool uart_line_made; /**< What virt_remove() has to undo. */
    bool uart_made;
    bool rtc_line_made;
    bool rtc_made;
    bool gpio_line_made;
    bool gpio_made;
};

/** machine_board's `build_fdt`: board_qemu_arm_virt_fdt.c. */
int virt_build_fdt(const struct machine_config *config, const struct machine_plan *plan,
                   void *buffer, size_t buffer_size, size_t *size);
