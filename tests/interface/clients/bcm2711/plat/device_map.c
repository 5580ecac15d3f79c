/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/device_map.h>
