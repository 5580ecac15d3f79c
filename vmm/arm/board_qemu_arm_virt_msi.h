/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's message-signalled interrupts: a GICv2m frame, with either GIC. */
#pragma once

#include <stdbool.h>

#include <sel4vmmplatsupport/vmmp/gicv2m.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#include "board_qemu_arm_virt_map.h"

struct virt_msi {
    struct vmmp_gicv2m frame;
    struct vmmp_msi destination; /**< For PCI functions. */
    struct vmmp_irq_line lines[VIRT_GICV2M_SPIS];
    unsigned lines_made;
    bool frame_made;
};

/** The interrupt controller comes first. `msi` is zeroed. 0 or -errno; then undo it all the same.
 */
int virt_msi_add(struct virt_msi *msi, struct vmmp_vm *vmmp);
/** Windows are detached and functions that may send are gone. */
void virt_msi_remove(struct virt_msi *msi);
