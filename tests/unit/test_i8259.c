/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/i8259.h>

struct machine {
    struct vmmp_i8259 pic;
    bool high;
    unsigned changes;
    unsigned finished; /* How many EOIs, */
    unsigned last;     /* and of which input. */
    bool lowers;       /* The input falls at its EOI. */
};

static void on_output(void *cookie, bool high)
{
    struct machine *m = cookie;
    assert_true(m->high != high);
    m->high = high;
    m->changes++;
}

static bool on_eoi(void *cookie, unsigned input, bool high)
{
    struct machine *m = cookie;
    m->finished++;
    m->last = input;
    return high && !m->lowers;
}

static void out(struct machine *m, unsigned port, unsigned value)
{
    struct vmmp_window *window = port >= 0x4d0  ? &m->pic.elcr
                                 : port >= 0xa0 ? &m->pic.slave
                                                : &m->pic.master;
    vmmp_window_write(window, port & 1, 1, value);
}

static unsigned in(struct machine *m, unsigned port)
{
    struct vmmp_window *window = port >= 0x4d0  ? &m->pic.elcr
                                 : port >= 0xa0 ? &m->pic.slave
                                                : &m->pic.master;
    return (unsigned)vmmp_window_read(window, port & 1, 1);
}

/* As a PC's kernel does it: vectors 0x30 and 0x38, nothing masked. */
static void initialize(struct machine *m, unsigned icw4)
{
    out(m, 0x20, 0x11);
    out(m, 0x21, 0x30);
    out(m, 0x21, 0x04);
    out(m, 0x21, icw4);
    out(m, 0xa0, 0x11);
    out(m, 0xa1, 0x38);
    out(m, 0xa1, 0x02);
    out(m, 0xa1, icw4);
}

static void make(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    const struct vmmp_i8259_config config = { .output = on_output, .eoi = on_eoi, .cookie = m };
    assert_int_equal(vmmp_i8259_init(&m->pic, &config), 0);
    initialize(m, 0x01);
}

static void unmake(struct machine *m)
{
    vmmp_i8259_fini(&m->pic);
}

static void pulse(struct machine *m, unsigned input)
{
    vmmp_i8259_set(&m->pic, input, true);
    vmmp_i8259_set(&m->pic, input, false);
}

static unsigned take(struct machine *m)
{
    return vmmp_i8259_acknowledge(&m->pic);
}

static void edges_stay_until_taken(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    assert_false(m.high);
    pulse(&m, 4);
    assert_true(m.high && vmmp_i8259_output(&m.pic));
    assert_int_equal(in(&m, 0x20), 0x10); /* IRR */
    assert_int_equal(take(&m), 0x34);
    assert_false(m.high);
    assert_int_equal(in(&m, 0x20), 0);
    out(&m, 0x20, 0x0b);
    assert_int_equal(in(&m, 0x20), 0x10); /* ISR */
    /* A high input is no second edge. */
    vmmp_i8259_set(&m.pic, 4, true);
    vmmp_i8259_set(&m.pic, 4, true);
    assert_false(m.high); /* In service still. */
    out(&m, 0x20, 0x20);
    assert_true(m.high);
    assert_int_equal(m.finished, 1);
    assert_int_equal(m.last, 4);
    assert_int_equal(take(&m), 0x34);
    out(&m, 0x20, 0x20);
    assert_false(m.high);
    /* An EOI of nothing. */
    out(&m, 0x20, 0x20);
    assert_int_equal(m.finished, 2);
    unmake(&m);
}

static void better_ones_come_first(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    pulse(&m, 6);
    pulse(&m, 3);
    pulse(&m, 9); /* By input 2: before 3. */
    assert_int_equal(take(&m), 0x39);
    assert_false(m.high);
    pulse(&m, 1);
    assert_true(m.high); /* It interrupts the one in service. */
    assert_int_equal(take(&m), 0x31);
    out(&m, 0x20, 0x20); /* Of 1, the best in service. */
    assert_int_equal(m.last, 1);
    out(&m, 0xa0, 0x20);
    assert_int_equal(m.last, 9);
    assert_false(m.high); /* The master has not heard of it yet. */
    out(&m, 0x20, 0x62);  /* Specific: the cascade. */
    assert_int_equal(m.finished, 2);
    assert_int_equal(take(&m), 0x33);
    out(&m, 0x20, 0x63);
    assert_int_equal(take(&m), 0x36);
    out(&m, 0x20, 0x66);
    assert_false(m.high);
    unmake(&m);
}

static void masks(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 0x21, 0xfb);
    out(&m, 0xa1, 0xfe);
    assert_int_equal(in(&m, 0x21), 0xfb);
    assert_int_equal(in(&m, 0xa1), 0xfe);
    pulse(&m, 1);
    pulse(&m, 15);
    assert_false(m.high);
    pulse(&m, 8);
    assert_int_equal(take(&m), 0x38);
    out(&m, 0xa0, 0x20);
    out(&m, 0x20, 0x20);
    out(&m, 0x21, 0xf9); /* It has waited. */
    assert_int_equal(take(&m), 0x31);
    out(&m, 0x20, 0x20);
    /* All of it by a word, too. */
    vmmp_window_write(&m.pic.master, 0, 2, 0xff20);
    assert_int_equal(vmmp_window_read(&m.pic.master, 1, 1), 0xff);
    unmake(&m);
}

static void nothing_to_take_is_spurious(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    assert_int_equal(take(&m), 0x37);
    out(&m, 0x20, 0x0b);
    assert_int_equal(in(&m, 0x20), 0); /* And not in service. */
    /* The slave's falls away between its request and the acknowledgement. */
    out(&m, 0x4d1, 0x02);
    vmmp_i8259_set(&m.pic, 9, true);
    assert_true(m.high);
    vmmp_i8259_set(&m.pic, 9, false);
    assert_false(m.high);
    assert_int_equal(take(&m), 0x37);
    unmake(&m);
}

static void levels_ask_as_long_as_they_are_high(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 0x4d0, 0xff);
    out(&m, 0x4d1, 0xff);
    assert_int_equal(in(&m, 0x4d0), 0xf8); /* Timer, keyboard and cascade are not levels. */
    assert_int_equal(in(&m, 0x4d1), 0xde);
    assert_int_equal(vmmp_window_read(&m.pic.elcr, 0, 2), 0xdef8);
    vmmp_i8259_set(&m.pic, 5, true);
    assert_int_equal(take(&m), 0x35);
    out(&m, 0x20, 0x20);
    assert_true(m.high);
    assert_int_equal(take(&m), 0x35);
    vmmp_i8259_set(&m.pic, 5, false);
    out(&m, 0x20, 0x20);
    assert_false(m.high);
    /* An injected one falls at its end. */
    m.lowers = true;
    vmmp_i8259_set(&m.pic, 10, true);
    assert_int_equal(take(&m), 0x3a);
    out(&m, 0xa0, 0x20);
    out(&m, 0x20, 0x20);
    assert_int_equal(m.last, 10);
    assert_false(m.high);
    /* What is an edge from now on is not requested by its level. */
    m.lowers = false;
    vmmp_i8259_set(&m.pic, 6, true);
    assert_true(m.high);
    out(&m, 0x4d0, 0);
    assert_false(m.high);
    unmake(&m);
}

static void automatic_end_and_rotation(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    initialize(&m, 0x03);
    pulse(&m, 4);
    assert_int_equal(take(&m), 0x34);
    assert_int_equal(m.finished, 1);
    out(&m, 0x20, 0x0b);
    assert_int_equal(in(&m, 0x20), 0);
    out(&m, 0x20, 0x80); /* Rotate in automatic EOI: who was served is last. */
    pulse(&m, 4);
    assert_int_equal(take(&m), 0x34);
    pulse(&m, 4);
    pulse(&m, 6);
    assert_int_equal(take(&m), 0x36);
    assert_int_equal(take(&m), 0x37 - 3);
    out(&m, 0x20, 0x00);
    out(&m, 0x20, 0xc5); /* Priority: 5 is last, 6 first. */
    pulse(&m, 0);
    pulse(&m, 6);
    assert_int_equal(take(&m), 0x36);
    assert_int_equal(take(&m), 0x30);
    /* Rotation by EOI. */
    initialize(&m, 0x01);
    pulse(&m, 3);
    take(&m);
    out(&m, 0x20, 0xa0);
    pulse(&m, 3);
    pulse(&m, 7);
    assert_int_equal(take(&m), 0x37);
    out(&m, 0x20, 0xe7); /* Specific, and rotates. */
    assert_int_equal(take(&m), 0x33);
    unmake(&m);
}

static void special_modes(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    /* Special mask: what is masked does not keep worse ones waiting. */
    pulse(&m, 1);
    take(&m);
    pulse(&m, 6);
    assert_false(m.high);
    out(&m, 0x21, 0x02);
    assert_false(m.high);
    out(&m, 0x20, 0x68);
    assert_true(m.high);
    out(&m, 0x20, 0x48);
    assert_false(m.high);
    out(&m, 0x20, 0x61);
    assert_int_equal(take(&m), 0x36);
    /* Special fully nested: the slave interrupts its own handler. */
    initialize(&m, 0x01);
    out(&m, 0x20, 0x11);
    out(&m, 0x21, 0x30);
    out(&m, 0x21, 0x04);
    out(&m, 0x21, 0x11);
    pulse(&m, 12);
    assert_int_equal(take(&m), 0x3c);
    pulse(&m, 13);
    assert_false(m.high);
    pulse(&m, 8);
    assert_true(m.high);
    assert_int_equal(take(&m), 0x38);
    unmake(&m);
}

static void polling_takes(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    out(&m, 0x20, 0x0c);
    assert_int_equal(in(&m, 0x20), 0);
    pulse(&m, 5);
    out(&m, 0x20, 0x0c);
    assert_int_equal(in(&m, 0x20), 0x85);
    assert_false(m.high);
    assert_int_equal(in(&m, 0x20), 0); /* Once: IRR again. */
    out(&m, 0x20, 0x20);
    assert_int_equal(m.last, 5);
    unmake(&m);
}

static void initialization(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    pulse(&m, 3);
    take(&m);
    pulse(&m, 4);
    out(&m, 0x21, 0xff);
    out(&m, 0x20, 0x11); /* Forgets requests, service and masks; wants three words. */
    assert_false(m.high);
    assert_int_equal(in(&m, 0x21), 0);
    out(&m, 0x21, 0x57); /* The lower three bits of a vector are the input. */
    out(&m, 0x21, 0x04);
    out(&m, 0x21, 0x01);
    pulse(&m, 4);
    assert_int_equal(take(&m), 0x54);
    /* Single, without ICW4: after one word OCW1 follows. */
    out(&m, 0x20, 0x12);
    out(&m, 0x21, 0x60);
    out(&m, 0x21, 0xa5);
    assert_int_equal(in(&m, 0x21), 0xa5);
    /* Inputs that are not there. */
    pulse(&m, 2);
    pulse(&m, 16);
    pulse(&m, 1000);
    assert_false(m.high);
    const struct vmmp_i8259_config config = { .output = NULL };
    assert_int_equal(vmmp_i8259_init(&m.pic, &config), -EINVAL);
}

int test_i8259(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_stay_until_taken),
        cmocka_unit_test(better_ones_come_first),
        cmocka_unit_test(masks),
        cmocka_unit_test(nothing_to_take_is_spurious),
        cmocka_unit_test(levels_ask_as_long_as_they_are_high),
        cmocka_unit_test(automatic_end_and_rotation),
        cmocka_unit_test(special_modes),
        cmocka_unit_test(polling_takes),
        cmocka_unit_test(initialization),
    };
    return cmocka_run_group_tests_name("i8259", tests, NULL, NULL);
}
