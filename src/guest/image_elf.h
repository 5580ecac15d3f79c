/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF kernels: those that a file is, and those that something unpacks to. */
#pragma once

#include "guest/image_internal.h"

/** Most program headers: Linux has a handful. */
#define ELF_MAX_SEGMENTS 128u

#define PT_LOAD   1
#define PT_INTERP 3
#define PT_NOTE   4

/** An ELF's bytes: a file's, or the first ones of what a payload unpacks to. */
struct elf_bytes {
    const struct vmmp_file *file;
    const uint8_t *head; /**< NULL: the file's own. */
    size_t head_size;
    uint64_t size; /**< Of the whole. */
};

struct elf {
    bool wide;
    unsigned machine;
    uint64_t entry;
    uint64_t table;
    unsigned count;
    unsigned stride;
};

struct elf_segment {
    uint32_t type;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

bool vmmp_elf_recognise(const uint8_t *head, size_t size);

int vmmp_elf_header(const struct elf_bytes *bytes, struct elf *elf, struct vmmp_image_error *error);
/** Its lengths checked. `type` is 0 for segments that nothing is to be done with. */
int vmmp_elf_segment(const struct elf_bytes *bytes, const struct elf *elf, unsigned index,
                     struct elf_segment *segment, struct vmmp_image_error *error);
int vmmp_elf_damaged(const struct elf_bytes *bytes, struct vmmp_image_error *error,
                     const char *what);

/** Fills in what `kernel` needs to know; `kernel->file` is set. */
int vmmp_elf_probe(struct vmmp_kernel *kernel, const struct elf_bytes *bytes,
                   const struct vmmp_kernel_options *options, struct vmmp_image_error *error);
int vmmp_elf_load(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                  uint64_t address, struct vmmp_image_error *error);
/** The same for `packed_elf`. */
int vmmp_elf_load_packed(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                         uint64_t address, struct vmmp_image_error *error);
