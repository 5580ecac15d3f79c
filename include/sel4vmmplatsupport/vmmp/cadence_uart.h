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
 * Hostile guest: any access does what the manual says or nothing. It can lose its own input and
 * output, and write as much output as it likes.
 *
 * Threads: registers, deferred work and vmmp_cadence_uart_notify() run inside the device's context.
 * Ownership: the caller's memory, which must stay in place; nothing is allocated except the host's
 * context.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/serial.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_CADENCE_UART_WINDOW_SIZE 0x1000
#define VMMP_CADENCE_UART_FIFO_SIZE   64
/** Words from Control to Rx_FIFO_byte_status. */
#define VMMP_CADENCE_UART_WORDS 19

struct vmmp_cadence_uart_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;                 /**< NULL: no interrupt. */
    const struct vmmp_serial_backend *backend; /**< NULL: output is dropped, no input comes. */
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_cadence_uart {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_cadence_uart_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_serial serial;
    struct vmmp_log_limit lost;
    struct vmmp_log_limit unknown;
    uint32_t words[VMMP_CADENCE_UART_WORDS]; /**< What is stored. */
    uint8_t input[VMMP_CADENCE_UART_FIFO_SIZE];
    unsigned input_head;
    unsigned input_count;
    bool irq_high; /**< What the line was last told. */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_cadence_uart_init(struct vmmp_cadence_uart *uart,
                           const struct vmmp_cadence_uart_config *config);

/** Gives what is left to the backend, cancels deferred work. The window is detached by then. */
void vmmp_cadence_uart_fini(struct vmmp_cadence_uart *uart);

/** As a reset line would: registers at their reset values, input dropped, output kept. */
void vmmp_cadence_uart_reset(struct vmmp_cadence_uart *uart);

/** Something changed at the host's end: input has come, or output can go. Any thread. */
void vmmp_cadence_uart_notify(struct vmmp_cadence_uart *uart);

#ifdef __cplusplus
}
#endif
