/* SPDX-License-Identifier: BSD-2-Clause */
/* This board has no devices of its own in the library; the file is there for those who include it.
 */
#pragma once

#include <sel4vmmplatsupport/plat/device_map.h>
