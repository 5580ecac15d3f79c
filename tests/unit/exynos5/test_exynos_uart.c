/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/exynos_uart.h>

#define BENCH_UART struct vmmp_exynos_uart
#define BENCH_NAME "exynos-uart"
#define BENCH_FIFO VMMP_EXYNOS_UART_FIFO_MAX
#define BENCH_DATA 0x20
#include "support/register_sweep.h"
#include "support/uart_bench.h"

#define ULCON   0x00
#define UCON    0x04
#define UFCON   0x08
#define UMCON   0x0c
#define UTRSTAT 0x10
#define UERSTAT 0x14
#define UFSTAT  0x18
#define UMSTAT  0x1c
#define URXH    0x24
#define UBRDIV  0x28
#define UFRAC   0x2c
#define UINTP   0x30
#define UINTSP  0x34
#define UINTM   0x38

#define POLLING  0x005 /* Receive and transmit modes. */
#define LOOPBACK 0x020
#define TIMEOUT  0x080
#define LEVELS   0x300
#define FIFO     0x001

#define RXD 1
#define ERR 2
#define TXD 4

#define RX_FULL 0x100
#define TX_FULL 0x1000000

static void make_sized(struct bench *b, bool can_defer, unsigned fifo_size)
{
    bench_init(b, can_defer);
    const struct vmmp_uart_config config = { b->host, &b->line, &backend, b, &b->log };
    assert_int_equal(vmmp_exynos_uart_init(&b->model, &config, fifo_size), 0);
}

static void make(struct bench *b)
{
    make_sized(b, true, 16);
}

static void unmake(struct bench *b)
{
    vmmp_uart_fini(&b->model.uart);
    bench_fini(b);
}

/* What Linux does before it uses the port. */
static void start(struct bench *b)
{
    put(b, UINTM, 0xf);
    put(b, UINTP, 0xf);
    put(b, UCON, POLLING | LEVELS | TIMEOUT);
    put(b, UFCON, 0x6);
    put(b, UFCON, 0x111 & ~0x10u);
}

static void again(void *uart)
{
    vmmp_uart_reset(uart);
}

/* Of all four: they differ in the size of their FIFOs only. */
static void every_register(void **state)
{
    static const unsigned fifo_sizes[] = { 256, 64, 16, 16 };
    static const struct sweep_row rows[] = {
        { ULCON, 0, 0x7f, 0, 0, 0, 0 },
        { UCON, 0, 0x7fffff, 0, 0, 0, 0 },
        { UFCON, 0, 0x771, 0, 0, 0, 0 },
        { UMCON, 0, 0xff, 0, 0, 0, 0 },
        { UTRSTAT, 6, 6, 6, 0, 0, 0 },
        { UMSTAT, 1, 1, 1, 0, 0, 0 },
        { BENCH_DATA, 0, 0, 0, 0, 0, SWEEP_WRITE_ACTS },
        { UBRDIV, 0, 0xffff, 0, 0, 0, 0 },
        { UFRAC, 0, 0xf, 0, 0, 0, 0 },
        { UINTM, 0, 0xf, 0, 0, 0, 0 },
        SWEEP_END,
    };
    struct bench b;

    (void)state;
    for (size_t i = 0; i < sizeof(fifo_sizes) / sizeof(fifo_sizes[0]); i++) {
        make_sized(&b, true, fifo_sizes[i]);
        sweep_registers(&b.model.uart.window,
                        &(struct sweep){ rows, SWEEP_NOTHING, again, &b.model.uart });
        unmake(&b);
    }
}

static void nothing_behind_the_registers(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    assert_int_equal(get(&b, 0x3c), 0);
    put(&b, 0xffc, 1);
    assert_int_equal(b.logs, 2);
    vmmp_window_write(&b.model.uart.window, UCON + 1, 1, 0x12);
    assert_int_equal(get(&b, UCON), 0x1200);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, UCON + 1, 1), 0x12);
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

static void a_full_backend_holds_the_guest_up(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    put(&b, UINTM, 0xf & ~TXD);
    assert_true(b.level);
    b.out_room = 2;
    print(&b, "abcd\n");
    assert_false(b.level); /* Not before all has gone. */
    assert_int_equal(get(&b, UFSTAT), 0x10000);
    assert_int_equal(get(&b, UTRSTAT), 2);
    expect_held_up(&b, UFSTAT, TX_FULL);
    assert_int_equal(get(&b, UTRSTAT), 0);
    expect_let_go(&b);
    assert_int_equal(get(&b, UFSTAT), 0);
    unmake(&b);
}

/* Linux acknowledges TXD, masks it when it has no more to send, and unmasks it to begin again. */
static void a_transmit_level_lasts(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    start(&b);
    assert_int_equal(get(&b, UINTSP), TXD);
    assert_int_equal(get(&b, UINTP), 0);
    assert_false(b.level);
    put(&b, UINTM, 0xf & ~TXD);
    assert_true(b.level);
    put(&b, UINTP, TXD);
    assert_int_equal(get(&b, UINTP), TXD);
    put(&b, UINTM, 0xf);
    assert_false(b.level);
    put(&b, UCON, LEVELS | TIMEOUT | 1); /* No transmit mode. */
    put(&b, UINTM, 0);
    assert_false(b.level);
    unmake(&b);
}

static void edges_last_until_acknowledged(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, UFCON, FIFO);
    put(&b, UCON, POLLING | TIMEOUT);
    assert_int_equal(get(&b, UINTSP), 0);
    print(&b, "a");
    assert_int_equal(get(&b, UINTSP), TXD);
    put(&b, UINTP, TXD);
    assert_int_equal(get(&b, UINTSP), 0);
    assert_false(b.level);
    type(&b, "x");
    assert_int_equal(get(&b, URXH), 'x');
    assert_int_equal(get(&b, UINTP), RXD);
    assert_true(b.level);
    put(&b, UINTSP, RXD);
    assert_false(b.level);
    unmake(&b);
}

static void input_comes_when_it_is_enabled(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    type(&b, "ab");
    assert_int_equal(b.reads, 0);
    assert_int_equal(get(&b, UFSTAT), 0);
    start(&b);
    put(&b, UINTM, 0xf & ~RXD);
    assert_true(b.level); /* Two bytes are below the trigger; the timeout tells. */
    assert_int_equal(get(&b, UFSTAT), 2);
    assert_int_equal(get(&b, UTRSTAT), 0xf);
    assert_int_equal(get(&b, URXH), 'a');
    assert_true(b.level);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, URXH + 1, 1), 0); /* Pops nothing. */
    assert_int_equal(get(&b, URXH), 'b');
    assert_false(b.level);
    assert_int_equal(get(&b, UTRSTAT), 6);
    assert_int_equal(get(&b, URXH), 0);
    unmake(&b);
}

static void the_fifo_takes_what_it_holds(void **state)
{
    static const struct {
        unsigned size;
        unsigned trigger; /* Of level 2. */
    } sizes[] = { { 16, 6 }, { 64, 24 }, { 256, 96 } };
    char text[201];

    (void)state;
    memset(text, 'q', 200);
    text[200] = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bench b;
        make_sized(&b, true, sizes[i].size);
        put(&b, UCON, POLLING | LEVELS); /* No timeout. */
        put(&b, UFCON, FIFO | 2 << 4);
        text[sizes[i].trigger - 1] = 0;
        type(&b, text);
        text[sizes[i].trigger - 1] = 'q';
        assert_int_equal(get(&b, UINTSP) & RXD, 0);
        type(&b, "q");
        assert_int_equal(get(&b, UINTSP) & RXD, RXD);
        type(&b, text);
        unsigned all = sizes[i].trigger + 200;
        unsigned held = all < sizes[i].size ? all : sizes[i].size;
        assert_int_equal(get(&b, UFSTAT), held == sizes[i].size ? RX_FULL : held);
        for (unsigned n = 0; n < all; n++) {
            assert_int_equal(get(&b, URXH), 'q'); /* None was lost. */
        }
        assert_int_equal(get(&b, UFSTAT), 0);
        unmake(&b);
    }
}

static void without_a_fifo_there_is_one_byte(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, UCON, POLLING | LEVELS);
    type(&b, "abc");
    assert_int_equal(get(&b, UFSTAT), 1);
    assert_int_equal(get(&b, UINTSP) & RXD, RXD);
    assert_int_equal(get(&b, URXH), 'a');
    assert_int_equal(get(&b, URXH), 'b');
    /* What was typed survives the reset of the FIFO, which a driver does when it starts. */
    put(&b, UFCON, 2);
    assert_int_equal(get(&b, UFCON), 0);
    assert_int_equal(get(&b, URXH), 'c');
    unmake(&b);
}

static void a_loop_back_overruns(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, UCON, POLLING | LEVELS | LOOPBACK);
    put(&b, UFCON, FIFO);
    print(&b, "0123456789abcdef");
    assert_int_equal(get(&b, UFSTAT), RX_FULL);
    assert_int_equal(get(&b, UERSTAT), 0);
    print(&b, "!");
    assert_int_equal(get(&b, UINTSP) & ERR, ERR);
    assert_int_equal(get(&b, UERSTAT), 1);
    assert_int_equal(get(&b, UERSTAT), 0);
    for (const char *c = "0123456789abcdef"; *c; c++) {
        assert_int_equal(get(&b, URXH), *c);
    }
    assert_int_equal(b.out_count, 0);
    print(&b, "old");
    put(&b, UFCON, FIFO | 2);
    assert_int_equal(get(&b, UFSTAT), 0);
    unmake(&b);
}

static void what_cannot_be(void **state)
{
    static const unsigned sizes[] = { 0, 1, 15, 32, 512 };
    const struct vmmp_uart_config nowhere = { .log = NULL };
    struct vmmp_exynos_uart uart;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct bench b;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(vmmp_exynos_uart_init(&uart, &nowhere, sizes[i]), -EINVAL);
    }
    bench_init(&b, true);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line), 0);
    }
    const struct vmmp_uart_config config = { .host = b.host, .irq = &b.line };
    assert_int_equal(vmmp_exynos_uart_init(&uart, &config, 16), -ENOSPC);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    bench_fini(&b);
}

int test_exynos_uart(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register),
        cmocka_unit_test(nothing_behind_the_registers),
        cmocka_unit_test(output_before_any_setup),
        cmocka_unit_test(a_full_backend_holds_the_guest_up),
        cmocka_unit_test(a_transmit_level_lasts),
        cmocka_unit_test(edges_last_until_acknowledged),
        cmocka_unit_test(input_comes_when_it_is_enabled),
        cmocka_unit_test(the_fifo_takes_what_it_holds),
        cmocka_unit_test(without_a_fifo_there_is_one_byte),
        cmocka_unit_test(a_loop_back_overruns),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests_name("exynos_uart", tests, NULL, NULL);
}
