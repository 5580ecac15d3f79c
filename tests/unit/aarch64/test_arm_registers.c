/* SPDX-License-Identifier: BSD-2-Clause */
/* AArch32's registers in an AArch64 register file (Arm ARM, D1.21.1). */
#include "vmmp_test.h"

#include "arch/arm/registers.h"

static void modes_have_their_own_stack_and_link(void **state)
{
    static const struct {
        uint32_t mode;
        unsigned sp, lr, r12;
    } rows[] = {
        { 0x10, 13, 14, 12 }, /* User */
        { 0x1f, 13, 14, 12 }, /* System */
        { 0x11, 29, 30, 28 }, /* FIQ */
        { 0x12, 17, 16, 12 }, /* IRQ */
        { 0x13, 19, 18, 12 }, /* Supervisor */
        { 0x17, 21, 20, 12 }, /* Abort */
        { 0x1b, 23, 22, 12 }, /* Undefined */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t status = rows[i].mode | 0x600001c0u;
        assert_int_equal(vmmp_arm_banked_register(status, 13), rows[i].sp);
        assert_int_equal(vmmp_arm_banked_register(status, 14), rows[i].lr);
        assert_int_equal(vmmp_arm_banked_register(status, 12), rows[i].r12);
        assert_int_equal(vmmp_arm_banked_register(status, 7), 7);
    }
}

static void instructions_name_the_registers_of_their_mode(void **state)
{
    seL4_UserContext context;
    uint64_t value = 0;
    (void)state;
    memset(&context, 0, sizeof context);
    context.x19 = 0x1000;
    context.spsr = 0x13;
    assert_int_equal(vmmp_arm_register_get(NULL, &context, 13, &value), 0);
    assert_int_equal(value, 0x1000);
    assert_int_equal(vmmp_arm_register_set(NULL, &context, 14, 0x2000), 0);
    assert_int_equal(context.x18, 0x2000);
    /* In AArch64 state they are what they are called. */
    context.spsr = 0x5;
    context.x13 = 0x3000;
    assert_int_equal(vmmp_arm_register_get(NULL, &context, 13, &value), 0);
    assert_int_equal(value, 0x3000);
    assert_int_equal(vmmp_arm_register_get(NULL, &context, 31, &value), 0);
    assert_int_equal(value, 0);
    assert_int_not_equal(vmmp_arm_register_get(NULL, &context, 32, &value), 0);
}

int test_arm_registers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_have_their_own_stack_and_link),
        cmocka_unit_test(instructions_name_the_registers_of_their_mode),
    };
    return cmocka_run_group_tests_name("arm_registers", tests, NULL, NULL);
}
