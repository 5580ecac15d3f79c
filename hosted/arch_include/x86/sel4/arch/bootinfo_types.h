/* SPDX-License-Identifier: BSD-2-Clause */
/* The VESA BIOS's block of seL4's boot information; src/sel4/x86/vbe.c knows what is in it. */
#pragma once

#include <sel4/bootinfo_types.h>

typedef struct seL4_X86_BootInfo_VBE {
    seL4_BootInfoHeader header;
    seL4_Uint8 controller[512];
    seL4_Uint8 mode[256];
    seL4_Uint32 words[4];
} seL4_X86_BootInfo_VBE;
