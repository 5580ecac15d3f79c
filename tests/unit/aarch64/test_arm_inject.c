/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions to EL1, as the Arm ARM's AArch64.TakeException() does it. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

#include <errno.h>

#define VBAR UINT64_C(0xffff800080011000)
#define FAR  UINT64_C(0xdeadbeef000)

static uintptr_t reg(vm_vcpu_t *vcpu, seL4_VCPUReg number)
{
    uintptr_t value;
    assert_int_equal(vm_get_arm_vcpu_reg(vcpu, number, &value), 0);
    return value;
}

static seL4_UserContext stand(vm_vcpu_t *vcpu, uint64_t spsr, uint64_t sctlr)
{
    seL4_UserContext context;

    memset(&context, 0x22, sizeof(context));
    context.pc = 0x4000;
    context.spsr = spsr;
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_VBAR, VBAR), 0);
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, sctlr), 0);
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_FAR, FAR), 0);
    return context;
}

static void vectors_and_status(void **state)
{
    static const struct {
        uint64_t spsr, sctlr, offset, inside;
    } cases[] = {
        { 0x4, 0, 0x000, 0x4003c5 },                          /* EL1t; without SPAN, PAN is set */
        { 0x5, 1u << 23, 0x200, 0x3c5 },                      /* EL1h */
        { 0x0, 1u << 23, 0x400, 0x3c5 },                      /* EL0 */
        { 0x10, 1u << 23, 0x600, 0x3c5 },                     /* EL0, AArch32 */
        { 0xa0400005, 1u << 23, 0x200, 0xa04003c5 },          /* flags and PAN stay */
        { 0xa0000010, 1u << 23, 0x600, 0x3c5 },               /* AArch32's flags do not */
        { 0x00300c05, 1u << 23, 0x200, 0x3c5 },               /* SS, IL, BTYPE go */
        { 0x1000005, 1u << 23, 0x200, 0x10003c5 },            /* DIT */
        { 0x5, UINT64_C(1) << 44 | 1u << 23, 0x200, 0x13c5 }, /* DSSBS */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        seL4_UserContext before = stand(f->vcpu, cases[i].spsr, cases[i].sctlr);
        seL4_UserContext after;
        assert_int_equal(vmmp_arm_inject_undefined(f->vcpu), 0);
        assert_int_equal(vm_get_thread_context(f->vcpu, &after), 0);
        assert_true(after.pc == VBAR + cases[i].offset);
        assert_true(after.spsr == cases[i].inside);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ELR_EL1), 0x4000);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_SPSR_EL1), cases[i].spsr);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), 0x02000000);
        assert_true(reg(f->vcpu, seL4_VCPUReg_FAR) == FAR);
        /* Nothing else has changed. */
        after.pc = before.pc;
        after.spsr = before.spsr;
        assert_memory_equal(&after, &before, sizeof(after));
    }
}

static void aborts(void **state)
{
    struct fixture *f = *state;
    struct vmmp_arm_abort abort = { .fsc = VMMP_ARM_FSC_EXTERNAL };

    stand(f->vcpu, 0x5, 0);
    assert_int_equal(vmmp_arm_inject_abort(f->vcpu, &abort), 0);
    assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), 0x25u << 26 | 1u << 25 | 1u << 10 | 0x10);
    assert_true(reg(f->vcpu, seL4_VCPUReg_FAR) == FAR);
    stand(f->vcpu, 0x0, 0);
    abort.write = true;
    abort.address_valid = true;
    abort.address = 0x123456789a;
    abort.fsc = VMMP_ARM_FSC_EXCLUSIVE;
    assert_int_equal(vmmp_arm_inject_abort(f->vcpu, &abort), 0);
    assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), 0x24u << 26 | 1u << 25 | 1u << 6 | 0x35);
    assert_true(reg(f->vcpu, seL4_VCPUReg_FAR) == 0x123456789a);
    stand(f->vcpu, 0x5, 0);
    abort.fetch = true;
    assert_int_equal(vmmp_arm_inject_abort(f->vcpu, &abort), 0);
    assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), 0x21u << 26 | 1u << 25 | 0x35);
}

static void syndromes_pass(void **state)
{
    static const uint32_t paired[] = { 0x20, 0x24, 0x30, 0x32, 0x34 };
    struct fixture *f = *state;

    for (size_t i = 0; i < 5; i++) {
        stand(f->vcpu, 0x0, 0);
        assert_int_equal(vmmp_arm_inject_syndrome(f->vcpu, paired[i] << 26 | 0x1234), 0);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), paired[i] << 26 | 0x1234);
        stand(f->vcpu, 0x4, 0);
        assert_int_equal(vmmp_arm_inject_syndrome(f->vcpu, paired[i] << 26 | 0x1234), 0);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), (paired[i] + 1) << 26 | 0x1234);
    }
    stand(f->vcpu, 0x5, 0);
    assert_int_equal(vmmp_arm_inject_syndrome(f->vcpu, 0x15u << 26 | 7), 0);
    assert_int_equal(reg(f->vcpu, seL4_VCPUReg_ESR), 0x15u << 26 | 7);
}

/* EL1 in AArch32 has registers that an AArch64 VMM does not see: nothing happens. */
static void aarch32_kernels_are_refused(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext before = stand(f->vcpu, 0x13, 0);
    seL4_UserContext after;

    assert_int_equal(vmmp_arm_inject_undefined(f->vcpu), -ENOTSUP);
    assert_int_equal(vm_get_thread_context(f->vcpu, &after), 0);
    assert_memory_equal(&after, &before, sizeof(after));
}

int test_arm_inject(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vectors_and_status, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(aborts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(syndromes_pass, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(aarch32_kernels_are_refused, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("arm_inject", tests, NULL, NULL);
}
