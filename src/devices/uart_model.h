/* SPDX-License-Identifier: BSD-2-Clause */
/* What a UART model brings, and what it gets: vmmp/uart.h from the model's side. */
#pragma once

#include <sel4vmmplatsupport/vmmp/uart.h>

/* The model is window.device; all is called inside its context. */
struct vmmp_uart_model {
    const char *name;
    uint64_t window_size;
    /* One of the two, as in struct vmmp_window. */
    const struct vmmp_window_ops *ops;
    const struct vmmp_word_ops *words;
    /* The model's own registers at their reset values. */
    void (*reset)(void *model);
    /* Whether an interrupt is due. */
    bool (*interrupts)(const void *model);
    /* How many bytes of input it takes now; 0 as well while it does not receive. */
    unsigned (*room)(const void *model);
    /* A byte has come into the FIFO. May be NULL. */
    void (*arrived)(void *model);
    /* A byte has been taken out of it, and no other has come since. May be NULL. */
    void (*taken)(void *model);
    /* A stall of the output has ended. */
    void (*drained)(void *model);
};

/* 0, -ENOMEM (context) or -ENOSPC (line full). `device` is the model, which holds `uart`. */
int vmmp_uart_init(struct vmmp_uart *uart, const struct vmmp_uart_config *config,
                   const struct vmmp_uart_model *model, void *device);

/* Tells the line when that has changed. */
void vmmp_uart_update_irq(struct vmmp_uart *uart);

/* Takes what input there is and is room for. */
void vmmp_uart_pull(struct vmmp_uart *uart);

/* Puts a byte into the FIFO; there is room. */
void vmmp_uart_push(struct vmmp_uart *uart, uint8_t byte);

/* The oldest in the FIFO, 0 if it is empty. */
static inline uint16_t vmmp_uart_oldest(const struct vmmp_uart *uart)
{
    return uart->input_count ? uart->input[uart->input_head] : 0;
}

/* Takes the oldest out of the FIFO and makes it good from the backend when it was the last; 0 if it
 * is empty. */
uint16_t vmmp_uart_pop(struct vmmp_uart *uart);

/* Sends a byte; false, and a line in the log, if it was lost because the guest did not wait. */
bool vmmp_uart_send(struct vmmp_uart *uart, uint8_t byte);

/* An access to what the model has no register for. */
void vmmp_uart_log_unknown(struct vmmp_uart *uart, const char *access, uint32_t offset);
