/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks through a guest's translation tables: src/arch/arm/walk.c. */
#include <sel4vmmplatsupport/vmmp/arm_walk.h>

#include <stdlib.h>
#include <string.h>

#include "vmmp_test.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x100000)

struct fixture {
    uint8_t *host;
    struct vmmp_guest_memory memory;
    struct vmmp_arm_translation translation;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->host = calloc(1, RAM_SIZE);
    vmmp_guest_memory_init(&f->memory, NULL, NULL);
    vmmp_guest_memory_add(&f->memory, vmmp_gpa(RAM), RAM_SIZE, f->host);
    f->translation.sctlr = 1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    free(f->host);
    free(f);
    return 0;
}

static void put(struct fixture *f, uint64_t table, uint64_t index, uint64_t descriptor)
{
    vmmp_le64_t entry = vmmp_le64(descriptor);
    assert_true(vmmp_guest_memory_write(&f->memory, vmmp_gpa(table + index * 8), &entry, 8));
}

static void expect(struct fixture *f, uint64_t address, uint64_t physical)
{
    uint64_t found = ~physical;
    assert_true(vmmp_arm_walk(&f->translation, &f->memory, address, &found));
    assert_int_equal(found, physical);
}

static void expect_none(struct fixture *f, uint64_t address)
{
    uint64_t found;
    assert_false(vmmp_arm_walk(&f->translation, &f->memory, address, &found));
}

static void test_mmu_off(void **state)
{
    struct fixture *f = *state;
    f->translation.sctlr = 0;
    expect(f, 0x12345678, 0x12345678);
    expect(f, UINT64_MAX, UINT64_MAX);
}

/* 4 KiB granule, 48 bits: T0SZ = T1SZ = 16, TG0 = 0, TG1 = 2. */
static void test_4k(void **state)
{
    struct fixture *f = *state;
    f->translation.tcr = 16 | 16 << 16 | UINT64_C(2) << 30;
    f->translation.ttbr0 = RAM + 0x10000 + 1;                     /* CnP */
    f->translation.ttbr1 = (RAM + 0x1000) | UINT64_C(0x12) << 48; /* ASID */
    /* ffff800012345678: indices 256, 0, 145, 325. */
    put(f, RAM + 0x1000, 256, (RAM + 0x2000) | 3);
    put(f, RAM + 0x2000, 0, (RAM + 0x3000) | 3 | UINT64_C(1) << 59);
    put(f, RAM + 0x3000, 145, (RAM + 0x4000) | 3);
    put(f, RAM + 0x4000, 325, UINT64_C(0x00400000aabbc000) | 0x703);
    expect(f, UINT64_C(0xffff800012345678), UINT64_C(0xaabbc678));
    expect_none(f, UINT64_C(0xffff800012346678));
    expect_none(f, UINT64_C(0xffff800212345678));
    /* A 2 MiB block and a 1 GiB block. */
    put(f, RAM + 0x3000, 146, UINT64_C(0x80000000) | 0x701);
    expect(f, UINT64_C(0xffff800012400000) + 0x12345, UINT64_C(0x80012345));
    put(f, RAM + 0x2000, 1, UINT64_C(0xc0000000) | 0x701);
    expect(f, UINT64_C(0xffff800040000000) + 0x3fffffff, UINT64_C(0xffffffff));
    /* The lower half is a tree of its own, empty; what is in between is nobody's. */
    expect_none(f, 0x12345678);
    expect_none(f, UINT64_C(0x0100800012345678));
    expect_none(f, UINT64_C(0xff7f800012345678));
    /* With TBI1 the top byte does not count. */
    f->translation.tcr |= UINT64_C(1) << 38;
    expect(f, UINT64_C(0x12ff800012345678), UINT64_C(0xaabbc678));
    /* At the last level, bit 1 clear is reserved. */
    put(f, RAM + 0x4000, 325, UINT64_C(0xaabbc000) | 1);
    expect_none(f, UINT64_C(0xffff800012345678));
}

/* 39 bits: the walk starts a level lower. */
static void test_4k_39_bits(void **state)
{
    struct fixture *f = *state;
    f->translation.tcr = 25 | 25 << 16 | UINT64_C(2) << 30;
    f->translation.ttbr0 = RAM + 0x1000;
    put(f, RAM + 0x1000, 511, (RAM + 0x2000) | 3);
    put(f, RAM + 0x2000, 511, (RAM + 0x3000) | 3);
    put(f, RAM + 0x3000, 511, (RAM + 0x9000) | 3);
    expect(f, UINT64_C(0x7fffffffff), RAM + 0x9fff);
    expect_none(f, UINT64_C(0x8000000000));
}

/* 16 KiB granule, 47 bits: 11 bits a level, 3 levels and a bit. */
static void test_16k(void **state)
{
    struct fixture *f = *state;
    f->translation.tcr = 17 | UINT64_C(2) << 14;
    f->translation.ttbr0 = RAM + 0x4000;
    uint64_t address = UINT64_C(5) << 36 | UINT64_C(6) << 25 | UINT64_C(7) << 14 | 0x1234;
    put(f, RAM + 0x4000, 5, (RAM + 0x8000) | 3);
    put(f, RAM + 0x8000, 6, (RAM + 0xc000) | 3);
    put(f, RAM + 0xc000, 7, UINT64_C(0x50004000) | 3);
    expect(f, address, UINT64_C(0x50005234));
    put(f, RAM + 0x8000, 6, UINT64_C(0x56000000) | 1);
    expect(f, address, UINT64_C(0x56000000) + (7 << 14) + 0x1234);
}

/* 64 KiB granule, 42 bits: two levels; addresses of 52 bits have their top in bits 15:12. */
static void test_64k(void **state)
{
    struct fixture *f = *state;
    f->translation.tcr = UINT64_C(22) << 16 | UINT64_C(3) << 30;
    f->translation.ttbr1 = RAM + 0x10000;
    uint64_t address =
        UINT64_C(0xfffffc0000000000) | UINT64_C(9) << 29 | UINT64_C(3) << 16 | 0xabcd;
    put(f, RAM + 0x10000, 9, (RAM + 0x20000) | 3);
    put(f, RAM + 0x20000, 3, UINT64_C(0x60000000) | 0xa << 12 | 3);
    expect(f, address, UINT64_C(0xa000060000000) | 0xabcd);
}

/* FEAT_LPA2 with 4 KiB pages: 52 bits, five levels, top address bits in 9:8. */
static void test_lpa2(void **state)
{
    struct fixture *f = *state;
    f->translation.tcr = UINT64_C(12) << 16 | UINT64_C(2) << 30 | UINT64_C(1) << 59;
    f->translation.ttbr1 = RAM + 0x1000;
    uint64_t address = UINT64_C(0xfff0000000000000) | UINT64_C(8) << 48 | 0x123;
    put(f, RAM + 0x1000, 8, (RAM + 0x2000) | 3);
    put(f, RAM + 0x2000, 0, (RAM + 0x3000) | 3);
    put(f, RAM + 0x3000, 0, (RAM + 0x4000) | 3);
    put(f, RAM + 0x4000, 0, (RAM + 0x5000) | 3);
    put(f, RAM + 0x5000, 0, UINT64_C(0x70000000) | 1 << 8 | 3);
    expect(f, address, UINT64_C(0x4000070000000) | 0x123);
}

/* Tables are the guest's: loops, holes and reserved encodings end the walk. */
static void put_short(struct fixture *f, uint64_t table, uint64_t index, uint32_t descriptor)
{
    vmmp_le32_t entry = vmmp_le32(descriptor);
    assert_true(vmmp_guest_memory_write(&f->memory, vmmp_gpa(table + index * 4), &entry, 4));
}

/* Arm ARM, G5.4: as Linux without LPAE has them, everything in TTBR0; then split by TTBCR.N. */
static void test_short_descriptors(void **state)
{
    struct fixture *f = *state;
    f->translation.aarch32 = true;
    f->translation.ttbr0 = RAM + 0x4000 + 0x6a; /* Attributes. */
    f->translation.ttbr1 = RAM + 0x8000 + 0x6a;
    put_short(f, RAM + 0x4000, 0xc01, 0x40100000 | 0x1140e);  /* A section. */
    put_short(f, RAM + 0x4000, 0xf00, (RAM + 0x1400) | 0x01); /* A table, 1 KiB aligned: */
    put_short(f, RAM + 0x1400, 0x02, 0x12c20000 | 0x243);     /* a small page, */
    put_short(f, RAM + 0x1400, 0x1f, 0x50010000 | 0x01);      /* a large one. */
    put_short(f, RAM + 0x4000, 0x010, 0x41000000 | 0x0052 << 16 | 0x040002 | 0x3 << 5);
    expect(f, 0xc0123456, 0x40123456);
    expect(f, 0xf0002abc, 0x12c20abc);
    expect(f, 0xf001fabc, 0x5001fabc);
    expect(f, 0x01012345, UINT64_C(0x3541012345)); /* A supersection, above 4 GiB. */
    expect_none(f, 0xc0200000);
    expect_none(f, 0xf0003000);
    /* N = 1: the upper half is TTBR1's, and TTBR0's table is half as large. */
    f->translation.tcr = 1;
    f->translation.ttbr0 = RAM + 0x2000;
    put_short(f, RAM + 0x2000, 0x7ff, 0x43000000 | 0x2);
    put_short(f, RAM + 0x8000, 0x800, 0x44000000 | 0x2);
    expect(f, 0x7ff00001, 0x43000001);
    expect(f, 0x80000002, 0x44000002);
    f->translation.tcr = 1 | 1 << 5; /* PD1 */
    expect_none(f, 0x80000002);
    expect(f, 0x7ff00001, 0x43000001);
    f->translation.sctlr = 0;
    expect(f, 0x80000002, 0x80000002);
}

/* G5.5: LPAE with all in TTBR0, then with the upper GiB in TTBR1 as Linux has it (T1SZ = 2). */
static void test_long_descriptors_of_aarch32(void **state)
{
    struct fixture *f = *state;
    f->translation.aarch32 = true;
    f->translation.tcr = UINT64_C(1) << 31;
    f->translation.ttbr0 = RAM + 0x20;
    f->translation.ttbr1 = RAM + 0x2000;
    put(f, RAM + 0x20, 3, (RAM + 0x1000) | 3);
    put(f, RAM + 0x1000, 1, UINT64_C(0x40200000) | 0x711); /* 2 MiB */
    put(f, RAM + 0x20, 1, UINT64_C(0x80000000) | 0x711);   /* 1 GiB */
    expect(f, 0xc0234567, 0x40234567);
    expect(f, 0x7fffffff, 0xbfffffff);
    expect_none(f, 0x80000000);
    f->translation.tcr |= UINT64_C(2) << 16;
    put(f, RAM + 0x2000, 2, UINT64_C(0x41000000) | 0x711);
    expect(f, 0xc0454321, 0x41054321);
    expect(f, 0x7fffffff, 0xbfffffff);
}

static void test_hostile(void **state)
{
    struct fixture *f = *state;
    uint64_t found;
    f->translation.tcr = 16 | UINT64_C(2) << 30;
    f->translation.ttbr0 = RAM + 0x1000;
    put(f, RAM + 0x1000, 0, (RAM + 0x1000) | 3);
    expect(f, 0x10, RAM + 0x1010);
    f->translation.ttbr0 = RAM + RAM_SIZE;
    expect_none(f, 0x10);
    f->translation.ttbr0 = ~UINT64_C(0);
    expect_none(f, 0x10);
    f->translation.tcr = 16 | UINT64_C(3) << 14;
    expect_none(f, 0x10);
    /* Every size and granule is answered, whatever lies in memory. */
    memset(f->host, 0xff, RAM_SIZE);
    f->translation.ttbr0 = f->translation.ttbr1 = RAM;
    for (uint64_t t = 0; t < 64; t++) {
        for (uint64_t g = 0; g < 4; g++) {
            f->translation.tcr = t | t << 16 | g << 14 | g << 30 | (g & 1) << 59;
            vmmp_arm_walk(&f->translation, &f->memory, 0x1000, &found);
            vmmp_arm_walk(&f->translation, &f->memory, UINT64_MAX - 0x1000, &found);
        }
    }
}

int test_arm_walk(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mmu_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_4k, setup, teardown),
        cmocka_unit_test_setup_teardown(test_4k_39_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_16k, setup, teardown),
        cmocka_unit_test_setup_teardown(test_64k, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lpa2, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_descriptors_of_aarch32, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
    };
    return cmocka_run_group_tests_name("arm_walk", tests, NULL, NULL);
}
