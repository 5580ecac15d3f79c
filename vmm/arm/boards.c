/* SPDX-License-Identifier: BSD-2-Clause */
#include "../machine_board.h"
#include "board_arm.h"

const struct machine_board *const machine_boards[] = {
    &machine_board_qemu_arm_virt,
    &machine_board_exynos5422,
    &machine_board_jetson_tk1,
    NULL,
};
