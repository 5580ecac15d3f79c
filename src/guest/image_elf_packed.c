/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF that arrives as a stream: each byte goes straight to its segment's place in guest RAM, and
 * what belongs to none is dropped. There is no room for the whole, nor a second pass.
 */
#include <errno.h>
#include <string.h>

#include "guest/image_elf.h"

/* As many program headers as the first bytes of an ELF can hold. */
#define PACKED_MAX_SEGMENTS (IMAGE_HEAD_SIZE / 32)

struct scatter {
    struct vmmp_sink sink;
    const struct vmmp_guest_memory *memory;
    struct elf_segment segments[PACKED_MAX_SEGMENTS]; /* `address` is where to load. */
    unsigned count;
    uint64_t at;    /* In the ELF. */
    uint64_t limit; /* Its size, at most. */
    uint8_t dropped[4 * IMAGE_KIB];
};

/* The segment with the byte at `at`, or NULL; `*next` is where the next one that is not begins. */
static const struct elf_segment *find(const struct scatter *scatter, uint64_t *next)
{
    *next = scatter->limit;
    for (unsigned i = 0; i < scatter->count; i++) {
        const struct elf_segment *segment = &scatter->segments[i];
        if (scatter->at >= segment->offset && scatter->at - segment->offset < segment->file_size) {
            return segment;
        }
        if (segment->offset > scatter->at && segment->offset < *next && segment->file_size) {
            *next = segment->offset;
        }
    }
    return NULL;
}

static uint8_t *scatter_space(struct vmmp_sink *base, size_t *size)
{
    struct scatter *scatter = (struct scatter *)base;
    uint64_t next = 0;

    *size = 0;
    if (scatter->at >= scatter->limit) {
        return NULL;
    }
    const struct elf_segment *segment = find(scatter, &next);
    if (segment) {
        uint64_t done = scatter->at - segment->offset;
        return vmmp_image_span(scatter->memory, segment->address + done, segment->file_size - done,
                               size);
    }
    uint64_t gap = next - scatter->at;
    *size = gap < sizeof(scatter->dropped) ? (size_t)gap : sizeof(scatter->dropped);
    return scatter->dropped;
}

static void scatter_advance(struct vmmp_sink *base, size_t size)
{
    ((struct scatter *)base)->at += size;
}

static int decode_head(const struct vmmp_kernel *kernel, uint8_t head[IMAGE_HEAD_SIZE],
                       size_t *size, struct vmmp_image_error *error)
{
    struct vmmp_image_source source;
    struct vmmp_image_sink sink;

    vmmp_image_source_init(&source, kernel);
    vmmp_image_sink_buffer(&sink, head, IMAGE_HEAD_SIZE);
    int err = kernel->decoder->decode(&source.source, &sink.sink);
    *size = (size_t)sink.written;
    return err && err != -ENOSPC ? vmmp_image_decode_failed(error, err, kernel) : 0;
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->offset < b->offset + b->file_size && b->offset < a->offset + a->file_size;
}

static int add_segment(struct scatter *scatter, const struct vmmp_kernel *kernel, uint64_t address,
                       const struct elf_segment *segment, const struct elf_bytes *bytes,
                       struct vmmp_image_error *error)
{
    uint64_t offset = segment->address - kernel->fixed_address;

    /* The file may have changed since it was probed. */
    if (segment->address < kernel->fixed_address || offset > kernel->memory_size ||
        segment->memory_size > kernel->memory_size - offset ||
        scatter->count == PACKED_MAX_SEGMENTS) {
        return vmmp_elf_damaged(bytes, error, "it changed while it was read");
    }
    for (unsigned i = 0; i < scatter->count; i++) {
        if (overlap(&scatter->segments[i], segment)) {
            return vmmp_elf_damaged(bytes, error, "its segments share bytes");
        }
    }
    scatter->segments[scatter->count] = *segment;
    scatter->segments[scatter->count++].address = address + offset;
    return 0;
}

static int read_segments(struct scatter *scatter, const struct vmmp_kernel *kernel,
                         uint64_t address, struct vmmp_image_error *error)
{
    uint8_t head[IMAGE_HEAD_SIZE];
    struct elf elf = { 0 };
    struct elf_bytes bytes = { .file = &kernel->file, .head = head, .size = kernel->elf_size };
    int err = decode_head(kernel, head, &bytes.head_size, error);

    if (!err) {
        err = vmmp_elf_header(&bytes, &elf, error);
    }
    for (unsigned i = 0; i < elf.count && !err; i++) {
        struct elf_segment segment = { 0 };
        err = vmmp_elf_segment(&bytes, &elf, i, &segment, error);
        if (!err && segment.type == PT_LOAD) {
            err = add_segment(scatter, kernel, address, &segment, &bytes, error);
        }
    }
    return err;
}

int vmmp_elf_load_packed(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                         uint64_t address, struct vmmp_image_error *error)
{
    struct vmmp_image_source source;
    struct scatter scatter = { .sink = { scatter_space, scatter_advance },
                               .memory = memory,
                               .limit = kernel->elf_size };
    int err = read_segments(&scatter, kernel, address, error);

    if (err) {
        return err;
    }
    vmmp_image_source_init(&source, kernel);
    err = kernel->decoder->decode(&source.source, &scatter.sink);
    if (err) {
        return vmmp_image_decode_failed(error, err, kernel);
    }
    for (unsigned i = 0; i < scatter.count; i++) {
        const struct elf_segment *segment = &scatter.segments[i];
        if (segment->offset + segment->file_size > scatter.at) {
            return vmmp_image_fail(error, -ENODATA, kernel->file.name,
                                   "is truncated: it unpacks to %llu bytes of an ELF of %llu",
                                   (unsigned long long)scatter.at,
                                   (unsigned long long)(segment->offset + segment->file_size));
        }
        if (!vmmp_guest_memory_zero(memory, vmmp_gpa(segment->address + segment->file_size),
                                    segment->memory_size - segment->file_size)) {
            return vmmp_image_fail(error, -EFAULT, kernel->file.name, "cannot clear its memory");
        }
    }
    return 0;
}
