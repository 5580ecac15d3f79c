/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory services of the host (src/sel4/memory.h) on Linux: plain mappings. */
#include <errno.h>

#include <sel4vm/guest_memory_helpers.h>

#include "hosted.h"
#include "sel4/memory.h"

void *vmmp_sys_map_ram(vm_t *vm, uint64_t start, uint64_t wanted, uint64_t *size)
{
    struct hosted_vm *hosted = vm->hosted;
    uint64_t contiguous = 0;
    if (!hosted_permit(hosted, HOSTED_CALL_MAP_RAM)) {
        return NULL;
    }
    /* RAM is in this process already: all there is to do is to say where. */
    void *host = hosted_vm_memory(vm, start, &contiguous);
    if (host && contiguous < *size) {
        *size = contiguous;
    }
    if (host && hosted->engine->memory_mapped) {
        *size = hosted->engine->memory_mapped(hosted, start, wanted, *size);
    }
    return *size ? host : NULL;
}

/** Memory for a reservation; `*fresh` if it is to be given back when mapping it fails. */
static void *frames_get(struct hosted_vm *hosted, enum vmmp_sys_frames frames, uint64_t paddr,
                        size_t size, bool *fresh)
{
    *fresh = frames != VMMP_SYS_FRAMES_PHYSICAL;
    if (*fresh) {
        return hosted_pages_allocate(hosted, size);
    }
    void *host = NULL;
    if (hosted->engine->memory_physical && hosted_permit(hosted, HOSTED_CALL_PHYSICAL)) {
        host = hosted->engine->memory_physical(hosted, paddr, size);
    }
    if (!host) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "the host's device memory at %#jx cannot be given to a guest by this engine",
                   (uintmax_t)paddr);
    }
    return host;
}

static void *back(struct hosted_vm *hosted, const vm_memory_reservation_t *reservation,
                  enum vmmp_sys_frames frames, uint64_t paddr, seL4_CapRights_t rights)
{
    bool fresh;
    size_t size = (reservation->size + HOSTED_PAGE_MASK) & ~(size_t)HOSTED_PAGE_MASK;
    void *host = frames_get(hosted, frames, paddr, size, &fresh);
    int error = host ? 0 : -ENOMEM;
    if (!error && seL4_CapRights_get_capAllowRead(rights)) {
        error = hosted_map(hosted, reservation, reservation->start, size, host,
                           seL4_CapRights_get_capAllowWrite(rights));
    }
    if (error && host && fresh) {
        hosted_pages_release(hosted, host);
    }
    return error ? NULL : host;
}

int vmmp_sys_back_reservation(vm_t *vm, vm_memory_reservation_t *reservation,
                              enum vmmp_sys_frames frames, uintptr_t paddr)
{
    if (reservation->start & HOSTED_PAGE_MASK) {
        hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "a reservation at %#jx cannot be backed: it does not begin a page",
                   (uintmax_t)reservation->start);
        return -1;
    }
    uint64_t physical = paddr & ~(uint64_t)HOSTED_PAGE_MASK;
    return back(vm->hosted, reservation, frames, physical, seL4_ReadWrite) ? 0 : -1;
}

void *vmmp_sys_shared_page(vm_t *vm, uintptr_t gpa, seL4_CapRights_t rights,
                           enum vmmp_sys_frames frames, memory_fault_callback_fn fault,
                           void *cookie)
{
    if (gpa & HOSTED_PAGE_MASK) {
        hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "a shared page cannot be at %#jx, which does not begin a page", (uintmax_t)gpa);
        return NULL;
    }
    vm_memory_reservation_t *reservation = vm_reserve_memory_at(
        vm, gpa, HOSTED_PAGE_SIZE, fault ? fault : default_error_fault_callback, cookie);
    if (!reservation) {
        return NULL;
    }
    void *host = back(vm->hosted, reservation, frames, gpa, rights);
    if (!host) {
        vm_free_reserved_memory(vm, reservation);
    }
    return host;
}

volatile void *vmmp_sys_map_registers(vm_t *vm, uintptr_t paddr, size_t size)
{
    struct hosted_vm *hosted = vm->hosted;
    if (!hosted_permit(hosted, HOSTED_CALL_PHYSICAL)) {
        return NULL;
    }
    if (vm->io_ops && vm->io_ops->io_mapper.io_map_fn) {
        return ps_io_map(&vm->io_ops->io_mapper, paddr, size, 0, PS_MEM_NORMAL);
    }
    uintptr_t offset = paddr & HOSTED_PAGE_MASK;
    uint8_t *host = NULL;
    if (hosted->engine->memory_physical && size &&
        size <= SIZE_MAX - 2 * (size_t)HOSTED_PAGE_SIZE) {
        size_t pages = (offset + size + HOSTED_PAGE_MASK) & ~(size_t)HOSTED_PAGE_MASK;
        host = hosted->engine->memory_physical(hosted, paddr - offset, pages);
    }
    if (!host) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "the host's registers at %#jx cannot be mapped by this engine",
                   (uintmax_t)paddr);
        return NULL;
    }
    return host + offset;
}

void vmmp_sys_clean_cache(vm_t *vm, uint64_t start, void *host, size_t size)
{
    /* Caches of a Linux host are coherent with its guests'. */
    (void)vm;
    (void)start;
    (void)host;
    (void)size;
}

void vmmp_sys_reservation_unserialised(vm_t *vm, vm_memory_reservation_t *reservation)
{
    (void)vm;
    atomic_store(&reservation->unserialised, true);
}
