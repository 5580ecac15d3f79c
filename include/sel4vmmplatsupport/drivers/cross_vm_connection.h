/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cross-VM connections, compatible interface: memory shared with another component and events to
 * and from it, as PCI functions of a guest. Native: vmmp/crossvm.h, which says what the guest sees
 * and what a hostile one can do.
 *
 * Every VM has its own connections: identifiers of events need to be unique within a VM only.
 * Single-threaded, like everything that takes a `vm_t`. Connections live as long as the VM; nothing
 * is allocated once they are made.
 */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#include <pci/helper.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <sel4vmmplatsupport/drivers/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*event_callback_fn)(void *arg);
typedef void (*emit_fn)(void);
typedef int (*consume_callback_fn)(event_callback_fn, void *arg);
/** An interrupt of the guest's controller, or a negative number if there is none (left). */
typedef int (*alloc_free_interrupt_fn)(void);

/** Memory: `num_frames` frames of 2^frame_size_bits bytes, one behind the other. */
typedef struct crossvm_dataport_handle {
    size_t frame_size_bits;
    unsigned int num_frames;
    seL4_CPtr *frames;
} crossvm_dataport_handle_t;

typedef struct crossvm_handle {
    crossvm_dataport_handle_t *dataport;
    void (*emit_fn)(void);       /**< An `emit_fn`; NULL: what the guest emits goes nowhere. */
    seL4_Word consume_id;        /**< (seL4_Word)-1: no events come in. */
    const char *connection_name; /**< Cut to 47 bytes; NULL: "connector". */
} crossvm_handle_t;

/**
 * Gives the guest a PCI function for each of `connections`, at `connection_base_addr` and behind:
 * the event page's BAR, then the dataport's, both of the power of two that the dataport fits in,
 * each aligned to its size. For dataports of one such size these are the addresses there have
 * always been. Both BARs answer there from the start, and wherever the guest moves them.
 *
 * `alloc_irq` is called once for each connection until it says no (a negative number) or repeats
 * itself; connections without a line of their own share the last one. The interrupt is a level:
 * high while the guest has events that it has not cleared.
 *
 * After vmm_pci_init(), the interrupt controller and the boot vCPU; before the device tree is made.
 * May be called again for more connections. Nothing given is kept but the frames' capabilities.
 *
 * 0; or -1, said in the log and with nothing left on the bus: a NULL argument; a dataport without
 * frames; BARs that leave the platform's PCI memory window, or 4 GiB; a bus without a free device;
 * addresses that are taken; frames that cannot be mapped; no interrupt, or one libsel4vm refuses.
 */
int cross_vm_connections_init_common(vm_t *vm, uintptr_t connection_base_addr,
                                     crossvm_handle_t *connections, int num_connections,
                                     vmm_pci_space_t *pci, alloc_free_interrupt_fn alloc_irq);

/**
 * An event for the first connection of `vm` with that `consume_id`; none: nothing happens. Without
 * `inject_irq` the event is counted and the caller injects the interrupt; a VM for which it was
 * ever true gets its interrupts from here.
 */
void consume_connection_event(vm_t *vm, seL4_Word event_id, bool inject_irq);

#ifdef __cplusplus
}
#endif
