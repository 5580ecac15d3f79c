/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door to guest memory.
 *
 * RAM is mapped into the VMM once; an access is a bounds check and an addition. Every address and
 * length that comes from a guest goes through these functions and through nothing else.
 *
 * Hostile guest: any address and any length may be passed; a range that is not wholly RAM gives
 * NULL or false, and arithmetic never wraps. What is behind a pointer can change at any time under
 * the reader's eyes: read a field once into a local (vmmp_guest_load*), check the local, use it.
 *
 * Threads: regions are added before the first vCPU runs; look-ups may then happen in any thread.
 * Ownership: the host memory belongs to whoever added it and must outlive the structure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/addr.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_GUEST_MEMORY_REGIONS 16

struct vmmp_guest_region {
    uint64_t start; /**< Guest-physical. */
    uint64_t size;  /**< In bytes. */
    uint8_t *host;  /**< Where `start` is mapped. */
};

/**
 * Maps RAM that no region describes yet (4 KiB pages registered one by one by a client, or a
 * region that was registered late). Returns a pointer good for `len` bytes for as long as the VM
 * lives, or NULL.
 */
typedef void *vmmp_guest_resolve_fn(void *cookie, vmmp_gpa_t gpa, size_t len);

struct vmmp_guest_memory {
    unsigned region_count;
    struct vmmp_guest_region regions[VMMP_GUEST_MEMORY_REGIONS]; /**< Ascending, disjoint. */
    vmmp_guest_resolve_fn *resolve; /**< NULL: what is not in `regions` is not RAM. */
    void *resolve_cookie;
};

/** Empties the table. `resolve` may be NULL. */
void vmmp_guest_memory_init(struct vmmp_guest_memory *memory, vmmp_guest_resolve_fn *resolve,
                            void *resolve_cookie);

/**
 * Adds RAM. A region that continues another in guest and host addresses is merged with it.
 * Returns 0; -EINVAL if it is empty, wraps around or overlaps a region; -ENOSPC if the table is
 * full.
 */
int vmmp_guest_memory_add(struct vmmp_guest_memory *memory, vmmp_gpa_t start, uint64_t size,
                          void *host);

/** Whether all of the `len` bytes at `gpa` lie in this region; `gpa` itself must. */
static inline bool vmmp_guest_region_holds(const struct vmmp_guest_region *region, vmmp_gpa_t gpa,
                                           size_t len)
{
    /* An address below the region wraps to a large offset, which the comparison rejects. */
    uint64_t offset = gpa.gpa - region->start;
    return offset < region->size && len <= region->size - offset;
}

/** Whether there are any bytes, and all of them lie in this region: the quickest question. */
static inline bool vmmp_guest_region_holds_some(const struct vmmp_guest_region *region,
                                                vmmp_gpa_t gpa, uint32_t len)
{
    /* An address below the region is a large offset; if that wraps, `end` is below it. */
    uint64_t offset = gpa.gpa - region->start;
    uint64_t end = offset + len;
    return offset < end && end <= region->size;
}

/** Host pointer to an address that the region holds. */
static inline void *vmmp_guest_region_at(const struct vmmp_guest_region *region, vmmp_gpa_t gpa)
{
    return region->host + (gpa.gpa - region->start);
}

/** The region with `gpa`, or NULL. */
static inline const struct vmmp_guest_region *
vmmp_guest_memory_region(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa)
{
    for (unsigned i = 0; i < memory->region_count; i++) {
        const struct vmmp_guest_region *region = &memory->regions[i];
        if (vmmp_guest_region_holds(region, gpa, 0)) {
            return region;
        }
    }
    return NULL;
}

/**
 * Host pointer to `len` bytes of guest RAM at `gpa`, or NULL unless all of them lie in one region.
 * A `len` of 0 asks whether `gpa` itself is RAM.
 */
static inline void *vmmp_guest_memory_span(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa,
                                           size_t len)
{
    const struct vmmp_guest_region *region = vmmp_guest_memory_region(memory, gpa);
    if (region) {
        return vmmp_guest_region_holds(region, gpa, len) ? vmmp_guest_region_at(region, gpa) : NULL;
    }
    return memory->resolve ? memory->resolve(memory->resolve_cookie, gpa, len) : NULL;
}

/**
 * Copies between guest RAM and the host, across region borders if need be. False if any byte of
 * the range is not RAM; what the destination holds is then undefined.
 */
bool vmmp_guest_memory_read(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, void *to,
                            size_t len);
bool vmmp_guest_memory_write(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa,
                             const void *from, size_t len);
/** Fills guest RAM with zeroes; false as for a write. */
bool vmmp_guest_memory_zero(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, uint64_t len);

/**
 * The way back, for who has only a buffer of a queue: the address of the byte at `host`. False if
 * it is in none of `regions` (memory that `resolve` found may be in none).
 */
bool vmmp_guest_memory_find(const struct vmmp_guest_memory *memory, const void *host,
                            vmmp_gpa_t *gpa);

/*
 * Loads and stores of naturally aligned fields inside a span. The plain forms are single accesses
 * that the compiler neither repeats nor splits; `acquire` and `release` order them against the
 * guest's other accesses, as ring indices need it.
 */
static inline uint16_t vmmp_guest_load_le16(const vmmp_le16_t *field)
{
    vmmp_le16_t value = { __atomic_load_n(&field->le, __ATOMIC_RELAXED) };
    return vmmp_le16_get(value);
}

static inline uint16_t vmmp_guest_load_le16_acquire(const vmmp_le16_t *field)
{
    vmmp_le16_t value = { __atomic_load_n(&field->le, __ATOMIC_ACQUIRE) };
    return vmmp_le16_get(value);
}

static inline void vmmp_guest_store_le16(vmmp_le16_t *field, uint16_t value)
{
    __atomic_store_n(&field->le, vmmp_le16(value).le, __ATOMIC_RELAXED);
}

static inline void vmmp_guest_store_le16_release(vmmp_le16_t *field, uint16_t value)
{
    __atomic_store_n(&field->le, vmmp_le16(value).le, __ATOMIC_RELEASE);
}

static inline void vmmp_guest_store_le32(vmmp_le32_t *field, uint32_t value)
{
    __atomic_store_n(&field->le, vmmp_le32(value).le, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif
