/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/ioports.h>: what clients of the compatible interface rely on. */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/ioports.h>

#include "compat/compat_pci.h"

/* Lists live for ever: the tests keep them, so that nothing counts as lost. */
static vmm_io_port_list_t *kept[16];
static unsigned kept_count;

static vmm_io_port_list_t *new_list(uint16_t alloc_addr)
{
    assert_true(kept_count < 16);
    assert_int_equal(vmm_io_port_init(&kept[kept_count], alloc_addr), 0);
    return kept[kept_count++];
}

struct device {
    unsigned accesses;
    unsigned port;
    unsigned size;
    unsigned value;
    int result;
};

static int port_in(void *cookie, unsigned int port_no, unsigned int size, unsigned int *result)
{
    struct device *device = cookie;
    device->accesses++;
    device->port = port_no;
    device->size = size;
    *result = device->value;
    return device->result;
}

static int port_out(void *cookie, unsigned int port_no, unsigned int size, unsigned int value)
{
    struct device *device = cookie;
    device->accesses++;
    device->port = port_no;
    device->size = size;
    device->value = value;
    return device->result;
}

static ioport_interface_t interface_of(struct device *device)
{
    return (ioport_interface_t){ device, port_in, port_out, "test" };
}

static void test_init(void **state)
{
    (void)state;
    vmm_io_port_list_t *list = new_list(0x1000);
    assert_int_equal(list->num_ioports, 0);
    assert_int_equal(list->alloc_addr, 0x1000);
    assert_int_equal(vmm_io_port_init(NULL, 0), -1);
}

static void test_free_ranges(void **state)
{
    struct device d = { 0 };
    ioport_range_t range = { 0, 0, 0x400 };
    (void)state;
    vmm_io_port_list_t *list = new_list(0x1000);
    ioport_entry_t *a = vmm_io_port_add_handler(list, range, interface_of(&d), IOPORT_FREE);
    assert_non_null(a);
    assert_int_equal(a->range.start, 0x1000);
    assert_int_equal(a->range.end, 0x13ff);
    assert_int_equal(a->range.size, 0x400);
    assert_int_equal(list->alloc_addr, 0x1400);
    ioport_entry_t *b = vmm_io_port_add_handler(list, range, interface_of(&d), IOPORT_FREE);
    assert_int_equal(b->range.start, 0x1400);
    assert_int_equal(list->num_ioports, 2);
    assert_ptr_equal(list->ioports[0], a);
    assert_ptr_equal(list->ioports[1], b);
    range.size = 0;
    assert_null(vmm_io_port_add_handler(list, range, interface_of(&d), IOPORT_FREE));
    assert_null(vmm_io_port_add_handler(NULL, range, interface_of(&d), IOPORT_FREE));
    range.size = 1;
    assert_null(vmm_io_port_add_handler(list, range, interface_of(&d), (ioport_type_t)7));
    ioport_interface_t none = { &d, NULL, port_out, "none" };
    assert_null(vmm_io_port_add_handler(list, range, none, IOPORT_FREE));
    assert_int_equal(list->num_ioports, 2);
}

/* The space ends at 0xFFFF, exactly, and never wraps. */
static void test_free_ranges_end(void **state)
{
    struct device d = { 0 };
    unsigned data = 0;
    (void)state;
    vmm_io_port_list_t *list = new_list(0xfff0);
    assert_null(
        vmm_io_port_add_handler(list, (ioport_range_t){ 0, 0, 17 }, interface_of(&d), IOPORT_FREE));
    assert_int_equal(list->alloc_addr, 0xfff0);
    ioport_entry_t *entry =
        vmm_io_port_add_handler(list, (ioport_range_t){ 0, 0, 16 }, interface_of(&d), IOPORT_FREE);
    assert_non_null(entry);
    assert_int_equal(entry->range.end, 0xffff);
    assert_null(
        vmm_io_port_add_handler(list, (ioport_range_t){ 0, 0, 1 }, interface_of(&d), IOPORT_FREE));
    assert_int_equal(emulate_io_handler(list, 0, true, 1, &data), 1);
}

/* Adding ports by address leaves the allocation alone, also when it fails. */
static void test_fixed_ranges(void **state)
{
    struct device d = { 0 };
    (void)state;
    vmm_io_port_list_t *list = new_list(0x2000);
    ioport_range_t blk = { 0x8000, 0x8040, 0x40 }; /* as a client has it: one too many */
    ioport_entry_t *entry = vmm_io_port_add_handler(list, blk, interface_of(&d), IOPORT_ADDR);
    assert_non_null(entry);
    assert_int_equal(entry->range.start, 0x8000);
    assert_int_equal(entry->range.end, 0x8040);
    assert_int_equal(entry->range.size, 0x40);
    assert_null(vmm_io_port_add_handler(list, blk, interface_of(&d), IOPORT_ADDR));
    assert_null(vmm_io_port_add_handler(list, (ioport_range_t){ 0x8040, 0x8041, 2 },
                                        interface_of(&d), IOPORT_ADDR));
    assert_null(vmm_io_port_add_handler(list, (ioport_range_t){ 0x10, 0xf, 0 }, interface_of(&d),
                                        IOPORT_ADDR));
    assert_int_equal(list->num_ioports, 1);
    assert_int_equal(list->alloc_addr, 0x2000);
    assert_non_null(vmm_io_port_add_handler(list, (ioport_range_t){ 0x60, 0x64, 5 },
                                            interface_of(&d), IOPORT_ADDR));
    assert_int_equal(list->ioports[0]->range.start, 0x60);
    assert_ptr_equal(list->ioports[1], entry);
}

static void test_emulate(void **state)
{
    struct device d = { .value = 0x44332211 };
    unsigned data = 0xdeadbeef;
    (void)state;
    vmm_io_port_list_t *list = new_list(0x1000);
    assert_non_null(vmm_io_port_add_handler(list, (ioport_range_t){ 0x60, 0x67, 8 },
                                            interface_of(&d), IOPORT_ADDR));
    assert_int_equal(emulate_io_handler(list, 0x62, true, 2, &data), 0);
    assert_int_equal(data, 0x2211);
    assert_int_equal(d.port, 0x62);
    assert_int_equal(d.size, 2);
    data = 0xaabbccdd;
    assert_int_equal(emulate_io_handler(list, 0x60, false, 1, &data), 0);
    assert_int_equal(d.value, 0xdd);
    assert_int_equal(emulate_io_handler(list, 0x64, false, 4, &data), 0);
    assert_int_equal(d.value, 0xaabbccdd);

    /* Nobody there: all-ones, 1; writes are dropped. */
    data = 0;
    assert_int_equal(emulate_io_handler(list, 0x80, true, 1, &data), 1);
    assert_int_equal(data, 0xff);
    assert_int_equal(emulate_io_handler(list, 0x80, true, 4, &data), 1);
    assert_int_equal(data, 0xffffffff);
    assert_int_equal(emulate_io_handler(list, 0x80, false, 4, &data), 1);
    assert_int_equal(emulate_io_handler(list, 0x10060, true, 1, &data), 1);

    /* An access over the end is not the handler's: its bytes only. */
    d.value = 0x99;
    d.accesses = 0;
    assert_int_equal(emulate_io_handler(list, 0x67, true, 4, &data), 0);
    assert_int_equal(data, 0xffffff99);
    assert_int_equal(d.accesses, 1);
    assert_int_equal(d.size, 1);

    d.accesses = 0;
    for (size_t size = 0; size < 10; size++) {
        if (size != 1 && size != 2 && size != 4) {
            assert_int_equal(emulate_io_handler(list, 0x60, true, size, &data), 1);
            assert_int_equal(data, 0xffffffff);
            assert_int_equal(emulate_io_handler(list, 0x60, false, size, &data), 1);
        }
    }
    assert_int_equal(d.accesses, 0);

    /* A handler's error is reported, and forgotten after that. */
    d.result = 3;
    assert_int_equal(emulate_io_handler(list, 0x60, true, 1, &data), -1);
    assert_int_equal(emulate_io_handler(list, 0x60, false, 1, &data), -1);
    d.result = 0;
    assert_int_equal(emulate_io_handler(list, 0x60, true, 1, &data), 0);
    assert_int_equal(emulate_io_handler(NULL, 0x60, true, 1, &data), -1);
    assert_int_equal(emulate_io_handler(list, 0x60, true, 1, NULL), -1);
}

static void test_many_and_two_lists(void **state)
{
    static struct device d[2][200];
    unsigned data;
    (void)state;
    memset(d, 0, sizeof(d));
    vmm_io_port_list_t *lists[2] = { new_list(0x1000), new_list(0x1000) };
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned l = 0; l < 2; l++) {
            /* In no order at all. */
            uint16_t start = (uint16_t)(((i * 77) % 200) * 8);
            d[l][i].value = start + l;
            assert_non_null(vmm_io_port_add_handler(
                lists[l], (ioport_range_t){ start, (uint16_t)(start + 3), 4 },
                interface_of(&d[l][i]), IOPORT_ADDR));
        }
    }
    for (unsigned port = 0; port < 1600; port++) {
        for (unsigned l = 0; l < 2; l++) {
            bool there = port % 8 < 4;
            assert_int_equal(emulate_io_handler(lists[l], port, true, 1, &data), there ? 0 : 1);
            if (port % 8 < 3) {
                assert_int_equal(emulate_io_handler(lists[l], port, true, 2, &data), 0);
                assert_int_equal(data, (port & ~7u) + l);
            }
        }
    }
    for (int i = 1; i < lists[0]->num_ioports; i++) {
        assert_true(lists[0]->ioports[i - 1]->range.end < lists[0]->ioports[i]->range.start);
    }
}

/* What native devices need: entries that move and come and go. */
static void test_move(void **state)
{
    struct device d = { .value = 5 };
    struct device other = { .value = 6 };
    unsigned data;
    (void)state;
    vmm_io_port_list_t *list = new_list(0x1010);
    ioport_entry_t *entry = vmmp_compat_io_port_allocate(list, 0x10, 0x40, interface_of(&d));
    assert_non_null(entry);
    assert_int_equal(entry->range.start, 0x1040);
    assert_non_null(vmm_io_port_add_handler(list, (ioport_range_t){ 0x3000, 0x300f, 16 },
                                            interface_of(&other), IOPORT_ADDR));
    assert_int_equal(vmmp_compat_io_port_move(list, entry, 0x2000, true), 0);
    assert_int_equal(emulate_io_handler(list, 0x1040, true, 1, &data), 1);
    assert_int_equal(emulate_io_handler(list, 0x200f, true, 1, &data), 0);
    assert_int_equal(d.port, 0x200f);
    assert_int_equal(vmmp_compat_io_port_move(list, entry, 0x2000, false), 0);
    assert_int_equal(emulate_io_handler(list, 0x2000, true, 1, &data), 1);
    assert_int_equal(list->num_ioports, 1);
    assert_int_equal(vmmp_compat_io_port_move(list, entry, 0x3008, true), -1);
    assert_int_equal(emulate_io_handler(list, 0x3008, true, 1, &data), 0);
    assert_int_equal(data, 6);
    assert_int_equal(vmmp_compat_io_port_move(list, entry, 0xfff8, true), -1);
    assert_int_equal(vmmp_compat_io_port_move(list, entry, 0xfff0, true), 0);
    assert_int_equal(entry->range.end, 0xffff);
    vmmp_compat_io_port_drop(list, entry);
    assert_int_equal(list->num_ioports, 1);
    assert_null(vmmp_compat_io_port_allocate(list, 0, 4, interface_of(&d)));
    assert_null(vmmp_compat_io_port_allocate(NULL, 4, 4, interface_of(&d)));
}

int test_compat_ioports(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_free_ranges),
        cmocka_unit_test(test_free_ranges_end),
        cmocka_unit_test(test_fixed_ranges),
        cmocka_unit_test(test_emulate),
        cmocka_unit_test(test_many_and_two_lists),
        cmocka_unit_test(test_move),
    };
    return cmocka_run_group_tests_name("compat_ioports", tests, NULL, NULL);
}
