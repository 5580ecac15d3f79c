/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's relocation files for x86 (arch/x86/tools/relocs.c; arch/x86/boot/compressed/misc.c says
 * how they are used): 32-bit words, each the virtual address of a place to correct, in sections
 * that a zero begins. The last one is of 32-bit places. Before it, 64-bit kernels have the places
 * of distances to per-CPU data, which shrink (until Linux 6.14), and before that 64-bit places.
 */
#include <errno.h>
#include <string.h>

#include "guest/image_internal.h"

#define SECTIONS_MAX 3u
#define WORDS        512u

enum section { PLACES_32, PLACES_32_INVERSE, PLACES_64 };

struct relocator {
    const struct vmmp_guest_memory *memory;
    const struct vmmp_kernel *kernel;
    const struct vmmp_file *file;
    uint64_t address;
    uint64_t delta;
    struct vmmp_image_error *error;
};

static int damaged(const struct relocator *r, const char *what)
{
    return vmmp_image_fail(r->error, -EBADMSG, r->file->name,
                           "is no relocation file of this kernel: %s; give the vmlinux.relocs of "
                           "the same build",
                           what);
}

static bool add(const struct relocator *r, uint64_t at, unsigned bytes, uint64_t delta)
{
    uint8_t place[8] = { 0 };

    if (!vmmp_guest_memory_read(r->memory, vmmp_gpa(at), place, bytes)) {
        return false;
    }
    uint64_t value = image_le64(place) + delta;
    for (unsigned i = 0; i < bytes; i++) {
        place[i] = (uint8_t)(value >> (8 * i));
    }
    return vmmp_guest_memory_write(r->memory, vmmp_gpa(at), place, bytes);
}

static int correct(const struct relocator *r, enum section section, uint32_t word)
{
    const struct vmmp_kernel *kernel = r->kernel;
    bool wide = kernel->machine == VMMP_MACHINE_X86_64;
    unsigned bytes = section == PLACES_64 ? 8 : 4;
    /* Kernels lie in the last 2 GiB of the address space: sign-extended. */
    uint64_t place = wide ? (uint64_t)(int64_t)(int32_t)word : word;
    uint64_t offset = place - kernel->x86.link_virtual;

    if (place < kernel->x86.link_virtual || kernel->memory_size < bytes ||
        offset > kernel->memory_size - bytes) {
        return damaged(r, "a place in it lies outside of the kernel");
    }
    uint64_t delta = section == PLACES_32_INVERSE ? 0 - r->delta : r->delta;
    if (!add(r, r->address + offset, bytes, delta)) {
        return vmmp_image_fail(r->error, -EFAULT, r->file->name, "leads to what is not RAM");
    }
    return 0;
}

static enum section section_of(unsigned sections, unsigned from_end)
{
    if (from_end == 0) {
        return PLACES_32;
    }
    return sections == SECTIONS_MAX && from_end == 1 ? PLACES_32_INVERSE : PLACES_64;
}

/* Calls `correct` for each word, or only counts the zeroes. */
static int walk(const struct relocator *r, unsigned sections, unsigned *zeroes)
{
    uint8_t words[WORDS * 4];

    *zeroes = 0;
    for (uint64_t at = 0; at < r->file->size;) {
        uint64_t left = r->file->size - at;
        size_t size = left < sizeof(words) ? (size_t)left : sizeof(words);
        int err = vmmp_image_read(r->file, at, words, size, r->error);
        for (size_t i = 0; i < size && !err; i += 4) {
            uint32_t word = image_le32(words + i);
            unsigned from_end = sections - *zeroes;
            if (word == 0) {
                if (++*zeroes > sections && sections) {
                    err = damaged(r, "it changed while it was read");
                }
            } else if (sections && *zeroes) {
                err = correct(r, section_of(sections, from_end), word);
            } else if (!sections && !*zeroes) {
                err = damaged(r, "it does not begin with a zero");
            }
        }
        if (err) {
            return err;
        }
        at += size;
    }
    return 0;
}

static int relocate(const struct relocator *r)
{
    unsigned sections = 0;
    unsigned zeroes = 0;

    if (r->file->size == 0 || r->file->size % 4) {
        return damaged(r, "it does not consist of 32-bit words");
    }
    int err = walk(r, 0, &sections);
    if (err) {
        return err;
    }
    unsigned most = r->kernel->machine == VMMP_MACHINE_X86_64 ? SECTIONS_MAX : 1;
    if (sections > most) {
        return damaged(r, "it has too many sections");
    }
    return walk(r, sections, &zeroes);
}

int vmmp_kernel_load_moved(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                           uint64_t address, const struct vmmp_file *relocations,
                           struct vmmp_image_error *error)
{
    struct vmmp_kernel moved = *kernel;
    const struct relocator relocator = {
        memory, kernel, relocations, address, address - kernel->fixed_address, error
    };
    bool x86 = kernel->machine == VMMP_MACHINE_X86_64 || kernel->machine == VMMP_MACHINE_X86_32;

    if (error) {
        error->message[0] = '\0';
    }
    if (!x86 || !kernel->fixed || (kernel->format != VMMP_KERNEL_ELF && !kernel->packed_elf) ||
        address > UINT32_MAX || kernel->memory_size > UINT32_MAX - address) {
        return vmmp_image_fail(error, -EINVAL, kernel->file.name,
                               "cannot be moved to 0x%llx: only an ELF for x86 can, below 4 GiB",
                               (unsigned long long)address);
    }
    moved.fixed = false;
    int err = vmmp_kernel_load(memory, &moved, address, error);
    if (err || !relocations || relocator.delta == 0) {
        return err;
    }
    return relocate(&relocator);
}
