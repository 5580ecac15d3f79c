/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_qemu_arm_virt_msi.h"

int virt_msi_add(struct virt_msi *msi, struct vmmp_vm *vmmp)
{
    const uint32_t first = VIRT_SPI_INTID(VIRT_GICV2M_SPI);
    for (unsigned i = 0; i < VIRT_GICV2M_SPIS; i++) {
        int error = vmmp_vm_irq_line_init(vmmp, &msi->lines[i], (int)(first + i));
        if (error) {
            return error;
        }
        msi->lines_made++;
    }
    struct vmmp_gicv2m_config config = {
        .address = VIRT_GICV2M_BASE,
        .first = first,
        .count = VIRT_GICV2M_SPIS,
        .lines = msi->lines,
        .host = vmmp->host,
        .log = &vmmp->log,
    };
    int error = vmmp_gicv2m_init(&msi->frame, &config);
    if (error) {
        return error;
    }
    msi->frame_made = true;
    msi->destination = vmmp_gicv2m_msi(&msi->frame);
    return vmmp_vm_attach_window(vmmp, &msi->frame.window, vmmp_gpa(VIRT_GICV2M_BASE));
}

void virt_msi_remove(struct virt_msi *msi)
{
    if (msi->frame_made) {
        vmmp_gicv2m_fini(&msi->frame);
    }
    for (unsigned i = 0; i < msi->lines_made; i++) {
        vmmp_irq_line_fini(&msi->lines[i]);
    }
}
