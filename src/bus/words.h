/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices whose registers are 32-bit words, and one place that cuts accesses of any size and
 * alignment into them. A word is a register's offset, a multiple of 4, and its lanes: the bits of
 * those bytes that the access touches. Words that an access touches are visited once, ascending.
 */
#pragma once

#include <stdint.h>

struct words_ops {
    /* The whole word. Side effects belong to the bytes in `lanes`. */
    uint32_t (*read)(void *device, uint32_t offset, uint32_t lanes);
    /* `value` has no bits outside `lanes`. */
    void (*write)(void *device, uint32_t offset, uint32_t value, uint32_t lanes);
};

/* `offset` and `size` as a window gives them. */
uint64_t vmmp_words_read(const struct words_ops *ops, void *device, uint64_t offset, unsigned size);
void vmmp_words_write(const struct words_ops *ops, void *device, uint64_t offset, unsigned size,
                      uint64_t value);

/* What a stored word becomes when a write touches `lanes` and only `writable` bits can change. */
static inline uint32_t words_merge(uint32_t old, uint32_t value, uint32_t lanes, uint32_t writable)
{
    lanes &= writable;
    return (old & ~lanes) | (value & lanes);
}
