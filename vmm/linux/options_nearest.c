/* SPDX-License-Identifier: BSD-2-Clause */
/* Guesses which word a mistyped one was meant to be. */
#include <string.h>

#include "options.h"

#define LONGEST 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours from `a` to `b`. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0];
    size_t *previous = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_length; j++) {
        previous[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = previous[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(previous[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = previous;
        previous = row;
        row = oldest;
    }
    return previous[b_length];
}

const char *options_nearest(const char *word, const char *const words[])
{
    const char *nearest = NULL;
    size_t best = LONGEST;
    size_t length = strlen(word);
    if (length > LONGEST) {
        return NULL;
    }
    for (size_t i = 0; words[i]; i++) {
        size_t other = strlen(words[i]);
        if (other > LONGEST) {
            continue;
        }
        size_t wrong = distance(word, length, words[i], other);
        if (wrong < best && wrong * 3 <= other) {
            best = wrong;
            nearest = words[i];
        }
    }
    return nearest;
}
