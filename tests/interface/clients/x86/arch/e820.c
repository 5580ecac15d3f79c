/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/e820.h>

const int client_e820[] = { E820_RAM, E820_RESERVED, E820_ACPI,
                            E820_NVS, E820_UNUSABLE, E820_MAX_REGIONS };
