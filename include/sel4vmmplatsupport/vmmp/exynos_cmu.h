/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Clock Management Unit of the Exynos 5420 and 5422 (User's Manual, chapter CMU; Linux:
 * "samsung,exynos5420-clock"): registers that hold what is written, PLLs that lock at once, and
 * multiplexers and dividers that are stable at once. Nothing has a speed; a driver that computes
 * rates from the registers finds those of a board at rest.
 *
 * Hostile guest: any access does what the manual says or nothing. Threads: inside the device's
 * context. Ownership: the caller's memory, which must stay in place.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** All parts, from CPU to KFC, as one device tree node has them. */
#define VMMP_EXYNOS_CMU_WINDOW_SIZE 0x30000
/** The crystal, in Hz. */
#define VMMP_EXYNOS_CMU_CRYSTAL 24000000

struct vmmp_exynos_cmu {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_host host;
    struct vmmp_context context;
    uint32_t words[VMMP_EXYNOS_CMU_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. `host` may be NULL. 0, or -ENOMEM (context). */
int vmmp_exynos_cmu_init(struct vmmp_exynos_cmu *cmu, const struct vmmp_host *host);
/** The window is detached by then. */
void vmmp_exynos_cmu_fini(struct vmmp_exynos_cmu *cmu);
/** As the chip's reset. */
void vmmp_exynos_cmu_reset(struct vmmp_exynos_cmu *cmu);

/**
 * What a PLL makes of the crystal as its registers stand, in Hz; 0 if it is off or there is none of
 * that name ("apll", "bpll", "cpll", "dpll", "epll", "ipll", "kpll", "mpll", "rpll", "spll",
 * "vpll"). Inside the context, or while no vCPU runs.
 */
uint64_t vmmp_exynos_cmu_pll_rate(const struct vmmp_exynos_cmu *cmu, const char *name);

#ifdef __cplusplus
}
#endif
