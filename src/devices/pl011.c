/* SPDX-License-Identifier: BSD-2-Clause */
/* PrimeCell UART (PL011) Technical Reference Manual, DDI 0183, chapter 3. */
#include <sel4vmmplatsupport/vmmp/pl011.h>

#include <stddef.h>

#include "bus/words.h"
#include "devices/uart_model.h"

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

static bool interrupts(const void *model)
{
    const struct vmmp_pl011 *pl011 = model;
    return (pl011->interrupt_status & pl011->interrupt_mask) != 0;
}

/* Receiving. */

static unsigned input_capacity(const struct vmmp_pl011 *pl011)
{
    return pl011->line_control & UARTLCR_H_FEN ? VMMP_PL011_FIFO_SIZE : 1;
}

/* How many bytes in the FIFO raise the receive interrupt (UARTIFLS, table 3-14). */
static unsigned input_trigger(const struct vmmp_pl011 *pl011)
{
    static const uint8_t sixteenths[] = { 2, 4, 8, 12, 14, 16, 16, 16 };

    if (!(pl011->line_control & UARTLCR_H_FEN)) {
        return 1;
    }
    return sixteenths[pl011->fifo_levels >> UARTIFLS_RX_SHIFT & 7];
}

/*
 * No time passes between the last byte and the receive timeout: a guest that waits for the trigger
 * level would otherwise wait for bytes that a terminal does not send.
 */
static void arrived(void *model)
{
    struct vmmp_pl011 *pl011 = model;

    if (pl011->line_control & UARTLCR_H_FEN) {
        pl011->interrupt_status |= UARTRIS_RT;
    }
    if (pl011->uart.input_count >= input_trigger(pl011)) {
        pl011->interrupt_status |= UARTRIS_RX;
    }
}

static void taken(void *model)
{
    struct vmmp_pl011 *pl011 = model;

    if (pl011->uart.input_count < input_trigger(pl011)) {
        pl011->interrupt_status &= ~UARTRIS_RX;
    }
    if (pl011->uart.input_count == 0) {
        pl011->interrupt_status &= ~UARTRIS_RT;
    }
}

static unsigned room(const void *model)
{
    const struct vmmp_pl011 *pl011 = model;
    unsigned capacity = input_capacity(pl011);
    uint32_t enabled = UARTCR_UARTEN | UARTCR_RXE;

    if ((pl011->control & enabled) != enabled || (pl011->control & UARTCR_LBE) ||
        pl011->uart.input_count >= capacity) {
        return 0;
    }
    return capacity - pl011->uart.input_count;
}

static uint32_t read_data(struct vmmp_pl011 *pl011, bool pop)
{
    if (!pop || pl011->uart.input_count == 0) {
        return vmmp_uart_oldest(&pl011->uart);
    }
    uint32_t value = vmmp_uart_pop(&pl011->uart);
    pl011->receive_status = value >> 8;
    return value;
}

/* Sending. */

static void drained(void *model)
{
    struct vmmp_pl011 *pl011 = model;
    pl011->interrupt_status |= UARTRIS_TX;
}

static void loop_back(struct vmmp_pl011 *pl011, uint8_t byte)
{
    struct vmmp_uart *uart = &pl011->uart;

    if (uart->input_count < input_capacity(pl011)) {
        vmmp_uart_push(uart, byte);
    } else {
        /* The byte that overran is lost; the last one in the FIFO carries the news. */
        unsigned last = (uart->input_head + uart->input_count - 1) % VMMP_UART_FIFO_MAX;
        uart->input[last] |= UARTDR_OE;
        pl011->receive_status |= UARTRSR_OE;
        pl011->interrupt_status |= UARTRIS_OE;
    }
}

static void write_data(struct vmmp_pl011 *pl011, uint8_t byte)
{
    if (pl011->control & UARTCR_LBE) {
        loop_back(pl011, byte);
        pl011->interrupt_status |= UARTRIS_TX;
    } else if (vmmp_uart_send(&pl011->uart, byte)) {
        if (pl011->uart.serial.stalled) {
            pl011->interrupt_status &= ~UARTRIS_TX;
        } else {
            /* The FIFO has passed below its trigger level, whatever that is. */
            pl011->interrupt_status |= UARTRIS_TX;
        }
    }
    vmmp_uart_update_irq(&pl011->uart);
}

static uint32_t read_flags(struct vmmp_pl011 *pl011)
{
    uint32_t flags = UARTFR_CTS | UARTFR_DSR | UARTFR_DCD;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&pl011->uart.serial)) {
        flags |= UARTFR_TXFF | UARTFR_BUSY;
    }
    flags |= pl011->uart.serial.stalled ? 0 : UARTFR_TXFE;
    flags |= pl011->uart.input_count == 0 ? UARTFR_RXFE : 0;
    flags |= pl011->uart.input_count >= input_capacity(pl011) ? UARTFR_RXFF : 0;
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

static uint32_t *stored(struct vmmp_pl011 *pl011, const struct reg *reg)
{
    return (uint32_t *)(void *)((uint8_t *)pl011 + reg->member);
}

static uint32_t read_register(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_pl011 *pl011 = device;
    const struct reg *reg = find_register(offset);

    if (!reg) {
        vmmp_uart_log_unknown(&pl011->uart, "read of", offset);
        return 0;
    }
    switch ((enum access)reg->access) {
    case STORED:
    case CONTROL:
    case STATUS:
    case RAW:
        return *stored(pl011, reg);
    case DATA:
        return read_data(pl011, lanes & 0xff);
    case FLAGS:
        return read_flags(pl011);
    case MASKED:
        return pl011->interrupt_status & pl011->interrupt_mask;
    case IDENTITY:
        return identity[(offset - UARTID) / 4];
    case CLEAR:
        break;
    }
    return 0;
}

static void write_register(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_pl011 *pl011 = device;
    const struct reg *reg = find_register(offset);

    if (!reg) {
        vmmp_uart_log_unknown(&pl011->uart, "write to", offset);
        return;
    }
    switch ((enum access)reg->access) {
    case STORED:
    case CONTROL:
        *stored(pl011, reg) = words_merge(*stored(pl011, reg), value, lanes, reg->writable);
        if (reg->access == CONTROL) {
            vmmp_uart_pull(&pl011->uart);
        }
        vmmp_uart_update_irq(&pl011->uart);
        break;
    case DATA:
        if (lanes & 0xff) {
            write_data(pl011, (uint8_t)value);
        }
        break;
    case STATUS:
        pl011->receive_status = 0;
        break;
    case CLEAR:
        pl011->interrupt_status &= ~value;
        vmmp_uart_update_irq(&pl011->uart);
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

static void reset(void *model)
{
    struct vmmp_pl011 *pl011 = model;

    pl011->line_control = 0;
    pl011->control = UARTCR_RESET;
    pl011->baud_integer = 0;
    pl011->baud_fraction = 0;
    pl011->low_power = 0;
    pl011->fifo_levels = UARTIFLS_RESET;
    pl011->dma_control = 0;
    pl011->interrupt_mask = 0;
    pl011->interrupt_status = 0;
    pl011->receive_status = 0;
}

static const struct vmmp_uart_model model = {
    .name = "pl011",
    .window_size = VMMP_PL011_WINDOW_SIZE,
    .words = &word_ops,
    .reset = reset,
    .interrupts = interrupts,
    .room = room,
    .arrived = arrived,
    .taken = taken,
    .drained = drained,
};

int vmmp_pl011_init(struct vmmp_pl011 *pl011, const struct vmmp_uart_config *config)
{
    return vmmp_uart_init(&pl011->uart, config, &model, pl011);
}
