/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place that cuts accesses into the words of struct vmmp_word_ops. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/window.h>

/* `offset` and `size` as a window gives them. */
uint64_t vmmp_words_read(const struct vmmp_word_ops *ops, void *device, uint64_t offset,
                         unsigned size);
void vmmp_words_write(const struct vmmp_word_ops *ops, void *device, uint64_t offset, unsigned size,
                      uint64_t value);

/* What a stored word becomes when a write touches `lanes` and only `writable` bits can change. */
static inline uint32_t words_merge(uint32_t old, uint32_t value, uint32_t lanes, uint32_t writable)
{
    lanes &= writable;
    return (old & ~lanes) | (value & lanes);
}

/* A register of bits with one that sets and one that clears them. All three read as the bits. */
struct word_bits {
    uint16_t state, set, clear;
};

/* The row that a register belongs to, NULL if it is none's. */
static inline const struct word_bits *word_bits_at(const struct word_bits *rows, unsigned count,
                                                   uint32_t offset)
{
    for (unsigned i = 0; i < count; i++) {
        if (offset == rows[i].state || offset == rows[i].set || offset == rows[i].clear) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What the bits become when one of the row's registers is written. */
static inline uint32_t word_bits_merge(const struct word_bits *row, uint32_t offset, uint32_t old,
                                       uint32_t value, uint32_t lanes)
{
    if (offset == row->set) {
        return old | value;
    }
    return offset == row->clear ? old & ~value : words_merge(old, value, lanes, UINT32_MAX);
}
