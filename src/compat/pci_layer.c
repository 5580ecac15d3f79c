/* SPDX-License-Identifier: BSD-2-Clause */
#include "compat/pci_layer.h"

#include <sel4vmmplatsupport/drivers/pci_helper.h>

#include "bus/pci_access.h"
#include "bus/pci_regs.h"

static int inert_read(void *cookie, int offset, int size, uint32_t *result)
{
    (void)cookie;
    (void)offset;
    (void)size;
    *result = UINT32_MAX;
    return 0;
}

const vmm_pci_entry_t vmmp_pci_entry_inert = {
    .ioread = inert_read,
    .iowrite = vmm_pci_entry_ignore_write,
};

/* Size of the next piece of an access: a single owned byte, or as many others as possible. */
static unsigned next_piece(const struct vmmp_pci_layer *layer, unsigned offset, unsigned end,
                           bool write, bool *owned)
{
    *owned = layer->owns(layer->self, offset, write);
    if (*owned) {
        return 1;
    }
    unsigned size = vmmp_pci_piece(offset, end);
    for (unsigned i = 1; i < size; i++) {
        if (layer->owns(layer->self, offset + i, write)) {
            return vmmp_pci_piece(offset, offset + i);
        }
    }
    return size;
}

int vmmp_pci_layer_read(const struct vmmp_pci_layer *layer, int offset, int size, uint32_t *result)
{
    if (!vmmp_pci_layer_legal(offset, size)) {
        return -1;
    }
    unsigned at = (unsigned)offset;
    unsigned end = at + (unsigned)size;
    *result = 0;
    while (at < end) {
        bool owned;
        unsigned piece = next_piece(layer, at, end, false, &owned);
        uint32_t value = 0;
        uint8_t byte = 0;
        int err = owned ? layer->read(layer->self, at, &byte)
                        : layer->below->ioread(layer->below->cookie, (int)at, (int)piece, &value);
        if (err) {
            return err;
        }
        value = owned ? byte : value & (UINT32_MAX >> (32 - 8 * piece));
        *result |= value << (8 * (at - (unsigned)offset));
        at += piece;
    }
    return 0;
}

int vmmp_pci_layer_write(const struct vmmp_pci_layer *layer, int offset, int size, uint32_t value)
{
    if (!vmmp_pci_layer_legal(offset, size)) {
        return -1;
    }
    unsigned at = (unsigned)offset;
    unsigned end = at + (unsigned)size;
    while (at < end) {
        bool owned;
        unsigned piece = next_piece(layer, at, end, true, &owned);
        uint32_t part = (value >> (8 * (at - (unsigned)offset))) & (UINT32_MAX >> (32 - 8 * piece));
        int err = owned ? layer->write(layer->self, at, (uint8_t)part)
                        : layer->below->iowrite(layer->below->cookie, (int)at, (int)piece, part);
        if (err) {
            return err;
        }
        at += piece;
    }
    return 0;
}

int vmmp_pci_entry_read8(const vmm_pci_entry_t *below, unsigned offset, uint8_t *value)
{
    uint32_t result = 0;
    int err = below->ioread(below->cookie, (int)offset, 1, &result);
    *value = (uint8_t)result;
    return err;
}

int vmmp_pci_entry_update8(const vmm_pci_entry_t *below, unsigned offset, uint8_t mask,
                           uint8_t value)
{
    uint8_t old;
    int err = vmmp_pci_entry_read8(below, offset, &old);
    if (err) {
        return err;
    }
    return below->iowrite(below->cookie, (int)offset, 1,
                          (uint32_t)((old & ~mask) | (value & mask)));
}

int vmmp_pci_layer_ignore(void *self, unsigned offset, uint8_t value)
{
    (void)self;
    (void)offset;
    (void)value;
    return 0;
}

uint8_t vmmp_pci_entry_next_capability(const vmm_pci_entry_t *entry, uint8_t at)
{
    uint8_t next = 0;
    unsigned pointer = at ? at + (unsigned)PCICFG_CAP_NEXT : PCICFG_CAPABILITIES;
    if (vmmp_pci_entry_read8(entry, pointer, &next)) {
        return 0;
    }
    next &= PCICFG_CAP_POINTER_MASK;
    return next >= PCICFG_HEADER_END ? next : 0;
}

bool vmmp_pci_entry_has_capabilities(const vmm_pci_entry_t *entry)
{
    uint8_t status = 0;
    return vmmp_pci_entry_read8(entry, PCICFG_STATUS, &status) == 0 &&
           (status & PCICFG_STATUS_CAPABILITIES);
}
