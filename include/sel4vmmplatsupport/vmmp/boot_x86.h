/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state in which Linux on a PC is entered: boot parameters ("zero page"), descriptor and page
 * tables, and the first vCPU's registers, which the VMM's binding applies.
 *
 * Threads, ownership: nothing is kept or allocated. Hostile guest: all of this is written before it
 * runs and never read back; a kernel's header, which comes from a file, may hold anything.
 * vmmp/load_x86.h puts these together with a kernel.
 * Sources: Linux Documentation/arch/x86/boot.rst and zero-page.rst; Intel SDM 3A, 3.4 and 4.5; Xen
 * docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/e820.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_X86_BOOT_PARAMS_SIZE 4096

/** A linear framebuffer of direct colour, as `VIDEO_TYPE_VLFB` describes it. */
struct vmmp_x86_framebuffer {
    uint32_t base; /**< Guest-physical. */
    uint32_t size; /**< In bytes; a multiple of 64 KiB. */
    uint16_t width;
    uint16_t height;
    uint16_t stride; /**< Bytes from line to line. */
    uint8_t depth;   /**< Bits of a pixel. */
    struct {
        uint8_t size;
        uint8_t position;
    } red, green, blue, reserved; /**< In bits. */
    uint16_t pages;               /**< 0: 1. */
    /** Of the BIOS's protected mode interface, which lies there in the guest too; 0: none. */
    uint16_t interface_segment;
    uint16_t interface_offset;
};

struct vmmp_x86_boot_params {
    /**
     * The setup header as the kernel's file has it from offset 0x1f1 on, and its size (boot.rst:
     * up to 0x202 plus the byte at 0x201); NULL for an ELF kernel, which has none.
     */
    const void *setup_header;
    size_t setup_header_size;
    uint32_t code32_start; /**< Guest-physical, of a bzImage's code; 0: as the header has it. */
    uint32_t cmdline;      /**< Guest-physical, of the text with its NUL; 0: none. */
    uint32_t cmdline_size;
    uint64_t initrd; /**< Guest-physical. */
    uint64_t initrd_size;
    uint64_t setup_data; /**< Guest-physical, of the first node; 0: none. */
    uint64_t rsdp;       /**< Guest-physical; 0: to be searched for. */
    const struct vmmp_e820 *e820;
    const struct vmmp_x86_framebuffer *framebuffer; /**< NULL: none. */
};

/**
 * Fills in all of VMMP_X86_BOOT_PARAMS_SIZE bytes. 0; -EINVAL for a missing or empty memory map, a
 * header that is longer than its room or an initrd that wraps.
 */
int vmmp_x86_boot_params(const struct vmmp_x86_boot_params *params, void *page);

/**
 * Fills in a page of VMMP_X86_BOOT_PARAMS_SIZE bytes that will lie at `at` with what a PVH kernel
 * is given instead: a start_info with memory map, command line, initrd and RSDP of `params`, the
 * rest of which it has no place for. 0 or -EINVAL as above.
 */
int vmmp_x86_start_info(const struct vmmp_x86_boot_params *params, uint64_t at, void *page);

enum vmmp_x86_mode {
    VMMP_X86_MODE_32, /**< Protected mode without paging. */
    VMMP_X86_MODE_64, /**< Long mode, the first 4 GiB mapped to themselves. */
};

/** Flat segments; `attributes` as in a descriptor's bits 40 to 55, the limit's bits left zero. */
struct vmmp_x86_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit; /**< In bytes, the last one. */
    uint64_t base;
};

/** What is not here is as after a reset. */
struct vmmp_x86_entry {
    uint64_t rip;
    uint64_t rsi; /**< Linux: the boot parameters; PVH: 0. */
    uint64_t rbx; /**< PVH: the start_info; Linux: 0. */
    uint64_t rflags;
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    struct vmmp_x86_segment code; /**< cs */
    struct vmmp_x86_segment data; /**< ds, es, fs, gs, ss */
    struct vmmp_x86_segment task; /**< tr */
};

/** Room for descriptor and page tables. */
#define VMMP_X86_TABLES_SIZE 0x7000

/**
 * Writes the tables that `mode` needs to VMMP_X86_TABLES_SIZE bytes of RAM at `tables`, below 4 GiB
 * and aligned to 4 KiB, which the kernel replaces by its own, and says how to enter. For 64 bits
 * `rip` is where the file's 64-bit entry was placed (0x200 behind a bzImage's start). 0; -EINVAL;
 * -EFAULT if the tables' place is not RAM.
 */
int vmmp_x86_prepare_entry(const struct vmmp_guest_memory *memory, enum vmmp_x86_mode mode,
                           uint64_t tables, uint64_t rip, uint64_t boot_params,
                           struct vmmp_x86_entry *entry);

#ifdef __cplusplus
}
#endif
