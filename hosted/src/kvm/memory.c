/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory as KVM's slots. What is contiguous on both sides becomes one slot, as long as the VM
 * has not run yet: RAM that was registered page by page costs the kernel no more than one region.
 */
#include "kvm.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From here on the kernel can back memory, and the second stage map it, with block entries. */
#define HUGE_PAGE (UINT64_C(2) << 20)

static int set_region(const struct kvm_vm *vm, const struct memory_slot *slot, uint64_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot->id,
        .flags = slot->writable ? 0 : KVM_MEM_READONLY,
        .guest_phys_addr = slot->gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)slot->host,
    };
    int err = kvm_call(vm->fd, KVM_SET_USER_MEMORY_REGION, (unsigned long)&region);
    if (err < 0) {
        vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "KVM refuses %s memory [0x%" PRIx64 ", 0x%" PRIx64 "): %s",
                 slot->writable ? "writable" : "read-only", slot->gpa, slot->gpa + slot->size,
                 strerror(-err));
    }
    return err < 0 ? err : 0;
}

static bool id_is_used(const struct kvm_vm *vm, uint32_t id)
{
    for (size_t i = 0; i < vm->slot_count; i++) {
        if (vm->slots[i].committed && vm->slots[i].id == id) {
            return true;
        }
    }
    return false;
}

static int commit(struct kvm_vm *vm, struct memory_slot *slot)
{
    if (vm->slot_count > vm->slot_limit) {
        vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "more than KVM's %u pieces of memory: register RAM in larger ones",
                 vm->slot_limit);
        return -ENOSPC;
    }
    while (id_is_used(vm, vm->next_slot)) {
        vm->next_slot = (vm->next_slot + 1) % vm->slot_limit;
    }
    slot->id = vm->next_slot;
    vm->next_slot = (vm->next_slot + 1) % vm->slot_limit;
    int err = set_region(vm, slot, slot->size);
    slot->committed = !err;
    return err;
}

/* Index of the first slot above `gpa`. */
static size_t place_above(const struct kvm_vm *vm, uint64_t gpa)
{
    size_t i = 0;
    while (i < vm->slot_count && vm->slots[i].gpa <= gpa) {
        i++;
    }
    return i;
}

static int make_room(struct kvm_vm *vm, size_t more)
{
    if (vm->slot_count + more <= vm->slot_room) {
        return 0;
    }
    size_t room = vm->slot_room ? vm->slot_room * 2 : 16;
    struct memory_slot *slots = realloc(vm->slots, room * sizeof *slots);
    if (!slots) {
        return -ENOMEM;
    }
    vm->slots = slots;
    vm->slot_room = room;
    return 0;
}

static struct memory_slot *insert(struct kvm_vm *vm, const struct memory_slot *slot)
{
    size_t at = place_above(vm, slot->gpa);
    memmove(&vm->slots[at + 1], &vm->slots[at], (vm->slot_count - at) * sizeof *slot);
    vm->slots[at] = *slot;
    vm->slot_count++;
    return &vm->slots[at];
}

static void erase(struct kvm_vm *vm, size_t at)
{
    vm->slot_count--;
    memmove(&vm->slots[at], &vm->slots[at + 1], (vm->slot_count - at) * sizeof vm->slots[0]);
}

static bool continues(const struct memory_slot *low, const struct memory_slot *high)
{
    return !low->committed && !high->committed && low->writable == high->writable &&
           low->gpa + low->size == high->gpa && low->host + low->size == high->host;
}

static void merge_around(struct kvm_vm *vm, size_t at)
{
    if (at + 1 < vm->slot_count && continues(&vm->slots[at], &vm->slots[at + 1])) {
        vm->slots[at].size += vm->slots[at + 1].size;
        erase(vm, at + 1);
    }
    if (at > 0 && continues(&vm->slots[at - 1], &vm->slots[at])) {
        vm->slots[at - 1].size += vm->slots[at].size;
        erase(vm, at);
    }
}

int kvm_memory_map(struct hosted_vm *hosted, uint64_t gpa, uint64_t size, void *host, bool writable)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    struct memory_slot slot = { .gpa = gpa, .size = size, .host = host, .writable = writable };
    if (gpa >= vm->address_limit || size > vm->address_limit - gpa) {
        vmmp_log(hosted_vm_log(hosted), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "memory at 0x%" PRIx64 " reaches beyond the VM's address limit 0x%" PRIx64, gpa,
                 vm->address_limit);
        return -E2BIG;
    }
    if (size >= HUGE_PAGE) {
        (void)madvise(host, size, MADV_HUGEPAGE);
    }
    pthread_mutex_lock(&vm->memory_lock);
    int err = make_room(vm, 1);
    if (!err) {
        size_t at = (size_t)(insert(vm, &slot) - vm->slots);
        if (!vm->slots_live) {
            merge_around(vm, at);
        } else {
            err = commit(vm, &vm->slots[at]);
            if (err) {
                erase(vm, at);
            }
        }
    }
    pthread_mutex_unlock(&vm->memory_lock);
    return err;
}

/* What is left of a slot that had [gpa, gpa + size) taken out of it. */
static int put_rest(struct kvm_vm *vm, const struct memory_slot *whole, uint64_t gpa, uint64_t size)
{
    struct memory_slot low = *whole;
    struct memory_slot high = *whole;
    int err = 0;
    low.size = gpa - whole->gpa;
    high.gpa = gpa + size;
    high.size = whole->size - size - low.size;
    high.host = whole->host + (high.gpa - whole->gpa);
    low.committed = high.committed = false;
    if (low.size) {
        struct memory_slot *slot = insert(vm, &low);
        err = whole->committed ? commit(vm, slot) : 0;
    }
    if (high.size && !err) {
        struct memory_slot *slot = insert(vm, &high);
        err = whole->committed ? commit(vm, slot) : 0;
    }
    return err;
}

static int remove_range(struct kvm_vm *vm, size_t at, uint64_t gpa, uint64_t size)
{
    struct memory_slot whole = vm->slots[at];
    /* While a part of the memory is away for a moment, the guest must not look. */
    bool splits = whole.committed && whole.size != size;
    if (splits) {
        kvm_pause(vm);
    }
    int err = whole.committed ? set_region(vm, &whole, 0) : 0;
    if (!err) {
        erase(vm, at);
        err = put_rest(vm, &whole, gpa, size);
    }
    if (splits) {
        kvm_resume(vm);
    }
    return err;
}

int kvm_memory_unmap(struct hosted_vm *hosted, uint64_t gpa, uint64_t size)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    pthread_mutex_lock(&vm->memory_lock);
    /* Merged pieces are not told apart any more, but every one lies inside one slot. */
    size_t above = place_above(vm, gpa);
    int err = make_room(vm, 1);
    if (!err) {
        const struct memory_slot *slot = above ? &vm->slots[above - 1] : NULL;
        bool found = slot && gpa - slot->gpa < slot->size && size <= slot->size - (gpa - slot->gpa);
        err = found ? remove_range(vm, above - 1, gpa, size) : -ENOENT;
    }
    pthread_mutex_unlock(&vm->memory_lock);
    return err;
}

int kvm_memory_commit(struct kvm_vm *vm)
{
    int err = 0;
    pthread_mutex_lock(&vm->memory_lock);
    for (size_t i = 0; i < vm->slot_count && !err; i++) {
        if (!vm->slots[i].committed) {
            err = commit(vm, &vm->slots[i]);
        }
    }
    vm->slots_live = !err;
    pthread_mutex_unlock(&vm->memory_lock);
    return err;
}
