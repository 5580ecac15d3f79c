/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/word_store.h>

#include <errno.h>

#include "vmmp_test.h"

static void test_holds_what_is_written(void **state)
{
    uint32_t words[4] = { 0, 0x11223344, 0, 0 };
    struct vmmp_word_store store;
    struct vmmp_word_store_config config = { .name = "store", .words = words, .count = 4 };
    (void)state;
    assert_int_equal(vmmp_word_store_init(&store, &config), 0);
    assert_int_equal(store.window.size, 16);
    assert_int_equal(vmmp_window_read(&store.window, 4, 4), 0x11223344);
    vmmp_window_write(&store.window, 5, 2, 0xaabb);
    assert_int_equal(vmmp_window_read(&store.window, 4, 4), 0x11aabb44);
    vmmp_window_write(&store.window, 6, 4, 0x01020304); /* Over two words. */
    assert_int_equal(vmmp_window_read(&store.window, 4, 8), UINT64_C(0x01020304bb44));
    assert_int_equal(words[3], 0);
    vmmp_word_store_fini(&store);
}

static void count(void *cookie, uint32_t index)
{
    unsigned *written = cookie;
    written[index]++;
}

static void test_tells_of_writes(void **state)
{
    uint32_t words[3] = { 0 };
    unsigned written[3] = { 0 };
    struct vmmp_word_store store;
    struct vmmp_word_store_config config = {
        .name = "store", .words = words, .count = 3, .written = count, .cookie = written
    };
    (void)state;
    assert_int_equal(vmmp_word_store_init(&store, &config), 0);
    vmmp_window_write(&store.window, 4, 8, 1);
    vmmp_window_write(&store.window, 9, 1, 1);
    (void)vmmp_window_read(&store.window, 0, 4);
    assert_int_equal(written[0], 0);
    assert_int_equal(written[1], 1);
    assert_int_equal(written[2], 2);
    vmmp_word_store_fini(&store);
}

static void test_read_only(void **state)
{
    uint32_t words[1] = { 7 };
    struct vmmp_word_store store;
    struct vmmp_word_store_config config = {
        .name = "store", .words = words, .count = 1, .read_only = true
    };
    (void)state;
    assert_int_equal(vmmp_word_store_init(&store, &config), 0);
    vmmp_window_write(&store.window, 0, 4, 1);
    assert_int_equal(vmmp_window_read(&store.window, 0, 4), 7);
    vmmp_word_store_fini(&store);
    config.count = 0;
    assert_int_equal(vmmp_word_store_init(&store, &config), -EINVAL);
}

int test_word_store(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_what_is_written),
        cmocka_unit_test(test_tells_of_writes),
        cmocka_unit_test(test_read_only),
    };
    return cmocka_run_group_tests_name("word_store", tests, NULL, NULL);
}
