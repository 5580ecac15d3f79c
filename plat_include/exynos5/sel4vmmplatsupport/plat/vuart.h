/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs of the board: the real ones, guarded, and one that is not there. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define dev_vconsole dev_uart2

extern const struct device dev_uart0;
extern const struct device dev_uart1;
extern const struct device dev_uart2;
extern const struct device dev_uart3;

/**
 * Lets the guest send, receive and handle interrupts with the real UART `d`; how the line is
 * configured stays the host's (other writes are masked). 0 or -1 with a message.
 */
int vm_install_ac_uart(vm_t *vm, const struct device *d);

/** A UART2 that is not there (vmmp/exynos_uart.h), output to the VMM's standard output. 0 or -1. */
int vm_install_vconsole(vm_t *vm);

#ifdef __cplusplus
}
#endif
