/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory services of the host on seL4. */
#include "sel4/memory.h"

#include <stdbool.h>
#include <stdlib.h>

#include <platsupport/io.h>
#include <utils/util.h>

#include <sel4vm/guest_memory_helpers.h>

#include "sel4/frame.h"
#include "sel4/ram.h"

void *vmmp_sys_map_ram(vm_t *vm, uint64_t start, uint64_t wanted, uint64_t *size)
{
    return vmmp_ram_map(vm, start, wanted, size);
}

void vmmp_sys_clean_cache(vm_t *vm, uint64_t start, void *host, size_t size)
{
    vmmp_ram_clean(vm, start, host, size);
}

/* What an iterator of libsel4vm needs. It may be called when the guest first faults, so it stays.
 */
struct backing {
    vm_t *vm;
    enum vmmp_sys_frames frames;
    uintptr_t start; /* Guest-physical. */
    uintptr_t paddr;
};

static vm_frame_t back_page(uintptr_t addr, void *cookie)
{
    const struct backing *backing = cookie;
    uintptr_t page = addr & ~(uintptr_t)FRAME_PAGE_MASK;
    vm_frame_t frame = { seL4_CapNull, seL4_NoRights, 0, 0 };
    vka_object_t object;

    if (vmmp_frame_make(backing->vm, backing->frames, backing->paddr + (page - backing->start),
                        &object)) {
        ZF_LOGE("no frame for the guest's page at 0x%zx", (size_t)page);
        return frame;
    }
    frame.cptr = object.cptr;
    frame.rights = seL4_AllRights;
    frame.vaddr = page;
    frame.size_bits = seL4_PageBits;
    return frame;
}

int vmmp_sys_back_reservation(vm_t *vm, vm_memory_reservation_t *reservation,
                              enum vmmp_sys_frames frames, uintptr_t paddr)
{
    uintptr_t start;
    size_t size;

    vm_get_reservation_memory_region(reservation, &start, &size);
    if (start & FRAME_PAGE_MASK) {
        ZF_LOGE("a reservation at 0x%zx cannot be backed: it does not begin a page", (size_t)start);
        return -1;
    }
    struct backing *backing = calloc(1, sizeof(*backing));
    if (!backing) {
        ZF_LOGE("out of memory");
        return -1;
    }
    backing->vm = vm;
    backing->frames = frames;
    backing->start = start;
    backing->paddr = paddr & ~(uintptr_t)FRAME_PAGE_MASK;
    /* libsel4vm keeps the iterator of a mapping that failed: `backing` cannot go. */
    return vm_map_reservation(vm, reservation, back_page, backing) ? -1 : 0;
}

struct shared_frame {
    seL4_CPtr cap;
    seL4_CapRights_t rights;
};

static vm_frame_t shared_page(uintptr_t addr, void *cookie)
{
    const struct shared_frame *shared = cookie;
    vm_frame_t frame = { shared->cap, shared->rights, addr & ~(uintptr_t)FRAME_PAGE_MASK,
                         seL4_PageBits };
    return frame;
}

/* Maps a frame into the VMM and its copy into the reservation; NULL with both undone. */
static void *share(vm_t *vm, vm_memory_reservation_t *reservation, seL4_CPtr cap,
                   seL4_CapRights_t rights)
{
    cspacepath_t copy;
    struct shared_frame *shared = calloc(1, sizeof(*shared));
    if (!shared || vmmp_frame_copy(vm, cap, &copy)) {
        free(shared);
        return NULL;
    }
    shared->cap = copy.capPtr;
    shared->rights = rights;
    /* Uncached, as guests map what they take for a device's memory. */
    void *host =
        vspace_map_pages(&vm->mem.vmm_vspace, &cap, NULL, seL4_AllRights, 1, seL4_PageBits, 0);
    if (!host) {
        vmmp_frame_drop(vm, &copy);
        free(shared);
        return NULL;
    }
    if (vm_map_reservation(vm, reservation, shared_page, shared)) {
        vspace_unmap_pages(&vm->mem.vmm_vspace, host, 1, seL4_PageBits, VSPACE_PRESERVE);
        vmmp_frame_drop(vm, &copy);
        return NULL;
    }
    return host;
}

void *vmmp_sys_shared_page(vm_t *vm, uintptr_t gpa, seL4_CapRights_t rights,
                           enum vmmp_sys_frames frames, memory_fault_callback_fn fault,
                           void *cookie)
{
    vka_object_t frame;

    if (gpa & FRAME_PAGE_MASK) {
        ZF_LOGE("a shared page cannot be at 0x%zx, which does not begin a page", (size_t)gpa);
        return NULL;
    }
    vm_memory_reservation_t *reservation = vm_reserve_memory_at(
        vm, gpa, FRAME_PAGE_SIZE, fault ? fault : default_error_fault_callback, cookie);
    if (!reservation) {
        return NULL;
    }
    /* The kernel hands out its memory zeroed. */
    void *host = NULL;
    if (!vmmp_frame_make(vm, frames, gpa, &frame)) {
        host = share(vm, reservation, frame.cptr, rights);
        if (!host) {
            vmmp_frame_unmake(vm, &frame);
        }
    }
    if (!host) {
        ZF_LOGE("the page at 0x%zx cannot be shared with the guest", (size_t)gpa);
        vm_free_reserved_memory(vm, reservation);
    }
    return host;
}

volatile void *vmmp_sys_map_registers(vm_t *vm, uintptr_t paddr, size_t size)
{
    if (!vm->io_ops || !vm->io_ops->io_mapper.io_map_fn) {
        ZF_LOGE("the client has no io_mapper for the registers at 0x%zx", (size_t)paddr);
        return NULL;
    }
    return ps_io_map(&vm->io_ops->io_mapper, paddr, size, 0, PS_MEM_NORMAL);
}

void vmmp_sys_reservation_unserialised(vm_t *vm, vm_memory_reservation_t *reservation)
{
    /* A VMM here has one thread. */
    (void)vm;
    (void)reservation;
}
