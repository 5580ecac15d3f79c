/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct guest_kernel_image_arch {
    bool is_reloc_enabled;   /**< In: relocate the kernel if it is moved. */
    const char *relocs_file; /**< In: the file with its relocations. */
    uintptr_t entry;         /**< Out: guest-physical address of the entry point. */
    int relocation_offset;   /**< Out: load address less lowest physical address of the ELF. */
    uintptr_t link_paddr;    /**< Out: lowest physical address of the ELF. */
    uintptr_t link_vaddr;    /**< Out: lowest virtual address of the ELF that is not 0. */
};

#ifdef __cplusplus
}
#endif
