/* SPDX-License-Identifier: BSD-2-Clause */
/* --gdb where there is no server for it: builds that run no guests, and PCs. */
#include "message.h"
#include "run_state.h"

int run_gdb_prepare(struct run *run, struct gdb_target **target)
{
    *target = NULL;
    if (run->options->gdb_port) {
        message_error("--gdb: guests of a %s cannot be debugged: leave it out",
                      run->options->board->name);
        return -1;
    }
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
