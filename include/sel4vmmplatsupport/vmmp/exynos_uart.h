/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART of Samsung's S5PV210 and Exynos chips (Exynos 5422 User's Manual, chapter UART; Linux
 * calls it "samsung,exynos4210-uart"), without DMA.
 *
 * Its bytes go through the buffer of vmmp/serial.h: the transmit FIFO is empty unless the backend
 * is full. Like boards whose firmware has enabled the UART, it sends whatever UCON says; it
 * receives only when UCON enables it. The receive timeout has no delay.
 *
 * Hostile guests, threads, ownership: as in vmmp/uart.h.
 */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/uart.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_EXYNOS_UART_WINDOW_SIZE 0x1000
/** Words from ULCON to UINTM. */
#define VMMP_EXYNOS_UART_WORDS    15
#define VMMP_EXYNOS_UART_FIFO_MAX 256

struct vmmp_exynos_uart {
    struct vmmp_uart uart;

    /* All below belongs to the model. */
    unsigned fifo_size;
    uint32_t words[VMMP_EXYNOS_UART_WORDS]; /**< What is stored. */
    uint32_t events;                        /**< UINTSP's edges that were not acknowledged. */
};

/**
 * Resets the registers and prepares the window. `fifo_size` in bytes: 256, 64 or 16; on Exynos 5
 * UART0 has 256, UART1 64, UART2 and UART3 16. 0; -EINVAL for another size; -ENOMEM (context) or
 * -ENOSPC (line full).
 */
int vmmp_exynos_uart_init(struct vmmp_exynos_uart *exynos, const struct vmmp_uart_config *config,
                          unsigned fifo_size);

#ifdef __cplusplus
}
#endif
