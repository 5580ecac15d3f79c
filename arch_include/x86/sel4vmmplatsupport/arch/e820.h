/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of memory in a PC's memory map (ACPI 6.4, 15.1). See vmmp/e820.h for the native interface.
 */
#pragma once

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5

#define E820_MAX_REGIONS 128
