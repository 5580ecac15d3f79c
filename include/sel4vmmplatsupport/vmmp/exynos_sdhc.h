/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SD/MMC host controller of Exynos 5 chips, Synopsys' DesignWare one (Exynos 5422 User's
 * Manual, chapter Mobile Storage Host; Linux: "samsung,exynos5420-dw-mshc"), with an empty slot and
 * without DMA: commands that want a response time out, as on a board with no card in it.
 *
 * Hostile guest: any access does what the manual says or nothing. Threads: registers run inside the
 * device's context. Ownership: the caller's memory, which must stay in place.
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

#define VMMP_EXYNOS_SDHC_WINDOW_SIZE 0x1000
/** Words of registers; behind them is the data FIFO, which is always empty. */
#define VMMP_EXYNOS_SDHC_WORDS 64

struct vmmp_exynos_sdhc_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;  /**< NULL: no interrupt. */
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_exynos_sdhc {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_sdhc_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_log_limit unknown;
    uint32_t words[VMMP_EXYNOS_SDHC_WORDS];
    bool irq_high;
};

/** Resets the registers and prepares the window. 0; -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_exynos_sdhc_init(struct vmmp_exynos_sdhc *sdhc,
                          const struct vmmp_exynos_sdhc_config *config);
/** The window is detached by then. */
void vmmp_exynos_sdhc_fini(struct vmmp_exynos_sdhc *sdhc);
/** As a reset line would. */
void vmmp_exynos_sdhc_reset(struct vmmp_exynos_sdhc *sdhc);

#ifdef __cplusplus
}
#endif
