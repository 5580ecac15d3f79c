/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/fake_time.h"

#include <sel4vmmplatsupport/vmmp/i8254.h>

struct machine {
    struct vmmp_i8254 pit;
    struct fake_line irq;
    struct fake_time time;
    uint64_t tick; /* Since the test began. */
};

static void make(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    fake_line_init(&m->irq);
    fake_time_init(&m->time, 0);
    const struct vmmp_i8254_config config = { m->time.host, &m->irq.line };
    assert_int_equal(vmmp_i8254_init(&m->pit, &config), 0);
}

static void unmake(struct machine *m)
{
    vmmp_i8254_fini(&m->pit);
    assert_null(m->time.timers);
    fake_line_fini(&m->irq);
}

static void out(struct machine *m, unsigned port, unsigned value)
{
    vmmp_window_write(&m->pit.ports, port, 1, value);
}

static unsigned in(struct machine *m, unsigned port)
{
    return (unsigned)vmmp_window_read(&m->pit.ports, port, 1);
}

/* So many clocks of the timer go by: to the first nanosecond of the last. */
static void ticks(struct machine *m, uint64_t count)
{
    m->tick += count;
    uint64_t then = (m->tick * UINT64_C(1000000000) + VMMP_I8254_HZ - 1) / VMMP_I8254_HZ;
    fake_time_advance(&m->time, then - m->time.now);
}

static void program(struct machine *m, unsigned channel, unsigned mode, unsigned count)
{
    out(m, 3, channel << 6 | 0x30 | mode << 1);
    out(m, channel, count & 0xff);
    out(m, channel, count >> 8 & 0xff);
}

static unsigned count_of(struct machine *m, unsigned channel)
{
    out(m, 3, channel << 6);
    unsigned low = in(m, channel);
    return low | in(m, channel) << 8;
}

static unsigned status_of(struct machine *m, unsigned channel)
{
    out(m, 3, 0xe0 | 2u << channel);
    return in(m, channel);
}

static unsigned speaker(struct machine *m)
{
    return (unsigned)vmmp_window_read(&m->pit.speaker, 0, 1);
}

static void set_gate(struct machine *m, bool gate)
{
    vmmp_window_write(&m->pit.speaker, 0, 1, gate);
}

static void interrupt_on_terminal_count(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    program(&m, 0, 0, 1000);
    assert_int_equal(status_of(&m, 0), 0x30);
    ticks(&m, 1);
    assert_int_equal(count_of(&m, 0), 1000);
    ticks(&m, 400);
    assert_int_equal(count_of(&m, 0), 600);
    ticks(&m, 599);
    assert_int_equal(m.irq.rises, 0);
    ticks(&m, 1);
    assert_int_equal(m.irq.rises, 1);
    assert_int_equal(status_of(&m, 0), 0xb0);
    ticks(&m, 10); /* It counts on, and interrupts no more. */
    assert_int_equal(count_of(&m, 0), 65526);
    ticks(&m, 1000000);
    assert_int_equal(m.irq.rises, 1);
    assert_null(m.time.timers);
    out(&m, 0, 0); /* A new count starts anew; here the largest. */
    out(&m, 0, 0);
    ticks(&m, 65536);
    assert_int_equal(m.irq.rises, 1);
    ticks(&m, 1);
    assert_int_equal(m.irq.rises, 2);
    unmake(&m);
}

static void rate_generator(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    program(&m, 0, 2, 4772);
    ticks(&m, 1);
    for (unsigned i = 1; i <= 10; i++) {
        ticks(&m, 4771);
        assert_int_equal(m.irq.rises, i - 1);
        assert_int_equal(count_of(&m, 0), 1);
        assert_int_equal(status_of(&m, 0) & 0x80, 0); /* Low for one clock. */
        ticks(&m, 1);
        assert_int_equal(m.irq.rises, i);
        assert_int_equal(status_of(&m, 0), 0xb4);
        assert_int_equal(count_of(&m, 0), 4772);
    }
    /* A new count begins with the next period, which is as long as it was. */
    ticks(&m, 100);
    out(&m, 0, 2000 & 0xff);
    out(&m, 0, 2000 >> 8);
    assert_int_equal(status_of(&m, 0) & 0x40, 0x40); /* Null count: not yet. */
    assert_int_equal(count_of(&m, 0), 4672);
    ticks(&m, 4671);
    assert_int_equal(m.irq.rises, 10);
    ticks(&m, 1);
    assert_int_equal(m.irq.rises, 11);
    assert_int_equal(status_of(&m, 0) & 0x40, 0);
    ticks(&m, 1999);
    assert_int_equal(m.irq.rises, 11);
    ticks(&m, 1);
    assert_int_equal(m.irq.rises, 12);
    unmake(&m);
}

/* The change of period may be noticed by a read first. */
static void no_interrupt_is_lost_with_a_new_count(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    program(&m, 0, 2, 1000);
    out(&m, 0, 500 & 0xff);
    out(&m, 0, 500 >> 8);
    m.time.now += 838 * 1100; /* Nobody's timers have run. */
    count_of(&m, 0);
    fake_time_advance(&m.time, 0);
    assert_int_equal(m.irq.rises, 1);
    unmake(&m);
}

static void square_wave(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    program(&m, 0, 3, 1001);
    ticks(&m, 1);
    assert_int_equal(count_of(&m, 0), 1001);
    ticks(&m, 100);
    assert_int_equal(count_of(&m, 0), 801); /* By twos. */
    ticks(&m, 400);
    assert_int_equal(status_of(&m, 0), 0xb6);
    ticks(&m, 1);
    assert_int_equal(status_of(&m, 0), 0x36);
    assert_int_equal(m.irq.rises, 0);
    ticks(&m, 500);
    assert_int_equal(status_of(&m, 0), 0xb6);
    assert_int_equal(m.irq.rises, 1);
    unmake(&m);
}

static void strobe(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    program(&m, 0, 4, 300);
    ticks(&m, 1);
    assert_int_equal(status_of(&m, 0), 0xb8);
    ticks(&m, 300);
    assert_int_equal(status_of(&m, 0), 0x38); /* Low for one clock; then it rises. */
    assert_int_equal(m.irq.rises, 0);
    ticks(&m, 1);
    assert_int_equal(status_of(&m, 0), 0xb8);
    assert_int_equal(m.irq.rises, 1);
    ticks(&m, 100000);
    assert_int_equal(m.irq.rises, 1);
    unmake(&m);
}

/* Channel 2's gate is bit 0 of port 0x61, its output bit 5. */
static void channel_2(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    assert_int_equal(speaker(&m) & 0x2f, 0);
    /* As Linux measures the processor: mode 0, and the gate. */
    program(&m, 2, 0, 1000);
    ticks(&m, 5000);
    assert_int_equal(speaker(&m) & 0x20, 0); /* The gate is low. */
    assert_int_equal(count_of(&m, 2), 1000);
    set_gate(&m, true);
    assert_int_equal(speaker(&m) & 0x21, 0x01);
    ticks(&m, 400);
    assert_int_equal(count_of(&m, 2), 600);
    set_gate(&m, false);
    ticks(&m, 77);
    assert_int_equal(count_of(&m, 2), 600);
    set_gate(&m, true);
    ticks(&m, 599);
    assert_int_equal(speaker(&m) & 0x20, 0);
    ticks(&m, 1);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    assert_int_equal(m.irq.rises, 0);
    assert_null(m.time.timers); /* Nobody is interrupted by it. */
    /* One shot, and again. */
    program(&m, 2, 1, 200);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    set_gate(&m, false);
    set_gate(&m, true);
    ticks(&m, 1);
    assert_int_equal(speaker(&m) & 0x20, 0);
    ticks(&m, 199);
    set_gate(&m, false); /* That does not stop it. */
    assert_int_equal(speaker(&m) & 0x20, 0);
    set_gate(&m, true); /* But this begins it anew. */
    ticks(&m, 200);
    assert_int_equal(speaker(&m) & 0x20, 0);
    ticks(&m, 1);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    /* A strobe by the gate. */
    program(&m, 2, 5, 50);
    set_gate(&m, false);
    set_gate(&m, true);
    ticks(&m, 51);
    assert_int_equal(speaker(&m) & 0x20, 0);
    ticks(&m, 1);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    /* A square wave stands high without its gate, and begins with it. */
    program(&m, 2, 3, 100);
    ticks(&m, 61);
    assert_int_equal(speaker(&m) & 0x20, 0);
    set_gate(&m, false);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    ticks(&m, 1000);
    set_gate(&m, true);
    ticks(&m, 50);
    assert_int_equal(speaker(&m) & 0x20, 0x20);
    ticks(&m, 1);
    assert_int_equal(speaker(&m) & 0x20, 0);
    vmmp_window_write(&m.pit.speaker, 0, 1, 0xff);
    assert_int_equal(speaker(&m) & 0xcf, 0x0f);
    unmake(&m);
}

static void the_refresh_bit_toggles(void **state)
{
    struct machine m;
    unsigned changes = 0;
    (void)state;
    make(&m);
    unsigned last = speaker(&m) & 0x10;
    for (unsigned i = 0; i < 100; i++) {
        fake_time_advance(&m.time, 3017);
        changes += (speaker(&m) & 0x10) != last;
        last = speaker(&m) & 0x10;
    }
    assert_int_equal(changes, 20);
    unmake(&m);
}

static void bytes_and_latches(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 3, 0x14); /* Channel 0, low byte only. */
    out(&m, 0, 200);
    ticks(&m, 1);
    assert_int_equal(in(&m, 0), 200);
    out(&m, 3, 0x24); /* High byte only. */
    out(&m, 0, 3);
    ticks(&m, 1);
    assert_int_equal(in(&m, 0), 3);
    assert_int_equal(in(&m, 0), 3);
    program(&m, 0, 2, 0x1234);
    ticks(&m, 1);
    out(&m, 3, 0x00);
    ticks(&m, 0x34);
    out(&m, 3, 0x00); /* The first latch stays until it is read. */
    assert_int_equal(in(&m, 0), 0x34);
    assert_int_equal(in(&m, 0), 0x12);
    assert_int_equal(in(&m, 0), 0x00); /* The counter itself again. */
    assert_int_equal(in(&m, 0), 0x12);
    out(&m, 3, 0xc2); /* Read back: status and count. */
    assert_int_equal(in(&m, 0), 0xb4);
    assert_int_equal(in(&m, 0), 0x00);
    assert_int_equal(in(&m, 0), 0x12);
    out(&m, 3, 0xde); /* Of three, only counts. */
    assert_int_equal(in(&m, 0), 0x00);
    assert_int_equal(in(&m, 0), 0x12);
    assert_int_equal(in(&m, 3), 0xff);
    /* A word: both bytes. */
    out(&m, 3, 0x34);
    assert_int_equal(status_of(&m, 0), 0xf4); /* No count yet. */
    vmmp_window_write(&m.pit.ports, 0, 1, 0x10);
    assert_int_equal(status_of(&m, 0), 0xf4);
    vmmp_window_write(&m.pit.ports, 0, 1, 0x20);
    assert_int_equal(status_of(&m, 0), 0xb4);
    /* Modes 6 and 7 are 2 and 3. */
    out(&m, 3, 0x3e);
    assert_int_equal(status_of(&m, 0), 0xf6);
    unmake(&m);
}

static void decimal(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 3, 0x31); /* Mode 0, BCD. */
    out(&m, 0, 0x00);
    out(&m, 0, 0x10); /* 1000 */
    ticks(&m, 2);
    assert_int_equal(count_of(&m, 0), 0x0999);
    ticks(&m, 1000);
    assert_int_equal(count_of(&m, 0), 0x9999);
    assert_int_equal(m.irq.rises, 1);
    out(&m, 0, 0x00);
    out(&m, 0, 0x00); /* 10000 */
    ticks(&m, 10000);
    assert_int_equal(m.irq.rises, 1);
    ticks(&m, 1);
    assert_int_equal(m.irq.rises, 2);
    out(&m, 0, 0xff); /* No decimal digits: a count all the same. */
    out(&m, 0, 0xff);
    ticks(&m, 16666);
    assert_int_equal(m.irq.rises, 3);
    unmake(&m);
}

/* However short its period. */
static void a_guest_is_not_interrupted_too_often(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 3, 0x14);
    out(&m, 0, 1);
    fake_time_advance(&m.time, 10000000);
    assert_in_range(m.irq.rises, 49, 50);
    assert_int_equal(m.time.fired, m.irq.rises);
    /* A host that was busy: one interrupt, and the phase of before. */
    program(&m, 0, 2, 11932); /* 10 ms */
    fake_time_advance(&m.time, 11000000);
    unsigned before = m.irq.rises;
    m.time.now += 45000000;
    fake_time_advance(&m.time, 0);
    assert_int_equal(m.irq.rises, before + 1);
    fake_time_advance(&m.time, 4100000);
    assert_int_equal(m.irq.rises, before + 2);
    unmake(&m);
}

static void without_a_clock(void **state)
{
    struct vmmp_i8254 pit;
    const struct vmmp_i8254_config config = { .irq = NULL };
    (void)state;
    assert_int_equal(vmmp_i8254_init(&pit, &config), 0);
    vmmp_window_write(&pit.ports, 3, 1, 0x34);
    vmmp_window_write(&pit.ports, 0, 1, 1);
    vmmp_window_write(&pit.ports, 0, 1, 0);
    assert_int_equal(vmmp_window_read(&pit.ports, 0, 1), 1);
    vmmp_i8254_fini(&pit);
}

int test_i8254(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupt_on_terminal_count),
        cmocka_unit_test(rate_generator),
        cmocka_unit_test(no_interrupt_is_lost_with_a_new_count),
        cmocka_unit_test(square_wave),
        cmocka_unit_test(strobe),
        cmocka_unit_test(channel_2),
        cmocka_unit_test(the_refresh_bit_toggles),
        cmocka_unit_test(bytes_and_latches),
        cmocka_unit_test(decimal),
        cmocka_unit_test(a_guest_is_not_interrupted_too_often),
        cmocka_unit_test(without_a_clock),
    };
    return cmocka_run_group_tests_name("i8254", tests, NULL, NULL);
}
