/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's "zero page" as structures, for clients that look into one. The library does not use them:
 * it fills in the page byte by byte (vmmp/boot_x86.h). Source: Linux
 * Documentation/arch/x86/zero-page.rst and boot.rst.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDD_MBR_SIG_MAX 16
#define E820MAX         128
#define EDDMAXNR        6

#define VIDEO_TYPE_MDA       0x10
#define VIDEO_TYPE_CGA       0x11
#define VIDEO_TYPE_EGAM      0x20
#define VIDEO_TYPE_EGAC      0x21
#define VIDEO_TYPE_VGAC      0x22
#define VIDEO_TYPE_VLFB      0x23
#define VIDEO_TYPE_PICA_S3   0x30
#define VIDEO_TYPE_MIPS_G364 0x31
#define VIDEO_TYPE_SGI       0x33
#define VIDEO_TYPE_TGAC      0x40
#define VIDEO_TYPE_SUN       0x50
#define VIDEO_TYPE_SUNPCI    0x51
#define VIDEO_TYPE_PMAC      0x60
#define VIDEO_TYPE_EFI       0x70

#define RAMDISK_IMAGE_START_MASK 0x07FF
#define RAMDISK_PROMPT_FLAG      0x8000
#define RAMDISK_LOAD_FLAG        0x4000

#define LOADED_HIGH   (1 << 0)
#define QUIET_FLAG    (1 << 5)
#define KEEP_SEGMENTS (1 << 6)
#define CAN_USE_HEAP  (1 << 7)

/** The display, by which a kernel draws before it has a driver. */
struct screen_info {
    uint8_t orig_x;
    uint8_t orig_y;
    uint16_t ext_mem_k;
    uint16_t orig_video_page;
    uint8_t orig_video_mode;
    uint8_t orig_video_cols;
    uint8_t flags;
    uint8_t unused2;
    uint16_t orig_video_ega_bx;
    uint16_t unused3;
    uint8_t orig_video_lines;
    uint8_t orig_video_isVGA;
    uint16_t orig_video_points;
    uint16_t lfb_width;
    uint16_t lfb_height;
    uint16_t lfb_depth;
    uint32_t lfb_base;
    uint32_t lfb_size;
    uint16_t cl_magic;
    uint16_t cl_offset;
    uint16_t lfb_linelength;
    uint8_t red_size;
    uint8_t red_pos;
    uint8_t green_size;
    uint8_t green_pos;
    uint8_t blue_size;
    uint8_t blue_pos;
    uint8_t rsvd_size;
    uint8_t rsvd_pos;
    uint16_t vesapm_seg;
    uint16_t vesapm_off;
    uint16_t pages;
    uint16_t vesa_attributes;
    uint32_t capabilities;
    uint8_t _reserved[6];
} __attribute__((packed));

/** APM BIOS. */
struct apm_bios_info {
    uint16_t version;
    uint16_t cseg;
    uint32_t offset;
    uint16_t cseg_16;
    uint16_t dseg;
    uint16_t flags;
    uint16_t cseg_len;
    uint16_t cseg_16_len;
    uint16_t dseg_len;
} __attribute__((packed));

/** Intel SpeedStep BIOS. */
struct ist_info {
    uint32_t signature;
    uint32_t command;
    uint32_t event;
    uint32_t perf_level;
} __attribute__((packed));

/** Obsolete. */
struct sys_desc_table {
    uint16_t length;
    uint8_t table[14];
} __attribute__((packed));

/** Where EFI left its tables. */
struct efi_info {
    uint32_t efi_loader_signature;
    uint32_t efi_systab;
    uint32_t efi_memdesc_size;
    uint32_t efi_memdesc_version;
    uint32_t efi_memmap;
    uint32_t efi_memmap_size;
    uint32_t efi_systab_hi;
    uint32_t efi_memmap_hi;
} __attribute__((packed));

/** What the monitor says. */
struct edid_info {
    uint8_t dummy[128];
} __attribute__((packed));

/** boot.rst, "The Real-Mode Kernel Header", from 0x1f1 of a kernel's file. */
struct setup_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize;
    uint16_t ram_size;
    uint16_t vid_mode;
    uint16_t root_dev;
    uint16_t boot_flag;
    uint16_t jump;
    uint32_t header;
    uint16_t version;
    uint32_t realmode_swtch;
    uint16_t start_sys;
    uint16_t kernel_version;
    uint8_t type_of_loader;
    uint8_t loadflags;
    uint16_t setup_move_size;
    uint32_t code32_start;
    uint32_t ramdisk_image;
    uint32_t ramdisk_size;
    uint32_t bootsect_kludge;
    uint16_t heap_end_ptr;
    uint8_t ext_loader_ver;
    uint8_t ext_loader_type;
    uint32_t cmd_line_ptr;
    uint32_t initrd_addr_max;
    uint32_t kernel_alignment;
    uint8_t relocatable_kernel;
    uint8_t _pad2[3];
    uint32_t cmdline_size;
    uint32_t hardware_subarch;
    uint64_t hardware_subarch_data;
    uint32_t payload_offset;
    uint32_t payload_length;
    uint64_t setup_data;
} __attribute__((packed));

/** A piece of the memory map; types in arch/e820.h. */
struct e820entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

/** BIOS Enhanced Disk Drive Services. */
struct edd_device_params {
    uint16_t length;
    uint16_t info_flags;
    uint32_t num_default_cylinders;
    uint32_t num_default_heads;
    uint32_t sectors_per_track;
    uint64_t number_of_sectors;
    uint16_t bytes_per_sector;
    uint32_t dpte_ptr;
    uint16_t key;
    uint8_t device_path_info_length;
    uint8_t reserved2;
    uint16_t reserved3;
    uint32_t host_bus_type;
    uint64_t interface_type;
    uint64_t interface_path;
    uint8_t device_path[16];
    uint8_t reserved4;
    uint8_t checksum;
} __attribute__((packed));

/** One disk of theirs. */
struct edd_info {
    uint8_t device;
    uint8_t version;
    uint16_t interface_support;
    uint16_t legacy_max_cylinder;
    uint8_t legacy_max_head;
    uint8_t legacy_sectors_per_track;
    struct edd_device_params params;
} __attribute__((packed));

/** The zero page. */
struct boot_params {
    struct screen_info screen_info;
    struct apm_bios_info apm_bios_info;
    uint8_t _pad2[4];
    uint64_t tboot_addr;
    struct ist_info ist_info;
    uint8_t _pad3[16];
    uint8_t hd0_info[16];
    uint8_t hd1_info[16];
    struct sys_desc_table sys_desc_table;
    uint8_t _pad4[144];
    struct edid_info edid_info;
    struct efi_info efi_info;
    uint32_t alt_mem_k;
    uint32_t scratch;
    uint8_t e820_entries;
    uint8_t eddbuf_entries;
    uint8_t edd_mbr_sig_buf_entries;
    uint8_t _pad6[6];
    struct setup_header hdr;
    uint8_t _pad7[56];
    uint32_t edd_mbr_sig_buffer[EDD_MBR_SIG_MAX];
    struct e820entry e820_map[E820MAX];
    uint8_t _pad8[48];
    struct edd_info eddbuf[EDDMAXNR];
    uint8_t _pad9[276];
} __attribute__((packed));

#ifdef __cplusplus
}
#endif
