/* SPDX-License-Identifier: BSD-2-Clause */
#include "suboptions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_ROWS 32

struct parser {
    const char *option;
    const struct suboption *rows;
    char *out;
    char *message;
};

static bool VMMP_PRINTF(2, 3) fail(const struct parser *parser, const char *format, ...)
{
    char text[OPTIONS_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(parser->message, OPTIONS_MESSAGE, "%s: %.*s", parser->option,
             OPTIONS_MESSAGE - SUBOPTION_TEXT_MAX, text);
    return false;
}

/* Takes the next part of `*rest` and moves on; false if it is too long. */
static bool next_part(const char **rest, char part[SUBOPTION_TEXT_MAX])
{
    const char *from = *rest;
    size_t length = 0;
    while (*from && (from[0] != ',' || from[1] == ',')) {
        from += from[0] == ',' ? 2 : 1;
        if (length < SUBOPTION_TEXT_MAX) {
            part[length++] = from[-1];
        }
    }
    *rest = *from ? from + 1 : NULL;
    if (length == SUBOPTION_TEXT_MAX) {
        part[SUBOPTION_TEXT_MAX - 1] = '\0';
        return false;
    }
    part[length] = '\0';
    return true;
}

static bool set_number(const struct parser *parser, const struct suboption *row, const char *value)
{
    unsigned long number;
    if (!options_parse_number(value, (unsigned long)row->low, (unsigned long)row->high, &number)) {
        return fail(parser, "%s=%s: must be a number from %llu to %llu", row->name, value,
                    (unsigned long long)row->low, (unsigned long long)row->high);
    }
    unsigned result = (unsigned)number;
    memcpy(parser->out + row->member, &result, sizeof(result));
    return true;
}

static bool set_size(const struct parser *parser, const struct suboption *row, const char *value)
{
    uint64_t size;
    if (!options_parse_size(value, &size)) {
        return fail(parser, "%s=%s: not a size: give a number with K, M or G, such as 64M",
                    row->name, value);
    }
    if (size < row->low || size > row->high) {
        return fail(parser, "%s=%s: must be from %llu to %llu bytes", row->name, value,
                    (unsigned long long)row->low, (unsigned long long)row->high);
    }
    memcpy(parser->out + row->member, &size, sizeof(size));
    return true;
}

static bool set_other(const struct parser *parser, const struct suboption *row, const char *value)
{
    char why[OPTIONS_MESSAGE];
    return row->set(parser->out, value, why) || fail(parser, "%s=%s: %s", row->name, value, why);
}

static bool set(const struct parser *parser, const struct suboption *row, const char *value)
{
    if (row->type == SUBOPTION_FLAG) {
        bool yes = true;
        memcpy(parser->out + row->member, &yes, sizeof(yes));
        return !value || fail(parser, "%s takes no value", row->name);
    }
    if (!value || !value[0]) {
        return fail(parser, "%s needs a value: %s=%s", row->name, row->name, row->value);
    }
    switch (row->type) {
    case SUBOPTION_NUMBER:
        return set_number(parser, row, value);
    case SUBOPTION_SIZE:
        return set_size(parser, row, value);
    case SUBOPTION_OTHER:
        return set_other(parser, row, value);
    default:
        memcpy(parser->out + row->member, value, strlen(value) + 1);
        return true;
    }
}

static bool unknown(const struct parser *parser, const char *name)
{
    const char *names[MOST_ROWS + 1];
    char list[SUBOPTION_TEXT_MAX] = "";
    size_t count = 0;
    for (const struct suboption *row = parser->rows; row->name && count < MOST_ROWS; row++) {
        names[count++] = row->name;
        size_t length = strlen(list);
        snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", row->name);
    }
    names[count] = NULL;
    const char *nearest = options_nearest(name, names);
    if (nearest) {
        return fail(parser, "unknown part '%s': did you mean %s?", name, nearest);
    }
    return count ? fail(parser, "unknown part '%s': it takes %s", name, list)
                 : fail(parser, "unknown part '%s': it takes none", name);
}

static bool take_named(const struct parser *parser, char *part)
{
    char *equals = strchr(part, '=');
    if (equals) {
        *equals = '\0';
    }
    for (const struct suboption *row = parser->rows; row->name; row++) {
        if (strcmp(row->name, part) == 0) {
            return set(parser, row, equals ? equals + 1 : NULL);
        }
    }
    return unknown(parser, part);
}

bool suboptions_parse(const char *option, const char *value, const char *first, size_t first_member,
                      const struct suboption *rows, void *out, char message[OPTIONS_MESSAGE])
{
    const struct parser parser = { option, rows, out, message };
    const char *rest = value && value[0] ? value : NULL;
    bool want_first = first != NULL;

    if (want_first && (!rest || (rest[0] == ',' && rest[1] != ','))) {
        return fail(&parser, "%s is missing: give %s %s", first, option, first);
    }
    while (rest) {
        char part[SUBOPTION_TEXT_MAX];
        if (!next_part(&rest, part)) {
            return fail(&parser, "a part of it is too long: at most %d characters",
                        SUBOPTION_TEXT_MAX - 1);
        }
        if (want_first) {
            memcpy((char *)out + first_member, part, strlen(part) + 1);
            want_first = false;
        } else if (!take_named(&parser, part)) {
            return false;
        }
    }
    return true;
}
