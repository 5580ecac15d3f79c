/* SPDX-License-Identifier: BSD-2-Clause */
/* What ACPICA's iasl says of tables, found as a guest does. */
#pragma once

#include "vmmp_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables as they are in guest memory; the RSDP comes first. */
struct iasl_area {
    const uint8_t *bytes;
    uint64_t base;
    size_t size;
};

static inline uint64_t iasl_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* A table that is wholly in the area. */
static inline const uint8_t *iasl_table(const struct iasl_area *area, uint64_t address)
{
    assert_in_range(address, area->base, area->base + area->size - 8);
    const uint8_t *table = area->bytes + (address - area->base);
    assert_in_range(iasl_get(table + 4, 4), 8, area->size - (address - area->base));
    return table;
}

/* Runs a line in `folder`; fails the test unless iasl has nothing to complain of. */
static inline void iasl_run(const char *folder, const char *what, const char *arguments)
{
    char line[512];
    char said[4096];
    snprintf(line, sizeof(line), "cd %s && iasl %s 2>&1", folder, arguments);
    FILE *out = popen(line, "r");
    assert_non_null(out);
    size_t count = fread(said, 1, sizeof(said) - 1, out);
    said[count] = 0;
    int status = pclose(out);
    bool good = status == 0 && !strstr(said, "Could not") && !strstr(said, "Invalid") &&
                (!strstr(arguments, "-tc") || strstr(said, "0 Errors, 0 Warnings"));
    if (!good) {
        fail_msg("%s: iasl %s: %s", what, arguments, said);
    }
}

/* Takes a table apart and puts it together again. */
static inline void iasl_judge_table(const char *folder, const uint8_t *table)
{
    char name[128];
    char command[64];
    char signature[5] = { 0 };
    size_t size = (size_t)iasl_get(table + 4, 4);
    memcpy(signature, table, 4);
    snprintf(name, sizeof(name), "%s/%s.aml", folder, signature);
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(table, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command), "-d %s.aml", signature);
    iasl_run(folder, signature, command);
    snprintf(command, sizeof(command), "-tc %s.dsl", signature);
    iasl_run(folder, signature, command);
}

/* Fails the test unless iasl has nothing to say of any table; skips it where there is no iasl. */
static inline void iasl_judge(const struct iasl_area *area)
{
    char folder[] = "acpi-XXXXXX";
    char remove[64];
    if (system("iasl -v >/dev/null 2>&1") != 0) {
        print_message("skipped: iasl is not installed (package acpica-tools)\n");
        skip();
    }
    assert_non_null(mkdtemp(folder));
    const uint8_t *xsdt = iasl_table(area, iasl_get(area->bytes + 24, 8));
    iasl_judge_table(folder, xsdt);
    iasl_judge_table(folder, iasl_table(area, iasl_get(area->bytes + 16, 4)));
    for (size_t i = 36; i < iasl_get(xsdt + 4, 4); i += 8) {
        const uint8_t *table = iasl_table(area, iasl_get(xsdt + i, 8));
        iasl_judge_table(folder, table);
        if (memcmp(table, "FACP", 4) == 0) {
            iasl_judge_table(folder, iasl_table(area, iasl_get(table + 36, 4)));
            iasl_judge_table(folder, iasl_table(area, iasl_get(table + 40, 4)));
        }
    }
    snprintf(remove, sizeof(remove), "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}
