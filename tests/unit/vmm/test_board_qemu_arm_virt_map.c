/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine map: vmm/arm/board_qemu_arm_virt_map.[ch]. Overlaps do not compile; the rest is
 * checked here. */
#include "arm/board_qemu_arm_virt_map.h"

#include "vmmp_test.h"

#define MIB (UINT64_C(1) << 20)

static void test_table_is_ascending_and_disjoint(void **state)
{
    (void)state;
    assert_true(virt_range_count >= 12);
    for (size_t i = 1; i < virt_range_count; i++) {
        const struct machine_range *below = &virt_ranges[i - 1];
        assert_true(below->base + below->size <= virt_ranges[i].base);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    assert_int_equal(VIRT_RAM_LOW_BASE, 0x40000000);
    assert_int_equal(VIRT_RAM_LOW_SIZE, 2512 * MIB);
    assert_int_equal(VIRT_PCI_CFG_BASE, 0xde000000);
    assert_int_equal(VIRT_PCI_IO_BASE, 0xdd000000);
    assert_int_equal(VIRT_PCI_MEM_BASE, 0xdf000000);
    assert_int_equal(VIRT_SPI_INTID(VIRT_PL011_SPI), 33);
    assert_int_equal(VIRT_SPI_INTID(VIRT_PL031_SPI), 34);
    assert_string_equal(virt_range_of(0x09000fff)->name, "PL011");
    assert_null(virt_range_of(0x09001000));
    assert_null(virt_range_of(0));
    assert_string_equal(virt_range_of(UINT64_C(0x100000000))->name, "RAM_HIGH");
    assert_null(virt_range_of(UINT64_MAX));
}

static void test_ram(void **state)
{
    struct machine_range ranges[2];
    (void)state;
    assert_int_equal(virt_ram_ranges(128 * MIB, ranges), 1);
    assert_int_equal(ranges[0].base, 0x40000000);
    assert_int_equal(ranges[0].size, 128 * MIB);
    assert_int_equal(virt_ram_ranges(2512 * MIB, ranges), 1);
    assert_int_equal(ranges[0].size, 2512 * MIB);
    assert_int_equal(virt_ram_ranges(2513 * MIB, ranges), 2);
    assert_int_equal(ranges[0].size, 2512 * MIB);
    assert_int_equal(ranges[1].base, UINT64_C(0x100000000));
    assert_int_equal(ranges[1].size, MIB);
    assert_int_equal(virt_ram_ranges(3072 * MIB, ranges), 2);
    assert_int_equal(ranges[1].size, 560 * MIB);
    assert_int_equal(virt_ram_ranges(0, ranges), 0);
    assert_int_equal(virt_ram_ranges(VIRT_MEMORY_MAXIMUM, ranges), 2);
    assert_int_equal(virt_ram_ranges(VIRT_MEMORY_MAXIMUM + 1, ranges), 0);
    assert_int_equal(virt_ram_ranges(UINT64_MAX, ranges), 0);
}

int test_board_qemu_arm_virt_map(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_ascending_and_disjoint),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_ram),
    };
    return cmocka_run_group_tests_name("board_qemu_arm_virt_map", tests, NULL, NULL);
}
