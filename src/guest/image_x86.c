/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux's bzImage (Documentation/arch/x86/boot.rst) and Xen's notes in ELF (public/elfnote.h). */
#include "guest/image_x86.h"

#include <errno.h>
#include <string.h>

/* boot.rst, "The Real-Mode Kernel Header". */
#define SETUP_SECTS         0x1f1
#define SYSSIZE             0x1f4 /* In units of 16 bytes. */
#define BOOT_FLAG           0x1fe
#define JUMP_LENGTH         0x201 /* The header ends this many bytes behind the next one. */
#define HEADER              0x202
#define VERSION             0x206
#define LOADFLAGS           0x211
#define INITRD_ADDR_MAX     0x22c
#define KERNEL_ALIGNMENT    0x230
#define RELOCATABLE_KERNEL  0x234
#define XLOADFLAGS          0x236
#define CMDLINE_SIZE        0x238
#define PAYLOAD_OFFSET      0x248
#define PAYLOAD_LENGTH      0x24c
#define PREF_ADDRESS        0x258
#define INIT_SIZE           0x260
#define SETUP_HEADER_END    0x290
#define SECTOR              512u
#define DEFAULT_SETUP_SECTS 4

#define LOADED_HIGH             0x01
#define XLF_KERNEL_64           0x01
#define XLF_CAN_BE_LOADED_ABOVE 0x02
/* Of a 64-bit entry, from where the protected-mode code was placed. */
#define ENTRY_64 0x200

/* What the versions of the protocol brought. */
#define VERSION_CMDLINE_PTR 0x202
#define VERSION_INITRD_MAX  0x203
#define VERSION_RELOCATABLE 0x205
#define VERSION_CMDLINE     0x206
#define VERSION_PAYLOAD     0x208
#define VERSION_PREFERRED   0x20a
#define VERSION_XLOADFLAGS  0x20c

#define HIGH_LOAD_ADDRESS UINT64_C(0x100000)
/* Where the fields are older than the file: the document's own defaults. */
#define OLD_INITRD_MAX  UINT64_C(0x37ffffff)
#define OLD_CMDLINE_MAX 255u
/* An old kernel unpacks itself without saying to how much. */
#define OLD_GROWTH 4u
/* COMMAND_LINE_SIZE of x86, less its NUL. */
#define LINUX_CMDLINE_MAX 2047u

#define ELFNOTE_PHYS32_ENTRY 18
/* Linux's notes have some 500 bytes. */
#define NOTES_MAX (64 * IMAGE_KIB)

bool vmmp_bzimage_recognise(const uint8_t *head, size_t size)
{
    return size >= VERSION + 2 && image_le16(head + BOOT_FLAG) == 0xaa55 &&
           memcmp(head + HEADER, "HdrS", 4) == 0;
}

void vmmp_x86_defaults(struct vmmp_kernel *kernel)
{
    bool wide = kernel->machine == VMMP_MACHINE_X86_64;

    kernel->x86.protocol = wide ? VMMP_X86_LINUX_64 : VMMP_X86_LINUX_32;
    kernel->x86.initrd_max = wide ? UINT32_MAX : OLD_INITRD_MAX;
    kernel->x86.initrd_above_4g = wide;
    kernel->x86.cmdline_max = LINUX_CMDLINE_MAX;
}

/* Copies the header to zeroes, which remain for the fields that this version does not have. */
static int read_header(struct vmmp_kernel *kernel, const uint8_t *head, size_t size,
                       uint8_t header[SETUP_HEADER_END], struct vmmp_image_error *error)
{
    struct vmmp_kernel_x86 *x86 = &kernel->x86;
    size_t end = HEADER + (size_t)head[JUMP_LENGTH];

    x86->version = image_le16(head + VERSION);
    if (x86->version < VERSION_CMDLINE_PTR) {
        return vmmp_image_fail(error, -ENOTSUP, kernel->file.name,
                               "speaks boot protocol %u.%02u; 2.02 (Linux 2.4) is the oldest that "
                               "can be loaded",
                               x86->version >> 8, x86->version & 0xff);
    }
    if (size < SETUP_HEADER_END) {
        return vmmp_image_fail(error, -ENODATA, kernel->file.name,
                               "is truncated: %u bytes do not hold a bzImage's header",
                               (unsigned)size);
    }
    if (end > SETUP_HEADER_END) {
        end = SETUP_HEADER_END; /* Of later versions what fits into the zero page. */
    }
    memcpy(header, head, end);
    x86->setup_header_size = end - SETUP_SECTS;
    memcpy(x86->setup_header, head + SETUP_SECTS, x86->setup_header_size);
    if (!(header[LOADFLAGS] & LOADED_HIGH)) {
        return vmmp_image_fail(error, -ENOTSUP, kernel->file.name,
                               "is an x86 zImage, which loads low; give a bzImage");
    }
    return 0;
}

/* Where in the file the two parts are. */
static int find_code(struct vmmp_kernel *kernel, const uint8_t *header,
                     struct vmmp_image_error *error)
{
    uint64_t sectors = header[SETUP_SECTS] ? header[SETUP_SECTS] : DEFAULT_SETUP_SECTS;
    uint64_t setup = (sectors + 1) * SECTOR;
    uint64_t code = (uint64_t)image_le32(header + SYSSIZE) * 16;
    uint64_t size = kernel->file.size;

    if (code == 0) {
        return vmmp_image_fail(error, -EBADMSG, kernel->file.name,
                               "is damaged: its bzImage header says that there is no kernel");
    }
    if (setup + code > size) {
        return vmmp_image_fail(error, -ENODATA, kernel->file.name,
                               "is truncated: a bzImage with %llu of %llu bytes; fetch it again",
                               (unsigned long long)size, (unsigned long long)(setup + code));
    }
    /* Some builders round down, and a signature may follow. */
    kernel->payload_offset = setup;
    kernel->payload_size = size - setup;
    return 0;
}

static int find_payload(const struct vmmp_kernel *kernel, const uint8_t *header,
                        struct bzimage_payload *payload, struct vmmp_image_error *error)
{
    *payload = (struct bzimage_payload){ image_le32(header + PAYLOAD_OFFSET),
                                         image_le32(header + PAYLOAD_LENGTH) };
    if (kernel->x86.version < VERSION_PAYLOAD || payload->size == 0) {
        payload->size = 0;
        return 0;
    }
    if (payload->offset + payload->size > kernel->payload_size) {
        return vmmp_image_fail(error, -EBADMSG, kernel->file.name,
                               "is damaged: its bzImage header places the packed kernel at bytes "
                               "%llu to %llu of %llu",
                               (unsigned long long)payload->offset,
                               (unsigned long long)(payload->offset + payload->size),
                               (unsigned long long)kernel->payload_size);
    }
    payload->offset += kernel->payload_offset;
    return 0;
}

static int find_place(struct vmmp_kernel *kernel, const uint8_t *header,
                      struct vmmp_image_error *error)
{
    struct vmmp_kernel_x86 *x86 = &kernel->x86;
    bool relocatable = x86->version >= VERSION_RELOCATABLE && header[RELOCATABLE_KERNEL];

    kernel->alignment = relocatable ? image_le32(header + KERNEL_ALIGNMENT) : 1;
    if (relocatable && (kernel->alignment == 0 || kernel->alignment & (kernel->alignment - 1))) {
        return vmmp_image_fail(error, -EBADMSG, kernel->file.name,
                               "is damaged: its bzImage header asks for an alignment of 0x%llx",
                               (unsigned long long)kernel->alignment);
    }
    x86->preferred_address = HIGH_LOAD_ADDRESS;
    kernel->size_known = x86->version >= VERSION_PREFERRED;
    if (kernel->size_known) {
        x86->preferred_address = image_le64(header + PREF_ADDRESS);
        kernel->memory_size = image_le32(header + INIT_SIZE);
    } else {
        bool huge = kernel->payload_size > UINT64_MAX / OLD_GROWTH;
        kernel->memory_size = huge ? UINT64_MAX : OLD_GROWTH * kernel->payload_size;
    }
    if (kernel->memory_size < kernel->payload_size) {
        kernel->memory_size = kernel->payload_size;
    }
    kernel->fixed = !relocatable;
    kernel->fixed_address = x86->preferred_address;
    return 0;
}

static void find_limits(struct vmmp_kernel *kernel, const uint8_t *header)
{
    struct vmmp_kernel_x86 *x86 = &kernel->x86;
    unsigned flags = x86->version >= VERSION_XLOADFLAGS ? image_le16(header + XLOADFLAGS) : 0;
    bool wide = flags & XLF_KERNEL_64;

    kernel->machine = wide ? VMMP_MACHINE_X86_64 : VMMP_MACHINE_X86_32;
    kernel->entry_offset = wide ? ENTRY_64 : 0;
    x86->protocol = wide ? VMMP_X86_LINUX_64 : VMMP_X86_LINUX_32;
    x86->initrd_above_4g = wide && flags & XLF_CAN_BE_LOADED_ABOVE;
    x86->initrd_max =
        x86->version >= VERSION_INITRD_MAX ? image_le32(header + INITRD_ADDR_MAX) : OLD_INITRD_MAX;
    x86->cmdline_max =
        x86->version >= VERSION_CMDLINE ? image_le32(header + CMDLINE_SIZE) : OLD_CMDLINE_MAX;
}

int vmmp_bzimage_parse(struct vmmp_kernel *kernel, const uint8_t *head, size_t size,
                       struct bzimage_payload *payload, struct vmmp_image_error *error)
{
    uint8_t header[SETUP_HEADER_END] = { 0 };
    int err = read_header(kernel, head, size, header, error);

    kernel->format = VMMP_KERNEL_BZIMAGE;
    if (!err) {
        err = find_code(kernel, header, error);
    }
    if (!err) {
        err = find_payload(kernel, header, payload, error);
    }
    if (!err) {
        err = find_place(kernel, header, error);
    }
    if (!err) {
        find_limits(kernel, header);
    }
    return err;
}

/* A note: three words, then name and content, each padded. `*at` moves behind it. */
static bool next_note(const uint8_t *notes, size_t size, size_t alignment, size_t *at,
                      size_t *content)
{
    if (size - *at < 12) {
        return false;
    }
    uint64_t name_size = image_le32(notes + *at);
    uint64_t content_size = image_le32(notes + *at + 4);
    uint64_t pad = alignment - 1;
    uint64_t from = *at + 12 + ((name_size + pad) & ~pad);
    uint64_t next = from + ((content_size + pad) & ~pad);

    if (from > size || content_size > size - from) {
        return false;
    }
    *content = (size_t)from;
    *at = next < size ? (size_t)next : size;
    return true;
}

int vmmp_pvh_entry(const struct elf_bytes *bytes, const struct elf_segment *segment,
                   uint64_t *entry, struct vmmp_image_error *error)
{
    uint8_t window[4 * IMAGE_KIB];
    size_t alignment = segment->alignment == 8 ? 8 : 4;
    uint64_t left = segment->file_size < NOTES_MAX ? segment->file_size : NOTES_MAX;
    uint64_t offset = segment->offset;

    /* A window at a time: a note that does not fit into one is none that is looked for. */
    *entry = 0;
    while (left >= 12) {
        size_t size = left < sizeof(window) ? (size_t)left : sizeof(window);
        int err = vmmp_image_read(bytes->file, offset, window, size, error);
        if (err) {
            return err;
        }
        size_t at = 0;
        size_t note = 0;
        size_t content = 0;
        for (; next_note(window, size, alignment, &at, &content); note = at) {
            uint32_t content_size = image_le32(window + note + 4);
            if (image_le32(window + note) == 4 &&
                image_le32(window + note + 8) == ELFNOTE_PHYS32_ENTRY &&
                memcmp(window + note + 12, "Xen", 4) == 0 && content_size >= 4) {
                *entry =
                    content_size >= 8 ? image_le64(window + content) : image_le32(window + content);
                return 0;
            }
        }
        if (note == 0) {
            return 0;
        }
        offset += note;
        left -= note;
    }
    return 0;
}
