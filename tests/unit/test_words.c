/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include "bus/words.h"

struct visit {
    uint32_t offset;
    uint32_t value;
    uint32_t lanes;
};

struct device {
    struct visit visits[4];
    unsigned count;
};

/* A word at 0xNN reads 0x33+NN, 0x22+NN, 0x11+NN, NN from its highest byte down. */
static uint32_t device_read(void *cookie, uint32_t offset, uint32_t lanes)
{
    struct device *device = cookie;
    device->visits[device->count++] = (struct visit){ offset, 0, lanes };
    return 0x33221100 + offset * 0x01010101;
}

static void device_write(void *cookie, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct device *device = cookie;
    device->visits[device->count++] = (struct visit){ offset, value, lanes };
}

static const struct vmmp_word_ops ops = { device_read, device_write };

static void expect(struct device *device, unsigned at, uint32_t offset, uint32_t value,
                   uint32_t lanes)
{
    assert_true(at < device->count);
    assert_int_equal(device->visits[at].offset, offset);
    assert_int_equal(device->visits[at].value, value);
    assert_int_equal(device->visits[at].lanes, lanes);
}

static void words_are_visited_once_in_order(void **state)
{
    struct device device = { .count = 0 };

    (void)state;
    assert_int_equal(vmmp_words_read(&ops, &device, 4, 4), 0x37261504);
    assert_int_equal(device.count, 1);
    expect(&device, 0, 4, 0, UINT32_MAX);
    device.count = 0;
    assert_int_equal(vmmp_words_read(&ops, &device, 8, 8), 0x3f2e1d0c3b2a1908);
    assert_int_equal(device.count, 2);
    expect(&device, 0, 8, 0, UINT32_MAX);
    expect(&device, 1, 12, 0, UINT32_MAX);
    device.count = 0;
    vmmp_words_write(&ops, &device, 8, 8, 0x8877665544332211);
    assert_int_equal(device.count, 2);
    expect(&device, 0, 8, 0x44332211, UINT32_MAX);
    expect(&device, 1, 12, 0x88776655, UINT32_MAX);
}

static void parts_of_words_keep_their_lanes(void **state)
{
    struct device device = { .count = 0 };

    (void)state;
    assert_int_equal(vmmp_words_read(&ops, &device, 6, 1), 0x26);
    expect(&device, 0, 4, 0, 0x00ff0000);
    device.count = 0;
    /* Across three words. */
    assert_int_equal(vmmp_words_read(&ops, &device, 3, 8), 0x2a19083726150433);
    assert_int_equal(device.count, 3);
    expect(&device, 0, 0, 0, 0xff000000);
    expect(&device, 1, 4, 0, UINT32_MAX);
    expect(&device, 2, 8, 0, 0x00ffffff);
    device.count = 0;
    vmmp_words_write(&ops, &device, 6, 4, 0xddccbbaa);
    assert_int_equal(device.count, 2);
    expect(&device, 0, 4, 0xbbaa0000, 0xffff0000);
    expect(&device, 1, 8, 0x0000ddcc, 0x0000ffff);
}

static void a_write_changes_what_is_writable(void **state)
{
    (void)state;
    assert_int_equal(words_merge(0x11223344, 0xaabbccdd, UINT32_MAX, 0x00ffff00), 0x11bbcc44);
    assert_int_equal(words_merge(0x11223344, 0x0000cc00, 0x0000ff00, 0x00ffff00), 0x1122cc44);
    assert_int_equal(words_merge(0x11223344, 0xaabbccdd, UINT32_MAX, 0), 0x11223344);
}

int test_words(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_visited_once_in_order),
        cmocka_unit_test(parts_of_words_keep_their_lanes),
        cmocka_unit_test(a_write_changes_what_is_writable),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
