/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/uart16550.h>

#define BENCH_UART struct vmmp_uart16550
#define BENCH_NAME "uart16550"
#define BENCH_FIFO VMMP_UART16550_FIFO_SIZE
#include "support/uart_bench.h"

#define DATA 0
#define IER  1
#define IIR  2
#define LCR  3
#define MCR  4
#define LSR  5
#define MSR  6
#define SCR  7

#define OUT2 0x08
#define LOOP 0x10
#define DLAB 0x80

#define IDLE 0x60 /* LSR: nothing to send. */

static void make(struct bench *b, bool can_defer)
{
    bench_init(b, can_defer);
    const struct vmmp_uart_config config = { b->host, &b->line, &backend, b, &b->log };
    assert_int_equal(vmmp_uart16550_init(&b->model, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_uart_fini(&b->model.uart);
    bench_fini(b);
}

static uint8_t in(struct bench *b, unsigned reg)
{
    return (uint8_t)vmmp_window_read(&b->model.uart.window, reg, 1);
}

static void out(struct bench *b, unsigned reg, unsigned value)
{
    vmmp_window_write(&b->model.uart.window, reg, 1, value & 0xff);
}

static void registers_hold_what_the_data_sheet_says(void **state)
{
    static const uint8_t after_reset[] = { 0, 0, 0x01, 0, 0, IDLE, 0xb0, 0 };
    struct bench b;

    (void)state;
    make(&b, true);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(in(&b, i), after_reset[i]);
        }
        assert_int_equal(get(&b, 4), 0x00b06000); /* An access is one to each register. */
        out(&b, IER, 0xff);
        assert_int_equal(in(&b, IER), 0x0f);
        out(&b, SCR, 0xa5);
        assert_int_equal(in(&b, SCR), 0xa5);
        out(&b, MCR, 0xef);
        assert_int_equal(in(&b, MCR), 0x0f);
        out(&b, LCR, DLAB | 3);
        out(&b, DATA, 0x12);
        out(&b, IER, 0x34);
        assert_int_equal(in(&b, DATA), 0x12);
        assert_int_equal(in(&b, IER), 0x34);
        out(&b, LCR, 3);
        assert_int_equal(in(&b, IER), 0x0f);
        assert_int_equal(b.out_count, 0);
        vmmp_uart_reset(&b.model.uart);
    }
    unmake(&b);
}

static void a_driver_finds_a_16550a(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    out(&b, IIR, 1);
    assert_int_equal(in(&b, IIR), 0xc1);
    out(&b, LCR, DLAB);
    out(&b, IIR, 0x21); /* 64 bytes of FIFO are another chip's. */
    assert_int_equal(in(&b, IIR), 0xc1);
    out(&b, LCR, 0);
    out(&b, IIR, 0);
    assert_int_equal(in(&b, IIR), 0x01);
    unmake(&b);
}

static void output_and_its_interrupt(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    out(&b, IER, 2);
    assert_false(b.level); /* OUT2 is not set. */
    out(&b, MCR, OUT2);
    assert_true(b.level);
    assert_int_equal(in(&b, IIR), 0x02);
    assert_false(b.level); /* Showing it was enough. */
    assert_int_equal(in(&b, IIR), 0x01);
    out(&b, DATA, 'a');
    assert_true(b.level);
    out(&b, DATA, '\n');
    expect_out(&b, "a\n");
    put(&b, DATA, 'b'); /* And into IER, IIR and LCR: no interrupt any more. */
    run_deferred(&b);
    expect_out(&b, "a\nb");
    assert_false(b.level);
    unmake(&b);
}

static void a_full_backend_holds_the_guest_up(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    out(&b, MCR, OUT2);
    out(&b, IER, 2);
    b.out_room = 0;
    for (int i = 0; i < VMMP_SERIAL_OUTPUT_SIZE; i++) {
        assert_true(in(&b, LSR) & 0x20);
        out(&b, DATA, 'x');
    }
    assert_int_equal(in(&b, LSR), 0);
    assert_false(b.level);
    for (int i = 0; i < 100; i++) {
        out(&b, DATA, '!');
    }
    assert_true(b.logs >= 8 && b.logs < 16);
    b.out_room = sizeof(b.out);
    vmmp_uart_notify(&b.model.uart);
    assert_int_equal(b.out_count, VMMP_SERIAL_OUTPUT_SIZE);
    assert_null(memchr(b.out, '!', b.out_count));
    assert_true(b.level);
    assert_int_equal(in(&b, LSR), IDLE);
    unmake(&b);
}

static void input_and_its_interrupts(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    out(&b, MCR, OUT2);
    out(&b, IER, 1);
    type(&b, "ab"); /* Without a FIFO, one at a time. */
    assert_true(b.level);
    assert_int_equal(in(&b, IIR), 0x04);
    assert_int_equal(in(&b, DATA), 'a');
    assert_true(b.level);
    assert_int_equal(in(&b, DATA), 'b');
    assert_false(b.level);
    assert_int_equal(in(&b, LSR), IDLE);
    out(&b, IIR, 0x81); /* Trigger at 8 bytes. */
    type(&b, "1234567");
    assert_int_equal(in(&b, IIR), 0xcc);
    type(&b, "8");
    assert_int_equal(in(&b, IIR), 0xc4);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(in(&b, LSR), IDLE | 1);
        assert_int_equal(in(&b, DATA), '1' + i);
    }
    assert_false(b.level);
    type(&b, "gone");
    out(&b, IIR, 0x83);
    assert_int_equal(in(&b, LSR), IDLE);
    assert_int_equal(in(&b, DATA), 0);
    unmake(&b);
}

static void loopback_modem_lines_and_overrun(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    out(&b, IER, 0xc);
    out(&b, MCR, LOOP | 0xf);
    assert_int_equal(in(&b, MSR), 0xf0);
    out(&b, MCR, LOOP | 0xa); /* As Linux looks for a port: OUT2 and RTS. */
    assert_int_equal(in(&b, MSR), 0x90 | 0x06);
    assert_int_equal(in(&b, MSR), 0x90);
    out(&b, DATA, 'x');
    out(&b, DATA, 'y');
    assert_int_equal(in(&b, IIR), 0x06);
    assert_int_equal(in(&b, LSR), IDLE | 3);
    assert_int_equal(in(&b, LSR), IDLE | 1);
    assert_int_equal(in(&b, DATA), 'x');
    assert_false(b.level); /* Looped back, OUT2 is not outside. */
    type(&b, "z");
    assert_int_equal(in(&b, LSR), IDLE);
    out(&b, MCR, OUT2);
    assert_int_equal(in(&b, LSR), IDLE | 1);
    assert_int_equal(in(&b, DATA), 'z');
    assert_true(b.level); /* The modem's lines have changed. */
    assert_int_equal(in(&b, IIR), 0x00);
    assert_int_equal(in(&b, MSR), 0xb0 | 0x02);
    assert_false(b.level);
    assert_int_equal(b.out_count, 0);
    unmake(&b);
}

static void hostile_accesses(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8, 3 };
    struct bench b;
    uint64_t random = 1;

    (void)state;
    make(&b, false);
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned offset = (unsigned)(random >> 33) % 10;
        unsigned size = sizes[(random >> 40) % 5];
        b.out_count = 0;
        b.out_room = random >> 50 & 1 ? sizeof(b.out) : 0;
        if (b.in_end < sizeof(b.in)) {
            b.in_end++;
        }
        if (random >> 60 & 1) {
            vmmp_window_write(&b.model.uart.window, offset, size, random & vmmp_all_ones(size));
        } else {
            vmmp_window_read(&b.model.uart.window, offset, size);
        }
        assert_true(b.model.uart.input_count <= VMMP_UART16550_FIFO_SIZE);
        assert_true(b.model.uart.serial.output_count <= VMMP_SERIAL_OUTPUT_SIZE);
    }
    vmmp_uart_reset(&b.model.uart);
    assert_false(b.level);
    b.out_count = 0;
    b.out_room = sizeof(b.out);
    unmake(&b);
}

static void a_line_without_room(void **state)
{
    struct bench b;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct vmmp_uart16550 uart;

    (void)state;
    make(&b, true);
    for (int i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line), 0);
    }
    struct vmmp_uart_config config = { .irq = &b.line };
    assert_int_equal(vmmp_uart16550_init(&uart, &config), -ENOSPC);
    for (int i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    unmake(&b);
}

int test_uart16550(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_hold_what_the_data_sheet_says),
        cmocka_unit_test(a_driver_finds_a_16550a),
        cmocka_unit_test(output_and_its_interrupt),
        cmocka_unit_test(a_full_backend_holds_the_guest_up),
        cmocka_unit_test(input_and_its_interrupts),
        cmocka_unit_test(loopback_modem_lines_and_overrun),
        cmocka_unit_test(hostile_accesses),
        cmocka_unit_test(a_line_without_room),
    };
    return cmocka_run_group_tests_name("uart16550", tests, NULL, NULL);
}
