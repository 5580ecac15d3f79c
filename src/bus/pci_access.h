/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where accesses to configuration space are cut into pieces and put together again:
 * for native functions, entries of the compatible interface and real devices alike.
 */
#pragma once

#include <stdint.h>

/** A piece: naturally aligned, 1, 2 or 4 bytes. */
typedef uint32_t vmmp_pci_piece_read_fn(void *cookie, unsigned offset, unsigned size);
typedef void vmmp_pci_piece_write_fn(void *cookie, unsigned offset, unsigned size, uint32_t value);

/** Size of the largest piece that begins at `offset` and does not pass `end`. */
static inline unsigned vmmp_pci_piece(unsigned offset, unsigned end)
{
    unsigned size = 4;
    while (size > 1 && (offset % size != 0 || end - offset < size)) {
        size /= 2;
    }
    return size;
}

/** Reads `size` bytes (at most 8) at `offset`; those at or beyond `limit` are all-ones. */
uint64_t vmmp_pci_split_read(unsigned limit, unsigned offset, unsigned size,
                             vmmp_pci_piece_read_fn *read, void *cookie);

/** Writes `size` bytes (at most 8) at `offset`; those at or beyond `limit` are dropped. */
void vmmp_pci_split_write(unsigned limit, unsigned offset, unsigned size, uint64_t value,
                          vmmp_pci_piece_write_fn *write, void *cookie);
