/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC's memory map. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/e820.h>

#define GIB (UINT64_C(1) << 30)

static struct vmmp_e820 map;

static int setup(void **state)
{
    (void)state;
    vmmp_e820_init(&map);
    return 0;
}

static void add(uint64_t start, uint64_t end, enum vmmp_e820_type type)
{
    assert_int_equal(vmmp_e820_add(&map, start, end - start, type), 0);
}

static void assert_entry(unsigned i, uint64_t start, uint64_t end, enum vmmp_e820_type type)
{
    assert_in_range(i, 0, map.count - 1);
    assert_true(map.entries[i].start == start);
    assert_true(map.entries[i].start + map.entries[i].size == end);
    assert_int_equal(map.entries[i].type, type);
}

static void machine_above_4g(void **state)
{
    (void)state;
    add(4 * GIB, 6 * GIB, VMMP_E820_RAM);
    add(0, GIB, VMMP_E820_RAM);
    add(GIB, 3 * GIB, VMMP_E820_RAM);
    add(0xa0000, 0x100000, VMMP_E820_RESERVED);
    add(0xe0000, 0xe2000, VMMP_E820_ACPI);
    assert_int_equal(map.count, 6);
    assert_entry(0, 0, 0xa0000, VMMP_E820_RAM);
    assert_entry(1, 0xa0000, 0xe0000, VMMP_E820_RESERVED);
    assert_entry(2, 0xe0000, 0xe2000, VMMP_E820_ACPI);
    assert_entry(3, 0xe2000, 0x100000, VMMP_E820_RESERVED);
    assert_entry(4, 0x100000, 3 * GIB, VMMP_E820_RAM);
    assert_entry(5, 4 * GIB, 6 * GIB, VMMP_E820_RAM);
}

/* Against a map of one type for each byte, for every range of a small space. */
static void every_overlap(void **state)
{
    enum { SPACE = 12 };
    uint8_t model[SPACE] = { 0 };
    unsigned seed = 1;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        if (round % 16 == 0) {
            vmmp_e820_init(&map);
            memset(model, 0, sizeof(model));
        }
        seed = seed * 1103515245 + 12345;
        unsigned start = (seed >> 16) % SPACE;
        unsigned end = start + 1 + (seed >> 20) % (SPACE - start);
        enum vmmp_e820_type type = (enum vmmp_e820_type)(1 + (seed >> 25) % 3);
        add(start, end, type);
        memset(model + start, (int)type, end - start);
        uint8_t told[SPACE] = { 0 };
        for (unsigned i = 0; i < map.count; i++) {
            const struct vmmp_e820_entry *e = &map.entries[i];
            assert_true(e->size > 0 && e->start + e->size <= SPACE);
            if (i > 0) {
                uint64_t before = e[-1].start + e[-1].size;
                assert_true(before < e->start || (before == e->start && e[-1].type != e->type));
            }
            memset(told + e->start, (int)e->type, (size_t)e->size);
        }
        assert_memory_equal(told, model, SPACE);
    }
}

static void limits(void **state)
{
    struct vmmp_e820 before;
    (void)state;
    assert_int_equal(vmmp_e820_add(&map, 5, 0, VMMP_E820_RAM), -EINVAL);
    assert_int_equal(vmmp_e820_add(&map, UINT64_MAX, 2, VMMP_E820_RAM), -EINVAL);
    assert_int_equal(map.count, 0);
    for (unsigned i = 0; i < VMMP_E820_ENTRIES; i++) {
        add(16 * i, 16 * i + 8, VMMP_E820_RAM);
    }
    before = map;
    assert_int_equal(vmmp_e820_add(&map, 9, 2, VMMP_E820_RAM), -ENOSPC);
    assert_int_equal(vmmp_e820_add(&map, 2, 2, VMMP_E820_RESERVED), -ENOSPC);
    assert_memory_equal(&map, &before, sizeof(map));
    add(0, 16 * VMMP_E820_ENTRIES, VMMP_E820_RESERVED);
    assert_int_equal(map.count, 1);
}

int test_e820(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(machine_above_4g, setup),
        cmocka_unit_test_setup(every_overlap, setup),
        cmocka_unit_test_setup(limits, setup),
    };
    return cmocka_run_group_tests_name("e820", tests, NULL, NULL);
}
