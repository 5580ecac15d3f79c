/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/virtio_register.h"

/* The part of a register that an access touches: bytes [first, last) of the register. */
struct overlap {
    unsigned first;
    unsigned last;
    int shift; /* Bits from the register's position to the access's. */
};

static bool overlaps(const struct virtio_register *row, uint32_t offset, unsigned size,
                     struct overlap *part)
{
    uint32_t end = offset + size;
    if (row->offset >= end || row->offset + row->size <= offset) {
        return false;
    }
    part->first = offset > row->offset ? offset - row->offset : 0;
    part->last = end < (uint32_t)(row->offset + row->size) ? end - row->offset : row->size;
    part->shift = 8 * ((int)row->offset - (int)offset);
    return true;
}

/* Bits of bytes [first, last) of a register. */
static uint64_t byte_mask(unsigned first, unsigned last)
{
    return ((UINT64_C(1) << (8 * last)) - 1) & ~((UINT64_C(1) << (8 * first)) - 1);
}

static uint64_t shifted(uint64_t value, int shift)
{
    return shift >= 0 ? value << shift : value >> -shift;
}

static uint32_t read_row(const struct virtio_register *row, void *cookie)
{
    return row->read ? row->read(cookie) : row->reset;
}

uint64_t vmmp_virtio_registers_read(const struct virtio_register *rows, size_t count, void *cookie,
                                    uint32_t offset, unsigned size)
{
    uint64_t value = UINT64_MAX;
    struct overlap part;

    for (size_t i = 0; i < count; i++) {
        if (overlaps(&rows[i], offset, size, &part)) {
            uint64_t mask = byte_mask(part.first, part.last);
            value &= ~shifted(mask, part.shift);
            value |= shifted(read_row(&rows[i], cookie) & mask, part.shift);
        }
    }
    return value;
}

void vmmp_virtio_registers_write(const struct virtio_register *rows, size_t count, void *cookie,
                                 uint32_t offset, unsigned size, uint64_t value)
{
    struct overlap part;

    for (size_t i = 0; i < count; i++) {
        const struct virtio_register *row = &rows[i];
        if (row->access == VIRTIO_RO || !overlaps(row, offset, size, &part)) {
            continue;
        }
        uint64_t mask = byte_mask(part.first, part.last);
        uint64_t bytes = shifted(value, -part.shift) & mask;
        if (part.first > 0 || part.last < row->size) {
            if (row->access == VIRTIO_WHOLE) {
                continue;
            }
            bytes |= read_row(row, cookie) & ~mask;
        }
        row->write(cookie, (uint32_t)bytes);
    }
}
