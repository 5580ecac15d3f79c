/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/exynos_pmu.h>

#define SWRESET 0x400
#define INFORM0 0x800
#define PS_HOLD 0x330c

#define CORE(n)   (0x2000 + 0x80 * (n))
#define COMMON(n) (0x2500 + 0x80 * (n))
#define L2(n)     (0x2600 + 0x80 * (n))
#define DOMAIN(n) (0x4000 + 0x20 * (n))

struct bench {
    struct vmmp_exynos_pmu pmu;
    struct vmmp_log log;
    unsigned logs;
    unsigned resets;
    unsigned offs;
    unsigned powers;
    unsigned cpu;
    bool on;
};

static void reset_asked(void *cookie)
{
    ((struct bench *)cookie)->resets++;
}

static void off_asked(void *cookie)
{
    ((struct bench *)cookie)->offs++;
}

static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    struct bench *b = cookie;
    b->powers++;
    b->cpu = cpu;
    b->on = on;
}

static void count_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    (void)level, (void)message;
    assert_int_equal(origin, VMMP_LOG_GUEST);
    ((struct bench *)cookie)->logs++;
}

static void make(struct bench *b, bool listened)
{
    memset(b, 0, sizeof(*b));
    b->log = (struct vmmp_log){ count_log, b, VMMP_LOG_DEBUG };
    struct vmmp_exynos_pmu_config config = { .cookie = b, .cpus_on = 0x10, .log = &b->log };
    if (listened) {
        config.reset = reset_asked;
        config.power_off = off_asked;
        config.cpu_power = cpu_power;
    }
    assert_int_equal(vmmp_exynos_pmu_init(&b->pmu, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_exynos_pmu_fini(&b->pmu);
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->pmu.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->pmu.window, offset, 4, value);
}

static void again(void *pmu)
{
    vmmp_exynos_pmu_reset(pmu);
}

static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        { SWRESET, 0, 0, 0, 0, 0, 0 },       { PS_HOLD, 0x5300, UINT32_MAX, 0, 0, 0, 0 },
        { CORE(4), 3, 3, 0, 0, 0, 0 },       { CORE(4) + 4, 3, 3, 3, 0, 0, 0 },
        { CORE(0), 0, 3, 0, 8, 0x80, 0 },    { CORE(0) + 4, 0, 0, 0, 8, 0x80, 0 },
        { COMMON(0), 3, 3, 0, 2, 0x80, 0 },  { COMMON(0) + 4, 3, 3, 3, 2, 0x80, 0 },
        { L2(0), 7, 7, 0, 2, 0x80, 0 },      { L2(0) + 4, 7, 7, 7, 2, 0x80, 0 },
        { DOMAIN(0), 7, 7, 0, 16, 0x20, 0 }, { DOMAIN(0) + 4, 7, 7, 7, 16, 0x20, 0 },
        { 0x5100, 7, 7, 0, 0, 0, 0 }, /* CAM */
        { 0x5104, 7, 7, 7, 0, 0, 0 },        SWEEP_END,
    };
    struct bench b;

    (void)state;
    make(&b, false);
    sweep_registers(&b.pmu.window, &(struct sweep){ rows, SWEEP_STORED, again, &b.pmu });
    unmake(&b);
}

static void a_guest_ends_its_machine(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    put(&b, SWRESET, 0);
    vmmp_window_write(&b.pmu.window, SWRESET + 1, 1, 1);
    assert_int_equal(b.resets, 0);
    vmmp_window_write(&b.pmu.window, SWRESET, 1, 1);
    put(&b, SWRESET, 1);
    assert_int_equal(b.resets, 2);
    assert_int_equal(get(&b, SWRESET), 0);

    assert_int_equal(get(&b, PS_HOLD), 0x5300);
    put(&b, PS_HOLD, 0x80000300);
    assert_int_equal(get(&b, PS_HOLD), 0x80000300);
    put(&b, PS_HOLD, 0x80000000); /* An input. */
    put(&b, PS_HOLD, 0x00005100);
    assert_int_equal(b.offs, 0);
    vmmp_window_write(&b.pmu.window, PS_HOLD + 1, 1, 0x52);
    assert_int_equal(b.offs, 1);
    /* What Linux writes by the device tree of the board. */
    put(&b, PS_HOLD, 0x5200);
    assert_int_equal(b.offs, 2);
    assert_int_equal(get(&b, PS_HOLD), 0x5200);
    assert_int_equal(b.resets, 2);
    assert_int_equal(b.logs, 0);
    unmake(&b);

    make(&b, false);
    put(&b, SWRESET, 1);
    put(&b, PS_HOLD, 0x80000200);
    assert_int_equal(b.logs, 2);
    unmake(&b);
}

static void cpus_follow_their_configuration(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    for (unsigned n = 0; n < 8; n++) {
        bool boots = n == 4;
        assert_int_equal(get(&b, CORE(n) + 4), boots ? 3 : 0);
        assert_int_equal(get(&b, CORE(n)), boots ? 3 : 0);
        b.powers = 0;
        put(&b, CORE(n), 1); /* Half on is off. */
        put(&b, CORE(n), 0);
        assert_int_equal(get(&b, CORE(n) + 4), 0);
        assert_int_equal(b.powers, boots ? 1 : 0);
        put(&b, CORE(n), UINT32_MAX);
        assert_int_equal(get(&b, CORE(n)), 3);
        assert_int_equal(get(&b, CORE(n) + 4), 3);
        put(&b, CORE(n), 3);
        assert_int_equal(b.powers, boots ? 2 : 1);
        assert_int_equal(b.cpu, n);
        assert_true(b.on);
        put(&b, CORE(n) + 4, 0); /* STATUS is only read. */
        assert_int_equal(get(&b, CORE(n) + 4), 3);
        put(&b, CORE(n) + 8, 0x12345678);
        assert_int_equal(get(&b, CORE(n) + 8), 0x12345678);
    }
    unmake(&b);
    make(&b, false);
    put(&b, CORE(1), 3);
    assert_int_equal(get(&b, CORE(1) + 4), 3);
    unmake(&b);
}

static void domains_follow_at_once(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(get(&b, COMMON(n) + 4), 3);
        assert_int_equal(get(&b, L2(n) + 4), 7);
        put(&b, COMMON(n), 0);
        put(&b, L2(n), 0);
        assert_int_equal(get(&b, COMMON(n) + 4), 0);
        assert_int_equal(get(&b, L2(n) + 4), 0);
    }
    for (unsigned n = 0; n < 16; n++) {
        assert_int_equal(get(&b, DOMAIN(n) + 4), 7);
        put(&b, DOMAIN(n), 0);
        assert_int_equal(get(&b, DOMAIN(n) + 4), 0);
        put(&b, DOMAIN(n), 7);
        assert_int_equal(get(&b, DOMAIN(n) + 4), 7);
    }
    assert_int_equal(b.powers, 0);
    unmake(&b);
}

static void a_reset_keeps_what_was_left_for_it(void **state)
{
    struct bench b;

    (void)state;
    make(&b, true);
    for (uint32_t offset = INFORM0; offset < INFORM0 + 32; offset += 4) {
        put(&b, offset, offset);
    }
    put(&b, 0x1234, 5);
    put(&b, DOMAIN(3), 0);
    put(&b, CORE(0), 3);
    vmmp_exynos_pmu_reset(&b.pmu);
    for (uint32_t offset = INFORM0; offset < INFORM0 + 32; offset += 4) {
        assert_int_equal(get(&b, offset), offset);
    }
    assert_int_equal(get(&b, 0x1234), 0);
    assert_int_equal(get(&b, DOMAIN(3) + 4), 7);
    assert_int_equal(get(&b, CORE(0) + 4), 0);
    assert_int_equal(get(&b, CORE(4) + 4), 3);
    /* Everything else stores, in any width. */
    vmmp_window_write(&b.pmu.window, 0x4ffe, 2, 0xabcd);
    assert_int_equal(get(&b, 0x4ffc), 0xabcd0000);
    unmake(&b);
}

int test_exynos_pmu(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register),
        cmocka_unit_test(a_guest_ends_its_machine),
        cmocka_unit_test(cpus_follow_their_configuration),
        cmocka_unit_test(domains_follow_at_once),
        cmocka_unit_test(a_reset_keeps_what_was_left_for_it),
    };
    return cmocka_run_group_tests_name("exynos_pmu", tests, NULL, NULL);
}
