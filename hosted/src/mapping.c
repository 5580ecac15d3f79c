/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory behind guest-physical addresses, and the capabilities that stand for it.
 *
 * seL4 maps frames one by one; an engine is given runs of frames that are contiguous on both sides,
 * because a memory slot per page would be slow and soon too many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_memory.h>

#include "hosted.h"

/** Index of the first mapping that ends after `gpa`. */
static size_t mapping_index(const struct hosted_vm *hosted, uint64_t gpa)
{
    size_t low = 0;
    size_t high = hosted->mapping_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hosted_mapping *mapping = &hosted->mappings[middle];
        if (mapping->gpa + (mapping->size - 1) < gpa) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct hosted_mapping *hosted_mapping_find(const struct hosted_vm *hosted, uint64_t gpa)
{
    size_t i = mapping_index(hosted, gpa);
    if (i == hosted->mapping_count || gpa < hosted->mappings[i].gpa) {
        return NULL;
    }
    return &hosted->mappings[i];
}

/** Under the tables' lock. */
static int mapping_insert(struct hosted_vm *hosted, const struct hosted_mapping *mapping)
{
    size_t count = hosted->mapping_count;
    size_t i = mapping_index(hosted, mapping->gpa);
    if (i < count && hosted->mappings[i].gpa - mapping->gpa < mapping->size) {
        return -EEXIST;
    }
    if (i < count && hosted->mappings[i].gpa <= mapping->gpa) {
        return -EEXIST;
    }
    struct hosted_mapping *table = hosted_array_grow(hosted->mappings, count, 1, sizeof(*table));
    if (!table) {
        return -ENOMEM;
    }
    hosted->mappings = table;
    int error = hosted->engine->memory_map(hosted, mapping->gpa, mapping->size, mapping->host,
                                           mapping->writable);
    if (error) {
        return error;
    }
    memmove(&table[i + 1], &table[i], (count - i) * sizeof(table[0]));
    table[i] = *mapping;
    hosted->mapping_count++;
    return 0;
}

int hosted_map(struct hosted_vm *hosted, const vm_memory_reservation_t *owner, uint64_t gpa,
               uint64_t size, void *host, bool writable)
{
    struct hosted_mapping mapping = {
        .gpa = gpa, .size = size, .host = host, .writable = writable, .owner = owner
    };
    if (!hosted_permit(hosted, HOSTED_CALL_MAP)) {
        return -ENOMEM;
    }
    pthread_rwlock_wrlock(&hosted->tables);
    int error = mapping_insert(hosted, &mapping);
    pthread_rwlock_unlock(&hosted->tables);
    if (error) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot map %ju KiB at %#jx: %s",
                   (uintmax_t)(size >> 10), (uintmax_t)gpa, strerror(-error));
    }
    return error;
}

void hosted_unmap_owner(struct hosted_vm *hosted, const vm_memory_reservation_t *owner)
{
    size_t kept = 0;
    pthread_rwlock_wrlock(&hosted->tables);
    for (size_t i = 0; i < hosted->mapping_count; i++) {
        struct hosted_mapping mapping = hosted->mappings[i];
        if (mapping.owner == owner) {
            hosted->engine->memory_unmap(hosted, mapping.gpa, mapping.size);
        } else {
            hosted->mappings[kept++] = mapping;
        }
    }
    hosted->mapping_count = kept;
    pthread_rwlock_unlock(&hosted->tables);
}

/* The owner of what hosted_vm_map() maps: nobody's reservation. */
static const char mapped_by_hand;

int hosted_vm_map(vm_t *vm, uint64_t gpa, void *host, uint64_t size)
{
    struct hosted_vm *hosted = vm->hosted;
    struct hosted_mapping mapping = { .gpa = gpa,
                                      .size = size,
                                      .host = host,
                                      .writable = true,
                                      .owner = (const void *)&mapped_by_hand };
    if (!size || (gpa | (uintptr_t)host | size) & HOSTED_PAGE_MASK) {
        return -EINVAL;
    }
    if (!hosted_permit(hosted, HOSTED_CALL_MAP)) {
        return -ENOMEM;
    }
    pthread_rwlock_wrlock(&hosted->tables);
    int error = mapping_insert(hosted, &mapping);
    pthread_rwlock_unlock(&hosted->tables);
    return error;
}

void hosted_vm_unmap(vm_t *vm, uint64_t gpa)
{
    struct hosted_vm *hosted = vm->hosted;
    pthread_rwlock_wrlock(&hosted->tables);
    size_t i = mapping_index(hosted, gpa);
    if (i < hosted->mapping_count && hosted->mappings[i].gpa == gpa &&
        hosted->mappings[i].owner == (const void *)&mapped_by_hand) {
        hosted->engine->memory_unmap(hosted, gpa, hosted->mappings[i].size);
        hosted->mapping_count--;
        memmove(&hosted->mappings[i], &hosted->mappings[i + 1],
                (hosted->mapping_count - i) * sizeof(hosted->mappings[0]));
    }
    pthread_rwlock_unlock(&hosted->tables);
}

void hosted_mappings_free(struct hosted_vm *hosted)
{
    free(hosted->mappings);
    free(hosted->frames);
}

void *hosted_vm_memory(vm_t *vm, uint64_t gpa, uint64_t *size)
{
    struct hosted_vm *hosted = vm->hosted;
    uint8_t *host = NULL;
    pthread_rwlock_rdlock(&hosted->tables);
    const struct hosted_mapping *mapping = hosted_mapping_find(hosted, gpa);
    if (mapping) {
        host = mapping->host + (gpa - mapping->gpa);
        *size = mapping->size - (gpa - mapping->gpa);
        /* What follows on both sides belongs to it, whichever mapping it is in. */
        const struct hosted_mapping *end = hosted->mappings + hosted->mapping_count;
        for (const struct hosted_mapping *next = mapping + 1;
             next < end && next->gpa == gpa + *size && next->host == host + *size; next++) {
            *size += next->size;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    return host;
}

/**
 * An aligned access of a CPU is one access, which another one at the same time sees whole or not at
 * all.
 */
static void copy_as_cpu(void *to, const void *from, size_t size, const void *guest)
{
    bool aligned = ((uintptr_t)guest & (size - 1)) == 0;
    if (size == 1) {
        __atomic_store_n((uint8_t *)to, __atomic_load_n((const uint8_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    } else if (size == 2 && aligned) {
        __atomic_store_n((uint16_t *)to, __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    } else if (size == 4 && aligned) {
        __atomic_store_n((uint32_t *)to, __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
#if UINTPTR_MAX == UINT64_MAX
    } else if (size == 8 && aligned) {
        __atomic_store_n((uint64_t *)to, __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
#endif
    } else {
        memcpy(to, from, size);
    }
}

int hosted_memory_access(struct hosted_vm *hosted, uint64_t gpa, void *data, size_t size,
                         bool is_write)
{
    int result = -EFAULT;
    uint64_t aligned[1] = { 0 };
    if (size > sizeof(aligned)) {
        return -EINVAL;
    }
    pthread_rwlock_rdlock(&hosted->tables);
    const struct hosted_mapping *mapping = hosted_mapping_find(hosted, gpa);
    if (mapping && size <= mapping->size - (gpa - mapping->gpa) &&
        (mapping->writable || !is_write)) {
        uint8_t *host = mapping->host + (gpa - mapping->gpa);
        if (is_write) {
            memcpy(aligned, data, size);
            copy_as_cpu(host, aligned, size, host);
        } else {
            copy_as_cpu(aligned, host, size, host);
            memcpy(data, aligned, size);
        }
        result = 0;
    }
    pthread_rwlock_unlock(&hosted->tables);
    return result;
}

seL4_CPtr hosted_vm_frame(vm_t *vm, void *host, size_t size_bits)
{
    struct hosted_vm *hosted = vm->hosted;
    seL4_CPtr capability = seL4_CapNull;
    if (!host || (uintptr_t)host & HOSTED_PAGE_MASK || size_bits < seL4_PageBits ||
        size_bits >= CONFIG_WORD_SIZE) {
        return seL4_CapNull;
    }
    pthread_rwlock_wrlock(&hosted->tables);
    struct hosted_frame *table =
        hosted_array_grow(hosted->frames, hosted->frame_count, 1, sizeof(*table));
    if (table) {
        hosted->frames = table;
        table[hosted->frame_count].host = host;
        table[hosted->frame_count].size_bits = size_bits;
        capability = (seL4_CPtr)++hosted->frame_count;
    }
    pthread_rwlock_unlock(&hosted->tables);
    return capability;
}

/** The memory behind a frame that an iterator returned, or NULL if it makes no sense. */
static uint8_t *frame_host(struct hosted_vm *hosted, const vm_frame_t *frame)
{
    uint8_t *host = NULL;
    pthread_rwlock_rdlock(&hosted->tables);
    if (frame->cptr != seL4_CapNull && frame->cptr <= hosted->frame_count) {
        const struct hosted_frame *found = &hosted->frames[frame->cptr - 1];
        if (found->size_bits == frame->size_bits) {
            host = found->host;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    return host;
}

/** Frames collected until one does not continue the run. */
struct frame_run {
    uint64_t gpa;
    uint64_t size;
    uint8_t *host;
    seL4_CapRights_t rights;
};

static int run_flush(struct hosted_vm *hosted, const vm_memory_reservation_t *owner,
                     struct frame_run *run)
{
    int error = 0;
    /* Memory that the guest may not even read is no memory to it: every access faults. */
    if (run->size && seL4_CapRights_get_capAllowRead(run->rights)) {
        error = hosted_map(hosted, owner, run->gpa, run->size, run->host,
                           seL4_CapRights_get_capAllowWrite(run->rights));
    }
    run->size = 0;
    return error;
}

static int run_add(struct hosted_vm *hosted, const vm_memory_reservation_t *owner,
                   struct frame_run *run, const vm_frame_t *frame, uint8_t *host)
{
    uint64_t size = UINT64_C(1) << frame->size_bits;
    if (run->size && frame->vaddr == run->gpa + run->size && host == run->host + run->size &&
        frame->rights.words[0] == run->rights.words[0]) {
        run->size += size;
        return 0;
    }
    int error = run_flush(hosted, owner, run);
    run->gpa = frame->vaddr;
    run->size = size;
    run->host = host;
    run->rights = frame->rights;
    return error;
}

int vm_map_reservation(vm_t *vm, vm_memory_reservation_t *reservation,
                       memory_map_iterator_fn map_iterator, void *cookie)
{
    struct hosted_vm *hosted = vm->hosted;
    struct frame_run run = { 0 };
    uint64_t at = reservation->start;
    uint64_t end =
        at + (((uint64_t)reservation->size + HOSTED_PAGE_MASK) & ~(uint64_t)HOSTED_PAGE_MASK);
    int error = at & HOSTED_PAGE_MASK ? -EINVAL : 0;

    while (!error && at < end) {
        vm_frame_t frame = map_iterator((uintptr_t)at, cookie);
        uint8_t *host = frame_host(hosted, &frame);
        if (!host || frame.vaddr != at || (UINT64_C(1) << frame.size_bits) > end - at) {
            error = -EINVAL;
            break;
        }
        error = run_add(hosted, reservation, &run, &frame, host);
        at += UINT64_C(1) << frame.size_bits;
    }
    if (!error) {
        error = run_flush(hosted, reservation, &run);
    }
    if (error) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "cannot map the reservation at %#jx: no suitable frame for %#jx",
                   (uintmax_t)reservation->start, (uintmax_t)at);
        hosted_unmap_owner(hosted, reservation);
        return -1;
    }
    return 0;
}

struct frame_list {
    const seL4_CPtr *frames;
    size_t count;
    size_t size_bits;
    uintptr_t start;
};

static vm_frame_t frame_list_next(uintptr_t addr, void *cookie)
{
    const struct frame_list *list = cookie;
    vm_frame_t frame = { seL4_CapNull, seL4_NoRights, 0, 0 };
    size_t index = (addr - list->start) >> list->size_bits;
    if (index < list->count) {
        frame.cptr = list->frames[index];
        frame.rights = seL4_AllRights;
        frame.vaddr = addr;
        frame.size_bits = list->size_bits;
    }
    return frame;
}

int vm_map_reservation_frames(vm_t *vm, vm_memory_reservation_t *reservation, seL4_CPtr *frames,
                              size_t num_frames, size_t frame_size_bits)
{
    struct frame_list list = { .frames = frames,
                               .count = num_frames,
                               .size_bits = frame_size_bits,
                               .start = reservation->start };
    if (!frames || frame_size_bits < seL4_PageBits || frame_size_bits >= CONFIG_WORD_SIZE) {
        return -1;
    }
    return vm_map_reservation(vm, reservation, frame_list_next, &list);
}
