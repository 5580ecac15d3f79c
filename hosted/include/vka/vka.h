/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seL4's allocator interface. There are no kernel objects on Linux: a vka_t is passed around and
 * nothing is called through it. Code that allocates through one belongs to src/sel4.
 */
#pragma once

#include <vka/cspacepath_t.h>

#define VKA_NO_PADDR 1

typedef struct vka {
    void *data;
} vka_t;
