/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/vuart.h>

const struct device *const client_uarts[] = { &dev_uart0, &dev_uart1 };
