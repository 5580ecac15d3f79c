/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers: PCI Local Bus 3.0, 6.2.5. */
#include <errno.h>

#include "bus/pci_internal.h"
#include "bus/pci_regs.h"

static unsigned bar_offset(unsigned index)
{
    return PCICFG_BAR0 + 4 * index;
}

static uint32_t type_bits(enum vmmp_pci_bar_type type)
{
    switch (type) {
    case VMMP_PCI_BAR_IO:
        return PCICFG_BAR_IO;
    case VMMP_PCI_BAR_MEM32_PREFETCH:
        return PCICFG_BAR_PREFETCH;
    case VMMP_PCI_BAR_MEM64:
        return PCICFG_BAR_64;
    case VMMP_PCI_BAR_MEM64_PREFETCH:
        return PCICFG_BAR_64 | PCICFG_BAR_PREFETCH;
    default:
        return 0;
    }
}

static bool size_fits(enum vmmp_pci_bar_type type, uint64_t size)
{
    if (size == 0 || (size & (size - 1)) != 0) {
        return false;
    }
    switch (type) {
    case VMMP_PCI_BAR_IO:
        return size >= PCICFG_BAR_IO_MINIMUM && size <= 0x10000;
    case VMMP_PCI_BAR_MEM32:
    case VMMP_PCI_BAR_MEM32_PREFETCH:
        return size >= PCICFG_BAR_MEM_MINIMUM && size <= UINT64_C(0x80000000);
    case VMMP_PCI_BAR_MEM64:
    case VMMP_PCI_BAR_MEM64_PREFETCH:
        return size >= PCICFG_BAR_MEM_MINIMUM;
    default:
        return false;
    }
}

/* A register is in use by its own BAR or as the upper half of the one before. */
static bool register_in_use(const struct vmmp_pci_function *function, unsigned index)
{
    return function->bars[index].type != VMMP_PCI_BAR_NONE ||
           (index > 0 && vmmp_pci_bar_is_64(function->bars[index - 1].type));
}

int vmmp_pci_add_bar(struct vmmp_pci_function *function, unsigned index,
                     enum vmmp_pci_bar_type type, uint64_t size, struct vmmp_window *window)
{
    unsigned registers = vmmp_pci_bar_is_64(type) ? 2 : 1;
    if (index >= VMMP_PCI_BARS || registers > VMMP_PCI_BARS - index || !size_fits(type, size) ||
        (window && window->size > size) || function->bus_ops) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < registers; i++) {
        if (register_in_use(function, index + i)) {
            return -EBUSY;
        }
    }
    function->bars[index] = (struct vmmp_pci_bar){ .type = type, .size = size, .window = window };
    /* All address bits of a size are read-only 0: that is how sizing and alignment work. */
    vmmp_pci_define(function, bar_offset(index), 4 * registers, type_bits(type), ~(size - 1), 0);
    return 0;
}

uint64_t vmmp_pci_bar_address(const struct vmmp_pci_function *function, unsigned index)
{
    if (index >= VMMP_PCI_BARS || function->bars[index].type == VMMP_PCI_BAR_NONE) {
        return 0;
    }
    const struct vmmp_pci_bar *bar = &function->bars[index];
    unsigned size = vmmp_pci_bar_is_64(bar->type) ? 8 : 4;
    return vmmp_pci_peek(function, bar_offset(index), size) & ~(bar->size - 1);
}

bool vmmp_pci_cpu_address(const struct vmmp_pci_function *function, unsigned index,
                          uint64_t *address, bool *port)
{
    if (index >= VMMP_PCI_BARS || !function->bars[index].mapped) {
        return false;
    }
    const struct vmmp_pci_bar *bar = &function->bars[index];
    *address = bar->address;
    *port = vmmp_pci_bar_is_io(bar->type);
    if (function->bus_ops->cpu_address) {
        function->bus_ops->cpu_address(function->bus, bar, address, port);
    }
    return true;
}

int vmmp_pci_set_bar_address(struct vmmp_pci_function *function, unsigned index, uint64_t address)
{
    if (index >= VMMP_PCI_BARS || function->bars[index].type == VMMP_PCI_BAR_NONE) {
        return -EINVAL;
    }
    bool wide = vmmp_pci_bar_is_64(function->bars[index].type);
    if (!wide && address > UINT32_MAX) {
        return -EINVAL;
    }
    vmmp_pci_function_write(function, bar_offset(index), wide ? 8 : 4, address);
    return 0;
}

static void tell_device(struct vmmp_pci_function *function, unsigned index, uint64_t address,
                        bool mapped)
{
    if (function->ops && function->ops->bar_mapped) {
        function->ops->bar_mapped(function->cookie, index, address, mapped);
    }
}

/* Whether BAR `index` is to answer now, and where. */
static bool decodes(struct vmmp_pci_function *function, unsigned index, uint64_t *address)
{
    const struct vmmp_pci_bar *bar = &function->bars[index];
    uint16_t enable = vmmp_pci_bar_is_io(bar->type) ? PCICFG_COMMAND_IO : PCICFG_COMMAND_MEMORY;
    *address = vmmp_pci_bar_address(function, index);
    return bar->type != VMMP_PCI_BAR_NONE && (vmmp_pci_command(function) & enable) &&
           function->bus_ops->reachable(function->bus, bar, *address);
}

void vmmp_pci_update_decode(struct vmmp_pci_function *function)
{
    unsigned moved = 0; /* A bit per BAR. */
    if (!function->bus_ops) {
        return;
    }
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        struct vmmp_pci_bar *bar = &function->bars[i];
        uint64_t address;
        bool mapped = decodes(function, i, &address);
        if (mapped == bar->mapped && (!mapped || address == bar->address)) {
            continue;
        }
        moved |= 1u << i;
        /* Every BAR leaves its old place before one takes a new one: they may swap. */
        if (bar->mapped) {
            tell_device(function, i, bar->address, false);
        }
        bar->mapped = mapped;
        bar->address = address;
    }
    if (!moved) {
        return;
    }
    function->bus_ops->decode_changed(function->bus, function);
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        if ((moved & (1u << i)) && function->bars[i].mapped) {
            tell_device(function, i, function->bars[i].address, true);
        }
    }
}

void vmmp_pci_unplug(struct vmmp_pci_function *function)
{
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        if (function->bars[i].mapped) {
            tell_device(function, i, function->bars[i].address, false);
            function->bars[i].mapped = false;
        }
    }
    if (function->irq.line) {
        vmmp_irq_source_fini(&function->irq);
        function->irq.line = NULL;
    }
    function->bus_ops = NULL;
    function->bus = NULL;
}
