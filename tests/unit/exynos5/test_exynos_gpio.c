/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/register_sweep.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/exynos_gpio.h>

#define CON    0x00
#define DAT    0x04
#define PUD    0x08
#define DRV    0x0c
#define CONPDN 0x10
#define PUDPDN 0x14

#define EINT_CON  0x700
#define EINT_FLT  0x800
#define EINT_MASK 0x900
#define EINT_PEND 0xa00
#define WAKE_CON  0xe00
#define WAKE_FLT  0xe80
#define WAKE_MASK 0xf00
#define WAKE_PEND 0xf40
#define SVC       0xb08

#define LOW     0
#define HIGH    1
#define FALLING 2
#define RISING  3
#define BOTH    4

struct bench {
    struct vmmp_exynos_gpio gpio;
    const struct vmmp_exynos_gpio_layout *layout;
    struct fake_line line;
    struct fake_line wakeup[32];
    unsigned told;
    unsigned bank;
    unsigned pin;
    bool high;
};

static void output(void *cookie, unsigned bank, unsigned pin, bool high)
{
    struct bench *b = cookie;
    b->told++;
    b->bank = bank;
    b->pin = pin;
    b->high = high;
}

static void make(struct bench *b, unsigned controller)
{
    struct vmmp_exynos_gpio_config config = { .output = output, .cookie = b };

    memset(b, 0, sizeof(*b));
    b->layout = vmmp_exynos5422_gpio(controller);
    fake_line_init(&b->line);
    config.layout = b->layout;
    config.irq = &b->line.line;
    for (unsigned i = 0; i < 32; i++) {
        fake_line_init(&b->wakeup[i]);
        config.wakeup_irqs[i] = &b->wakeup[i].line;
    }
    assert_int_equal(vmmp_exynos_gpio_init(&b->gpio, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_exynos_gpio_fini(&b->gpio);
    fake_line_fini(&b->line);
    for (unsigned i = 0; i < 32; i++) {
        fake_line_fini(&b->wakeup[i]);
    }
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->gpio.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->gpio.window, offset, 4, value);
}

static uint32_t ones(unsigned bits)
{
    return bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
}

static void again(void *gpio)
{
    vmmp_exynos_gpio_reset(gpio);
}

/* A register whose pins have so many bits, all of which hold what is written. */
static struct sweep_row pin_fields(uint32_t offset, unsigned bits, uint32_t reset)
{
    return (struct sweep_row){ offset, reset & ones(bits), ones(bits), 0, 0, 0, 0 };
}

/* Rows of a bank: its own, and those in the arrays of external interrupts. */
static unsigned add_rows(struct sweep_row *rows, const struct vmmp_exynos_gpio_bank *bank)
{
    bool wakeup = bank->eint == VMMP_EXYNOS_EINT_WAKEUP;
    uint32_t at = bank->eint_offset;
    unsigned pins = bank->pins;
    unsigned first = pins < 4 ? pins : 4; /* Of the filters' first word. */
    unsigned n = 0;

    rows[n++] = pin_fields(bank->offset + CON, 4 * pins, 0);
    rows[n++] = pin_fields(bank->offset + PUD, 2 * pins, 0x5555);
    rows[n++] = pin_fields(bank->offset + DRV, 2 * pins, 0);
    rows[n++] = pin_fields(bank->offset + CONPDN, 2 * pins, 0);
    rows[n++] = pin_fields(bank->offset + PUDPDN, 2 * pins, 0);
    if (bank->eint == VMMP_EXYNOS_EINT_NONE) {
        return n;
    }
    uint32_t filter = (wakeup ? WAKE_FLT : EINT_FLT) + 2 * at;
    rows[n++] = pin_fields((wakeup ? WAKE_CON : EINT_CON) + at, 4 * pins, 0);
    rows[n++] = pin_fields(filter, 8 * first, 0);
    rows[n++] = pin_fields(filter + 4, 8 * (pins - first), 0);
    rows[n++] = pin_fields((wakeup ? WAKE_MASK : EINT_MASK) + at, pins, UINT32_MAX);
    return n;
}

static void every_register(void **state)
{
    struct sweep_row rows[16 * 9 + 1];
    struct bench b;

    (void)state;
    for (unsigned controller = 0; controller < 5; controller++) {
        unsigned count = 0;
        make(&b, controller);
        for (unsigned n = 0; n < b.layout->count; n++) {
            count += add_rows(&rows[count], &b.layout->banks[n]);
        }
        rows[count] = (struct sweep_row)SWEEP_END;
        sweep_registers(&b.gpio.window, &(struct sweep){ rows, SWEEP_NOTHING, again, &b.gpio });
        unmake(&b);
    }
}

static void banks_have_their_pins(void **state)
{
    static const struct {
        uint32_t offset;
        unsigned bits;
        uint32_t reset;
    } registers[] = {
        { CON, 4, 0 }, { PUD, 2, 0x5555 }, { DRV, 2, 0 }, { CONPDN, 2, 0 }, { PUDPDN, 2, 0 }
    };
    unsigned pins = 0;
    struct bench b;

    (void)state;
    for (unsigned controller = 0; controller < 5; controller++) {
        make(&b, controller);
        for (unsigned n = 0; n < b.layout->count; n++) {
            const struct vmmp_exynos_gpio_bank *bank = &b.layout->banks[n];
            assert_int_equal(vmmp_exynos_gpio_find_bank(b.layout, bank->name), n);
            pins += bank->pins;
            for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
                uint32_t offset = bank->offset + registers[i].offset;
                uint32_t all = ones(registers[i].bits * bank->pins);
                assert_int_equal(get(&b, offset), registers[i].reset & all);
                put(&b, offset, UINT32_MAX);
                assert_int_equal(get(&b, offset), all);
                put(&b, offset, 0);
                assert_int_equal(get(&b, offset), 0);
            }
            put(&b, bank->offset + 0x18, UINT32_MAX);
            assert_int_equal(get(&b, bank->offset + 0x18), 0);
        }
        unmake(&b);
    }
    /* What pinctrl-exynos registers for this chip. */
    assert_int_equal(pins, 40 + 85 + 46 + 54 + 7);
    assert_null(vmmp_exynos5422_gpio(5));
    assert_int_equal(vmmp_exynos_gpio_find_bank(vmmp_exynos5422_gpio(0), "gpa0"), -1);
}

static void outputs_are_told(void **state)
{
    struct bench b;

    (void)state;
    make(&b, 3);
    unsigned bank = (unsigned)vmmp_exynos_gpio_find_bank(b.layout, "gpb3");
    uint32_t base = b.layout->banks[bank].offset;
    put(&b, base + DAT, 0x20); /* Not an output yet. */
    assert_int_equal(b.told, 0);
    assert_int_equal(get(&b, base + DAT), 0);
    put(&b, base + CON, 1u << 20);
    assert_int_equal(b.told, 1);
    assert_int_equal(b.bank, bank);
    assert_int_equal(b.pin, 5);
    assert_true(b.high);
    assert_int_equal(get(&b, base + DAT), 0x20);
    put(&b, base + DAT, 0x20); /* No news. */
    put(&b, base + DAT, 0xff);
    assert_int_equal(b.told, 1);
    put(&b, base + DAT, 0xdf);
    assert_int_equal(b.told, 2);
    assert_false(b.high);
    assert_false(vmmp_exynos_gpio_level(&b.gpio, bank, 5));
    /* What drives an output from outside does not win. */
    vmmp_exynos_gpio_drive(&b.gpio, bank, 5, true);
    assert_int_equal(get(&b, base + DAT), 0);
    put(&b, base + CON, 0);
    assert_int_equal(get(&b, base + DAT), 0x20);
    assert_int_equal(b.told, 2);
    /* As an output that is low again: told although the level's register did not change. */
    put(&b, base + CON, 1u << 20);
    assert_int_equal(b.told, 3);
    assert_false(b.high);
    vmmp_exynos_gpio_reset(&b.gpio);
    assert_int_equal(get(&b, base + CON), 0);
    assert_int_equal(get(&b, base + DAT), 0x20); /* Still driven. */
    unmake(&b);
}

static void inputs_follow_who_drives_them(void **state)
{
    struct bench b;

    (void)state;
    make(&b, 3);
    assert_int_equal(get(&b, DAT), 0); /* Pulled down. */
    put(&b, PUD, 3u << 6);
    assert_int_equal(get(&b, DAT), 1 << 3);
    vmmp_exynos_gpio_drive(&b.gpio, 0, 3, false);
    vmmp_exynos_gpio_drive(&b.gpio, 0, 0, true);
    assert_int_equal(get(&b, DAT), 1);
    assert_int_equal(vmmp_window_read(&b.gpio.window, DAT, 1), 1);
    assert_int_equal(vmmp_window_read(&b.gpio.window, DAT + 1, 1), 0);
    vmmp_exynos_gpio_release(&b.gpio, 0, 0);
    vmmp_exynos_gpio_release(&b.gpio, 0, 3);
    assert_int_equal(get(&b, DAT), 1 << 3);
    /* Pins that do not exist. */
    vmmp_exynos_gpio_drive(&b.gpio, 1, 6, true);
    vmmp_exynos_gpio_drive(&b.gpio, 99, 0, true);
    assert_false(vmmp_exynos_gpio_level(&b.gpio, 99, 0));
    assert_int_equal(get(&b, 0x24), 0);
    unmake(&b);
}

/* Drives the pin low, high, low with a trigger; which of the changes raised the line? */
static unsigned changes_that_interrupt(struct bench *b, uint32_t con, uint32_t pend,
                                       const struct fake_line *line, unsigned pin, uint32_t trigger)
{
    unsigned seen = 0;

    vmmp_exynos_gpio_drive(&b->gpio, 1, pin, false);
    put(b, con, trigger << (4 * pin));
    put(b, pend, 1u << pin);
    seen |= line->level ? 1 : 0;
    for (unsigned i = 1; i <= 2; i++) {
        vmmp_exynos_gpio_drive(&b->gpio, 1, pin, i == 1);
        seen |= line->level ? 1u << i : 0;
        assert_int_equal(get(b, pend), line->level ? 1u << pin : 0);
        put(b, pend, ~(1u << pin)); /* The others'. */
        put(b, pend, 1u << pin);
    }
    return seen;
}

static const struct {
    uint32_t trigger;
    unsigned seen; /* At low, at the rise, at the fall. */
} triggers[] = { { LOW, 5 }, { HIGH, 2 }, { FALLING, 4 }, { RISING, 2 }, { BOTH, 6 } };

static void ordinary_pins_share_an_interrupt(void **state)
{
    struct bench b;

    (void)state;
    make(&b, 3);
    for (unsigned pin = 0; pin < 6; pin++) { /* gpa1 */
        put(&b, 0x20 + CON, 0xfu << (4 * pin));
        put(&b, EINT_MASK + 4, ~(1u << pin));
        for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
            assert_int_equal(changes_that_interrupt(&b, EINT_CON + 4, EINT_PEND + 4, &b.line, pin,
                                                    triggers[i].trigger),
                             triggers[i].seen);
        }
    }
    /* SVC names the first: the bank counted from 1, and the pin. */
    put(&b, CON, 0xfu << 28);
    put(&b, EINT_CON, (uint32_t)RISING << 28);
    put(&b, EINT_MASK, 0x7f);
    put(&b, EINT_CON + 4, (uint32_t)RISING << 20);
    put(&b, EINT_PEND + 4, 0xff);
    assert_int_equal(get(&b, SVC), 0);
    vmmp_exynos_gpio_drive(&b.gpio, 1, 5, true);
    assert_int_equal(get(&b, SVC), 2 << 3 | 5);
    vmmp_exynos_gpio_drive(&b.gpio, 0, 7, true);
    assert_int_equal(get(&b, SVC), 1 << 3 | 7);
    put(&b, EINT_PEND, 1 << 7);
    assert_int_equal(get(&b, SVC), 2 << 3 | 5);
    assert_true(b.line.level);
    put(&b, EINT_MASK + 4, 0x3f);
    assert_int_equal(get(&b, SVC), 0);
    assert_false(b.line.level);
    put(&b, EINT_MASK + 4, 0);
    assert_true(b.line.level);
    vmmp_exynos_gpio_reset(&b.gpio);
    assert_false(b.line.level);
    unmake(&b);
}

static void wakeup_pins_have_their_own(void **state)
{
    struct bench b;

    (void)state;
    make(&b, 0);
    for (unsigned pin = 0; pin < 8; pin++) { /* gpx0 */
        put(&b, 0xc00 + CON, 0xfu << (4 * pin));
        put(&b, WAKE_MASK, ~(1u << pin));
        for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
            assert_int_equal(changes_that_interrupt(&b, WAKE_CON, WAKE_PEND, &b.wakeup[pin], pin,
                                                    triggers[i].trigger),
                             triggers[i].seen);
        }
        assert_false(b.line.level);
    }
    /* The fourth bank's lines come last. */
    put(&b, 0xc60 + CON, 0xf);
    put(&b, WAKE_CON + 0xc, BOTH);
    put(&b, WAKE_MASK + 0xc, 0xfe);
    vmmp_exynos_gpio_drive(&b.gpio, 4, 0, true);
    assert_true(b.wakeup[24].level);
    put(&b, WAKE_PEND + 0xc, 1);
    assert_false(b.wakeup[24].level);
    unmake(&b);
}

static void a_pin_that_is_no_interrupt_is_none(void **state)
{
    struct bench b;

    (void)state;
    make(&b, 3);
    put(&b, EINT_MASK, 0);
    put(&b, EINT_CON, BOTH);
    vmmp_exynos_gpio_drive(&b.gpio, 0, 0, true);
    assert_int_equal(get(&b, EINT_PEND), 0);
    assert_false(b.line.level);
    /* Banks without interrupts, and everything that is no register. */
    unmake(&b);
    make(&b, 1);
    for (uint32_t offset = 0x1a0; offset < 0x1000; offset += 4) {
        if (offset < EINT_CON || offset >= EINT_PEND + 0x18) {
            put(&b, offset, UINT32_MAX);
            assert_int_equal(get(&b, offset), 0);
        }
    }
    put(&b, EINT_FLT + 8 * 5 + 4, UINT32_MAX); /* gpd1 */
    assert_int_equal(get(&b, EINT_FLT + 8 * 5 + 4), UINT32_MAX);
    put(&b, EINT_MASK + 0x10, UINT32_MAX); /* gpc4 has two pins. */
    assert_int_equal(get(&b, EINT_MASK + 0x10), 3);
    unmake(&b);
}

/* Only of a pin that is one, and not masked. */
static void a_pin_says_who_listens(void **state)
{
    struct bench b;
    (void)state;
    make(&b, 0);
    unsigned gpx0 = (unsigned)vmmp_exynos_gpio_find_bank(b.layout, "gpx0");
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 3));
    put(&b, WAKE_MASK, 0xf7);
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 3));
    put(&b, b.layout->banks[gpx0].offset + CON, 0xf000);
    assert_true(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 3));
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 2));
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 8));
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, 16, 0));
    put(&b, WAKE_MASK, 0xff);
    assert_false(vmmp_exynos_gpio_interrupts(&b.gpio, gpx0, 3));
    unmake(&b);
}

static void what_cannot_be(void **state)
{
    static const struct vmmp_exynos_gpio_bank bad[] = {
        { "a", 0x10, 8, 0, 0 }, { "b", 0x1000, 8, 0, 0 }, { "c", 0, 9, 0, 0 },
        { "d", 0, 0, 0, 0 },    { "e", 0, 8, 3, 0 },      { "f", 0, 8, 1, 2 },
        { "g", 0, 8, 1, 0x40 },
    };
    static const struct vmmp_exynos_gpio_bank good[17] = { { "a", 0, 8, 0, 0 } };
    struct vmmp_exynos_gpio_layout layout = { "test", 0, NULL, 1 };
    struct vmmp_exynos_gpio_config config = { .layout = &layout };
    struct vmmp_exynos_gpio gpio;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct fake_line full;
    struct fake_line other;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        layout.banks = &bad[i];
        assert_int_equal(vmmp_exynos_gpio_init(&gpio, &config), -EINVAL);
    }
    layout.banks = good;
    layout.count = 0;
    assert_int_equal(vmmp_exynos_gpio_init(&gpio, &config), -EINVAL);
    layout.count = 17;
    assert_int_equal(vmmp_exynos_gpio_init(&gpio, &config), -EINVAL);
    config.layout = NULL;
    assert_int_equal(vmmp_exynos_gpio_init(&gpio, &config), -EINVAL);

    fake_line_init(&full);
    fake_line_init(&other);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &full.line), 0);
    }
    config.layout = vmmp_exynos5422_gpio(0);
    config.irq = &other.line;
    config.wakeup_irqs[0] = &other.line;
    config.wakeup_irqs[31] = &full.line;
    assert_int_equal(vmmp_exynos_gpio_init(&gpio, &config), -ENOSPC);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    fake_line_fini(&full);
    fake_line_fini(&other);
}

int test_exynos_gpio(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register),
        cmocka_unit_test(banks_have_their_pins),
        cmocka_unit_test(outputs_are_told),
        cmocka_unit_test(inputs_follow_who_drives_them),
        cmocka_unit_test(ordinary_pins_share_an_interrupt),
        cmocka_unit_test(wakeup_pins_have_their_own),
        cmocka_unit_test(a_pin_that_is_no_interrupt_is_none),
        cmocka_unit_test(a_pin_says_who_listens),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests_name("exynos_gpio", tests, NULL, NULL);
}
