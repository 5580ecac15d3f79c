/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/pci_decoder.h"

#include <string.h>

#include <sel4vmmplatsupport/vmmp/window.h>

/*
 * Readers never wait. They read the current table and then check that it still is: the writer
 * touches the table of generation g only after it has published g + 1. The writer's stores into a
 * table are releases and the readers' loads acquires, so that a reader that saw any of them also
 * sees the newer generation, and looks again.
 */

struct hit {
    uint32_t start;
    uint32_t last;
    uint32_t bar_start;
    struct vmmp_window *window;
};

static void segment_load(const struct vmmp_pci_segment *segment, struct hit *hit)
{
    hit->start = __atomic_load_n(&segment->start, __ATOMIC_ACQUIRE);
    hit->last = __atomic_load_n(&segment->last, __ATOMIC_ACQUIRE);
    hit->bar_start = __atomic_load_n(&segment->bar_start, __ATOMIC_ACQUIRE);
    hit->window = __atomic_load_n(&segment->window, __ATOMIC_ACQUIRE);
}

static void segment_store(struct vmmp_pci_segment *segment, const struct hit *hit)
{
    __atomic_store_n(&segment->start, hit->start, __ATOMIC_RELEASE);
    __atomic_store_n(&segment->last, hit->last, __ATOMIC_RELEASE);
    __atomic_store_n(&segment->bar_start, hit->bar_start, __ATOMIC_RELEASE);
    __atomic_store_n(&segment->window, hit->window, __ATOMIC_RELEASE);
}

static bool hit_contains(const struct hit *hit, uint32_t offset)
{
    return hit->window && offset >= hit->start && offset <= hit->last;
}

void vmmp_pci_decoder_init(struct vmmp_pci_decoder *decoder)
{
    memset(decoder, 0, sizeof(*decoder));
}

/* ---- the writer ---------------------------------------------------------------------------- */

static struct vmmp_pci_table *next_table(struct vmmp_pci_decoder *decoder)
{
    return &decoder->tables[(decoder->generation + 1) & 1];
}

void vmmp_pci_decoder_begin(struct vmmp_pci_decoder *decoder)
{
    struct vmmp_pci_table *table = next_table(decoder);
    const struct hit empty = { 0 };
    for (uint32_t i = 0; i < table->count; i++) {
        segment_store(&table->segments[i], &empty);
    }
    __atomic_store_n(&table->count, 0, __ATOMIC_RELEASE);
}

static void insert(struct vmmp_pci_table *table, uint32_t at, const struct hit *hit)
{
    for (uint32_t i = table->count; i > at; i--) {
        struct hit moved;
        segment_load(&table->segments[i - 1], &moved);
        segment_store(&table->segments[i], &moved);
    }
    segment_store(&table->segments[at], hit);
    __atomic_store_n(&table->count, table->count + 1, __ATOMIC_RELEASE);
}

/*
 * Fills the gaps that earlier BARs have left in [start, last]. n BARs have 2n ends, which bound
 * fewer than 2n pieces: the table cannot overflow.
 */
void vmmp_pci_decoder_add(struct vmmp_pci_decoder *decoder, uint32_t start, uint32_t last,
                          struct vmmp_window *window)
{
    struct vmmp_pci_table *table = next_table(decoder);
    uint64_t cursor = start;
    uint32_t i = 0;
    while (i < table->count && table->segments[i].last < start) {
        i++;
    }
    while (cursor <= last) {
        if (i < table->count && table->segments[i].start <= cursor) {
            cursor = (uint64_t)table->segments[i].last + 1;
            i++;
            continue;
        }
        uint32_t end = last;
        if (i < table->count && table->segments[i].start <= last) {
            end = table->segments[i].start - 1;
        }
        struct hit piece = { (uint32_t)cursor, end, start, window };
        insert(table, i, &piece);
        i++;
        cursor = (uint64_t)end + 1;
    }
}

void vmmp_pci_decoder_publish(struct vmmp_pci_decoder *decoder)
{
    __atomic_store_n(&decoder->generation, decoder->generation + 1, __ATOMIC_RELEASE);
}

/* ---- readers ------------------------------------------------------------------------------- */

/* `hit->window` is NULL if no BAR answers. */
static void search(struct vmmp_pci_decoder *decoder, const struct vmmp_pci_table *table,
                   uint32_t offset, struct hit *hit)
{
    uint32_t low = 0;
    uint32_t high = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        segment_load(&table->segments[middle], hit);
        if (hit_contains(hit, offset)) {
            __atomic_store_n(&decoder->hint, middle, __ATOMIC_RELAXED);
            return;
        }
        if (offset < hit->start) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    hit->window = NULL;
}

static void look_up(struct vmmp_pci_decoder *decoder, const struct vmmp_pci_table *table,
                    uint32_t offset, struct hit *hit)
{
    segment_load(&table->segments[__atomic_load_n(&decoder->hint, __ATOMIC_RELAXED)], hit);
    if (!hit_contains(hit, offset)) {
        search(decoder, table, offset, hit);
    }
}

/*
 * Who answers at each byte of an access. True: hits[0] has all of it, as nearly always. All bytes
 * are looked up in one table, so that a device that is being moved answers wholly or not at all.
 */
static bool resolve(struct vmmp_pci_decoder *decoder, uint32_t offset, unsigned size,
                    struct hit hits[8])
{
    for (;;) {
        uint32_t generation = __atomic_load_n(&decoder->generation, __ATOMIC_ACQUIRE);
        const struct vmmp_pci_table *table = &decoder->tables[generation & 1];
        look_up(decoder, table, offset, &hits[0]);
        bool whole = hits[0].window && size - 1 <= hits[0].last - offset;
        for (unsigned i = 1; !whole && i < size; i++) {
            look_up(decoder, table, offset + i, &hits[i]);
        }
        if (__atomic_load_n(&decoder->generation, __ATOMIC_RELAXED) == generation) {
            return whole;
        }
    }
}

uint64_t vmmp_pci_decoder_read(struct vmmp_pci_decoder *decoder, uint64_t offset, unsigned size)
{
    struct hit hits[8];
    uint32_t at = (uint32_t)offset;
    if (resolve(decoder, at, size, hits)) {
        return vmmp_window_read(hits[0].window, at - hits[0].bar_start, size);
    }
    uint64_t value = vmmp_all_ones(size);
    for (unsigned i = 0; i < size; i++) {
        if (hits[i].window) {
            uint64_t byte = vmmp_window_read(hits[i].window, at + i - hits[i].bar_start, 1);
            value = (value & ~(UINT64_C(0xff) << (8 * i))) | byte << (8 * i);
        }
    }
    return value;
}

void vmmp_pci_decoder_write(struct vmmp_pci_decoder *decoder, uint64_t offset, unsigned size,
                            uint64_t value)
{
    struct hit hits[8];
    uint32_t at = (uint32_t)offset;
    if (resolve(decoder, at, size, hits)) {
        vmmp_window_write(hits[0].window, at - hits[0].bar_start, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        if (hits[i].window) {
            vmmp_window_write(hits[i].window, at + i - hits[i].bar_start, 1,
                              (value >> (8 * i)) & 0xff);
        }
    }
}
