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
#define VESAPM_SEG        0x02e
#define VESAPM_OFF        0x030
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
#define CODE32_START     0x214
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

/* start_info.h, version 1; then one module, then the memory map. */
#define START_MAGIC          0x000
#define START_VERSION        0x004
#define START_MODULES        0x00c
#define START_MODLIST        0x010
#define START_CMDLINE        0x018
#define START_RSDP           0x020
#define START_MEMMAP         0x028
#define START_MEMMAP_ENTRIES 0x030
#define START_MAGIC_VALUE    0x336ec578u
#define MODLIST              0x040
#define MEMMAP               0x060
#define MEMMAP_ENTRY_SIZE    24

_Static_assert(MEMMAP + VMMP_E820_ENTRIES * MEMMAP_ENTRY_SIZE <= VMMP_X86_BOOT_PARAMS_SIZE,
               "a full map fits into the page");

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
        if (params->code32_start) {
            set(page, CODE32_START, params->code32_start, 4);
        }
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
    set(page, VESAPM_SEG, fb->interface_segment, 2);
    set(page, VESAPM_OFF, fb->interface_offset, 2);
    set(page, LFB_PAGES, fb->pages ? fb->pages : 1, 2);
}

static bool good(const struct vmmp_x86_boot_params *params)
{
    return params && params->e820 && params->e820->count >= 1 &&
           params->e820->count <= VMMP_E820_ENTRIES &&
           params->initrd + params->initrd_size >= params->initrd;
}

int vmmp_x86_boot_params(const struct vmmp_x86_boot_params *params, void *page)
{
    uint8_t *to = page;

    if (!page || !good(params) ||
        (params->setup_header && params->setup_header_size > SETUP_HEADER_END - SETUP_HEADER)) {
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

int vmmp_x86_start_info(const struct vmmp_x86_boot_params *params, uint64_t at, void *page)
{
    uint8_t *to = page;

    if (!page || !good(params)) {
        return -EINVAL;
    }
    memset(to, 0, VMMP_X86_BOOT_PARAMS_SIZE);
    set(to, START_MAGIC, START_MAGIC_VALUE, 4);
    set(to, START_VERSION, 1, 4);
    set(to, START_CMDLINE, params->cmdline, 8);
    set(to, START_RSDP, params->rsdp, 8);
    if (params->initrd_size) {
        set(to, START_MODULES, 1, 4);
        set(to, START_MODLIST, at + MODLIST, 8);
        set(to, MODLIST, params->initrd, 8);
        set(to, MODLIST + 8, params->initrd_size, 8);
    }
    set(to, START_MEMMAP, at + MEMMAP, 8);
    set(to, START_MEMMAP_ENTRIES, params->e820->count, 4);
    for (unsigned i = 0; i < params->e820->count; i++) {
        size_t entry = MEMMAP + (size_t)i * MEMMAP_ENTRY_SIZE;
        set(to, entry, params->e820->entries[i].start, 8);
        set(to, entry + 8, params->e820->entries[i].size, 8);
        set(to, entry + 16, params->e820->entries[i].type, 4);
    }
    return 0;
}
