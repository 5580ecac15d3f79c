/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the devices of an Exynos 5422 are and which interrupts they have, as the device tree of
 * Linux's exynos5422-odroidxu4 says (Exynos 5422 User's Manual, chapters Memory Map and GIC).
 */
#pragma once

#include <stdint.h>

#define EXYNOS_RAM_BASE 0x40000000
#define EXYNOS_RAM_SIZE 0x7ea00000 /* What an ODROID-XU4's firmware leaves of its 2 GiB. */

#define EXYNOS_SYSRAM   0x02020000
#define EXYNOS_GPIO4    0x03860000
#define EXYNOS_CHIPID   0x10000000
#define EXYNOS_CMU      0x10010000
#define EXYNOS_PMU      0x10040000
#define EXYNOS_SYSREG   0x10050000
#define EXYNOS_MCT      0x101c0000
#define EXYNOS_COMBINER 0x10440000
#define EXYNOS_GIC_DIST 0x10481000
#define EXYNOS_GIC_CPU  0x10482000
#define EXYNOS_SDHC     0x12200000 /* Three, */
#define EXYNOS_SDHC_GAP 0x10000    /* this far apart. */
#define EXYNOS_UART     0x12c00000 /* Four, */
#define EXYNOS_UART_GAP 0x10000    /* this far apart. */

#define EXYNOS_CHIPID_SIZE 0x1000
#define EXYNOS_SYSREG_SIZE 0x5000
#define EXYNOS_SYSRAM_SIZE 0x1000

/* SPIs; group n of the combiner is SPI n. */
#define EXYNOS_SPI_WAKEUP    32 /* gpx2 and gpx3; pins of gpx0 and gpx1 are the combiner's. */
#define EXYNOS_SPI_UART      51
#define EXYNOS_SPI_SDHC      75
#define EXYNOS_SPI_MCT_LOCAL 120 /* Four of one cluster; */
#define EXYNOS_SPI_MCT_MORE  128 /* four of the other. */
#define EXYNOS_SPIS          160

#define EXYNOS_UARTS   4
#define EXYNOS_CONSOLE 2 /* The UART that an XU4 has pins for: ttySAC2. */
#define EXYNOS_GPIOS   5
#define EXYNOS_SDHCS   3
#define EXYNOS_CPUS    4 /* The cluster of Cortex-A15, whose numbers begin at 0. */
