/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMM's own keys: vmm/linux/keys.c. */
#include "linux/keys.h"

#include <string.h>

#include "vmmp_test.h"

struct seen {
    unsigned count;
    enum keys_command commands[8];
};

static void record(void *cookie, enum keys_command command)
{
    struct seen *seen = cookie;
    assert_true(seen->count < 8);
    seen->commands[seen->count++] = command;
}

/* What is left of `text`, given in pieces of `piece` bytes. */
static void filter(const char *text, size_t piece, char *left, struct seen *seen)
{
    struct keys keys = { .command = record, .cookie = seen };
    size_t size = strlen(text);
    size_t kept = 0;
    seen->count = 0;
    for (size_t at = 0; at < size; at += piece) {
        uint8_t bytes[64];
        size_t now = size - at < piece ? size - at : piece;
        memcpy(bytes, text + at, now);
        size_t n = keys_filter(&keys, bytes, now);
        memcpy(left + kept, bytes, n);
        kept += n;
    }
    left[kept] = '\0';
}

static void test_commands(void **state)
{
    struct seen seen;
    char left[64];
    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        filter("ab\001xcd\001h\001?\001s\001p\003ef", piece, left, &seen);
        assert_string_equal(left, "abcd\003ef");
        assert_int_equal(seen.count, 5);
        assert_int_equal(seen.commands[0], KEYS_QUIT);
        assert_int_equal(seen.commands[1], KEYS_HELP);
        assert_int_equal(seen.commands[2], KEYS_HELP);
        assert_int_equal(seen.commands[3], KEYS_STATS);
        assert_int_equal(seen.commands[4], KEYS_POWER_OFF);
    }
}

static void test_literal(void **state)
{
    struct seen seen;
    char left[64];
    (void)state;
    for (size_t piece = 1; piece < 8; piece++) {
        filter("\001\001x\001\001\001x", piece, left, &seen);
        assert_string_equal(left, "\001x\001");
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.commands[0], KEYS_QUIT);
    }
}

static void test_unknown_key_is_nothing(void **state)
{
    struct seen seen;
    char left[64];
    (void)state;
    filter("a\001zb", 64, left, &seen);
    assert_string_equal(left, "ab");
    assert_int_equal(seen.count, 0);
    assert_non_null(strstr(keys_help, "Ctrl-A x"));
}

int test_keys(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_literal),
        cmocka_unit_test(test_unknown_key_is_nothing),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
