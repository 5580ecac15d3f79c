/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF kernels (System V ABI, chapters 4 and 5): PT_LOAD segments at their physical addresses. */
#include <errno.h>
#include <string.h>

#include "guest/image_internal.h"

#define ELF_HEADER_SIZE   64 /* Of the 64-bit form, the larger one. */
#define ELF32_HEADER_SIZE 52
#define ELF_CLASS         4
#define ELF_DATA          5
#define ELF_TYPE          16
#define ELF_MACHINE       18

#define ELF_CLASS_32 1
#define ELF_CLASS_64 2
#define ELF_LITTLE   1
#define ELF_EXEC     2
#define ELF_DYN      3
#define PT_LOAD      1

#define EM_386     3
#define EM_ARM     40
#define EM_X86_64  62
#define EM_AARCH64 183
#define EM_RISCV   243

/* Linux has a handful. */
#define ELF_MAX_SEGMENTS 128u

struct elf {
    bool wide;
    uint64_t entry;
    uint64_t table;
    unsigned count;
    unsigned stride;
};

struct segment {
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t address;
    uint64_t file_size;
    uint64_t memory_size;
};

bool vmmp_elf_recognise(const uint8_t *head, size_t size)
{
    return size >= 4 && memcmp(head,
                               "\x7f"
                               "ELF",
                               4) == 0;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "32-bit x86";
    case EM_X86_64:
        return "x86-64";
    case EM_ARM:
        return "32-bit ARM";
    case EM_AARCH64:
        return "arm64";
    case EM_RISCV:
        return "RISC-V";
    default:
        return "another machine";
    }
}

static int damaged(const struct vmmp_file *file, struct vmmp_image_error *error, const char *what)
{
    return vmmp_image_fail(error, -EBADMSG, file->name, "is a damaged ELF: %s", what);
}

static int read_header(const struct vmmp_file *file, struct elf *elf, unsigned *machine,
                       struct vmmp_image_error *error)
{
    uint8_t header[ELF_HEADER_SIZE] = { 0 };
    size_t size = file->size < sizeof(header) ? (size_t)file->size : sizeof(header);
    int err = vmmp_image_read(file, 0, header, size, error);

    if (err) {
        return err;
    }
    elf->wide = header[ELF_CLASS] == ELF_CLASS_64;
    if (size < (elf->wide ? ELF_HEADER_SIZE : ELF32_HEADER_SIZE)) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is truncated: %llu bytes do not hold an ELF header",
                               (unsigned long long)file->size);
    }
    if (!elf->wide && header[ELF_CLASS] != ELF_CLASS_32) {
        return damaged(file, error, "neither 32 nor 64 bits");
    }
    if (header[ELF_DATA] != ELF_LITTLE) {
        return vmmp_image_fail(error, -ENOEXEC, file->name,
                               "is a big-endian ELF; give a little-endian kernel");
    }
    *machine = image_le16(header + ELF_MACHINE);
    unsigned type = image_le16(header + ELF_TYPE);
    if (type != ELF_EXEC && type != ELF_DYN) {
        return vmmp_image_fail(error, -ENOEXEC, file->name,
                               "is an ELF of type %u, not a linked program; give the kernel itself",
                               type);
    }
    elf->entry = elf->wide ? image_le64(header + 24) : image_le32(header + 24);
    elf->table = elf->wide ? image_le64(header + 32) : image_le32(header + 28);
    elf->stride = image_le16(header + (elf->wide ? 54 : 42));
    elf->count = image_le16(header + (elf->wide ? 56 : 44));
    if (elf->count == 0 || elf->count > ELF_MAX_SEGMENTS || elf->stride < (elf->wide ? 56u : 32u)) {
        return damaged(file, error, "its program headers make no sense");
    }
    return 0;
}

/* `*loaded` is false for segments that put nothing into memory. */
static int read_segment(const struct vmmp_file *file, const struct elf *elf, unsigned index,
                        struct segment *segment, bool *loaded, struct vmmp_image_error *error)
{
    uint8_t raw[56];
    size_t size = elf->wide ? 56 : 32;
    uint64_t skip = (uint64_t)index * elf->stride;

    *loaded = false;
    if (elf->table > UINT64_MAX - skip || elf->table + skip > file->size ||
        size > file->size - elf->table - skip) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is truncated: an ELF whose program headers lie beyond its end");
    }
    int err = vmmp_image_read(file, elf->table + skip, raw, size, error);
    if (err || image_le32(raw) != PT_LOAD) {
        return err;
    }
    if (elf->wide) {
        *segment =
            (struct segment){ image_le64(raw + 8), image_le64(raw + 16), image_le64(raw + 24),
                              image_le64(raw + 32), image_le64(raw + 40) };
    } else {
        *segment = (struct segment){ image_le32(raw + 4), image_le32(raw + 8), image_le32(raw + 12),
                                     image_le32(raw + 16), image_le32(raw + 20) };
    }
    if (segment->memory_size == 0) {
        return 0;
    }
    if (segment->file_size > segment->memory_size) {
        return damaged(file, error, "a segment has more bytes in the file than in memory");
    }
    if (segment->memory_size > UINT64_MAX - segment->address) {
        return damaged(file, error, "a segment goes beyond the end of the address space");
    }
    if (segment->offset > file->size || segment->file_size > file->size - segment->offset) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is truncated: an ELF of %llu bytes with a segment of 0x%llx bytes "
                               "at 0x%llx; fetch it again",
                               (unsigned long long)file->size,
                               (unsigned long long)segment->file_size,
                               (unsigned long long)segment->offset);
    }
    *loaded = true;
    return 0;
}

static bool inside(uint64_t address, uint64_t start, uint64_t size)
{
    return address >= start && address - start < size;
}

/*
 * Linux links arm64 kernels at virtual addresses, which its ELF repeats as physical ones, and runs
 * them anywhere: its first segment begins with the header of an Image, which says how.
 */
static int probe_linux(struct vmmp_kernel *kernel, const struct segment *lowest,
                       struct vmmp_image_error *error)
{
    uint8_t head[ARM64_IMAGE_HEADER_SIZE];

    if (kernel->machine != VMMP_MACHINE_ARM64 || lowest->file_size < sizeof(head)) {
        return 0;
    }
    int err = vmmp_image_read(&kernel->file, lowest->offset, head, sizeof(head), error);
    if (err || !vmmp_arm64_image_recognise(head, sizeof(head))) {
        return err;
    }
    vmmp_arm64_image_parse(kernel, head, kernel->memory_size);
    kernel->format = VMMP_KERNEL_ELF;
    kernel->fixed = false;
    return 0;
}

/* Addresses of the whole and of its entry point. */
static int measure(struct vmmp_kernel *kernel, const struct elf *elf,
                   struct vmmp_image_error *error)
{
    struct segment lowest = { .address = UINT64_MAX };
    uint64_t end = 0;
    uint64_t entry = 0;
    bool entry_found = false;

    for (unsigned i = 0; i < elf->count; i++) {
        struct segment segment;
        bool loaded = false;
        int err = read_segment(&kernel->file, elf, i, &segment, &loaded, error);
        if (err) {
            return err;
        }
        if (!loaded) {
            continue;
        }
        if (segment.address < lowest.address) {
            lowest = segment;
        }
        if (segment.address + segment.memory_size > end) {
            end = segment.address + segment.memory_size;
        }
        /* The entry is a virtual address; some linkers leave it a physical one. */
        if (!entry_found && inside(elf->entry, segment.virtual_address, segment.memory_size)) {
            entry = segment.address + (elf->entry - segment.virtual_address);
            entry_found = true;
        } else if (!entry_found && inside(elf->entry, segment.address, segment.memory_size)) {
            entry = elf->entry;
            entry_found = true;
        }
    }
    if (end == 0) {
        return damaged(&kernel->file, error, "nothing in it is to be loaded");
    }
    if (!entry_found) {
        return damaged(&kernel->file, error, "its entry point lies in none of its segments");
    }
    kernel->fixed = true;
    kernel->fixed_address = lowest.address;
    kernel->memory_size = end - lowest.address;
    kernel->entry_offset = entry - lowest.address;
    kernel->alignment = 1;
    kernel->size_known = true;
    return probe_linux(kernel, &lowest, error);
}

int vmmp_elf_probe(struct vmmp_kernel *kernel, unsigned machines, struct vmmp_image_error *error)
{
    struct elf elf = { 0 };
    unsigned machine = 0;
    int err = read_header(&kernel->file, &elf, &machine, error);

    if (err) {
        return err;
    }
    if (!(machine == EM_AARCH64 && elf.wide) && !(machine == EM_ARM && !elf.wide)) {
        return vmmp_image_fail(error, -ENOEXEC, kernel->file.name,
                               "is an ELF for %s; this VM runs %s", machine_name(machine),
                               vmmp_image_wanted(machines));
    }
    kernel->format = VMMP_KERNEL_ELF;
    kernel->machine = elf.wide ? VMMP_MACHINE_ARM64 : VMMP_MACHINE_ARM32;
    return measure(kernel, &elf, error);
}

int vmmp_elf_load(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                  uint64_t address, struct vmmp_image_error *error)
{
    struct elf elf = { 0 };
    unsigned machine = 0;
    const struct vmmp_file *file = &kernel->file;
    int err = read_header(file, &elf, &machine, error);

    for (unsigned i = 0; i < elf.count && !err; i++) {
        struct segment segment;
        bool loaded = false;
        err = read_segment(file, &elf, i, &segment, &loaded, error);
        if (err || !loaded) {
            continue;
        }
        /* The file may have changed since it was probed. */
        uint64_t offset = segment.address - kernel->fixed_address;
        if (segment.address < kernel->fixed_address || offset > kernel->memory_size ||
            segment.memory_size > kernel->memory_size - offset) {
            return damaged(file, error, "it changed while it was read");
        }
        err = vmmp_image_read_to_guest(memory, file, segment.offset, address + offset,
                                       segment.file_size, error);
        if (!err && !vmmp_guest_memory_zero(memory, vmmp_gpa(address + offset + segment.file_size),
                                            segment.memory_size - segment.file_size)) {
            err = -EFAULT;
        }
    }
    return err;
}
