/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF kernels (System V ABI, chapters 4 and 5): PT_LOAD segments at their physical addresses. */
#include <errno.h>
#include <string.h>

#include "guest/image_x86.h"

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

#define EM_386     3
#define EM_ARM     40
#define EM_X86_64  62
#define EM_AARCH64 183
#define EM_RISCV   243

static const struct {
    unsigned machine;
    bool wide;
    enum vmmp_machine is;
} machines[] = {
    { EM_AARCH64, true, VMMP_MACHINE_ARM64 },
    { EM_ARM, false, VMMP_MACHINE_ARM32 },
    { EM_X86_64, true, VMMP_MACHINE_X86_64 },
    { EM_386, false, VMMP_MACHINE_X86_32 },
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

int vmmp_elf_damaged(const struct elf_bytes *bytes, struct vmmp_image_error *error,
                     const char *what)
{
    return vmmp_image_fail(error, -EBADMSG, bytes->file->name, "%s a damaged ELF: %s",
                           bytes->head ? "holds" : "is", what);
}

static int read_bytes(const struct elf_bytes *bytes, uint64_t offset, void *to, size_t size,
                      struct vmmp_image_error *error)
{
    if (!bytes->head) {
        return vmmp_image_read(bytes->file, offset, to, size, error);
    }
    if (offset > bytes->head_size || size > bytes->head_size - offset) {
        return vmmp_elf_damaged(bytes, error, "its program headers are not at its beginning");
    }
    memcpy(to, bytes->head + offset, size);
    return 0;
}

int vmmp_elf_header(const struct elf_bytes *bytes, struct elf *elf, struct vmmp_image_error *error)
{
    uint8_t header[ELF_HEADER_SIZE] = { 0 };
    size_t size = bytes->size < sizeof(header) ? (size_t)bytes->size : sizeof(header);
    const char *name = bytes->file->name;
    int err = read_bytes(bytes, 0, header, size, error);

    if (err) {
        return err;
    }
    elf->wide = header[ELF_CLASS] == ELF_CLASS_64;
    if (size < (elf->wide ? ELF_HEADER_SIZE : ELF32_HEADER_SIZE)) {
        return vmmp_image_fail(error, -ENODATA, name,
                               "is truncated: %llu bytes do not hold an ELF header",
                               (unsigned long long)bytes->size);
    }
    if (!elf->wide && header[ELF_CLASS] != ELF_CLASS_32) {
        return vmmp_elf_damaged(bytes, error, "neither 32 nor 64 bits");
    }
    if (header[ELF_DATA] != ELF_LITTLE) {
        return vmmp_image_fail(error, -ENOEXEC, name,
                               "is a big-endian ELF; give a little-endian kernel");
    }
    elf->machine = image_le16(header + ELF_MACHINE);
    unsigned type = image_le16(header + ELF_TYPE);
    if (type != ELF_EXEC && type != ELF_DYN) {
        return vmmp_image_fail(error, -ENOEXEC, name,
                               "is an ELF of type %u, not a linked program; give the kernel itself",
                               type);
    }
    elf->entry = elf->wide ? image_le64(header + 24) : image_le32(header + 24);
    elf->table = elf->wide ? image_le64(header + 32) : image_le32(header + 28);
    elf->stride = image_le16(header + (elf->wide ? 54 : 42));
    elf->count = image_le16(header + (elf->wide ? 56 : 44));
    if (elf->count == 0 || elf->count > ELF_MAX_SEGMENTS || elf->stride < (elf->wide ? 56u : 32u)) {
        return vmmp_elf_damaged(bytes, error, "its program headers make no sense");
    }
    return 0;
}

static void parse_segment(const uint8_t *raw, bool wide, struct elf_segment *segment)
{
    segment->type = image_le32(raw);
    if (wide) {
        segment->offset = image_le64(raw + 8);
        segment->virtual_address = image_le64(raw + 16);
        segment->address = image_le64(raw + 24);
        segment->file_size = image_le64(raw + 32);
        segment->memory_size = image_le64(raw + 40);
        segment->alignment = image_le64(raw + 48);
    } else {
        segment->offset = image_le32(raw + 4);
        segment->virtual_address = image_le32(raw + 8);
        segment->address = image_le32(raw + 12);
        segment->file_size = image_le32(raw + 16);
        segment->memory_size = image_le32(raw + 20);
        segment->alignment = image_le32(raw + 28);
    }
}

int vmmp_elf_segment(const struct elf_bytes *bytes, const struct elf *elf, unsigned index,
                     struct elf_segment *segment, struct vmmp_image_error *error)
{
    uint8_t raw[56];
    size_t size = elf->wide ? 56 : 32;
    uint64_t skip = (uint64_t)index * elf->stride;

    if (elf->table > UINT64_MAX - skip || elf->table + skip > bytes->size ||
        size > bytes->size - elf->table - skip) {
        return vmmp_image_fail(error, -ENODATA, bytes->file->name,
                               "is truncated: an ELF whose program headers lie beyond its end");
    }
    int err = read_bytes(bytes, elf->table + skip, raw, size, error);
    if (err) {
        return err;
    }
    parse_segment(raw, elf->wide, segment);
    if (segment->type == PT_NOTE) {
        bool beyond =
            segment->offset > bytes->size || segment->file_size > bytes->size - segment->offset;
        segment->type = beyond ? 0 : PT_NOTE; /* Nothing depends on notes. */
    }
    if (segment->type == PT_LOAD && segment->memory_size == 0) {
        segment->type = 0;
    }
    if (segment->type != PT_LOAD) {
        return 0;
    }
    if (segment->file_size > segment->memory_size) {
        return vmmp_elf_damaged(bytes, error,
                                "a segment has more bytes in the file than in memory");
    }
    if (segment->memory_size > UINT64_MAX - segment->address) {
        return vmmp_elf_damaged(bytes, error, "a segment goes beyond the end of the address space");
    }
    if (segment->offset > bytes->size || segment->file_size > bytes->size - segment->offset) {
        return vmmp_image_fail(error, -ENODATA, bytes->file->name,
                               "is truncated: an ELF of %llu bytes with a segment of 0x%llx bytes "
                               "at 0x%llx; fetch it again",
                               (unsigned long long)bytes->size,
                               (unsigned long long)segment->file_size,
                               (unsigned long long)segment->offset);
    }
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
static int probe_linux(struct vmmp_kernel *kernel, const struct elf_segment *lowest,
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

/* What is known of an ELF while its segments are looked at. */
struct extent {
    struct elf_segment lowest;
    uint64_t end;
    uint64_t entry;
    bool entry_found;
    bool interpreter;
    uint64_t pvh_entry;
    uint64_t lowest_virtual; /* Linux has one segment at 0, whose addresses are offsets. */
};

static void add_segment(struct extent *extent, const struct elf *elf,
                        const struct elf_segment *segment)
{
    if (segment->address < extent->lowest.address) {
        extent->lowest = *segment;
    }
    if (segment->virtual_address && segment->virtual_address < extent->lowest_virtual) {
        extent->lowest_virtual = segment->virtual_address;
    }
    if (segment->address + segment->memory_size > extent->end) {
        extent->end = segment->address + segment->memory_size;
    }
    /* The entry is a virtual address; some linkers leave it a physical one. */
    if (extent->entry_found) {
        return;
    }
    if (inside(elf->entry, segment->virtual_address, segment->memory_size)) {
        extent->entry = segment->address + (elf->entry - segment->virtual_address);
        extent->entry_found = true;
    } else if (inside(elf->entry, segment->address, segment->memory_size)) {
        extent->entry = elf->entry;
        extent->entry_found = true;
    }
}

/* Addresses of the whole and of its entry points. */
static int measure(const struct elf_bytes *bytes, const struct elf *elf, struct extent *extent,
                   struct vmmp_image_error *error)
{
    *extent = (struct extent){ .lowest.address = UINT64_MAX, .lowest_virtual = UINT64_MAX };
    for (unsigned i = 0; i < elf->count; i++) {
        struct elf_segment segment = { 0 };
        int err = vmmp_elf_segment(bytes, elf, i, &segment, error);
        if (!err && segment.type == PT_NOTE && !bytes->head && !extent->pvh_entry) {
            err = vmmp_pvh_entry(bytes, &segment, &extent->pvh_entry, error);
        }
        if (err) {
            return err;
        }
        extent->interpreter |= segment.type == PT_INTERP;
        if (segment.type == PT_LOAD) {
            add_segment(extent, elf, &segment);
        }
    }
    /* FreeBSD's kernel names one too, beside its PVH entry. */
    if (extent->interpreter && !extent->pvh_entry) {
        return vmmp_image_fail(error, -ENOEXEC, bytes->file->name,
                               "is a program for an operating system; give a kernel");
    }
    if (extent->end == 0) {
        return vmmp_elf_damaged(bytes, error, "nothing in it is to be loaded");
    }
    if (!extent->entry_found) {
        return vmmp_elf_damaged(bytes, error, "its entry point lies in none of its segments");
    }
    return 0;
}

static int choose_entry(struct vmmp_kernel *kernel, const struct elf_bytes *bytes,
                        const struct vmmp_kernel_options *options, const struct extent *extent,
                        struct vmmp_image_error *error)
{
    uint64_t entry = extent->entry;

    if (kernel->machine == VMMP_MACHINE_X86_64 || kernel->machine == VMMP_MACHINE_X86_32) {
        if (!kernel->x86.version) {
            vmmp_x86_defaults(kernel);
        }
        kernel->x86.link_virtual = extent->lowest_virtual;
        if (extent->pvh_entry && !options->ignore_pvh) {
            kernel->x86.protocol = VMMP_X86_PVH;
            entry = extent->pvh_entry;
        } else if (kernel->machine == VMMP_MACHINE_X86_64) {
            kernel->x86.protocol = VMMP_X86_LINUX_64;
        }
    }
    if (!inside(entry, kernel->fixed_address, kernel->memory_size)) {
        return vmmp_elf_damaged(bytes, error, "its PVH entry lies in none of its segments");
    }
    kernel->entry_offset = entry - kernel->fixed_address;
    return 0;
}

int vmmp_elf_probe(struct vmmp_kernel *kernel, const struct elf_bytes *bytes,
                   const struct vmmp_kernel_options *options, struct vmmp_image_error *error)
{
    struct elf elf = { 0 };
    struct extent extent;
    int err = vmmp_elf_header(bytes, &elf, error);

    if (err) {
        return err;
    }
    kernel->machine = (enum vmmp_machine)0;
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (machines[i].machine == elf.machine && machines[i].wide == elf.wide) {
            kernel->machine = machines[i].is;
        }
    }
    if (!(options->machines & (unsigned)kernel->machine)) {
        return vmmp_image_fail(error, -ENOEXEC, kernel->file.name,
                               "%s an ELF for %s; this VM runs %s", bytes->head ? "holds" : "is",
                               machine_name(elf.machine), vmmp_image_wanted(options->machines));
    }
    err = measure(bytes, &elf, &extent, error);
    if (err) {
        return err;
    }
    kernel->fixed = true;
    kernel->fixed_address = extent.lowest.address;
    kernel->memory_size = extent.end - extent.lowest.address;
    kernel->alignment = 1;
    kernel->size_known = true;
    err = choose_entry(kernel, bytes, options, &extent, error);
    return err || bytes->head ? err : probe_linux(kernel, &extent.lowest, error);
}

int vmmp_elf_load(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                  uint64_t address, struct vmmp_image_error *error)
{
    struct elf elf = { 0 };
    const struct vmmp_file *file = &kernel->file;
    const struct elf_bytes bytes = { .file = file, .size = file->size };
    int err = vmmp_elf_header(&bytes, &elf, error);

    for (unsigned i = 0; i < elf.count && !err; i++) {
        struct elf_segment segment = { 0 };
        err = vmmp_elf_segment(&bytes, &elf, i, &segment, error);
        if (err || segment.type != PT_LOAD) {
            continue;
        }
        /* The file may have changed since it was probed. */
        uint64_t offset = segment.address - kernel->fixed_address;
        if (segment.address < kernel->fixed_address || offset > kernel->memory_size ||
            segment.memory_size > kernel->memory_size - offset) {
            return vmmp_elf_damaged(&bytes, error, "it changed while it was read");
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
