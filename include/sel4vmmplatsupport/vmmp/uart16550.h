/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A UART (National Semiconductor PC16550D data sheet, section 8): a PC's serial port, eight
 * bytes of I/O ports or memory.
 *
 * Its bytes go through the buffer of vmmp/serial.h; when that is full LSR says that the transmitter
 * is not empty. Input is pulled from the backend into the 16-byte FIFO as the guest reads it.
 * As on a PC, the interrupt reaches its line while MCR has OUT2 set and does not loop back.
 *
 * Hostile guests, threads, ownership: as in vmmp/uart.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/uart.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_UART16550_WINDOW_SIZE 8
#define VMMP_UART16550_FIFO_SIZE   16

struct vmmp_uart16550 {
    struct vmmp_uart uart;

    /* All below belongs to the model. */
    uint8_t divisor[2]; /**< DLL, DLM */
    uint8_t enabled;    /**< IER */
    uint8_t fifo;       /**< FCR: enable and trigger level. */
    uint8_t line;       /**< LCR */
    uint8_t modem;      /**< MCR */
    uint8_t changes;    /**< MSR's delta bits. */
    uint8_t scratch;    /**< SCR */
    bool overrun;       /**< LSR's OE. */
    bool empty_pending; /**< The transmitter's interrupt, until IIR shows it or a byte is sent. */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_uart16550_init(struct vmmp_uart16550 *uart16550, const struct vmmp_uart_config *config);

#ifdef __cplusplus
}
#endif
