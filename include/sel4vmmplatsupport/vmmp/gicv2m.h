/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GICv2m frame (Arm Server Base System Architecture, appendix "GICv2m architecture"; Linux
 * interrupt-controller/arm,gic.yaml, "arm,gic-v2m-frame"): a page that turns messages into shared
 * peripheral interrupts.
 *
 *     vmmp_gicv2m_init(&frame, &config);
 *     vmmp_vm_attach_window(&vm, &frame.window, vmmp_gpa(config.address));
 *     struct vmmp_msi msi = vmmp_gicv2m_msi(&frame);   // for PCI functions
 *
 * It serves GICv2 and GICv3 alike: Linux looks for such a frame under a GICv3 too, if that has no
 * LPIs (since 5.4). A message is an edge of the input whose INTID is its data.
 *
 * Hostile guest: may send any message, from a CPU or by a device. One to another address than the
 * frame's, or for an interrupt that is not the frame's, is dropped with a line in the log (rate
 * limited). Registers are MSI_TYPER, MSI_SETSPI_NS and MSI_IIDR, of 32 bits; MSI_SETSPI_NS takes 16
 * bits too. Everything else reads 0 and drops writes.
 *
 * Threads: messages and accesses may come from any, several at once. Lock order: device, frame
 * (complaints only), interrupt line.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/msi.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_GICV2M_SIZE 0x1000u

struct vmmp_gicv2m_config {
    uint64_t address;            /**< Guest-physical, where the window will be attached. */
    uint32_t first;              /**< First INTID, 32 to 1019. */
    uint32_t count;              /**< Interrupts, all of them up to 1019. */
    struct vmmp_irq_line *lines; /**< One for each; used edge-triggered, by nothing else. */
    struct vmmp_host host;
    const struct vmmp_log *log; /**< NULL: none. */
};

struct vmmp_gicv2m {
    struct vmmp_window window;
    struct vmmp_gicv2m_config config;
    struct vmmp_context context;
    struct vmmp_log_limit limit;
    unsigned long messages; /**< Delivered; a relaxed counter. */
};

/**
 * `config` is copied; lines and log must outlive the frame. 0; -EINVAL for a bad range of
 * interrupts, no lines, or an address that is not of a page; -ENOMEM.
 */
int vmmp_gicv2m_init(struct vmmp_gicv2m *frame, const struct vmmp_gicv2m_config *config);
void vmmp_gicv2m_fini(struct vmmp_gicv2m *frame);

/** The frame as a destination of messages; valid as long as the frame. */
struct vmmp_msi vmmp_gicv2m_msi(struct vmmp_gicv2m *frame);

#ifdef __cplusplus
}
#endif
