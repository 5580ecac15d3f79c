/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the program again, as the kernel started it: how a guest that resets gets a new machine.
 * libsel4vm can make a VM once (it counts vCPUs for good), and nothing takes back what it and the
 * allocators have made of the kernel's memory but the kernel itself. So all kernel objects go back
 * to where they came from, .data gets its first contents, .bss zeroes but for what is kept, and the
 * program begins at its entry.
 *
 * One thread. Linked with --wrap=__sel4_start_root: what the entry calls, before anything is
 * written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** At most this many restart_keep(). */
#define RESTART_KEEPS 2

/**
 * What lies there, in .bss, survives. The first call counts: later ones for the same address change
 * nothing. False if there are too many, or if it has no size.
 */
bool restart_keep(void *address, size_t size);
/** How often the program was started again. */
unsigned restart_count(void);
/** Does it. Returns only if it is not possible (.data is too large to be kept). */
void restart(void);
