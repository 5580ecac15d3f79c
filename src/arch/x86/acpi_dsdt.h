/* SPDX-License-Identifier: BSD-2-Clause */
/* The definition block of vmmp/acpi.h: everything behind the DSDT's header. */
#pragma once

#include <sel4vmmplatsupport/vmmp/acpi.h>

#include "arch/x86/aml.h"

void vmmp_acpi_write_dsdt(struct vmmp_aml *aml, const struct vmmp_acpi_config *config);
