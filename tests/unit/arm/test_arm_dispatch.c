/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of every exception class: src/arch/arm/exceptions.c and its compatible door. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define SYNDROME(ec, iss) ((uint32_t)(ec) << 26 | UINT32_C(1) << 25 | (uint32_t)(iss))
#define PC                0x2000

#ifdef CONFIG_ARCH_AARCH64
#define KERNEL    0x5u
#define AARCH32   0x10u
#define UNDEFINED 0x80200u
#else
#define KERNEL    0x13u
#define AARCH32   0x13u
#define UNDEFINED 0xffff0004u
#endif
#define THUMB    0x20u
#define FLAG_Z   0x40000000u
#define IT_BLOCK 0x0000e800u /* More to come. */

static void set_status(seL4_UserContext *context, uint32_t status)
{
#ifdef CONFIG_ARCH_AARCH64
    context->spsr = status;
#else
    context->cpsr = status;
#endif
}

static uint32_t get_status(const seL4_UserContext *context)
{
#ifdef CONFIG_ARCH_AARCH64
    return (uint32_t)context->spsr;
#else
    return (uint32_t)context->cpsr;
#endif
}

static void stand_at(vm_vcpu_t *vcpu, uint32_t status)
{
    seL4_UserContext context;

    memset(&context, 0, sizeof(context));
    context.pc = PC;
    set_status(&context, status);
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
#ifdef CONFIG_ARCH_AARCH64
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_VBAR, 0x80000), 0);
#else
    assert_int_equal(vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, 0x2000), 0); /* V */
#endif
}

/** What a class without a handler does. */
enum effect { SKIPPED, WAITS, STAYS, TO_GUEST, CALL };

static enum effect effect_of(uint32_t ec)
{
    switch (ec) {
    case VMMP_ARM_EC_WFX:
        return WAITS;
    case VMMP_ARM_EC_BRK64:
        return SKIPPED;
    case VMMP_ARM_EC_SERROR:
        return STAYS;
    case VMMP_ARM_EC_HVC32:
    case VMMP_ARM_EC_HVC64:
    case VMMP_ARM_EC_SMC32:
    case VMMP_ARM_EC_SMC64:
        return CALL;
    case VMMP_ARM_EC_CP15_MCR: /* ISS 0: writing MIDR is undefined; DBGDIDR's are ignored. */
        return TO_GUEST;
    case VMMP_ARM_EC_CP14_MCR:
    case VMMP_ARM_EC_CP14_MCRR:
        return SKIPPED;
    case VMMP_ARM_EC_CP10_ID:
        return sizeof(seL4_Word) == 4 ? SKIPPED : TO_GUEST;
    default:
        return TO_GUEST;
    }
}

static void no_class_ends_the_vm(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    assert_int_equal(vmm_handle_arm_vcpu_exception(NULL, SYNDROME(0, 0), NULL), -1);
    for (uint32_t ec = 0; ec <= HSR_MAX_EXCEPTION; ec++) {
        stand_at(vcpu, KERNEL);
        enum script_result result = script_exception(vcpu, SYNDROME(ec, 0));
        uint64_t pc = script_pc(vcpu);
        switch (effect_of(ec)) {
        case WAITS:
            assert_int_equal(result, SCRIPT_PENDING);
            advance_vcpu_fault(vcpu); /* As vm_inject_irq() does. */
            assert_int_equal(script_finish(vcpu, NULL), SCRIPT_DONE);
            break;
        case STAYS:
            assert_int_equal(result, SCRIPT_DONE);
            assert_int_equal(pc, PC);
            break;
        case TO_GUEST:
            assert_int_equal(result, SCRIPT_DONE);
            assert_true(pc >= (UNDEFINED & ~0x1fu) && pc < (UNDEFINED | 0x1f));
            break;
        default:
            assert_int_equal(result, SCRIPT_DONE);
            assert_int_equal(pc, PC + 4);
        }
    }
}

static unsigned calls;

static enum vmmp_arm_verdict native(void *cookie, vm_vcpu_t *vcpu,
                                    const struct vmmp_arm_exception *exception)
{
    assert_non_null(vcpu);
    assert_int_equal(exception->ec, 0x3e);
    calls++;
    return *(enum vmmp_arm_verdict *)cookie;
}

static void handlers_of_a_vm(void **state)
{
    struct fixture *f = *state;
    enum vmmp_arm_verdict verdict = VMMP_ARM_ADVANCE;
    struct vmmp_arm_exceptions exceptions;

    memset(&exceptions, 0, sizeof(exceptions));
    exceptions.handlers[0x3e] = (struct vmmp_arm_handler){ native, &verdict };
    f->vmmp.arm_exceptions = &exceptions;
    assert_int_equal(vmmp_arm_exceptions_attach(NULL, f->vcpu), -EINVAL);
    assert_int_equal(vmmp_arm_exceptions_attach(&f->vmmp, NULL), -EINVAL);
    assert_int_equal(vmmp_arm_exceptions_attach(&f->vmmp, f->vcpu), 0);

    stand_at(f->vcpu, KERNEL);
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), PC + 4);
    verdict = VMMP_ARM_RESTART;
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), PC + 4);
    verdict = VMMP_ARM_HANDLED;
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_PENDING);
    advance_vcpu_fault(f->vcpu);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_DONE);
    verdict = VMMP_ARM_DEFAULT;
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), UNDEFINED);
    stand_at(f->vcpu, KERNEL);
    verdict = VMMP_ARM_UNDEFINED;
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), UNDEFINED);
    assert_non_null(
        fixture_log_find(f, "reserved (class 0x3e, 4 bytes): not supported, undefined"));
    verdict = VMMP_ARM_FAILED;
    assert_int_equal(script_exception(f->vcpu, SYNDROME(0x3e, 0)), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(f, "could not be handled"));
    assert_int_equal(calls, 6);
    script_clear_errors(&f->vm);
}

static int advancing(vm_vcpu_t *vcpu, uint32_t hsr)
{
    (void)hsr;
    advance_vcpu_fault(vcpu);
    return 0;
}

/* The compatible table, which is the process's: classes that nothing else tries here. */
static void handlers_of_the_process(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    stand_at(vcpu, KERNEL);
    assert_int_equal(register_arm_vcpu_exception_handler(0x3d, advancing), 0);
    assert_int_equal(script_exception(vcpu, SYNDROME(0x3d, 0)), SCRIPT_DONE);
    assert_int_equal(script_pc(vcpu), PC + 4);
    assert_int_equal(register_arm_vcpu_exception_handler(0x3d, NULL), 0);
    assert_int_equal(script_exception(vcpu, SYNDROME(0x3d, 0)), SCRIPT_FAILED);
    assert_int_equal(register_arm_vcpu_exception_handler(0x40, advancing), -1);
    assert_int_equal(register_arm_vcpu_exception_handler(UINT32_MAX, NULL), -1);
    script_clear_errors(&f->vm);
}

/* AArch32 instructions that trap without their condition holding, and inside of IT blocks. */
static void conditions_and_it_blocks(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);
    const uint32_t if_equal = UINT32_C(1) << 24;
    const uint32_t mcr_midr = if_equal; /* Undefined, if it is executed. */
    seL4_UserContext context;

    stand_at(vcpu, AARCH32);
    assert_int_equal(script_exception(vcpu, SYNDROME(VMMP_ARM_EC_CP15_MCR, mcr_midr)), SCRIPT_DONE);
    assert_int_equal(script_pc(vcpu), PC + 4);
    stand_at(vcpu, AARCH32 | FLAG_Z);
    assert_int_equal(script_exception(vcpu, SYNDROME(VMMP_ARM_EC_CP15_MCR, mcr_midr)), SCRIPT_DONE);
    assert_true(script_pc(vcpu) != PC + 4);
    /* A Thumb WFE of two bytes. */
    stand_at(vcpu, AARCH32 | THUMB | IT_BLOCK);
    assert_int_equal(script_exception(vcpu, UINT32_C(1) << 26 | 1), SCRIPT_DONE);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    assert_int_equal(context.pc, PC + 2);
    /* IT[7:0] 11101000 -> 11110000: the last one of the block is next. */
    assert_int_equal(get_status(&context), AARCH32 | THUMB);
    set_status(&context, AARCH32 | THUMB | 0x0000e400);
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    assert_int_equal(script_exception(vcpu, UINT32_C(1) << 26 | 1), SCRIPT_DONE);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    assert_int_equal(get_status(&context), AARCH32 | THUMB | 0x0000e800);
}

/* MRC, MCR, MRRC, MCRR with every register of the present mode. */
static uint64_t kept;

static enum vmmp_arm_verdict keep(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                  uint64_t value)
{
    (void)reg;
    (void)vcpu;
    kept = value;
    return VMMP_ARM_ADVANCE;
}

static void coprocessor_registers(void **state)
{
    struct fixture *f = *state;
    const struct vmmp_arm_sysreg table[] = {
        { .id = VMMP_ARM_CP32(15, 0, 15, 0, 0), .value = 0x9abcdef0, .write = keep },
        { .id = VMMP_ARM_CP64(15, 9, 3), .value = UINT64_C(0x123456789abcdef0), .write = keep },
    };
    const struct vmmp_arm_exceptions exceptions = { .sysregs = table, .sysreg_count = 2 };
    const uint32_t mcr = SYNDROME(VMMP_ARM_EC_CP15_MCR, 15u << 10);
    const uint32_t mcrr = SYNDROME(VMMP_ARM_EC_CP15_MCRR, 9u << 16 | 3u << 1);
    seL4_UserContext context;

    f->vmmp.arm_exceptions = &exceptions;
    assert_int_equal(vmmp_arm_exceptions_attach(&f->vmmp, f->vcpu), 0);
    for (uint32_t rt = 0; rt < 15; rt++) {
        uint32_t rt2 = (rt + 1) % 15;
        stand_at(f->vcpu, AARCH32);
        assert_int_equal(script_exception(f->vcpu, mcr | rt << 5 | 1), SCRIPT_DONE);
        assert_int_equal(script_exception(f->vcpu, mcr | rt << 5), SCRIPT_DONE);
        assert_int_equal(kept, 0x9abcdef0);
        assert_int_equal(script_exception(f->vcpu, mcr | rt2 << 5), SCRIPT_DONE);
        assert_int_equal(kept, 0);
        assert_int_equal(script_exception(f->vcpu, mcrr | rt2 << 10 | rt << 5 | 1), SCRIPT_DONE);
        assert_int_equal(script_exception(f->vcpu, mcrr | rt2 << 10 | rt << 5), SCRIPT_DONE);
        assert_true(kept == UINT64_C(0x123456789abcdef0));
        assert_int_equal(script_exception(f->vcpu, mcr | rt2 << 5), SCRIPT_DONE);
        assert_int_equal(kept, 0x12345678);
        assert_int_equal(script_pc(f->vcpu), PC + 24);
    }
    stand_at(f->vcpu, AARCH32);
    assert_int_equal(script_exception(f->vcpu, mcr | 15u << 5 | 1), SCRIPT_DONE);
    assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
    assert_int_equal(get_status(&context), AARCH32 | 0x90000000u);
}

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    return vmmp_compat_set_log(&f->vm, &f->log);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_compat_release(&f->vm);
    return fixture_teardown(state);
}

int test_arm_dispatch(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_class_ends_the_vm, setup, teardown),
        cmocka_unit_test_setup_teardown(handlers_of_a_vm, setup, teardown),
        cmocka_unit_test_setup_teardown(handlers_of_the_process, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_and_it_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(coprocessor_registers, setup, teardown),
    };
    return cmocka_run_group_tests_name("arm_dispatch", tests, NULL, NULL);
}
