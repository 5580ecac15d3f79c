/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guarded devices of this board share: masks of one page of registers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/arch/ac_device.h>

#define PAGE_BYTES 0x1000

/* A byte image of a page's registers: 1 where the guest may write. */
struct page_mask {
    uint8_t bytes[PAGE_BYTES];
};

static inline void page_mask_set(struct page_mask *mask, uint32_t offset, uint32_t bits, bool allow)
{
    for (unsigned i = 0; i < 4; i++) {
        uint8_t part = (uint8_t)(bits >> (8 * i));
        uint8_t *byte = &mask->bytes[offset + i];
        *byte = (uint8_t)(allow ? *byte | part : *byte & ~part);
    }
}
