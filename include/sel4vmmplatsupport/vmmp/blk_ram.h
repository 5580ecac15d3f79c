/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk in memory of the caller's (vmmp/blk.h). Requests are complete when submit returns; there
 * is nothing to flush. Discarded sectors read as zeroes.
 */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/blk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_blk_ram {
    uint8_t *memory;
    size_t size;
    bool read_only;
};

/** 0; -EINVAL if `size` is 0 or not whole sectors. The memory stays the caller's. */
int vmmp_blk_ram_init(struct vmmp_blk_ram *ram, void *memory, size_t size, bool read_only);
/** The disk as a backend; good for as long as `ram`. */
struct vmmp_blk_backend vmmp_blk_ram_backend(struct vmmp_blk_ram *ram);

#ifdef __cplusplus
}
#endif
