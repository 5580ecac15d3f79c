/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter UART. */
#include <sel4vmmplatsupport/vmmp/exynos_uart.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"
#include "devices/uart_model.h"

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

static uint32_t word(const struct vmmp_exynos_uart *exynos, uint32_t offset)
{
    return exynos->words[offset / 4];
}

static bool has_fifo(const struct vmmp_exynos_uart *exynos)
{
    return word(exynos, UFCON) & UFCON_FIFO_ENABLE;
}

/* How many bytes in the receive FIFO are worth an interrupt: eighths of it, the first the least. */
static unsigned input_trigger(const struct vmmp_exynos_uart *exynos)
{
    unsigned level = word(exynos, UFCON) >> UFCON_RX_TRIGGER_SHIFT & 7;
    return has_fifo(exynos) ? (level + 1) * exynos->fifo_size / 8 : 1;
}

static bool input_timed_out(const struct vmmp_exynos_uart *exynos)
{
    return has_fifo(exynos) && exynos->uart.input_count > 0 && word(exynos, UCON) & UCON_RX_TIMEOUT;
}

static bool input_due(const struct vmmp_exynos_uart *exynos)
{
    return exynos->uart.input_count >= input_trigger(exynos) || input_timed_out(exynos);
}

static bool output_due(const struct vmmp_exynos_uart *exynos)
{
    return !exynos->uart.serial.stalled && (word(exynos, UCON) & UCON_TX_MODE) == UCON_TX_POLLING;
}

/* UINTSP: a level interrupt is pending as long as its cause is, an edge until it is acknowledged.
 */
static uint32_t pending(const struct vmmp_exynos_uart *exynos)
{
    uint32_t bits = exynos->events;
    if (word(exynos, UCON) & UCON_RX_LEVEL && input_due(exynos)) {
        bits |= INT_RXD;
    }
    if (word(exynos, UCON) & UCON_TX_LEVEL && output_due(exynos)) {
        bits |= INT_TXD;
    }
    return bits;
}

/* An edge, if this interrupt works by edges. */
static void raise_edge(struct vmmp_exynos_uart *exynos, uint32_t bit, uint32_t level, bool due)
{
    if (due && !(word(exynos, UCON) & level)) {
        exynos->events |= bit;
    }
}

static bool interrupts(const void *model)
{
    const struct vmmp_exynos_uart *exynos = model;
    return (pending(exynos) & ~word(exynos, UINTM)) != 0;
}

/* ---- Receiving ---- */

static unsigned input_capacity(const struct vmmp_exynos_uart *exynos)
{
    return has_fifo(exynos) ? exynos->fifo_size : 1;
}

static void arrived(void *model)
{
    struct vmmp_exynos_uart *exynos = model;
    raise_edge(exynos, INT_RXD, UCON_RX_LEVEL, input_due(exynos));
}

static unsigned room(const void *model)
{
    const struct vmmp_exynos_uart *exynos = model;
    unsigned capacity = input_capacity(exynos);
    uint32_t control = word(exynos, UCON);

    if (!(control & UCON_RX_MODE) || control & UCON_LOOPBACK ||
        exynos->uart.input_count >= capacity) {
        return 0;
    }
    return capacity - exynos->uart.input_count;
}

/* ---- Sending ---- */

static void drained(void *model)
{
    struct vmmp_exynos_uart *exynos = model;
    raise_edge(exynos, INT_TXD, UCON_TX_LEVEL, output_due(exynos));
}

static void loop_back(struct vmmp_exynos_uart *exynos, uint8_t byte)
{
    if (exynos->uart.input_count < input_capacity(exynos)) {
        vmmp_uart_push(&exynos->uart, byte);
    } else {
        exynos->words[UERSTAT / 4] |= UERSTAT_OVERRUN;
        exynos->events |= INT_ERROR;
    }
}

static void write_data(struct vmmp_exynos_uart *exynos, uint8_t byte)
{
    if (word(exynos, UCON) & UCON_LOOPBACK) {
        loop_back(exynos, byte);
    } else {
        (void)vmmp_uart_send(&exynos->uart, byte);
    }
    raise_edge(exynos, INT_TXD, UCON_TX_LEVEL, output_due(exynos));
    vmmp_uart_update_irq(&exynos->uart);
}

/* ---- Registers ---- */

static uint32_t transfer_status(struct vmmp_exynos_uart *exynos)
{
    uint32_t status = exynos->uart.input_count > 0 ? UTRSTAT_RX_READY : 0;

    status |= vmmp_serial_full(&exynos->uart.serial) ? 0 : UTRSTAT_TX_EMPTY;
    status |= exynos->uart.serial.stalled ? 0 : UTRSTAT_TX_IDLE;
    status |= input_timed_out(exynos) ? UTRSTAT_RX_TIMEOUT : 0;
    return status;
}

static uint32_t fifo_status(struct vmmp_exynos_uart *exynos)
{
    uint32_t status = 0;

    /* Guests poll this register until there is room. */
    if (vmmp_serial_full(&exynos->uart.serial)) {
        status |= UFSTAT_TX_FULL;
    } else if (exynos->uart.serial.stalled) {
        status |= 1u << UFSTAT_TX_COUNT_SHIFT;
    }
    if (exynos->uart.input_count == exynos->fifo_size) {
        return status | UFSTAT_RX_FULL;
    }
    return status | (exynos->uart.input_count & UFSTAT_RX_COUNT);
}

static uint32_t read_errors(struct vmmp_exynos_uart *exynos, bool clear)
{
    uint32_t errors = word(exynos, UERSTAT);
    if (clear) {
        exynos->words[UERSTAT / 4] = 0;
    }
    return errors;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_uart *exynos = device;

    switch (offset) {
    case UTRSTAT:
        return transfer_status(exynos);
    case UERSTAT:
        return read_errors(exynos, lanes & 0xff);
    case UFSTAT:
        return fifo_status(exynos);
    case UMSTAT:
        return UMSTAT_CTS;
    case URXH:
        return lanes & 0xff ? vmmp_uart_pop(&exynos->uart) : 0;
    case UINTP:
        return pending(exynos) & ~word(exynos, UINTM);
    case UINTSP:
        return pending(exynos);
    default:
        break;
    }
    if (offset / 4 < VMMP_EXYNOS_UART_WORDS) {
        return word(exynos, offset);
    }
    vmmp_uart_log_unknown(&exynos->uart, "read of", offset);
    return 0;
}

/*
 * Drivers reset the FIFOs when they start, after they have enabled the UART. What was typed or
 * written by then is not lost: only bytes that were looped back go.
 */
static void control_fifo(struct vmmp_exynos_uart *exynos, uint32_t value)
{
    if (value & UFCON_RX_RESET && word(exynos, UCON) & UCON_LOOPBACK) {
        exynos->uart.input_count = 0;
    }
    if (exynos->uart.input_count > input_capacity(exynos)) {
        exynos->uart.input_count = input_capacity(exynos);
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_uart *exynos = device;

    if (offset / 4 >= VMMP_EXYNOS_UART_WORDS) {
        vmmp_uart_log_unknown(&exynos->uart, "write to", offset);
        return;
    }
    uint32_t *stored = &exynos->words[offset / 4];
    *stored = words_merge(*stored, value, lanes, stored_bits[offset / 4]);
    switch (offset) {
    case UTXH:
        if (lanes & 0xff) {
            write_data(exynos, (uint8_t)value);
        }
        return;
    case UINTP:
    case UINTSP:
        exynos->events &= ~value;
        break;
    case UFCON:
        control_fifo(exynos, value);
        vmmp_uart_pull(&exynos->uart);
        break;
    case UCON:
        vmmp_uart_pull(&exynos->uart);
        break;
    default:
        break;
    }
    vmmp_uart_update_irq(&exynos->uart);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(void *model)
{
    struct vmmp_exynos_uart *exynos = model;

    memset(exynos->words, 0, sizeof(exynos->words));
    exynos->events = 0;
}

static const struct vmmp_uart_model model = {
    .name = "exynos-uart",
    .window_size = VMMP_EXYNOS_UART_WINDOW_SIZE,
    .words = &word_ops,
    .reset = reset,
    .interrupts = interrupts,
    .room = room,
    .arrived = arrived,
    .drained = drained,
};

int vmmp_exynos_uart_init(struct vmmp_exynos_uart *exynos, const struct vmmp_uart_config *config,
                          unsigned fifo_size)
{
    if (fifo_size != 16 && fifo_size != 64 && fifo_size != 256) {
        return -EINVAL;
    }
    exynos->fifo_size = fifo_size;
    return vmmp_uart_init(&exynos->uart, config, &model, exynos);
}
