/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_pc_map.h"

#include "../machine.h"
#include "../machine_screen.h"

static_assert((uint64_t)MACHINE_SCREEN_WIDTH_MAX * MACHINE_SCREEN_HEIGHT_MAX *
                      MACHINE_SCREEN_PIXEL <=
                  PC_SCREEN_SIZE,
              "the largest screen does not fit its window");

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

struct machine_range pc_screen_memory(const struct machine_config *config)
{
    uint64_t bytes = (uint64_t)config->screen_width * config->screen_height * MACHINE_SCREEN_PIXEL;
    uint64_t size = (bytes + PC_SCREEN_UNIT - 1) / PC_SCREEN_UNIT * PC_SCREEN_UNIT;
    return (struct machine_range){ "screen", PC_SCREEN_BASE, size };
}
