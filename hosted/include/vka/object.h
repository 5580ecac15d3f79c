/* SPDX-License-Identifier: BSD-2-Clause */
/* seL4's allocator interface: a kernel object; on Linux only the capability means something. */
#pragma once

#include <vka/vka.h>

typedef struct vka_object {
    seL4_CPtr cptr;
    seL4_Word ut;
    seL4_Word type;
    seL4_Word size_bits;
} vka_object_t;
