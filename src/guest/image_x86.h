/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels for x86: Linux's bzImage, and the PVH entry of an ELF. */
#pragma once

#include "guest/image_elf.h"

bool vmmp_bzimage_recognise(const uint8_t *head, size_t size);
/** Where in the file the packed kernel proper is. */
struct bzimage_payload {
    uint64_t offset;
    uint64_t size; /**< 0: the file does not tell. */
};

/** Fills in `kernel` for a bzImage that unpacks itself. */
int vmmp_bzimage_parse(struct vmmp_kernel *kernel, const uint8_t *head, size_t size,
                       struct bzimage_payload *payload, struct vmmp_image_error *error);
/** Limits of an x86 kernel without a setup header. */
void vmmp_x86_defaults(struct vmmp_kernel *kernel);
/** The PVH entry in a note segment, 0 if there is none. */
int vmmp_pvh_entry(const struct elf_bytes *bytes, const struct elf_segment *notes, uint64_t *entry,
                   struct vmmp_image_error *error);
