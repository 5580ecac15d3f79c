/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the image loader's files: reading, writing and complaining. */
#pragma once

#include <sel4vmmplatsupport/vmmp/image.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#define IMAGE_KIB UINT64_C(1024)
#define IMAGE_MIB (IMAGE_KIB * 1024)
#define IMAGE_GIB (IMAGE_MIB * 1024)

/** Bytes of a file or of what it unpacks to that identify it; past all magic numbers. */
#define IMAGE_HEAD_SIZE 1024

static inline uint16_t image_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t image_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t image_le64(const uint8_t *p)
{
    return image_le32(p) | (uint64_t)image_le32(p + 4) << 32;
}

/** Writes "NAME: MESSAGE" to `error` (may be NULL) and returns `code`. */
int vmmp_image_fail(struct vmmp_image_error *error, int code, const char *name, const char *format,
                    ...) VMMP_PRINTF(4, 5);

/** Reads exactly `size` bytes; -ENODATA if the file ends before that. */
int vmmp_image_read(const struct vmmp_file *file, uint64_t offset, void *to, size_t size,
                    struct vmmp_image_error *error);

/** True if all of the range is RAM. */
bool vmmp_image_is_ram(const struct vmmp_guest_memory *memory, uint64_t address, uint64_t size);

/**
 * The longest piece of guest RAM that begins at `address`, up to `size` bytes: normally all of it.
 * NULL: `address` is not RAM.
 */
uint8_t *vmmp_image_span(const struct vmmp_guest_memory *memory, uint64_t address, uint64_t size,
                         size_t *length);

/** -EFAULT with a message that says where RAM is, unless all of the range is RAM. */
int vmmp_image_check_ram(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                         uint64_t address, uint64_t size, struct vmmp_image_error *error);

/** Reads a part of a file straight into guest RAM. */
int vmmp_image_read_to_guest(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                             uint64_t offset, uint64_t address, uint64_t size,
                             struct vmmp_image_error *error);

/** A part of a file as a decoder's input. */
struct vmmp_image_source {
    struct vmmp_source source;
    const struct vmmp_file *file;
    uint64_t offset;
    uint64_t end;
};
void vmmp_image_source_init(struct vmmp_image_source *source, const struct vmmp_kernel *kernel);

/** A decoder's output: host memory, guest RAM, or nowhere but counted. */
struct vmmp_image_sink {
    struct vmmp_sink sink;
    const struct vmmp_guest_memory *memory; /**< NULL: `buffer`. */
    uint64_t address;
    uint8_t *buffer;
    size_t buffer_size;
    uint64_t limit; /**< Bytes still accepted. */
    uint64_t written;
    bool count_only; /**< `buffer` is used over and over. */
};
void vmmp_image_sink_guest(struct vmmp_image_sink *sink, const struct vmmp_guest_memory *memory,
                           uint64_t address, uint64_t limit);
void vmmp_image_sink_buffer(struct vmmp_image_sink *sink, void *buffer, size_t size);

/** Turns a decoder's error into a message. */
int vmmp_image_decode_failed(struct vmmp_image_error *error, int code,
                             const struct vmmp_kernel *kernel);

/* Names, for messages. */

/** "an arm64 Image", "a 32-bit ARM zImage" or both, and so on as `machines` says. */
const char *vmmp_image_wanted(unsigned machines);
/** "an arm64 kernel" and so on. */
const char *vmmp_image_machine(enum vmmp_machine machine);
/** What a file that is no kernel for this VM is, "an x86 kernel (bzImage)", or NULL. */
const char *vmmp_image_foreign(const uint8_t *head, size_t size);
/** Name of the compression that a file begins with, or NULL. */
const char *vmmp_image_compression(const uint8_t *head, size_t size);

/** arm64 Image header (booting.rst), in the first 64 bytes. */
#define ARM64_IMAGE_HEADER_SIZE 64
bool vmmp_arm64_image_recognise(const uint8_t *head, size_t size);
/** Fills in offset, memory_size and so on from a header; `payload` is the size of what is loaded.
 */
void vmmp_arm64_image_parse(struct vmmp_kernel *kernel, const uint8_t *head, uint64_t payload);
