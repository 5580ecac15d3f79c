/* SPDX-License-Identifier: BSD-2-Clause */
/* No addresses of devices in this interface; those of the board are in plat/board_map.h. */
#pragma once
