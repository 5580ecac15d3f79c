/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/placement.h"

#include <stddef.h>
#include <string.h>

void vmmp_placement_init(struct vmmp_placement *placement, const struct vmmp_e820 *map)
{
    memset(placement, 0, sizeof(*placement));
    placement->map = map;
}

uint64_t vmmp_placement_ram(const struct vmmp_e820 *map, uint64_t end)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < map->count; i++) {
        const struct vmmp_e820_entry *entry = &map->entries[i];
        if (entry->type == VMMP_E820_RAM && entry->start < end) {
            total += entry->size < end - entry->start ? entry->size : end - entry->start;
        }
    }
    return total;
}

/* What of an entry may be used: [*start, *end). */
static bool usable(const struct vmmp_e820_entry *entry, uint64_t *start, uint64_t *end)
{
    if (entry->type != VMMP_E820_RAM) {
        return false;
    }
    *start = entry->start > *start ? entry->start : *start;
    uint64_t entry_end = entry->start + entry->size;
    *end = entry_end < *end ? entry_end : *end;
    return *start < *end;
}

/* What was taken and shares bytes with the `size` ones at `start`, or -1. */
static int find_taken(const struct vmmp_placement *placement, uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < placement->count; i++) {
        if (start < placement->taken[i].end && placement->taken[i].start < start + size) {
            return (int)i;
        }
    }
    return -1;
}

static bool take(struct vmmp_placement *placement, uint64_t start, uint64_t size)
{
    if (placement->count == PLACEMENT_MAX) {
        return false;
    }
    placement->taken[placement->count].start = start;
    placement->taken[placement->count++].end = start + size;
    return true;
}

bool vmmp_placement_take(struct vmmp_placement *placement, uint64_t start, uint64_t size,
                         uint64_t end)
{
    for (unsigned i = 0; i < placement->map->count; i++) {
        uint64_t at = start;
        uint64_t limit = end;
        if (usable(&placement->map->entries[i], &at, &limit) && at == start && size <= limit - at &&
            find_taken(placement, at, size) < 0) {
            return take(placement, at, size);
        }
    }
    return false;
}

bool vmmp_placement_low(struct vmmp_placement *placement, uint64_t start, uint64_t end,
                        uint64_t alignment, uint64_t size, uint64_t *address)
{
    for (unsigned i = 0; i < placement->map->count; i++) {
        uint64_t at = start;
        uint64_t limit = end;
        if (!usable(&placement->map->entries[i], &at, &limit)) {
            continue;
        }
        for (;;) {
            uint64_t skip = at % alignment ? alignment - at % alignment : 0;
            if (skip > limit - at || size > limit - at - skip) {
                break;
            }
            at += skip;
            int other = find_taken(placement, at, size);
            if (other < 0) {
                *address = at;
                return take(placement, at, size);
            }
            at = placement->taken[other].end;
            if (at >= limit) {
                break;
            }
        }
    }
    return false;
}

bool vmmp_placement_high(struct vmmp_placement *placement, uint64_t start, uint64_t end,
                         uint64_t alignment, uint64_t size, uint64_t *address)
{
    for (unsigned i = placement->map->count; i-- > 0;) {
        uint64_t low = start;
        uint64_t top = end;
        if (!usable(&placement->map->entries[i], &low, &top)) {
            continue;
        }
        while (top > low && size <= top - low) {
            uint64_t at = (top - size) - (top - size) % alignment;
            if (at < low) {
                break;
            }
            int other = find_taken(placement, at, size);
            if (other < 0) {
                *address = at;
                return take(placement, at, size);
            }
            top = placement->taken[other].start;
        }
    }
    return false;
}
