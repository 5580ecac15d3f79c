/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Power Management Controller of a Tegra K1 (Technical Reference Manual, chapter Power
 * Management Controller; Linux: "nvidia,tegra124-pmc"): reset of the chip, power gates, scratch
 * registers. A power gate is switched at once; all other registers hold what is written.
 *
 * Hostile guest: any access does what the manual says or nothing; it can reset its own machine.
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

#define VMMP_TEGRA_PMC_WINDOW_SIZE 0x400
#define VMMP_TEGRA_PMC_CPUS        4

struct vmmp_tegra_pmc_config {
    struct vmmp_host host;
    /** The guest asks for a reset (MAIN_RST). NULL: only a message. */
    void (*reset)(void *cookie);
    /** The guest switches the power gate of a CPU. NULL: they exist on paper. */
    void (*cpu_power)(void *cookie, unsigned cpu, bool on);
    void *cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_tegra_pmc {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_tegra_pmc_config config;
    struct vmmp_context context;
    struct vmmp_log_limit ignored;
    uint32_t words[VMMP_TEGRA_PMC_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. 0, or -ENOMEM (context). */
int vmmp_tegra_pmc_init(struct vmmp_tegra_pmc *pmc, const struct vmmp_tegra_pmc_config *config);
/** The window is detached by then. */
void vmmp_tegra_pmc_fini(struct vmmp_tegra_pmc *pmc);
/** As the chip's reset: scratch registers keep their values, as on the chip. */
void vmmp_tegra_pmc_reset(struct vmmp_tegra_pmc *pmc);

#ifdef __cplusplus
}
#endif
