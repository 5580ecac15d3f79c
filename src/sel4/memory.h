/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory services of the host, for the rooms above src/sel4: implemented with vka, vspace and
 * simple on seL4 (src/sel4/memory.c) and with plain mappings on Linux (hosted/src/sys_memory.c).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

/* seL4's does not include what it needs. */
#include <sel4vm/guest_memory.h>

/** Where the frames behind a reservation come from. */
enum vmmp_sys_frames {
    VMMP_SYS_FRAMES_ANONYMOUS,    /**< Fresh memory that is no device. */
    VMMP_SYS_FRAMES_MAYBE_DEVICE, /**< Fresh memory, untypeds of devices allowed. */
    VMMP_SYS_FRAMES_PHYSICAL,     /**< The host frames at given physical addresses. */
};

/**
 * Maps guest RAM into the VMM, for good. [start, start + size) is one RAM region of `vm` or part of
 * one. Returns the VMM's address of `start`, contiguous for `*size` bytes. The first
 * `wanted` of them are to be used; the others are mapped ahead where the host can do it cheaply.
 * What is not mapped it reports by lowering `*size`, never below the page of `start`. NULL if
 * nothing could be mapped.
 */
void *vmmp_sys_map_ram(vm_t *vm, uint64_t start, uint64_t wanted, uint64_t *size);

/**
 * Backs a whole reservation with frames, readable and writable by the guest. `paddr` is the host
 * physical address of its first page for VMMP_SYS_FRAMES_PHYSICAL, else ignored. 0 or -1 (logged).
 */
int vmmp_sys_back_reservation(vm_t *vm, vm_memory_reservation_t *reservation,
                              enum vmmp_sys_frames frames, uintptr_t paddr);

/**
 * One page seen by both sides: mapped read-write into the VMM at the returned address and with
 * `rights` into the guest at `gpa`, whose other accesses go to `fault`. Zeroed if anonymous.
 * With VMMP_SYS_FRAMES_PHYSICAL it is the device page at host physical address `gpa`.
 * NULL on failure, with everything undone.
 */
void *vmmp_sys_shared_page(vm_t *vm, uintptr_t gpa, seL4_CapRights_t rights,
                           enum vmmp_sys_frames frames, memory_fault_callback_fn fault,
                           void *cookie);

/**
 * Maps `size` bytes of device registers at host physical `paddr` into the VMM, uncached. NULL on
 * failure.
 */
volatile void *vmmp_sys_map_registers(vm_t *vm, uintptr_t paddr, size_t size);

/**
 * Makes what the VMM wrote at [start, start + size) of guest RAM visible to a guest that runs with
 * its caches off. `host` is where it is mapped. Nothing to do on coherent hosts.
 */
void vmmp_sys_clean_cache(vm_t *vm, uint64_t start, void *host, size_t size);

/**
 * Lets accesses that fault into `reservation` come from several vCPU threads at once. Without it a
 * host with threads serialises them with everything else in the VM, as clients of libsel4vm expect.
 */
void vmmp_sys_reservation_unserialised(vm_t *vm, vm_memory_reservation_t *reservation);
