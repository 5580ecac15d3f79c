/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>
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

/* The VM's own table comes first; the rest is undefined to the guest. */
static enum vmmp_arm_verdict counter_read(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                          uint64_t *value)
{
    assert_non_null(vcpu);
    *value = ++*(uint64_t *)reg->cookie;
    return VMMP_ARM_ADVANCE;
}

static enum vmmp_arm_verdict counter_write(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                           uint64_t value)
{
    assert_non_null(vcpu);
    *(uint64_t *)reg->cookie = value;
    return value == 13 ? VMMP_ARM_UNDEFINED : VMMP_ARM_ADVANCE;
}

static uint32_t access(uint32_t id, unsigned rt, bool read)
{
    return EC_SYSREG << 26 | UINT32_C(1) << 25 | (id >> 14 & 3) << 20 | (id & 7) << 17 |
           (id >> 11 & 7) << 14 | (id >> 7 & 15) << 10 | (uint32_t)rt << 5 | (id >> 3 & 15) << 1 |
           read;
}

static void a_vm_has_its_own_table(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);
    uint64_t counter = UINT64_C(0x1234567800000000);
    const struct vmmp_arm_sysreg table[] = {
        { .id = VMMP_ARM_SYSREG(3, 0, 0, 0, 0), .value = 0x410fd000, .write_undefined = true },
        { .id = VMMP_ARM_SYSREG(3, 3, 15, 0, 0),
          .care = VMMP_ARM_SYSREG(3, 7, 15, 15, 0),
          .read = counter_read,
          .write = counter_write,
          .cookie = &counter },
        { .id = VMMP_ARM_SYSREG(3, 3, 15, 1, 0), .read_undefined = true },
    };
    const struct vmmp_arm_exceptions exceptions = { .sysregs = table, .sysreg_count = 3 };
    seL4_UserContext context;

    vmmp_compat_vm(&f->vm)->arm_exceptions = &exceptions;
    assert_int_equal(script_exception(vcpu, access(table[0].id, 4, true)), SCRIPT_DONE);
    assert_int_equal(script_exception(vcpu, access(table[1].id | 5, 3, true)), SCRIPT_DONE);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    assert_int_equal(context.x4, 0x410fd000);
    assert_true(context.x3 == UINT64_C(0x1234567800000001));
    assert_int_equal(context.pc, 0x1008);
    assert_int_equal(script_exception(vcpu, access(table[1].id, 4, false)), SCRIPT_DONE);
    assert_int_equal(counter, 0x410fd000);
    assert_int_equal(script_exception(vcpu, access(table[1].id, 31, false)), SCRIPT_DONE);
    assert_int_equal(counter, 0);
    assert_int_equal(script_exception(vcpu, access(table[2].id, 31, false)), SCRIPT_DONE);
    assert_int_equal(script_pc(vcpu), 0x1014);
    /* Undefined: to the vectors. */
    context.x5 = 13;
    const uint32_t undefined[] = { access(table[0].id, 0, false), access(table[1].id, 5, false),
                                   access(table[2].id, 0, true),
                                   access(VMMP_ARM_SYSREG(3, 4, 1, 0, 0), 0, true),
                                   access(VMMP_ARM_SYSREG(3, 3, 15, 2, 0), 0, false) };
    for (size_t i = 0; i < sizeof(undefined) / sizeof(undefined[0]); i++) {
        assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_VBAR, 0x80000), 0);
        context.pc = 0x2000;
        context.spsr = 5;
        assert_int_equal(vm_set_thread_context(vcpu, context), 0);
        assert_int_equal(script_exception(vcpu, undefined[i]), SCRIPT_DONE);
        assert_int_equal(script_pc(vcpu), 0x80200);
    }
}

static void defaults_are_the_architecture_s(void **state)
{
    static const struct {
        uint32_t id;
        bool reads, writes; /* Or else it is undefined. */
    } cases[] = {
        { VMMP_ARM_SYSREG(3, 0, 0, 4, 0), true, false },   /* ID_AA64PFR0_EL1 */
        { VMMP_ARM_SYSREG(3, 0, 0, 7, 7), true, false },   /* Not assigned yet. */
        { VMMP_ARM_SYSREG(3, 0, 1, 0, 1), true, true },    /* ACTLR_EL1 */
        { VMMP_ARM_SYSREG(3, 3, 9, 12, 0), true, true },   /* PMCR_EL0 */
        { VMMP_ARM_SYSREG(3, 3, 14, 15, 7), true, true },  /* PMCCFILTR_EL0 */
        { VMMP_ARM_SYSREG(3, 0, 5, 3, 0), true, true },    /* ERRIDR_EL1 */
        { VMMP_ARM_SYSREG(1, 0, 7, 14, 2), false, true },  /* DC CISW */
        { VMMP_ARM_SYSREG(3, 0, 1, 2, 0), false, false },  /* ZCR_EL1 */
        { VMMP_ARM_SYSREG(3, 0, 2, 1, 0), false, false },  /* APIAKeyLo_EL1 */
        { VMMP_ARM_SYSREG(3, 3, 14, 3, 1), false, false }, /* CNTV_CTL_EL0 */
        { VMMP_ARM_SYSREG(3, 6, 1, 0, 0), false, false },  /* SCTLR_EL3 */
        { VMMP_ARM_SYSREG(0, 0, 0, 0, 0), false, false },
    };
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_VBAR, 0x80000), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int read = 0; read < 2; read++) {
            bool works = read ? cases[i].reads : cases[i].writes;
            seL4_UserContext context = { .pc = 0x2000, .spsr = 5, .x7 = 77 };
            assert_int_equal(vm_set_thread_context(vcpu, context), 0);
            assert_int_equal(script_exception(vcpu, access(cases[i].id, 7, read)), SCRIPT_DONE);
            assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
            assert_int_equal(context.pc, works ? 0x2004 : 0x80200);
            assert_int_equal(context.x7, works && read ? 0 : 77);
        }
    }
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
        cmocka_unit_test_setup_teardown(a_vm_has_its_own_table, fixture_setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_are_the_architecture_s, fixture_setup, teardown),
    };
    return cmocka_run_group_tests_name("sysreg", tests, NULL, NULL);
}
