/* SPDX-License-Identifier: BSD-2-Clause */
/* --gdb in a build that runs no guests: it never comes to that. */
#include "run_state.h"

int run_gdb_prepare(struct run *run, struct gdb_target **target)
{
    (void)run;
    *target = NULL;
    return 0;
}

int run_gdb_begin(struct run *run)
{
    (void)run;
    return 0;
}

void run_gdb_end(struct run *run, int status)
{
    (void)run;
    (void)status;
}
