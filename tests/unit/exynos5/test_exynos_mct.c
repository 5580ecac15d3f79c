/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/fake_time.h"
#include "support/register_sweep.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/exynos_mct.h>

#define CNT_L     0x100
#define CNT_U     0x104
#define CNT_WSTAT 0x110
#define COMP(n)   (0x200 + 0x10 * (n))
#define TCON      0x240
#define CSTAT     0x244
#define INT_ENB   0x248
#define WSTAT     0x24c
#define START     0x100

#define LOCAL(n, reg) (0x300 + 0x100 * (n) + (reg))
#define TCNTB         0x00
#define TCNTO         0x04
#define ICNTB         0x08
#define ICNTO         0x0c
#define FRCNTB        0x10
#define FRCNTO        0x14
#define LTCON         0x20
#define LCSTAT        0x30
#define LENB          0x34
#define LWSTAT        0x40
#define UPDATE        0x80000000u

#define US     UINT64_C(1000)
#define SECOND UINT64_C(1000000000)

struct bench {
    struct vmmp_exynos_mct mct;
    struct fake_time time;
    struct fake_line comparators[4];
    struct fake_line locals[8];
};

static void make(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    fake_time_init(&b->time, 77 * SECOND + 123);
    struct vmmp_exynos_mct_config config = { .host = b->time.host };
    for (unsigned i = 0; i < 4; i++) {
        fake_line_init(&b->comparators[i]);
        config.comparator_irqs[i] = &b->comparators[i].line;
    }
    for (unsigned i = 0; i < 8; i++) {
        fake_line_init(&b->locals[i]);
        config.local_irqs[i] = &b->locals[i].line;
    }
    assert_int_equal(vmmp_exynos_mct_init(&b->mct, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_exynos_mct_fini(&b->mct);
    assert_null(b->time.timers);
    for (unsigned i = 0; i < 4; i++) {
        fake_line_fini(&b->comparators[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        fake_line_fini(&b->locals[i]);
    }
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->mct.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->mct.window, offset, 4, value);
}

static uint64_t counter(struct bench *b)
{
    return vmmp_window_read(&b->mct.window, CNT_L, 8);
}

static void put_comparator(struct bench *b, unsigned n, uint64_t value)
{
    put(b, COMP(n), (uint32_t)value);
    put(b, COMP(n) + 4, (uint32_t)(value >> 32));
}

static void again(void *mct)
{
    vmmp_exynos_mct_reset(mct);
}

static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        { CNT_L, 0, UINT32_MAX, 0, 2, 4, 0 },
        { COMP(0), 0, UINT32_MAX, 0, 4, 0x10, 0 },
        { COMP(0) + 4, 0, UINT32_MAX, 0, 4, 0x10, 0 },
        { COMP(0) + 8, 0, UINT32_MAX, 0, 4, 0x10, 0 },
        { TCON, 0, 0x1ff, 0, 0, 0, 0 },
        { INT_ENB, 0, 0xf, 0, 0, 0, 0 },
        { LOCAL(0, TCNTB), 0, UINT32_MAX, 0, 8, 0x100, 0 },
        { LOCAL(0, ICNTB), 0, UINT32_MAX, 0, 8, 0x100, 0 },
        { LOCAL(0, FRCNTB), 0, UINT32_MAX, 0, 8, 0x100, 0 },
        { LOCAL(0, LTCON), 0, 0xf, 0, 8, 0x100, 0 },
        { LOCAL(0, LENB), 0, 1, 0, 8, 0x100, 0 },
        SWEEP_END,
    };
    struct bench b;

    (void)state;
    make(&b);
    sweep_registers(&b.mct.window, &(struct sweep){ rows, SWEEP_NOTHING, again, &b.mct });
    unmake(&b);
}

static void wide_registers_and_copies(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    for (unsigned n = 0; n < 4; n++) {
        put_comparator(&b, n, 0x8877665544332211);
        put(&b, COMP(n) + 8, 0xddccbbaa);
        assert_int_equal(vmmp_window_read(&b.mct.window, COMP(n), 8), 0x8877665544332211);
        assert_int_equal(get(&b, COMP(n) + 8), 0xddccbbaa);
    }
    for (unsigned n = 0; n < 8; n++) {
        put(&b, LOCAL(n, TCNTB), 0x11223344);
        put(&b, LOCAL(n, FRCNTB), 0x55667788);
        put(&b, LOCAL(n, LENB), UINT32_MAX);
        assert_int_equal(get(&b, LOCAL(n, TCNTB)), 0x11223344);
        assert_int_equal(get(&b, LOCAL(n, FRCNTB)), 0x55667788);
        assert_int_equal(get(&b, LOCAL(n, FRCNTO)), 0x55667788);
        assert_int_equal(get(&b, LOCAL(n, LENB)), 1);
    }
    vmmp_exynos_mct_reset(&b.mct);
    assert_int_equal(get(&b, INT_ENB), 0);
    assert_int_equal(get(&b, LOCAL(7, TCNTB)), 0);
    unmake(&b);
}

/* The kernel waits for these bits after every write, and clears them. */
static void writes_are_confirmed(void **state)
{
    static const struct {
        uint32_t offset;
        uint32_t status;
        uint32_t bit;
    } rows[] = {
        { CNT_L, CNT_WSTAT, 1 << 0 },
        { CNT_U, CNT_WSTAT, 1 << 1 },
        { COMP(0), WSTAT, 1 << 0 },
        { COMP(0) + 4, WSTAT, 1 << 1 },
        { COMP(0) + 8, WSTAT, 1 << 2 },
        { COMP(1), WSTAT, 1 << 4 },
        { COMP(2) + 4, WSTAT, 1 << 9 },
        { COMP(3) + 8, WSTAT, 1 << 14 },
        { TCON, WSTAT, 1 << 16 },
        { LOCAL(0, TCNTB), LOCAL(0, LWSTAT), 1 },
        { LOCAL(3, ICNTB), LOCAL(3, LWSTAT), 2 },
        { LOCAL(7, FRCNTB), LOCAL(7, LWSTAT), 4 },
        { LOCAL(7, LTCON), LOCAL(7, LWSTAT), 8 },
    };
    struct bench b;

    (void)state;
    make(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(get(&b, rows[i].status), 0);
        put(&b, rows[i].offset, 0);
        assert_int_equal(get(&b, rows[i].status), rows[i].bit);
        put(&b, rows[i].status, rows[i].bit);
        assert_int_equal(get(&b, rows[i].status), 0);
    }
    unmake(&b);
}

static void the_counter_counts_while_it_runs(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    fake_time_advance(&b.time, SECOND);
    assert_int_equal(counter(&b), 0);
    put(&b, TCON, START);
    assert_int_equal(counter(&b), 0);
    fake_time_advance(&b.time, SECOND);
    assert_int_equal(counter(&b), 24000000);
    fake_time_advance(&b.time, 1000 * SECOND);
    assert_int_equal(counter(&b), 24000000ull * 1001);
    assert_int_equal(get(&b, CNT_U), 24000000ull * 1001 >> 32);
    put(&b, CNT_U, 1);
    put(&b, CNT_L, 0);
    assert_int_equal(counter(&b), UINT64_C(1) << 32);
    fake_time_advance(&b.time, US);
    assert_int_equal(counter(&b), (UINT64_C(1) << 32) + 24);
    put(&b, TCON, 0);
    fake_time_advance(&b.time, SECOND);
    assert_int_equal(counter(&b), (UINT64_C(1) << 32) + 24);
    assert_null(b.time.timers);
    unmake(&b);
}

static void a_comparator_fires_once(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, TCON, START);
    for (unsigned n = 0; n < 4; n++) {
        put_comparator(&b, n, counter(&b) + 24 * 10);
        put(&b, INT_ENB, 1u << n);
        put(&b, TCON, START | 1u << (2 * n));
        fake_time_advance(&b.time, 10 * US - 1);
        assert_false(b.comparators[n].level);
        assert_int_equal(get(&b, CSTAT), 0);
        fake_time_advance(&b.time, 1);
        assert_true(b.comparators[n].level);
        assert_int_equal(get(&b, CSTAT), 1u << n);
        put(&b, CSTAT, ~(1u << n)); /* The others' bits. */
        assert_true(b.comparators[n].level);
        put(&b, CSTAT, 1u << n);
        assert_false(b.comparators[n].level);
        fake_time_advance(&b.time, SECOND);
        assert_int_equal(b.comparators[n].rises, 1);
        /* Again with a new value, which has passed already: late is not never. */
        put_comparator(&b, n, counter(&b) - 1);
        fake_time_advance(&b.time, 0);
        assert_int_equal(b.comparators[n].rises, 2);
        put(&b, INT_ENB, 0);
        assert_false(b.comparators[n].level);
        put(&b, CSTAT, 1u << n);
    }
    unmake(&b);
}

static void a_comparator_increments_itself(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, INT_ENB, 2);
    put_comparator(&b, 1, 2400);
    put(&b, COMP(1) + 8, 2400);
    put(&b, TCON, START | 3u << 2);
    for (unsigned i = 1; i <= 5; i++) {
        fake_time_advance(&b.time, 100 * US);
        assert_int_equal(b.comparators[1].rises, i);
        assert_int_equal(get(&b, COMP(1)), 2400 * (i + 1));
        put(&b, CSTAT, 2);
    }
    /* Nobody acknowledges: nothing is armed, and the phase is kept. */
    fake_time_advance(&b.time, 100 * US);
    assert_null(b.time.timers);
    fake_time_advance(&b.time, 1000000 * US + 30 * US);
    assert_int_equal(b.comparators[1].rises, 6);
    assert_int_equal(get(&b, COMP(1)), 2400 * 10007);
    put(&b, CSTAT, 2);
    fake_time_advance(&b.time, 70 * US - 1);
    assert_int_equal(b.comparators[1].rises, 6);
    fake_time_advance(&b.time, 1);
    assert_int_equal(b.comparators[1].rises, 7);
    put(&b, CSTAT, 2);
    unmake(&b);
}

/* What Linux does: the interval mode always, stopped by hand after one interrupt. */
static void local_timers_tick(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    for (unsigned n = 0; n < 8; n++) {
        put(&b, LOCAL(n, TCNTB), 1);
        put(&b, LOCAL(n, ICNTB), UPDATE | 11999); /* 12000 ticks of 2 cycles: 1 ms */
        put(&b, LOCAL(n, LENB), 1);
        put(&b, LOCAL(n, LTCON), 7);
        assert_int_equal(get(&b, LOCAL(n, ICNTO)), 11999);
        for (unsigned i = 1; i <= 3; i++) {
            fake_time_advance(&b.time, 1000 * US - 1);
            assert_int_equal(get(&b, LOCAL(n, LCSTAT)), 0);
            assert_int_equal(get(&b, LOCAL(n, ICNTO)), 0);
            fake_time_advance(&b.time, 1);
            assert_int_equal(get(&b, LOCAL(n, LCSTAT)), 1);
            assert_int_equal(b.locals[n].rises, i);
            put(&b, LOCAL(n, LCSTAT), 1);
            assert_false(b.locals[n].level);
        }
        put(&b, LOCAL(n, LTCON), 4);
        assert_null(b.time.timers);
        fake_time_advance(&b.time, SECOND);
        assert_int_equal(b.locals[n].rises, 3);
    }
    unmake(&b);
}

static void a_local_timer_without_interval_fires_once(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, LOCAL(2, ICNTB), 23);
    put(&b, LOCAL(2, LENB), 1);
    put(&b, LOCAL(2, LTCON), 3);
    fake_time_advance(&b.time, US);
    assert_true(b.locals[2].level);
    put(&b, LOCAL(2, LCSTAT), 1);
    fake_time_advance(&b.time, SECOND);
    assert_int_equal(b.locals[2].rises, 1);
    put(&b, LOCAL(2, ICNTB), UPDATE | 47);
    fake_time_advance(&b.time, 2 * US);
    assert_int_equal(b.locals[2].rises, 2);
    put(&b, LOCAL(2, LCSTAT), 1);
    /* The free-running counter goes down once a tick. */
    put(&b, LOCAL(2, TCNTB), 23);
    put(&b, LOCAL(2, FRCNTB), 1000);
    put(&b, LOCAL(2, LTCON), 8);
    fake_time_advance(&b.time, 7 * US);
    assert_int_equal(get(&b, LOCAL(2, FRCNTO)), 993);
    fake_time_advance(&b.time, 1000 * US);
    assert_int_equal(get(&b, LOCAL(2, FRCNTO)), UINT32_MAX - 6);
    unmake(&b);
}

/* The shortest period costs the host one timer for each acknowledgement. */
static void a_storm_is_as_slow_as_its_guest(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    put(&b, LOCAL(0, LTCON), 7);
    put(&b, LOCAL(0, LENB), 1);
    put(&b, COMP(0) + 8, 1);
    put(&b, TCON, START | 3);
    put(&b, INT_ENB, 1);
    fake_time_advance(&b.time, 100 * SECOND);
    assert_true(b.time.fired <= 2);
    for (unsigned i = 0; i < 100; i++) {
        put(&b, LOCAL(0, LCSTAT), 1);
        put(&b, CSTAT, 1);
        fake_time_advance(&b.time, SECOND);
    }
    assert_true(b.time.fired <= 202);
    put(&b, LOCAL(0, LTCON), 0);
    put(&b, TCON, 0);
    unmake(&b);
}

/* Timers that do not exist are nowhere, the least of all behind the last one. */
static void there_are_eight_local_timers(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    for (uint32_t offset = 0xb00; offset < 0x1000; offset += 4) {
        put(&b, offset, UINT32_MAX);
        assert_int_equal(get(&b, offset), 0);
    }
    for (unsigned n = 0; n < 8; n++) {
        assert_int_equal(get(&b, LOCAL(n, LWSTAT)), 0);
        assert_false(b.locals[n].level);
    }
    assert_null(b.time.timers);
    unmake(&b);
}

static void what_cannot_be(void **state)
{
    struct vmmp_exynos_mct mct;
    struct vmmp_exynos_mct_config config = { .frequency = 1 };
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct fake_time time;
    struct fake_line full;
    struct fake_line other;

    (void)state;
    assert_int_equal(vmmp_exynos_mct_init(&mct, &config), -EINVAL);
    fake_time_init(&time, 0);
    fake_line_init(&full);
    fake_line_init(&other);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &full.line), 0);
    }
    config.host = time.host;
    config.comparator_irqs[0] = &other.line;
    config.local_irqs[7] = &full.line;
    assert_int_equal(vmmp_exynos_mct_init(&mct, &config), -ENOSPC);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    fake_line_fini(&full);
    fake_line_fini(&other);
}

int test_exynos_mct(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register),
        cmocka_unit_test(wide_registers_and_copies),
        cmocka_unit_test(writes_are_confirmed),
        cmocka_unit_test(the_counter_counts_while_it_runs),
        cmocka_unit_test(a_comparator_fires_once),
        cmocka_unit_test(a_comparator_increments_itself),
        cmocka_unit_test(local_timers_tick),
        cmocka_unit_test(a_local_timer_without_interval_fires_once),
        cmocka_unit_test(a_storm_is_as_slow_as_its_guest),
        cmocka_unit_test(there_are_eight_local_timers),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests_name("exynos_mct", tests, NULL, NULL);
}
