/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs of the board, and one that is not there. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>
#include <sel4vmmplatsupport/plat/device_map.h>
#include <sel4vmmplatsupport/plat/vuart.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The console: of the two UARTs the one that leads to the outside. */
#if defined(CONFIG_PLAT_ZYNQMP_ULTRA96) || defined(CONFIG_PLAT_ZYNQMP_ULTRA96V2)
#define dev_vconsole dev_uart1
#define VCONSOLE_IRQ UART1_IRQ
#else
#define dev_vconsole dev_uart0
#define VCONSOLE_IRQ UART0_IRQ
#endif

/** Takes one character of the guest's output. Must not call vuart_handle_irq(). */
typedef void (*print_func_t)(int);

/**
 * A Cadence UART (vmmp/cadence_uart.h) in place of dev_vconsole, which interrupts the boot vCPU
 * with VCONSOLE_IRQ: after vm_create_vcpu(). `func` may be NULL. There is one for the whole
 * program, because vuart_handle_irq() has no argument to say which. 0; -1 with a message, also when
 * there is one already.
 */
int vm_install_vconsole(vm_t *vm, print_func_t func);

/** Input for it: a character, 0 included. Without a console, or with 512 characters that the guest
 * has not read, it is lost. */
void vuart_handle_irq(int c);

#ifdef __cplusplus
}
#endif
