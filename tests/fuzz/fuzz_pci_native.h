/* SPDX-License-Identifier: BSD-2-Clause */
/* The native host, for fuzz_pci_config.c: functions with three BARs each, and who answers where. */
#pragma once

#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "fuzz_input.h"

#define FUNCTIONS   4u
#define BARS        3u /* Registers 0, 1 and 2 (with 3). */
#define MEMORY_BASE UINT64_C(0x10000000)
#define MEMORY_SIZE 0x100000u

struct device {
    struct vmmp_pci_function function;
    struct vmmp_window windows[BARS];
    struct vmmp_pci_register hook;
    struct vmmp_pci_byte extended[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE];
    uint64_t mapped[BARS]; /* As `bar_mapped` told; address + 1, 0: not. */
};

static struct vmmp_pci_host host;
static struct device devices[FUNCTIONS];
static const enum vmmp_pci_bar_type types[BARS] = { VMMP_PCI_BAR_IO, VMMP_PCI_BAR_MEM32,
                                                    VMMP_PCI_BAR_MEM64_PREFETCH };
static const uint64_t sizes[BARS] = { 64, 0x1000, 0x4000 };

/* Answers with the window's number: device * BARS + BAR, never all-ones. */
static uint64_t window_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_window *window = cookie;
    FUZZ_CHECK(offset < window->size && size <= window->size - offset);
    for (unsigned i = 0; i < FUNCTIONS * BARS; i++) {
        if (window == &devices[i / BARS].windows[i % BARS]) {
            return i;
        }
    }
    abort();
}

static void window_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    window_read(cookie, offset, size);
    FUZZ_CHECK((value & ~vmmp_all_ones(size)) == 0);
}

static uint32_t hook_read(void *cookie, unsigned offset, unsigned size)
{
    (void)cookie;
    FUZZ_CHECK((size == 1 || size == 2 || size == 4) && offset + size <= 6);
    return UINT32_MAX;
}

static void hook_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    (void)value;
    hook_read(cookie, offset, size);
}

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    uint64_t *known = &((struct device *)cookie)->mapped[bar];
    FUZZ_CHECK(bar < BARS && address % sizes[bar] == 0);
    FUZZ_CHECK(mapped ? *known == 0 : *known == address + 1);
    *known = mapped ? address + 1 : 0;
}

static const struct vmmp_window_ops window_ops = { window_read, window_write };
static const struct vmmp_pci_function_ops function_ops = { .bar_mapped = bar_mapped };

static inline void plug(unsigned index)
{
    struct device *device = &devices[index];
    struct vmmp_pci_identity identity = { .vendor = 0x1af4, .device = (uint16_t)index };
    memset(device, 0, sizeof(*device));
    vmmp_pci_function_init(&device->function, "fuzzed", &identity, &function_ops, device);
    for (unsigned bar = 0; bar < BARS; bar++) {
        device->windows[bar] = (struct vmmp_window){
            .name = "bar", .ops = &window_ops, .device = &device->windows[bar], .size = sizes[bar]
        };
        FUZZ_CHECK(!vmmp_pci_add_bar(&device->function, bar, types[bar], sizes[bar],
                                     &device->windows[bar]));
    }
    vmmp_pci_extend(&device->function, device->extended);
    device->hook = (struct vmmp_pci_register){ 0x81, 6, hook_read, hook_write, NULL, NULL };
    FUZZ_CHECK(!vmmp_pci_add_register(&device->function, &device->hook));
    /* Two devices of two functions. */
    FUZZ_CHECK(vmmp_pci_host_add(&host, &device->function, (int)(index / 2), index % 2) >= 0);
}

/* Every BAR that is mapped is answered by the first of those that lie there, and in full width. */
static inline void check_owner(unsigned index, unsigned bar)
{
    uint64_t address = devices[index].mapped[bar] - 1;
    bool io = vmmp_pci_bar_is_io(types[bar]);
    FUZZ_CHECK(vmmp_pci_command(&devices[index].function) & (io ? 1 : 2));
    FUZZ_CHECK(address == vmmp_pci_bar_address(&devices[index].function, bar));
    for (unsigned i = 0; i < FUNCTIONS * BARS; i++) {
        uint64_t other = devices[i / BARS].mapped[i % BARS];
        if (other && vmmp_pci_bar_is_io(types[i % BARS]) == io &&
            address - (other - 1) < sizes[i % BARS]) {
            struct vmmp_window *window = io ? &host.ports : &host.memory;
            FUZZ_CHECK(vmmp_window_read(window, address - (io ? 0 : MEMORY_BASE), 1) == i);
            return;
        }
    }
    abort();
}
