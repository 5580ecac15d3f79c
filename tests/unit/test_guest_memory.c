/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#define LOW  UINT64_C(0x40000000)
#define HIGH UINT64_C(0x100000000)

struct ram {
    struct vmmp_guest_memory memory;
    uint8_t low[0x2000];
    uint8_t high[0x1000];
};

static int setup(void **state)
{
    struct ram *ram = calloc(1, sizeof(*ram));
    vmmp_guest_memory_init(&ram->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&ram->memory, vmmp_gpa(HIGH), 0x1000, ram->high), 0);
    assert_int_equal(vmmp_guest_memory_add(&ram->memory, vmmp_gpa(LOW), 0x2000, ram->low), 0);
    *state = ram;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void span_is_bounds_checked(void **state)
{
    struct ram *ram = *state;
    const struct vmmp_guest_memory *memory = &ram->memory;

    assert_ptr_equal(vmmp_guest_memory_span(memory, vmmp_gpa(LOW), 0x2000), ram->low);
    assert_ptr_equal(vmmp_guest_memory_span(memory, vmmp_gpa(LOW + 0x1fff), 1), ram->low + 0x1fff);
    assert_ptr_equal(vmmp_guest_memory_span(memory, vmmp_gpa(HIGH + 8), 8), ram->high + 8);
    assert_null(vmmp_guest_memory_span(memory, vmmp_gpa(LOW), 0x2001));
    assert_null(vmmp_guest_memory_span(memory, vmmp_gpa(LOW + 0x1fff), 2));
    assert_null(vmmp_guest_memory_span(memory, vmmp_gpa(LOW + 0x2000), 1));
    assert_null(vmmp_guest_memory_span(memory, vmmp_gpa(LOW - 1), 1));
    assert_null(vmmp_guest_memory_span(memory, vmmp_gpa(0), 0));
    assert_ptr_equal(vmmp_guest_memory_span(memory, vmmp_gpa(LOW + 1), 0), ram->low + 1);
}

/* defects.md 8: an address plus a length that wraps must not pass for RAM. */
static void wrapping_ranges_are_refused(void **state)
{
    struct ram *ram = *state;
    uint8_t byte = 0;

    for (uint64_t back = 0; back < 64; back++) {
        vmmp_gpa_t gpa = vmmp_gpa(UINT64_MAX - back);
        assert_null(vmmp_guest_memory_span(&ram->memory, gpa, 64));
        assert_false(vmmp_guest_memory_read(&ram->memory, gpa, &byte, 1));
    }
    assert_null(vmmp_guest_memory_span(&ram->memory, vmmp_gpa(LOW + 1), SIZE_MAX));
    assert_false(vmmp_guest_memory_zero(&ram->memory, vmmp_gpa(LOW), UINT64_MAX));
}

static void adding_checks_its_arguments(void **state)
{
    struct ram *ram = *state;
    struct vmmp_guest_memory *memory = &ram->memory;
    uint8_t page[16];

    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(0), 0, page), -EINVAL);
    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(0), 16, NULL), -EINVAL);
    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(UINT64_MAX - 3), 16, page), -EINVAL);
    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(LOW - 8), 16, page), -EINVAL);
    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(LOW + 0x1ff8), 16, page), -EINVAL);
    assert_int_equal(vmmp_guest_memory_add(memory, vmmp_gpa(LOW), 0x2000, page), -EINVAL);
    assert_int_equal(memory->region_count, 2);
}

static void neighbours_are_merged(void **state)
{
    struct ram *ram = *state;
    struct vmmp_guest_memory memory;

    vmmp_guest_memory_init(&memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x2000), 0x800, ram->low + 0x1000), 0);
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x1000), 0x800, ram->low), 0);
    assert_int_equal(memory.region_count, 2);
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x1800), 0x800, ram->low + 0x800), 0);
    assert_int_equal(memory.region_count, 1);
    assert_ptr_equal(vmmp_guest_memory_span(&memory, vmmp_gpa(0x1000), 0x1800), ram->low);

    /* Contiguous for the guest only: both are reachable, but no span covers the border. */
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x2800), 0x800, ram->high), 0);
    assert_int_equal(memory.region_count, 2);
    assert_null(vmmp_guest_memory_span(&memory, vmmp_gpa(0x27ff), 2));
}

static void the_way_back(void **state)
{
    struct ram *ram = *state;
    const struct vmmp_guest_memory *memory = &ram->memory;
    vmmp_gpa_t gpa;
    uint8_t elsewhere;

    for (unsigned i = 0; i < memory->region_count; i++) {
        const struct vmmp_guest_region *region = &memory->regions[i];
        assert_true(vmmp_guest_memory_find(memory, region->host, &gpa));
        assert_int_equal(gpa.gpa, region->start);
        assert_true(vmmp_guest_memory_find(memory, region->host + region->size - 1, &gpa));
        assert_int_equal(gpa.gpa, region->start + region->size - 1);
    }
    assert_false(vmmp_guest_memory_find(memory, &elsewhere, &gpa));
    assert_false(vmmp_guest_memory_find(memory, NULL, &gpa));
}

static void the_table_has_an_end(void **state)
{
    struct vmmp_guest_memory memory;
    uint8_t bytes[2 * VMMP_GUEST_MEMORY_REGIONS + 2];

    (void)state;
    vmmp_guest_memory_init(&memory, NULL, NULL);
    for (unsigned i = 0; i < VMMP_GUEST_MEMORY_REGIONS; i++) {
        assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(i * 2), 1, bytes + i * 2), 0);
    }
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(1000), 1, bytes), -ENOSPC);
    assert_ptr_equal(vmmp_guest_memory_span(&memory, vmmp_gpa(30), 1), bytes + 30);
}

static void copies_cross_region_borders(void **state)
{
    struct ram *ram = *state;
    struct vmmp_guest_memory memory;
    uint8_t out[16];

    vmmp_guest_memory_init(&memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x1000), 0x100, ram->low), 0);
    assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(0x1100), 0x100, ram->high), 0);
    assert_true(vmmp_guest_memory_write(&memory, vmmp_gpa(0x10f8), "0123456789abcdef", 16));
    assert_memory_equal(ram->low + 0xf8, "01234567", 8);
    assert_memory_equal(ram->high, "89abcdef", 8);
    assert_true(vmmp_guest_memory_read(&memory, vmmp_gpa(0x10f8), out, sizeof(out)));
    assert_memory_equal(out, "0123456789abcdef", 16);
    assert_true(vmmp_guest_memory_zero(&memory, vmmp_gpa(0x10ff), 2));
    assert_int_equal(ram->low[0xff], 0);
    assert_int_equal(ram->high[0], 0);
    assert_int_equal(ram->high[1], '9');
    assert_false(vmmp_guest_memory_write(&memory, vmmp_gpa(0x11f8), out, sizeof(out)));
    assert_true(vmmp_guest_memory_read(&memory, vmmp_gpa(0x5000), out, 0));
}

struct resolver {
    uint8_t page[4096];
    unsigned calls;
};

static void *resolve(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    struct resolver *resolver = cookie;
    uint64_t offset = gpa.gpa - 0x8000;

    resolver->calls++;
    return offset < 4096 && len <= 4096 - offset ? resolver->page + offset : NULL;
}

static void what_no_region_holds_is_resolved(void **state)
{
    struct vmmp_guest_memory memory;
    struct resolver resolver = { .page = { 7 } };
    uint8_t byte = 0;

    (void)state;
    vmmp_guest_memory_init(&memory, resolve, &resolver);
    assert_ptr_equal(vmmp_guest_memory_span(&memory, vmmp_gpa(0x8010), 16), resolver.page + 16);
    assert_true(vmmp_guest_memory_read(&memory, vmmp_gpa(0x8000), &byte, 1));
    assert_int_equal(byte, 7);
    assert_int_equal(resolver.calls, 2);
    assert_null(vmmp_guest_memory_span(&memory, vmmp_gpa(0x9000), 1));
}

static void fields_are_little_endian(void **state)
{
    uint8_t bytes[8] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08 };
    vmmp_le16_t le16;
    vmmp_le32_t le32;
    vmmp_le64_t le64;
    vmmp_be32_t be32;

    (void)state;
    memcpy(&le16, bytes, 2);
    memcpy(&le32, bytes, 4);
    memcpy(&le64, bytes, 8);
    memcpy(&be32, bytes, 4);
    assert_int_equal(vmmp_le16_get(le16), 0x0201);
    assert_int_equal(vmmp_le32_get(le32), 0x04030201);
    assert_true(vmmp_le64_get(le64) == UINT64_C(0x0807060504030201));
    assert_int_equal(vmmp_be32_get(be32), 0x01020304);
    assert_int_equal(vmmp_guest_load_le16(&le16), 0x0201);
    assert_int_equal(vmmp_guest_load_le16_acquire(&le16), 0x0201);
    vmmp_guest_store_le16(&le16, 0xa1b2);
    assert_memory_equal(&le16, "\xb2\xa1", 2);
    vmmp_guest_store_le16_release(&le16, 0x3344);
    assert_memory_equal(&le16, "\x44\x33", 2);
    vmmp_guest_store_le32(&le32, 0x11223344);
    assert_memory_equal(&le32, "\x44\x33\x22\x11", 4);
    be32 = vmmp_be32(0x11223344);
    assert_memory_equal(&be32, "\x11\x22\x33\x44", 4);
    le64 = vmmp_le64(UINT64_C(0x1122334455667788));
    assert_memory_equal(&le64, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
}

int test_guest_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(span_is_bounds_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(wrapping_ranges_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(adding_checks_its_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(neighbours_are_merged, setup, teardown),
        cmocka_unit_test_setup_teardown(the_way_back, setup, teardown),
        cmocka_unit_test(the_table_has_an_end),
        cmocka_unit_test_setup_teardown(copies_cross_region_borders, setup, teardown),
        cmocka_unit_test(what_no_region_holds_is_resolved),
        cmocka_unit_test(fields_are_little_endian),
    };
    return cmocka_run_group_tests_name("guest_memory", tests, NULL, NULL);
}
