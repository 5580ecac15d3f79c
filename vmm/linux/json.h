/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes JSON (RFC 8259) in sequence to a stdio stream; commas and quotes come by themselves. A
 * member of an object has a name, an element of an array has NULL.
 *
 *     json_begin(&json, NULL, '{');
 *     json_number(&json, "cpus", 2);
 *     json_end(&json, '}');
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool follows; /**< Something stands before the next value, in the same brackets. */
};

/** `bracket` is '{' or '['. */
void json_begin(struct json *json, const char *name, char bracket);
/** `bracket` is '}' or ']'. */
void json_end(struct json *json, char bracket);
void json_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
