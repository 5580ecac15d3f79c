/* SPDX-License-Identifier: BSD-2-Clause */
/* Made-up kernels for x86, for the tests of image loading. */
#pragma once

#include "support/image_file.h"

#define BZ_SETUP     (2 * 512u) /* One sector of setup code. */
#define BZ_CODE      0x4000u
#define BZ_SIZE      (BZ_SETUP + BZ_CODE)
#define BZ_PAYLOAD   0x300u /* In the code. */
#define BZ_PREFERRED UINT64_C(0x1000000)
#define BZ_INIT_SIZE 0x20000u

/* As Linux 6's: protocol 2.15, relocatable; `packed` is what its code holds, of so many bytes. */
static inline void make_bzimage(uint8_t *at, bool wide, const void *packed, size_t packed_size)
{
    fill_pattern(at, BZ_SIZE);
    memset(at + 0x1f1, 0, 0x300 - 0x1f1);
    at[0x1f1] = 1;
    put32(at + 0x1f4, BZ_CODE / 16);
    put16(at + 0x1fe, 0xaa55);
    at[0x200] = 0xeb;
    at[0x201] = 0x6a;
    memcpy(at + 0x202, "HdrS", 4);
    put16(at + 0x206, 0x20f);
    at[0x211] = 1;
    put32(at + 0x214, 0x100000);
    put32(at + 0x22c, 0x7fffffff);
    put32(at + 0x230, 0x200000);
    at[0x234] = 1;
    put16(at + 0x236, wide ? 3 : 0);
    put32(at + 0x238, 2047);
    if (packed_size) {
        put32(at + 0x248, BZ_PAYLOAD);
        put32(at + 0x24c, (uint32_t)packed_size);
        memcpy(at + BZ_SETUP + BZ_PAYLOAD, packed, packed_size);
    }
    put64(at + 0x258, BZ_PREFERRED);
    put32(at + 0x260, BZ_INIT_SIZE);
}

/* A vmlinux of two segments at 16 MiB, the second with bss, and bytes behind that are not loaded.
 */
#define VMLINUX_SIZE   0x3000u
#define VMLINUX_MEMORY 0x9000u
#define VMLINUX_ENTRY  0x1000010u

static inline void make_vmlinux(uint8_t *at, bool wide, const struct elf_segment *notes)
{
    const uint64_t base = wide ? UINT64_C(0xffffffff81000000) : 0xc1000000;
    struct elf_segment segments[3] = {
        { 1, 0x1000, base, 0x1000000, 0x800, 0x1000 },
        { 1, 0x2000, base + 0x1000, 0x1001000, 0x123, 0x8000 },
    };

    if (notes) {
        segments[2] = *notes;
    }
    memset(at, 0, VMLINUX_SIZE);
    memset(at + 0x1000, 'T', 0x800);
    memset(at + 0x2000, 'D', 0x123);
    memset(at + 0x2800, 'r', 0x800);
    make_elf(at, wide, wide ? 62 : 3, VMLINUX_ENTRY, segments, notes ? 3 : 2);
}

/* Two notes at `at`: another program's, and Xen's PHYS32_ENTRY of 4 or 8 bytes. Returns the size.
 */
static inline size_t make_pvh_notes(uint8_t *at, size_t width, uint64_t entry)
{
    put32(at, 4);
    put32(at + 4, 5);
    put32(at + 8, 18);
    memcpy(at + 12, "GNU\0hello\0\0\0", 12);
    put32(at + 24, 4);
    put32(at + 28, (uint32_t)width);
    put32(at + 32, 18);
    memcpy(at + 36, "Xen", 4);
    put64(at + 40, entry);
    return 40 + width;
}

/* Packs a vmlinux as a kernel's build does: with its size at the end. Returns the packed size. */
static inline size_t pack_vmlinux(uint8_t *to, const uint8_t *elf)
{
    size_t size = rle_encode(to, elf, VMLINUX_SIZE);
    put32(to + size, VMLINUX_SIZE);
    return size + 4;
}
