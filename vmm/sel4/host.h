/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes the machine an seL4 guest: RAM in large frames, vCPUs with their exceptions handled.
 */
#pragma once

#include "machine.h"
#include "root_task.h"

/** For struct machine_config. */
struct machine_host host_functions(void);
