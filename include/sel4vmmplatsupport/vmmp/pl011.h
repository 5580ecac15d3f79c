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
 * Hostile guest: any access does what the manual says or nothing. It can lose its own input and
 * output, and write as much output as it likes.
 *
 * Threads: registers, deferred work and vmmp_pl011_notify() run inside the device's context.
 * Ownership: the caller's memory, which must stay in place; nothing is allocated except the host's
 * context.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/serial.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PL011_WINDOW_SIZE 0x1000
#define VMMP_PL011_FIFO_SIZE   16

struct vmmp_pl011_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;                 /**< NULL: no interrupt. */
    const struct vmmp_serial_backend *backend; /**< NULL: output is dropped, no input comes. */
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_pl011 {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_pl011_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_serial serial;
    struct vmmp_log_limit lost;
    struct vmmp_log_limit unknown;

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

    uint16_t input[VMMP_PL011_FIFO_SIZE]; /**< Bytes with their error bits. */
    unsigned input_head;
    unsigned input_count;
    bool irq_high; /**< What the line was last told. */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_pl011_init(struct vmmp_pl011 *uart, const struct vmmp_pl011_config *config);

/** Gives what is left to the backend, cancels deferred work. The window is detached by then. */
void vmmp_pl011_fini(struct vmmp_pl011 *uart);

/** As a reset line would: registers at their reset values, input dropped, output kept. */
void vmmp_pl011_reset(struct vmmp_pl011 *uart);

/** Something changed at the host's end: input has come, or output can go. Any thread. */
void vmmp_pl011_notify(struct vmmp_pl011 *uart);

#ifdef __cplusplus
}
#endif
