/* SPDX-License-Identifier: BSD-2-Clause */
/* Option values made of parts: vmm/linux/suboptions.c; and the replies' JSON: vmm/linux/json.c. */
#include "linux/suboptions.h"

#include <stdlib.h>
#include <string.h>

#include "linux/json.h"
#include "vmmp_test.h"

struct parts {
    char file[SUBOPTION_TEXT_MAX];
    char id[SUBOPTION_TEXT_MAX];
    bool read_only;
    unsigned queues;
    uint64_t rate;
    char colour;
};

static bool set_colour(void *out, const char *value, char message[OPTIONS_MESSAGE])
{
    struct parts *parts = out;
    parts->colour = value[0];
    snprintf(message, OPTIONS_MESSAGE, "must be red");
    return strcmp(value, "red") == 0;
}

static const struct suboption rows[] = {
    { "ro", NULL, SUBOPTION_FLAG, offsetof(struct parts, read_only), 0, 0, NULL },
    { "id", "ID", SUBOPTION_TEXT, offsetof(struct parts, id), 0, 0, NULL },
    { "queues", "N", SUBOPTION_NUMBER, offsetof(struct parts, queues), 1, 8, NULL },
    { "rate", "SIZE", SUBOPTION_SIZE, offsetof(struct parts, rate), 1024, 1 << 20, NULL },
    { "colour", "red", SUBOPTION_OTHER, 0, 0, 0, set_colour },
    SUBOPTIONS_END,
};

static bool parse(const char *value, struct parts *parts, char message[OPTIONS_MESSAGE])
{
    memset(parts, 0, sizeof(*parts));
    message[0] = '\0';
    return suboptions_parse("--disk", value, "FILE", offsetof(struct parts, file), rows, parts,
                            message);
}

static void test_good(void **state)
{
    struct parts parts;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_true(parse("a.img", &parts, message));
    assert_string_equal(parts.file, "a.img");
    assert_false(parts.read_only);
    assert_true(parse("a=b,,c,ro,id=x,,y,queues=8,rate=4K,colour=red", &parts, message));
    assert_string_equal(parts.file, "a=b,c");
    assert_true(parts.read_only);
    assert_string_equal(parts.id, "x,y");
    assert_int_equal(parts.queues, 8);
    assert_int_equal(parts.rate, 4096);
    assert_int_equal(parts.colour, 'r');
    assert_true(suboptions_parse("--rng", NULL, NULL, 0, rows, &parts, message));
    assert_true(suboptions_parse("--rng", "", NULL, 0, rows, &parts, message));
}

static void test_bad(void **state)
{
    static const struct {
        const char *value;
        const char *message;
    } bad[] = {
        { NULL, "--disk: FILE is missing: give --disk FILE" },
        { "", "--disk: FILE is missing: give --disk FILE" },
        { ",ro", "--disk: FILE is missing: give --disk FILE" },
        { "f,ro=1", "--disk: ro takes no value" },
        { "f,id", "--disk: id needs a value: id=ID" },
        { "f,id=", "--disk: id needs a value: id=ID" },
        { "f,queues=9", "--disk: queues=9: must be a number from 1 to 8" },
        { "f,queues=x", "--disk: queues=x: must be a number from 1 to 8" },
        { "f,rate=2M", "--disk: rate=2M: must be from 1024 to 1048576 bytes" },
        { "f,rate=fast",
          "--disk: rate=fast: not a size: give a number with K, M or G, such as 64M" },
        { "f,queue=2", "--disk: unknown part 'queue': did you mean queues?" },
        { "f,zzzz", "--disk: unknown part 'zzzz': it takes ro, id, queues, rate, colour" },
        { "f,", "--disk: unknown part '': it takes ro, id, queues, rate, colour" },
        { "f,colour=blue", "--disk: colour=blue: must be red" },
    };
    struct parts parts;
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(parse(bad[i].value, &parts, message));
        assert_string_equal(message, bad[i].message);
    }
}

static void test_length(void **state)
{
    char value[SUBOPTION_TEXT_MAX + 8];
    struct parts parts;
    char message[OPTIONS_MESSAGE];
    (void)state;
    memset(value, 'x', sizeof(value));
    value[SUBOPTION_TEXT_MAX - 1] = '\0';
    assert_true(parse(value, &parts, message));
    assert_int_equal(strlen(parts.file), SUBOPTION_TEXT_MAX - 1);
    value[SUBOPTION_TEXT_MAX - 1] = 'x';
    value[SUBOPTION_TEXT_MAX] = '\0';
    assert_false(parse(value, &parts, message));
    assert_string_equal(message, "--disk: a part of it is too long: at most 255 characters");
}

static void test_json(void **state)
{
    char *text = NULL;
    size_t size = 0;
    struct json json = { .out = open_memstream(&text, &size) };
    (void)state;
    json_begin(&json, NULL, '{');
    json_string(&json, "a\"b", "back\\slash\n\x01");
    json_begin(&json, "list", '[');
    json_number(&json, NULL, UINT64_MAX);
    json_bool(&json, NULL, true);
    json_begin(&json, NULL, '{');
    json_end(&json, '}');
    json_end(&json, ']');
    json_bool(&json, "no", false);
    json_end(&json, '}');
    fclose(json.out);
    assert_string_equal(text, "{\"a\\\"b\": \"back\\\\slash\\u000a\\u0001\", "
                              "\"list\": [18446744073709551615, true, {}], \"no\": false}");
    free(text);
}

int test_suboptions(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests_name("suboptions", tests, NULL, NULL);
}
