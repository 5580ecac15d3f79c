/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding room in what a memory map calls RAM. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/e820.h>

#define PLACEMENT_MAX 8

struct vmmp_placement {
    const struct vmmp_e820 *map;
    unsigned count;
    struct {
        uint64_t start;
        uint64_t end;
    } taken[PLACEMENT_MAX];
};

void vmmp_placement_init(struct vmmp_placement *placement, const struct vmmp_e820 *map);
/** Bytes of RAM below `end`. */
uint64_t vmmp_placement_ram(const struct vmmp_e820 *map, uint64_t end);

/* These take what they find; false: there is no such place. `end` is exclusive. */

/** Exactly there. */
bool vmmp_placement_take(struct vmmp_placement *placement, uint64_t start, uint64_t size,
                         uint64_t end);
/** The lowest place from `start` on. */
bool vmmp_placement_low(struct vmmp_placement *placement, uint64_t start, uint64_t end,
                        uint64_t alignment, uint64_t size, uint64_t *address);
/** The highest place below `end`; not below `start`. */
bool vmmp_placement_high(struct vmmp_placement *placement, uint64_t start, uint64_t end,
                         uint64_t alignment, uint64_t size, uint64_t *address);
