/* SPDX-License-Identifier: BSD-2-Clause */
/* A PL031 in the scripted engine. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <stdlib.h>

#include <sel4vmmplatsupport/vmmp/pl031.h>

#define BASE 0x9010000

#define DR   0x000
#define MR   0x004
#define LR   0x008
#define CR   0x00c
#define IMSC 0x010
#define RIS  0x014
#define MIS  0x018
#define ICR  0x01c

#define SECOND UINT64_C(1000000000)
#define START  1700000000u

struct bench {
    struct fixture f;
    struct vmmp_irq_line line;
    struct vmmp_pl031 rtc;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    fixture_init(&b->f, NULL);
    assert_int_equal(vmmp_vm_irq_line_init(&b->f.vmmp, &b->line, FIXTURE_IRQ), 0);
    const struct vmmp_pl031_config config = { b->f.host, &b->line, START, &b->f.log };
    assert_int_equal(vmmp_pl031_init(&b->rtc, &config), 0);
    assert_int_equal(vmmp_vm_attach_window(&b->f.vmmp, &b->rtc.window, vmmp_gpa(BASE)), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    vmmp_vm_detach_window(&b->rtc.window);
    vmmp_pl031_fini(&b->rtc);
    vmmp_irq_line_fini(&b->line);
    fixture_fini(&b->f);
    free(b);
    return 0;
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)script_get(b->f.vcpu, BASE + offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    script_put(b->f.vcpu, BASE + offset, 4, value);
}

static bool line_is_high(struct bench *b)
{
    return script_irq(b->f.vcpu, FIXTURE_IRQ).level;
}

static void time_passes(void **state)
{
    static const uint8_t identity[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    struct bench *b = *state;

    for (uint32_t i = 0; i < 8; i++) {
        put(b, 0xfe0 + 4 * i, 7);
        assert_int_equal(get(b, 0xfe0 + 4 * i), identity[i]);
    }
    assert_int_equal(get(b, DR), START);
    assert_int_equal(get(b, CR), 1);
    script_advance_time(&b->f.vm, SECOND - 1);
    assert_int_equal(get(b, DR), START);
    script_advance_time(&b->f.vm, 1);
    assert_int_equal(get(b, DR), START + 1);
    put(b, DR, 5);
    put(b, CR, 0);
    assert_int_equal(get(b, DR), START + 1);
    put(b, LR, 100);
    assert_int_equal(get(b, LR), 100);
    script_advance_time(&b->f.vm, 7 * SECOND);
    assert_int_equal(get(b, DR), 107);
    assert_int_equal(get(b, LR), 100);
    put(b, LR, UINT32_MAX);
    script_advance_time(&b->f.vm, 2 * SECOND);
    assert_int_equal(get(b, DR), 1);
}

static void the_alarm_rings(void **state)
{
    struct bench *b = *state;

    put(b, IMSC, UINT32_MAX);
    assert_int_equal(get(b, IMSC), 1);
    put(b, MR, START + 5);
    assert_int_equal(get(b, MR), START + 5);
    script_advance_time(&b->f.vm, 5 * SECOND - 1);
    assert_false(line_is_high(b));
    assert_int_equal(get(b, RIS), 0);
    script_advance_time(&b->f.vm, 1);
    assert_true(line_is_high(b));
    assert_int_equal(get(b, MIS), 1);
    put(b, IMSC, 0);
    assert_false(line_is_high(b));
    assert_int_equal(get(b, MIS), 0);
    assert_int_equal(get(b, RIS), 1);
    put(b, IMSC, 1);
    put(b, ICR, 1);
    assert_false(line_is_high(b));
    /* Once. */
    script_advance_time(&b->f.vm, 100 * SECOND);
    assert_int_equal(get(b, RIS), 0);
    /* At once, for this very second. */
    put(b, MR, START + 105);
    assert_true(line_is_high(b));
    put(b, ICR, 1);
    /* One that has gone by is far ahead; setting the clock brings it near. */
    put(b, MR, START);
    script_advance_time(&b->f.vm, 1000 * SECOND);
    assert_false(line_is_high(b));
    put(b, LR, START - 2);
    script_advance_time(&b->f.vm, 2 * SECOND);
    assert_true(line_is_high(b));
}

static void nothing_else_is_there(void **state)
{
    struct bench *b = *state;

    for (uint32_t offset = 0x20; offset < 0xfe0; offset += 4) {
        put(b, offset, UINT32_MAX);
        assert_int_equal(get(b, offset), 0);
    }
    assert_non_null(fixture_log_find(&b->f, "pl031: read of no register"));
    assert_int_equal(get(b, DR), START);
}

int test_pl031(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_alarm_rings, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_else_is_there, setup, teardown),
    };
    return cmocka_run_group_tests_name("pl031", tests, NULL, NULL);
}
