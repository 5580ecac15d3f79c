/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_pc_map.h"

const uint8_t pc_virtio_mmio_gsis[PC_VIRTIO_MMIO_SLOTS] = { 20, 21, 22, 23, 10, 11,
                                                            5,  7,  6,  3,  15, 14 };

unsigned pc_ram_ranges(uint64_t memory, struct machine_range ranges[2])
{
    uint64_t low = memory < PC_RAM_LOW_SIZE ? memory : PC_RAM_LOW_SIZE;
    ranges[0] = (struct machine_range){ "RAM_LOW", PC_RAM_LOW_BASE, low };
    if (low == memory) {
        return 1;
    }
    ranges[1] = (struct machine_range){ "RAM_HIGH", PC_RAM_HIGH_BASE, memory - low };
    return 2;
}
