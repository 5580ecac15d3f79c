/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <stdlib.h>
#include <string.h>

#include <hosted/stats.h>
#include <hosted/trace.h>

static void test_counts_by_kind(void **state)
{
    (void)state;
    struct hosted_vcpu_stats stats = { 0 };
    for (unsigned kind = 0; kind < HOSTED_EXIT_KINDS; kind++) {
        for (unsigned i = 0; i <= kind; i++) {
            hosted_stats_count(&stats, (enum hosted_exit_kind)kind);
        }
    }
    for (unsigned kind = 0; kind < HOSTED_EXIT_KINDS; kind++) {
        assert_int_equal(hosted_stats_exits(&stats, (enum hosted_exit_kind)kind), kind + 1);
    }
    assert_int_equal(hosted_stats_exits_total(&stats),
                     HOSTED_EXIT_KINDS * (HOSTED_EXIT_KINDS + 1) / 2);
    assert_int_equal(stats.recorded, 0);
}

static void test_last_exits_oldest_first(void **state)
{
    (void)state;
    struct hosted_vcpu_stats stats = { 0 };
    struct hosted_exit last[HOSTED_LAST_EXITS];
    assert_int_equal(hosted_stats_last_exits(&stats, last), 0);
    hosted_stats_exit_value(&stats, 7); /* Nothing to complete: nothing happens. */
    for (uint64_t i = 1; i <= 40; i++) {
        struct hosted_exit exit = { .kind = HOSTED_EXIT_MMIO_READ, .size = 4, .address = i };
        hosted_stats_exit(&stats, &exit);
        hosted_stats_exit_value(&stats, 100 + i);
        unsigned count = hosted_stats_last_exits(&stats, last);
        unsigned expected = i < HOSTED_LAST_EXITS ? (unsigned)i : HOSTED_LAST_EXITS;
        assert_int_equal(count, expected);
        for (unsigned j = 0; j < count; j++) {
            assert_int_equal(last[j].address, i - count + 1 + j);
            assert_int_equal(last[j].value, 100 + last[j].address);
            assert_int_equal(last[j].size, 4);
        }
    }
    assert_int_equal(hosted_stats_exits(&stats, HOSTED_EXIT_MMIO_READ), 40);
}

static void test_names_are_distinct(void **state)
{
    (void)state;
    for (unsigned a = 0; a < HOSTED_EXIT_KINDS; a++) {
        const char *name = hosted_exit_kind_name((enum hosted_exit_kind)a);
        assert_non_null(name);
        assert_string_not_equal(name, "unknown");
        for (unsigned b = 0; b < a; b++) {
            assert_string_not_equal(name, hosted_exit_kind_name((enum hosted_exit_kind)b));
        }
    }
    assert_string_equal(hosted_exit_kind_name(HOSTED_EXIT_KINDS), "unknown");
}

static void test_format(void **state)
{
    (void)state;
    char text[HOSTED_EXIT_TEXT];
    struct hosted_exit exit = {
        .kind = HOSTED_EXIT_MMIO_WRITE, .size = 4, .address = 0x9000000, .value = 0x41
    };
    hosted_exit_format(&exit, text);
    assert_string_equal(text, "mmio-write 0x9000000 size 4 value 0x41");
    exit.has_pc = true;
    exit.pc = 0xffff800010123456u;
    hosted_exit_format(&exit, text);
    assert_string_equal(text, "mmio-write 0x9000000 size 4 value 0x41 pc 0xffff800010123456");
    exit = (struct hosted_exit){ .kind = HOSTED_EXIT_SYSTEM_EVENT, .address = 1 };
    hosted_exit_format(&exit, text);
    assert_string_equal(text, "system-event 0x1 value 0x0");
    /* The longest there is fits whole. */
    exit = (struct hosted_exit){
        255, 255, true, UINT64_MAX, UINT64_MAX, UINT64_MAX,
    };
    exit.kind = HOSTED_EXIT_SYSTEM_EVENT;
    hosted_exit_format(&exit, text);
    assert_string_equal(text, "system-event 0xffffffffffffffff size 255 value 0xffffffffffffffff "
                              "pc 0xffffffffffffffff");
}

static char *printed(void (*print)(const struct hosted_vcpu_stats *, unsigned, FILE *),
                     const struct hosted_vcpu_stats *stats)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    print(stats, 3, file);
    fclose(file);
    return text;
}

static void test_print(void **state)
{
    (void)state;
    struct hosted_vcpu_stats stats = { 0 };
    struct hosted_exit exit = {
        .kind = HOSTED_EXIT_MMIO_READ, .size = 1, .address = 0x10, .value = 0xff
    };
    hosted_stats_exit(&stats, &exit);
    exit.kind = HOSTED_EXIT_MMIO_WRITE;
    hosted_stats_exit(&stats, &exit);
    hosted_stats_count(&stats, HOSTED_EXIT_INTERRUPTED);
    char *text = printed(hosted_stats_print, &stats);
    assert_string_equal(text, "vcpu3 exits mmio-read 1\nvcpu3 exits mmio-write 1\n"
                              "vcpu3 exits interrupted 1\nvcpu3 exits total 3\n");
    free(text);
    text = printed(hosted_stats_print_last, &stats);
    assert_string_equal(text, "vcpu3 -2 mmio-read 0x10 size 1 value 0xff\n"
                              "vcpu3 -1 mmio-write 0x10 size 1 value 0xff\n");
    free(text);
}

static void test_trace(void **state)
{
    (void)state;
    struct hosted_trace trace;
    struct hosted_exit exit = { .kind = HOSTED_EXIT_DEBUG, .address = 1, .has_pc = true, .pc = 2 };
    char *text = NULL;
    size_t size = 0;
    hosted_trace_init(&trace, NULL);
    assert_false(hosted_trace_enabled(&trace));
    assert_false(hosted_trace_enabled(NULL));
    hosted_trace_exit(&trace, 0, &exit);
    hosted_trace_exit(NULL, 0, &exit);

    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    hosted_trace_init(&trace, file);
    assert_true(hosted_trace_enabled(&trace));
    hosted_trace_exit(&trace, 5, &exit);
    hosted_trace_exit(&trace, 6, &exit);
    fclose(file);
    unsigned seconds, ns, vcpu;
    char rest[64];
    char *second = strchr(text, '\n') + 1;
    assert_int_equal(sscanf(text, "%u.%9u vcpu%u %63[^\n]", &seconds, &ns, &vcpu, rest), 4);
    assert_int_equal(vcpu, 5);
    assert_string_equal(rest, "debug 0x1 value 0x0 pc 0x2");
    assert_true(seconds < 60);
    assert_int_equal(sscanf(second, "%u.%9u vcpu%u %63[^\n]", &seconds, &ns, &vcpu, rest), 4);
    assert_int_equal(vcpu, 6);
    assert_string_equal(strchr(second, '\n'), "\n");
    free(text);
}

int test_stats(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_by_kind),
        cmocka_unit_test(test_last_exits_oldest_first),
        cmocka_unit_test(test_names_are_distinct),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_trace),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
