/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI on x86: configuration mechanism #1 and passthrough, compatible interface. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vm/arch/ioports.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <pci/virtual_pci.h>
#include <pci/helper.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gives the guest what a host device has behind its BARs. Memory is mapped at a naturally aligned
 * guest address of the client's anonymous memory (vm_memory_make_anon()), I/O ports are passed
 * through to the boot vCPU. `bars`, with room for 6, says what is where, for
 * vmm_pci_create_bar_emulation(): a BAR keeps its number, one that the device does not have is an
 * entry without a size. A 64-bit BAR becomes a 32-bit one. A BAR smaller than a page shows the
 * guest all of its page, which is said in the log. Returns how many entries there are up to the
 * last BAR, or -1 (logged): a size that is no power of two, no room, or a mapping that failed. What
 * was mapped before that stays so.
 */
int vmm_pci_helper_map_bars(vm_t *vm, libpci_device_iocfg_t *cfg, vmm_pci_bar_t *bars);

/**
 * Handlers for ports 0xCF8 to 0xCFF; `cookie` is the vmm_pci_space_t. 0xCF8..0xCFB hold the
 * configuration address, byte-addressable, its low two bits 0; bit 31 is not required. A byte
 * written to 0xCF9 is meant for a PC's reset register and is dropped. 0xCFC..0xCFF are the
 * register's bytes: absent functions read all-ones. What an access has outside of these ports
 * reads all-ones. IO_FAULT_ERROR only if an entry on the bus reports an error.
 */
ioport_fault_result_t vmm_pci_io_port_in(vm_vcpu_t *vcpu, void *cookie, unsigned int port_no,
                                         unsigned int size, unsigned int *result);
ioport_fault_result_t vmm_pci_io_port_out(vm_vcpu_t *vcpu, void *cookie, unsigned int port_no,
                                          unsigned int size, unsigned int value);

#ifdef __cplusplus
}
#endif
