/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsel4vm: guest-physical memory. What the functions do: spec of libsel4vm, and the comments at
 * hosted/src/{reservation,mapping}.c for what is particular to Linux.
 */
#pragma once

#include <stdint.h>

#include <sel4/sel4.h>
#include <sel4vm/arch/guest_memory_arch.h>

#include <hosted/handles.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vm_frame {
    seL4_CPtr cptr;
    seL4_CapRights_t rights;
    uintptr_t vaddr;
    size_t size_bits;
} vm_frame_t;

typedef enum memory_fault_result {
    FAULT_HANDLED,
    FAULT_UNHANDLED,
    FAULT_RESTART,
    FAULT_IGNORE,
    FAULT_ERROR
} memory_fault_result_t;

typedef memory_fault_result_t (*memory_fault_callback_fn)(vm_t *vm, vm_vcpu_t *vcpu,
                                                          uintptr_t fault_addr, size_t fault_length,
                                                          void *cookie);
typedef vm_frame_t (*memory_map_iterator_fn)(uintptr_t addr, void *cookie);

typedef struct vm_memory_reservation vm_memory_reservation_t;
typedef struct vm_memory_reservation_cookie vm_memory_reservation_cookie_t;

/** Claims a range that is free. NULL: no callback, empty, wraps around, overlaps, no memory. */
vm_memory_reservation_t *vm_reserve_memory_at(vm_t *vm, uintptr_t addr, size_t size,
                                              memory_fault_callback_fn fault_callback,
                                              void *cookie);
/**
 * Claims a range inside what vm_memory_make_anon() gave. `align` is a power of two; the address
 * goes to `*addr`.
 */
vm_memory_reservation_t *vm_reserve_anon_memory(vm_t *vm, size_t size, size_t align,
                                                memory_fault_callback_fn fault_callback,
                                                void *cookie, uintptr_t *addr);
int vm_memory_make_anon(vm_t *vm, uintptr_t addr, size_t size);
/**
 * Unmaps and releases a reservation; -1 for one made by vm_reserve_anon_memory(). A callback of it
 * that runs in another thread may still be running on return.
 */
int vm_free_reserved_memory(vm_t *vm, vm_memory_reservation_t *reservation);
int vm_map_reservation(vm_t *vm, vm_memory_reservation_t *reservation,
                       memory_map_iterator_fn map_iterator, void *cookie);
int vm_map_reservation_frames(vm_t *vm, vm_memory_reservation_t *reservation, seL4_CPtr *frames,
                              size_t num_frames, size_t frame_size_bits);
void vm_get_reservation_memory_region(vm_memory_reservation_t *reservation, uintptr_t *addr,
                                      size_t *size);
int vm_memory_init(vm_t *vm);

#ifdef __cplusplus
}
#endif
