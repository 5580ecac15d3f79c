/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/pl061.h>

#define DATA  0x3fc /* All pins. */
#define DIR   0x400
#define IS    0x404
#define IBE   0x408
#define IEV   0x40c
#define IE    0x410
#define RIS   0x414
#define MIS   0x418
#define IC    0x41c
#define AFSEL 0x420

struct bench {
    struct vmmp_pl061 gpio;
    struct vmmp_irq_line line;
    struct vmmp_log log;
    bool level;
    unsigned logs;
    unsigned changes;
    unsigned last_pin;
    bool last_high;
};

static void set_level(void *cookie, bool high)
{
    struct bench *b = cookie;
    assert_int_not_equal(b->level, high);
    b->level = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static void count_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    struct bench *b = cookie;
    (void)level;
    assert_int_equal(origin, VMMP_LOG_GUEST);
    assert_true(strncmp(message, "pl061: ", 7) == 0);
    b->logs++;
}

static void changed(void *cookie, unsigned pin, bool high)
{
    struct bench *b = cookie;
    b->changes++;
    b->last_pin = pin;
    b->last_high = high;
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->gpio.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->gpio.window, offset, 4, value);
}

static void make(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->log = (struct vmmp_log){ count_log, b, VMMP_LOG_DEBUG };
    assert_int_equal(vmmp_irq_line_init(&b->line, &line_ops, b, &(struct vmmp_host){ NULL, NULL }),
                     0);
    const struct vmmp_pl061_config config = {
        .irq = &b->line, .changed = changed, .cookie = b, .log = &b->log
    };
    assert_int_equal(vmmp_pl061_init(&b->gpio, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_pl061_fini(&b->gpio);
    assert_false(b->level);
    assert_int_equal(b->line.sources, 0);
    vmmp_irq_line_fini(&b->line);
}

static void registers_hold_what_the_manual_says(void **state)
{
    static const uint32_t stored[] = { IS, IBE, IEV, IE, AFSEL, DIR };
    static const uint32_t identity[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct bench b;

    (void)state;
    make(&b);
    for (int round = 0; round < 2; round++) {
        for (uint32_t offset = 0; offset <= AFSEL; offset += 4) {
            assert_int_equal(get(&b, offset), 0);
        }
        for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
            put(&b, stored[i], UINT32_MAX);
            assert_int_equal(get(&b, stored[i]), 0xff);
        }
        assert_int_equal(get(&b, IC), 0);
        vmmp_pl061_reset(&b.gpio);
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(get(&b, 0xfe0 + 4 * i), identity[i]);
        put(&b, 0xfe0 + 4 * i, UINT32_MAX);
        assert_int_equal(get(&b, 0xfe0 + 4 * i), identity[i]);
    }
    put(&b, RIS, 0xff);
    put(&b, MIS, 0xff);
    assert_int_equal(b.logs, 0);
    assert_int_equal(get(&b, 0x424), 0);
    put(&b, 0xfdc, 1);
    assert_int_equal(b.logs, 2);
    /* A byte is a byte, and what is above it is not there. */
    vmmp_window_write(&b.gpio.window, IE, 1, 0x5a);
    vmmp_window_write(&b.gpio.window, IE + 1, 1, 0xff);
    assert_int_equal(get(&b, IE), 0x5a);
    assert_int_equal(vmmp_window_read(&b.gpio.window, IE, 2), 0x5a);
    assert_int_equal(vmmp_window_read(&b.gpio.window, IE + 1, 1), 0);
    unmake(&b);
}

static void the_address_says_which_pins(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, DIR, 0xff);
    assert_int_equal(b.changes, 8);
    put(&b, 0x0a5 << 2, 0xff);
    assert_int_equal(get(&b, DATA), 0xa5);
    assert_int_equal(b.changes, 12);
    put(&b, 0x00f << 2, 0x00);
    assert_int_equal(get(&b, DATA), 0xa0);
    assert_int_equal(get(&b, 0x080 << 2), 0x80);
    assert_int_equal(get(&b, 0), 0);
    put(&b, 0, 0xff);
    assert_int_equal(get(&b, DATA), 0xa0);
    /* Two words of pins in one access: 0x20 << 2 is pin 5 alone, the next word pins 5 and 0. */
    vmmp_window_write(&b.gpio.window, 0x20 << 2, 8, UINT64_C(0x01) << 32);
    assert_int_equal(get(&b, DATA), 0x81);
    unmake(&b);
}

static void inputs_are_driven_from_outside(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, DATA, 0xff);
    assert_int_equal(get(&b, DATA), 0); /* Inputs. */
    assert_int_equal(b.changes, 0);
    vmmp_pl061_drive(&b.gpio, 3, true);
    vmmp_pl061_drive(&b.gpio, 8, true);
    assert_int_equal(get(&b, DATA), 0x08);
    put(&b, DIR, 0x0c);
    assert_int_equal(b.changes, 2);
    assert_true(b.last_high); /* What was written before. */
    put(&b, DATA, 0x04);
    assert_int_equal(b.changes, 3);
    assert_int_equal(b.last_pin, 3);
    assert_false(b.last_high);
    assert_int_equal(get(&b, DATA), 0x04);
    put(&b, DIR, 0);
    assert_int_equal(get(&b, DATA), 0x08);
    vmmp_pl061_reset(&b.gpio);
    assert_int_equal(get(&b, DATA), 0x08); /* Who drives it still does. */
    unmake(&b);
}

/* Every combination of GPIOIS, GPIOIBE and GPIOIEV with a pin that rises and falls. */
static void interrupts_by_level_and_edge(void **state)
{
    static const struct {
        unsigned is, ibe, iev;
        bool idle, high, cleared_high, low;
    } kinds[] = {
        { 0, 0, 0, false, false, false, true },                                        /* falling */
        { 0, 0, 1, false, true, false, false },                                        /* rising */
        { 0, 1, 0, false, true, false, true },                                         /* both */
        { 0, 1, 1, false, true, false, true },  { 1, 0, 0, true, false, false, true }, /* low */
        { 1, 0, 1, false, true, true, false },                                         /* high */
        { 1, 1, 0, true, false, false, true }, /* Levels do not care about GPIOIBE. */
        { 1, 1, 1, false, true, true, false },
    };
    struct bench b;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        make(&b);
        put(&b, IS, kinds[i].is << 3);
        put(&b, IBE, kinds[i].ibe << 3);
        put(&b, IEV, kinds[i].iev << 3);
        put(&b, IE, 1 << 3);
        assert_int_equal(b.level, kinds[i].idle);
        vmmp_pl061_drive(&b.gpio, 3, true);
        assert_int_equal(b.level, kinds[i].high);
        assert_int_equal(get(&b, RIS) >> 3 & 1, kinds[i].high);
        assert_int_equal(get(&b, MIS), kinds[i].high ? 8 : 0);
        put(&b, IC, 1 << 3);
        assert_int_equal(b.level, kinds[i].cleared_high);
        vmmp_pl061_drive(&b.gpio, 3, true); /* Nothing new. */
        assert_int_equal(b.level, kinds[i].cleared_high);
        vmmp_pl061_drive(&b.gpio, 3, false);
        assert_int_equal(b.level, kinds[i].low);
        put(&b, IE, 0);
        assert_false(b.level);
        assert_int_equal(get(&b, RIS) >> 3 & 1, kinds[i].low);
        assert_int_equal(get(&b, MIS), 0);
        unmake(&b);
    }
}

/* The manual: a pin that software drives interrupts as well. */
static void outputs_interrupt(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, IEV, 1);
    put(&b, IE, 1);
    put(&b, DIR, 1);
    put(&b, DATA, 1);
    assert_true(b.level);
    vmmp_pl061_reset(&b.gpio);
    assert_false(b.level);
    unmake(&b);
}

/* As Linux' gpio-keys: both edges of pin 3, the handler clears and reads. */
static void a_power_key(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, IBE, 8);
    assert_false(vmmp_pl061_interrupts(&b.gpio, 3));
    put(&b, IE, 8);
    assert_true(vmmp_pl061_interrupts(&b.gpio, 3));
    assert_false(vmmp_pl061_interrupts(&b.gpio, 2));
    assert_false(vmmp_pl061_interrupts(&b.gpio, 8));
    for (int press = 0; press < 3; press++) {
        vmmp_pl061_drive(&b.gpio, 3, true);
        assert_int_equal(get(&b, MIS), 8);
        put(&b, IC, 8);
        assert_int_equal(get(&b, 8 << 2), 8);
        vmmp_pl061_drive(&b.gpio, 3, false);
        assert_true(b.level);
        put(&b, IC, 8);
        assert_int_equal(get(&b, 8 << 2), 0);
        assert_false(b.level);
    }
    unmake(&b);
}

static void a_line_without_room(void **state)
{
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct vmmp_pl061 gpio;
    struct bench b;

    (void)state;
    make(&b);
    for (unsigned i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line), 0);
    }
    struct vmmp_pl061_config config = { .irq = &b.line };
    assert_int_equal(vmmp_pl061_init(&gpio, &config), -ENOSPC);
    for (unsigned i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    config.irq = NULL; /* No interrupt, nobody who looks, no log. */
    assert_int_equal(vmmp_pl061_init(&gpio, &config), 0);
    vmmp_window_write(&gpio.window, DIR, 4, 0xff);
    vmmp_window_write(&gpio.window, 0xfdc, 4, 0xff);
    vmmp_pl061_fini(&gpio);
    unmake(&b);
}

int test_pl061(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_hold_what_the_manual_says),
        cmocka_unit_test(the_address_says_which_pins),
        cmocka_unit_test(inputs_are_driven_from_outside),
        cmocka_unit_test(interrupts_by_level_and_edge),
        cmocka_unit_test(outputs_interrupt),
        cmocka_unit_test(a_power_key),
        cmocka_unit_test(a_line_without_room),
    };
    return cmocka_run_group_tests_name("pl061", tests, NULL, NULL);
}
