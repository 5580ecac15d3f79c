/* SPDX-License-Identifier: BSD-2-Clause */
/* PC16550D data sheet, section 8, table II. */
#include <sel4vmmplatsupport/vmmp/uart16550.h>

#include <string.h>

#include "devices/uart_model.h"

#define DATA 0 /* RBR, THR; DLL with DLAB. */
#define IER  1 /* DLM with DLAB. */
#define IIR  2 /* FCR when written. */
#define LCR  3
#define MCR  4
#define LSR  5
#define MSR  6
#define SCR  7

#define IER_RDA   0x01u
#define IER_THRE  0x02u
#define IER_RLS   0x04u
#define IER_MODEM 0x08u
#define IER_BITS  0x0fu

#define IIR_NONE    0x01u
#define IIR_MODEM   0x00u
#define IIR_THRE    0x02u
#define IIR_RDA     0x04u
#define IIR_RLS     0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO    0xc0u

#define FCR_ENABLE        0x01u
#define FCR_CLEAR_INPUT   0x02u
#define FCR_TRIGGER       0xc0u
#define FCR_TRIGGER_SHIFT 6

#define LCR_DLAB 0x80u

#define MCR_DTR  0x01u
#define MCR_RTS  0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_BITS 0x1fu

#define LSR_DR   0x01u
#define LSR_OE   0x02u
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u

#define MSR_TERI 0x04u
#define MSR_CTS  0x10u
#define MSR_DSR  0x20u
#define MSR_RI   0x40u
#define MSR_DCD  0x80u

#define MSR_DELTA_SHIFT 4

/* Interrupts. */

static unsigned input_capacity(const struct vmmp_uart16550 *uart16550)
{
    return uart16550->fifo & FCR_ENABLE ? VMMP_UART16550_FIFO_SIZE : 1;
}

static unsigned input_trigger(const struct vmmp_uart16550 *uart16550)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return uart16550->fifo & FCR_ENABLE ? levels[uart16550->fifo >> FCR_TRIGGER_SHIFT] : 1;
}

/* The most urgent interrupt (table IV). The receive timeout has no delay; see the device's page. */
static unsigned pending(const struct vmmp_uart16550 *uart16550)
{
    if ((uart16550->enabled & IER_RLS) && uart16550->overrun) {
        return IIR_RLS;
    }
    if ((uart16550->enabled & IER_RDA) && uart16550->uart.input_count) {
        return uart16550->uart.input_count >= input_trigger(uart16550) ? IIR_RDA : IIR_TIMEOUT;
    }
    if ((uart16550->enabled & IER_THRE) && uart16550->empty_pending) {
        return IIR_THRE;
    }
    if ((uart16550->enabled & IER_MODEM) && uart16550->changes) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static bool interrupts(const void *model)
{
    const struct vmmp_uart16550 *uart16550 = model;
    bool connected = (uart16550->modem & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    return connected && pending(uart16550) != IIR_NONE;
}

/* Receiving. */

static unsigned room(const void *model)
{
    const struct vmmp_uart16550 *uart16550 = model;
    unsigned capacity = input_capacity(uart16550);

    if ((uart16550->modem & MCR_LOOP) || uart16550->uart.input_count >= capacity) {
        return 0;
    }
    return capacity - uart16550->uart.input_count;
}

/* Sending. */

static void drained(void *model)
{
    ((struct vmmp_uart16550 *)model)->empty_pending = true;
}

static void loop_back(struct vmmp_uart16550 *uart16550, uint8_t byte)
{
    if (uart16550->uart.input_count < input_capacity(uart16550)) {
        vmmp_uart_push(&uart16550->uart, byte);
    } else {
        uart16550->overrun = true;
    }
    uart16550->empty_pending = true;
}

static void write_data(struct vmmp_uart16550 *uart16550, uint8_t byte)
{
    if (uart16550->modem & MCR_LOOP) {
        loop_back(uart16550, byte);
    } else if (vmmp_uart_send(&uart16550->uart, byte)) {
        uart16550->empty_pending = !uart16550->uart.serial.stalled;
    }
}

/* The register file. */

/* The modem's lines: a terminal that is always there, or looped back (8.6.6). */
static unsigned modem_lines(const struct vmmp_uart16550 *uart16550)
{
    unsigned modem = uart16550->modem;

    if (!(modem & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return (modem & MCR_RTS ? MSR_CTS : 0) | (modem & MCR_DTR ? MSR_DSR : 0) |
           (modem & MCR_OUT1 ? MSR_RI : 0) | (modem & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_modem(struct vmmp_uart16550 *uart16550, uint8_t value)
{
    unsigned before = modem_lines(uart16550);

    uart16550->modem = value & MCR_BITS;
    unsigned after = modem_lines(uart16550);
    unsigned changed = (before ^ after) >> MSR_DELTA_SHIFT;
    /* The ring indicator tells of its trailing edge only. */
    if (after & MSR_RI) {
        changed &= ~MSR_TERI;
    }
    uart16550->changes = (uint8_t)(uart16550->changes | changed);
    vmmp_uart_pull(&uart16550->uart);
}

static void write_fifo(struct vmmp_uart16550 *uart16550, uint8_t value)
{
    /* Switching the FIFOs on or off empties them (8.4). */
    if ((value & FCR_CLEAR_INPUT) || ((value ^ uart16550->fifo) & FCR_ENABLE)) {
        uart16550->uart.input_count = 0;
    }
    uart16550->fifo = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
    vmmp_uart_pull(&uart16550->uart);
}

static uint8_t read_line_status(struct vmmp_uart16550 *uart16550)
{
    unsigned status = uart16550->uart.input_count ? LSR_DR : 0;

    /* Guests poll this register until there is room. */
    status |= vmmp_serial_full(&uart16550->uart.serial) ? 0 : LSR_THRE;
    status |= uart16550->uart.serial.stalled ? 0 : LSR_TEMT;
    status |= uart16550->overrun ? LSR_OE : 0;
    uart16550->overrun = false;
    return (uint8_t)status;
}

static uint8_t read_identity(struct vmmp_uart16550 *uart16550)
{
    unsigned cause = pending(uart16550);

    if (cause == IIR_THRE) {
        uart16550->empty_pending = false;
    }
    return (uint8_t)(cause | (uart16550->fifo & FCR_ENABLE ? IIR_FIFO : 0));
}

static uint8_t read_register(struct vmmp_uart16550 *uart16550, unsigned reg)
{
    uint8_t value;

    switch (reg) {
    case DATA:
        return uart16550->line & LCR_DLAB ? uart16550->divisor[0]
                                          : (uint8_t)vmmp_uart_pop(&uart16550->uart);
    case IER:
        return uart16550->line & LCR_DLAB ? uart16550->divisor[1] : uart16550->enabled;
    case IIR:
        return read_identity(uart16550);
    case LCR:
        return uart16550->line;
    case MCR:
        return uart16550->modem;
    case LSR:
        return read_line_status(uart16550);
    case MSR:
        value = (uint8_t)(modem_lines(uart16550) | uart16550->changes);
        uart16550->changes = 0;
        return value;
    default:
        return uart16550->scratch;
    }
}

static void write_register(struct vmmp_uart16550 *uart16550, unsigned reg, uint8_t value)
{
    switch (reg) {
    case DATA:
        if (uart16550->line & LCR_DLAB) {
            uart16550->divisor[0] = value;
        } else {
            write_data(uart16550, value);
        }
        break;
    case IER:
        if (uart16550->line & LCR_DLAB) {
            uart16550->divisor[1] = value;
            break;
        }
        /* Enabling it with nothing to send raises it at once. */
        if ((value & ~uart16550->enabled & IER_THRE) && !uart16550->uart.serial.stalled) {
            uart16550->empty_pending = true;
        }
        uart16550->enabled = value & IER_BITS;
        break;
    case IIR:
        write_fifo(uart16550, value);
        break;
    case LCR:
        uart16550->line = value;
        break;
    case MCR:
        write_modem(uart16550, value);
        break;
    case SCR:
        uart16550->scratch = value;
        break;
    default: /* LSR and MSR are read-only. */
        break;
    }
}

static uint64_t window_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_uart16550 *uart16550 = device;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_register(uart16550, (unsigned)offset + i) << (8 * i);
    }
    vmmp_uart_update_irq(&uart16550->uart);
    return value;
}

static void window_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_uart16550 *uart16550 = device;

    for (unsigned i = 0; i < size; i++) {
        write_register(uart16550, (unsigned)offset + i, (uint8_t)(value >> (8 * i)));
    }
    vmmp_uart_update_irq(&uart16550->uart);
}

static const struct vmmp_window_ops window_ops = { window_read, window_write };

/* Life. */

static void reset(void *model)
{
    struct vmmp_uart16550 *uart16550 = model;

    memset(uart16550->divisor, 0, sizeof(uart16550->divisor));
    uart16550->enabled = 0;
    uart16550->fifo = 0;
    uart16550->line = 0;
    uart16550->modem = 0;
    uart16550->changes = 0;
    uart16550->scratch = 0;
    uart16550->overrun = false;
    uart16550->empty_pending = false;
}

static const struct vmmp_uart_model model = {
    .name = "uart16550",
    .window_size = VMMP_UART16550_WINDOW_SIZE,
    .ops = &window_ops,
    .reset = reset,
    .interrupts = interrupts,
    .room = room,
    .drained = drained,
};

int vmmp_uart16550_init(struct vmmp_uart16550 *uart16550, const struct vmmp_uart_config *config)
{
    return vmmp_uart_init(&uart16550->uart, config, &model, uart16550);
}
