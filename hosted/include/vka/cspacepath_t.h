/* SPDX-License-Identifier: BSD-2-Clause */
/* seL4's allocator interface: a place for a capability. */
#pragma once

#include <sel4/sel4.h>

typedef struct _cspacepath_t {
    seL4_CPtr capPtr;
    seL4_Word capDepth;
    seL4_CNode root;
    seL4_Word dest;
    seL4_Word destDepth;
    seL4_Word offset;
    seL4_Word window;
} cspacepath_t;
