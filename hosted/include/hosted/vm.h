/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program on Linux needs beyond the libsel4vm interface: choosing an engine, stopping,
 * locking and destroying a VM.
 *
 *     simple_t simple;
 *     hosted_simple_script(&simple, NULL, &log);          (hosted/script.h)
 *     vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "guest");
 *     ...
 *     vm_run(&vm);
 *     hosted_vm_destroy(&vm);
 *
 * Any number of VMs may exist in a process. A vm_t must stay where it is from vm_init() until
 * hosted_vm_destroy().
 *
 * Threads. libsel4vm promises its clients one thread. Here each vCPU has one, so every callback of
 * a client (reservations, unhandled faults, interrupt acknowledgements, I/O ports, notifications)
 * runs under one lock of the VM, the client lock. A client's own threads take it around
 * what they share with callbacks. The functions of libsel4vm itself may be called from any thread,
 * with or without the lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <platsupport/io.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Undoes vm_init() and everything done with the VM since: vCPUs, RAM, reservations, handlers.
 * vm_run() must have returned. The vm_t is zeroed; vm_init() may be called on it again. A vm_t that
 * is zeroed already is left alone.
 */
void hosted_vm_destroy(vm_t *vm);

/**
 * Makes vm_run() return `result` soon: the first call decides. Any thread; also from inside
 * callbacks, and before vm_run() (which then returns at once).
 */
void hosted_vm_stop(vm_t *vm, int result);

/** The client lock. Not recursive: never from inside a callback. */
void hosted_vm_lock(vm_t *vm);
void hosted_vm_unlock(vm_t *vm);

/**
 * Delivers `badge` to the callback of vm_register_notification_callback(), under the client lock.
 * Returns the callback's result, 0 without one.
 */
int hosted_vm_notify(vm_t *vm, seL4_Word badge);

/**
 * The VMM's address of guest-physical `gpa`, and in `*size` how many bytes from there on are
 * contiguous in both. NULL if nothing is mapped there. RAM and mapped reservations alike.
 */
void *hosted_vm_memory(vm_t *vm, uint64_t gpa, uint64_t *size);

/**
 * Gives the memory behind [gpa, gpa + size) back to the host, as far as it is the VM's own (RAM
 * from vm_ram_register() and its like) and in whole pages of the host's: it then reads as zeroes
 * and costs nothing until it is written to. A client's own memory (hosted_vm_frame()) is left
 * alone. Any thread, also while vCPUs run. 0; -EFAULT where nothing is mapped (what lies before is
 * done); -errno of madvise(2) or fallocate(2).
 */
int hosted_vm_discard(vm_t *vm, uint64_t gpa, uint64_t size);

/**
 * Makes a capability for `1 << size_bits` bytes of the caller's memory, for the iterators of
 * vm_map_reservation(). `host` and the size are multiples of the page size; the memory must outlive
 * the VM; give the same memory to two VMs to share it. seL4_CapNull if it is not aligned or no
 * memory is left.
 */
seL4_CPtr hosted_vm_frame(vm_t *vm, void *host, size_t size_bits);

/**
 * Maps `size` bytes of the caller's memory at `gpa`, readable and writable, in place of whatever
 * answers there: a reservation does no longer until hosted_vm_unmap(). For memory behind a PCI BAR,
 * which a guest moves: nothing is said in the log. `gpa`, `host` and `size` are multiples of the
 * page size, and the memory outlives the mapping. Any thread, also from inside callbacks. 0;
 * -EINVAL if not aligned; -EEXIST if memory is mapped there; -ENOMEM; the engine's error.
 */
int hosted_vm_map(vm_t *vm, uint64_t gpa, void *host, uint64_t size);
/** Undoes hosted_vm_map() at `gpa`. */
void hosted_vm_unmap(vm_t *vm, uint64_t gpa);

/** malloc behind ps_malloc_ops_t; no device mapper. Needs no undoing. */
void hosted_io_ops_init(ps_io_ops_t *io_ops);

#ifdef __cplusplus
}
#endif
