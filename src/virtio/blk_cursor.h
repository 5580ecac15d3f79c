/* SPDX-License-Identifier: BSD-2-Clause */
/* A place in the elements of a request that moves forward as they are copied. */
#pragma once

#include <string.h>

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

struct blk_cursor {
    const struct vmmp_iovec *iov;
    unsigned left;
    size_t offset; /* Into the first element. */
};

static inline struct blk_cursor blk_cursor(const struct vmmp_iovec *iov, unsigned count)
{
    return (struct blk_cursor){ iov, count, 0 };
}

/* The next piece, up to `most` bytes; 0 at the end. */
static inline size_t blk_cursor_next(struct blk_cursor *cursor, size_t most, uint8_t **at)
{
    if (cursor->left == 0) {
        return 0;
    }
    size_t rest = cursor->iov->len - cursor->offset;
    size_t piece = rest < most ? rest : most;
    *at = (uint8_t *)cursor->iov->base + cursor->offset;
    cursor->offset += piece;
    if (cursor->offset == cursor->iov->len) {
        cursor->iov++;
        cursor->left--;
        cursor->offset = 0;
    }
    return piece;
}

/* Copies `len` bytes out of the elements, or into them; less if they end before. */
static inline void blk_cursor_get(struct blk_cursor *cursor, uint8_t *to, size_t len)
{
    uint8_t *at;
    for (size_t piece; len > 0 && (piece = blk_cursor_next(cursor, len, &at)) > 0;) {
        memcpy(to, at, piece);
        to += piece;
        len -= piece;
    }
}

static inline void blk_cursor_put(struct blk_cursor *cursor, const uint8_t *from, size_t len)
{
    uint8_t *at;
    for (size_t piece; len > 0 && (piece = blk_cursor_next(cursor, len, &at)) > 0;) {
        memcpy(at, from, piece);
        from += piece;
        len -= piece;
    }
}

static inline void blk_cursor_skip(struct blk_cursor *cursor, size_t len)
{
    uint8_t *at;
    for (size_t piece; len > 0 && (piece = blk_cursor_next(cursor, len, &at)) > 0;) {
        len -= piece;
    }
}
