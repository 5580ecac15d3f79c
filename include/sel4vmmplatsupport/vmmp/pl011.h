/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL011 UART (Arm PrimeCell UART, DDI 0183): the console of a guest before it has drivers.
 *
 * Its bytes go through the buffer of vmmp/serial.h; when that is full the UART says so in UARTFR.
 * Input is pulled from the backend into the 16-byte FIFO as the guest reads it.
 *
 * Like the machines that run kernels without firmware, it sends what is written to UARTDR whether
 * or not UARTCR enables it: earlycon does not set UARTCR. It receives only when enabled.
 *
 * Hostile guests, threads, ownership: as in vmmp/uart.h.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/uart.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PL011_WINDOW_SIZE 0x1000
#define VMMP_PL011_FIFO_SIZE   16

struct vmmp_pl011 {
    struct vmmp_uart uart;

    /* All below belongs to the model. */
    uint32_t line_control;     /**< UARTLCR_H */
    uint32_t control;          /**< UARTCR */
    uint32_t baud_integer;     /**< UARTIBRD */
    uint32_t baud_fraction;    /**< UARTFBRD */
    uint32_t low_power;        /**< UARTILPR */
    uint32_t fifo_levels;      /**< UARTIFLS */
    uint32_t dma_control;      /**< UARTDMACR */
    uint32_t interrupt_mask;   /**< UARTIMSC */
    uint32_t interrupt_status; /**< UARTRIS */
    uint32_t receive_status;   /**< UARTRSR */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_pl011_init(struct vmmp_pl011 *pl011, const struct vmmp_uart_config *config);

#ifdef __cplusplus
}
#endif
