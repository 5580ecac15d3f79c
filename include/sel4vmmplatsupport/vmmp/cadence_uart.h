/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cadence's UART as in Xilinx' Zynq and Zynq UltraScale+ (UG585 and UG1087, module UART; Linux
 * calls it "cdns,uart-r1p12"): FIFOs of 64 bytes, no modem, no break.
 *
 * Its bytes go through the buffer of vmmp/serial.h: the transmit FIFO is empty unless the backend
 * is full. Like boards whose firmware has enabled the UART, it sends whatever the control register
 * says: earlycon does not enable it. It receives only when enabled. The receive timeout has no
 * delay.
 *
 * Hostile guests, threads, ownership: as in vmmp/uart.h.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/uart.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_CADENCE_UART_WINDOW_SIZE 0x1000
#define VMMP_CADENCE_UART_FIFO_SIZE   64
/** Words from Control to Rx_FIFO_byte_status. */
#define VMMP_CADENCE_UART_WORDS 19

struct vmmp_cadence_uart {
    struct vmmp_uart uart;

    /* All below belongs to the model. */
    uint32_t words[VMMP_CADENCE_UART_WORDS]; /**< What is stored. */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_cadence_uart_init(struct vmmp_cadence_uart *cadence,
                           const struct vmmp_uart_config *config);

#ifdef __cplusplus
}
#endif
