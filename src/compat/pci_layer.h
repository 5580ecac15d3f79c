/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries made of other entries: a layer owns some bytes of configuration space and leaves the rest
 * to the entry below. Accesses are cut at the borders of the owned bytes, so that nothing of an
 * owned byte ever reaches the entry below and no neighbour of it is lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/drivers/pci.h>

struct vmmp_pci_layer {
    const vmm_pci_entry_t *below;
    void *self;
    /* Whether the layer deals with a byte, asked once per byte of an access before anything else.
     */
    bool (*owns)(void *self, unsigned offset, bool write);
    int (*read)(void *self, unsigned offset, uint8_t *value);
    int (*write)(void *self, unsigned offset, uint8_t value);
};

/** Whether an access is one the contract of vmm_pci_entry_t allows (3 bytes are harmless). */
static inline bool vmmp_pci_layer_legal(int offset, int size)
{
    return offset >= 0 && size >= 1 && size <= 4;
}

int vmmp_pci_layer_read(const struct vmmp_pci_layer *layer, int offset, int size, uint32_t *result);
int vmmp_pci_layer_write(const struct vmmp_pci_layer *layer, int offset, int size, uint32_t value);

/** A `write` that takes nothing. */
int vmmp_pci_layer_ignore(void *self, unsigned offset, uint8_t value);

int vmmp_pci_entry_read8(const vmm_pci_entry_t *entry, unsigned offset, uint8_t *value);
/** Writes the bits of `mask` and leaves the others as they are. */
int vmmp_pci_entry_update8(const vmm_pci_entry_t *entry, unsigned offset, uint8_t mask,
                           uint8_t value);

/** Whether the status register announces a capability list. */
bool vmmp_pci_entry_has_capabilities(const vmm_pci_entry_t *entry);
/** The capability after `at`, or the first for 0; 0 at the end or if the list makes no sense. */
uint8_t vmmp_pci_entry_next_capability(const vmm_pci_entry_t *entry, uint8_t at);

/**
 * Reads all-ones, takes nothing: what the `create` functions return without memory, since half a
 * stack of layers would let a guest through.
 */
extern const vmm_pci_entry_t vmmp_pci_entry_inert;
