/* SPDX-License-Identifier: BSD-2-Clause */
/* What boards' device trees have in common. Private to vmm/. */
#pragma once

#include <sel4vmmplatsupport/vmmp/fdt.h>

#include "machine.h"

/** What goes into the tree's /chosen; without stdout-path. `plan` may be NULL. */
void machine_fill_chosen(const struct machine_config *config, const struct machine_plan *plan,
                         struct vmmp_fdt_chosen *chosen);
