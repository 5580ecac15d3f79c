/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART of Samsung's S5PV210 and Exynos chips (Exynos 5422 User's Manual, chapter UART; Linux
 * calls it "samsung,exynos4210-uart"), without DMA.
 *
 * Its bytes go through the buffer of vmmp/serial.h: the transmit FIFO is empty unless the backend
 * is full. Like boards whose firmware has enabled the UART, it sends whatever UCON says; it
 * receives only when UCON enables it. The receive timeout has no delay.
 *
 * Hostile guest: any access does what the manual says or nothing. It can lose its own input and
 * output, and write as much output as it likes.
 *
 * Threads: registers, deferred work and vmmp_exynos_uart_notify() run inside the device's context.
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

#define VMMP_EXYNOS_UART_WINDOW_SIZE 0x1000
/** Words from ULCON to UINTM. */
#define VMMP_EXYNOS_UART_WORDS    15
#define VMMP_EXYNOS_UART_FIFO_MAX 256

struct vmmp_exynos_uart_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;                 /**< NULL: no interrupt. */
    const struct vmmp_serial_backend *backend; /**< NULL: output is dropped, no input comes. */
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
    /** Bytes: 256, 64 or 16; on Exynos 5 UART0 has 256, UART1 64, UART2 and UART3 16. */
    unsigned fifo_size;
};

struct vmmp_exynos_uart {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_uart_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_serial serial;
    struct vmmp_log_limit lost;
    struct vmmp_log_limit unknown;
    uint32_t words[VMMP_EXYNOS_UART_WORDS]; /**< What is stored. */
    uint32_t events;                        /**< UINTSP's edges that were not acknowledged. */
    uint8_t input[VMMP_EXYNOS_UART_FIFO_MAX];
    unsigned input_head;
    unsigned input_count;
    bool irq_high;
};

/**
 * Resets the registers and prepares the window. 0; -EINVAL for another FIFO size; -ENOMEM (context)
 * or -ENOSPC (line full).
 */
int vmmp_exynos_uart_init(struct vmmp_exynos_uart *uart,
                          const struct vmmp_exynos_uart_config *config);

/** Gives what is left to the backend, cancels deferred work. The window is detached by then. */
void vmmp_exynos_uart_fini(struct vmmp_exynos_uart *uart);

/** As a reset line would: registers at their reset values, input dropped, output kept. */
void vmmp_exynos_uart_reset(struct vmmp_exynos_uart *uart);

/** Something changed at the host's end: input has come, or output can go. Any thread. */
void vmmp_exynos_uart_notify(struct vmmp_exynos_uart *uart);

#ifdef __cplusplus
}
#endif
