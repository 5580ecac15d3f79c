/* SPDX-License-Identifier: BSD-2-Clause */
/* A Cadence UART: any register, width and value, input and a backend that stalls, resets. */
#include <sel4vmmplatsupport/vmmp/cadence_uart.h>

#include "fuzz_uart_bench.h"

#define SR             0x2c
#define ISR            0x14
#define IMR            0x10
#define RX_EMPTY       0x02
#define RX_FULL        0x04
#define TX_EMPTY       0x08
#define TX_FULL        0x10
#define ALL_INTERRUPTS 0x3fffu

static struct vmmp_cadence_uart cadence;
static struct vmmp_irq_line line;
static bool level;

static const struct vmmp_host_ops host_ops = { .defer = defer, .cancel = cancel };

static void check(void)
{
    uint32_t status = (uint32_t)vmmp_window_read(&cadence.uart.window, SR, 4);
    uint32_t events = (uint32_t)vmmp_window_read(&cadence.uart.window, ISR, 4);
    uint32_t mask = (uint32_t)vmmp_window_read(&cadence.uart.window, IMR, 4);

    FUZZ_CHECK(cadence.uart.input_count <= VMMP_CADENCE_UART_FIFO_SIZE);
    FUZZ_CHECK(((status & RX_EMPTY) != 0) == (cadence.uart.input_count == 0));
    FUZZ_CHECK(((status & RX_FULL) != 0) ==
               (cadence.uart.input_count == VMMP_CADENCE_UART_FIFO_SIZE));
    FUZZ_CHECK(!(status & TX_FULL) || !(status & TX_EMPTY));
    FUZZ_CHECK(!((events | mask) & ~ALL_INTERRUPTS));
    FUZZ_CHECK(level == ((events & mask) != 0));
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    /* Mostly registers, and mostly whole. */
    uint32_t offset = what & 0x40 ? fuzz_u16(in) & 0xfff : (fuzz_u8(in) & 0x1f) * 4u;
    unsigned size = what & 0x80 ? fuzz_width(in) : 4;

    switch (what & 7) {
    case 0:
        vmmp_uart_notify(&cadence.uart);
        break;
    case 1:
        run_queued();
        break;
    case 2:
        if ((what & 0x38) == 0) {
            vmmp_uart_reset(&cadence.uart);
        }
        break;
    case 3:
    case 4:
        vmmp_window_read(&cadence.uart.window, offset, size);
        break;
    default:
        vmmp_window_write(&cadence.uart.window, offset, size, fuzz_number(in, size));
        break;
    }
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    const struct vmmp_uart_config config = { .host = { fuzz_u8(&in) & 1 ? &host_ops : NULL, NULL },
                                             .irq = &line,
                                             .backend = &backend };

    input = &in;
    most_input = VMMP_CADENCE_UART_FIFO_SIZE;
    level = false;
    queued = NULL;
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &line_ops, &level, &config.host));
    FUZZ_CHECK(!vmmp_cadence_uart_init(&cadence, &config));
    while (in.left) {
        step(&in);
    }
    vmmp_uart_fini(&cadence.uart);
    FUZZ_CHECK(!queued && !level);
    vmmp_irq_line_fini(&line);
    return 0;
}
