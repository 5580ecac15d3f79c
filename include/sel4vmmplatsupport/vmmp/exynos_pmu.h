/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Power Management Unit of Exynos 5 chips (Exynos 5422 User's Manual, chapter PMU; Linux:
 * "samsung,exynos5420-pmu"): software reset, the hold of the power supply, the power of CPUs and of
 * power domains.
 *
 * A domain's STATUS follows its CONFIGURATION at once. A CPU's does so when the client has turned
 * it on or off. All other registers store what is written.
 *
 * Hostile guest: any access does what the manual says or nothing; it can end its own machine.
 * Threads: registers run inside the device's context, and the callbacks too. Ownership: the
 * caller's memory, which must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Five pages of the chip's PMU, and one with a power domain that came later (CAM). */
#define VMMP_EXYNOS_PMU_WINDOW_SIZE 0x6000
#define VMMP_EXYNOS_PMU_CPUS        8 /**< 0 to 3 the big cluster, 4 to 7 the little one. */

struct vmmp_exynos_pmu_config {
    struct vmmp_host host;
    /** The guest asks for a reset, or lets go of the power supply. NULL: only a message. */
    void (*reset)(void *cookie);
    void (*power_off)(void *cookie);
    /**
     * The guest turns a CPU on or off by its CONFIGURATION register. NULL: they exist on paper.
     * The CPU's STATUS follows.
     */
    void (*cpu_power)(void *cookie, unsigned cpu, bool on);
    void *cookie;
    /** CPUs that are on when the machine starts, a bit each. */
    uint8_t cpus_on;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_exynos_pmu {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_pmu_config config;
    struct vmmp_context context;
    struct vmmp_log_limit ignored;
    uint32_t words[VMMP_EXYNOS_PMU_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. 0, or -ENOMEM (context). */
int vmmp_exynos_pmu_init(struct vmmp_exynos_pmu *pmu, const struct vmmp_exynos_pmu_config *config);

/** The window is detached by then. */
void vmmp_exynos_pmu_fini(struct vmmp_exynos_pmu *pmu);

/** As the chip's reset: INFORM registers keep their values, as on the chip. */
void vmmp_exynos_pmu_reset(struct vmmp_exynos_pmu *pmu);

#ifdef __cplusplus
}
#endif
