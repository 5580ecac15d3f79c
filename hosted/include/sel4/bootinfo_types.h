/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library uses of seL4's boot information. */
#pragma once

#include <sel4/sel4.h>

typedef struct seL4_BootInfoHeader {
    seL4_Word id;
    seL4_Word len;
} seL4_BootInfoHeader;

#define SEL4_BOOTINFO_HEADER_X86_VBE 1
