/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place that cuts accesses into the words of struct vmmp_word_ops. */
#pragma once

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
