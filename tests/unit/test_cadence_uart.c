/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/cadence_uart.h>

#define BENCH_UART struct vmmp_cadence_uart
#define BENCH_NAME "cadence-uart"
#define BENCH_FIFO VMMP_CADENCE_UART_FIFO_SIZE
#define BENCH_DATA 0x30
#include "support/uart_bench.h"

#define CR      0x00
#define MR      0x04
#define IER     0x08
#define IDR     0x0c
#define IMR     0x10
#define ISR     0x14
#define BAUDGEN 0x18
#define RXTOUT  0x1c
#define RXWM    0x20
#define MODEMCR 0x24
#define MODEMSR 0x28
#define SR      0x2c
#define FIFO    0x30
#define BAUDDIV 0x34
#define FLOWDEL 0x38
#define IRRX    0x3c
#define IRTX    0x40
#define TXWM    0x44
#define RXBS    0x48

#define RX_TRIGGER 0x1
#define RX_EMPTY   0x2
#define RX_FULL    0x4
#define TX_EMPTY   0x8
#define TX_FULL    0x10
#define OVERRUN    0x20
#define TIMEOUT    0x100
#define TX_OVERRUN 0x1000

#define ENABLED    0x14 /* TXEN, RXEN */
#define LOCAL_LOOP 0x200

static void make(struct bench *b)
{
    bench_init(b, true);
    const struct vmmp_uart_config config = { b->host, &b->line, &backend, b, &b->log };
    assert_int_equal(vmmp_cadence_uart_init(&b->model, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_uart_fini(&b->model.uart);
    bench_fini(b);
}

/* What Linux does before it uses the port. */
static void start(struct bench *b)
{
    put(b, CR, 0x28);           /* Off, */
    put(b, CR, 0x2b);           /* with the FIFOs reset, */
    put(b, CR, ENABLED | 0x40); /* and on, with the timeout restarted. */
    put(b, MR, 0x20);
    put(b, RXWM, 56);
    put(b, RXTOUT, 10);
    put(b, ISR, get(b, ISR));
    put(b, IER, 0x1e1 & ~0x10u);
}

struct expected_register {
    uint32_t offset;
    uint32_t reset;
    uint32_t written; /* After a write of all-ones. */
};

/* The model has been reset. */
static void expect_registers(struct bench *b, const struct expected_register *registers,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(get(b, registers[i].offset), registers[i].reset);
        put(b, registers[i].offset, UINT32_MAX);
        assert_int_equal(get(b, registers[i].offset), registers[i].written);
    }
}

static void registers_hold_what_the_manual_says(void **state)
{
    static const struct expected_register registers[] = {
        { MR, 0, 0x33ff },       { IMR, 0, 0 },
        { ISR, 0x208, 0 },       { BAUDGEN, 0x28b, 0xffff },
        { RXTOUT, 0, 0xff },     { RXWM, 0x20, 0x3f },
        { MODEMCR, 0, 0x23 },    { MODEMSR, 0xbb, 0xb0 },
        { SR, 0xa, 0xa },        { BAUDDIV, 0xf, 0xff },
        { FLOWDEL, 0, 0x3f },    { IRRX, 0, 0xffff },
        { IRTX, 0, 0xff },       { TXWM, 0x20, 0x3f },
        { RXBS, 0, 0 },          { IER, 0, 0 },
        { IMR, 0x3fff, 0x3fff }, { IDR, 0, 0 },
        { IMR, 0, 0 },           { CR, 0x128, 0x1bc },
    };
    struct bench b;

    (void)state;
    make(&b);
    for (int round = 0; round < 2; round++) {
        expect_registers(&b, registers, sizeof(registers) / sizeof(registers[0]));
        vmmp_uart_reset(&b.model.uart);
    }
    assert_int_equal(get(&b, FIFO), 0);
    assert_int_equal(b.logs, 0);
    /* Nothing behind them, and a byte is a byte. */
    assert_int_equal(get(&b, 0x4c), 0);
    put(&b, 0xffc, 1);
    assert_int_equal(b.logs, 2);
    vmmp_window_write(&b.model.uart.window, BAUDGEN + 1, 1, 0x12);
    assert_int_equal(get(&b, BAUDGEN), 0x128b);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, BAUDGEN, 2), 0x128b);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, BAUDGEN, 8), 0x128b);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, RXWM - 1, 2), 0x2000);
    unmake(&b);
}

static void output_before_any_setup(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    expect_output(&b);
    unmake(&b);
}

/* Linux clears TEMPTY, fills the FIFO and enables TEMPTY. */
static void sending_ends_in_an_interrupt(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    assert_false(b.level);
    put(&b, ISR, TX_EMPTY);
    assert_int_equal(get(&b, ISR), 0);
    print(&b, "a");
    put(&b, IER, TX_EMPTY);
    assert_true(b.level);
    put(&b, ISR, TX_EMPTY);
    assert_false(b.level); /* An event, not a level. */
    print(&b, "b");
    assert_true(b.level);
    put(&b, IDR, TX_EMPTY);
    assert_false(b.level);
    assert_int_equal(get(&b, ISR), TX_EMPTY);
    unmake(&b);
}

static void a_full_backend_holds_the_guest_up(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    put(&b, IER, TX_EMPTY);
    b.out_room = 2;
    print(&b, "abcd\n");
    put(&b, ISR, TX_EMPTY);
    assert_int_equal(get(&b, SR), RX_EMPTY);
    expect_held_up(&b, SR, TX_FULL);
    assert_int_equal(get(&b, SR), 0x6000 | TX_FULL | RX_EMPTY);
    assert_int_equal(get(&b, ISR), TX_OVERRUN);
    expect_let_go(&b);
    assert_int_equal(get(&b, SR), RX_EMPTY | TX_EMPTY);
    unmake(&b);
}

static void input_comes_when_it_is_enabled(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    type(&b, "ab");
    put(&b, CR, ENABLED | 8); /* RXDIS prevails. */
    assert_int_equal(b.reads, 0);
    assert_int_equal(get(&b, SR), RX_EMPTY | TX_EMPTY);
    start(&b);
    assert_false(b.level); /* The timeout was told before it was wanted, */
    put(&b, CR, ENABLED | 0x40);
    assert_true(b.level); /* and is told again after a restart. */
    assert_int_equal(get(&b, SR), TX_EMPTY);
    assert_int_equal(get(&b, ISR) & 0x1ff, TIMEOUT);
    assert_int_equal(get(&b, FIFO), 'a');
    assert_int_equal(vmmp_window_read(&b.model.uart.window, FIFO + 1, 1), 0); /* Pops nothing. */
    assert_int_equal(get(&b, FIFO), 'b');
    put(&b, ISR, TIMEOUT);
    assert_false(b.level);
    assert_int_equal(get(&b, ISR) & RX_EMPTY, RX_EMPTY);
    assert_int_equal(get(&b, FIFO), 0);
    type(&b, "c");
    assert_true(b.level);
    assert_int_equal(get(&b, FIFO), 'c');
    unmake(&b);
}

static void a_nul_is_a_character(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    b.in_end = 1;
    vmmp_uart_notify(&b.model.uart);
    assert_true(b.level);
    assert_int_equal(get(&b, SR), TX_EMPTY);
    assert_int_equal(get(&b, FIFO), 0);
    assert_int_equal(get(&b, SR), TX_EMPTY | RX_EMPTY);
    unmake(&b);
}

static void levels_of_the_fifo(void **state)
{
    char text[101];
    struct bench b;

    (void)state;
    memset(text, 'q', sizeof(text));
    make(&b);
    start(&b);
    put(&b, RXTOUT, 0);
    put(&b, FLOWDEL, 8);
    put(&b, RXWM, 16);
    text[7] = 0;
    type(&b, text);
    assert_int_equal(get(&b, SR), TX_EMPTY);
    type(&b, "q");
    assert_int_equal(get(&b, SR), TX_EMPTY | 0x1000);
    type(&b, text);
    assert_false(b.level); /* 15 bytes. */
    type(&b, "q");
    assert_true(b.level);
    assert_int_equal(get(&b, ISR) & RX_TRIGGER, RX_TRIGGER);
    assert_int_equal(get(&b, SR), TX_EMPTY | 0x1000 | RX_TRIGGER);
    put(&b, ISR, RX_TRIGGER);
    text[7] = 'q';
    text[100] = 0;
    type(&b, text);
    assert_int_equal(get(&b, SR), TX_EMPTY | 0x1000 | RX_TRIGGER | RX_FULL);
    assert_int_equal(get(&b, ISR) & RX_FULL, RX_FULL);
    for (int i = 0; i < 116; i++) {
        assert_int_equal(get(&b, FIFO), 'q'); /* None was lost. */
    }
    assert_int_equal(get(&b, SR), RX_EMPTY | TX_EMPTY);
    put(&b, ISR, UINT32_MAX);
    put(&b, RXWM, 0); /* No trigger. */
    type(&b, text);
    assert_false(b.level);
    assert_int_equal(get(&b, SR) & RX_TRIGGER, 0);
    unmake(&b);
}

static void a_local_loop_overruns(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    put(&b, MR, LOCAL_LOOP);
    type(&b, "typed");
    for (char c = 0; c < 64; c++) {
        put(&b, FIFO, (uint8_t)c);
    }
    assert_int_equal(get(&b, ISR) & OVERRUN, 0);
    put(&b, FIFO, 'x');
    assert_int_equal(get(&b, ISR) & OVERRUN, OVERRUN);
    for (int c = 0; c < 64; c++) {
        assert_int_equal(get(&b, FIFO), c);
    }
    assert_int_equal(b.out_count, 0);
    put(&b, FIFO, 'x');
    put(&b, CR, ENABLED | 1);
    assert_int_equal(get(&b, SR) & RX_EMPTY, RX_EMPTY);
    put(&b, CR, 0x18);
    put(&b, FIFO, 'x'); /* Nobody hears it. */
    put(&b, CR, ENABLED);
    put(&b, MR, 0);
    put(&b, CR, ENABLED | 1); /* What was typed is kept. */
    assert_int_equal(get(&b, FIFO), 't');
    unmake(&b);
}

static void without_an_interrupt_or_a_backend(void **state)
{
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct bench b;

    (void)state;
    bench_init(&b, false);
    struct vmmp_uart_config config = { .host = b.host };
    assert_int_equal(vmmp_cadence_uart_init(&b.model, &config), 0);
    start(&b);
    print(&b, "lost");
    put(&b, IER, TX_EMPTY);
    vmmp_uart_notify(&b.model.uart);
    put(&b, 0xffc, 1);
    assert_int_equal(get(&b, SR), RX_EMPTY | TX_EMPTY);
    vmmp_uart_fini(&b.model.uart);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line), 0);
    }
    config.irq = &b.line;
    assert_int_equal(vmmp_cadence_uart_init(&b.model, &config), -ENOSPC);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    bench_fini(&b);
}

int test_cadence_uart(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_hold_what_the_manual_says),
        cmocka_unit_test(output_before_any_setup),
        cmocka_unit_test(sending_ends_in_an_interrupt),
        cmocka_unit_test(a_full_backend_holds_the_guest_up),
        cmocka_unit_test(input_comes_when_it_is_enabled),
        cmocka_unit_test(a_nul_is_a_character),
        cmocka_unit_test(levels_of_the_fifo),
        cmocka_unit_test(a_local_loop_overruns),
        cmocka_unit_test(without_an_interrupt_or_a_backend),
    };
    return cmocka_run_group_tests_name("cadence_uart", tests, NULL, NULL);
}
