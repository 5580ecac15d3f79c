/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest/image_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One request to a file; large, and below what any file interface can return. */
#define READ_CHUNK (64 * IMAGE_MIB)

/* Of a file's name, in a message. */
#define NAME_MAX_LENGTH 96

#define PAGE_SIZE  (4 * IMAGE_KIB)
#define BLOCK_SIZE (2 * IMAGE_MIB)

int vmmp_image_fail(struct vmmp_image_error *error, int code, const char *name, const char *format,
                    ...)
{
    if (!error) {
        return code;
    }
    /* The end of a long name says more than its beginning. */
    name = name ? name : "(no name)";
    size_t length = strlen(name);
    size_t room = NAME_MAX_LENGTH;
    int at = snprintf(error->message, sizeof(error->message), "%s%s: ", length > room ? "..." : "",
                      length > room ? name + length - room : name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message + at, sizeof(error->message) - (size_t)at, format, arguments);
    va_end(arguments);
    for (char *c = error->message; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?'; /* One line, whatever the name of the file. */
        }
    }
    return code;
}

static int read_some(const struct vmmp_file *file, uint64_t offset, void *to, size_t size,
                     size_t *got, struct vmmp_image_error *error)
{
    size_t wanted = size < READ_CHUNK ? size : (size_t)READ_CHUNK;
    int64_t result = file->read_at(file->cookie, offset, to, wanted);
    if (result < 0) {
        int code = result >= -4095 ? (int)result : -EIO;
        return vmmp_image_fail(error, code, file->name, "cannot be read: %s", strerror(-code));
    }
    if (result == 0) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is truncated: it ends at byte %llu of %llu",
                               (unsigned long long)offset, (unsigned long long)file->size);
    }
    if ((uint64_t)result > wanted) {
        return vmmp_image_fail(error, -EIO, file->name, "cannot be read: too many bytes returned");
    }
    *got = (size_t)result;
    return 0;
}

int vmmp_image_read(const struct vmmp_file *file, uint64_t offset, void *to, size_t size,
                    struct vmmp_image_error *error)
{
    uint8_t *at = to;

    while (size) {
        size_t got = 0;
        int err = read_some(file, offset, at, size, &got, error);
        if (err) {
            return err;
        }
        at += got;
        offset += got;
        size -= got;
    }
    return 0;
}

/* RAM that is mapped page by page gives blocks or pages. */
uint8_t *vmmp_image_span(const struct vmmp_guest_memory *memory, uint64_t address, uint64_t size,
                         size_t *length)
{
    static const uint64_t borders[] = { UINT64_C(1) << 62, BLOCK_SIZE, PAGE_SIZE };

    for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
        uint64_t up_to_border = borders[i] - (address & (borders[i] - 1));
        uint64_t piece = size < up_to_border ? size : up_to_border;
        if (piece > SIZE_MAX) {
            continue;
        }
        uint8_t *host = vmmp_guest_memory_span(memory, vmmp_gpa(address), (size_t)piece);
        if (host) {
            *length = (size_t)piece;
            return host;
        }
    }
    return NULL;
}

bool vmmp_image_is_ram(const struct vmmp_guest_memory *memory, uint64_t address, uint64_t size)
{
    if (size > UINT64_MAX - address) {
        return false;
    }
    while (size) {
        size_t length = 0;
        if (!vmmp_image_span(memory, address, size, &length)) {
            return false;
        }
        address += length;
        size -= length;
    }
    return true;
}

int vmmp_image_check_ram(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                         uint64_t address, uint64_t size, struct vmmp_image_error *error)
{
    if (vmmp_image_is_ram(memory, address, size)) {
        return 0;
    }
    if (memory->region_count == 0) {
        return vmmp_image_fail(error, -EFAULT, file->name,
                               "0x%llx bytes at 0x%llx are not all RAM of the guest",
                               (unsigned long long)size, (unsigned long long)address);
    }
    const struct vmmp_guest_region *ram = &memory->regions[0];
    return vmmp_image_fail(error, -EFAULT, file->name,
                           "0x%llx bytes at 0x%llx are not all RAM; the guest's first region is "
                           "0x%llx bytes at 0x%llx",
                           (unsigned long long)size, (unsigned long long)address,
                           (unsigned long long)ram->size, (unsigned long long)ram->start);
}

int vmmp_image_read_to_guest(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                             uint64_t offset, uint64_t address, uint64_t size,
                             struct vmmp_image_error *error)
{
    int err = vmmp_image_check_ram(memory, file, address, size, error);

    while (size && !err) {
        size_t length = 0;
        size_t got = 0;
        uint8_t *host = vmmp_image_span(memory, address, size, &length);
        if (!host) {
            return vmmp_image_check_ram(memory, file, address, size, error);
        }
        err = read_some(file, offset, host, length, &got, error);
        offset += got;
        address += got;
        size -= got;
    }
    return err;
}

static int64_t source_read(struct vmmp_source *base, void *to, size_t size)
{
    struct vmmp_image_source *source = (struct vmmp_image_source *)base;
    uint64_t left = source->end - source->offset;
    if (size > left) {
        size = (size_t)left;
    }
    if (size == 0) {
        return 0;
    }
    int64_t got = source->file->read_at(source->file->cookie, source->offset, to, size);
    if (got > 0 && (uint64_t)got > size) {
        return -EIO;
    }
    if (got > 0) {
        source->offset += (uint64_t)got;
    }
    return got;
}

void vmmp_image_source_init(struct vmmp_image_source *source, const struct vmmp_kernel *kernel)
{
    source->source.read = source_read;
    source->file = &kernel->file;
    source->offset = kernel->payload_offset;
    source->end = kernel->payload_offset + kernel->payload_size;
}

static uint8_t *sink_space(struct vmmp_sink *base, size_t *size)
{
    struct vmmp_image_sink *sink = (struct vmmp_image_sink *)base;
    *size = 0;
    if (sink->limit == 0) {
        return NULL;
    }
    if (sink->memory) {
        return vmmp_image_span(sink->memory, sink->address, sink->limit, size);
    }
    *size = sink->limit < sink->buffer_size ? (size_t)sink->limit : sink->buffer_size;
    return sink->buffer;
}

static void sink_advance(struct vmmp_sink *base, size_t size)
{
    struct vmmp_image_sink *sink = (struct vmmp_image_sink *)base;
    sink->written += size;
    sink->limit -= size;
    sink->address += size;
    if (!sink->memory && !sink->count_only) {
        sink->buffer += size;
        sink->buffer_size -= size;
    }
}

void vmmp_image_sink_guest(struct vmmp_image_sink *sink, const struct vmmp_guest_memory *memory,
                           uint64_t address, uint64_t limit)
{
    memset(sink, 0, sizeof(*sink));
    sink->sink.space = sink_space;
    sink->sink.advance = sink_advance;
    sink->memory = memory;
    sink->address = address;
    sink->limit = limit;
}

void vmmp_image_sink_buffer(struct vmmp_image_sink *sink, void *buffer, size_t size)
{
    vmmp_image_sink_guest(sink, NULL, 0, size);
    sink->buffer = buffer;
    sink->buffer_size = size;
}

int vmmp_image_decode_failed(struct vmmp_image_error *error, int code,
                             const struct vmmp_kernel *kernel)
{
    const char *name = kernel->file.name;
    const char *format = kernel->decoder->name;

    switch (code) {
    case -ENODATA:
        return vmmp_image_fail(error, code, name,
                               "is truncated: its %s data ends early; fetch it again", format);
    case -EBADMSG:
        return vmmp_image_fail(error, code, name, "is damaged: its %s data is not valid", format);
    case -ENOSPC:
        return vmmp_image_fail(
            error, -EFBIG, name, "unpacks to more than the 0x%llx bytes that it may have",
            (unsigned long long)(kernel->packed_elf ? kernel->elf_size : kernel->memory_size));
    default:
        return vmmp_image_fail(error, code, name, "cannot be unpacked as %s: %s", format,
                               strerror(-code));
    }
}
