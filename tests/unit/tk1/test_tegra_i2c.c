/* SPDX-License-Identifier: BSD-2-Clause */
/* An I2C controller of a Tegra, and the AS3722 on its bus. */
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/as3722.h>
#include <sel4vmmplatsupport/vmmp/tegra_i2c.h>

#define TX_FIFO          0x50
#define RX_FIFO          0x54
#define TRANSFER_STATUS  0x58
#define FIFO_CONTROL     0x5c
#define FIFO_STATUS      0x60
#define INTERRUPT_MASK   0x64
#define INTERRUPT_STATUS 0x68

#define RX_REQ    0x001u
#define TX_REQ    0x002u
#define NO_ACK    0x008u
#define UNDERFLOW 0x010u
#define DONE      0x0c0u
#define CLEARED   0x800u

#define READ  (1u << 19)
#define TEN   (1u << 18)
#define NAKED (1u << 21)

struct fixture {
    struct vmmp_tegra_i2c i2c;
    struct vmmp_as3722 chip;
    struct vmmp_irq_line line;
    bool level;
    unsigned offs, resets;
    uint64_t now;
};

static uint64_t now(void *cookie)
{
    return ((struct fixture *)cookie)->now;
}

static const struct vmmp_host_ops host_ops = { .now = now };

#define MOMENT 1709207999 /* 2024-02-29 11:59:59 */

static uint32_t get(struct fixture *f, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&f->i2c.window, offset, 4);
}

static void put(struct fixture *f, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&f->i2c.window, offset, 4, value);
}

static void set_level(void *cookie, bool high)
{
    ((struct fixture *)cookie)->level = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static void ended(void *cookie, bool reset)
{
    struct fixture *f = cookie;
    f->offs += !reset;
    f->resets += reset;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct vmmp_as3722_config chip = {
        .host = { &host_ops, f },
        .seconds = MOMENT,
        .ended = ended,
        .cookie = f,
    };
    const struct vmmp_tegra_i2c_config config = {
        .irq = &f->line,
        .devices = &f->chip.bus,
        .device_count = 1,
    };
    vmmp_as3722_init(&f->chip, &chip);
    *state = f;
    return vmmp_irq_line_init(&f->line, &line_ops, f, NULL) ||
           vmmp_tegra_i2c_init(&f->i2c, &config);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_tegra_i2c_fini(&f->i2c);
    assert_false(f->level);
    vmmp_irq_line_fini(&f->line);
    free(f);
    return 0;
}

static void packet(struct fixture *f, uint32_t address, uint32_t size, uint32_t flags)
{
    put(f, FIFO_CONTROL, 0xe3); /* Flush. */
    put(f, INTERRUPT_STATUS, UINT32_MAX);
    put(f, TX_FIFO, 0x00050010); /* Number 5, I2C */
    put(f, TX_FIFO, size - 1);
    put(f, TX_FIFO, address << 1 | flags);
}

static void write_register(struct fixture *f, uint8_t reg, uint8_t value)
{
    packet(f, VMMP_AS3722_ADDRESS, 2, 0);
    put(f, TX_FIFO, (uint32_t)value << 8 | reg);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | TX_REQ);
}

static uint8_t read_register(struct fixture *f, uint8_t reg)
{
    packet(f, VMMP_AS3722_ADDRESS, 1, 0);
    put(f, TX_FIFO, reg);
    packet(f, VMMP_AS3722_ADDRESS, 1, READ);
    return (uint8_t)get(f, RX_FIFO);
}

static void again(void *i2c)
{
    vmmp_tegra_i2c_reset(i2c);
}

static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        { 0x1c, 0, 0, 0, 0, 0, 0 },
        { TX_FIFO, 0, 0, 0, 0, 0, SWEEP_WRITE_ACTS },
        { RX_FIFO, 0, 0, 0, 0, 0, SWEEP_READ_ACTS },
        { TRANSFER_STATUS, 0, 0, 0, 0, 0, 0 },
        { FIFO_CONTROL, 0, 0xfffffffc, 0, 0, 0, 0 }, /* Flushes are done, */
        { FIFO_STATUS, 0x80, 0x80, 0x80, 0, 0, 0 },
        { INTERRUPT_STATUS, TX_REQ, TX_REQ, TX_REQ, 0, 0, 0 },
        { 0x84, 0, 0xfffffffe, 0, 0, 0, 0 }, /* a bus is cleared, */
        { 0x88, 0, 0, 0, 2, 4, 0 },          /* and a configuration loaded. */
        SWEEP_END,
    };
    struct fixture *f = *state;
    sweep_registers(&f->i2c.window, &(struct sweep){ rows, SWEEP_STORED, again, &f->i2c });
}

static void a_register_is_written_and_read(void **state)
{
    struct fixture *f = *state;
    write_register(f, 0x20, 0x5a);
    assert_int_equal(get(f, TRANSFER_STATUS), 1u << 24 | 5u << 16 | 2u << 4);
    assert_int_equal(read_register(f, 0x20), 0x5a);
    assert_int_equal(get(f, TRANSFER_STATUS), 1u << 24 | 5u << 16 | 1u << 4);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | TX_REQ);
}

static void interrupts_say_what_is_waited_for(void **state)
{
    struct fixture *f = *state;
    put(f, INTERRUPT_MASK, DONE | NO_ACK | RX_REQ);
    packet(f, VMMP_AS3722_ADDRESS, 1, 0);
    assert_false(f->level);
    put(f, TX_FIFO, 0x90);
    assert_true(f->level);
    put(f, INTERRUPT_STATUS, DONE);
    assert_false(f->level);
    packet(f, VMMP_AS3722_ADDRESS, 2, READ);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | TX_REQ | RX_REQ);
    put(f, INTERRUPT_STATUS, UINT32_MAX);
    assert_true(f->level); /* Until it has been fetched. */
    assert_int_equal(get(f, FIFO_STATUS), 0x81);
    assert_int_equal(get(f, RX_FIFO), 0x010c);
    assert_false(f->level);
    put(f, INTERRUPT_MASK, TX_REQ);
    assert_true(f->level);
    put(f, INTERRUPT_MASK, 0);
}

static void a_long_read_waits_for_room(void **state)
{
    struct fixture *f = *state;
    packet(f, VMMP_AS3722_ADDRESS, 1, 0);
    put(f, TX_FIFO, 0);
    put(f, FIFO_CONTROL, 0x1c); /* It asks with eight words. */
    packet(f, VMMP_AS3722_ADDRESS, 39, READ);
    assert_int_equal(get(f, FIFO_STATUS), 0x88);
    assert_int_equal(get(f, INTERRUPT_STATUS), RX_REQ | TX_REQ);
    put(f, TX_FIFO, 0x12345678); /* Nobody expects it. */
    assert_int_equal(get(f, RX_FIFO), 0x5b5b2828);
    assert_int_equal(get(f, FIFO_STATUS), 0x88);
    assert_int_equal(get(f, INTERRUPT_STATUS), RX_REQ | TX_REQ);
    assert_int_equal(get(f, RX_FIFO), 0x00286543);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | RX_REQ | TX_REQ);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(get(f, INTERRUPT_STATUS) & RX_REQ, RX_REQ);
        get(f, RX_FIFO);
    }
    assert_int_equal(get(f, FIFO_STATUS), 0x80);
    assert_int_equal(get(f, RX_FIFO), 0);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | UNDERFLOW | TX_REQ);
}

static void nobody_acknowledges(void **state)
{
    struct fixture *f = *state;
    static const uint32_t flags[] = { 0, READ, TEN };
    put(f, INTERRUPT_MASK, NO_ACK);
    for (size_t i = 0; i < 3; i++) {
        packet(f, flags[i] & TEN ? VMMP_AS3722_ADDRESS : 0x41, 2, flags[i]);
        assert_true(f->level);
        assert_int_equal(get(f, INTERRUPT_STATUS), NO_ACK | TX_REQ);
        put(f, TX_FIFO, 0x5a20); /* What comes is dropped, */
        put(f, TX_FIFO, 0x00000010);
        assert_int_equal(get(f, TRANSFER_STATUS), 0);
        assert_int_equal(get(f, FIFO_STATUS), 0x80);
    }
    write_register(f, 0x20, 0x77); /* until it is flushed. */
    assert_int_equal(read_register(f, 0x20), 0x77);
    /* Going on all the same, nobody is written to and nothing is read. */
    packet(f, 0x41, 2, NAKED);
    put(f, TX_FIFO, 0x5a20);
    assert_int_equal(get(f, INTERRUPT_STATUS), DONE | TX_REQ);
    packet(f, 0x41, 2, NAKED | READ);
    assert_int_equal(get(f, RX_FIFO), 0xffff);
    /* A packet of another protocol. */
    put(f, FIFO_CONTROL, 3);
    put(f, TX_FIFO, 0x00000020);
    put(f, TX_FIFO, 0x00000010);
    put(f, TX_FIFO, 0);
    put(f, TX_FIFO, VMMP_AS3722_ADDRESS << 1);
    put(f, TX_FIFO, 0);
    assert_int_equal(read_register(f, 0x20), 0x77);
}

static void a_bus_is_cleared(void **state)
{
    struct fixture *f = *state;
    put(f, 0x84, 0x90001);
    assert_int_equal(get(f, 0x84), 0x90000);
    assert_int_equal(get(f, 0x88), 1);
    assert_int_equal(get(f, INTERRUPT_STATUS), CLEARED | TX_REQ);
    put(f, INTERRUPT_STATUS, CLEARED);
    assert_int_equal(get(f, INTERRUPT_STATUS), TX_REQ);
}

/* ---- The AS3722 ---- */

static const struct {
    uint8_t reg, value;
} chip_at_rest[] = {
    { 0x00, 0x28 }, { 0x01, 0x28 }, { 0x02, 0x5b }, { 0x03, 0x5b }, { 0x04, 0x43 }, { 0x05, 0x65 },
    { 0x06, 0x28 }, { 0x10, 0x0a }, { 0x12, 0x10 }, { 0x13, 0x13 }, { 0x4d, 0x7f }, { 0x4e, 0x0d },
    { 0x61, 0x59 }, { 0x62, 0x59 }, { 0x63, 0x11 }, { 0x64, 0x29 }, { 0x65, 0x02 }, { 0x66, 0x24 },
    { 0x74, 0xff }, { 0x75, 0xff }, { 0x76, 0xff }, { 0x77, 0xff }, { 0x90, 0x0c }, { 0x91, 0x01 },
};

static void the_chip_s_registers(void **state)
{
    struct fixture *f = *state;
    for (unsigned reg = 0; reg < 256; reg++) {
        uint8_t wanted = 0;
        for (size_t i = 0; i < sizeof(chip_at_rest) / sizeof(chip_at_rest[0]); i++) {
            wanted = chip_at_rest[i].reg == reg ? chip_at_rest[i].value : wanted;
        }
        assert_int_equal(read_register(f, (uint8_t)reg), wanted);
        bool read_only = reg == 0x90 || reg == 0x91 || (reg >= 0x78 && reg < 0x7c);
        if (reg >= 0x61 && reg < 0x67) {
            continue; /* The clock's. */
        }
        write_register(f, (uint8_t)reg, (uint8_t)(reg << 2 | 0x80));
        assert_int_equal(read_register(f, (uint8_t)reg),
                         read_only ? wanted : (uint8_t)(reg << 2 | 0x80));
    }
    assert_int_equal(f->offs + f->resets, 0);
    /* Several in one transfer, past the last one. */
    packet(f, VMMP_AS3722_ADDRESS, 6, 0);
    put(f, TX_FIFO, 0x030201fe);
    put(f, TX_FIFO, 0x00000504);
    assert_int_equal(read_register(f, 0xfe), 1);
    assert_int_equal(read_register(f, 0xff), 2);
    assert_int_equal(read_register(f, 0x00), 3);
    assert_int_equal(read_register(f, 0x02), 5);
}

/* In BCD: two digits each of year, month, day, hour, minute and second. */
static void expect_time(struct fixture *f, uint64_t wanted)
{
    uint64_t time = 0;
    packet(f, VMMP_AS3722_ADDRESS, 1, 0);
    put(f, TX_FIFO, 0x61);
    packet(f, VMMP_AS3722_ADDRESS, 6, READ);
    time = get(f, RX_FIFO);
    time |= (uint64_t)get(f, RX_FIFO) << 32;
    assert_int_equal(time, wanted);
}

static void the_chip_s_clock_goes(void **state)
{
    struct fixture *f = *state;
    expect_time(f, 0x240229115959);
    f->now += 999999999;
    expect_time(f, 0x240229115959);
    f->now++;
    expect_time(f, 0x240229120000);
    /* Set in one transfer, over a day that February has not: 31 January 2031. */
    packet(f, VMMP_AS3722_ADDRESS, 7, 0);
    put(f, TX_FIFO, 0x23595861);
    put(f, TX_FIFO, 0x00310131);
    expect_time(f, 0x310131235958);
    f->now += UINT64_C(2500000000);
    expect_time(f, 0x310201000000);
    f->now += UINT64_C(27) * 86400 * 1000000000;
    expect_time(f, 0x310228000000);
    f->now += UINT64_C(86400) * 1000000000;
    expect_time(f, 0x310301000000);
    /* One register alone leaves the others. */
    write_register(f, 0x63, 0x07);
    expect_time(f, 0x310301070000);
    /* What is no date becomes one. */
    write_register(f, 0x65, 0xff);
    expect_time(f, 0x311201070000);
}

static void the_chip_ends_the_machine(void **state)
{
    struct fixture *f = *state;
    write_register(f, 0x36, 0x02);
    assert_int_equal(f->offs, 1);
    write_register(f, 0x36, 0x01);
    assert_int_equal(f->resets, 1);
    write_register(f, 0x36, 0xfc);
    assert_int_equal(f->offs + f->resets, 2);
    assert_int_equal(read_register(f, 0x36), 0xfc);
    const struct vmmp_as3722_config nobody = { .ended = NULL };
    vmmp_as3722_init(&f->chip, &nobody);
    write_register(f, 0x36, 0x03);
    assert_int_equal(read_register(f, 0x36), 0);
}

int test_tegra_i2c(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_register, setup, teardown),
        cmocka_unit_test_setup_teardown(a_register_is_written_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupts_say_what_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_read_waits_for_room, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_acknowledges, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bus_is_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chip_s_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chip_s_clock_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chip_ends_the_machine, setup, teardown),
    };
    return cmocka_run_group_tests_name("tegra_i2c", tests, NULL, NULL);
}
