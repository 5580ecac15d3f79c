/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board `exynos5422`: an ODROID-XU4 as far as docs/boards/exynos5422.md says, for 32-bit
 * kernels with their own device tree of it. Private to vmm/arm and tests.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/exynos_cmu.h>
#include <sel4vmmplatsupport/vmmp/exynos_combiner.h>
#include <sel4vmmplatsupport/vmmp/exynos_gpio.h>
#include <sel4vmmplatsupport/vmmp/exynos_mct.h>
#include <sel4vmmplatsupport/vmmp/exynos_pmu.h>
#include <sel4vmmplatsupport/vmmp/exynos_sdhc.h>
#include <sel4vmmplatsupport/vmmp/exynos_uart.h>
#include <sel4vmmplatsupport/vmmp/word_store.h>

#include "board_arm.h"
#include "board_exynos5422_map.h"

struct exynos_spi {
    struct vmmp_irq_line line;
    bool made;
};

struct exynos {
    struct machine *machine;
    struct vmmp_log_limit nowhere;
    struct exynos_spi spis[EXYNOS_SPIS];

    struct vmmp_exynos_combiner combiner;
    struct vmmp_exynos_mct mct;
    struct vmmp_exynos_pmu pmu;
    struct vmmp_exynos_cmu cmu;
    struct vmmp_exynos_uart uarts[EXYNOS_UARTS];
    struct vmmp_exynos_gpio gpios[EXYNOS_GPIOS];
    struct vmmp_exynos_sdhc sdhcs[EXYNOS_SDHCS];
    struct vmmp_word_store chipid;
    struct vmmp_word_store sysreg;
    struct vmmp_word_store sysram;
    uint32_t chipid_words[EXYNOS_CHIPID_SIZE / 4];
    uint32_t sysreg_words[EXYNOS_SYSREG_SIZE / 4];
    uint32_t sysram_words[EXYNOS_SYSRAM_SIZE / 4];
    unsigned
        waiting; /**< CPUs that have power and no address yet, a bit each; by SYSRAM's context. */

    /* What is to be undone: the models come in this order. */
    bool combiner_made, mct_made, pmu_made, cmu_made, chipid_made, sysreg_made, sysram_made;
    unsigned uarts_made;
    unsigned gpios_made;
    unsigned sdhcs_made;
};
