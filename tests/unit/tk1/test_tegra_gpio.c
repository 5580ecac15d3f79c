/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/register_sweep.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/tegra_gpio.h>

/* Of a port, which Linux numbers with eight pins each: A is 0. */
#define AT(port, reg) ((port) / 4 * 0x100 + (reg) + (port) % 4 * 4)
#define CNF           0x00
#define OE            0x10
#define OUT           0x20
#define IN            0x30
#define STA           0x40
#define ENB           0x50
#define LVL           0x60
#define CLR           0x70
#define MASKED        0x80

/* What Linux writes for pin 0 (gpio-tegra.c). */
#define RISING  0x000101u
#define FALLING 0x000100u
#define BOTH    0x010100u
#define HIGH    0x000001u
#define LOW     0x000000u

#define Q 16

struct bench {
    struct vmmp_tegra_gpio gpio;
    struct fake_line lines[8];
    unsigned told;
    unsigned port, pin;
    bool high;
};

static void output(void *cookie, unsigned port, unsigned pin, bool high)
{
    struct bench *b = cookie;
    b->told++;
    b->port = port;
    b->pin = pin;
    b->high = high;
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct vmmp_tegra_gpio_config config = { .output = output, .cookie = b };
    for (unsigned i = 0; i < 8; i++) {
        fake_line_init(&b->lines[i]);
        config.irqs[i] = &b->lines[i].line;
    }
    config.pulled_up[Q] = 0x01;
    assert_int_equal(vmmp_tegra_gpio_init(&b->gpio, &config), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    vmmp_tegra_gpio_fini(&b->gpio);
    for (unsigned i = 0; i < 8; i++) {
        fake_line_fini(&b->lines[i]);
    }
    free(b);
    return 0;
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->gpio.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->gpio.window, offset, 4, value);
}

static void again(void *gpio)
{
    vmmp_tegra_gpio_reset(gpio);
}

/* Of the four ports of each controller; the masked ones write what they have a mask for. */
static void every_register(void **state)
{
    static const struct {
        uint32_t reg, ones, masked;
    } registers[] = { { CNF, 0xff, 0xff }, { OE, 0xff, 0xff },      { OUT, 0xff, 0xff },
                      { ENB, 0xff, 0xff }, { LVL, 0xffffff, 0xff }, { IN, 0, 0 } };
    struct sweep_row rows[8 * 6 * 2 + 3];
    struct bench *b = *state;
    unsigned n = 0;

    rows[n++] = (struct sweep_row){ AT(Q, IN), 1, 1, 1, 0, 0, 0 }; /* The pin that is pulled up */
    rows[n++] = (struct sweep_row){ AT(Q, MASKED + IN), 1, 1, 1, 0, 0, 0 };
    for (unsigned controller = 0; controller < 8; controller++) {
        for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
            uint32_t offset = controller * 0x100 + registers[i].reg;
            rows[n++] = (struct sweep_row){ offset, 0, registers[i].ones, 0, 4, 4, 0 };
            /* Zeroes are a mask of nothing. A byte of a mask comes with zeroes in the others. */
            rows[n++] = (struct sweep_row){ offset + MASKED, 0, 0, 0, 4, 4, SWEEP_WRITE_ACTS };
        }
    }
    rows[n] = (struct sweep_row)SWEEP_END;
    sweep_registers(&b->gpio.window, &(struct sweep){ rows, SWEEP_NOTHING, again, &b->gpio });
    for (unsigned port = 0; port < 32; port++) {
        for (size_t i = 0; i < 5; i++) {
            uint32_t reg = registers[i].reg;
            put(b, AT(port, MASKED + reg), 0xffff);
            assert_int_equal(get(b, AT(port, reg)), registers[i].masked);
            put(b, AT(port, MASKED + reg), 0x2400);
            assert_int_equal(get(b, AT(port, reg)), registers[i].masked & ~0x24u);
            put(b, AT(port, MASKED + reg), 0x04ff);
            assert_int_equal(get(b, AT(port, reg)), registers[i].masked & ~0x20u);
            assert_int_equal(get(b, AT(port, MASKED + reg)), registers[i].masked & ~0x20u);
        }
    }
}

static void outputs_are_told(void **state)
{
    struct bench *b = *state;
    for (unsigned port = 0; port < 32; port++) {
        for (unsigned pin = 0; pin < 8; pin++) {
            b->told = 0;
            put(b, AT(port, MASKED + OUT), 0x101u << pin);
            put(b, AT(port, MASKED + OE), 0x101u << pin);
            assert_int_equal(b->told, 0); /* No GPIO yet. */
            put(b, AT(port, MASKED + CNF), 0x101u << pin);
            assert_int_equal(b->told, 1);
            assert_true(b->port == port && b->pin == pin && b->high);
            assert_true(vmmp_tegra_gpio_level(&b->gpio, port, pin));
            assert_int_equal(get(b, AT(port, IN)) >> pin & 1, 1);
            vmmp_tegra_gpio_drive(&b->gpio, port, pin, false); /* The guest is stronger. */
            assert_true(vmmp_tegra_gpio_level(&b->gpio, port, pin));
            put(b, AT(port, MASKED + OUT), 0x100u << pin);
            assert_int_equal(b->told, 2);
            assert_false(b->high);
            put(b, AT(port, MASKED + OUT), 0x100u << pin);
            assert_int_equal(b->told, 2);
        }
    }
}

static void inputs_follow_who_drives_them(void **state)
{
    struct bench *b = *state;
    assert_true(vmmp_tegra_gpio_level(&b->gpio, Q, 0));
    assert_false(vmmp_tegra_gpio_level(&b->gpio, Q, 1));
    vmmp_tegra_gpio_drive(&b->gpio, Q, 0, false);
    vmmp_tegra_gpio_drive(&b->gpio, Q, 1, true);
    assert_int_equal(get(b, AT(Q, IN)), 2);
    vmmp_tegra_gpio_reset(&b->gpio);
    assert_int_equal(get(b, AT(Q, IN)), 2);
    vmmp_tegra_gpio_release(&b->gpio, Q, 0);
    vmmp_tegra_gpio_release(&b->gpio, Q, 1);
    assert_int_equal(get(b, AT(Q, IN)), 1);
    vmmp_tegra_gpio_drive(&b->gpio, 32, 0, true);
    vmmp_tegra_gpio_drive(&b->gpio, 0, 8, true);
    assert_false(vmmp_tegra_gpio_level(&b->gpio, 32, 0));
    assert_int_equal(get(b, AT(0, IN)), 0);
    assert_int_equal(b->told, 0);
}

static void move(struct bench *b, bool high)
{
    vmmp_tegra_gpio_drive(&b->gpio, Q, 0, high);
}

static void edges_wait_to_be_cleared(void **state)
{
    static const struct {
        uint32_t trigger;
        bool rise, fall;
    } rows[] = { { RISING, true, false }, { FALLING, false, true }, { BOTH, true, true } };
    struct bench *b = *state;
    const struct fake_line *line = &b->lines[4];

    put(b, AT(Q, MASKED + CNF), 0x101);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(b, AT(Q, LVL), rows[i].trigger);
        move(b, false);
        put(b, AT(Q, CLR), 1);
        put(b, AT(Q, MASKED + ENB), 0x101);
        assert_true(vmmp_tegra_gpio_interrupts(&b->gpio, Q, 0));
        assert_false(line->level);
        for (unsigned high = 1; high <= 1; high--) {
            move(b, high);
            bool counts = high ? rows[i].rise : rows[i].fall;
            assert_int_equal(line->level, counts);
            assert_int_equal(get(b, AT(Q, STA)), counts);
            put(b, AT(Q, STA), 0); /* It is only read. */
            assert_int_equal(line->level, counts);
            put(b, AT(Q, CLR), 0xfe);
            put(b, AT(Q, MASKED + CLR), 0xfeff); /* All pins but this one. */
            assert_int_equal(line->level, counts);
            put(b, AT(Q, CLR), 1);
            assert_false(line->level);
        }
        /* Who is not asked, does not remember. */
        put(b, AT(Q, MASKED + ENB), 0x100);
        move(b, true);
        put(b, AT(Q, MASKED + ENB), 0x101);
        assert_int_equal(get(b, AT(Q, STA)), 0);
        put(b, AT(Q, MASKED + ENB), 0x100);
    }
    put(b, AT(Q, MASKED + CNF), 0x100);
    assert_false(vmmp_tegra_gpio_interrupts(&b->gpio, Q, 0));
    for (unsigned i = 0; i < 8; i++) {
        assert_true(i == 4 || b->lines[i].rises == 0);
    }
}

static void levels_last(void **state)
{
    struct bench *b = *state;
    const struct fake_line *line = &b->lines[4];
    put(b, AT(Q, MASKED + CNF), 0x101);
    put(b, AT(Q, MASKED + ENB), 0x101);
    for (unsigned high = 0; high < 2; high++) {
        put(b, AT(Q, LVL), high ? HIGH : LOW);
        move(b, high);
        assert_true(line->level);
        put(b, AT(Q, CLR), 1);
        assert_true(line->level);
        assert_int_equal(get(b, AT(Q, STA)), 1);
        move(b, !high);
        assert_false(line->level);
        assert_int_equal(get(b, AT(Q, STA)), 0);
    }
    /* A line is of four ports, and none of a port that is not enabled. */
    move(b, true);
    put(b, AT(Q + 3, MASKED + CNF), 0x8080);
    put(b, AT(Q + 3, MASKED + ENB), 0x8080); /* Low, as it is. */
    put(b, AT(Q, MASKED + ENB), 0x100);
    assert_true(line->level);
    put(b, AT(Q + 3, MASKED + ENB), 0x8000);
    assert_false(line->level);
    put(b, AT(Q + 3, MASKED + ENB), 0x8080);
    vmmp_tegra_gpio_reset(&b->gpio);
    assert_false(line->level);
}

static void ports_have_names(void **state)
{
    static const char *const none[] = { "", "A", "1", "g g", "gg", "ab", "aaa", "zz", "f1" };
    (void)state;
    assert_int_equal(vmmp_tegra_gpio_find_port("a"), 0);
    assert_int_equal(vmmp_tegra_gpio_find_port("q"), Q);
    assert_int_equal(vmmp_tegra_gpio_find_port("z"), 25);
    assert_int_equal(vmmp_tegra_gpio_find_port("aa"), 26);
    assert_int_equal(vmmp_tegra_gpio_find_port("ff"), 31);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(vmmp_tegra_gpio_find_port(none[i]), -1);
    }
}

static void a_line_without_room(void **state)
{
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct vmmp_tegra_gpio gpio;
    struct fake_line full;
    struct fake_line other;

    (void)state;
    fake_line_init(&full);
    fake_line_init(&other);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &full.line), 0);
    }
    const struct vmmp_tegra_gpio_config config = { .irqs = { &other.line, &full.line } };
    assert_int_equal(vmmp_tegra_gpio_init(&gpio, &config), -ENOSPC);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    fake_line_fini(&other);
    fake_line_fini(&full);
}

int test_tegra_gpio(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_register, setup, teardown),
        cmocka_unit_test_setup_teardown(outputs_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(inputs_follow_who_drives_them, setup, teardown),
        cmocka_unit_test_setup_teardown(edges_wait_to_be_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_last, setup, teardown),
        cmocka_unit_test(ports_have_names),
        cmocka_unit_test(a_line_without_room),
    };
    return cmocka_run_group_tests_name("tegra_gpio", tests, NULL, NULL);
}
