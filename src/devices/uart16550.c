/* SPDX-License-Identifier: BSD-2-Clause */
/* PC16550D data sheet, section 8, table II. */
#include <sel4vmmplatsupport/vmmp/uart16550.h>

#include <errno.h>
#include <string.h>

#include "devices/device_life.h"

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

static unsigned input_capacity(const struct vmmp_uart16550 *uart)
{
    return uart->fifo & FCR_ENABLE ? VMMP_UART16550_FIFO_SIZE : 1;
}

static unsigned input_trigger(const struct vmmp_uart16550 *uart)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return uart->fifo & FCR_ENABLE ? levels[uart->fifo >> FCR_TRIGGER_SHIFT] : 1;
}

/* The most urgent interrupt (table IV). The receive timeout has no delay; see the device's page. */
static unsigned pending(const struct vmmp_uart16550 *uart)
{
    if ((uart->enabled & IER_RLS) && uart->overrun) {
        return IIR_RLS;
    }
    if ((uart->enabled & IER_RDA) && uart->input_count) {
        return uart->input_count >= input_trigger(uart) ? IIR_RDA : IIR_TIMEOUT;
    }
    if ((uart->enabled & IER_THRE) && uart->empty_pending) {
        return IIR_THRE;
    }
    if ((uart->enabled & IER_MODEM) && uart->changes) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void update_irq(struct vmmp_uart16550 *uart)
{
    bool connected = uart->config.wired || (uart->modem & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    bool high = connected && pending(uart) != IIR_NONE;

    if (high != uart->irq_high) {
        uart->irq_high = high;
        vmmp_irq_source_set(&uart->irq, high);
    }
}

/* Receiving. */

static void push_input(struct vmmp_uart16550 *uart, uint8_t byte)
{
    unsigned tail = (uart->input_head + uart->input_count) % VMMP_UART16550_FIFO_SIZE;

    uart->input[tail] = byte;
    uart->input_count++;
}

static void pull_input(struct vmmp_uart16550 *uart)
{
    uint8_t bytes[VMMP_UART16550_FIFO_SIZE];
    unsigned capacity = input_capacity(uart);

    if ((uart->modem & MCR_LOOP) || uart->input_count >= capacity) {
        return;
    }
    size_t got = vmmp_serial_get(&uart->serial, bytes, capacity - uart->input_count);
    for (size_t i = 0; i < got; i++) {
        push_input(uart, bytes[i]);
    }
}

static uint8_t read_data(struct vmmp_uart16550 *uart)
{
    if (uart->input_count == 0) {
        return 0;
    }
    uint8_t byte = uart->input[uart->input_head];
    uart->input_head = (uart->input_head + 1) % VMMP_UART16550_FIFO_SIZE;
    uart->input_count--;
    if (uart->input_count == 0) {
        pull_input(uart);
    }
    return byte;
}

/* Sending. */

static void drained(void *cookie)
{
    struct vmmp_uart16550 *uart = cookie;

    uart->empty_pending = true;
    update_irq(uart);
}

static void write_data(struct vmmp_uart16550 *uart, uint8_t byte)
{
    if (uart->modem & MCR_LOOP) {
        if (uart->input_count < input_capacity(uart)) {
            push_input(uart, byte);
        } else {
            uart->overrun = true;
        }
        uart->empty_pending = true;
        return;
    }
    if (!vmmp_serial_put(&uart->serial, byte)) {
        vmmp_log_guest(uart->config.log, &uart->lost,
                       "uart16550: output lost: the guest wrote to a full transmitter");
        return;
    }
    uart->empty_pending = !uart->serial.stalled;
}

/* The register file. */

/* The modem's lines: a terminal that is always there, or looped back (8.6.6). */
static unsigned modem_lines(const struct vmmp_uart16550 *uart)
{
    unsigned modem = uart->modem;

    if (!(modem & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return (modem & MCR_RTS ? MSR_CTS : 0) | (modem & MCR_DTR ? MSR_DSR : 0) |
           (modem & MCR_OUT1 ? MSR_RI : 0) | (modem & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_modem(struct vmmp_uart16550 *uart, uint8_t value)
{
    unsigned before = modem_lines(uart);

    uart->modem = value & MCR_BITS;
    unsigned after = modem_lines(uart);
    unsigned changed = (before ^ after) >> MSR_DELTA_SHIFT;
    /* The ring indicator tells of its trailing edge only. */
    if (after & MSR_RI) {
        changed &= ~MSR_TERI;
    }
    uart->changes = (uint8_t)(uart->changes | changed);
    pull_input(uart);
}

static void write_fifo(struct vmmp_uart16550 *uart, uint8_t value)
{
    /* Switching the FIFOs on or off empties them (8.4). */
    if ((value & FCR_CLEAR_INPUT) || ((value ^ uart->fifo) & FCR_ENABLE)) {
        uart->input_count = 0;
    }
    uart->fifo = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
    pull_input(uart);
}

static uint8_t read_line_status(struct vmmp_uart16550 *uart)
{
    unsigned status = uart->input_count ? LSR_DR : 0;

    /* Guests poll this register until there is room. */
    status |= vmmp_serial_full(&uart->serial) ? 0 : LSR_THRE;
    status |= uart->serial.stalled ? 0 : LSR_TEMT;
    status |= uart->overrun ? LSR_OE : 0;
    uart->overrun = false;
    return (uint8_t)status;
}

static uint8_t read_identity(struct vmmp_uart16550 *uart)
{
    unsigned cause = pending(uart);

    if (cause == IIR_THRE) {
        uart->empty_pending = false;
    }
    return (uint8_t)(cause | (uart->fifo & FCR_ENABLE ? IIR_FIFO : 0));
}

static uint8_t read_register(struct vmmp_uart16550 *uart, unsigned reg)
{
    uint8_t value;

    switch (reg) {
    case DATA:
        return uart->line & LCR_DLAB ? uart->divisor[0] : read_data(uart);
    case IER:
        return uart->line & LCR_DLAB ? uart->divisor[1] : uart->enabled;
    case IIR:
        return read_identity(uart);
    case LCR:
        return uart->line;
    case MCR:
        return uart->modem;
    case LSR:
        return read_line_status(uart);
    case MSR:
        value = (uint8_t)(modem_lines(uart) | uart->changes);
        uart->changes = 0;
        return value;
    default:
        return uart->scratch;
    }
}

static void write_register(struct vmmp_uart16550 *uart, unsigned reg, uint8_t value)
{
    switch (reg) {
    case DATA:
        if (uart->line & LCR_DLAB) {
            uart->divisor[0] = value;
        } else {
            write_data(uart, value);
        }
        break;
    case IER:
        if (uart->line & LCR_DLAB) {
            uart->divisor[1] = value;
            break;
        }
        /* Enabling it with nothing to send raises it at once. */
        if ((value & ~uart->enabled & IER_THRE) && !uart->serial.stalled) {
            uart->empty_pending = true;
        }
        uart->enabled = value & IER_BITS;
        break;
    case IIR:
        write_fifo(uart, value);
        break;
    case LCR:
        uart->line = value;
        break;
    case MCR:
        write_modem(uart, value);
        break;
    case SCR:
        uart->scratch = value;
        break;
    default: /* LSR and MSR are read-only. */
        break;
    }
}

/* Whether a register begins at that byte of the window, and which. */
static bool has_register(const struct vmmp_uart16550 *uart, uint64_t offset, unsigned *reg)
{
    *reg = (unsigned)(offset >> uart->config.reg_shift);
    return (uint64_t)*reg << uart->config.reg_shift == offset;
}

static uint64_t window_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_uart16550 *uart = device;
    uint64_t value = 0;
    unsigned reg;

    for (unsigned i = 0; i < size; i++) {
        if (has_register(uart, offset + i, &reg)) {
            value |= (uint64_t)read_register(uart, reg) << (8 * i);
        }
    }
    update_irq(uart);
    return value;
}

static void window_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_uart16550 *uart = device;
    unsigned reg;

    for (unsigned i = 0; i < size; i++) {
        if (has_register(uart, offset + i, &reg)) {
            write_register(uart, reg, (uint8_t)(value >> (8 * i)));
        }
    }
    update_irq(uart);
}

static const struct vmmp_window_ops window_ops = { window_read, window_write };

/* Life. */

static void reset(struct vmmp_uart16550 *uart)
{
    memset(uart->divisor, 0, sizeof(uart->divisor));
    uart->enabled = 0;
    uart->fifo = 0;
    uart->line = 0;
    uart->modem = 0;
    uart->changes = 0;
    uart->scratch = 0;
    uart->overrun = false;
    uart->empty_pending = false;
    uart->input_head = 0;
    uart->input_count = 0;
    update_irq(uart);
}

int vmmp_uart16550_init(struct vmmp_uart16550 *uart, const struct vmmp_uart16550_config *config)
{
    if (config->reg_shift > VMMP_UART16550_SHIFT_MAX) {
        return -EINVAL;
    }
    memset(uart, 0, sizeof(*uart));
    uart->config = *config;
    int err = device_life_begin(&config->host, &uart->context, &uart->irq, config->irq);
    if (err) {
        return err;
    }
    vmmp_serial_init(&uart->serial, config->backend, config->backend_cookie, &uart->config.host,
                     &uart->context, drained, uart);
    uart->window.name = "uart16550";
    uart->window.ops = &window_ops;
    uart->window.device = uart;
    uart->window.size = (uint64_t)VMMP_UART16550_WINDOW_SIZE << config->reg_shift;
    uart->window.context = &uart->context;
    reset(uart);
    return 0;
}

void vmmp_uart16550_fini(struct vmmp_uart16550 *uart)
{
    vmmp_serial_fini(&uart->serial);
    device_life_end(&uart->config.host, &uart->context, &uart->irq);
}

void vmmp_uart16550_reset(struct vmmp_uart16550 *uart)
{
    vmmp_context_enter(&uart->context);
    reset(uart);
    vmmp_context_leave(&uart->context);
}

void vmmp_uart16550_notify(struct vmmp_uart16550 *uart)
{
    vmmp_context_enter(&uart->context);
    vmmp_serial_flush(&uart->serial);
    pull_input(uart);
    update_irq(uart);
    vmmp_context_leave(&uart->context);
}
