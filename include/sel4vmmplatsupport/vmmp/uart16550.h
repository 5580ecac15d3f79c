/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A UART (National Semiconductor PC16550D data sheet, section 8): a PC's serial port, eight
 * bytes of I/O ports or memory; or that of a chip whose registers are further apart.
 *
 * Its bytes go through the buffer of vmmp/serial.h; when that is full LSR says that the transmitter
 * is not empty. Input is pulled from the backend into the 16-byte FIFO as the guest reads it.
 * As on a PC, the interrupt reaches its line while MCR has OUT2 set and does not loop back, unless
 * `wired` says otherwise.
 *
 * Hostile guest: any access does what the data sheet says or nothing. It can lose its own input and
 * output, and write as much output as it likes.
 *
 * Threads: registers, deferred work and vmmp_uart16550_notify() run inside the device's context.
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

#define VMMP_UART16550_WINDOW_SIZE 8
#define VMMP_UART16550_FIFO_SIZE   16
#define VMMP_UART16550_SHIFT_MAX   3

struct vmmp_uart16550_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;                 /**< NULL: no interrupt. */
    const struct vmmp_serial_backend *backend; /**< NULL: output is dropped, no input comes. */
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
    /**
     * Log2 of the bytes from one register to the next, at most VMMP_UART16550_SHIFT_MAX; a register
     * is the first of them, the others read as zero.
     */
    uint8_t reg_shift;
    bool wired; /**< The interrupt does not ask for OUT2. */
};

struct vmmp_uart16550 {
    struct vmmp_window window; /**< To be put on a bus by the caller. */

    /* All below belongs to the model. */
    struct vmmp_uart16550_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_serial serial;
    struct vmmp_log_limit lost;

    uint8_t divisor[2]; /**< DLL, DLM */
    uint8_t enabled;    /**< IER */
    uint8_t fifo;       /**< FCR: enable and trigger level. */
    uint8_t line;       /**< LCR */
    uint8_t modem;      /**< MCR */
    uint8_t changes;    /**< MSR's delta bits. */
    uint8_t scratch;    /**< SCR */
    bool overrun;       /**< LSR's OE. */
    bool empty_pending; /**< The transmitter's interrupt, until IIR shows it or a byte is sent. */

    uint8_t input[VMMP_UART16550_FIFO_SIZE];
    unsigned input_head;
    unsigned input_count;
    bool irq_high; /**< What the line was last told. */
};

/**
 * Resets the registers and prepares the window, of VMMP_UART16550_WINDOW_SIZE << reg_shift bytes.
 * 0, -EINVAL (reg_shift), -ENOMEM (context) or -ENOSPC (line full).
 */
int vmmp_uart16550_init(struct vmmp_uart16550 *uart, const struct vmmp_uart16550_config *config);
/** Gives what is left to the backend, cancels deferred work. The window is detached by then. */
void vmmp_uart16550_fini(struct vmmp_uart16550 *uart);
/** As the MR input: registers at their reset values, input dropped, output kept. */
void vmmp_uart16550_reset(struct vmmp_uart16550 *uart);
/** Something changed at the host's end: input has come, or output can go. Any thread. */
void vmmp_uart16550_notify(struct vmmp_uart16550 *uart);

#ifdef __cplusplus
}
#endif
