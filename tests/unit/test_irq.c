/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/irq.h>

struct pin {
    bool disabled;
    /* '1' and '0' for levels, 'i' for an injection, 'x' for one refused, 'p' for a pulse */
    char history[64];
    unsigned length;
};

static void note(struct pin *pin, char event)
{
    assert_true(pin->length < sizeof(pin->history) - 1);
    pin->history[pin->length++] = event;
}

static void pin_level(void *cookie, bool high)
{
    note(cookie, high ? '1' : '0');
}

static bool pin_inject(void *cookie)
{
    struct pin *pin = cookie;
    note(pin, pin->disabled ? 'x' : 'i');
    return !pin->disabled;
}

static void pin_pulse(void *cookie)
{
    note(cookie, 'p');
}

static const struct vmmp_irq_line_ops level_ops = { .level = pin_level };
static const struct vmmp_irq_line_ops inject_ops = { .inject = pin_inject };
static const struct vmmp_irq_line_ops pulse_ops = { .pulse = pin_pulse };

struct shared {
    struct pin pin;
    struct vmmp_irq_line line;
    struct vmmp_irq_source a;
    struct vmmp_irq_source b;
};

static void make(struct shared *shared, const struct vmmp_irq_line_ops *ops)
{
    memset(shared, 0, sizeof(*shared));
    assert_int_equal(vmmp_irq_line_init(&shared->line, ops, &shared->pin, NULL), 0);
    assert_int_equal(vmmp_irq_source_init(&shared->a, &shared->line), 0);
    assert_int_equal(vmmp_irq_source_init(&shared->b, &shared->line), 0);
}

static void a_level_line_is_the_or_of_its_sources(void **state)
{
    struct shared shared;

    (void)state;
    make(&shared, &level_ops);
    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_set(&shared.b, true);
    vmmp_irq_source_set(&shared.a, false);
    assert_string_equal(shared.pin.history, "1");
    vmmp_irq_source_set(&shared.b, false);
    vmmp_irq_source_set(&shared.b, false);
    assert_string_equal(shared.pin.history, "10");
    assert_int_equal(shared.line.raised, 1);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "10");
}

static void an_inject_line_injects_again_while_high(void **state)
{
    struct shared shared;

    (void)state;
    make(&shared, &inject_ops);
    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_set(&shared.b, true);
    assert_string_equal(shared.pin.history, "i");
    vmmp_irq_source_set(&shared.a, false);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "ii");
    vmmp_irq_source_set(&shared.b, false);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "ii");
}

static void edges_before_the_acknowledgement_are_one_after_it(void **state)
{
    struct shared shared;

    (void)state;
    make(&shared, &inject_ops);
    vmmp_irq_line_pulse(&shared.line);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "i");
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "i");
    /* The host drops the second and third: it is pending, or in service. */
    shared.pin.length = 0;
    for (unsigned i = 0; i < 3; i++) {
        vmmp_irq_line_pulse(&shared.line);
    }
    memset(&shared.pin, 0, sizeof(shared.pin));
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "i");
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "i");
}

static void an_edge_into_a_disabled_input_comes_when_it_is_enabled(void **state)
{
    struct shared shared;

    (void)state;
    make(&shared, &inject_ops);
    shared.pin.disabled = true;
    vmmp_irq_line_pulse(&shared.line);
    vmmp_irq_line_pulse(&shared.line);
    assert_string_equal(shared.pin.history, "xx");
    shared.pin.disabled = false;
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "xxi");
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "xxi");
    /* Disabled while it is in service. */
    vmmp_irq_line_pulse(&shared.line);
    shared.pin.disabled = true;
    vmmp_irq_line_pulse(&shared.line);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "xxiixx");
    shared.pin.disabled = false;
    vmmp_irq_line_acknowledged(&shared.line);
    vmmp_irq_line_acknowledged(&shared.line);
    assert_string_equal(shared.pin.history, "xxiixxi");
}

static void a_pulse_line_is_never_suppressed(void **state)
{
    struct shared shared;

    (void)state;
    make(&shared, &pulse_ops);
    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_set(&shared.b, true);
    vmmp_irq_source_set(&shared.b, false);
    assert_string_equal(shared.pin.history, "ppp");
    assert_int_equal(shared.line.raised, 3);
}

static void places_on_a_line_are_limited_and_reused(void **state)
{
    struct shared shared;
    struct vmmp_irq_source more[VMMP_IRQ_LINE_SOURCES];

    (void)state;
    make(&shared, &level_ops);
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES - 2; i++) {
        assert_int_equal(vmmp_irq_source_init(&more[i], &shared.line), 0);
    }
    struct vmmp_irq_source extra;
    assert_int_equal(vmmp_irq_source_init(&extra, &shared.line), -ENOSPC);
    vmmp_irq_source_set(&extra, true);
    assert_string_equal(shared.pin.history, "");

    vmmp_irq_source_set(&shared.a, true);
    vmmp_irq_source_fini(&shared.a);
    assert_string_equal(shared.pin.history, "10");
    assert_int_equal(vmmp_irq_source_init(&extra, &shared.line), 0);
    vmmp_irq_source_set(&extra, true);
    assert_string_equal(shared.pin.history, "101");
    vmmp_irq_source_fini(&shared.a);
    vmmp_irq_line_fini(&shared.line);
}

static void a_device_may_have_no_interrupt(void **state)
{
    struct vmmp_irq_source source;

    (void)state;
    assert_int_equal(vmmp_irq_source_init(&source, NULL), 0);
    vmmp_irq_source_set(&source, true);
    vmmp_irq_source_fini(&source);
}

static void pin_edge(void *cookie)
{
    note(cookie, 'e');
}

/* An edge reaches the guest whatever the binding, every time, and leaves the level alone. */
static void an_edge_on_every_kind_of_line(void **state)
{
    static const struct vmmp_irq_line_ops edge_ops = { .level = pin_level, .edge = pin_edge };
    const struct {
        const struct vmmp_irq_line_ops *ops;
        const char *history;
    } rows[] = {
        { &level_ops, "1010" }, { &inject_ops, "ii" }, { &pulse_ops, "pp" }, { &edge_ops, "ee" }
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pin pin = { .history = "" };
        struct vmmp_irq_line line;
        assert_int_equal(vmmp_irq_line_init(&line, rows[i].ops, &pin, NULL), 0);
        vmmp_irq_line_pulse(&line);
        vmmp_irq_line_pulse(&line);
        assert_string_equal(pin.history, rows[i].history);
        assert_int_equal(line.raised, 2);
        assert_int_equal(line.asserted, 0);
        vmmp_irq_line_fini(&line);
    }
    vmmp_irq_line_pulse(NULL);
}

int test_irq(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_line_is_the_or_of_its_sources),
        cmocka_unit_test(an_inject_line_injects_again_while_high),
        cmocka_unit_test(edges_before_the_acknowledgement_are_one_after_it),
        cmocka_unit_test(an_edge_into_a_disabled_input_comes_when_it_is_enabled),
        cmocka_unit_test(a_pulse_line_is_never_suppressed),
        cmocka_unit_test(places_on_a_line_are_limited_and_reused),
        cmocka_unit_test(a_device_may_have_no_interrupt),
        cmocka_unit_test(an_edge_on_every_kind_of_line),
    };
    return cmocka_run_group_tests_name("irq", tests, NULL, NULL);
}
