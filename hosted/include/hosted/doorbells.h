/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells (vmmp/doorbell.h) of a VM as eventfds in an event loop: KVM's ioeventfd. The guest's
 * write costs it no exit to user space; the loop's thread kicks the queue inside the device's
 * context.
 *
 *     struct vmmp_doorbells bells = hosted_doorbells_init(&doorbells, &vm, loop);
 *     struct vmmp_virtio_pci_options options = { .doorbells = &bells };
 *
 * Each doorbell is an eventfd and a piece of the heap while a queue works. Adding one fails, and
 * its writes stay exits, where the engine has none (the scripted one) or descriptors have run out.
 *
 * Removal is exact: when it returns the kernel takes no more writes, the loop delivers nothing, and
 * a write that was taken and not yet delivered is reported.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/doorbell.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Outlives its doorbells; the VM and the loop outlive it. */
struct hosted_doorbells {
    vm_t *vm;
    struct hosted_event_loop *loop;
    unsigned long rings; /**< Delivered; a relaxed counter. */
};

struct vmmp_doorbells hosted_doorbells_init(struct hosted_doorbells *doorbells, vm_t *vm,
                                            struct hosted_event_loop *loop);

#ifdef __cplusplus
}
#endif
