/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/guest_memory_util.h>

#include "sel4/memory.h"

void *create_allocated_reservation_frame(vm_t *vm, uintptr_t addr, seL4_CapRights_t rights,
                                         memory_fault_callback_fn alloc_fault_callback,
                                         void *alloc_fault_cookie)
{
    return vmmp_sys_shared_page(vm, addr, rights, VMMP_SYS_FRAMES_ANONYMOUS, alloc_fault_callback,
                                alloc_fault_cookie);
}

void *create_device_reservation_frame(vm_t *vm, uintptr_t addr, seL4_CapRights_t rights,
                                      memory_fault_callback_fn fault_callback, void *fault_cookie)
{
    return vmmp_sys_shared_page(vm, addr, rights, VMMP_SYS_FRAMES_PHYSICAL, fault_callback,
                                fault_cookie);
}

int map_ut_alloc_reservation_with_base_paddr(vm_t *vm, uintptr_t paddr,
                                             vm_memory_reservation_t *reservation)
{
    return vmmp_sys_back_reservation(vm, reservation, VMMP_SYS_FRAMES_PHYSICAL,
                                     paddr & ~(uintptr_t)0xfff);
}

int map_ut_alloc_reservation(vm_t *vm, vm_memory_reservation_t *reservation)
{
    uintptr_t addr;
    size_t size;

    vm_get_reservation_memory_region(reservation, &addr, &size);
    return map_ut_alloc_reservation_with_base_paddr(vm, addr, reservation);
}

int map_frame_alloc_reservation(vm_t *vm, vm_memory_reservation_t *reservation)
{
    return vmmp_sys_back_reservation(vm, reservation, VMMP_SYS_FRAMES_ANONYMOUS, 0);
}

int map_maybe_device_reservation(vm_t *vm, vm_memory_reservation_t *reservation)
{
    return vmmp_sys_back_reservation(vm, reservation, VMMP_SYS_FRAMES_MAYBE_DEVICE, 0);
}
