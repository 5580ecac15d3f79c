/* SPDX-License-Identifier: BSD-2-Clause */
/* The front-end's memory: what it shares, under its own addresses and under its guest's. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vhost_user_internal.h"

void vhost_memory_init(struct vhost_memory *memory)
{
    memset(memory, 0, sizeof(*memory));
    vmmp_guest_memory_init(&memory->guest, NULL, NULL);
}

static void unmap(struct vhost_mapping *mapping)
{
    if (mapping->start) {
        vhost_guard_remove(mapping->start);
        munmap(mapping->start, mapping->size);
    }
    *mapping = (struct vhost_mapping){ NULL, 0 };
}

void vhost_memory_unmap(struct vhost_region *region)
{
    unmap(&region->mapping);
}

void vhost_memory_forget(struct vhost_memory *memory)
{
    while (memory->retired_count > 0) {
        unmap(&memory->retired[--memory->retired_count]);
    }
}

void vhost_memory_fini(struct vhost_memory *memory)
{
    vhost_memory_forget(memory);
    while (memory->count > 0) {
        unmap(&memory->regions[--memory->count].mapping);
    }
    vmmp_guest_memory_init(&memory->guest, NULL, NULL);
}

/* Ends of ranges are addresses too, so they may not wrap. */
static const char *check(const struct vhost_user_memory_region *wanted, int fd)
{
    struct stat status;
    uint64_t size = wanted->size;
    if (size == 0 || wanted->guest_address > UINT64_MAX - size ||
        wanted->user_address > UINT64_MAX - size || wanted->mmap_offset > INT64_MAX - size ||
        size > INT64_MAX || wanted->mmap_offset + size > SIZE_MAX) {
        return "a memory region is empty or beyond all addresses";
    }
    if (fd < 0 || fstat(fd, &status) != 0) {
        return "a memory region without a descriptor";
    }
    if (!S_ISREG(status.st_mode)) {
        return "a memory region is in no file";
    }
    if ((uint64_t)status.st_size < wanted->mmap_offset + size) {
        return "a memory region is larger than its file";
    }
    return NULL;
}

/*
 * From the file's beginning on, as the offset need not be one of a page (of a large one, even); the
 * pages before it cost nothing.
 */
const char *vhost_memory_map(const struct vhost_user_memory_region *wanted, int fd,
                             struct vhost_region *region)
{
    const char *why = check(wanted, fd);
    if (why) {
        return why;
    }
    struct stat status;
    size_t size = (size_t)(wanted->mmap_offset + wanted->size);
    /* Whole pages of the file's own, which has hundreds of them at once where they are large. */
    if (fstat(fd, &status) == 0 && status.st_blksize > 0) {
        size_t page = (size_t)status.st_blksize;
        size = size <= SIZE_MAX - page ? (size + page - 1) / page * page : size;
    }
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (start == MAP_FAILED) {
        return "a memory region cannot be mapped";
    }
    if (!vhost_guard_add(start, size)) {
        munmap(start, size);
        return "too many memory regions in this process";
    }
    *region = (struct vhost_region){
        .guest = wanted->guest_address,
        .user = wanted->user_address,
        .size = wanted->size,
        .mapping = { start, size },
        .host = (uint8_t *)start + wanted->mmap_offset,
    };
    return NULL;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static const char *fill(struct vmmp_guest_memory *guest, const struct vhost_region *regions,
                        unsigned count)
{
    vmmp_guest_memory_init(guest, NULL, NULL);
    for (unsigned i = 0; i < count; i++) {
        const struct vhost_region *region = &regions[i];
        for (unsigned j = 0; j < i; j++) {
            if (overlap(region->user, region->size, regions[j].user, regions[j].size)) {
                return "memory regions overlap";
            }
        }
        if (vmmp_guest_memory_add(guest, vmmp_gpa(region->guest), region->size, region->host)) {
            return "memory regions overlap";
        }
    }
    return NULL;
}

/* Whether the table `regions` has this mapping too. */
static bool is_kept(const struct vhost_mapping *mapping, const struct vhost_region *regions,
                    unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (regions[i].mapping.start == mapping->start) {
            return true;
        }
    }
    return false;
}

const char *vhost_memory_set(struct vhost_memory *memory, const struct vhost_region *regions,
                             unsigned count)
{
    struct vmmp_guest_memory guest;
    const char *why = fill(&guest, regions, count);
    unsigned leaving = 0;
    for (unsigned i = 0; i < memory->count; i++) {
        leaving += !is_kept(&memory->regions[i].mapping, regions, count);
    }
    if (!why && leaving > VHOST_RETIRED - memory->retired_count) {
        why = "memory changes faster than requests end";
    }
    if (why) {
        return why;
    }
    for (unsigned i = 0; i < memory->count; i++) {
        if (!is_kept(&memory->regions[i].mapping, regions, count)) {
            memory->retired[memory->retired_count++] = memory->regions[i].mapping;
        }
    }
    memmove(memory->regions, regions, count * sizeof(regions[0]));
    memory->count = count;
    memory->guest = guest;
    return NULL;
}

bool vhost_memory_find(const struct vhost_memory *memory, uint64_t user, vmmp_gpa_t *guest)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct vhost_region *region = &memory->regions[i];
        if (user - region->user < region->size) {
            *guest = vmmp_gpa(region->guest + (user - region->user));
            return true;
        }
    }
    return false;
}

bool vhost_memory_missing(const struct vhost_memory *memory)
{
    for (unsigned i = 0; i < memory->count; i++) {
        if (vhost_guard_hit(memory->regions[i].mapping.start)) {
            return true;
        }
    }
    for (unsigned i = 0; i < memory->retired_count; i++) {
        if (vhost_guard_hit(memory->retired[i].start)) {
            return true;
        }
    }
    return false;
}
