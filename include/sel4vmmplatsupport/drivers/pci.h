/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual PCI bus, compatible interface. Native: vmmp/pci.h, vmmp/pci_host.h.
 *
 * Single-threaded, like everything that takes a `vm_t`. What is allocated lives as long as the
 * program.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vmm_pci_address {
    uint8_t bus;
    uint8_t dev;
    uint8_t fun;
} vmm_pci_address_t;

/** Access to the configuration space of a real device (or of another VMM's). */
typedef struct vmm_pci_config {
    void *cookie;
    uint8_t (*ioread8)(void *cookie, vmm_pci_address_t addr, unsigned int offset);
    uint16_t (*ioread16)(void *cookie, vmm_pci_address_t addr, unsigned int offset);
    uint32_t (*ioread32)(void *cookie, vmm_pci_address_t addr, unsigned int offset);
    void (*iowrite8)(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint8_t val);
    void (*iowrite16)(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint16_t val);
    void (*iowrite32)(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint32_t val);
} vmm_pci_config_t;

/**
 * The configuration space of one function on the virtual bus. `size` is 1, 2 or 4; what the library
 * asks for on a guest's behalf is naturally aligned and inside 256 bytes. `*result` has the value
 * in its low bytes. Non-zero: error.
 */
typedef struct vmm_pci_entry {
    void *cookie;
    int (*ioread)(void *cookie, int offset, int size, uint32_t *result);
    int (*iowrite)(void *cookie, int offset, int size, uint32_t value);
} vmm_pci_entry_t;

typedef struct vmm_pci_space {
    vmm_pci_entry_t *bus0[32][8]; /**< By device and function. */
    uint32_t conf_port_addr;      /**< What the guest last wrote to port 0xCF8. */
} vmm_pci_space_t;

/** Makes a bus with the virtual host bridge at 00:00.0. 0, or -1 (NULL argument, no memory). */
int vmm_pci_init(vmm_pci_space_t **space);

/**
 * Copies `entry` to function 0 of the first free device. `addr`, unless NULL, receives its place.
 * 0; -1 if `space` is NULL, all 32 devices are taken (logged) or memory is short.
 */
int vmm_pci_add_entry(vmm_pci_space_t *space, vmm_pci_entry_t entry, vmm_pci_address_t *addr);

/** Splits a CAM address: bus 23:16, device 15:11, function 10:8, register 7:0. */
void make_addr_reg_from_config(uint32_t conf, vmm_pci_address_t *addr, uint8_t *reg);

/** The function at `addr`, or NULL. Only bus 0 has any. */
vmm_pci_entry_t *find_device(vmm_pci_space_t *self, vmm_pci_address_t addr);

#ifdef __cplusplus
}
#endif
