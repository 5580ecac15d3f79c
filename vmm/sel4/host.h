/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes the machine an seL4 guest: RAM in large frames, vCPUs with their exceptions handled.
 */
#pragma once

#include "machine.h"
#include "root_task.h"

/** For struct machine_config. */
struct machine_host host_functions(void);

/**
 * Handles the guest's PSCI calls to power off and to reset; the others are the library's. When one
 * has come, `stopped` runs and the guest no longer does. vm_init() comes first.
 */
void host_handle_power(vm_t *vm, void (*stopped)(const char *how));
