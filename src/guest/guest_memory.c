/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#include <errno.h>
#include <string.h>

void vmmp_guest_memory_init(struct vmmp_guest_memory *memory, vmmp_guest_resolve_fn *resolve,
                            void *resolve_cookie)
{
    memset(memory, 0, sizeof(*memory));
    memory->resolve = resolve;
    memory->resolve_cookie = resolve_cookie;
}

/* The host addresses are compared as integers: the regions may come from different objects. */
static bool continues(const struct vmmp_guest_region *region, uint64_t start, const uint8_t *host)
{
    return region->start + region->size == start &&
           (uintptr_t)region->host + region->size == (uintptr_t)host;
}

static void remove_region(struct vmmp_guest_memory *memory, unsigned index)
{
    memory->region_count--;
    memmove(&memory->regions[index], &memory->regions[index + 1],
            (memory->region_count - index) * sizeof(memory->regions[0]));
}

int vmmp_guest_memory_add(struct vmmp_guest_memory *memory, vmmp_gpa_t start, uint64_t size,
                          void *host)
{
    /* The last byte must be addressable; a region may end exactly at 2^64 on paper only. */
    if (size == 0 || start.gpa > UINT64_MAX - size || !host) {
        return -EINVAL;
    }
    struct vmmp_guest_region *regions = memory->regions;
    unsigned at = 0;
    while (at < memory->region_count && regions[at].start < start.gpa) {
        at++;
    }
    if (at > 0 && regions[at - 1].start + regions[at - 1].size > start.gpa) {
        return -EINVAL;
    }
    if (at < memory->region_count && start.gpa + size > regions[at].start) {
        return -EINVAL;
    }

    if (at > 0 && continues(&regions[at - 1], start.gpa, host)) {
        at--;
        regions[at].size += size;
    } else {
        if (memory->region_count == VMMP_GUEST_MEMORY_REGIONS) {
            return -ENOSPC;
        }
        memmove(&regions[at + 1], &regions[at], (memory->region_count - at) * sizeof(regions[0]));
        regions[at] = (struct vmmp_guest_region){ start.gpa, size, host };
        memory->region_count++;
    }
    if (at + 1 < memory->region_count &&
        continues(&regions[at], regions[at + 1].start, regions[at + 1].host)) {
        regions[at].size += regions[at + 1].size;
        remove_region(memory, at + 1);
    }
    return 0;
}

#define PAGE_SIZE 4096u

/*
 * How many of the `len` bytes at `gpa` are contiguous for the host, with their address. Memory that
 * only the resolver knows is taken a page at a time.
 */
static void *run_at(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, uint64_t len,
                    size_t *run)
{
    for (unsigned i = 0; i < memory->region_count; i++) {
        const struct vmmp_guest_region *region = &memory->regions[i];
        uint64_t offset = gpa.gpa - region->start;
        if (offset < region->size) {
            uint64_t left = region->size - offset;
            *run = (size_t)(len < left ? len : left);
            return region->host + offset;
        }
    }
    uint64_t in_page = PAGE_SIZE - gpa.gpa % PAGE_SIZE;
    *run = (size_t)(len < in_page ? len : in_page);
    return memory->resolve ? memory->resolve(memory->resolve_cookie, gpa, *run) : NULL;
}

enum access { READ, WRITE, ZERO };

static bool access_range(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, uint64_t len,
                         enum access access, uint8_t *to, const uint8_t *from)
{
    if (len > UINT64_MAX - gpa.gpa) {
        return false;
    }
    while (len > 0) {
        size_t run;
        uint8_t *host = run_at(memory, gpa, len, &run);
        if (!host) {
            return false;
        }
        switch (access) {
        case READ:
            memcpy(to, host, run);
            to += run;
            break;
        case WRITE:
            memcpy(host, from, run);
            from += run;
            break;
        case ZERO:
            memset(host, 0, run);
            break;
        }
        gpa.gpa += run;
        len -= run;
    }
    return true;
}

bool vmmp_guest_memory_read(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, void *to,
                            size_t len)
{
    return access_range(memory, gpa, len, READ, to, NULL);
}

bool vmmp_guest_memory_write(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa,
                             const void *from, size_t len)
{
    return access_range(memory, gpa, len, WRITE, NULL, from);
}

bool vmmp_guest_memory_zero(const struct vmmp_guest_memory *memory, vmmp_gpa_t gpa, uint64_t len)
{
    return access_range(memory, gpa, len, ZERO, NULL, NULL);
}

bool vmmp_guest_memory_find(const struct vmmp_guest_memory *memory, const void *host,
                            vmmp_gpa_t *gpa)
{
    for (unsigned i = 0; i < memory->region_count; i++) {
        const struct vmmp_guest_region *region = &memory->regions[i];
        uintptr_t offset = (uintptr_t)host - (uintptr_t)region->host;
        if (offset < region->size) {
            *gpa = vmmp_gpa(region->start + offset);
            return true;
        }
    }
    return false;
}
