/* SPDX-License-Identifier: BSD-2-Clause */
/* Zynq UltraScale+ Devices Register Reference, UG1087, module UART. */
#include <sel4vmmplatsupport/vmmp/cadence_uart.h>

#include <string.h>

#include "bus/words.h"
#include "devices/uart_model.h"

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

static uint32_t word(const struct vmmp_cadence_uart *cadence, uint32_t offset)
{
    return cadence->words[offset / 4];
}

/* ---- Interrupts ---- */

static bool interrupts(const void *model)
{
    const struct vmmp_cadence_uart *cadence = model;
    return (word(cadence, INTR_STS) & word(cadence, INTR_MASK)) != 0;
}

/* Interrupts are events that last until the guest clears them. */
static void raise_events(struct vmmp_cadence_uart *cadence, uint32_t events)
{
    cadence->words[INTR_STS / 4] |= events;
}

/* ---- Receiving ---- */

static bool receives(const struct vmmp_cadence_uart *cadence)
{
    return (word(cadence, CONTROL) & (CONTROL_RX_EN | CONTROL_RX_DIS)) == CONTROL_RX_EN;
}

static bool loops_back(const struct vmmp_cadence_uart *cadence)
{
    return (word(cadence, MODE) & MODE_CHANNEL) == MODE_LOCAL_LOOP;
}

/*
 * No time passes between the last byte and the timeout: a guest that waits for the trigger level
 * would otherwise wait for bytes that a terminal does not send.
 */
static void time_out(struct vmmp_cadence_uart *cadence)
{
    if (word(cadence, RX_TOUT) && cadence->uart.input_count) {
        raise_events(cadence, RX_TIMEOUT);
    }
}

static void arrived(void *model)
{
    struct vmmp_cadence_uart *cadence = model;
    unsigned count = cadence->uart.input_count;

    raise_events(cadence, count == word(cadence, RX_TRIG) ? RX_AT_TRIGGER : 0);
    raise_events(cadence, count == VMMP_CADENCE_UART_FIFO_SIZE ? RX_FULL : 0);
    time_out(cadence);
}

static void taken(void *model)
{
    struct vmmp_cadence_uart *cadence = model;
    raise_events(cadence, cadence->uart.input_count == 0 ? RX_EMPTY : 0);
}

static unsigned room(const void *model)
{
    const struct vmmp_cadence_uart *cadence = model;

    if (!receives(cadence) || loops_back(cadence)) {
        return 0;
    }
    return VMMP_CADENCE_UART_FIFO_SIZE - cadence->uart.input_count;
}

/* ---- Sending ---- */

static void drained(void *model)
{
    raise_events(model, TX_EMPTY);
}

static void loop_back(struct vmmp_cadence_uart *cadence, uint8_t byte)
{
    if (!receives(cadence)) {
        return;
    }
    if (cadence->uart.input_count < VMMP_CADENCE_UART_FIFO_SIZE) {
        vmmp_uart_push(&cadence->uart, byte);
    } else {
        raise_events(cadence, RX_OVERRUN);
    }
}

static void write_data(struct vmmp_cadence_uart *cadence, uint8_t byte)
{
    if (loops_back(cadence)) {
        loop_back(cadence, byte);
    } else if (!vmmp_uart_send(&cadence->uart, byte)) {
        raise_events(cadence, TX_OVERRUN);
    }
    raise_events(cadence, cadence->uart.serial.stalled ? 0 : TX_EMPTY);
    vmmp_uart_update_irq(&cadence->uart);
}

/* ---- Registers ---- */

static uint32_t channel_status(struct vmmp_cadence_uart *cadence)
{
    uint32_t status = 0;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&cadence->uart.serial)) {
        status |= STATUS_TX_FULL | STATUS_TX_NEARLY_FULL | STATUS_TX_AT_TRIGGER;
    }
    status |= cadence->uart.serial.stalled ? 0 : TX_EMPTY;
    status |= cadence->uart.input_count == 0 ? RX_EMPTY : 0;
    status |= cadence->uart.input_count == VMMP_CADENCE_UART_FIFO_SIZE ? RX_FULL : 0;
    if (word(cadence, RX_TRIG) && cadence->uart.input_count >= word(cadence, RX_TRIG)) {
        status |= RX_AT_TRIGGER;
    }
    if (word(cadence, FLOW_DEL) && cadence->uart.input_count >= word(cadence, FLOW_DEL)) {
        status |= STATUS_FLOW_DELAY;
    }
    return status;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_cadence_uart *cadence = device;

    switch (offset) {
    case STATUS:
        return channel_status(cadence);
    case FIFO:
        return lanes & 0xff ? vmmp_uart_pop(&cadence->uart) : 0;
    default:
        break;
    }
    if (offset / 4 < VMMP_CADENCE_UART_WORDS) {
        return word(cadence, offset);
    }
    vmmp_uart_log_unknown(&cadence->uart, "read of", offset);
    return 0;
}

/*
 * Drivers reset the FIFOs when they start. What was typed or written by then is not lost: only
 * bytes that were looped back go.
 */
static void control(struct vmmp_cadence_uart *cadence, uint32_t value)
{
    if (value & CONTROL_RX_RESET && loops_back(cadence)) {
        cadence->uart.input_count = 0;
    }
    raise_events(cadence, value & CONTROL_TX_RESET && !cadence->uart.serial.stalled ? TX_EMPTY : 0);
    if (value & CONTROL_RESTART) {
        time_out(cadence);
    }
    vmmp_uart_pull(&cadence->uart);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_cadence_uart *cadence = device;

    if (offset / 4 >= VMMP_CADENCE_UART_WORDS) {
        vmmp_uart_log_unknown(&cadence->uart, "write to", offset);
        return;
    }
    uint32_t *stored = &cadence->words[offset / 4];
    *stored = words_merge(*stored, value, lanes, stored_bits[offset / 4]);
    switch (offset) {
    case CONTROL:
        control(cadence, value);
        break;
    case MODE:
        vmmp_uart_pull(&cadence->uart);
        break;
    case INTR_EN:
        cadence->words[INTR_MASK / 4] |= value & ALL_INTERRUPTS;
        break;
    case INTR_DIS:
        cadence->words[INTR_MASK / 4] &= ~value;
        break;
    case INTR_STS:
        cadence->words[INTR_STS / 4] &= ~value;
        break;
    case MODEM_STS:
        cadence->words[MODEM_STS / 4] &= ~(value & MODEM_STS_DELTAS);
        break;
    case FIFO:
        if (lanes & 0xff) {
            write_data(cadence, (uint8_t)value);
        }
        return;
    default:
        break;
    }
    vmmp_uart_update_irq(&cadence->uart);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(void *model)
{
    struct vmmp_cadence_uart *cadence = model;
    static const uint32_t at_reset[VMMP_CADENCE_UART_WORDS] = {
        [CONTROL / 4] = 0x128, [INTR_STS / 4] = MODEM_CHANGED | TX_EMPTY, [BAUD_GEN / 4] = 0x28b,
        [RX_TRIG / 4] = 0x20,  [MODEM_STS / 4] = MODEM_STS_AT_RESET,      [BAUD_DIV / 4] = 0xf,
        [TX_TRIG / 4] = 0x20,
    };

    memcpy(cadence->words, at_reset, sizeof(cadence->words));
}

static const struct vmmp_uart_model model = {
    .name = "cadence-uart",
    .window_size = VMMP_CADENCE_UART_WINDOW_SIZE,
    .words = &word_ops,
    .reset = reset,
    .interrupts = interrupts,
    .room = room,
    .arrived = arrived,
    .taken = taken,
    .drained = drained,
};

int vmmp_cadence_uart_init(struct vmmp_cadence_uart *cadence, const struct vmmp_uart_config *config)
{
    return vmmp_uart_init(&cadence->uart, config, &model, cadence);
}
