/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <inttypes.h>

/* Bytes above 0x7f are taken for UTF-8 as they are. */
static void put_text(struct json *json, const char *text)
{
    fputc('"', json->out);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(json->out, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            fprintf(json->out, "\\u%04x", (unsigned)*c);
        } else {
            fputc(*c, json->out);
        }
    }
    fputc('"', json->out);
}

static void begin_value(struct json *json, const char *name)
{
    if (json->follows) {
        fputs(", ", json->out);
    }
    json->follows = true;
    if (name) {
        put_text(json, name);
        fputs(": ", json->out);
    }
}

void json_begin(struct json *json, const char *name, char bracket)
{
    begin_value(json, name);
    fputc(bracket, json->out);
    json->follows = false;
}

void json_end(struct json *json, char bracket)
{
    fputc(bracket, json->out);
    json->follows = true;
}

void json_string(struct json *json, const char *name, const char *value)
{
    begin_value(json, name);
    put_text(json, value);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    begin_value(json, name);
    fprintf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin_value(json, name);
    fputs(value ? "true" : "false", json->out);
}
