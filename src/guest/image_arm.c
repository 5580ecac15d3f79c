/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers of ARM Linux kernels: arm64 `Image` (Documentation/arch/arm64/booting.rst), the zboot
 * form of it (drivers/firmware/efi/libstub) and 32-bit `zImage` (arch/arm/boot/compressed).
 */
#include "guest/image_arm.h"

#include <errno.h>
#include <string.h>

/* arm64 Image. */
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_IMAGE_SIZE  16
#define IMAGE_FLAGS       24
#define IMAGE_MAGIC       56
#define IMAGE_PE_OFFSET   60

#define IMAGE_FLAG_BIG_ENDIAN 1u

/* Where kernels lie whose header does not say: before 3.17. */
#define OLD_TEXT_OFFSET 0x80000u

/* Portable executable: what of it says how long the file has to be. */
#define PE_SECTIONS        6
#define PE_OPTIONAL_SIZE   20
#define PE_HEADER_SIZE     24
#define PE_SECTION_SIZE    40
#define PE_SECTION_RAWSIZE 16
#define PE_SECTION_RAW     20
#define PE_MAX_SECTIONS    32u

/* zboot. */
#define ZBOOT_PAYLOAD_OFFSET 8
#define ZBOOT_PAYLOAD_SIZE   12
#define ZBOOT_HEADER_SIZE    64u

/* zImage. */
#define ZIMAGE_MAGIC        0x24
#define ZIMAGE_START        0x28
#define ZIMAGE_END          0x2c
#define ZIMAGE_TABLE_MAGIC  0x34
#define ZIMAGE_TABLE        0x38
#define ZIMAGE_HEADER_SIZE  0x3c
#define ZIMAGE_TABLE_LENGTH 28u
#define ZIMAGE_LOAD_OFFSET  0x8000u
/* What a zImage's start-up needs beside itself and the kernel: stack, heap, page tables. */
#define ZIMAGE_WORK (2 * IMAGE_MIB)

bool vmmp_arm64_image_recognise(const uint8_t *head, size_t size)
{
    return size >= ARM64_IMAGE_HEADER_SIZE && memcmp(head + IMAGE_MAGIC, "ARM\x64", 4) == 0;
}

void vmmp_arm64_image_parse(struct vmmp_kernel *kernel, const uint8_t *head, uint64_t payload)
{
    uint64_t image_size = image_le64(head + IMAGE_IMAGE_SIZE);

    kernel->format = VMMP_KERNEL_IMAGE;
    kernel->machine = VMMP_MACHINE_ARM64;
    kernel->alignment = 2 * IMAGE_MIB;
    kernel->big_endian = (image_le64(head + IMAGE_FLAGS) & IMAGE_FLAG_BIG_ENDIAN) != 0;
    kernel->size_known = image_size != 0;
    if (kernel->size_known) {
        kernel->offset = image_le64(head + IMAGE_TEXT_OFFSET);
        kernel->memory_size = image_size > payload ? image_size : payload;
    } else {
        /* The text offset of these has no defined byte order; bss is theirs to find room for. */
        kernel->offset = OLD_TEXT_OFFSET;
        kernel->memory_size = payload > UINT64_MAX / 2 ? UINT64_MAX : 2 * payload;
    }
}

/* The end of the last section that a PE file has data for, 0 if it is none. */
static int pe_file_end(const struct vmmp_file *file, const uint8_t *head, uint64_t *end,
                       struct vmmp_image_error *error)
{
    uint8_t pe[PE_HEADER_SIZE];
    uint64_t at = image_le32(head + IMAGE_PE_OFFSET);

    *end = 0;
    if (memcmp(head, "MZ", 2) != 0) {
        return 0;
    }
    if (at > file->size || sizeof(pe) > file->size - at) {
        *end = at + sizeof(pe);
        return 0;
    }
    int err = vmmp_image_read(file, at, pe, sizeof(pe), error);
    if (err || memcmp(pe, "PE\0\0", 4) != 0) {
        return err;
    }
    unsigned count = image_le16(pe + PE_SECTIONS);
    at += PE_HEADER_SIZE + image_le16(pe + PE_OPTIONAL_SIZE);
    for (unsigned i = 0; i < count && i < PE_MAX_SECTIONS; i++, at += PE_SECTION_SIZE) {
        uint8_t section[PE_SECTION_SIZE];
        if (at > file->size || sizeof(section) > file->size - at) {
            *end = at + sizeof(section);
            return 0;
        }
        err = vmmp_image_read(file, at, section, sizeof(section), error);
        if (err) {
            return err;
        }
        uint64_t section_end = (uint64_t)image_le32(section + PE_SECTION_RAW) +
                               image_le32(section + PE_SECTION_RAWSIZE);
        if (section_end > *end) {
            *end = section_end;
        }
    }
    return 0;
}

int vmmp_arm64_image_check(const struct vmmp_file *file, const uint8_t *head,
                           struct vmmp_image_error *error)
{
    uint64_t end = 0;
    int err = pe_file_end(file, head, &end, error);

    if (!err && end > file->size) {
        err =
            vmmp_image_fail(error, -ENODATA, file->name,
                            "is truncated: an arm64 Image with %llu of %llu bytes; fetch it again",
                            (unsigned long long)file->size, (unsigned long long)end);
    }
    return err;
}

bool vmmp_zboot_recognise(const uint8_t *head, size_t size)
{
    return size >= ZBOOT_HEADER_SIZE && memcmp(head, "MZ", 2) == 0 &&
           memcmp(head + 4, "zimg", 4) == 0;
}

int vmmp_zboot_parse(struct vmmp_kernel *kernel, const uint8_t *head,
                     struct vmmp_image_error *error)
{
    uint64_t offset = image_le32(head + ZBOOT_PAYLOAD_OFFSET);
    uint64_t size = image_le32(head + ZBOOT_PAYLOAD_SIZE);

    if (offset < ZBOOT_HEADER_SIZE || size == 0) {
        return vmmp_image_fail(error, -EBADMSG, kernel->file.name,
                               "is damaged: its EFI zboot header places the kernel at byte %llu",
                               (unsigned long long)offset);
    }
    if (offset + size > kernel->file.size) {
        return vmmp_image_fail(error, -ENODATA, kernel->file.name,
                               "is truncated: an EFI zboot kernel with %llu of at least %llu "
                               "bytes; fetch it again",
                               (unsigned long long)kernel->file.size,
                               (unsigned long long)(offset + size));
    }
    kernel->payload_offset = offset;
    kernel->payload_size = size;
    return 0;
}

bool vmmp_zimage_recognise(const uint8_t *head, size_t size)
{
    uint32_t magic = size >= ZIMAGE_HEADER_SIZE ? image_le32(head + ZIMAGE_MAGIC) : 0;
    return magic == 0x016f2818 || magic == 0x18286f01;
}

/*
 * Newer ones have a table that says how large the kernel is when unpacked: tag length, tag, where
 * the packed data keeps its size, bss, text offset, heap. Without it nobody can tell.
 */
static bool zimage_unpacked_size(const struct vmmp_kernel *kernel, const uint8_t *head,
                                 uint64_t *unpacked, uint64_t *heap)
{
    uint8_t table[ZIMAGE_TABLE_LENGTH] = { 0 };
    uint8_t size[4];
    uint64_t at = image_le32(head + ZIMAGE_TABLE);

    if (image_le32(head + ZIMAGE_TABLE_MAGIC) != 0x45454545 ||
        sizeof(table) > kernel->payload_size || at > kernel->payload_size - sizeof(table) ||
        vmmp_image_read(&kernel->file, at, table, sizeof(table), NULL) != 0 ||
        image_le32(table + 4) != 0x5a534c4b || image_le32(table) < 6) {
        return false;
    }
    uint64_t size_at = image_le32(table + 8);
    if (size_at > kernel->payload_size - sizeof(size) ||
        vmmp_image_read(&kernel->file, size_at, size, sizeof(size), NULL) != 0) {
        return false;
    }
    /* Text offset, kernel and bss, from the start of RAM on. */
    *unpacked = (uint64_t)image_le32(table + 16) + image_le32(size) + image_le32(table + 12);
    *heap = image_le32(table + 20);
    return true;
}

int vmmp_zimage_parse(struct vmmp_kernel *kernel, const uint8_t *head,
                      struct vmmp_image_error *error)
{
    uint32_t start = image_le32(head + ZIMAGE_START);
    uint32_t end = image_le32(head + ZIMAGE_END);
    const char *name = kernel->file.name;

    if (image_le32(head + ZIMAGE_MAGIC) != 0x016f2818) {
        return vmmp_image_fail(error, -ENOEXEC, name,
                               "is a big-endian zImage; give a little-endian one");
    }
    if (end < start || end - start < ZIMAGE_HEADER_SIZE) {
        return vmmp_image_fail(error, -EBADMSG, name,
                               "is damaged: its zImage header says 0x%x to 0x%x", start, end);
    }
    if (!kernel->decoder && end - start > kernel->payload_size) {
        return vmmp_image_fail(error, -ENODATA, name,
                               "is truncated: a zImage with %llu of %u bytes; fetch it again",
                               (unsigned long long)kernel->payload_size, end - start);
    }
    kernel->format = VMMP_KERNEL_ZIMAGE;
    kernel->machine = VMMP_MACHINE_ARM32;
    /* A device tree may have been appended, which belongs to it. */
    kernel->memory_size = end - start;
    if (!kernel->decoder && kernel->payload_size > kernel->memory_size) {
        kernel->memory_size = kernel->payload_size;
    }
    kernel->alignment = 2 * IMAGE_MIB;
    kernel->offset = ZIMAGE_LOAD_OFFSET;
    kernel->fixed = start != 0;
    kernel->fixed_address = start;

    uint64_t unpacked = 0;
    uint64_t heap = 0;
    kernel->size_known = !kernel->decoder && zimage_unpacked_size(kernel, head, &unpacked, &heap);
    if (kernel->size_known) {
        /* It moves itself behind the unpacked kernel before it writes that. */
        kernel->scratch_size = unpacked + heap + ZIMAGE_WORK;
    }
    return 0;
}
