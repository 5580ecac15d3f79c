/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the board's devices are. */
#include <sel4vmmplatsupport/plat/devices.h>

const struct device dev_uart0 = { .name = "uart0", .pstart = UART0_PADDR, .size = 0x1000 };
const struct device dev_uart1 = { .name = "uart1", .pstart = UART1_PADDR, .size = 0x1000 };
