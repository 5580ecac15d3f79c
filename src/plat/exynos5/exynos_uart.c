/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter UART. */
#include <sel4vmmplatsupport/vmmp/exynos_uart.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define ULCON    0x00
#define UCON     0x04
#define UFCON    0x08
#define UMCON    0x0c
#define UTRSTAT  0x10
#define UERSTAT  0x14
#define UFSTAT   0x18
#define UMSTAT   0x1c
#define UTXH     0x20
#define URXH     0x24
#define UBRDIV   0x28
#define UFRACVAL 0x2c
#define UINTP    0x30
#define UINTSP   0x34
#define UINTM    0x38

#define UCON_RX_MODE    (3u << 0)
#define UCON_TX_MODE    (3u << 2)
#define UCON_TX_POLLING (1u << 2) /* Interrupt or polling, no DMA. */
#define UCON_LOOPBACK   (1u << 5)
#define UCON_RX_TIMEOUT (1u << 7)
#define UCON_RX_LEVEL   (1u << 8)
#define UCON_TX_LEVEL   (1u << 9)

#define UFCON_FIFO_ENABLE      (1u << 0)
#define UFCON_RX_RESET         (1u << 1)
#define UFCON_RX_TRIGGER_SHIFT 4

#define UTRSTAT_RX_READY   (1u << 0)
#define UTRSTAT_TX_EMPTY   (1u << 1) /* Room in the buffer, */
#define UTRSTAT_TX_IDLE    (1u << 2) /* and nothing being sent. */
#define UTRSTAT_RX_TIMEOUT (1u << 3)

#define UERSTAT_OVERRUN (1u << 0)

#define UFSTAT_RX_COUNT       0xffu
#define UFSTAT_RX_FULL        (1u << 8)
#define UFSTAT_TX_COUNT_SHIFT 16
#define UFSTAT_TX_FULL        (1u << 24)

#define UMSTAT_CTS (1u << 0)

#define INT_RXD   (1u << 0)
#define INT_ERROR (1u << 1)
#define INT_TXD   (1u << 2)

/* Which bits of a register are stored when written. */
static const uint32_t stored_bits[VMMP_EXYNOS_UART_WORDS] = {
    [ULCON / 4] = 0x7f,    [UCON / 4] = 0x7fffff, [UFCON / 4] = 0x771, [UMCON / 4] = 0xff,
    [UBRDIV / 4] = 0xffff, [UFRACVAL / 4] = 0xf,  [UINTM / 4] = 0xf,
};

/* ---- Interrupts ---- */

static uint32_t word(const struct vmmp_exynos_uart *uart, uint32_t offset)
{
    return uart->words[offset / 4];
}

static bool has_fifo(const struct vmmp_exynos_uart *uart)
{
    return word(uart, UFCON) & UFCON_FIFO_ENABLE;
}

/* How many bytes in the receive FIFO are worth an interrupt: eighths of it, the first the least. */
static unsigned input_trigger(const struct vmmp_exynos_uart *uart)
{
    unsigned level = word(uart, UFCON) >> UFCON_RX_TRIGGER_SHIFT & 7;
    return has_fifo(uart) ? (level + 1) * uart->config.fifo_size / 8 : 1;
}

static bool input_timed_out(const struct vmmp_exynos_uart *uart)
{
    return has_fifo(uart) && uart->input_count > 0 && word(uart, UCON) & UCON_RX_TIMEOUT;
}

static bool input_due(const struct vmmp_exynos_uart *uart)
{
    return uart->input_count >= input_trigger(uart) || input_timed_out(uart);
}

static bool output_due(const struct vmmp_exynos_uart *uart)
{
    return !uart->serial.stalled && (word(uart, UCON) & UCON_TX_MODE) == UCON_TX_POLLING;
}

/* UINTSP: a level interrupt is pending as long as its cause is, an edge until it is acknowledged.
 */
static uint32_t pending(const struct vmmp_exynos_uart *uart)
{
    uint32_t bits = uart->events;
    if (word(uart, UCON) & UCON_RX_LEVEL && input_due(uart)) {
        bits |= INT_RXD;
    }
    if (word(uart, UCON) & UCON_TX_LEVEL && output_due(uart)) {
        bits |= INT_TXD;
    }
    return bits;
}

/* An edge, if this interrupt works by edges. */
static void raise_edge(struct vmmp_exynos_uart *uart, uint32_t bit, uint32_t level, bool due)
{
    if (due && !(word(uart, UCON) & level)) {
        uart->events |= bit;
    }
}

static void update_irq(struct vmmp_exynos_uart *uart)
{
    bool high = (pending(uart) & ~word(uart, UINTM)) != 0;

    if (high != uart->irq_high) {
        uart->irq_high = high;
        vmmp_irq_source_set(&uart->irq, high);
    }
}

/* ---- Receiving ---- */

static unsigned input_capacity(const struct vmmp_exynos_uart *uart)
{
    return has_fifo(uart) ? uart->config.fifo_size : 1;
}

static void push_input(struct vmmp_exynos_uart *uart, uint8_t byte)
{
    uart->input[(uart->input_head + uart->input_count) % VMMP_EXYNOS_UART_FIFO_MAX] = byte;
    uart->input_count++;
    raise_edge(uart, INT_RXD, UCON_RX_LEVEL, input_due(uart));
}

static void pull_input(struct vmmp_exynos_uart *uart)
{
    uint8_t bytes[VMMP_EXYNOS_UART_FIFO_MAX];
    unsigned capacity = input_capacity(uart);
    uint32_t control = word(uart, UCON);

    if (!(control & UCON_RX_MODE) || control & UCON_LOOPBACK || uart->input_count >= capacity) {
        return;
    }
    size_t got = vmmp_serial_get(&uart->serial, bytes, capacity - uart->input_count);
    for (size_t i = 0; i < got; i++) {
        push_input(uart, bytes[i]);
    }
}

static uint32_t pop_input(struct vmmp_exynos_uart *uart)
{
    if (uart->input_count == 0) {
        return 0;
    }
    uint32_t byte = uart->input[uart->input_head];
    uart->input_head = (uart->input_head + 1) % VMMP_EXYNOS_UART_FIFO_MAX;
    uart->input_count--;
    if (uart->input_count == 0) {
        pull_input(uart);
    }
    update_irq(uart);
    return byte;
}

/* ---- Sending ---- */

static void drained(void *cookie)
{
    struct vmmp_exynos_uart *uart = cookie;

    raise_edge(uart, INT_TXD, UCON_TX_LEVEL, output_due(uart));
    update_irq(uart);
}

static void loop_back(struct vmmp_exynos_uart *uart, uint8_t byte)
{
    if (uart->input_count < input_capacity(uart)) {
        push_input(uart, byte);
    } else {
        uart->words[UERSTAT / 4] |= UERSTAT_OVERRUN;
        uart->events |= INT_ERROR;
    }
}

static void send(struct vmmp_exynos_uart *uart, uint8_t byte)
{
    if (word(uart, UCON) & UCON_LOOPBACK) {
        loop_back(uart, byte);
    } else if (!vmmp_serial_put(&uart->serial, byte)) {
        vmmp_log_guest(uart->config.log, &uart->lost,
                       "exynos-uart: output lost: the guest wrote to a full transmit FIFO");
    }
    raise_edge(uart, INT_TXD, UCON_TX_LEVEL, output_due(uart));
    update_irq(uart);
}

/* ---- Registers ---- */

static uint32_t transfer_status(struct vmmp_exynos_uart *uart)
{
    uint32_t status = uart->input_count > 0 ? UTRSTAT_RX_READY : 0;

    status |= vmmp_serial_full(&uart->serial) ? 0 : UTRSTAT_TX_EMPTY;
    status |= uart->serial.stalled ? 0 : UTRSTAT_TX_IDLE;
    status |= input_timed_out(uart) ? UTRSTAT_RX_TIMEOUT : 0;
    return status;
}

static uint32_t fifo_status(struct vmmp_exynos_uart *uart)
{
    uint32_t status = 0;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&uart->serial)) {
        status |= UFSTAT_TX_FULL;
    } else if (uart->serial.stalled) {
        status |= 1u << UFSTAT_TX_COUNT_SHIFT;
    }
    if (uart->input_count == uart->config.fifo_size) {
        return status | UFSTAT_RX_FULL;
    }
    return status | (uart->input_count & UFSTAT_RX_COUNT);
}

static uint32_t read_errors(struct vmmp_exynos_uart *uart, bool clear)
{
    uint32_t errors = word(uart, UERSTAT);
    if (clear) {
        uart->words[UERSTAT / 4] = 0;
    }
    return errors;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_uart *uart = device;

    switch (offset) {
    case UTRSTAT:
        return transfer_status(uart);
    case UERSTAT:
        return read_errors(uart, lanes & 0xff);
    case UFSTAT:
        return fifo_status(uart);
    case UMSTAT:
        return UMSTAT_CTS;
    case URXH:
        return lanes & 0xff ? pop_input(uart) : 0;
    case UINTP:
        return pending(uart) & ~word(uart, UINTM);
    case UINTSP:
        return pending(uart);
    default:
        break;
    }
    if (offset / 4 < VMMP_EXYNOS_UART_WORDS) {
        return word(uart, offset);
    }
    vmmp_log_guest(uart->config.log, &uart->unknown, "exynos-uart: read of no register at 0x%03x",
                   (unsigned)offset);
    return 0;
}

/*
 * Drivers reset the FIFOs when they start, after they have enabled the UART. What was typed or
 * written by then is not lost: only bytes that were looped back go.
 */
static void control_fifo(struct vmmp_exynos_uart *uart, uint32_t value)
{
    if (value & UFCON_RX_RESET && word(uart, UCON) & UCON_LOOPBACK) {
        uart->input_count = 0;
    }
    if (uart->input_count > input_capacity(uart)) {
        uart->input_count = input_capacity(uart);
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_uart *uart = device;

    if (offset / 4 >= VMMP_EXYNOS_UART_WORDS) {
        vmmp_log_guest(uart->config.log, &uart->unknown,
                       "exynos-uart: write to no register at 0x%03x", (unsigned)offset);
        return;
    }
    uint32_t *stored = &uart->words[offset / 4];
    *stored = words_merge(*stored, value, lanes, stored_bits[offset / 4]);
    switch (offset) {
    case UTXH:
        if (lanes & 0xff) {
            send(uart, (uint8_t)value);
        }
        return;
    case UINTP:
    case UINTSP:
        uart->events &= ~value;
        break;
    case UFCON:
        control_fifo(uart, value);
        pull_input(uart);
        break;
    case UCON:
        pull_input(uart);
        break;
    default:
        break;
    }
    update_irq(uart);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(struct vmmp_exynos_uart *uart)
{
    memset(uart->words, 0, sizeof(uart->words));
    uart->events = 0;
    uart->input_head = 0;
    uart->input_count = 0;
    update_irq(uart);
}

int vmmp_exynos_uart_init(struct vmmp_exynos_uart *uart,
                          const struct vmmp_exynos_uart_config *config)
{
    memset(uart, 0, sizeof(*uart));
    if (config->fifo_size != 16 && config->fifo_size != 64 && config->fifo_size != 256) {
        return -EINVAL;
    }
    uart->config = *config;
    int err = device_life_begin(&config->host, &uart->context, &uart->irq, config->irq);
    if (err) {
        return err;
    }
    vmmp_serial_init(&uart->serial, config->backend, config->backend_cookie, &uart->config.host,
                     &uart->context, drained, uart);
    uart->window = (struct vmmp_window){
        .name = "exynos-uart",
        .words = &word_ops,
        .device = uart,
        .size = VMMP_EXYNOS_UART_WINDOW_SIZE,
        .context = &uart->context,
    };
    reset(uart);
    return 0;
}

void vmmp_exynos_uart_fini(struct vmmp_exynos_uart *uart)
{
    vmmp_serial_fini(&uart->serial);
    device_life_end(&uart->config.host, &uart->context, &uart->irq);
}

void vmmp_exynos_uart_reset(struct vmmp_exynos_uart *uart)
{
    vmmp_context_enter(&uart->context);
    reset(uart);
    vmmp_context_leave(&uart->context);
}

void vmmp_exynos_uart_notify(struct vmmp_exynos_uart *uart)
{
    vmmp_context_enter(&uart->context);
    vmmp_serial_flush(&uart->serial);
    pull_input(uart);
    update_irq(uart);
    vmmp_context_leave(&uart->context);
}
