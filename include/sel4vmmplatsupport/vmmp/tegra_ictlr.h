/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The legacy interrupt controller of a Tegra K1 (Technical Reference Manual, chapter Interrupt
 * Controller; Linux: "nvidia,tegra30-ictlr"): five banks of 32 interrupts in front of the GIC,
 * which takes the same lines itself. What wakes the chip is chosen here; nothing is held back.
 *
 * Enables and forced interrupts have SET and CLR registers; classes hold what is written; the
 * status registers read as zero. Hostile guest: nothing but its own bits. Threads: inside the
 * device's context. Ownership: the caller's memory, which must stay in place.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_TEGRA_ICTLR_BANK_SIZE   0x100
#define VMMP_TEGRA_ICTLR_WINDOW_SIZE 0x500 /* Of all banks. */

struct vmmp_tegra_ictlr {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_host host;
    struct vmmp_context context;
    uint32_t words[VMMP_TEGRA_ICTLR_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. `host` may be NULL. 0, or -ENOMEM (context). */
int vmmp_tegra_ictlr_init(struct vmmp_tegra_ictlr *ictlr, const struct vmmp_host *host);
/** The window is detached by then. */
void vmmp_tegra_ictlr_fini(struct vmmp_tegra_ictlr *ictlr);

#ifdef __cplusplus
}
#endif
