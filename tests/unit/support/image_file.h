/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in memory and made-up kernels, for the tests of image loading. */
#pragma once

#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/image.h>

struct image_file {
    struct vmmp_file file;
    const uint8_t *bytes;
    size_t chunk;     /* Most bytes a read returns; 0: all. */
    int error;        /* What reads fail with, 0: they do not. */
    uint64_t ends_at; /* Reads find the end here although `size` says more; 0: they do not. */
    unsigned reads;
};

static inline int64_t image_file_read(void *cookie, uint64_t offset, void *to, size_t size)
{
    struct image_file *f = cookie;
    uint64_t end = f->ends_at ? f->ends_at : f->file.size;

    f->reads++;
    assert_true(size > 0);
    if (f->error) {
        return f->error;
    }
    if (offset >= end) {
        return 0;
    }
    if (size > end - offset) {
        size = (size_t)(end - offset);
    }
    if (f->chunk && size > f->chunk) {
        size = f->chunk;
    }
    memcpy(to, f->bytes + offset, size);
    return (int64_t)size;
}

static inline struct image_file image_file(const void *bytes, size_t size)
{
    struct image_file f = { .bytes = bytes };
    f.file.name = "test.img";
    f.file.size = size;
    f.file.read_at = image_file_read;
    return f;
}

/* The cookie is set at the last moment: the structure may have been copied since. */
static inline const struct vmmp_file *image_file_open(struct image_file *f)
{
    f->file.cookie = f;
    return &f->file;
}

static inline void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void put32(uint8_t *at, uint32_t value)
{
    put16(at, value);
    put16(at + 2, value >> 16);
}

static inline void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

/* Bytes that tell where they come from. */
static inline void fill_pattern(uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + 1);
    }
}

static inline void make_arm64_image(uint8_t *at, size_t size, uint64_t text_offset,
                                    uint64_t image_size)
{
    fill_pattern(at, size);
    put64(at + 8, text_offset);
    put64(at + 16, image_size);
    put64(at + 24, 0xa);
    memcpy(at + 56, "ARM\x64", 4);
    put32(at + 60, 0);
}

/* As Debian's: a portable executable with two sections, the second of which ends the file. */
static inline void make_efi_image(uint8_t *at, size_t size, uint64_t image_size)
{
    make_arm64_image(at, size, 0, image_size);
    memcpy(at, "MZ\x40\xfa", 4);
    put32(at + 60, 64);
    memset(at + 64, 0, 24 + 80);
    memcpy(at + 64, "PE\0\0", 4);
    put16(at + 64 + 6, 2);
    put32(at + 64 + 24 + 16, 256);
    put32(at + 64 + 24 + 20, 256);
    put32(at + 64 + 24 + 40 + 16, (uint32_t)size - 512);
    put32(at + 64 + 24 + 40 + 20, 512);
}

static inline void make_zimage(uint8_t *at, size_t size, uint32_t start)
{
    fill_pattern(at, size);
    put32(at + 0x24, 0x016f2818);
    put32(at + 0x28, start);
    put32(at + 0x2c, start + (uint32_t)size);
    put32(at + 0x30, 0x04030201);
    put32(at + 0x34, 0);
}

struct elf_segment {
    uint32_t type;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
};

static inline void make_elf(uint8_t *at, bool wide, unsigned machine, uint64_t entry,
                            const struct elf_segment *segments, unsigned count)
{
    memset(at, 0, 64);
    memcpy(at,
           "\x7f"
           "ELF",
           4);
    at[4] = wide ? 2 : 1;
    at[5] = 1;
    at[6] = 1;
    put16(at + 16, 2);
    put16(at + 18, machine);
    if (wide) {
        put64(at + 24, entry);
        put64(at + 32, 64);
        put16(at + 54, 56);
        put16(at + 56, count);
    } else {
        put32(at + 24, (uint32_t)entry);
        put32(at + 28, 64);
        put16(at + 42, 32);
        put16(at + 44, count);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct elf_segment *s = &segments[i];
        uint8_t *p = at + 64 + i * (wide ? 56 : 32);
        put32(p, s->type);
        if (wide) {
            put64(p + 8, s->offset);
            put64(p + 16, s->vaddr);
            put64(p + 24, s->paddr);
            put64(p + 32, s->filesz);
            put64(p + 40, s->memsz);
        } else {
            put32(p + 4, (uint32_t)s->offset);
            put32(p + 8, (uint32_t)s->vaddr);
            put32(p + 12, (uint32_t)s->paddr);
            put32(p + 16, (uint32_t)s->filesz);
            put32(p + 20, (uint32_t)s->memsz);
        }
    }
}

/*
 * A decoder for tests: "RLE!" followed by pairs of a count (32 bits) and a byte, up to count 0.
 * Returns what the contract of struct vmmp_decoder asks for.
 */
static inline int rle_decode(struct vmmp_source *source, struct vmmp_sink *sink)
{
    uint8_t pair[5];
    bool head = true;

    for (;;) {
        size_t wanted = head ? 4 : sizeof(pair);
        for (size_t have = 0; have < wanted;) {
            int64_t got = source->read(source, pair + have, wanted - have);
            if (got <= 0) {
                return got < 0 ? (int)got : -ENODATA;
            }
            have += (size_t)got;
        }
        if (head) {
            head = false;
            continue;
        }
        uint32_t count = (uint32_t)pair[0] | (uint32_t)pair[1] << 8 | (uint32_t)pair[2] << 16 |
                         (uint32_t)pair[3] << 24;
        if (count == 0) {
            return pair[4] == 0 ? 0 : -EBADMSG;
        }
        while (count) {
            size_t space = 0;
            uint8_t *to = sink->space(sink, &space);
            if (!to) {
                return -ENOSPC;
            }
            if (space > count) {
                space = count;
            }
            memset(to, pair[4], space);
            sink->advance(sink, space);
            count -= (uint32_t)space;
        }
    }
}

#define RLE_DECODER                                  \
    {                                                \
        "rle", { 'R', 'L', 'E', '!' }, 4, rle_decode \
    }

/* Packs bytes for it; returns the packed size, at most 4 + 5 * (size + 1). */
static inline size_t rle_encode(uint8_t *to, const uint8_t *from, size_t size)
{
    uint8_t *at = to;
    memcpy(at, "RLE!", 4);
    at += 4;
    for (size_t i = 0; i < size;) {
        uint32_t run = 1;
        while (i + run < size && from[i + run] == from[i]) {
            run++;
        }
        put32(at, run);
        at[4] = from[i];
        at += 5;
        i += run;
    }
    memset(at, 0, 5);
    return (size_t)(at + 5 - to);
}
