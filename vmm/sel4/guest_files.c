/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_files.h"

#include <string.h>

#include <cpio/cpio.h>

/* VMMP_SEL4_ARCHIVE is the archive's path; cmake/vmmp_sel4.cmake sets it. */
__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "guest_archive:\n"
        ".incbin \"" VMMP_SEL4_ARCHIVE "\"\n"
        "guest_archive_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const uint8_t guest_archive[];
extern const uint8_t guest_archive_end[];

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    const struct guest_file *file = cookie;
    if (offset >= file->file.size) {
        return 0;
    }
    uint64_t left = file->file.size - offset;
    size_t count = left < size ? (size_t)left : size;
    memcpy(to, file->bytes + offset, count);
    return (int64_t)count;
}

bool guest_file_open(struct guest_file *file, const char *name)
{
    unsigned long size = 0;
    unsigned long archive_size = (unsigned long)(guest_archive_end - guest_archive);

    file->bytes = cpio_get_file(guest_archive, archive_size, name, &size);
    file->file = (struct vmmp_file){ name, size, read_at, file };
    return file->bytes != NULL;
}
