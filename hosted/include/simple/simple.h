/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seL4's view of how a system was booted. On Linux it says which engine vm_init() shall use: see
 * hosted/vm.h and hosted/script.h, which fill it in.
 */
#pragma once

#include <sel4/sel4.h>

struct hosted_engine;
struct vmmp_log;

typedef struct simple {
    void *data; /**< The engine's configuration. */
    const struct hosted_engine *engine;
    const struct vmmp_log *log;
} simple_t;
