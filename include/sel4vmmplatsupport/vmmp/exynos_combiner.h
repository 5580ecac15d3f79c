/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt combiner of Exynos chips (Linux: "samsung,exynos4210-combiner"): groups of eight
 * inputs, each group one interrupt of the GIC.
 *
 * An input is a level, driven through an ordinary interrupt line: a device on a combined interrupt
 * does not know it. A group's output is high while one of its enabled inputs is.
 *
 * Hostile guest: enables and disables its own interrupts. Threads: registers run inside the
 * device's context, inputs come from any device's; the combiner's context comes after theirs and
 * before the outputs' lines. Ownership: the caller's memory, which must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_EXYNOS_COMBINER_WINDOW_SIZE 0x1000
#define VMMP_EXYNOS_COMBINER_GROUPS      32
#define VMMP_EXYNOS_COMBINER_INPUTS      8 /**< Of a group. */

struct vmmp_exynos_combiner_config {
    struct vmmp_host host;
    unsigned groups; /**< 1 to 32; Exynos 5 has 32. */
    /** A line for each group; NULL where there is none. */
    struct vmmp_irq_line *outputs[VMMP_EXYNOS_COMBINER_GROUPS];
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_exynos_combiner;

/** An input as an interrupt line sees it. */
struct vmmp_exynos_combiner_input {
    struct vmmp_irq_line line;
    struct vmmp_exynos_combiner *combiner;
    uint8_t number; /**< 8 times the group, and the place in it. */
    bool used;
};

struct vmmp_exynos_combiner {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_combiner_config config;
    struct vmmp_context context;
    struct vmmp_log_limit unknown;
    struct vmmp_irq_source outputs[VMMP_EXYNOS_COMBINER_GROUPS];
    uint8_t levels[VMMP_EXYNOS_COMBINER_GROUPS];
    uint8_t enabled[VMMP_EXYNOS_COMBINER_GROUPS];
    struct vmmp_exynos_combiner_input
        inputs[VMMP_EXYNOS_COMBINER_GROUPS * VMMP_EXYNOS_COMBINER_INPUTS];
};

/**
 * Prepares the window, all inputs low and disabled. 0; -EINVAL for a number of groups that cannot
 * be; -ENOMEM (context) or -ENOSPC (a line is full).
 */
int vmmp_exynos_combiner_init(struct vmmp_exynos_combiner *combiner,
                              const struct vmmp_exynos_combiner_config *config);

/** The window is detached by then, and no source is left on an input. */
void vmmp_exynos_combiner_fini(struct vmmp_exynos_combiner *combiner);

/** As a reset line would: everything disabled; inputs keep their levels. */
void vmmp_exynos_combiner_reset(struct vmmp_exynos_combiner *combiner);

/**
 * The line of input `input` (0 to 7) of `group`, for devices to put their sources on; made when it
 * is first asked for. NULL if there is no such input or the host could not make its context.
 */
struct vmmp_irq_line *vmmp_exynos_combiner_line(struct vmmp_exynos_combiner *combiner,
                                                unsigned group, unsigned input);

#ifdef __cplusplus
}
#endif
