/* SPDX-License-Identifier: BSD-2-Clause */
/* PrimeCell UART (PL011) Technical Reference Manual, DDI 0183, chapter 3. */
#include <sel4vmmplatsupport/vmmp/pl011.h>

#include <stddef.h>
#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define UARTDR    0x000
#define UARTRSR   0x004
#define UARTFR    0x018
#define UARTILPR  0x020
#define UARTIBRD  0x024
#define UARTFBRD  0x028
#define UARTLCR_H 0x02c
#define UARTCR    0x030
#define UARTIFLS  0x034
#define UARTIMSC  0x038
#define UARTRIS   0x03c
#define UARTMIS   0x040
#define UARTICR   0x044
#define UARTDMACR 0x048
#define UARTID    0xfe0 /* UARTPeriphID0 to 3, UARTPCellID0 to 3 */

#define UARTDR_OE (1u << 11)

#define UARTRSR_OE (1u << 3)

#define UARTFR_CTS  (1u << 0)
#define UARTFR_DSR  (1u << 1)
#define UARTFR_DCD  (1u << 2)
#define UARTFR_BUSY (1u << 3)
#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UARTFR_RXFF (1u << 6)
#define UARTFR_TXFE (1u << 7)

#define UARTLCR_H_FEN (1u << 4)

#define UARTCR_UARTEN (1u << 0)
#define UARTCR_LBE    (1u << 7)
#define UARTCR_RXE    (1u << 9)
#define UARTCR_RESET  0x300u

#define UARTIFLS_RX_SHIFT 3
#define UARTIFLS_RESET    0x12u

#define UARTRIS_RX (1u << 4)
#define UARTRIS_TX (1u << 5)
#define UARTRIS_RT (1u << 6)
#define UARTRIS_OE (1u << 10)

static void update_irq(struct vmmp_pl011 *uart)
{
    bool high = (uart->interrupt_status & uart->interrupt_mask) != 0;

    if (high != uart->irq_high) {
        uart->irq_high = high;
        vmmp_irq_source_set(&uart->irq, high);
    }
}

/* Receiving. */

static unsigned input_capacity(const struct vmmp_pl011 *uart)
{
    return uart->line_control & UARTLCR_H_FEN ? VMMP_PL011_FIFO_SIZE : 1;
}

/* How many bytes in the FIFO raise the receive interrupt (UARTIFLS, table 3-14). */
static unsigned input_trigger(const struct vmmp_pl011 *uart)
{
    static const uint8_t sixteenths[] = { 2, 4, 8, 12, 14, 16, 16, 16 };

    if (!(uart->line_control & UARTLCR_H_FEN)) {
        return 1;
    }
    return sixteenths[uart->fifo_levels >> UARTIFLS_RX_SHIFT & 7];
}

static void push_input(struct vmmp_pl011 *uart, uint8_t byte)
{
    unsigned tail = (uart->input_head + uart->input_count) % VMMP_PL011_FIFO_SIZE;

    uart->input[tail] = byte;
    uart->input_count++;
}

/*
 * After bytes came in. No time passes between the last byte and the receive timeout: a guest that
 * waits for the trigger level would otherwise wait for bytes that a terminal does not send.
 */
static void input_arrived(struct vmmp_pl011 *uart)
{
    if (uart->line_control & UARTLCR_H_FEN) {
        uart->interrupt_status |= UARTRIS_RT;
    }
    if (uart->input_count >= input_trigger(uart)) {
        uart->interrupt_status |= UARTRIS_RX;
    }
}

static void pull_input(struct vmmp_pl011 *uart)
{
    uint8_t bytes[VMMP_PL011_FIFO_SIZE];
    unsigned capacity = input_capacity(uart);
    uint32_t enabled = UARTCR_UARTEN | UARTCR_RXE;

    if ((uart->control & enabled) != enabled || (uart->control & UARTCR_LBE) ||
        uart->input_count >= capacity) {
        return;
    }
    size_t got = vmmp_serial_get(&uart->serial, bytes, capacity - uart->input_count);
    for (size_t i = 0; i < got; i++) {
        push_input(uart, bytes[i]);
    }
    if (got) {
        input_arrived(uart);
    }
}

static uint32_t read_data(struct vmmp_pl011 *uart, bool pop)
{
    if (uart->input_count == 0) {
        return 0;
    }
    uint32_t value = uart->input[uart->input_head];
    if (!pop) {
        return value;
    }
    uart->input_head = (uart->input_head + 1) % VMMP_PL011_FIFO_SIZE;
    uart->input_count--;
    uart->receive_status = value >> 8;
    if (uart->input_count < input_trigger(uart)) {
        uart->interrupt_status &= ~UARTRIS_RX;
    }
    if (uart->input_count == 0) {
        uart->interrupt_status &= ~UARTRIS_RT;
        pull_input(uart);
    }
    update_irq(uart);
    return value;
}

/* Sending. */

static void drained(void *cookie)
{
    struct vmmp_pl011 *uart = cookie;

    uart->interrupt_status |= UARTRIS_TX;
    update_irq(uart);
}

static void loop_back(struct vmmp_pl011 *uart, uint8_t byte)
{
    if (uart->input_count < input_capacity(uart)) {
        push_input(uart, byte);
        input_arrived(uart);
    } else {
        /* The byte that overran is lost; the last one in the FIFO carries the news. */
        unsigned last = (uart->input_head + uart->input_count - 1) % VMMP_PL011_FIFO_SIZE;
        uart->input[last] |= UARTDR_OE;
        uart->receive_status |= UARTRSR_OE;
        uart->interrupt_status |= UARTRIS_OE;
    }
}

static void write_data(struct vmmp_pl011 *uart, uint8_t byte)
{
    if (uart->control & UARTCR_LBE) {
        loop_back(uart, byte);
        uart->interrupt_status |= UARTRIS_TX;
        update_irq(uart);
        return;
    }
    if (!vmmp_serial_put(&uart->serial, byte)) {
        vmmp_log_guest(uart->config.log, &uart->lost,
                       "pl011: output lost: the guest wrote to a full transmit FIFO");
        return;
    }
    if (uart->serial.stalled) {
        uart->interrupt_status &= ~UARTRIS_TX;
    } else {
        /* The FIFO has passed below its trigger level, whatever that is. */
        uart->interrupt_status |= UARTRIS_TX;
    }
    update_irq(uart);
}

static uint32_t read_flags(struct vmmp_pl011 *uart)
{
    uint32_t flags = UARTFR_CTS | UARTFR_DSR | UARTFR_DCD;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&uart->serial)) {
        flags |= UARTFR_TXFF | UARTFR_BUSY;
    }
    flags |= uart->serial.stalled ? 0 : UARTFR_TXFE;
    flags |= uart->input_count == 0 ? UARTFR_RXFE : 0;
    flags |= uart->input_count >= input_capacity(uart) ? UARTFR_RXFF : 0;
    return flags;
}

/* The register file. */

enum access {
    STORED,   /* `member`, of which `writable` bits can be written. */
    DATA,     /* UARTDR */
    STATUS,   /* UARTRSR, any write clears it. */
    FLAGS,    /* UARTFR, read-only. */
    CONTROL,  /* As STORED; input may flow afterwards. */
    MASKED,   /* UARTMIS, read-only. */
    RAW,      /* UARTRIS, read-only. */
    CLEAR,    /* UARTICR, write-only. */
    IDENTITY, /* Constants. */
};

struct reg {
    uint16_t offset;
    uint16_t writable;
    uint8_t access;
    uint16_t member;
};

#define MEMBER(name) (uint16_t) offsetof(struct vmmp_pl011, name)

static const struct reg registers[] = {
    { UARTDR, 0xff, DATA, 0 },
    { UARTRSR, 0, STATUS, MEMBER(receive_status) },
    { UARTFR, 0, FLAGS, 0 },
    { UARTILPR, 0xff, STORED, MEMBER(low_power) },
    { UARTIBRD, 0xffff, STORED, MEMBER(baud_integer) },
    { UARTFBRD, 0x3f, STORED, MEMBER(baud_fraction) },
    { UARTLCR_H, 0xff, CONTROL, MEMBER(line_control) },
    { UARTCR, 0xff87, CONTROL, MEMBER(control) },
    { UARTIFLS, 0x3f, STORED, MEMBER(fifo_levels) },
    { UARTIMSC, 0x7ff, STORED, MEMBER(interrupt_mask) },
    { UARTRIS, 0, RAW, MEMBER(interrupt_status) },
    { UARTMIS, 0, MASKED, 0 },
    { UARTICR, 0x7ff, CLEAR, 0 },
    { UARTDMACR, 0x7, STORED, MEMBER(dma_control) },
};

/* Part number 0x011, designer 0x41 (Arm), revision r1p3 with 16-byte FIFOs; PrimeCell. */
static const uint8_t identity[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
static const struct reg identity_register = { UARTID, 0, IDENTITY, 0 };

static const struct reg *find_register(uint64_t offset)
{
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        if (registers[i].offset == offset) {
            return &registers[i];
        }
    }
    return offset >= UARTID ? &identity_register : NULL;
}

static uint32_t *stored(struct vmmp_pl011 *uart, const struct reg *reg)
{
    return (uint32_t *)(void *)((uint8_t *)uart + reg->member);
}

static uint32_t read_register(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_pl011 *uart = device;
    const struct reg *reg = find_register(offset);

    if (!reg) {
        vmmp_log_guest(uart->config.log, &uart->unknown, "pl011: read of no register at 0x%03x",
                       (unsigned)offset);
        return 0;
    }
    switch ((enum access)reg->access) {
    case STORED:
    case CONTROL:
    case STATUS:
    case RAW:
        return *stored(uart, reg);
    case DATA:
        return read_data(uart, lanes & 0xff);
    case FLAGS:
        return read_flags(uart);
    case MASKED:
        return uart->interrupt_status & uart->interrupt_mask;
    case IDENTITY:
        return identity[(offset - UARTID) / 4];
    case CLEAR:
        break;
    }
    return 0;
}

static void write_register(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_pl011 *uart = device;
    const struct reg *reg = find_register(offset);

    if (!reg) {
        vmmp_log_guest(uart->config.log, &uart->unknown, "pl011: write to no register at 0x%03x",
                       (unsigned)offset);
        return;
    }
    switch ((enum access)reg->access) {
    case STORED:
    case CONTROL:
        *stored(uart, reg) = words_merge(*stored(uart, reg), value, lanes, reg->writable);
        if (reg->access == CONTROL) {
            pull_input(uart);
        }
        update_irq(uart);
        break;
    case DATA:
        if (lanes & 0xff) {
            write_data(uart, (uint8_t)value);
        }
        break;
    case STATUS:
        uart->receive_status = 0;
        break;
    case CLEAR:
        uart->interrupt_status &= ~value;
        update_irq(uart);
        break;
    case FLAGS:
    case MASKED:
    case RAW:
    case IDENTITY:
        break;
    }
}

static const struct vmmp_word_ops word_ops = { read_register, write_register };

/* Life. */

static void reset(struct vmmp_pl011 *uart)
{
    uart->line_control = 0;
    uart->control = UARTCR_RESET;
    uart->baud_integer = 0;
    uart->baud_fraction = 0;
    uart->low_power = 0;
    uart->fifo_levels = UARTIFLS_RESET;
    uart->dma_control = 0;
    uart->interrupt_mask = 0;
    uart->interrupt_status = 0;
    uart->receive_status = 0;
    uart->input_head = 0;
    uart->input_count = 0;
    update_irq(uart);
}

int vmmp_pl011_init(struct vmmp_pl011 *uart, const struct vmmp_pl011_config *config)
{
    memset(uart, 0, sizeof(*uart));
    uart->config = *config;
    int err = device_life_begin(&config->host, &uart->context, &uart->irq, config->irq);
    if (err) {
        return err;
    }
    vmmp_serial_init(&uart->serial, config->backend, config->backend_cookie, &uart->config.host,
                     &uart->context, drained, uart);
    uart->window.name = "pl011";
    uart->window.words = &word_ops;
    uart->window.device = uart;
    uart->window.size = VMMP_PL011_WINDOW_SIZE;
    uart->window.context = &uart->context;
    reset(uart);
    return 0;
}

void vmmp_pl011_fini(struct vmmp_pl011 *uart)
{
    vmmp_serial_fini(&uart->serial);
    device_life_end(&uart->config.host, &uart->context, &uart->irq);
}

void vmmp_pl011_reset(struct vmmp_pl011 *uart)
{
    vmmp_context_enter(&uart->context);
    reset(uart);
    vmmp_context_leave(&uart->context);
}

void vmmp_pl011_notify(struct vmmp_pl011 *uart)
{
    vmmp_context_enter(&uart->context);
    vmmp_serial_flush(&uart->serial);
    pull_input(uart);
    update_irq(uart);
    vmmp_context_leave(&uart->context);
}
