/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/words.h"

struct piece {
    uint32_t offset;
    unsigned shift; /* Of its bytes in the word, */
    unsigned size;  /* and how many these are. */
};

static struct piece next_piece(uint64_t offset, unsigned size)
{
    unsigned lane = (unsigned)(offset & 3);
    unsigned room = 4 - lane;
    struct piece piece = { (uint32_t)offset & ~UINT32_C(3), 8 * lane, size < room ? size : room };
    return piece;
}

static uint32_t lanes_of(struct piece piece)
{
    return (uint32_t)(vmmp_all_ones(piece.size) << piece.shift);
}

uint64_t vmmp_words_read(const struct vmmp_word_ops *ops, void *device, uint64_t offset,
                         unsigned size)
{
    uint64_t value = 0;

    for (unsigned done = 0; done < size;) {
        struct piece piece = next_piece(offset + done, size - done);
        uint32_t lanes = lanes_of(piece);
        uint64_t bytes = (ops->read(device, piece.offset, lanes) & lanes) >> piece.shift;
        value |= bytes << (8 * done);
        done += piece.size;
    }
    return value;
}

void vmmp_words_write(const struct vmmp_word_ops *ops, void *device, uint64_t offset, unsigned size,
                      uint64_t value)
{
    for (unsigned done = 0; done < size;) {
        struct piece piece = next_piece(offset + done, size - done);
        uint32_t lanes = lanes_of(piece);
        uint32_t word = (uint32_t)(value >> (8 * done) << piece.shift) & lanes;
        ops->write(device, piece.offset, word, lanes);
        done += piece.size;
    }
}
