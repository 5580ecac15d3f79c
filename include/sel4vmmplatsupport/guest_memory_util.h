/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory behind reservations (compatible interface).
 *
 * A reservation is a range of guest-physical addresses claimed with vm_reserve_memory_at(); these
 * functions put frames behind it. Single-threaded. What is mapped stays mapped for the life of the
 * VM. With CONFIG_LIB_SEL4VM_DEFER_MEMORY_MAP the frames are found at the first access only.
 */
#pragma once

#include <stdint.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

/* seL4's does not include what it needs. */
#include <sel4vm/guest_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One page (4 KiB) of fresh memory at guest-physical `addr`, seen by both sides: writable at the
 * returned address by the VMM, with `rights` by the guest. Other accesses of the guest call
 * `alloc_fault_callback`; with seL4_CanRead that makes reads cheap and writes trap.
 * `addr` is page aligned and not reserved. NULL on failure, with everything undone.
 */
void *create_allocated_reservation_frame(vm_t *vm, uintptr_t addr, seL4_CapRights_t rights,
                                         memory_fault_callback_fn alloc_fault_callback,
                                         void *alloc_fault_cookie);

/** The same with the page of the device at host-physical `addr`. */
void *create_device_reservation_frame(vm_t *vm, uintptr_t addr, seL4_CapRights_t rights,
                                      memory_fault_callback_fn fault_callback, void *fault_cookie);

/**
 * Backs a reservation with the host frames from the page of `paddr` on, in order. 0 or -1.
 */
int map_ut_alloc_reservation_with_base_paddr(vm_t *vm, uintptr_t paddr,
                                             vm_memory_reservation_t *reservation);

/** Backs a reservation with the host frames of the same addresses. 0 or -1. */
int map_ut_alloc_reservation(vm_t *vm, vm_memory_reservation_t *reservation);

/** Backs a reservation with fresh memory. 0 or -1. */
int map_frame_alloc_reservation(vm_t *vm, vm_memory_reservation_t *reservation);

/** Backs a reservation with fresh memory, which may come from untypeds of devices. 0 or -1. */
int map_maybe_device_reservation(vm_t *vm, vm_memory_reservation_t *reservation);

#ifdef __cplusplus
}
#endif
