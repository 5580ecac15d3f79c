/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How native PCI functions and port windows join the compatible bus, and how a guest's accesses
 * reach it. For src/compat only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/ioports.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/window.h>

/**
 * Plugs a native function into the first free device of `space`. Memory BARs only have their
 * `bar_mapped` called. `addr` may be NULL. 0 or -1.
 */
int vmmp_compat_pci_add(vmm_pci_space_t *space, struct vmmp_pci_function *function,
                        vmm_pci_address_t *addr);

/**
 * Takes a function that vmmp_compat_pci_add() plugged in out again, before a guest has seen it.
 */
void vmmp_compat_pci_remove(vmm_pci_space_t *space, struct vmmp_pci_function *function);

/** The guest-physical addresses from `*base` up to before `*end` that memory BARs can be put at. */
void vmmp_compat_pci_memory(uint64_t *base, uint64_t *end);

/**
 * Takes ports from `list` as vmm_io_port_add_handler() does (IOPORT_FREE: naturally aligned), makes
 * them I/O BAR `bar` of `function`, whose size is that of `range` rounded up to a power of two (and
 * no less than `window`'s; a BAR that the function has already must be that), and plugs the
 * function in as above. `window` then answers wherever the guest puts the BAR, as long as the ports
 * there are free and decoding is on. The caller sets the command register before, if the ports are
 * to answer from the start. Returns the first port, or -1 with nothing changed.
 */
int vmmp_compat_pci_add_ports(vmm_pci_space_t *space, struct vmmp_pci_function *function,
                              unsigned bar, vmm_io_port_list_t *list, ioport_range_t range,
                              ioport_type_t type, struct vmmp_window *window);

/**
 * A guest's configuration access: 1, 2, 4 or 8 bytes at any alignment, bytes beyond the 256 and
 * absent functions all-ones. `*failed` is set (never cleared) if an entry reports an error, whose
 * bytes then read all-ones too.
 */
uint64_t vmmp_compat_pci_read(vmm_pci_space_t *space, vmm_pci_address_t addr, unsigned offset,
                              unsigned size, bool *failed);
void vmmp_compat_pci_write(vmm_pci_space_t *space, vmm_pci_address_t addr, unsigned offset,
                           unsigned size, uint64_t value, bool *failed);

/** As vmm_io_port_add_handler() with IOPORT_FREE, at a multiple of `align` (a power of two). */
ioport_entry_t *vmmp_compat_io_port_allocate(vmm_io_port_list_t *list, uint32_t size,
                                             uint32_t align, ioport_interface_t interface);

/**
 * Moves an entry of `list` to the ports from `first` on, or takes its ports away while it stays
 * valid (`enable` false). 0; -1 if the ports are taken or do not exist; then it has none.
 */
int vmmp_compat_io_port_move(vmm_io_port_list_t *list, ioport_entry_t *entry, uint32_t first,
                             bool enable);

/** For entries that do not live: undoes an addition. */
void vmmp_compat_io_port_drop(vmm_io_port_list_t *list, ioport_entry_t *entry);
