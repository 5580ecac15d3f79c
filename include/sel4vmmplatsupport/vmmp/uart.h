/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the UART models are wired with and have in common; each model's header adds its registers.
 *
 * Output goes through the buffer of vmmp/serial.h. Input is pulled from the backend into the
 * model's receive FIFO as the guest reads it, so nothing is lost that the backend can hold.
 *
 * Hostile guest: any access does what the model's manual says or nothing. It can lose its own input
 * and output, and write as much output as it likes.
 *
 * Threads: registers, deferred work and vmmp_uart_notify() run inside the device's context.
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

/** The largest receive FIFO of a model; a power of two. */
#define VMMP_UART_FIFO_MAX 256

struct vmmp_uart_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;                 /**< NULL: no interrupt. */
    const struct vmmp_serial_backend *backend; /**< NULL: output is dropped, no input comes. */
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_uart_model;

/** The member `uart` of every model. */
struct vmmp_uart {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    const struct vmmp_uart_model *model;
    struct vmmp_uart_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_serial serial;
    struct vmmp_log_limit lost;
    struct vmmp_log_limit unknown;
    uint16_t input[VMMP_UART_FIFO_MAX]; /**< Bytes, with what else the model keeps of each. */
    unsigned input_head;
    unsigned input_count;
    bool irq_high; /**< What the line was last told. */
};

/** Gives what is left to the backend, cancels deferred work. The window is detached by then. */
void vmmp_uart_fini(struct vmmp_uart *uart);

/** As a reset line would: registers at their reset values, input dropped, output kept. */
void vmmp_uart_reset(struct vmmp_uart *uart);

/** Something changed at the host's end: input has come, or output can go. Any thread. */
void vmmp_uart_notify(struct vmmp_uart *uart);

#ifdef __cplusplus
}
#endif
