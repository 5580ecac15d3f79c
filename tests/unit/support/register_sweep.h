/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every word of a window of registers, in every width and at every alignment, against a table of
 * what it reads: at rest, after all-ones have been written to it, and after zeroes then.
 *
 *     static const struct sweep_row rows[] = {
 *         { 0x004, 0x0, 0xff, 0x0, 4, 0x10, 0 },         (four registers, 16 bytes apart)
 *         SWEEP_END
 *     };
 *     sweep_registers(&model.window, &(struct sweep){ rows, SWEEP_STORED, again, &model });
 */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/window.h>

/* A read has an effect: it is left out, the test has one of its own for it. */
#define SWEEP_READ_ACTS 1u
/* A write concerns the whole device, and is left out. */
#define SWEEP_WRITE_ACTS 2u

struct sweep_row {
    uint32_t offset;
    uint32_t reset, ones, zeroes;
    uint32_t count, stride; /* 0: one. */
    unsigned acts;
};
#define SWEEP_END    \
    {                \
        .count = ~0u \
    }
/* Words that hold what is written, and words that are not there. */
#define SWEEP_STORED                 \
    {                                \
        0, 0, UINT32_MAX, 0, 0, 0, 0 \
    }
#define SWEEP_NOTHING       \
    {                       \
        0, 0, 0, 0, 0, 0, 0 \
    }

struct sweep {
    const struct sweep_row *rows;
    struct sweep_row other;      /* Words that no row has. */
    void (*again)(void *cookie); /* Brings the device back to rest. */
    void *cookie;
};

static const struct sweep_row *sweep_row_of(const struct sweep *sweep, uint32_t offset)
{
    for (const struct sweep_row *row = sweep->rows; row->count != ~0u; row++) {
        uint32_t at = offset - row->offset;
        if (at == 0 || (row->stride && offset >= row->offset && at % row->stride == 0 &&
                        at / row->stride < row->count)) {
            return row;
        }
    }
    return &sweep->other;
}

static void sweep_expect(struct vmmp_window *window, uint32_t offset, unsigned size, uint64_t value,
                         const char *when)
{
    uint64_t got = vmmp_window_read(window, offset, size);
    if (got != value) {
        fail_msg("%s: %u bytes at 0x%x are 0x%llx %s, not 0x%llx", window->name, size,
                 (unsigned)offset, (unsigned long long)got, when, (unsigned long long)value);
    }
}

/* The word at `offset`, in every width that lies inside it. */
static void sweep_expect_word(struct vmmp_window *window, uint32_t offset, uint32_t value,
                              const char *when)
{
    for (unsigned size = 1; size <= 4; size *= 2) {
        for (unsigned at = 0; at + size <= 4; at++) {
            uint64_t part = value >> (8 * at) & vmmp_all_ones(size);
            sweep_expect(window, offset + at, size, part, when);
        }
    }
}

/* Accesses that begin in the word at `offset` and end in others. */
static void sweep_expect_wide(const struct sweep *sweep, struct vmmp_window *window,
                              uint32_t offset)
{
    uint8_t bytes[12] = { 0 };
    for (uint32_t i = 0; i < 3 && offset + 4 * i < window->size; i++) {
        const struct sweep_row *row = sweep_row_of(sweep, offset + 4 * i);
        for (unsigned n = 0; n < 4; n++) {
            bytes[4 * i + n] = (uint8_t)(row->reset >> (8 * n));
        }
        if (row->acts & SWEEP_READ_ACTS) {
            return;
        }
    }
    for (unsigned size = 2; size <= 8; size *= 2) {
        for (unsigned at = 0; at < 4 && offset + at + size <= window->size; at++) {
            uint64_t value = 0;
            for (unsigned n = 0; n < size; n++) {
                value |= (uint64_t)bytes[at + n] << (8 * n);
            }
            sweep_expect(window, offset + at, size, value, "at rest");
        }
    }
}

static void sweep_written(const struct sweep *sweep, const struct sweep_row *row,
                          struct vmmp_window *window, uint32_t offset)
{
    for (unsigned size = 4; size > 0; size /= 2) {
        if (row != &sweep->other) {
            sweep->again(sweep->cookie);
        }
        for (unsigned at = 0; at < 4; at += size) {
            vmmp_window_write(window, offset + at, size, vmmp_all_ones(size));
        }
        sweep_expect_word(window, offset, row->ones, "after all-ones");
        for (unsigned at = 0; at < 4; at += size) {
            vmmp_window_write(window, offset + at, size, 0);
        }
        sweep_expect_word(window, offset, row->zeroes, "after zeroes");
    }
}

static void sweep_registers(struct vmmp_window *window, const struct sweep *sweep)
{
    for (int round = 0; round < 2; round++) {
        for (uint32_t offset = 0; offset < window->size; offset += 4) {
            const struct sweep_row *row = sweep_row_of(sweep, offset);
            if (!(row->acts & SWEEP_READ_ACTS)) {
                sweep_expect_word(window, offset, row->reset, "at rest");
                sweep_expect_wide(sweep, window, offset);
            }
        }
        for (uint32_t offset = 0; round == 0 && offset < window->size; offset += 4) {
            const struct sweep_row *row = sweep_row_of(sweep, offset);
            if (!row->acts) {
                sweep_written(sweep, row, window, offset);
            }
        }
        sweep->again(sweep->cookie);
    }
}
