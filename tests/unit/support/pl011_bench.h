/* SPDX-License-Identifier: BSD-2-Clause */
/* A PL011 and its registers. */
#pragma once

#include <sel4vmmplatsupport/vmmp/pl011.h>

#define BENCH_UART struct vmmp_pl011
#define BENCH_NAME "pl011"
#define BENCH_FIFO VMMP_PL011_FIFO_SIZE
#include "support/uart_bench.h"

#define DR    0x000
#define RSR   0x004
#define FR    0x018
#define ILPR  0x020
#define IBRD  0x024
#define FBRD  0x028
#define LCR_H 0x02c
#define CR    0x030
#define IFLS  0x034
#define IMSC  0x038
#define RIS   0x03c
#define MIS   0x040
#define ICR   0x044
#define DMACR 0x048

#define FR_BUSY 0x08
#define FR_RXFE 0x10
#define FR_TXFF 0x20
#define FR_RXFF 0x40
#define FR_TXFE 0x80

#define INT_RX 0x010
#define INT_TX 0x020
#define INT_RT 0x040
#define INT_OE 0x400

#define FEN    0x10
#define ENABLE 0x301 /* UARTEN, TXE, RXE */

static void make(struct bench *b, bool can_defer)
{
    bench_init(b, can_defer);
    const struct vmmp_uart_config config = { b->host, &b->line, &backend, b, &b->log };
    assert_int_equal(vmmp_pl011_init(&b->model, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_uart_fini(&b->model.uart);
    bench_fini(b);
}

static void print(struct bench *b, const char *text)
{
    for (; *text; text++) {
        put(b, DR, (uint8_t)*text);
    }
}
