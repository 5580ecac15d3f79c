/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define EC_SYSREG UINT32_C(0x18)

static uint32_t syndrome(unsigned op0, unsigned rt, bool read)
{
    return EC_SYSREG << 26 | UINT32_C(1) << 25 | (uint32_t)op0 << 20 | (uint32_t)rt << 5 | read;
}

static void debug_registers_read_as_zero(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    assert_non_null(vcpu);
    for (unsigned rt = 0; rt < 32; rt++) {
        for (int read = 0; read < 2; read++) {
            seL4_UserContext before;
            seL4_UserContext after;
            memset(&before, 0x11, sizeof(before));
            before.pc = 0x1000;
            assert_int_equal(vm_set_thread_context(vcpu, before), 0);
            assert_int_equal(script_exception(vcpu, syndrome(2, rt, read)), SCRIPT_DONE);
            assert_int_equal(vm_get_thread_context(vcpu, &after), 0);
            assert_true(after.pc == 0x1004);
            /* One register changed, to zero, or none. */
            after.pc = 0x1000;
            unsigned changed = 0;
            for (size_t i = 0; i < sizeof(after) / sizeof(seL4_Word); i++) {
                seL4_Word was = ((const seL4_Word *)&before)[i];
                seL4_Word is = ((const seL4_Word *)&after)[i];
                changed += was != is;
                assert_true(was == is || is == 0);
            }
            assert_int_equal(changed, read && rt < 31 ? 1 : 0);
        }
    }
    seL4_UserContext context;
    memset(&context, 0x11, sizeof(context));
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    assert_int_equal(script_exception(vcpu, syndrome(2, 19, true)), SCRIPT_DONE);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    assert_true(context.x19 == 0 && context.x18 != 0 && context.x20 != 0);
}

static void other_registers_have_no_handler(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    assert_non_null(vcpu);
    assert_int_equal(script_exception(vcpu, syndrome(3, 0, true)), SCRIPT_FAILED);
    assert_int_equal(script_exception(vcpu, syndrome(0, 0, true)), SCRIPT_FAILED);
    assert_int_equal(script_exception(vcpu, syndrome(1, 0, false)), SCRIPT_FAILED);
    script_clear_errors(&f->vm);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_compat_release(&f->vm);
    return fixture_teardown(state);
}

int test_sysreg(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(debug_registers_read_as_zero, fixture_setup, teardown),
        cmocka_unit_test_setup_teardown(other_registers_have_no_handler, fixture_setup, teardown),
    };
    return cmocka_run_group_tests_name("sysreg", tests, NULL, NULL);
}
