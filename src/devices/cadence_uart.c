/* SPDX-License-Identifier: BSD-2-Clause */
/* Zynq UltraScale+ Devices Register Reference, UG1087, module UART. */
#include <sel4vmmplatsupport/vmmp/cadence_uart.h>

#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define CONTROL   0x00
#define MODE      0x04
#define INTR_EN   0x08
#define INTR_DIS  0x0c
#define INTR_MASK 0x10
#define INTR_STS  0x14 /* Chnl_int_sts */
#define BAUD_GEN  0x18
#define RX_TOUT   0x1c
#define RX_TRIG   0x20
#define MODEM_CTL 0x24
#define MODEM_STS 0x28
#define STATUS    0x2c /* Channel_sts */
#define FIFO      0x30
#define BAUD_DIV  0x34
#define FLOW_DEL  0x38
#define IR_MIN_RX 0x3c
#define IR_TX     0x40
#define TX_TRIG   0x44
#define RX_BYTES  0x48 /* Rx_FIFO_byte_status: errors of the bytes, of which there are none. */

#define CONTROL_RX_RESET (1u << 0)
#define CONTROL_TX_RESET (1u << 1)
#define CONTROL_RX_EN    (1u << 2)
#define CONTROL_RX_DIS   (1u << 3)
#define CONTROL_RESTART  (1u << 6) /* RSTTO: of the receive timeout. */

#define MODE_CHANNEL    (3u << 8)
#define MODE_LOCAL_LOOP (2u << 8)

/* Carrier, data set and clear to send are there; the low bits say that they came up. */
#define MODEM_STS_AT_RESET 0xbbu
#define MODEM_STS_DELTAS   0x0fu

/* Interrupts; the low five and TRIG to NEARLY_FULL mean the same in STATUS. */
#define RX_AT_TRIGGER  (1u << 0)
#define RX_EMPTY       (1u << 1)
#define RX_FULL        (1u << 2)
#define TX_EMPTY       (1u << 3)
#define RX_OVERRUN     (1u << 5)
#define RX_TIMEOUT     (1u << 8)
#define MODEM_CHANGED  (1u << 9)
#define TX_OVERRUN     (1u << 12)
#define ALL_INTERRUPTS 0x3fffu

#define STATUS_TX_FULL        (1u << 4)
#define STATUS_FLOW_DELAY     (1u << 12)
#define STATUS_TX_AT_TRIGGER  (1u << 13)
#define STATUS_TX_NEARLY_FULL (1u << 14)

/* Which bits of a register are stored when written. */
static const uint32_t stored_bits[VMMP_CADENCE_UART_WORDS] = {
    [CONTROL / 4] = 0x1bc, [MODE / 4] = 0x33ff,   [BAUD_GEN / 4] = 0xffff,
    [RX_TOUT / 4] = 0xff,  [RX_TRIG / 4] = 0x3f,  [MODEM_CTL / 4] = 0x23,
    [BAUD_DIV / 4] = 0xff, [FLOW_DEL / 4] = 0x3f, [IR_MIN_RX / 4] = 0xffff,
    [IR_TX / 4] = 0xff,    [TX_TRIG / 4] = 0x3f,
};

static uint32_t word(const struct vmmp_cadence_uart *uart, uint32_t offset)
{
    return uart->words[offset / 4];
}

/* ---- Interrupts ---- */

static void update_irq(struct vmmp_cadence_uart *uart)
{
    bool high = (word(uart, INTR_STS) & word(uart, INTR_MASK)) != 0;

    if (high != uart->irq_high) {
        uart->irq_high = high;
        vmmp_irq_source_set(&uart->irq, high);
    }
}

/* Interrupts are events that last until the guest clears them. */
static void raise_events(struct vmmp_cadence_uart *uart, uint32_t events)
{
    uart->words[INTR_STS / 4] |= events;
}

/* ---- Receiving ---- */

static bool receives(const struct vmmp_cadence_uart *uart)
{
    return (word(uart, CONTROL) & (CONTROL_RX_EN | CONTROL_RX_DIS)) == CONTROL_RX_EN;
}

static bool loops_back(const struct vmmp_cadence_uart *uart)
{
    return (word(uart, MODE) & MODE_CHANNEL) == MODE_LOCAL_LOOP;
}

/*
 * No time passes between the last byte and the timeout: a guest that waits for the trigger level
 * would otherwise wait for bytes that a terminal does not send.
 */
static void time_out(struct vmmp_cadence_uart *uart)
{
    if (word(uart, RX_TOUT) && uart->input_count) {
        raise_events(uart, RX_TIMEOUT);
    }
}

static void push_input(struct vmmp_cadence_uart *uart, uint8_t byte)
{
    unsigned tail = (uart->input_head + uart->input_count) % VMMP_CADENCE_UART_FIFO_SIZE;

    uart->input[tail] = byte;
    uart->input_count++;
    raise_events(uart, uart->input_count == word(uart, RX_TRIG) ? RX_AT_TRIGGER : 0);
    raise_events(uart, uart->input_count == VMMP_CADENCE_UART_FIFO_SIZE ? RX_FULL : 0);
    time_out(uart);
}

static void pull_input(struct vmmp_cadence_uart *uart)
{
    uint8_t bytes[VMMP_CADENCE_UART_FIFO_SIZE];
    unsigned room = VMMP_CADENCE_UART_FIFO_SIZE - uart->input_count;

    if (!receives(uart) || loops_back(uart) || room == 0) {
        return;
    }
    size_t got = vmmp_serial_get(&uart->serial, bytes, room);
    for (size_t i = 0; i < got; i++) {
        push_input(uart, bytes[i]);
    }
}

static uint32_t pop_input(struct vmmp_cadence_uart *uart)
{
    if (uart->input_count == 0) {
        return 0;
    }
    uint32_t byte = uart->input[uart->input_head];
    uart->input_head = (uart->input_head + 1) % VMMP_CADENCE_UART_FIFO_SIZE;
    uart->input_count--;
    if (uart->input_count == 0) {
        raise_events(uart, RX_EMPTY);
        pull_input(uart);
    }
    update_irq(uart);
    return byte;
}

/* ---- Sending ---- */

static void drained(void *cookie)
{
    struct vmmp_cadence_uart *uart = cookie;

    raise_events(uart, TX_EMPTY);
    update_irq(uart);
}

static void send(struct vmmp_cadence_uart *uart, uint8_t byte)
{
    if (loops_back(uart)) {
        if (!receives(uart)) {
            /* Nobody hears it. */
        } else if (uart->input_count < VMMP_CADENCE_UART_FIFO_SIZE) {
            push_input(uart, byte);
        } else {
            raise_events(uart, RX_OVERRUN);
        }
    } else if (!vmmp_serial_put(&uart->serial, byte)) {
        raise_events(uart, TX_OVERRUN);
        vmmp_log_guest(uart->config.log, &uart->lost,
                       "cadence-uart: output lost: the guest wrote to a full transmit FIFO");
    }
    raise_events(uart, uart->serial.stalled ? 0 : TX_EMPTY);
    update_irq(uart);
}

/* ---- Registers ---- */

static uint32_t channel_status(struct vmmp_cadence_uart *uart)
{
    uint32_t status = 0;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&uart->serial)) {
        status |= STATUS_TX_FULL | STATUS_TX_NEARLY_FULL | STATUS_TX_AT_TRIGGER;
    }
    status |= uart->serial.stalled ? 0 : TX_EMPTY;
    status |= uart->input_count == 0 ? RX_EMPTY : 0;
    status |= uart->input_count == VMMP_CADENCE_UART_FIFO_SIZE ? RX_FULL : 0;
    if (word(uart, RX_TRIG) && uart->input_count >= word(uart, RX_TRIG)) {
        status |= RX_AT_TRIGGER;
    }
    if (word(uart, FLOW_DEL) && uart->input_count >= word(uart, FLOW_DEL)) {
        status |= STATUS_FLOW_DELAY;
    }
    return status;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_cadence_uart *uart = device;

    switch (offset) {
    case STATUS:
        return channel_status(uart);
    case FIFO:
        return lanes & 0xff ? pop_input(uart) : 0;
    default:
        break;
    }
    if (offset / 4 < VMMP_CADENCE_UART_WORDS) {
        return word(uart, offset);
    }
    vmmp_log_guest(uart->config.log, &uart->unknown, "cadence-uart: read of no register at 0x%03x",
                   (unsigned)offset);
    return 0;
}

/*
 * Drivers reset the FIFOs when they start. What was typed or written by then is not lost: only
 * bytes that were looped back go.
 */
static void control(struct vmmp_cadence_uart *uart, uint32_t value)
{
    if (value & CONTROL_RX_RESET && loops_back(uart)) {
        uart->input_count = 0;
    }
    raise_events(uart, value & CONTROL_TX_RESET && !uart->serial.stalled ? TX_EMPTY : 0);
    if (value & CONTROL_RESTART) {
        time_out(uart);
    }
    pull_input(uart);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_cadence_uart *uart = device;

    if (offset / 4 >= VMMP_CADENCE_UART_WORDS) {
        vmmp_log_guest(uart->config.log, &uart->unknown,
                       "cadence-uart: write to no register at 0x%03x", (unsigned)offset);
        return;
    }
    uint32_t *stored = &uart->words[offset / 4];
    *stored = words_merge(*stored, value, lanes, stored_bits[offset / 4]);
    switch (offset) {
    case CONTROL:
        control(uart, value);
        break;
    case MODE:
        pull_input(uart);
        break;
    case INTR_EN:
        uart->words[INTR_MASK / 4] |= value & ALL_INTERRUPTS;
        break;
    case INTR_DIS:
        uart->words[INTR_MASK / 4] &= ~value;
        break;
    case INTR_STS:
        uart->words[INTR_STS / 4] &= ~value;
        break;
    case MODEM_STS:
        uart->words[MODEM_STS / 4] &= ~(value & MODEM_STS_DELTAS);
        break;
    case FIFO:
        if (lanes & 0xff) {
            send(uart, (uint8_t)value);
        }
        return;
    default:
        break;
    }
    update_irq(uart);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(struct vmmp_cadence_uart *uart)
{
    static const uint32_t at_reset[VMMP_CADENCE_UART_WORDS] = {
        [CONTROL / 4] = 0x128, [INTR_STS / 4] = MODEM_CHANGED | TX_EMPTY, [BAUD_GEN / 4] = 0x28b,
        [RX_TRIG / 4] = 0x20,  [MODEM_STS / 4] = MODEM_STS_AT_RESET,      [BAUD_DIV / 4] = 0xf,
        [TX_TRIG / 4] = 0x20,
    };

    memcpy(uart->words, at_reset, sizeof(uart->words));
    uart->input_head = 0;
    uart->input_count = 0;
    update_irq(uart);
}

int vmmp_cadence_uart_init(struct vmmp_cadence_uart *uart,
                           const struct vmmp_cadence_uart_config *config)
{
    memset(uart, 0, sizeof(*uart));
    uart->config = *config;
    int err = device_life_begin(&config->host, &uart->context, &uart->irq, config->irq);
    if (err) {
        return err;
    }
    vmmp_serial_init(&uart->serial, config->backend, config->backend_cookie, &uart->config.host,
                     &uart->context, drained, uart);
    uart->window = (struct vmmp_window){
        .name = "cadence-uart",
        .words = &word_ops,
        .device = uart,
        .size = VMMP_CADENCE_UART_WINDOW_SIZE,
        .context = &uart->context,
    };
    reset(uart);
    return 0;
}

void vmmp_cadence_uart_fini(struct vmmp_cadence_uart *uart)
{
    vmmp_serial_fini(&uart->serial);
    device_life_end(&uart->config.host, &uart->context, &uart->irq);
}

void vmmp_cadence_uart_reset(struct vmmp_cadence_uart *uart)
{
    vmmp_context_enter(&uart->context);
    reset(uart);
    vmmp_context_leave(&uart->context);
}

void vmmp_cadence_uart_notify(struct vmmp_cadence_uart *uart)
{
    vmmp_context_enter(&uart->context);
    vmmp_serial_flush(&uart->serial);
    pull_input(uart);
    update_irq(uart);
    vmmp_context_leave(&uart->context);
}
