/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PC's boot loader told seL4's kernel of its VESA BIOS: the block
 * SEL4_BOOTINFO_HEADER_X86_VBE of the extended boot information. Private to the library.
 * Source of the fields: VESA BIOS Extension Core Functions 3.0, function 01h.
 */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>

struct vmmp_sys_vbe {
    uint32_t framebuffer; /**< Host-physical; 0: the mode has no linear one. */
    uint16_t width;       /**< In pixels. */
    uint16_t height;
    uint16_t stride; /**< Bytes from line to line. */
    uint8_t depth;   /**< Bits of a pixel. */
    uint8_t planes;
    uint8_t colours[8];         /**< Size and position of red, green, blue, reserved, in bits. */
    uint32_t interface_segment; /**< Of the protected mode interface; length 0: none. */
    uint32_t interface_offset;
    uint32_t interface_length;
};

/** 0; -1: the host has none to tell of. */
int vmmp_sys_vbe(vm_t *vm, struct vmmp_sys_vbe *vbe);
