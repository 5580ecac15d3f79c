/* SPDX-License-Identifier: BSD-2-Clause */
/* seL4's virtual address space interface. A process has one address space and needs no handle. */
#pragma once

#include <vka/object.h>

typedef struct vspace {
    void *data;
} vspace_t;
