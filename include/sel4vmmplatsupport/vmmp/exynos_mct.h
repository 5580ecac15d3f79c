/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Multi Core Timer of Exynos chips (Exynos 5422 User's Manual, chapter MCT; Linux calls it
 * "samsung,exynos4210-mct"): a 64-bit counter with four comparators, and a timer per CPU.
 *
 * Time is the host's. A comparator is due when the counter has reached or passed its value: a guest
 * whose write comes late gets its interrupt at once instead of never. While an interrupt waits to
 * be acknowledged its timer costs nothing; periods that pass meanwhile are counted, not delivered.
 *
 * Hostile guest: has its interrupts as often as it acknowledges them. Any access does what the
 * manual says or nothing.
 *
 * Threads: registers and the timer run inside the device's context. Ownership: the caller's memory,
 * which must stay in place; nothing is allocated except the host's context.
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

#define VMMP_EXYNOS_MCT_WINDOW_SIZE 0x1000
#define VMMP_EXYNOS_MCT_COMPARATORS 4
#define VMMP_EXYNOS_MCT_LOCALS      8
/** Of the counter's clock on every Exynos board, in Hz. */
#define VMMP_EXYNOS_MCT_FREQUENCY 24000000

struct vmmp_exynos_mct_config {
    struct vmmp_host host; /**< With a clock and timers. */
    uint32_t frequency;    /**< In Hz; 0: VMMP_EXYNOS_MCT_FREQUENCY. */
    /** The interrupts; NULL where there is none. */
    struct vmmp_irq_line *comparator_irqs[VMMP_EXYNOS_MCT_COMPARATORS];
    struct vmmp_irq_line *local_irqs[VMMP_EXYNOS_MCT_LOCALS];
    const struct vmmp_log *log; /**< NULL: silent. */
};

/** Something that becomes due: a comparator or a local timer. */
struct vmmp_exynos_mct_alarm {
    struct vmmp_irq_source irq;
    bool armed;    /**< `due` counts. */
    bool pending;  /**< The bit of INT_CSTAT. */
    bool enabled;  /**< The bit of INT_ENB. */
    uint64_t due;  /**< A count of the counter (comparators) or ticks since `epoch` (locals). */
    uint64_t step; /**< 0: once. */
};

struct vmmp_exynos_mct_local {
    struct vmmp_exynos_mct_alarm alarm;
    uint32_t tick_buffer;      /**< L_TCNTB */
    uint32_t interrupt_buffer; /**< L_ICNTB */
    uint32_t free_buffer;      /**< L_FRCNTB */
    uint32_t control;          /**< L_TCON */
    uint32_t written;          /**< L_WSTAT */
    uint64_t free_start;       /**< Ticks since `epoch` when the free-running counter began. */
};

struct vmmp_exynos_mct {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_mct_config config;
    struct vmmp_context context;
    struct vmmp_timer timer;
    struct vmmp_log_limit unknown;
    uint64_t epoch_ns;      /**< Host time of tick 0. */
    uint64_t offset;        /**< The counter less the ticks (running), or the counter (stopped). */
    uint32_t control;       /**< G_TCON */
    uint32_t written;       /**< G_WSTAT */
    uint32_t count_written; /**< G_CNT_WSTAT */
    uint32_t increments[VMMP_EXYNOS_MCT_COMPARATORS];
    struct vmmp_exynos_mct_alarm comparators[VMMP_EXYNOS_MCT_COMPARATORS];
    struct vmmp_exynos_mct_local locals[VMMP_EXYNOS_MCT_LOCALS];
};

/**
 * Prepares the window, all timers stopped, the counter 0. 0; -EINVAL without a clock and timers;
 * -ENOMEM (context) or -ENOSPC (a line is full).
 */
int vmmp_exynos_mct_init(struct vmmp_exynos_mct *mct, const struct vmmp_exynos_mct_config *config);

/** Cancels the timer. The window is detached by then. */
void vmmp_exynos_mct_fini(struct vmmp_exynos_mct *mct);

/** As a reset line would. */
void vmmp_exynos_mct_reset(struct vmmp_exynos_mct *mct);

#ifdef __cplusplus
}
#endif
