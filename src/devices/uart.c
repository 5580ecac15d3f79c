/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/uart.h>

#include <string.h>

#include "devices/device_life.h"
#include "devices/uart_model.h"

/* ---- Interrupts ---- */

void vmmp_uart_update_irq(struct vmmp_uart *uart)
{
    bool high = uart->model->interrupts(uart->window.device);

    if (high != uart->irq_high) {
        uart->irq_high = high;
        vmmp_irq_source_set(&uart->irq, high);
    }
}

/* ---- Receiving ---- */

void vmmp_uart_push(struct vmmp_uart *uart, uint8_t byte)
{
    uart->input[(uart->input_head + uart->input_count) % VMMP_UART_FIFO_MAX] = byte;
    uart->input_count++;
    if (uart->model->arrived) {
        uart->model->arrived(uart->window.device);
    }
}

void vmmp_uart_pull(struct vmmp_uart *uart)
{
    uint8_t bytes[VMMP_UART_FIFO_MAX];
    size_t got = vmmp_serial_get(&uart->serial, bytes, uart->model->room(uart->window.device));

    for (size_t i = 0; i < got; i++) {
        vmmp_uart_push(uart, bytes[i]);
    }
}

uint16_t vmmp_uart_pop(struct vmmp_uart *uart)
{
    if (uart->input_count == 0) {
        return 0;
    }
    uint16_t value = uart->input[uart->input_head];
    uart->input_head = (uart->input_head + 1) % VMMP_UART_FIFO_MAX;
    uart->input_count--;
    if (uart->model->taken) {
        uart->model->taken(uart->window.device);
    }
    if (uart->input_count == 0) {
        vmmp_uart_pull(uart);
    }
    vmmp_uart_update_irq(uart);
    return value;
}

/* ---- Sending ---- */

bool vmmp_uart_send(struct vmmp_uart *uart, uint8_t byte)
{
    if (vmmp_serial_put(&uart->serial, byte)) {
        return true;
    }
    vmmp_log_guest(uart->config.log, &uart->lost,
                   "%s: output lost: the guest wrote to a full transmitter", uart->model->name);
    return false;
}

void vmmp_uart_log_unknown(struct vmmp_uart *uart, const char *access, uint32_t offset)
{
    vmmp_log_guest(uart->config.log, &uart->unknown, "%s: %s no register at 0x%03x",
                   uart->model->name, access, (unsigned)offset);
}

/* ---- Life ---- */

static void drained(void *cookie)
{
    struct vmmp_uart *uart = cookie;

    uart->model->drained(uart->window.device);
    vmmp_uart_update_irq(uart);
}

static void reset(struct vmmp_uart *uart)
{
    uart->input_head = 0;
    uart->input_count = 0;
    uart->model->reset(uart->window.device);
    vmmp_uart_update_irq(uart);
}

int vmmp_uart_init(struct vmmp_uart *uart, const struct vmmp_uart_config *config,
                   const struct vmmp_uart_model *model, void *device)
{
    memset(uart, 0, sizeof(*uart));
    uart->model = model;
    uart->config = *config;
    int err = device_life_begin(&config->host, &uart->context, &uart->irq, config->irq);
    if (err) {
        return err;
    }
    vmmp_serial_init(&uart->serial, config->backend, config->backend_cookie, &uart->config.host,
                     &uart->context, drained, uart);
    uart->window = (struct vmmp_window){
        .name = model->name,
        .ops = model->ops,
        .words = model->words,
        .device = device,
        .size = model->window_size,
        .context = &uart->context,
    };
    reset(uart);
    return 0;
}

void vmmp_uart_fini(struct vmmp_uart *uart)
{
    vmmp_serial_fini(&uart->serial);
    device_life_end(&uart->config.host, &uart->context, &uart->irq);
}

void vmmp_uart_reset(struct vmmp_uart *uart)
{
    vmmp_context_enter(&uart->context);
    reset(uart);
    vmmp_context_leave(&uart->context);
}

void vmmp_uart_notify(struct vmmp_uart *uart)
{
    vmmp_context_enter(&uart->context);
    vmmp_serial_flush(&uart->serial);
    vmmp_uart_pull(uart);
    vmmp_uart_update_irq(uart);
    vmmp_context_leave(&uart->context);
}
