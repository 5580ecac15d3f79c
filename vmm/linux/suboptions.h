/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Option values made of parts, such as "disk.img,ro,id=root": a first part without a name, and
 * named ones behind it, separated by commas; two commas stand for one that belongs to a part. Pure,
 * as options.h.
 *
 *     static const struct suboption rows[] = {
 *         { "ro", NULL, SUBOPTION_FLAG, offsetof(struct disk_options, read_only), 0, 0, NULL },
 *         { "queues", "N", SUBOPTION_NUMBER, offsetof(struct disk_options, queues), 1, 8, NULL },
 *         SUBOPTIONS_END,
 *     };
 *     suboptions_parse("--disk", value, "FILE", offsetof(struct disk_options, file), rows, &out,
 *                      message);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

/** Room for the text of one part, with its end. */
#define SUBOPTION_TEXT_MAX 256

/** What a part's value is, and the type of the member it is put into. */
enum suboption_type {
    SUBOPTION_FLAG,   /**< bool: true when the part is there; it has no value. */
    SUBOPTION_TEXT,   /**< char[SUBOPTION_TEXT_MAX], not empty. */
    SUBOPTION_NUMBER, /**< unsigned: decimal, from `low` to `high`. */
    SUBOPTION_SIZE,   /**< uint64_t: as options_parse_size(), from `low` to `high` bytes. */
    SUBOPTION_OTHER,  /**< `set` takes it. */
};

struct suboption {
    const char *name;
    const char *value; /**< What help calls its value; NULL for a flag. */
    enum suboption_type type;
    size_t member; /**< Offset into the structure that is filled in. */
    uint64_t low;
    uint64_t high;
    /**
     * SUBOPTION_OTHER: called with the structure and the value; on false it has written what is
     * wrong and what would be right, without the option's name in front.
     */
    bool (*set)(void *out, const char *value, char message[OPTIONS_MESSAGE]);
};

#define SUBOPTIONS_END                            \
    {                                             \
        NULL, NULL, SUBOPTION_FLAG, 0, 0, 0, NULL \
    }

/**
 * Fills in `out`, which holds the defaults. `first` is what messages call the first part, NULL if
 * all parts have names; it is put into the text member at `first_member`. `value` NULL or empty: no
 * parts. False with one line in `message`: a missing first part, an unknown part, a value that is
 * missing, too much, too long or out of range.
 */
bool suboptions_parse(const char *option, const char *value, const char *first, size_t first_member,
                      const struct suboption *rows, void *out, char message[OPTIONS_MESSAGE]);
