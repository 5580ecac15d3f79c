/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions to PL1 modes, as DDI 0406 B1.8 has it. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

#define SCTLR_V  0x2000u
#define SCTLR_TE 0x40000000u
#define SCTLR_EE 0x2000000u
#define EAE      0x80000000u

static uintptr_t reg(vm_vcpu_t *vcpu, seL4_VCPUReg number)
{
    uintptr_t value;
    assert_int_equal(vm_get_arm_vcpu_reg(vcpu, number, &value), 0);
    return value;
}

static void stand(vm_vcpu_t *vcpu, uint32_t cpsr, uint32_t sctlr, uint32_t ttbcr)
{
    seL4_UserContext context;

    memset(&context, 0x22, sizeof(context));
    context.pc = 0x4000;
    context.cpsr = cpsr;
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, sctlr), 0);
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_TTBCR, ttbcr), 0);
}

static void undefined(void **state)
{
    static const struct {
        uint32_t cpsr, sctlr, pc, inside, lr;
    } cases[] = {
        { 0x10, 0, 0x4, 0x9b, 0x4004 },
        { 0x60000013, SCTLR_V, 0xffff0004, 0x6000009b, 0x4004 },
        { 0x0600fe33, SCTLR_V, 0xffff0004, 0x9b, 0x4002 }, /* Thumb, IT, big-endian */
        { 0x110, SCTLR_TE | SCTLR_EE, 0x4, 0x3bb, 0x4004 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        seL4_UserContext context;
        stand(f->vcpu, cases[i].cpsr, cases[i].sctlr, 0);
        assert_int_equal(vmmp_arm_inject_undefined(f->vcpu), 0);
        assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
        assert_int_equal(context.pc, cases[i].pc);
        assert_int_equal(context.cpsr, cases[i].inside);
        assert_int_equal(context.r0, 0x22222222);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_LRund), cases[i].lr);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_SPSRund), cases[i].cpsr);
    }
}

static void aborts(void **state)
{
    static const struct {
        uint32_t fsc, short_status, long_status;
    } cases[] = {
        { VMMP_ARM_FSC_EXTERNAL, 0x008, 0x210 },
        { VMMP_ARM_FSC_ALIGNMENT, 0x001, 0x221 },
        { VMMP_ARM_FSC_EXCLUSIVE, 0x405, 0x235 },
        { 0x7, 0x007, 0x207 },
        { 0x6, 0x005, 0x206 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 4; i++) {
        bool fetch = i & 1;
        bool wide = i & 2;
        seL4_UserContext context;
        struct vmmp_arm_abort abort = { .fetch = fetch,
                                        .write = true,
                                        .fsc = (uint8_t)cases[i / 4].fsc,
                                        .address_valid = true,
                                        .address = 0xabcd0000 + i };
        uint32_t status =
            (wide ? cases[i / 4].long_status : cases[i / 4].short_status) | (fetch ? 0 : 0x800);
        stand(f->vcpu, 0x30, SCTLR_V, wide ? EAE : 0);
        assert_int_equal(vmmp_arm_inject_abort(f->vcpu, &abort), 0);
        assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
        assert_int_equal(context.pc, fetch ? 0xffff000c : 0xffff0010);
        assert_int_equal(context.cpsr, 0x197);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_LRabt), fetch ? 0x4004 : 0x4008);
        assert_int_equal(reg(f->vcpu, seL4_VCPUReg_SPSRabt), 0x30);
        assert_int_equal(reg(f->vcpu, fetch ? seL4_VCPUReg_IFSR : seL4_VCPUReg_DFSR), status);
        assert_int_equal(reg(f->vcpu, fetch ? seL4_VCPUReg_IFAR : seL4_VCPUReg_DFAR),
                         0xabcd0000 + i);
    }
}

int test_arm_inject(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(undefined, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(aborts, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("arm_inject", tests, NULL, NULL);
}
