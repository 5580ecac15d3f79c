/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reservations: who answers at which guest-physical address.
 *
 * A sorted array, since look-ups (every exit) outnumber changes (set-up, a guest that moves a BAR)
 * by far. A reservation that is freed while its callback runs in another thread stays until the
 * callback returns; freeing does not wait, because who frees may hold what the callback waits for.
 */
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>

#include "hosted.h"

/** Of an element of `reservations`, which are pointers. */
#define SLOT_SIZE sizeof(void *)

static bool ranges_overlap(uintptr_t a, size_t a_size, uintptr_t b, size_t b_size)
{
    return a <= b ? b - a < a_size : a - b < b_size;
}

/** Index of the first reservation that ends after `address`. */
static size_t reservation_index(const struct hosted_vm *hosted, uintptr_t address)
{
    size_t low = 0;
    size_t high = hosted->reservation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const vm_memory_reservation_t *reservation = hosted->reservations[middle];
        if (reservation->start + (reservation->size - 1) < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_reserved(const struct hosted_vm *hosted, uintptr_t start, size_t size)
{
    size_t i = reservation_index(hosted, start);
    return i < hosted->reservation_count &&
           ranges_overlap(start, size, hosted->reservations[i]->start,
                          hosted->reservations[i]->size);
}

static bool is_anonymous(const struct hosted_vm *hosted, uintptr_t start, size_t size)
{
    for (const struct hosted_anonymous *region = hosted->anonymous; region; region = region->next) {
        if (ranges_overlap(start, size, region->start, region->size)) {
            return true;
        }
    }
    return false;
}

/** Under the tables' lock, the range being free. */
static vm_memory_reservation_t *reservation_insert(struct hosted_vm *hosted, uintptr_t start,
                                                   size_t size, memory_fault_callback_fn callback,
                                                   void *cookie)
{
    size_t count = hosted->reservation_count;
    vm_memory_reservation_t **table = hosted_array_grow(hosted->reservations, count, 1, SLOT_SIZE);
    if (!table) {
        return NULL;
    }
    hosted->reservations = table;
    vm_memory_reservation_t *reservation = calloc(1, sizeof(*reservation));
    if (!reservation) {
        return NULL;
    }
    reservation->start = start;
    reservation->size = size;
    reservation->callback = callback;
    reservation->cookie = cookie;
    atomic_init(&reservation->references, 1);

    size_t i = reservation_index(hosted, start);
    memmove(&table[i + 1], &table[i], (count - i) * SLOT_SIZE);
    table[i] = reservation;
    hosted->reservation_count++;
    return reservation;
}

vm_memory_reservation_t *hosted_reserve(struct hosted_vm *hosted, uintptr_t start, size_t size,
                                        memory_fault_callback_fn callback, void *cookie)
{
    vm_memory_reservation_t *reservation = NULL;
    pthread_rwlock_wrlock(&hosted->tables);
    if (!is_reserved(hosted, start, size) && !is_anonymous(hosted, start, size)) {
        reservation = reservation_insert(hosted, start, size, callback, cookie);
    }
    pthread_rwlock_unlock(&hosted->tables);
    return reservation;
}

vm_memory_reservation_t *vm_reserve_memory_at(vm_t *vm, uintptr_t addr, size_t size,
                                              memory_fault_callback_fn fault_callback, void *cookie)
{
    struct hosted_vm *hosted = vm->hosted;
    vm_memory_reservation_t *reservation = NULL;
    if (!fault_callback || !size || size - 1 > UINTPTR_MAX - addr) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "a reservation at %#jx needs a callback and a range that is neither empty nor "
                   "wraps around",
                   (uintmax_t)addr);
        return NULL;
    }
    if (hosted_permit(hosted, HOSTED_CALL_RESERVE)) {
        reservation = hosted_reserve(hosted, addr, size, fault_callback, cookie);
    }
    if (!reservation) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "cannot reserve [%#jx, %#jx]: something else has a part of it", (uintmax_t)addr,
                   (uintmax_t)(addr + (size - 1)));
    }
    return reservation;
}

int vm_memory_make_anon(vm_t *vm, uintptr_t addr, size_t size)
{
    struct hosted_vm *hosted = vm->hosted;
    struct hosted_anonymous *region = NULL;
    if (size && size - 1 <= UINTPTR_MAX - addr && hosted_permit(hosted, HOSTED_CALL_RESERVE)) {
        region = calloc(1, sizeof(*region));
    }
    if (!region) {
        return -1;
    }
    region->start = addr;
    region->size = size;

    pthread_rwlock_wrlock(&hosted->tables);
    bool taken = is_reserved(hosted, addr, size) || is_anonymous(hosted, addr, size);
    if (!taken) {
        /* At the end: regions are used up in the order they were given. */
        struct hosted_anonymous **end = &hosted->anonymous;
        while (*end) {
            end = &(*end)->next;
        }
        *end = region;
    }
    pthread_rwlock_unlock(&hosted->tables);
    if (taken) {
        free(region);
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "cannot make [%#jx, %#jx] anonymous: something else has a part of it",
                   (uintmax_t)addr, (uintmax_t)(addr + (size - 1)));
        return -1;
    }
    return 0;
}

/** Where in `region` the next range would be, as an offset; false if it does not fit. */
static bool anonymous_fit(const struct hosted_anonymous *region, size_t size, size_t align,
                          size_t *offset)
{
    uintptr_t next = region->start + region->used;
    size_t padding = (size_t)(-next & (align - 1));
    size_t left = region->size - region->used;
    if (padding > left || size > left - padding) {
        return false;
    }
    *offset = region->used + padding;
    return true;
}

vm_memory_reservation_t *vm_reserve_anon_memory(vm_t *vm, size_t size, size_t align,
                                                memory_fault_callback_fn fault_callback,
                                                void *cookie, uintptr_t *addr)
{
    struct hosted_vm *hosted = vm->hosted;
    if (align == 0) {
        align = 1;
    }
    if (!fault_callback || !size || !addr || (align & (align - 1)) ||
        !hosted_permit(hosted, HOSTED_CALL_RESERVE)) {
        return NULL;
    }
    vm_memory_reservation_t *reservation = NULL;
    pthread_rwlock_wrlock(&hosted->tables);
    for (struct hosted_anonymous *region = hosted->anonymous; region; region = region->next) {
        size_t offset;
        if (!anonymous_fit(region, size, align, &offset)) {
            continue;
        }
        reservation =
            reservation_insert(hosted, region->start + offset, size, fault_callback, cookie);
        if (reservation) {
            reservation->anonymous = true;
            region->used = offset + size;
            *addr = reservation->start;
        }
        break;
    }
    pthread_rwlock_unlock(&hosted->tables);
    if (!reservation) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "no anonymous region has %zu bytes left: see vm_memory_make_anon()", size);
    }
    return reservation;
}

int vm_free_reserved_memory(vm_t *vm, vm_memory_reservation_t *reservation)
{
    struct hosted_vm *hosted = vm->hosted;
    if (!reservation || reservation->anonymous) {
        return -1;
    }
    hosted_unmap_owner(hosted, reservation);

    pthread_rwlock_wrlock(&hosted->tables);
    size_t i = reservation_index(hosted, reservation->start);
    bool found = i < hosted->reservation_count && hosted->reservations[i] == reservation;
    if (found) {
        hosted->reservation_count--;
        memmove(&hosted->reservations[i], &hosted->reservations[i + 1],
                (hosted->reservation_count - i) * SLOT_SIZE);
    }
    pthread_rwlock_unlock(&hosted->tables);
    if (!found) {
        return -1;
    }
    hosted_reservation_put(reservation);
    return 0;
}

void vm_get_reservation_memory_region(vm_memory_reservation_t *reservation, uintptr_t *addr,
                                      size_t *size)
{
    *addr = reservation->start;
    *size = reservation->size;
}

vm_memory_reservation_t *hosted_reservation_find(struct hosted_vm *hosted, uint64_t gpa,
                                                 unsigned size)
{
    if (gpa > UINTPTR_MAX) {
        return NULL;
    }
    vm_memory_reservation_t *reservation = NULL;
    pthread_rwlock_rdlock(&hosted->tables);
    size_t i = reservation_index(hosted, (uintptr_t)gpa);
    if (i < hosted->reservation_count) {
        reservation = hosted->reservations[i];
        uintptr_t offset = (uintptr_t)gpa - reservation->start;
        /* An address below the start wraps to a large offset. */
        if (offset < reservation->size && size <= reservation->size - offset) {
            atomic_fetch_add(&reservation->references, 1);
        } else {
            reservation = NULL;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    return reservation;
}

void hosted_reservation_put(vm_memory_reservation_t *reservation)
{
    if (atomic_fetch_sub(&reservation->references, 1) == 1) {
        free(reservation);
    }
}

void hosted_reservations_free(struct hosted_vm *hosted)
{
    for (size_t i = 0; i < hosted->reservation_count; i++) {
        free(hosted->reservations[i]);
    }
    free(hosted->reservations);
    while (hosted->anonymous) {
        struct hosted_anonymous *region = hosted->anonymous;
        hosted->anonymous = region->next;
        free(region);
    }
}

memory_fault_result_t default_error_fault_callback(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t fault_addr,
                                                   size_t fault_length, void *cookie)
{
    (void)cookie;
    hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_GUEST,
               "%s: vCPU %u accessed %zu bytes at %#jx, where nothing answers", vm->vm_name,
               vcpu->vcpu_id, fault_length, (uintmax_t)fault_addr);
    return FAULT_ERROR;
}
