/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/pl011_bench.h"

#include <errno.h>

static void registers_hold_what_the_manual_says(void **state)
{
    static const struct {
        uint32_t offset;
        uint32_t reset;
        uint32_t writable;
    } registers[] = { { RSR, 0, 0 },        { ILPR, 0, 0xff },  { IBRD, 0, 0xffff },
                      { FBRD, 0, 0x3f },    { LCR_H, 0, 0xff }, { CR, 0x300, 0xff87 },
                      { IFLS, 0x12, 0x3f }, { IMSC, 0, 0x7ff }, { RIS, 0, 0 },
                      { MIS, 0, 0 },        { ICR, 0, 0 },      { DMACR, 0, 7 } };
    static const uint8_t identity[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct bench b;

    (void)state;
    make(&b, true);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
            assert_int_equal(get(&b, registers[i].offset), registers[i].reset);
            put(&b, registers[i].offset, UINT32_MAX);
            assert_int_equal(get(&b, registers[i].offset), registers[i].writable);
            put(&b, registers[i].offset, 0);
            assert_int_equal(get(&b, registers[i].offset), 0);
            put(&b, registers[i].offset, UINT32_MAX);
        }
        for (uint32_t i = 0; i < 8; i++) {
            put(&b, 0xfe0 + 4 * i, 0);
            assert_int_equal(get(&b, 0xfe0 + 4 * i), identity[i]);
        }
        vmmp_uart_reset(&b.model.uart);
    }
    assert_int_equal(get(&b, FR), FR_RXFE | FR_TXFE | 7);
    put(&b, FR, UINT32_MAX);
    assert_int_equal(get(&b, FR), FR_RXFE | FR_TXFE | 7);
    unmake(&b);
}

static void lines_are_sent_whole(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    print(&b, "Booting Linux\r\n");
    assert_int_equal(b.writes, 1);
    expect_out(&b, "Booting Linux\r\n");
    run_deferred(&b);
    assert_int_equal(b.writes, 1);
    /* A prompt has no newline and comes out all the same. */
    print(&b, "login: ");
    assert_int_equal(b.writes, 1);
    run_deferred(&b);
    assert_int_equal(b.writes, 2);
    expect_out(&b, "Booting Linux\r\nlogin: ");
    /* A full buffer goes at once. */
    for (int i = 0; i < VMMP_SERIAL_OUTPUT_SIZE; i++) {
        assert_false(get(&b, FR) & FR_TXFF);
        put(&b, DR, 'x');
    }
    assert_int_equal(b.writes, 3);
    assert_int_equal(b.out_count, 22 + VMMP_SERIAL_OUTPUT_SIZE);
    unmake(&b);
}

static void without_deferral_every_byte_goes_at_once(void **state)
{
    struct bench b;

    (void)state;
    make(&b, false);
    print(&b, "ab");
    expect_out(&b, "ab");
    assert_int_equal(b.writes, 2);
    unmake(&b);
}

static void what_is_left_at_the_end_is_sent(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    print(&b, "bye");
    assert_int_equal(b.out_count, 0);
    unmake(&b);
    expect_out(&b, "bye");
}

static void a_full_backend_holds_the_guest_up(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    put(&b, IMSC, INT_TX);
    b.out_room = 3;
    print(&b, "abcdef\n");
    expect_out(&b, "abc");
    assert_false(get(&b, FR) & (FR_TXFF | FR_TXFE));
    assert_false(b.level); /* Nothing to be woken up for. */
    for (int i = 4; i < VMMP_SERIAL_OUTPUT_SIZE; i++) {
        assert_false(get(&b, FR) & FR_TXFF);
        put(&b, DR, 'x');
    }
    assert_int_equal(get(&b, FR) & (FR_TXFF | FR_BUSY | FR_TXFE), FR_TXFF | FR_BUSY);
    /* A guest that does not look loses bytes, and only those. */
    for (int i = 0; i < 100; i++) {
        put(&b, DR, '!');
    }
    assert_true(b.logs >= 8 && b.logs < 16);
    b.out_room = 5;
    vmmp_uart_notify(&b.model.uart);
    assert_memory_equal(b.out, "abcdef\nx", 8);
    assert_false(get(&b, FR) & FR_TXFF);
    assert_false(b.level);
    b.out_room = sizeof(b.out);
    vmmp_uart_notify(&b.model.uart);
    assert_int_equal(b.out_count, 3 + VMMP_SERIAL_OUTPUT_SIZE);
    assert_true(b.level && (get(&b, MIS) & INT_TX));
    assert_true(get(&b, FR) & FR_TXFE);
    assert_null(memchr(b.out, '!', b.out_count));
    unmake(&b);
}

static void polling_for_room_gets_it(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    b.out_room = 0;
    for (int i = 0; i < VMMP_SERIAL_OUTPUT_SIZE; i++) {
        put(&b, DR, 'x');
    }
    assert_true(get(&b, FR) & FR_TXFF);
    b.out_room = sizeof(b.out);
    assert_false(get(&b, FR) & FR_TXFF);
    assert_int_equal(b.out_count, VMMP_SERIAL_OUTPUT_SIZE);
    unmake(&b);
}

static void transmit_interrupt(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    put(&b, IMSC, INT_TX);
    assert_false(b.level);
    put(&b, DR, 'a');
    assert_true(b.level);
    assert_int_equal(b.changes, 1);
    put(&b, DR, 'b');
    assert_int_equal(b.changes, 1);
    put(&b, ICR, INT_TX);
    assert_false(b.level);
    put(&b, DR, 'c');
    assert_true(b.level);
    put(&b, IMSC, 0);
    assert_false(b.level);
    assert_int_equal(get(&b, RIS), INT_TX);
    assert_int_equal(get(&b, MIS), 0);
    unmake(&b);
}

static void input_waits_for_the_receiver(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    type(&b, "early");
    assert_int_equal(b.in_at, 0);
    assert_true(get(&b, FR) & FR_RXFE);
    put(&b, LCR_H, FEN);
    put(&b, CR, 0x201); /* RXE and UARTEN */
    assert_int_equal(b.in_at, 5);
    for (const char *c = "early"; *c; c++) {
        assert_false(get(&b, FR) & FR_RXFE);
        assert_int_equal(get(&b, DR), *c);
    }
    assert_true(get(&b, FR) & FR_RXFE);
    assert_int_equal(get(&b, DR), 0);
    unmake(&b);
}

static void input_is_pulled_as_it_is_read(void **state)
{
    struct bench b;
    char text[101];

    (void)state;
    for (int i = 0; i < 100; i++) {
        text[i] = (char)('!' + i % 90);
    }
    text[100] = '\0';
    make(&b, true);
    put(&b, LCR_H, FEN);
    put(&b, CR, ENABLE);
    put(&b, IMSC, INT_RX | INT_RT);
    type(&b, text);
    assert_int_equal(b.in_at, 16);
    assert_true(get(&b, FR) & FR_RXFF);
    for (int i = 0; i < 100; i++) {
        assert_true(b.level);
        assert_int_equal(get(&b, DR), text[i]);
    }
    assert_false(b.level);
    assert_int_equal(get(&b, RIS), 0);
    assert_true(b.reads <= 10); /* In batches. */
    type(&b, "z");
    assert_true(b.level);
    assert_int_equal(get(&b, DR), 'z');
    assert_false(b.level);
    unmake(&b);
}

static void receive_interrupts(void **state)
{
    static const unsigned levels[] = { 2, 4, 8, 12, 14 };
    struct bench b;

    (void)state;
    make(&b, true);
    /* One byte deep: every byte. */
    put(&b, CR, ENABLE);
    type(&b, "ab");
    assert_int_equal(get(&b, RIS), INT_RX);
    assert_true(get(&b, FR) & FR_RXFF);
    assert_int_equal(b.in_at, 1);
    assert_int_equal(get(&b, DR), 'a');
    assert_int_equal(get(&b, RIS), INT_RX);
    assert_int_equal(get(&b, DR), 'b');
    assert_int_equal(get(&b, RIS), 0);

    put(&b, LCR_H, FEN);
    for (unsigned i = 0; i < 5; i++) {
        put(&b, IFLS, i << 3);
        for (unsigned n = 1; n <= 16; n++) {
            type(&b, "x");
            assert_int_equal(get(&b, RIS) & INT_RX, n >= levels[i] ? INT_RX : 0);
            /* What is there must not wait for more to come. */
            assert_true(get(&b, RIS) & INT_RT);
        }
        put(&b, ICR, INT_RX | INT_RT);
        assert_int_equal(get(&b, RIS), 0);
        for (unsigned n = 16; n > 0; n--) {
            assert_int_equal(get(&b, DR), 'x');
        }
    }
    assert_int_equal(get(&b, RIS), 0);
    unmake(&b);
}

static void loopback_and_overrun(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    put(&b, LCR_H, FEN);
    put(&b, CR, ENABLE | 0x80);
    put(&b, IMSC, INT_OE);
    for (int i = 0; i < 16; i++) {
        put(&b, DR, (uint32_t)(0x80 + i));
    }
    assert_int_equal(get(&b, RSR), 0);
    assert_false(b.level);
    put(&b, DR, 0xff);
    assert_int_equal(get(&b, RSR), 8);
    assert_true(b.level);
    put(&b, RSR, 0);
    assert_int_equal(get(&b, RSR), 0);
    for (uint32_t i = 0; i < 15; i++) {
        assert_int_equal(get(&b, DR), 0x80 + i);
    }
    assert_int_equal(get(&b, DR), 0x88f + 0);
    assert_int_equal(get(&b, RSR), 8);
    assert_int_equal(b.out_count, 0);
    put(&b, ICR, INT_OE);
    assert_false(b.level);
    unmake(&b);
}

static void every_width_is_defined(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    put(&b, IBRD, 0);
    vmmp_window_write(&b.model.uart.window, IBRD, 1, 0x34);
    vmmp_window_write(&b.model.uart.window, IBRD + 1, 1, 0x12);
    assert_int_equal(get(&b, IBRD), 0x1234);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, IBRD + 1, 1), 0x12);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, IBRD, 2), 0x1234);
    /* IBRD and FBRD at once. */
    vmmp_window_write(&b.model.uart.window, IBRD, 8, UINT64_C(0x2100005678));
    assert_int_equal(get(&b, IBRD), 0x5678);
    assert_int_equal(get(&b, FBRD), 0x21);
    assert_true(vmmp_window_read(&b.model.uart.window, IBRD, 8) == UINT64_C(0x2100005678));
    assert_true(vmmp_window_read(&b.model.uart.window, IBRD + 1, 4) == 0x21000056);
    /* Only the byte that holds the data sends it, or takes it out of the FIFO. */
    vmmp_window_write(&b.model.uart.window, DR + 1, 1, 'n');
    vmmp_window_write(&b.model.uart.window, DR + 2, 2, 'n');
    vmmp_window_write(&b.model.uart.window, DR, 1, 'y');
    vmmp_window_write(&b.model.uart.window, DR, 2, 'y');
    run_deferred(&b);
    expect_out(&b, "yy");
    put(&b, CR, ENABLE);
    type(&b, "k");
    assert_int_equal(vmmp_window_read(&b.model.uart.window, DR + 1, 1), 0);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, DR + 3, 1), 0);
    assert_int_equal(vmmp_window_read(&b.model.uart.window, DR, 1), 'k');
    unmake(&b);
}

static void hostile_accesses(void **state)
{
    static const uint64_t values[] = { 0, 1, 0x10, UINT64_MAX, UINT64_C(0x8000000080000000) };
    struct bench b;

    (void)state;
    make(&b, true);
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (uint64_t offset = 0; offset < VMMP_PL011_WINDOW_SIZE + 8; offset++) {
            for (unsigned size = 0; size <= 9; size++) {
                b.out_count = 0;
                b.out_room = offset % 5;
                b.in_at = 0;
                b.in_end = offset % 7;
                vmmp_window_write(&b.model.uart.window, offset, size, values[v]);
                uint64_t value = vmmp_window_read(&b.model.uart.window, offset, size);
                assert_true((value & ~vmmp_all_ones(size)) == 0 || size > 8);
                assert_true(b.model.uart.serial.output_count <= VMMP_SERIAL_OUTPUT_SIZE);
                assert_true(b.model.uart.input_count <= VMMP_PL011_FIFO_SIZE);
                assert_int_equal(b.depth, 0);
                assert_true(b.level == ((b.model.interrupt_status & b.model.interrupt_mask) != 0));
            }
        }
    }
    assert_true(b.logs < 64); /* Whatever the guest does, the log stays short. */
    unmake(&b);
}

static size_t lying_write(void *cookie, const uint8_t *bytes, size_t size)
{
    (void)cookie;
    (void)bytes;
    return size + 100;
}

static size_t lying_read(void *cookie, uint8_t *bytes, size_t size)
{
    (void)cookie;
    memset(bytes, 'q', size);
    return size + 100;
}

static void backends_of_all_kinds(void **state)
{
    static const struct vmmp_serial_backend liar = { lying_write, lying_read };
    static const struct vmmp_serial_backend nothing = { NULL, NULL };
    static const struct vmmp_serial_backend *const kinds[] = { NULL, &nothing, &liar };
    struct vmmp_pl011 uart;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vmmp_uart_config config = { .backend = kinds[i] };
        assert_int_equal(vmmp_pl011_init(&uart, &config), 0);
        vmmp_window_write(&uart.uart.window, LCR_H, 4, FEN);
        vmmp_window_write(&uart.uart.window, CR, 4, ENABLE);
        for (int n = 0; n < 1000; n++) {
            vmmp_window_write(&uart.uart.window, DR, 4, 'x');
        }
        assert_int_equal(uart.uart.serial.output_count, 0);
        vmmp_uart_notify(&uart.uart);
        assert_true(uart.uart.input_count == (i == 2 ? 16 : 0));
        vmmp_uart_fini(&uart.uart);
    }
}

static void two_at_once_and_again(void **state)
{
    struct bench *a = calloc(1, sizeof(*a));
    struct bench *b = calloc(1, sizeof(*b));

    (void)state;
    for (int round = 0; round < 2; round++) {
        make(a, true);
        make(b, false);
        put(a, IMSC, 0x7ff);
        print(a, "from a\n");
        print(b, "from b\n");
        expect_out(a, "from a\n");
        expect_out(b, "from b\n");
        assert_true(a->level && !b->level);
        assert_int_equal(get(b, IMSC), 0);
        unmake(a);
        unmake(b);
    }
    free(a);
    free(b);
}

static void a_line_without_room(void **state)
{
    struct bench b;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct vmmp_pl011 uart;

    (void)state;
    make(&b, true);
    for (int i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line), 0);
    }
    struct vmmp_uart_config config = { .irq = &b.line };
    assert_int_equal(vmmp_pl011_init(&uart, &config), -ENOSPC);
    for (int i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    assert_int_equal(vmmp_pl011_init(&uart, &config), 0);
    vmmp_uart_fini(&uart.uart);
    unmake(&b);
}

int test_pl011(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_hold_what_the_manual_says),
        cmocka_unit_test(lines_are_sent_whole),
        cmocka_unit_test(without_deferral_every_byte_goes_at_once),
        cmocka_unit_test(what_is_left_at_the_end_is_sent),
        cmocka_unit_test(a_full_backend_holds_the_guest_up),
        cmocka_unit_test(polling_for_room_gets_it),
        cmocka_unit_test(transmit_interrupt),
        cmocka_unit_test(input_waits_for_the_receiver),
        cmocka_unit_test(input_is_pulled_as_it_is_read),
        cmocka_unit_test(receive_interrupts),
        cmocka_unit_test(loopback_and_overrun),
        cmocka_unit_test(every_width_is_defined),
        cmocka_unit_test(hostile_accesses),
        cmocka_unit_test(backends_of_all_kinds),
        cmocka_unit_test(two_at_once_and_again),
        cmocka_unit_test(a_line_without_room),
    };
    return cmocka_run_group_tests_name("pl011", tests, NULL, NULL);
}
