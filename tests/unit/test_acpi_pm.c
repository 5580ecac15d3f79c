/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/fake_time.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/acpi_pm.h>

struct machine {
    struct vmmp_acpi_pm pm;
    struct fake_line sci;
    struct fake_time time;
    unsigned sleeps;
    unsigned type;
};

static void on_sleep(void *cookie, unsigned type)
{
    struct machine *m = cookie;
    m->sleeps++;
    m->type = type;
}

static void make(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    fake_line_init(&m->sci);
    fake_time_init(&m->time, 0);
    const struct vmmp_acpi_pm_config config = { m->time.host, &m->sci.line, on_sleep, m };
    assert_int_equal(vmmp_acpi_pm_init(&m->pm, &config), 0);
}

static void unmake(struct machine *m)
{
    vmmp_acpi_pm_fini(&m->pm);
    assert_null(m->time.timers);
    fake_line_fini(&m->sci);
}

static unsigned in(struct machine *m, unsigned offset)
{
    return (unsigned)vmmp_window_read(&m->pm.block, offset, 2);
}

static void out(struct machine *m, unsigned offset, unsigned value)
{
    vmmp_window_write(&m->pm.block, offset, 2, value);
}

static void the_power_button_interrupts(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    vmmp_acpi_pm_power_button(&m.pm);
    assert_int_equal(in(&m, 0), 0x100);
    assert_false(m.sci.level);
    out(&m, 2, 0xffff);
    /* Those of the global lock and the clock too: Linux looks whether they stuck. */
    assert_int_equal(in(&m, 2), 0x521);
    assert_true(m.sci.level);
    out(&m, 0, 0x001); /* Another's bit. */
    assert_true(m.sci.level);
    out(&m, 0, 0x100);
    assert_false(m.sci.level);
    assert_int_equal(in(&m, 0), 0);
    vmmp_acpi_pm_power_button(&m.pm);
    assert_int_equal(m.sci.rises, 2);
    vmmp_acpi_pm_reset(&m.pm);
    assert_false(m.sci.level);
    assert_int_equal(in(&m, 2), 0);
    unmake(&m);
}

static void sleep_takes_effect_with_its_bit(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    assert_int_equal(in(&m, 4), 1);
    out(&m, 4, 5u << 10);
    assert_int_equal(in(&m, 4), 1 | 5u << 10);
    assert_int_equal(m.sleeps, 0);
    out(&m, 4, 1 | 1u << 13 | 5u << 10);
    assert_int_equal(m.sleeps, 1);
    assert_int_equal(m.type, 5);
    assert_int_equal(in(&m, 4), 1 | 5u << 10); /* SLP_EN reads 0. */
    vmmp_window_write(&m.pm.block, 5, 1, 0x20 | 3 << 2);
    assert_int_equal(m.sleeps, 2);
    assert_int_equal(m.type, 3);
    unmake(&m);
}

static void the_timer_runs(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    assert_int_equal(vmmp_window_read(&m.pm.timer, 0, 4), 0);
    fake_time_advance(&m.time, 2 * UINT64_C(1000000000));
    assert_int_equal(vmmp_window_read(&m.pm.timer, 0, 4), 2 * 3579545);
    vmmp_window_write(&m.pm.timer, 0, 4, 0);
    assert_int_equal(vmmp_window_read(&m.pm.timer, 0, 4), 2 * 3579545);
    assert_int_equal(vmmp_window_read(&m.pm.timer, 1, 1), 2 * 3579545 >> 8 & 0xff);
    unmake(&m);
}

static void the_timers_highest_bit_interrupts(void **state)
{
    struct machine m;
    const uint64_t second = UINT64_C(1000000000);

    (void)state;
    make(&m);
    out(&m, 2, 1);
    fake_time_advance(&m.time, 599 * second);
    assert_false(m.sci.level);
    fake_time_advance(&m.time, second); /* 2^31 ticks are 599.93 seconds. */
    assert_true(m.sci.level);
    assert_int_equal(m.time.fired, 1);
    assert_null(m.time.timers);
    out(&m, 0, 1);
    assert_false(m.sci.level);
    fake_time_advance(&m.time, 600 * second);
    assert_true(m.sci.level);
    assert_int_equal(m.time.fired, 2);
    out(&m, 2, 0);
    out(&m, 0, 1);
    assert_null(m.time.timers);
    fake_time_advance(&m.time, 600 * second);
    assert_int_equal(in(&m, 0), 1); /* Seen by who looks, without an interrupt. */
    assert_false(m.sci.level);
    unmake(&m);
}

static void hostile_accesses(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8, 3 };
    struct machine m;
    uint64_t random = 1;

    (void)state;
    make(&m);
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned size = sizes[(random >> 40) % 5];
        struct vmmp_window *window = random >> 50 & 1 ? &m.pm.block : &m.pm.timer;
        fake_time_advance(&m.time, random >> 24);
        if (random >> 60 & 1) {
            vmmp_window_write(window, (random >> 33) % 9, size, random & vmmp_all_ones(size));
        } else {
            vmmp_window_read(window, (random >> 33) % 9, size);
        }
        assert_true((in(&m, 4) & 0x2001) == 1);
        assert_true((m.pm.status & m.pm.enabled) ? m.sci.level : !m.sci.level);
    }
    unmake(&m);
}

static void what_a_machine_must_have(void **state)
{
    struct vmmp_acpi_pm pm;
    const struct vmmp_acpi_pm_config config = { .cookie = NULL };

    (void)state;
    assert_int_equal(vmmp_acpi_pm_init(&pm, &config), -EINVAL);
}

int test_acpi_pm(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_power_button_interrupts),
        cmocka_unit_test(sleep_takes_effect_with_its_bit),
        cmocka_unit_test(the_timer_runs),
        cmocka_unit_test(the_timers_highest_bit_interrupts),
        cmocka_unit_test(hostile_accesses),
        cmocka_unit_test(what_a_machine_must_have),
    };
    return cmocka_run_group_tests_name("acpi_pm", tests, NULL, NULL);
}
