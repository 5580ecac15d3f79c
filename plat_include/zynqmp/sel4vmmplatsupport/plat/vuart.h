/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const struct device dev_uart0;
extern const struct device dev_uart1;

#ifdef __cplusplus
}
#endif
