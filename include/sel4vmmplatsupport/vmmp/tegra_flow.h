/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow controller of a Tegra K1 (Technical Reference Manual, chapter Flow Controller; Linux:
 * "nvidia,tegra124-flowctrl"): halts CPUs, takes their power away and gives it back.
 *
 * A CPU loses its power when HALT_EVENTS tells it to wait for an event while CSR has the power gate
 * enabled for its WFI or WFE, and gets it back when the event comes: of those, the tick of the
 * system clock (SCLK) comes at once, and others never do. All else holds what is written.
 *
 * Hostile guest: any access does what the manual says or nothing; it turns CPUs of its own machine
 * off and on. Threads: registers run inside the device's context, and the callback too. Ownership:
 * the caller's memory, which must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_TEGRA_FLOW_WINDOW_SIZE 0x1000
#define VMMP_TEGRA_FLOW_CPUS        4

struct vmmp_tegra_flow_config {
    struct vmmp_host host;
    /** A CPU loses its power, or gets it back. NULL: they exist on paper. */
    void (*cpu_power)(void *cookie, unsigned cpu, bool on);
    void *cookie;
};

struct vmmp_tegra_flow {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_tegra_flow_config config;
    struct vmmp_context context;
    uint32_t words[VMMP_TEGRA_FLOW_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. 0, or -ENOMEM (context). */
int vmmp_tegra_flow_init(struct vmmp_tegra_flow *flow, const struct vmmp_tegra_flow_config *config);
/** The window is detached by then. */
void vmmp_tegra_flow_fini(struct vmmp_tegra_flow *flow);
/** As the chip's reset. */
void vmmp_tegra_flow_reset(struct vmmp_tegra_flow *flow);

#ifdef __cplusplus
}
#endif
