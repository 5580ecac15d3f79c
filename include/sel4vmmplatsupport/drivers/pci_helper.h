/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building blocks for functions of the virtual PCI bus, compatible interface. Native: vmmp/pci.h.
 *
 * A passed-through device is a stack of entries: passthrough, then BAR, interrupt line and
 * capability emulation, each answering for some bytes and leaving the rest to the one below.
 * An access that touches bytes of both is split, at any size and alignment, so that no layer can be
 * gone around. The `create` functions allocate what lives as long as the program; if memory is
 * short they return an entry that reads all-ones and takes nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/drivers/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PCI_BAR_OFFSET(b) (offsetof(vmm_pci_device_def_t, bar##b))

/** A type 0 header; the last two members are not part of what a guest reads. */
typedef struct vmm_pci_device_def {
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t command;
    uint16_t status;
    uint8_t revision_id;
    uint8_t prog_if;
    uint8_t subclass;
    uint8_t class_code;
    uint8_t cache_line_size;
    uint8_t latency_timer;
    uint8_t header_type;
    uint8_t bist;
    uint32_t bar0;
    uint32_t bar1;
    uint32_t bar2;
    uint32_t bar3;
    uint32_t bar4;
    uint32_t bar5;
    uint32_t cardbus;
    uint16_t subsystem_vendor_id;
    uint16_t subsystem_id;
    uint32_t expansion_rom;
    uint8_t caps_pointer;
    uint8_t reserved1;
    uint16_t reserved2;
    uint32_t reserved3;
    uint8_t interrupt_line;
    uint8_t interrupt_pin;
    uint8_t min_grant;
    uint8_t max_latency;
    int caps_len;
    void *caps;
} __attribute__((packed)) vmm_pci_device_def_t;

typedef enum pci_mem_type {
    NON_MEM = 0, /**< Ports. */
    NON_PREFETCH_MEM,
    PREFETCH_MEM,
} pci_mem_type_t;

typedef struct vmm_pci_bar {
    pci_mem_type_t mem_type;
    uintptr_t address; /**< A multiple of the size. */
    size_t size_bits;  /**< log2 of the size in bytes. */
} vmm_pci_bar_t;

typedef struct pci_bar_emulation {
    vmm_pci_entry_t passthrough;
    int num_bars;
    vmm_pci_bar_t bars[6];
    uint32_t bar_writes[6];
} pci_bar_emulation_t;

typedef struct pci_irq_emulation {
    vmm_pci_entry_t passthrough;
    int irq;
} pci_irq_emulation_t;

typedef struct pci_passthrough_device {
    vmm_pci_address_t addr;
    vmm_pci_config_t config;
} pci_passthrough_device_t;

typedef struct pci_cap_emulation {
    vmm_pci_entry_t passthrough;
    int num_caps;
    uint8_t *caps;
    int num_ignore;
    uint8_t *ignore_start;
    uint8_t *ignore_end;
} pci_cap_emulation_t;

/** Takes nothing. Returns 0. */
int vmm_pci_entry_ignore_write(void *cookie, int offset, int size, uint32_t value);

/**
 * Reads the 64-byte header of the vmm_pci_device_def_t `cookie`. Beyond it: 0. -1 for a negative
 * offset or a size other than 1 to 4.
 */
int vmm_pci_mem_device_read(void *cookie, int offset, int size, uint32_t *result);

/**
 * Writes to it what a guest may write: the command register's IO, memory, bus master and
 * INTx-disable bits, cache line size, latency timer and interrupt line. The rest keeps its value.
 * Returns as for reads.
 */
int vmm_pci_mem_device_write(void *cookie, int offset, int size, uint32_t value);

/** The virtual host bridge: 5e14:0042, revision 1, class 0600. */
void define_pci_host_bridge(vmm_pci_device_def_t *bridge);

/**
 * Forwards accesses of 1, 2 or 4 bytes to `config` with the host's address `addr`; -1 for other
 * sizes.
 */
vmm_pci_entry_t vmm_pci_create_passthrough(vmm_pci_address_t addr, vmm_pci_config_t config);

/**
 * Gives a device fixed BARs: BAR i < `num_bars` reads as its address, or as its size after a write
 * of all-ones; it cannot be moved. Further BARs and the expansion ROM read 0. What would let a
 * guest out of its device is withheld: the command register takes only IO, memory, bus master,
 * memory-write-invalidate and INTx-disable bits; the rest of the header except cache line size,
 * latency timer and interrupt line is read-only; functions cannot be reset (PCI Express, AF) nor
 * powered down (power management), which would lose the BARs. `bars` is copied, at most six.
 */
vmm_pci_entry_t vmm_pci_create_bar_emulation(vmm_pci_entry_t existing, int num_bars,
                                             vmm_pci_bar_t *bars);

/** The interrupt line register reads `irq` and takes nothing. */
vmm_pci_entry_t vmm_pci_create_irq_emulation(vmm_pci_entry_t existing, int irq);

/**
 * Rewrites the capability list to exactly `caps` (offsets, in order), and hides the bytes of the
 * ranges [start, end): they read 0 and take nothing. The arrays are copied.
 */
vmm_pci_entry_t vmm_pci_create_cap_emulation(vmm_pci_entry_t existing, int num_caps, uint8_t *caps,
                                             int num_ranges, uint8_t *range_starts,
                                             uint8_t *range_ends);

/**
 * Hides MSI and MSI-X from the list and from access. Returns `existing` itself if it has neither.
 */
vmm_pci_entry_t vmm_pci_no_msi_cap_emulation(vmm_pci_entry_t existing);

#ifdef __cplusplus
}
#endif
