/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/exynos_cmu.h>

static struct vmmp_exynos_cmu cmu;

static uint32_t get(uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&cmu.window, offset, 4);
}

static void put(uint32_t offset, uint32_t value)
{
    vmmp_window_write(&cmu.window, offset, 4, value);
}

static int setup(void **state)
{
    (void)state;
    return vmmp_exynos_cmu_init(&cmu, NULL);
}

static int teardown(void **state)
{
    (void)state;
    vmmp_exynos_cmu_fini(&cmu);
    return 0;
}

static void again(void *model)
{
    vmmp_exynos_cmu_reset(model);
}

#define PLL(con0, reset)                    \
    {                                       \
        con0, reset, UINT32_MAX, 0, 0, 0, 0 \
    }
/* Of a bank: 0x600 to 0x6fc. */
#define DIV_STAT(bank)                    \
    {                                     \
        (bank) + 0x600, 0, 0, 0, 64, 4, 0 \
    }

static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        PLL(0x00100, 0xa0c80301), /* A */
        PLL(0x10120, 0xa0de0401), /* C */
        PLL(0x10128, 0xa0c80401), /* D */
        PLL(0x10130, 0xa0c80302), /* E */
        PLL(0x10140, 0xa0850302), /* R */
        PLL(0x10150, 0xa1b00602), /* I */
        PLL(0x10160, 0xa0c80302), /* S */
        PLL(0x10170, 0xa15e0602), /* V */
        PLL(0x10180, 0xa10a0302), /* M */
        PLL(0x20110, 0xa1130401), /* B */
        PLL(0x28100, 0xa0c80401), /* K */
        { 0x00400, 0x11111111, 0x11111111, 0x11111111, 0, 0, 0 },
        { 0x28400, 0x11111111, 0x11111111, 0x11111111, 0, 0, 0 },
        DIV_STAT(0x00000),
        DIV_STAT(0x04000),
        DIV_STAT(0x08000),
        DIV_STAT(0x0c000),
        DIV_STAT(0x10000),
        DIV_STAT(0x14000),
        DIV_STAT(0x18000),
        DIV_STAT(0x1c000),
        DIV_STAT(0x20000),
        DIV_STAT(0x24000),
        DIV_STAT(0x28000),
        DIV_STAT(0x2c000),
        SWEEP_END,
    };

    (void)state;
    sweep_registers(&cmu.window, &(struct sweep){ rows, SWEEP_STORED, again, &cmu });
}

static void plls_begin_at_a_board_s_rates(void **state)
{
    static const struct {
        const char *name;
        uint64_t mhz;
    } rates[] = { { "apll", 800 }, { "bpll", 825 }, { "cpll", 666 }, { "dpll", 600 },
                  { "epll", 400 }, { "ipll", 432 }, { "kpll", 600 }, { "mpll", 532 },
                  { "rpll", 266 }, { "spll", 400 }, { "vpll", 350 } };

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
            assert_int_equal(vmmp_exynos_cmu_pll_rate(&cmu, rates[i].name), rates[i].mhz * 1000000);
        }
        put(0x100, 0);
        put(0x10120, 0x80000000);
        vmmp_exynos_cmu_reset(&cmu);
    }
    assert_int_equal(vmmp_exynos_cmu_pll_rate(&cmu, "xpll"), 0);
}

static void a_pll_locks_at_once(void **state)
{
    (void)state;
    put(0x100, 0x00c80301);
    assert_int_equal(get(0x100), 0x00c80301);
    assert_int_equal(vmmp_exynos_cmu_pll_rate(&cmu, "apll"), 0);
    put(0x100, 0xa0af0300); /* 1400 MHz */
    assert_int_equal(get(0x100), 0xa0af0300);
    assert_int_equal(vmmp_exynos_cmu_pll_rate(&cmu, "apll"), 1400000000);
    put(0x100, 0x80af0300);
    assert_int_equal(get(0x100), 0xa0af0300);
    vmmp_window_write(&cmu.window, 0x103, 1, 0x20); /* Locked, but off. */
    assert_int_equal(get(0x100), 0x00af0300);
    put(0x100, 0x80000000); /* A divisor of 0 makes nothing. */
    assert_int_equal(vmmp_exynos_cmu_pll_rate(&cmu, "apll"), 0);
    /* A register that is no PLL has no lock bit. */
    put(0x104, 0x80000000);
    assert_int_equal(get(0x104), 0x80000000);
}

static void multiplexers_and_dividers_are_stable(void **state)
{
    static const uint32_t bases[] = { 0, 0x28000 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint32_t src = bases[i] + 0x200;
        uint32_t stat = bases[i] + 0x400;
        assert_int_equal(get(stat), 0x11111111);
        put(src, 1u << 16);
        assert_int_equal(get(stat), 0x11121111);
        put(stat, 0);
        assert_int_equal(get(stat), 0x11121111);
        put(bases[i] + 0x500, 0x01234567);
        assert_int_equal(get(bases[i] + 0x500), 0x01234567);
        put(bases[i] + 0x600, UINT32_MAX);
        assert_int_equal(get(bases[i] + 0x600), 0);
    }
}

static void the_rest_holds_what_is_written(void **state)
{
    (void)state;
    put(0x10950, 0x5a5a5a5a);
    vmmp_window_write(&cmu.window, 0x2fff8, 8, 0x1122334455667788);
    assert_int_equal(get(0x10950), 0x5a5a5a5a);
    assert_int_equal(vmmp_window_read(&cmu.window, 0x2fff8, 8), 0x1122334455667788);
    vmmp_exynos_cmu_reset(&cmu);
    assert_int_equal(get(0x10950), 0);
}

int test_exynos_cmu(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_register, setup, teardown),
        cmocka_unit_test_setup_teardown(plls_begin_at_a_board_s_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pll_locks_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(multiplexers_and_dividers_are_stable, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_holds_what_is_written, setup, teardown),
    };
    return cmocka_run_group_tests_name("exynos_cmu", tests, NULL, NULL);
}
