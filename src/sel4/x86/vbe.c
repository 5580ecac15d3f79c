/* SPDX-License-Identifier: BSD-2-Clause */
/* The VESA BIOS's block of seL4's boot information; on Linux too, where a test may supply one. */
#include "sel4/vbe.h"

#include <string.h>

#include <sel4/sel4.h>

#include <sel4/bootinfo_types.h>

#include <sel4/arch/bootinfo_types.h>
#include <simple/simple.h>

/* Behind the block's header: the controller's information, the mode's, then four words. */
#define MODE_INFO         512
#define VBE_MODE          (MODE_INFO + 256)
#define INTERFACE_SEGMENT (VBE_MODE + 4)
#define INTERFACE_OFFSET  (VBE_MODE + 8)
#define INTERFACE_LENGTH  (VBE_MODE + 12)
#define BLOCK_SIZE        (VBE_MODE + 16)

_Static_assert(sizeof(seL4_X86_BootInfo_VBE) == sizeof(seL4_BootInfoHeader) + BLOCK_SIZE,
               "the kernel's block has another layout");

/* VBE 3.0, function 01h: ModeInfoBlock. */
#define MODE_ATTRIBUTES     (MODE_INFO + 0x00)
#define BYTES_PER_SCAN_LINE (MODE_INFO + 0x10)
#define X_RESOLUTION        (MODE_INFO + 0x12)
#define Y_RESOLUTION        (MODE_INFO + 0x14)
#define NUMBER_OF_PLANES    (MODE_INFO + 0x18)
#define BITS_PER_PIXEL      (MODE_INFO + 0x19)
#define RED_MASK_SIZE       (MODE_INFO + 0x1f)
#define PHYS_BASE_PTR       (MODE_INFO + 0x28)
#define ATTRIBUTE_LINEAR    (1u << 7)

#define NO_MODE UINT32_MAX /* The boot loader said nothing. */

static uint32_t get(const uint8_t *block, size_t at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint32_t)block[at + i] << (8 * i);
    }
    return value;
}

int vmmp_sys_vbe(vm_t *vm, struct vmmp_sys_vbe *vbe)
{
    seL4_X86_BootInfo_VBE info;
    const uint8_t *block = (const uint8_t *)&info + sizeof(seL4_BootInfoHeader);
    memset(&info, 0, sizeof(info));
    if (!vm->simple ||
        simple_get_extended_bootinfo(vm->simple, SEL4_BOOTINFO_HEADER_X86_VBE, &info,
                                     sizeof(info)) != (ssize_t)sizeof(info) ||
        get(block, VBE_MODE, 4) == NO_MODE) {
        return -1;
    }
    *vbe = (struct vmmp_sys_vbe){
        .framebuffer =
            get(block, MODE_ATTRIBUTES, 2) & ATTRIBUTE_LINEAR ? get(block, PHYS_BASE_PTR, 4) : 0,
        .width = (uint16_t)get(block, X_RESOLUTION, 2),
        .height = (uint16_t)get(block, Y_RESOLUTION, 2),
        .stride = (uint16_t)get(block, BYTES_PER_SCAN_LINE, 2),
        .depth = block[BITS_PER_PIXEL],
        .planes = block[NUMBER_OF_PLANES],
        .interface_segment = get(block, INTERFACE_SEGMENT, 4),
        .interface_offset = get(block, INTERFACE_OFFSET, 4),
        .interface_length = get(block, INTERFACE_LENGTH, 4),
    };
    memcpy(vbe->colours, block + RED_MASK_SIZE, sizeof(vbe->colours));
    return 0;
}
