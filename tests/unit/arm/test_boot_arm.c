/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vmmplatsupport/arch/guest_boot_init.h>
#include <sel4vmmplatsupport/vmmp/boot_arm.h>

static seL4_UserContext context_of(struct fixture *f)
{
    seL4_UserContext context;

    memset(&context, 0xee, sizeof(context));
    assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
    return context;
}

static void dirty(struct fixture *f)
{
    seL4_UserContext context;

    memset(&context, 0x5a, sizeof(context));
    assert_int_equal(vm_set_thread_context(f->vcpu, context), 0);
}

static void bootargs(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext expected;

    memset(&expected, 0, sizeof(expected));
    dirty(f);
    assert_int_equal(vcpu_set_bootargs(f->vcpu, 0x40080000, 0x1234, 0x48000000), 0);
    expected.pc = 0x40080000;
#if defined(CONFIG_ARCH_AARCH64)
    expected.spsr = 0x5;
    expected.x0 = 0x48000000;
#else
    expected.cpsr = 0x13;
    expected.r1 = 0x1234;
    expected.r2 = 0x48000000;
#endif
    seL4_UserContext context = context_of(f);
    assert_memory_equal(&context, &expected, sizeof(context));
    assert_int_equal(vcpu_set_bootargs(NULL, 0, 0, 0), -1);
}

static void aarch32_entry(void **state)
{
    struct fixture *f = *state;
    struct vmmp_arm_entry entry = { .mode = VMMP_ARM_MODE_AARCH32,
                                    .interrupts_masked = true,
                                    .pc = 0x40008001,
                                    .registers = { 0, 0xffffffff, 0x48000000, 7 } };

    dirty(f);
    assert_int_equal(vmmp_arm_enter(f->vcpu, &entry), 0);
    seL4_UserContext context = context_of(f);
    assert_true(context.pc == 0x40008000); /* Thumb. */
#if defined(CONFIG_ARCH_AARCH64)
    assert_true(context.spsr == (0x13 | 0x1c0 | 0x20));
    assert_true(context.x1 == 0xffffffff && context.x2 == 0x48000000 && context.x3 == 7);
    assert_true(context.x4 == 0 && context.x30 == 0 && context.x28 == 0);
#else
    assert_true(context.cpsr == (0x13 | 0x1c0 | 0x20));
    assert_true(context.r1 == 0xffffffff && context.r2 == 0x48000000 && context.r3 == 7);
    assert_true(context.r4 == 0 && context.r14 == 0 && context.r12 == 0);
#endif
    entry.registers[2] = UINT64_C(0x100000000);
    assert_int_equal(vmmp_arm_enter(f->vcpu, &entry), -EINVAL);
    entry.registers[2] = 0;
    entry.pc = UINT64_C(0x100000000);
    assert_int_equal(vmmp_arm_enter(f->vcpu, &entry), -EINVAL);
}

static void aarch64_entry(void **state)
{
    struct fixture *f = *state;
    struct vmmp_arm_entry entry = { .mode = VMMP_ARM_MODE_AARCH64,
                                    .interrupts_masked = true,
                                    .pc = UINT64_C(0xffff000040080001),
                                    .registers = { UINT64_MAX, 1, 2, 3 } };

    dirty(f);
    int err = vmmp_arm_enter(f->vcpu, &entry);
#if defined(CONFIG_ARCH_AARCH64)
    assert_int_equal(err, 0);
    seL4_UserContext context = context_of(f);
    assert_true(context.pc == entry.pc && context.spsr == 0x3c5 && context.x0 == UINT64_MAX);
    assert_true(context.x3 == 3 && context.x9 == 0);
#else
    assert_int_equal(err, -EINVAL);
#endif
    assert_int_equal(vmmp_arm_enter(NULL, &entry), -EINVAL);
    assert_int_equal(vmmp_arm_enter(f->vcpu, NULL), -EINVAL);
    entry.mode = (enum vmmp_arm_mode)7;
    assert_int_equal(vmmp_arm_enter(f->vcpu, &entry), -EINVAL);
}

int test_boot_arm(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bootargs, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(aarch32_entry, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(aarch64_entry, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("boot_arm", tests, NULL, NULL);
}
