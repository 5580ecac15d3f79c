/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seL4's view of how a system was booted. On Linux it says which engine vm_init() shall use: see
 * hosted/vm.h and hosted/script.h, which fill it in.
 */
#pragma once

#include <sys/types.h>

#include <sel4/sel4.h>

struct hosted_engine;
struct vmmp_log;

typedef struct simple {
    void *data; /**< The engine's configuration. */
    const struct hosted_engine *engine;
    const struct vmmp_log *log;
    /**
     * What a boot loader told of the machine: copies the block `type` with its header, as much as
     * fits, and says how much that is; -1: there is none. NULL, as the engines leave it: no loader.
     * Whoever has something to tell sets it before vm_init().
     */
    ssize_t (*extended_bootinfo)(void *data, seL4_Word type, void *dest, ssize_t max_len);
} simple_t;

static inline ssize_t simple_get_extended_bootinfo(simple_t *simple, seL4_Word type, void *dest,
                                                   ssize_t max_len)
{
    return simple && simple->extended_bootinfo
               ? simple->extended_bootinfo(simple->data, type, dest, max_len)
               : -1;
}
