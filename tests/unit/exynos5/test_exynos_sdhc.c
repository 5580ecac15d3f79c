/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"

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

/* What a register has after a reset, and after all-ones have been written to it. */
static void registers_have_their_values_and_bits(void **state)
{
    static const struct {
        uint32_t offset, reset, written;
    } rows[] = {
        { 0x00, 0, 0xfffffff8 },
        { 0x04, 0, UINT32_MAX },
        { 0x08, 0, UINT32_MAX },
        { 0x10, 0, UINT32_MAX },
        { 0x14, 0xffffff40, ~0u },
        { 0x18, 0, UINT32_MAX },
        { 0x1c, 0x200, ~0u },
        { 0x20, 0x200, ~0u },
        { 0x24, 0, UINT32_MAX },
        { 0x28, 0, UINT32_MAX },
        { 0x30, 0, 0 },
        { 0x3c, 0, 0 },
        { 0x40, 0, 0 },
        { 0x44, 0, 0 },
        { 0x48, 0x106, 0x106 },
        { 0x4c, 0x3f0000, ~0u },
        { 0x50, 1, 1 },
        { 0x54, 0, 0 },
        { 0x5c, 0, 0 },
        { 0x60, 0, 0 },
        { 0x64, 0xffffff, ~0u },
        { 0x6c, 0x5342250a, 0x5342250a },
        { 0x70, 0x30080, 0x30080 },
        { 0x78, 1, ~0u },
        { 0x9c, 0, UINT32_MAX },
        { 0x100, 0, 0 },
        { 0x200, 0, 0 },
        { 0xffc, 0, 0 },
    };
    struct bench b;
    (void)state;
    make(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(get(&b, rows[i].offset), rows[i].reset);
        put(&b, rows[i].offset, UINT32_MAX);
        assert_int_equal(get(&b, rows[i].offset), rows[i].written);
    }
    vmmp_exynos_sdhc_reset(&b.sdhc);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(get(&b, rows[i].offset), rows[i].reset);
    }
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
