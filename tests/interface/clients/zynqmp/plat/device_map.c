/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/device_map.h>

#include "../../../check.h"

CHECK_VALUE(UART0_PADDR, 0xff000000);
CHECK_VALUE(UART1_PADDR, 0xff010000);
CHECK_VALUE(UART0_IRQ, 53);
CHECK_VALUE(UART1_IRQ, 54);
