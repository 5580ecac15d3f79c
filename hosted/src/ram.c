/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM: a sorted list of regions, free or allocated, which clients read. Upstream's is_ram
 * test wraps around for huge sizes; here it does not.
 */
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_ram.h>

#include "hosted.h"

/** Merges neighbours that touch and are both free or both allocated. */
static void regions_merge(struct vm_mem *mem)
{
    int kept = 0;
    for (int i = 1; i < mem->num_ram_regions; i++) {
        struct vm_ram_region *last = &mem->ram_regions[kept];
        const struct vm_ram_region *next = &mem->ram_regions[i];
        if (last->start + last->size == next->start && last->allocated == next->allocated) {
            last->size += next->size;
        } else {
            mem->ram_regions[++kept] = *next;
        }
    }
    if (mem->num_ram_regions) {
        mem->num_ram_regions = kept + 1;
    }
}

/** Room for `extra` more regions. */
static bool regions_grow(struct vm_mem *mem, size_t extra)
{
    size_t count = (size_t)mem->num_ram_regions;
    struct vm_ram_region *table = hosted_array_grow(mem->ram_regions, count, extra, sizeof(*table));
    if (table) {
        mem->ram_regions = table;
    }
    return table != NULL;
}

/** Keeps the order; there is room. */
static void region_insert(struct vm_mem *mem, struct vm_ram_region region)
{
    int i = mem->num_ram_regions++;
    while (i > 0 && mem->ram_regions[i - 1].start > region.start) {
        mem->ram_regions[i] = mem->ram_regions[i - 1];
        i--;
    }
    mem->ram_regions[i] = region;
}

static int region_add(struct hosted_vm *hosted, uintptr_t start, size_t size)
{
    struct vm_mem *mem = &hosted->vm->mem;
    struct vm_ram_region region = { .start = start, .size = size, .allocated = 0 };
    pthread_rwlock_wrlock(&hosted->tables);
    bool grown = regions_grow(mem, 1);
    if (grown) {
        region_insert(mem, region);
        regions_merge(mem);
    }
    pthread_rwlock_unlock(&hosted->tables);
    return grown ? 0 : -1;
}

/** Backs a reservation with fresh memory and makes it RAM. */
static int ram_back(struct hosted_vm *hosted, vm_memory_reservation_t *reservation)
{
    void *host = hosted_pages_allocate(hosted, reservation->size);
    if (!host) {
        return -1;
    }
    if (hosted_map(hosted, reservation, reservation->start, reservation->size, host, true) ||
        region_add(hosted, reservation->start, reservation->size)) {
        hosted_unmap_owner(hosted, reservation);
        hosted_pages_release(hosted, host);
        return -1;
    }
    return 0;
}

int vm_ram_register_at(vm_t *vm, uintptr_t start, size_t bytes, bool untyped)
{
    struct hosted_vm *hosted = vm->hosted;
    (void)untyped; /* Which physical memory it is makes no difference here. */
    if (bytes == 0 || (start | bytes) & HOSTED_PAGE_MASK) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "RAM of %#jx bytes at %#jx: both must be multiples of 4 KiB, and not nothing",
                   (uintmax_t)bytes, (uintmax_t)start);
        return -1;
    }
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(vm, start, bytes, default_error_fault_callback, NULL);
    if (!reservation) {
        return -1;
    }
    if (ram_back(hosted, reservation)) {
        vm_free_reserved_memory(vm, reservation);
        return -1;
    }
    return 0;
}

int vm_ram_register_at_custom_iterator(vm_t *vm, uintptr_t start, size_t bytes,
                                       memory_map_iterator_fn map_iterator, void *cookie)
{
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(vm, start, bytes, default_error_fault_callback, NULL);
    if (!reservation) {
        return -1;
    }
    if (vm_map_reservation(vm, reservation, map_iterator, cookie) ||
        region_add(vm->hosted, start, bytes)) {
        vm_free_reserved_memory(vm, reservation);
        return -1;
    }
    return 0;
}

uintptr_t vm_ram_register(vm_t *vm, size_t bytes)
{
    uintptr_t start = 0;
    if (bytes == 0 || bytes & HOSTED_PAGE_MASK) {
        return 0;
    }
    vm_memory_reservation_t *reservation = vm_reserve_anon_memory(
        vm, bytes, HOSTED_PAGE_SIZE, default_error_fault_callback, NULL, &start);
    return reservation && !ram_back(vm->hosted, reservation) ? start : 0;
}

/** Under the tables' lock: the region that holds all of the range, or -1. */
static int region_find(const struct vm_mem *mem, uintptr_t start, size_t size)
{
    for (int i = 0; i < mem->num_ram_regions; i++) {
        const struct vm_ram_region *region = &mem->ram_regions[i];
        uintptr_t offset = start - region->start;
        if (offset < region->size && size <= region->size - offset) {
            return i;
        }
    }
    return -1;
}

/** Under the tables' lock, with room for two more regions. */
static void region_split(struct vm_mem *mem, int i, uintptr_t start, size_t size)
{
    struct vm_ram_region whole = mem->ram_regions[i];
    size_t before = start - whole.start;
    size_t after = whole.size - before - size;
    mem->ram_regions[i].start = start;
    mem->ram_regions[i].size = size;
    mem->ram_regions[i].allocated = 1;
    if (before) {
        region_insert(mem, (struct vm_ram_region){ whole.start, before, 0 });
    }
    if (after) {
        region_insert(mem, (struct vm_ram_region){ start + size, after, 0 });
    }
    regions_merge(mem);
}

void vm_ram_mark_allocated(vm_t *vm, uintptr_t start, size_t bytes)
{
    struct vm_mem *mem = &vm->mem;
    pthread_rwlock_wrlock(&vm->hosted->tables);
    int i = bytes ? region_find(mem, start, bytes) : -1;
    if (i >= 0 && !mem->ram_regions[i].allocated && regions_grow(mem, 2)) {
        region_split(mem, i, start, bytes);
    }
    pthread_rwlock_unlock(&vm->hosted->tables);
}

uintptr_t vm_ram_allocate(vm_t *vm, size_t bytes)
{
    struct vm_mem *mem = &vm->mem;
    uintptr_t found = 0;
    pthread_rwlock_wrlock(&vm->hosted->tables);
    for (int i = 0; bytes && i < mem->num_ram_regions; i++) {
        const struct vm_ram_region *region = &mem->ram_regions[i];
        /* Address 0 would read as a failure. */
        if (!region->allocated && region->size >= bytes && region->start && regions_grow(mem, 2)) {
            found = mem->ram_regions[i].start;
            region_split(mem, i, found, bytes);
            break;
        }
    }
    pthread_rwlock_unlock(&vm->hosted->tables);
    return found;
}

void vm_ram_free(vm_t *vm, uintptr_t start, size_t bytes)
{
    /* As in libsel4vm: RAM once allocated stays so. */
    (void)vm;
    (void)start;
    (void)bytes;
}

/** The part of a region that a kernel can be loaded to. */
static size_t region_usable(const struct vm_ram_region *region)
{
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
    /* The boot protocol's 32-bit entry needs everything below 4 GiB. */
    uint64_t limit = UINT64_C(1) << 32;
    if (region->start >= limit) {
        return 0;
    }
    if (region->size > limit - region->start) {
        return (size_t)(limit - region->start);
    }
#endif
    return region->size;
}

int vm_ram_find_largest_free_region(vm_t *vm, uintptr_t *addr, size_t *size)
{
    size_t largest = 0;
    pthread_rwlock_rdlock(&vm->hosted->tables);
    for (int i = 0; i < vm->mem.num_ram_regions; i++) {
        const struct vm_ram_region *region = &vm->mem.ram_regions[i];
        size_t usable = region->allocated ? 0 : region_usable(region);
        if (usable > largest) {
            largest = usable;
            *addr = region->start;
        }
    }
    pthread_rwlock_unlock(&vm->hosted->tables);
    *size = largest ? largest : *size;
    return largest ? 0 : -1;
}

/** One page or a part of one. */
static int touch_page(struct hosted_vm *hosted, uintptr_t addr, size_t size, size_t offset,
                      ram_touch_callback_fn callback, void *cookie)
{
    const struct hosted_engine *engine = hosted->engine;
    uint64_t length = 0;
    void *host = hosted_vm_memory(hosted->vm, addr, &length);
    if (!host || length < size) {
        return -1;
    }
    void *lent = engine->alias_begin ? engine->alias_begin(hosted, host, size) : host;
    if (!lent) {
        return -1;
    }
    int result = callback(hosted->vm, addr, lent, size, offset, cookie);
    if (engine->alias_end) {
        engine->alias_end(hosted, lent, size);
    }
    return result;
}

int vm_ram_touch(vm_t *vm, uintptr_t addr, size_t size, ram_touch_callback_fn touch_callback,
                 void *cookie)
{
    struct hosted_vm *hosted = vm->hosted;
    pthread_rwlock_rdlock(&hosted->tables);
    bool is_ram = region_find(&vm->mem, addr, size) >= 0;
    pthread_rwlock_unlock(&hosted->tables);
    if (!is_ram || !touch_callback) {
        return -1;
    }
    for (size_t done = 0; done < size;) {
        uintptr_t at = addr + done;
        size_t in_page = HOSTED_PAGE_SIZE - (at & HOSTED_PAGE_MASK);
        size_t piece = in_page < size - done ? in_page : size - done;
        int result = touch_page(hosted, at, piece, done, touch_callback, cookie);
        if (result) {
            return result;
        }
        done += piece;
    }
    return 0;
}

int vm_guest_ram_read_callback(vm_t *vm, uintptr_t guest_addr, void *vaddr, size_t size,
                               size_t offset, void *buf)
{
    (void)vm;
    (void)guest_addr;
    memcpy((uint8_t *)buf + offset, vaddr, size);
    return 0;
}

int vm_guest_ram_write_callback(vm_t *vm, uintptr_t guest_addr, void *vaddr, size_t size,
                                size_t offset, void *buf)
{
    (void)vm;
    (void)guest_addr;
    memcpy(vaddr, (const uint8_t *)buf + offset, size);
    return 0;
}
