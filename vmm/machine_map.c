/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_map.h"

#include <sel4vmmplatsupport/plat/vpci.h>

static_assert(MACHINE_PCI_IO_BASE == PCI_IO_REGION_ADDR &&
                  MACHINE_PCI_IO_SIZE == PCI_IO_REGION_SIZE &&
                  MACHINE_PCI_CFG_BASE == PCI_CFG_REGION_ADDR &&
                  MACHINE_PCI_CFG_SIZE == PCI_CFG_REGION_SIZE &&
                  MACHINE_PCI_MEM_BASE == PCI_MEM_REGION_ADDR &&
                  MACHINE_PCI_MEM_SIZE == PCI_MEM_REGION_SIZE,
              "the PCI windows are not those of the compatible interface");

const struct machine_range machine_ranges[] = {
#define MACHINE_ROW(name, base, size, below) { #name, base, size },
    MACHINE_WINDOWS(MACHINE_ROW)
#undef MACHINE_ROW
};
const size_t machine_range_count = sizeof(machine_ranges) / sizeof(machine_ranges[0]);

const struct machine_range *machine_range_of(uint64_t address)
{
    for (size_t i = 0; i < machine_range_count; i++) {
        if (address - machine_ranges[i].base < machine_ranges[i].size) {
            return &machine_ranges[i];
        }
    }
    return NULL;
}

unsigned machine_ram_ranges(uint64_t memory, struct machine_range ranges[2])
{
    if (memory == 0 || memory > MACHINE_MEMORY_MAXIMUM) {
        return 0;
    }
    uint64_t low = memory < MACHINE_RAM_LOW_SIZE ? memory : MACHINE_RAM_LOW_SIZE;
    ranges[0] = (struct machine_range){ "RAM_LOW", MACHINE_RAM_LOW_BASE, low };
    if (low == memory) {
        return 1;
    }
    ranges[1] = (struct machine_range){ "RAM_HIGH", MACHINE_RAM_HIGH_BASE, memory - low };
    return 2;
}
