/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/e820.h>

#include <errno.h>
#include <stddef.h>

/* Entries are cut up into this before it is known how many remain. */
struct builder {
    unsigned count;
    struct vmmp_e820_entry entries[VMMP_E820_ENTRIES + 2];
};

void vmmp_e820_init(struct vmmp_e820 *map)
{
    map->count = 0;
}

/* Appends [start, end), or lengthens what it continues. */
static void append(struct builder *to, uint64_t start, uint64_t end, enum vmmp_e820_type type)
{
    struct vmmp_e820_entry *last = to->count ? &to->entries[to->count - 1] : NULL;

    if (start >= end) {
        return;
    }
    if (last && last->type == type && last->start + last->size == start) {
        last->size += end - start;
        return;
    }
    to->entries[to->count++] =
        (struct vmmp_e820_entry){ .start = start, .size = end - start, .type = type };
}

int vmmp_e820_add(struct vmmp_e820 *map, uint64_t start, uint64_t size, enum vmmp_e820_type type)
{
    struct builder to = { 0 };
    uint64_t end = start + size;
    unsigned i = 0;

    if (end <= start) {
        return -EINVAL;
    }
    /* At most one entry is cut in two, and one is new: two more than there were. */
    for (; i < map->count && map->entries[i].start < start; i++) {
        const struct vmmp_e820_entry *old = &map->entries[i];
        uint64_t old_end = old->start + old->size;
        append(&to, old->start, old_end < start ? old_end : start, old->type);
        if (old_end > end) {
            break; /* Its rest follows. */
        }
    }
    append(&to, start, end, type);
    for (; i < map->count; i++) {
        const struct vmmp_e820_entry *old = &map->entries[i];
        append(&to, old->start > end ? old->start : end, old->start + old->size, old->type);
    }
    if (to.count > VMMP_E820_ENTRIES) {
        return -ENOSPC;
    }
    map->count = to.count;
    for (i = 0; i < to.count; i++) {
        map->entries[i] = to.entries[i];
    }
    return 0;
}
