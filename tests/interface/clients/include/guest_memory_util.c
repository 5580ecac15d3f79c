/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/guest_memory_util.h>

/* What is behind the holes that a PC's BIOS would fill. */
int client_guest_memory_util(vm_t *vm)
{
    vm_memory_reservation_t *hole =
        vm_reserve_memory_at(vm, 0xc0000, 0x1000, default_error_fault_callback, NULL);

    if (!hole || map_frame_alloc_reservation(vm, hole)) {
        return -1;
    }
    return map_ut_alloc_reservation(vm, hole) || map_maybe_device_reservation(vm, hole) ||
           map_ut_alloc_reservation_with_base_paddr(vm, 0x10000000, hole) ||
           !create_allocated_reservation_frame(vm, 0xd0000, seL4_CanRead,
                                               default_error_fault_callback, NULL) ||
           !create_device_reservation_frame(vm, 0x10000000, seL4_AllRights,
                                            default_error_fault_callback, NULL);
}
