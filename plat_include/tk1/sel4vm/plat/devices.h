/* SPDX-License-Identifier: BSD-2-Clause */
/* Where older clients look for the board's devices. */
#pragma once

#include <sel4vmmplatsupport/plat/devices.h>
