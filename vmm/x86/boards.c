/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_pc.h"

const struct machine_board *const machine_boards[] = { &machine_board_pc, NULL };
