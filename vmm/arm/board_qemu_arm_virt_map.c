/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_qemu_arm_virt_map.h"

#include <sel4vmmplatsupport/plat/vpci.h>

static_assert(VIRT_PCI_IO_BASE == PCI_IO_REGION_ADDR && VIRT_PCI_IO_SIZE == PCI_IO_REGION_SIZE &&
                  VIRT_PCI_CFG_BASE == PCI_CFG_REGION_ADDR &&
                  VIRT_PCI_CFG_SIZE == PCI_CFG_REGION_SIZE &&
                  VIRT_PCI_MEM_BASE == PCI_MEM_REGION_ADDR &&
                  VIRT_PCI_MEM_SIZE == PCI_MEM_REGION_SIZE,
              "the PCI windows are not those of the compatible interface");

const struct machine_range virt_ranges[] = {
#define VIRT_ROW(name, base, size, below) { #name, base, size },
    VIRT_WINDOWS(VIRT_ROW)
#undef VIRT_ROW
};
const size_t virt_range_count = sizeof(virt_ranges) / sizeof(virt_ranges[0]);

const struct machine_range *virt_range_of(uint64_t address)
{
    for (size_t i = 0; i < virt_range_count; i++) {
        if (address - virt_ranges[i].base < virt_ranges[i].size) {
            return &virt_ranges[i];
        }
    }
    return NULL;
}

unsigned virt_ram_ranges(uint64_t memory, struct machine_range ranges[2])
{
    if (memory == 0 || memory > VIRT_MEMORY_MAXIMUM) {
        return 0;
    }
    uint64_t low = memory < VIRT_RAM_LOW_SIZE ? memory : VIRT_RAM_LOW_SIZE;
    ranges[0] = (struct machine_range){ "RAM_LOW", VIRT_RAM_LOW_BASE, low };
    if (low == memory) {
        return 1;
    }
    ranges[1] = (struct machine_range){ "RAM_HIGH", VIRT_RAM_HIGH_BASE, memory - low };
    return 2;
}
