/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/exynos_sdhc.h>

#define CTRL     0x00
#define INTMASK  0x24
#define CMD      0x2c
#define MINTSTS  0x40
#define RINTSTS  0x44
#define STATUS   0x48
#define DATA     0x200
#define DONE     0x004u
#define TIMEOUT  0x100u
#define START    0x80000000u
#define UPDATE   0x00200000u
#define RESPONSE 0x00000040u

struct bench {
    struct vmmp_exynos_sdhc sdhc;
    struct fake_line line;
};

static void make(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    fake_line_init(&b->line);
    struct vmmp_exynos_sdhc_config config = { .irq = &b->line.line };
    assert_int_equal(vmmp_exynos_sdhc_init(&b->sdhc, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_exynos_sdhc_fini(&b->sdhc);
    fake_line_fini(&b->line);
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->sdhc.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->sdhc.window, offset, 4, value);
}

static void again(void *sdhc)
{
    vmmp_exynos_sdhc_reset(sdhc);
}

static void registers_have_their_values_and_bits(void **state)
{
    static const struct sweep_row rows[] = {
        { CTRL, 0, 0xfffffff8, 0, 0, 0, 0 },
        { 0x14, 0xffffff40, UINT32_MAX, 0, 0, 0, 0 },
        { 0x1c, 0x200, UINT32_MAX, 0, 2, 4, 0 },
        { CMD, 0, 0x7fffffff, 0, 0, 0, 0 },
        { 0x30, 0, 0, 0, 4, 4, 0 },
        { MINTSTS, 0, 0, 0, 0, 0, 0 },
        { RINTSTS, 0, 0, 0, 0, 0, 0 },
        { STATUS, 0x106, 0x106, 0x106, 0, 0, 0 },
        { 0x4c, 0x3f0000, UINT32_MAX, 0, 0, 0, 0 },
        { 0x50, 1, 1, 1, 0, 0, 0 },
        { 0x54, 0, 0, 0, 0, 0, 0 },
        { 0x5c, 0, 0, 0, 2, 4, 0 },
        { 0x64, 0xffffff, UINT32_MAX, 0, 0, 0, 0 },
        { 0x6c, 0x5342250a, 0x5342250a, 0x5342250a, 0, 0, 0 },
        { 0x70, 0x30080, 0x30080, 0x30080, 0, 0, 0 },
        { 0x78, 1, UINT32_MAX, 0, 0, 0, 0 },
        { 0x100, 0, 0, 0, (VMMP_EXYNOS_SDHC_WINDOW_SIZE - 0x100) / 4, 4, 0 },
        SWEEP_END,
    };
    struct bench b;

    (void)state;
    make(&b);
    sweep_registers(&b.sdhc.window, &(struct sweep){ rows, SWEEP_STORED, again, &b.sdhc });
    unmake(&b);
}

static void commands_end_without_a_card(void **state)
{
    struct bench b;
    (void)state;
    make(&b);
    put(&b, INTMASK, DONE | TIMEOUT);
    put(&b, CMD, START | UPDATE | RESPONSE);
    assert_int_equal(get(&b, CMD) & START, 0);
    assert_int_equal(get(&b, RINTSTS), 0);
    put(&b, CMD, START); /* GO_IDLE_STATE wants no response. */
    assert_int_equal(get(&b, RINTSTS), DONE);
    put(&b, RINTSTS, DONE);
    put(&b, CMD, START | RESPONSE | 8);
    assert_int_equal(get(&b, CMD), RESPONSE | 8);
    assert_int_equal(get(&b, RINTSTS), DONE | TIMEOUT);
    /* The byte of START alone is a command, too. */
    put(&b, RINTSTS, UINT32_MAX);
    vmmp_window_write(&b.sdhc.window, CMD + 3, 1, 0x80);
    assert_int_equal(get(&b, RINTSTS), DONE | TIMEOUT);
    unmake(&b);
}

static void interrupt_is_masked_and_acknowledged(void **state)
{
    struct bench b;
    (void)state;
    make(&b);
    put(&b, CMD, START | RESPONSE);
    assert_false(b.line.level);
    put(&b, INTMASK, TIMEOUT);
    assert_int_equal(get(&b, MINTSTS), TIMEOUT);
    assert_false(b.line.level);
    put(&b, CTRL, 0x10);
    assert_true(b.line.level);
    put(&b, RINTSTS, DONE);
    assert_true(b.line.level);
    put(&b, RINTSTS, TIMEOUT);
    assert_false(b.line.level);
    put(&b, CMD, START | RESPONSE);
    assert_true(b.line.level);
    vmmp_exynos_sdhc_reset(&b.sdhc);
    assert_false(b.line.level);
    unmake(&b);
}

int test_exynos_sdhc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_have_their_values_and_bits),
        cmocka_unit_test(commands_end_without_a_card),
        cmocka_unit_test(interrupt_is_masked_and_acknowledged),
    };
    return cmocka_run_group_tests_name("exynos_sdhc", tests, NULL, NULL);
}
