/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "support/register_sweep.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/exynos_combiner.h>

#define IESR(group)  ((group) / 4 * 0x10)
#define IECR(group)  (IESR(group) + 0x4)
#define ISTR(group)  (IESR(group) + 0x8)
#define IMSR(group)  (IESR(group) + 0xc)
#define CIPSR0       0x100
#define SHIFT(group) ((group) % 4 * 8)

struct bench {
    struct vmmp_exynos_combiner combiner;
    struct fake_line outputs[32];
};

static void make(struct bench *b)
{
    struct vmmp_exynos_combiner_config config = { .groups = 32 };

    memset(b, 0, sizeof(*b));
    for (unsigned i = 0; i < 32; i++) {
        fake_line_init(&b->outputs[i]);
        config.outputs[i] = &b->outputs[i].line;
    }
    assert_int_equal(vmmp_exynos_combiner_init(&b->combiner, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_exynos_combiner_fini(&b->combiner);
    for (unsigned i = 0; i < 32; i++) {
        fake_line_fini(&b->outputs[i]);
    }
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->combiner.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->combiner.window, offset, 4, value);
}

static void again(void *combiner)
{
    vmmp_exynos_combiner_reset(combiner);
}

/* A 0 enables nothing and disables nothing; what is not enabled is 0 behind IECR too. */
static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        { IESR(0), 0, UINT32_MAX, UINT32_MAX, 8, 0x10, 0 },
        SWEEP_END,
    };
    struct bench b;

    (void)state;
    make(&b);
    sweep_registers(&b.combiner.window, &(struct sweep){ rows, SWEEP_NOTHING, again, &b.combiner });
    unmake(&b);
}

static void every_input_reaches_its_group(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    for (unsigned group = 0; group < 32; group++) {
        for (unsigned input = 0; input < 8; input++) {
            uint32_t bit = 1u << (SHIFT(group) + input);
            struct vmmp_irq_source source;
            struct vmmp_irq_line *line = vmmp_exynos_combiner_line(&b.combiner, group, input);
            assert_non_null(line);
            assert_ptr_equal(line, vmmp_exynos_combiner_line(&b.combiner, group, input));
            assert_int_equal(vmmp_irq_source_init(&source, line), 0);

            vmmp_irq_source_set(&source, true);
            assert_int_equal(get(&b, ISTR(group)), bit);
            assert_int_equal(get(&b, IMSR(group)), 0);
            assert_false(b.outputs[group].level);
            put(&b, IESR(group), bit);
            assert_true(b.outputs[group].level);
            assert_int_equal(get(&b, IESR(group)), bit);
            assert_int_equal(get(&b, IMSR(group)), bit);
            assert_int_equal(get(&b, CIPSR0), 1u << group);
            put(&b, IESR(group), 0); /* Enables no more, and disables nothing. */
            assert_true(b.outputs[group].level);
            put(&b, IECR(group), ~bit);
            assert_true(b.outputs[group].level);
            vmmp_irq_source_set(&source, false);
            assert_false(b.outputs[group].level);
            assert_int_equal(get(&b, CIPSR0), 0);
            vmmp_irq_source_set(&source, true);
            put(&b, IECR(group), bit);
            assert_false(b.outputs[group].level);
            assert_int_equal(get(&b, IESR(group)), 0);
            assert_int_equal(b.outputs[group].rises, 2 * (input + 1));
            vmmp_irq_source_fini(&source);
        }
    }
    unmake(&b);
}

static void inputs_of_a_group_share_its_output(void **state)
{
    struct vmmp_irq_source sources[3];
    struct bench b;

    (void)state;
    make(&b);
    put(&b, IESR(23), 0x0b000000);
    assert_int_equal(
        vmmp_irq_source_init(&sources[0], vmmp_exynos_combiner_line(&b.combiner, 23, 0)), 0);
    assert_int_equal(
        vmmp_irq_source_init(&sources[1], vmmp_exynos_combiner_line(&b.combiner, 23, 3)), 0);
    /* Two devices on one input. */
    assert_int_equal(
        vmmp_irq_source_init(&sources[2], vmmp_exynos_combiner_line(&b.combiner, 23, 3)), 0);
    for (unsigned i = 0; i < 3; i++) {
        vmmp_irq_source_set(&sources[i], true);
    }
    assert_int_equal(get(&b, IMSR(23)), 0x09000000);
    vmmp_irq_source_set(&sources[1], false);
    assert_int_equal(get(&b, IMSR(23)), 0x09000000);
    vmmp_irq_source_set(&sources[2], false);
    assert_int_equal(get(&b, IMSR(23)), 0x01000000);
    assert_true(b.outputs[23].level);
    /* A reset of the combiner is none of the devices. */
    vmmp_exynos_combiner_reset(&b.combiner);
    assert_false(b.outputs[23].level);
    assert_int_equal(get(&b, ISTR(23)), 0x01000000);
    assert_int_equal(get(&b, IESR(23)), 0);
    assert_int_equal(b.outputs[23].rises, 1);
    for (unsigned i = 0; i < 3; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    unmake(&b);
}

static void nothing_else_is_there(void **state)
{
    struct bench b;

    (void)state;
    make(&b);
    for (unsigned group = 0; group < 32; group++) {
        put(&b, ISTR(group), UINT32_MAX);
        put(&b, IMSR(group), UINT32_MAX);
        assert_int_equal(get(&b, IESR(group)), 0);
    }
    assert_null(vmmp_exynos_combiner_line(&b.combiner, 32, 0));
    assert_null(vmmp_exynos_combiner_line(&b.combiner, 0, 8));
    unmake(&b);
}

static void what_cannot_be(void **state)
{
    struct vmmp_exynos_combiner combiner;
    struct vmmp_exynos_combiner_config config = { .groups = 0 };
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    struct fake_line full;
    struct fake_line other;

    (void)state;
    assert_int_equal(vmmp_exynos_combiner_init(&combiner, &config), -EINVAL);
    config.groups = 33;
    assert_int_equal(vmmp_exynos_combiner_init(&combiner, &config), -EINVAL);
    fake_line_init(&full);
    fake_line_init(&other);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &full.line), 0);
    }
    config.groups = 5; /* Fewer: the last block is not whole. */
    config.outputs[0] = &other.line;
    config.outputs[4] = &full.line;
    assert_int_equal(vmmp_exynos_combiner_init(&combiner, &config), -ENOSPC);
    config.outputs[4] = NULL;
    assert_int_equal(vmmp_exynos_combiner_init(&combiner, &config), 0);
    vmmp_window_write(&combiner.window, 0x10, 4, UINT32_MAX);
    assert_int_equal(vmmp_window_read(&combiner.window, 0x10, 4), 0xff);
    vmmp_exynos_combiner_fini(&combiner);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    fake_line_fini(&full);
    fake_line_fini(&other);
}

int test_exynos_combiner(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register),
        cmocka_unit_test(every_input_reaches_its_group),
        cmocka_unit_test(inputs_of_a_group_share_its_output),
        cmocka_unit_test(nothing_else_is_there),
        cmocka_unit_test(what_cannot_be),
    };
    return cmocka_run_group_tests_name("exynos_combiner", tests, NULL, NULL);
}
