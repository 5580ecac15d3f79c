/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lz4's legacy frames (lz4_Frame_format.md): a magic number, then blocks of a 32-bit size and so
 * many bytes, each of which unpacks to 8 MiB, the last one to less. There is no end mark and no
 * checksum: it ends with the file, or with what cannot be a block.
 */
#include "decoder_lz4_legacy.h"

#ifdef HOSTED_LZ4

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#define LEGACY_MAGIC UINT32_C(0x184c2102)
#define BLOCK_SIZE   (8 << 20)
#define PACKED_MAX   LZ4_COMPRESSBOUND(BLOCK_SIZE)

/* Reads up to `size` bytes; fewer only at the end. */
static int64_t read_all(struct vmmp_source *source, uint8_t *to, size_t size)
{
    size_t have = 0;

    while (have < size) {
        int64_t got = source->read(source, to + have, size - have);
        if (got < 0) {
            return got;
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    return (int64_t)have;
}

static int put(struct vmmp_sink *sink, const uint8_t *from, size_t size)
{
    while (size) {
        size_t space = 0;
        uint8_t *to = sink->space(sink, &space);
        if (!to) {
            return -ENOSPC;
        }
        size_t piece = size < space ? size : space;
        memcpy(to, from, piece);
        sink->advance(sink, piece);
        from += piece;
        size -= piece;
    }
    return 0;
}

/* 1: a block of `*size` bytes follows; 0: the end. */
static int next_block(struct vmmp_source *source, uint32_t *size, bool *first)
{
    uint8_t word[4];

    do {
        int64_t got = read_all(source, word, sizeof(word));
        if (got < 0) {
            return (int)got;
        }
        if (got < (int64_t)sizeof(word)) {
            return *first ? -ENODATA : 0;
        }
        *size = (uint32_t)word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 |
                (uint32_t)word[3] << 24;
    } while (*size == LEGACY_MAGIC);
    if (*size == 0 || *size > PACKED_MAX) {
        return *first ? -EBADMSG : 0;
    }
    return 1;
}

static int decode_blocks(struct vmmp_source *source, struct vmmp_sink *sink, uint8_t *packed,
                         uint8_t *block)
{
    bool first = true;

    for (;;) {
        uint32_t size = 0;
        int more = next_block(source, &size, &first);
        if (more <= 0) {
            return more;
        }
        int64_t got = read_all(source, packed, size);
        if (got < 0) {
            return (int)got;
        }
        if (got < (int64_t)size) {
            /* A word at the very end is no block: Linux's build adds the unpacked size. */
            return got == 0 && !first ? 0 : -ENODATA;
        }
        int unpacked =
            LZ4_decompress_safe((const char *)packed, (char *)block, (int)size, BLOCK_SIZE);
        if (unpacked < 0) {
            return -EBADMSG;
        }
        int err = put(sink, block, (size_t)unpacked);
        if (err || unpacked < BLOCK_SIZE) {
            return err;
        }
        first = false;
    }
}

int hosted_decode_lz4_legacy(struct vmmp_source *source, struct vmmp_sink *sink)
{
    uint8_t *packed = malloc(PACKED_MAX);
    uint8_t *block = malloc(BLOCK_SIZE);
    int err = packed && block ? decode_blocks(source, sink, packed, block) : -ENOMEM;

    free(packed);
    free(block);
    return err;
}

#endif
