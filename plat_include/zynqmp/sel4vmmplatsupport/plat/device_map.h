/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and interrupts (the GIC's numbers) of the board's devices. */
#pragma once

#define UART0_PADDR 0xFF000000
#define UART1_PADDR 0xFF010000

#define UART0_IRQ 53
#define UART1_IRQ 54
