/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/version.h>

struct heard {
    unsigned lines;
    enum vmmp_log_level level;
    enum vmmp_log_origin origin;
    char message[VMMP_LOG_MAX];
};

static void listen(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                   const char *message)
{
    struct heard *heard = cookie;

    heard->lines++;
    heard->level = level;
    heard->origin = origin;
    strcpy(heard->message, message);
}

static void level_and_origin_reach_the_sink(void **state)
{
    struct heard heard = { 0 };
    struct vmmp_log log = { listen, &heard, VMMP_LOG_INFO };

    (void)state;
    vmmp_log(&log, VMMP_LOG_INFO, VMMP_LOG_CLIENT, "size %d: want %s", 3, "4");
    assert_int_equal(heard.lines, 1);
    assert_int_equal(heard.level, VMMP_LOG_INFO);
    assert_int_equal(heard.origin, VMMP_LOG_CLIENT);
    assert_string_equal(heard.message, "size 3: want 4");
    vmmp_log(&log, VMMP_LOG_DEBUG, VMMP_LOG_HOST, "not wanted");
    assert_int_equal(heard.lines, 1);
    vmmp_log(NULL, VMMP_LOG_ERROR, VMMP_LOG_HOST, "nobody listens");
    log.sink = NULL;
    vmmp_log(&log, VMMP_LOG_ERROR, VMMP_LOG_HOST, "nobody listens");
    assert_int_equal(heard.lines, 1);
}

static void long_messages_are_cut(void **state)
{
    struct heard heard = { 0 };
    struct vmmp_log log = { listen, &heard, VMMP_LOG_INFO };
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    vmmp_log(&log, VMMP_LOG_ERROR, VMMP_LOG_HOST, "%s", text);
    assert_int_equal(strlen(heard.message), VMMP_LOG_MAX - 1);
    struct vmmp_log_limit limit = { 15 };
    vmmp_log_guest(&log, &limit, "%s", text);
    assert_int_equal(strlen(heard.message), VMMP_LOG_MAX - 1);
    assert_int_equal(heard.lines, 2);
}

/* defects.md 40: a guest that repeats itself a million times is worth some thirty lines. */
static void guests_cannot_flood_the_log(void **state)
{
    struct heard heard = { 0 };
    struct vmmp_log log = { listen, &heard, VMMP_LOG_WARNING };
    struct vmmp_log_limit limit = { 0 };

    (void)state;
    for (int i = 0; i < 8; i++) {
        vmmp_log_guest(&log, &limit, "bad ring");
        assert_string_equal(heard.message, "bad ring");
    }
    assert_int_equal(heard.lines, 8);
    assert_int_equal(heard.origin, VMMP_LOG_GUEST);
    assert_int_equal(heard.level, VMMP_LOG_WARNING);
    for (int i = 8; i < 1000000; i++) {
        vmmp_log_guest(&log, &limit, "bad ring");
    }
    assert_int_equal(heard.lines, 8 + 16);
    assert_string_equal(heard.message, "bad ring (524288 times so far)");
}

static void names_are_words(void **state)
{
    (void)state;
    assert_string_equal(vmmp_log_level_name(VMMP_LOG_ERROR), "error");
    assert_string_equal(vmmp_log_level_name(VMMP_LOG_DEBUG), "debug");
    assert_string_equal(vmmp_log_level_name((enum vmmp_log_level)99), "unknown");
    assert_string_equal(vmmp_log_origin_name(VMMP_LOG_GUEST), "guest");
    assert_string_equal(vmmp_log_origin_name((enum vmmp_log_origin)99), "unknown");
}

static void the_version_matches_the_header(void **state)
{
    char expected[32];

    (void)state;
    snprintf(expected, sizeof(expected), "%d.%d.%d", VMMP_VERSION_MAJOR, VMMP_VERSION_MINOR,
             VMMP_VERSION_PATCH);
    assert_string_equal(vmmp_version(), expected);
}

int test_log(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_and_origin_reach_the_sink), cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(guests_cannot_flood_the_log),     cmocka_unit_test(names_are_words),
        cmocka_unit_test(the_version_matches_the_header),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
