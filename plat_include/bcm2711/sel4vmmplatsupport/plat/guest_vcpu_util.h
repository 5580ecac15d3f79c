/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/** The `compatible` of a CPU's node; may be a list of strings. */
#define PLAT_CPU_COMPAT "arm,cortex-a72"
