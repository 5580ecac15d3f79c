/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same scripts against this library's devices and QEMU's.
 *
 *     differential TABLE
 *
 * Fails over a difference that TABLE does not explain, which it prints as a row to be completed,
 * and over a row that explains none. tests/virtio/README.md says what the columns are.
 * Status 77: there is no QEMU.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define COLUMNS 7

struct row {
    char *column[COLUMNS]; /* device, transport, step, ours, qemu, section, why */
    unsigned line;
    unsigned explained;
};

struct table {
    struct row *rows;
    unsigned count;
    const char *path;
};

struct difference {
    enum machine_device device;
    enum machine_face face;
    char step[sizeof(((struct note *)NULL)->step)];
    char ours[sizeof(((struct note *)NULL)->value)];
    char qemus[sizeof(((struct note *)NULL)->value)];
};

struct result {
    unsigned steps;
    struct difference *differences;
    unsigned count;
};

/* ---- The table ---- */

_Noreturn static void bad_row(const struct table *table, unsigned line, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", table->path, line, what);
    exit(1);
}

static void parse_row(struct table *table, char *text, unsigned line)
{
    struct row *rows = realloc(table->rows, (table->count + 1) * sizeof(*rows));
    if (!rows) {
        bad_row(table, line, "no memory");
    }
    table->rows = rows;
    struct row *row = &rows[table->count++];
    *row = (struct row){ .line = line };
    for (unsigned i = 0; i < COLUMNS; i++) {
        row->column[i] = strsep(&text, ",");
        if (!row->column[i]) {
            bad_row(table, line, "has fewer than 7 columns");
        }
    }
    if (text) {
        bad_row(table, line, "has more than 7 columns; commas separate them");
    }
    if (strlen(row->column[5]) < 1 || strlen(row->column[6]) < 12) {
        bad_row(table, line, "does not say which section and why");
    }
}

static void read_table(struct table *table)
{
    char *text = NULL;
    size_t room = 0;
    unsigned line = 0;
    FILE *file = fopen(table->path, "r");
    if (!file) {
        perror(table->path);
        exit(1);
    }
    while (getline(&text, &room, file) > 0) {
        text[strcspn(text, "\n")] = '\0';
        if (++line == 1) {
            if (strcmp(text, "device,transport,step,ours,qemu,section,why") != 0) {
                bad_row(table, line, "the first line does not name the columns");
            }
            continue;
        }
        char *copy = strdup(text);
        if (!copy) {
            bad_row(table, line, "no memory");
        }
        parse_row(table, copy, line);
    }
    free(text);
    fclose(file);
}

static bool matches(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

static bool explains(const struct row *row, const struct difference *difference)
{
    const char *const texts[5] = { machine_devices[difference->device],
                                   machine_faces[difference->face], difference->step,
                                   difference->ours, difference->qemus };
    unsigned same = 0;
    while (same < 5 && matches(row->column[same], texts[same])) {
        same++;
    }
    return same == 5;
}

/* Rows from `first` on; the number of complaints, which are printed unless it is a rehearsal. */
static unsigned judge(const struct result *result, const struct table *table, unsigned first,
                      bool print)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < result->count; i++) {
        const struct difference *difference = &result->differences[i];
        bool explained = false;
        for (unsigned k = first; k < table->count; k++) {
            if (explains(&table->rows[k], difference)) {
                table->rows[k].explained++;
                explained = true;
            }
        }
        if (!explained) {
            wrong++;
            if (print) {
                printf("%s,%s,%s,%s,%s,,\n", machine_devices[difference->device],
                       machine_faces[difference->face], difference->step, difference->ours,
                       difference->qemus);
            }
        }
    }
    for (unsigned k = first; k < table->count; k++) {
        if (table->rows[k].explained == 0) {
            wrong++;
            if (print) {
                printf("%s:%u: explains no difference\n", table->path, table->rows[k].line);
            }
        }
    }
    return wrong;
}

/* A judge that lets everything pass would be none: a table without its first row is refused, and so
 * is one with a row for a difference that is not there. */
static bool judge_refuses(const struct result *result, const struct table *table)
{
    char idle[COLUMNS][32] = { "rng", "*", "no such step", "*", "*", "1", "" };
    struct row row = { .line = 0 };
    struct table other = { .rows = &row, .count = 1, .path = "" };
    const struct result none = { 0 };
    for (unsigned i = 0; i < COLUMNS; i++) {
        row.column[i] = idle[i];
    }
    return judge(&none, &other, 0, false) == 1 && judge(result, table, 1, false) > 0;
}

/* ---- Comparison ---- */

static const char *value_of(const struct notes *notes, const char *step)
{
    for (size_t i = 0; i < notes->count; i++) {
        if (strcmp(notes->list[i].step, step) == 0) {
            return notes->list[i].value;
        }
    }
    return "-";
}

static void compare_step(struct result *result, const struct machine *machine, const char *step,
                         const char *ours, const char *qemus)
{
    result->steps++;
    if (strcmp(ours, qemus) == 0) {
        return;
    }
    struct difference *all =
        realloc(result->differences, (result->count + 1) * sizeof(*result->differences));
    if (!all) {
        perror("differential");
        exit(1);
    }
    result->differences = all;
    struct difference *new = &all[result->count++];
    *new = (struct difference){ .device = machine->device, .face = machine->face };
    snprintf(new->step, sizeof(new->step), "%s", step);
    snprintf(new->ours, sizeof(new->ours), "%s", ours);
    snprintf(new->qemus, sizeof(new->qemus), "%s", qemus);
}

static void compare(struct result *result, const struct machine *machine, const struct notes *ours,
                    const struct notes *qemus)
{
    for (size_t i = 0; i < ours->count; i++) {
        const struct note *note = &ours->list[i];
        compare_step(result, machine, note->step, note->value, value_of(qemus, note->step));
    }
    for (size_t i = 0; i < qemus->count; i++) {
        const struct note *note = &qemus->list[i];
        if (strcmp(value_of(ours, note->step), "-") == 0) {
            compare_step(result, machine, note->step, "-", note->value);
        }
    }
}

static void compare_device(struct result *result, struct qemu *qemu, enum machine_device device,
                           enum machine_face face)
{
    struct notes ours = { 0 };
    struct notes qemus = { 0 };
    struct machine machine;

    qemu_machine(qemu, &machine, device);
    scripts_play(&machine, &qemus);
    machine_ours_make(&machine, device, face);
    scripts_play(&machine, &ours);
    compare(result, &machine, &ours, &qemus);
    machine_ours_unmake(&machine);
    free(ours.list);
    free(qemus.list);
}

static void compare_all(struct result *result)
{
    for (unsigned face = 0; face < FACES; face++) {
        struct qemu *qemu = qemu_start(face);
        for (unsigned device = 0; device < DEVICES; device++) {
            compare_device(result, qemu, device, face);
        }
        qemu_stop(qemu);
    }
}

int main(int argc, char **argv)
{
    struct result result = { 0 };
    struct table table = { .path = argv[1] };
    char version[128];
    if (argc != 2) {
        fprintf(stderr, "usage: differential TABLE\n");
        return 2;
    }
    if (!qemu_version(version, sizeof(version))) {
        printf("skipped: qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)\n");
        return 77;
    }
    read_table(&table);
    compare_all(&result);
    unsigned wrong = judge(&result, &table, 0, true);
    if (wrong == 0 && !judge_refuses(&result, &table)) {
        printf("a table was accepted that is to be refused\n");
        wrong++;
    }
    printf("%u steps, %u differ from %s, %u rows explain them, %u complaints\n", result.steps,
           result.count, version, table.count, wrong);
    for (unsigned i = 0; i < table.count; i++) {
        free(table.rows[i].column[0]);
    }
    free(table.rows);
    free(result.differences);
    return wrong > 0;
}
