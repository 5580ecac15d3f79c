/* SPDX-License-Identifier: BSD-2-Clause */
/* `vmm run`: guests from the command line to their end. */
#pragma once

#include <stdint.h>

#include "options.h"

/** Exit statuses of the program; 128 + n: ended by signal n. */
enum run_status {
    RUN_POWERED_OFF = 0, /**< Also: ended by Ctrl-A x or by gdb. */
    RUN_ERROR = 1,
    RUN_USAGE = 2,
    RUN_RESET = 3,
    RUN_CRASHED = 4,
};

/**
 * Runs the guests, all in this process and with one event loop. `start_ns`: monotonic time at which
 * the program began. Returns an exit status: the first guest's that is not RUN_POWERED_OFF.
 */
int run_guests(const struct options_guests *guests, uint64_t start_ns);
