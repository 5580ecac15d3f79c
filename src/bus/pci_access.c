/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/pci_access.h"

#include <sel4vmmplatsupport/vmmp/window.h>

#define WIDEST 8u

/*
 * How many of `size` bytes from `offset` on are below `limit`, whatever the guest's numbers are; no
 * more than fit into a value.
 */
static unsigned bytes_inside(unsigned limit, unsigned offset, unsigned size)
{
    unsigned room = offset < limit ? limit - offset : 0;
    unsigned bytes = size < room ? size : room;
    return bytes < WIDEST ? bytes : WIDEST;
}

uint64_t vmmp_pci_split_read(unsigned limit, unsigned offset, unsigned size,
                             vmmp_pci_piece_read_fn *read, void *cookie)
{
    unsigned inside = bytes_inside(limit, offset, size);
    uint64_t value = vmmp_all_ones(size);
    for (unsigned done = 0; done < inside;) {
        unsigned piece = vmmp_pci_piece(offset + done, offset + inside);
        uint64_t mask = vmmp_all_ones(piece);
        uint64_t bytes = read(cookie, offset + done, piece) & mask;
        value = (value & ~(mask << (8 * done))) | (bytes << (8 * done));
        done += piece;
    }
    return value;
}

void vmmp_pci_split_write(unsigned limit, unsigned offset, unsigned size, uint64_t value,
                          vmmp_pci_piece_write_fn *write, void *cookie)
{
    unsigned inside = bytes_inside(limit, offset, size);
    for (unsigned done = 0; done < inside;) {
        unsigned piece = vmmp_pci_piece(offset + done, offset + inside);
        write(cookie, offset + done, piece,
              (uint32_t)((value >> (8 * done)) & vmmp_all_ones(piece)));
        done += piece;
    }
}
