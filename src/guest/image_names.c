/* SPDX-License-Identifier: BSD-2-Clause */
/* What files are called that a user may hand over by mistake. */
#include "guest/image_internal.h"

#include <string.h>

struct magic {
    const char *name;
    size_t offset;
    size_t size;
    const char *bytes;
};

static const char *find(const struct magic *table, size_t count, const uint8_t *head, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        const struct magic *magic = &table[i];
        if (size >= magic->offset + magic->size &&
            memcmp(head + magic->offset, magic->bytes, magic->size) == 0) {
            return magic->name;
        }
    }
    return NULL;
}

const char *vmmp_image_foreign(const uint8_t *head, size_t size)
{
    /* The first that fits wins: formats whose files also begin like a more general one come first.
     */
    static const struct magic table[] = {
        { "an x86 kernel (bzImage)", 0x202, 4, "HdrS" },
        { "a RISC-V kernel", 0x30, 5, "RISCV" },
        { "a LoongArch kernel", 0x38, 4, "\xcd\x23\x82\x81" },
        { "a U-Boot image (uImage)", 0, 4, "\x27\x05\x19\x56" },
        { "a device tree or FIT image", 0, 4, "\xd0\x0d\xfe\xed" },
        { "an Android boot image", 0, 8, "ANDROID!" },
        { "a cpio archive", 0, 5, "07070" },
        { "a Debian package", 0, 8, "!<arch>\n" },
        { "a squashfs image", 0, 4, "hsqs" },
        { "a qcow2 disk image", 0, 4, "QFI\xfb" },
        { "a zip archive", 0, 4, "PK\x03\x04" },
        { "a script", 0, 2, "#!" },
        { "an EFI program", 0, 2, "MZ" },
    };
    return find(table, sizeof(table) / sizeof(table[0]), head, size);
}

const char *vmmp_image_compression(const uint8_t *head, size_t size)
{
    static const struct magic table[] = {
        { "gzip", 0, 2, "\x1f\x8b" },        { "zstd", 0, 4, "\x28\xb5\x2f\xfd" },
        { "lz4", 0, 4, "\x04\x22\x4d\x18" }, { "lz4 (legacy frames)", 0, 4, "\x02\x21\x4c\x18" },
        { "xz", 0, 6, "\xfd\x37zXZ\0" },     { "bzip2", 0, 3, "BZh" },
        { "lzma", 0, 3, "\x5d\0\0" },        { "lzop", 0, 4, "\x89LZO" },
    };
    return find(table, sizeof(table) / sizeof(table[0]), head, size);
}

const char *vmmp_image_wanted(unsigned machines)
{
    if (machines & VMMP_MACHINE_X86_64) {
        return "an x86 kernel (bzImage or ELF vmlinux)";
    }
    switch (machines) {
    case VMMP_MACHINE_X86_32:
        return "a 32-bit x86 kernel (bzImage or ELF vmlinux)";
    case VMMP_MACHINE_ARM64:
        return "an arm64 kernel (Image, Image.gz or ELF)";
    case VMMP_MACHINE_ARM32:
        return "a 32-bit ARM kernel (zImage or ELF)";
    default:
        return "an arm64 kernel (Image) or a 32-bit ARM kernel (zImage)";
    }
}

const char *vmmp_image_machine(enum vmmp_machine machine)
{
    switch (machine) {
    case VMMP_MACHINE_ARM64:
        return "an arm64 kernel";
    case VMMP_MACHINE_ARM32:
        return "a 32-bit ARM kernel";
    case VMMP_MACHINE_X86_64:
        return "an x86-64 kernel";
    case VMMP_MACHINE_X86_32:
        return "a 32-bit x86 kernel";
    }
    return "a kernel for another machine";
}

const char *vmmp_kernel_format_name(enum vmmp_kernel_format format)
{
    switch (format) {
    case VMMP_KERNEL_IMAGE:
        return "arm64 Image";
    case VMMP_KERNEL_ZIMAGE:
        return "zImage";
    case VMMP_KERNEL_ELF:
        return "ELF";
    case VMMP_KERNEL_RAW:
        return "raw binary";
    case VMMP_KERNEL_BZIMAGE:
        return "bzImage";
    }
    return "unknown";
}
