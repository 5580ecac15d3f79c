/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk whose changes stay in memory: copy on write over another backend (vmmp/blk.h), which is
 * only ever read. When the overlay goes, the changes are gone.
 *
 * Changes are kept by sector, in clusters of VMMP_BLK_OVERLAY_CLUSTER bytes taken from an arena of
 * the caller's; nothing is copied from the base. The arena is the bound on what a guest can make
 * the host remember: a write that needs a cluster more ends with -ENOSPC. Discarding whole clusters
 * gives them back, after which the base's contents show again (the contents of discarded sectors
 * are undefined by virtio 1.2, 5.2.6.2). Flushes have nothing to do: nothing here outlives the VM.
 *
 * Threads as vmmp/blk.h. Nothing is allocated.
 */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/blk.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_BLK_OVERLAY_CLUSTER 4096u

/** An arena that is sure to hold `clusters` clusters. */
#define VMMP_BLK_OVERLAY_BYTES(clusters) \
    ((size_t)(clusters) * (VMMP_BLK_OVERLAY_CLUSTER + 24) + VMMP_BLK_OVERLAY_CLUSTER)

/** The overlay's own. */
struct vmmp_blk_overlay_entry {
    uint64_t number; /**< Of the cluster on the disk. */
    uint32_t next;   /**< In its bucket or in the free list; one more than the index, 0: last. */
    uint32_t valid;  /**< A bit per sector that has been written. */
};

struct vmmp_blk_overlay {
    struct vmmp_blk_backend base;
    struct vmmp_blk_info info;
    uint8_t *storage; /* Cluster i belongs to entry i. */
    struct vmmp_blk_overlay_entry *entries;
    uint32_t *buckets; /* First entry, plus one. */
    uint32_t bucket_mask;
    uint32_t clusters; /**< How many the arena holds, */
    uint32_t in_use;   /**< how many of them hold changes, */
    uint32_t fresh;    /* and from which on they have never been used. */
    uint32_t free;     /* Used once and given back; plus one. */
};

/**
 * Prepares an overlay over `base`, which is copied and must outlive it. Only the parts of the arena
 * that are needed are ever touched, so untouched pages of a large one cost nothing. 0; -EINVAL for
 * an arena with room for no cluster; -E2BIG for too many backends one over the other.
 */
int vmmp_blk_overlay_init(struct vmmp_blk_overlay *overlay, const struct vmmp_blk_backend *base,
                          void *arena, size_t size);
/** The disk as a backend; good for as long as `overlay`. */
struct vmmp_blk_backend vmmp_blk_overlay_backend(struct vmmp_blk_overlay *overlay);

#ifdef __cplusplus
}
#endif
