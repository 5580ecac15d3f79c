/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_board.h"

#include <string.h>

#include "machine.h"

const struct machine_board *machine_board_find(const char *name)
{
    for (size_t i = 0; machine_boards[i]; i++) {
        if (strcmp(machine_boards[i]->name, name) == 0) {
            return machine_boards[i];
        }
    }
    return NULL;
}

const struct machine_board *machine_board_of(const struct machine_config *config)
{
    return config->board ? config->board : machine_boards[0];
}

unsigned machine_ram_ranges(const struct machine_board *board, uint64_t memory,
                            struct machine_range ranges[2])
{
    bool possible = memory != 0 && memory <= board->memory_maximum;
    return possible ? board->ram_ranges(memory, ranges) : 0;
}
