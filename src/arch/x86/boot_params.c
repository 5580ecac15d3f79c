/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/boot_x86.h>

#include <errno.h>
#include <string.h>

/* zero-page.rst */
#define LFB_WIDTH         0x012
#define LFB_HEIGHT        0x014
#define LFB_DEPTH         0x016
#define LFB_BASE          0x018
#define LFB_SIZE          0x01c /* In units of 64 KiB for VIDEO_TYPE_VLFB. */
#define LFB_LINELENGTH    0x024
#define LFB_COLOURS       0x026
#define LFB_PAGES         0x032
#define ORIG_VIDEO_ISVGA  0x00f
#define VIDEO_TYPE_VLFB   0x23
#define ACPI_RSDP_ADDR    0x070
#define EXT_RAMDISK_IMAGE 0x0c0
#define EXT_RAMDISK_SIZE  0x0c4
#define E820_ENTRIES      0x1e8
#define SETUP_HEADER      0x1f1
#define SETUP_HEADER_END  0x290
#define E820_TABLE        0x2d0
#define E820_ENTRY_SIZE   20

/* boot.rst, "The Real-Mode Kernel Header" */
#define BOOT_FLAG        0x1fe
#define HEADER           0x202
#define VERSION          0x206
#define TYPE_OF_LOADER   0x210
#define LOADFLAGS        0x211
#define RAMDISK_IMAGE    0x218
#define RAMDISK_SIZE     0x21c
#define CMD_LINE_PTR     0x228
#define CMDLINE_SIZE     0x238
#define SETUP_DATA       0x250
#define VERSION_2_12     0x020c
#define UNDEFINED_LOADER 0xff
#define LOADED_HIGH      0x01
#define BOOT_FLAG_VALUE  0xaa55
#define HEADER_VALUE     0x53726448u /* "HdrS" */

static void set(uint8_t *page, size_t at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        page[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void write_header(uint8_t *page, const struct vmmp_x86_boot_params *params)
{
    if (params->setup_header) {
        memcpy(page + SETUP_HEADER, params->setup_header, params->setup_header_size);
    } else {
        set(page, BOOT_FLAG, BOOT_FLAG_VALUE, 2);
        set(page, HEADER, HEADER_VALUE, 4);
        set(page, VERSION, VERSION_2_12, 2);
        set(page, LOADFLAGS, LOADED_HIGH, 1);
        set(page, CMDLINE_SIZE, params->cmdline_size, 4);
    }
    set(page, TYPE_OF_LOADER, UNDEFINED_LOADER, 1);
    set(page, CMD_LINE_PTR, params->cmdline, 4);
    if (params->initrd_size) {
        set(page, RAMDISK_IMAGE, params->initrd, 4);
        set(page, RAMDISK_SIZE, params->initrd_size, 4);
        set(page, EXT_RAMDISK_IMAGE, params->initrd >> 32, 4);
        set(page, EXT_RAMDISK_SIZE, params->initrd_size >> 32, 4);
    }
    set(page, SETUP_DATA, params->setup_data, 8);
}

static void write_framebuffer(uint8_t *page, const struct vmmp_x86_framebuffer *fb)
{
    const uint8_t colours[8] = { fb->red.size,       fb->red.position,     fb->green.size,
                                 fb->green.position, fb->blue.size,        fb->blue.position,
                                 fb->reserved.size,  fb->reserved.position };

    set(page, ORIG_VIDEO_ISVGA, VIDEO_TYPE_VLFB, 1);
    set(page, LFB_WIDTH, fb->width, 2);
    set(page, LFB_HEIGHT, fb->height, 2);
    set(page, LFB_DEPTH, fb->depth, 2);
    set(page, LFB_BASE, fb->base, 4);
    set(page, LFB_SIZE, fb->size >> 16, 4);
    set(page, LFB_LINELENGTH, fb->stride, 2);
    memcpy(page + LFB_COLOURS, colours, sizeof(colours));
    set(page, LFB_PAGES, 1, 2);
}

int vmmp_x86_boot_params(const struct vmmp_x86_boot_params *params, void *page)
{
    uint8_t *to = page;

    if (!params || !page || !params->e820 || params->e820->count < 1 ||
        params->e820->count > VMMP_E820_ENTRIES ||
        (params->setup_header && params->setup_header_size > SETUP_HEADER_END - SETUP_HEADER) ||
        params->initrd + params->initrd_size < params->initrd) {
        return -EINVAL;
    }
    /* All zero, the sentinel as well: the kernel then takes every field for initialised. */
    memset(to, 0, VMMP_X86_BOOT_PARAMS_SIZE);
    write_header(to, params);
    set(to, ACPI_RSDP_ADDR, params->rsdp, 8);
    if (params->framebuffer) {
        write_framebuffer(to, params->framebuffer);
    }
    set(to, E820_ENTRIES, params->e820->count, 1);
    for (unsigned i = 0; i < params->e820->count; i++) {
        size_t at = E820_TABLE + (size_t)i * E820_ENTRY_SIZE;
        set(to, at, params->e820->entries[i].start, 8);
        set(to, at + 8, params->e820->entries[i].size, 8);
        set(to, at + 16, params->e820->entries[i].type, 4);
    }
    return 0;
}
