/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/smc.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define NOT_SUPPORTED      ((seL4_Word)-1)
#define INVALID_PARAMETERS ((seL4_Word)-2)
#define ALREADY_ON         ((seL4_Word)-4)

/* In RAM, on every board. */
#define ENTRY (FIXTURE_RAM_BASE + 0x200000u)

#define SYNDROME(ec, iss) ((uint32_t)(ec) << 26 | UINT32_C(1) << 25 | (uint32_t)(iss))

struct bench {
    struct fixture f;
    vm_vcpu_t *second;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    fixture_init(&b->f, NULL);
    assert_int_equal(vmmp_compat_set_log(&b->f.vm, &b->f.log), 0);
    b->second = create_vmm_plat_vcpu(&b->f.vm, 0);
    assert_non_null(b->second);
    assert_int_equal(vm_assign_vcpu_target(b->f.vcpu, 0), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    vmmp_compat_release(&b->f.vm);
    fixture_fini(&b->f);
    free(b);
    return 0;
}

static seL4_Word call(struct bench *b, uint32_t function, seL4_Word a1, seL4_Word a2, seL4_Word a3)
{
    seL4_UserContext regs;

    memset(&regs, 0x44, sizeof(regs));
    seL4_UserContext before = regs;
    smc_set_arg(&regs, 0, function);
    smc_set_arg(&regs, 1, a1);
    smc_set_arg(&regs, 2, a2);
    smc_set_arg(&regs, 3, a3);
    assert_int_equal(vm_smc_handle_default(b->f.vcpu, &regs), 0);
    seL4_Word result = smc_get_arg(&regs, 0);
    /* Nothing else is touched. */
    assert_true(smc_get_arg(&regs, 1) == a1 && smc_get_arg(&regs, 2) == a2);
    for (seL4_Word i = 0; i < 4; i++) {
        smc_set_arg(&regs, i, smc_get_arg(&before, i));
    }
    assert_memory_equal(&regs, &before, sizeof(regs));
    return result;
}

static void arguments_are_registers(void **state)
{
    seL4_UserContext regs;
#if defined(CONFIG_ARCH_AARCH64)
    seL4_Word *slots[] = { &regs.x0, &regs.x1, &regs.x2, &regs.x3,
                           &regs.x4, &regs.x5, &regs.x6, &regs.x7 };
#else
    seL4_Word *slots[] = { &regs.r0, &regs.r1, &regs.r2, &regs.r3, &regs.r4, &regs.r5, &regs.r6 };
#endif
    const seL4_Word count = sizeof(slots) / sizeof(slots[0]);

    (void)state;
    memset(&regs, 0, sizeof(regs));
    for (seL4_Word i = 0; i < count; i++) {
        smc_set_arg(&regs, i, 0x100 + i);
        assert_true(*slots[i] == 0x100 + i);
        assert_true(smc_get_arg(&regs, i) == 0x100 + i);
    }
    assert_true(smc_get_function_id(&regs) == 0x100);
    assert_true(smc_set_return_value(&regs, 5) == 5 && *slots[0] == 5);
    seL4_UserContext before = regs;
    for (seL4_Word i = count; i < 100; i++) {
        smc_set_arg(&regs, i, 1);
        assert_true(smc_get_arg(&regs, i) == 0);
    }
    smc_set_arg(&regs, (seL4_Word)-1, 1);
    assert_memory_equal(&regs, &before, sizeof(regs));
}

/* What the answers are: test_psci.c, test_smccc.c. */
static void every_function_has_an_answer(void **state)
{
    static const uint32_t bases[] = { 0x00000000, 0x80000000, 0xc0000000, 0x82000000,
                                      0x84000020, 0xc4000020, 0x85000000, 0x86000000,
                                      0xb0000000, 0xbf000000, 0xffffff00 };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        for (uint32_t number = 0; number < 0x100; number++) {
            uint32_t function = bases[i] + number;
            seL4_Word result = call(b, function, 0xdeadbeef, 0x1000, 7);
            if (function == 0x80000000) {
                assert_true(result == 0x10002);
            } else {
                assert_true(result == NOT_SUPPORTED);
            }
        }
    }
    assert_int_equal(vm_smc_handle_default(NULL, NULL), -1);
    assert_int_equal(vm_smc_handle_default(b->f.vcpu, NULL), -1);
}

static void cpu_on_starts_the_cpu_that_is_meant(void **state)
{
    struct bench *b = *state;
    seL4_UserContext context;
    uint32_t cpu_on = sizeof(seL4_Word) == 8 ? 0xc4000003 : 0x84000003;
    vm_vcpu_t *third = create_vmm_plat_vcpu(&b->f.vm, 0);

    assert_non_null(third);
    b->f.vm.vcpus[0]->vcpu_id = 0;
    b->second->vcpu_id = 1;
    third->vcpu_id = 2;
    assert_int_equal(vcpu_start(b->f.vcpu), 0);
    assert_true(call(b, cpu_on, 0, 0x1000, 7) == ALREADY_ON);
    assert_true(call(b, cpu_on, 2, ENTRY, 0x77) == 0);
    assert_int_equal(third->target_cpu, 2);
    assert_true(third->vcpu_online);
    assert_int_equal(b->second->target_cpu, -1);
    assert_int_equal(vm_get_thread_context(third, &context), 0);
    assert_true(context.pc == ENTRY);
    assert_true(smc_get_arg(&context, 0) == 0x77);
#if defined(CONFIG_ARCH_AARCH64)
    assert_true(context.spsr == 0x3c5);
#else
    assert_true(context.cpsr == (0x13 | 0x1c0));
#endif
    assert_true(call(b, cpu_on, 2, ENTRY, 0x77) == ALREADY_ON);
    /* A tree of the client's may number its CPUs otherwise: the next free one. */
    assert_true(call(b, cpu_on, 0x101, ENTRY, 0) == 0);
    assert_int_equal(b->second->target_cpu, 0x101);
    assert_true(call(b, cpu_on, 3, ENTRY, 0) == INVALID_PARAMETERS);
    assert_true(call(b, cpu_on, (seL4_Word)0xffffffff, ENTRY, 0) == INVALID_PARAMETERS);
    assert_true(call(b, cpu_on, 0x01000000, ENTRY, 0) == INVALID_PARAMETERS);
}

static void calls_through_exceptions(void **state)
{
    struct bench *b = *state;
    const uint64_t version[4] = { 0x84000000, 1, 2, 3 };
    const uint64_t unknown[4] = { 0x80008000, 1, 2, 3 };
    uint64_t results[4];
    vm_vcpu_t *vcpu = b->second;
    uint64_t pc = script_pc(vcpu);

    assert_int_equal(script_smc(vcpu, version, results), SCRIPT_DONE);
    assert_true(results[0] == 0x10001 && results[1] == 1 && results[3] == 3);
    assert_true(script_pc(vcpu) == pc + 4);
    assert_int_equal(script_smc(vcpu, unknown, results), SCRIPT_DONE);
    assert_true((seL4_Word)results[0] == NOT_SUPPORTED);
    pc = script_pc(vcpu);
    assert_int_equal(script_hvc(vcpu, version, results), SCRIPT_DONE);
    assert_true(results[0] == 0x10001);
    assert_true(script_pc(vcpu) == pc + 4);
}

static int refusing_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs)
{
    (void)vcpu;
    (void)regs;
    return -1;
}

static void a_client_s_smc_handler_decides(void **state)
{
    struct bench *b = *state;
    const uint64_t version[4] = { 0x84000000, 1, 2, 3 };
    uint64_t results[4];

    assert_int_equal(vm_register_smc_handler_callback(&b->f.vm, refusing_smc), 0);
    assert_int_equal(script_smc(b->second, version, results), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(&b->f, "could not be handled"));
    script_clear_errors(&b->f.vm);
}

static void wfe_does_not_wait_for_an_interrupt(void **state)
{
    struct bench *b = *state;
    uint64_t pc = script_pc(b->second);

    assert_int_equal(script_exception(b->second, SYNDROME(0x01, 1)), SCRIPT_DONE);
    assert_true(script_pc(b->second) == pc + 4);
}

static void wfi_does(void **state)
{
    struct bench *b = *state;

    assert_int_equal(script_exception(b->second, SYNDROME(0x01, 0)), SCRIPT_PENDING);
    advance_vcpu_fault(b->second); /* As vm_inject_irq() does. */
    assert_int_equal(script_finish(b->second, NULL), SCRIPT_DONE);
}

#ifdef CONFIG_ARCH_AARCH64
/* A host without a firmware capability forwards nothing, and says so. */
static void forwarding_needs_a_capability(void **state)
{
    struct bench *b = *state;
    seL4_UserContext regs;

    memset(&regs, 0, sizeof(regs));
    smc_set_arg(&regs, 1, 7);
    assert_int_equal(smc_forward(b->second, &regs, 0), -1);
    assert_int_equal(smc_get_arg(&regs, 1), 7);
    assert_int_equal(smc_forward(NULL, &regs, 0), -1);
    assert_int_equal(smc_forward(b->second, NULL, 0), -1);
}
#endif

int test_smc(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_registers),
        cmocka_unit_test_setup_teardown(every_function_has_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(cpu_on_starts_the_cpu_that_is_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_through_exceptions, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_s_smc_handler_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(wfe_does_not_wait_for_an_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(wfi_does, setup, teardown),
#ifdef CONFIG_ARCH_AARCH64
        cmocka_unit_test_setup_teardown(forwarding_needs_a_capability, setup, teardown),
#endif
    };
    return cmocka_run_group_tests_name("smc", tests, NULL, NULL);
}
