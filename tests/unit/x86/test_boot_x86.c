/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot parameters, tables and registers of a PC's first vCPU. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/boot_x86.h>

#define TABLES 0x9000

static uint8_t page[VMMP_X86_BOOT_PARAMS_SIZE + 16];
static uint8_t ram[0x20000] __attribute__((aligned(4096)));
static struct vmmp_guest_memory memory;
static struct vmmp_e820 map;

static int setup(void **state)
{
    (void)state;
    memset(page, 0xee, sizeof(page));
    memset(ram, 0xee, sizeof(ram));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    vmmp_e820_init(&map);
    vmmp_e820_add(&map, 0, 0xa0000, VMMP_E820_RAM);
    vmmp_e820_add(&map, UINT64_C(0x100000000), 0x40000000, VMMP_E820_RAM);
    return vmmp_guest_memory_add(&memory, vmmp_gpa(0), sizeof(ram), ram);
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void elf_kernel(void **state)
{
    struct vmmp_x86_framebuffer fb = { .base = 0xe0000000,
                                       .size = 0x300000,
                                       .width = 1024,
                                       .height = 768,
                                       .stride = 4096,
                                       .depth = 32,
                                       .red = { 8, 16 },
                                       .green = { 8, 8 },
                                       .blue = { 8, 0 },
                                       .reserved = { 8, 24 } };
    struct vmmp_x86_boot_params params = { .cmdline = 0x20000,
                                           .cmdline_size = 77,
                                           .initrd = UINT64_C(0x123456000),
                                           .initrd_size = UINT64_C(0x100000007),
                                           .setup_data = 0x7000,
                                           .rsdp = 0xe0000,
                                           .e820 = &map,
                                           .framebuffer = &fb };
    (void)state;
    assert_int_equal(vmmp_x86_boot_params(&params, page), 0);
    assert_int_equal(page[VMMP_X86_BOOT_PARAMS_SIZE], 0xee);
    assert_memory_equal(page + 0x202, "HdrS", 4);
    assert_int_equal(get(page + 0x1fe, 2), 0xaa55);
    assert_int_equal(page[0x210], 0xff);
    assert_int_equal(get(page + 0x228, 4), 0x20000);
    assert_int_equal(get(page + 0x238, 4), 77);
    assert_int_equal(get(page + 0x218, 4), 0x23456000);
    assert_int_equal(get(page + 0x0c0, 4), 1);
    assert_int_equal(get(page + 0x21c, 4), 7);
    assert_int_equal(get(page + 0x0c4, 4), 1);
    assert_int_equal(get(page + 0x250, 8), 0x7000);
    assert_int_equal(get(page + 0x070, 8), 0xe0000);
    assert_int_equal(page[0x1ef], 0);
    assert_int_equal(page[0x1e8], 2);
    assert_true(get(page + 0x2d0 + 20, 8) == UINT64_C(0x100000000));
    assert_int_equal(get(page + 0x2d0 + 28, 8), 0x40000000);
    assert_int_equal(get(page + 0x2d0 + 36, 4), 1);
    assert_int_equal(page[0x0f], 0x23);
    assert_int_equal(get(page + 0x12, 2), 1024);
    assert_int_equal(get(page + 0x1c, 4), 0x30);
    assert_int_equal(get(page + 0x26, 2), 0x1008);
    assert_int_equal(get(page + 0x2c, 2), 0x1808);
}

static void bzimage_header(void **state)
{
    uint8_t header[0x290 - 0x1f1 + 1];
    struct vmmp_x86_boot_params params = { .setup_header = header,
                                           .setup_header_size = sizeof(header) - 1,
                                           .cmdline_size = 9,
                                           .e820 = &map };
    (void)state;
    memset(header, 0x5a, sizeof(header));
    assert_int_equal(vmmp_x86_boot_params(&params, page), 0);
    assert_int_equal(page[0x1f1], 0x5a);
    assert_int_equal(page[0x28f], 0x5a);
    assert_int_equal(page[0x290], 0);
    assert_int_equal(get(page + 0x238, 4), 0x5a5a5a5a); /* The kernel's own limit. */
    params.setup_header_size++;
    assert_int_equal(vmmp_x86_boot_params(&params, page), -EINVAL);
    params.setup_header_size = 0x70;
    map.count = 0;
    assert_int_equal(vmmp_x86_boot_params(&params, page), -EINVAL);
}

/* As the processor walks it. */
static uint64_t walk(uint64_t top, uint64_t address)
{
    uint64_t entry = get(ram + top + 8 * (address >> 39 & 511), 8);
    entry = get(ram + (entry & ~UINT64_C(0xfff)) + 8 * (address >> 30 & 511), 8);
    assert_int_equal(entry & 0x83, 3);
    entry = get(ram + (entry & ~UINT64_C(0xfff)) + 8 * (address >> 21 & 511), 8);
    assert_int_equal(entry & 0x83, 0x83);
    return (entry & ~UINT64_C(0x1fffff)) + (address & 0x1fffff);
}

static void long_mode(void **state)
{
    struct vmmp_x86_entry e;
    (void)state;
    assert_int_equal(
        vmmp_x86_prepare_entry(&memory, VMMP_X86_MODE_64, TABLES, 0x1000200, 0x8000, &e), 0);
    assert_int_equal(e.rip, 0x1000200);
    assert_int_equal(e.rsi, 0x8000);
    assert_int_equal(e.cr3, TABLES);
    assert_true(e.cr0 == 0x80000011 && e.cr4 == 0x20 && e.efer == 0x500 && e.rflags == 2);
    for (uint64_t address = 0; address < UINT64_C(1) << 32; address += 0x1ff123) {
        assert_true(walk(e.cr3, address) == address);
    }
    assert_true(get(ram + e.gdt_base + 0x10, 8) == UINT64_C(0x00af9b000000ffff));
    assert_true(get(ram + e.gdt_base + 0x18, 8) == UINT64_C(0x00cf93000000ffff));
    assert_int_equal(ram[TABLES - 1], 0xee);
    assert_int_equal(ram[TABLES + VMMP_X86_TABLES_SIZE], 0xee);
}

static void protected_mode(void **state)
{
    struct vmmp_x86_entry e;
    (void)state;
    assert_int_equal(
        vmmp_x86_prepare_entry(&memory, VMMP_X86_MODE_32, TABLES, 0x100000, 0x8000, &e), 0);
    assert_true(e.cr0 == 0x11 && e.cr3 == 0 && e.cr4 == 0 && e.efer == 0);
    assert_true(get(ram + e.gdt_base + 0x10, 8) == UINT64_C(0x00cf9b000000ffff));
    assert_int_equal(vmmp_x86_prepare_entry(&memory, VMMP_X86_MODE_32, TABLES,
                                            UINT64_C(0x100000000), 0x8000, &e),
                     -EINVAL);
    assert_int_equal(vmmp_x86_prepare_entry(&memory, VMMP_X86_MODE_64, TABLES + 8, 0, 0, &e),
                     -EINVAL);
    assert_int_equal(vmmp_x86_prepare_entry(&memory, VMMP_X86_MODE_64, 0x1a000, 0, 0, &e), -EFAULT);
}

int test_boot_x86(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(elf_kernel, setup),
        cmocka_unit_test_setup(bzimage_header, setup),
        cmocka_unit_test_setup(long_mode, setup),
        cmocka_unit_test_setup(protected_mode, setup),
    };
    return cmocka_run_group_tests_name("boot_x86", tests, NULL, NULL);
}
