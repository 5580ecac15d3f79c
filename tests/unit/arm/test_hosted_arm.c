/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted on ARM: completion of reads, restarts, exceptions, registers. */
#include "support/fixture.h"

#include <string.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/guest_memory_arch.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/smc.h>

#define WINDOW      0x10000000u
#define WINDOW_SIZE 0x1000u

#ifdef CONFIG_ARCH_AARCH64
#define R0 x0
#define R1 x1
#define R2 x2
#define R3 x3
#else
#define R0 r0
#define R1 r1
#define R2 r2
#define R3 r3
#endif

static uint64_t width(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

static memory_fault_result_t set_raw(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t length,
                                     void *cookie)
{
    (void)vm;
    (void)addr;
    (void)length;
    const seL4_Word *data = cookie;
    if (data) {
        assert_int_equal(set_vcpu_fault_data(vcpu, *data), 0);
        assert_true(get_vcpu_fault_data(vcpu) == *data);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

/** Every size and lane, the whole register. */
static void test_read_merges_into_the_register(void **state)
{
    struct fixture *f = *state;
    const seL4_Word data = (seL4_Word)0xf1e2d3c4b5a69788;
    const seL4_Word old = (seL4_Word)0x1020304050607080;
    assert_non_null(vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, set_raw, (void *)&data));
    for (unsigned size = 1; size <= sizeof(seL4_Word); size *= 2) {
        for (unsigned offset = 0; offset < 8; offset++) {
            unsigned shift = 8 * (offset & 3);
            seL4_Word mask = (seL4_Word)(width(size) << shift);
            uint64_t reg = old;
            assert_int_equal(script_load(f->vcpu, WINDOW + offset, size, &reg), SCRIPT_DONE);
            assert_true(reg == ((old & ~(mask >> shift)) | ((data & mask) >> shift)));
        }
    }
}

static void test_read_without_data_gives_zero(void **state)
{
    struct fixture *f = *state;
    assert_non_null(vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, set_raw, NULL));
    uint64_t reg = 0x11223344;
    assert_int_equal(script_load(f->vcpu, WINDOW + 1, 1, &reg), SCRIPT_DONE);
    assert_int_equal(reg, 0x11223300);
}

struct mapper {
    vm_memory_reservation_t *reservation;
    uint8_t *page;
    unsigned calls;
    bool by_call; /**< restart_vcpu_fault() instead of FAULT_RESTART. */
    bool maps;
};

static memory_fault_result_t map_and_restart(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr,
                                             size_t length, void *cookie)
{
    struct mapper *mapper = cookie;
    (void)addr;
    (void)length;
    mapper->calls++;
    if (mapper->maps) {
        seL4_CPtr frame = hosted_vm_frame(vm, mapper->page, 12);
        assert_int_equal(vm_map_reservation_frames(vm, mapper->reservation, &frame, 1, 12), 0);
    }
    if (mapper->by_call) {
        restart_vcpu_fault(vcpu);
        return FAULT_HANDLED;
    }
    return FAULT_RESTART;
}

static void test_restart(void **state)
{
    struct fixture *f = *state;
    static uint8_t pages[2][0x1000] __attribute__((aligned(0x1000)));
    for (unsigned i = 0; i < 2; i++) {
        struct mapper mapper = { .page = pages[i], .by_call = i, .maps = true };
        uintptr_t gpa = WINDOW + i * 0x10000;
        memset(pages[i], 0x21, sizeof(pages[i]));
        mapper.reservation = vm_reserve_memory_at(&f->vm, gpa, 0x1000, map_and_restart, &mapper);
        uint64_t pc = script_pc(f->vcpu);
        assert_int_equal(script_get(f->vcpu, gpa, 4), 0x21212121);
        assert_int_equal(script_pc(f->vcpu), pc + 4);
        script_put(f->vcpu, gpa + 4, 4, 0x01020304);
        assert_int_equal(mapper.calls, 1);
        assert_memory_equal(pages[i] + 4, "\4\3\2\1", 4);
        assert_int_equal(vm_free_reserved_memory(&f->vm, mapper.reservation), 0);
    }
}

static void test_restart_for_ever_is_an_offence(void **state)
{
    struct fixture *f = *state;
    struct mapper mapper = { 0 };
    uint64_t value;
    vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, map_and_restart, &mapper);
    assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_FAILED);
    assert_true(mapper.calls > 1);
    assert_int_equal(script_errors(&f->vm), 1);
    script_clear_errors(&f->vm);
}

/** Registers change only when the fault is completed. */
static memory_fault_result_t change_registers(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr,
                                              size_t length, void *cookie)
{
    seL4_UserContext context;
    (void)vm;
    (void)addr;
    (void)length;
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    context.R3 += 5;
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    *(seL4_Word *)cookie = context.R3;
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void test_registers(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext context;
    seL4_Word seen = 0;
    uintptr_t word = 0;
    memset(&context, 0, sizeof(context));
    context.pc = 0x4000;
    context.R3 = 37;
    assert_int_equal(vm_set_thread_context(f->vcpu, context), 0);
    assert_int_equal(script_pc(f->vcpu), 0x4000);
    vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, change_registers, &seen);
    script_put(f->vcpu, WINDOW, 4, 0);
    assert_int_equal(seen, 42);
    assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
    assert_int_equal(context.R3, 42);
    assert_int_equal(context.pc, 0x4004);

    assert_int_equal(vm_set_thread_context_reg(f->vcpu, 1, 0x5050), 0);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, 1, &word), 0);
    assert_int_equal(word, 0x5050);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, 0, &word), 0);
    assert_int_equal(word, 0x4004);
    assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
    assert_int_equal(context.sp, 0x5050);
    unsigned count = sizeof(context) / sizeof(seL4_Word);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, count, &word), -1);
    assert_int_equal(vm_set_thread_context_reg(f->vcpu, count, 0), -1);

    assert_int_equal(vm_get_arm_vcpu_reg(f->vcpu, 9, &word), 0);
    assert_int_equal(word, 0);
    assert_int_equal(vm_set_arm_vcpu_reg(f->vcpu, 9, 0x77), 0);
    assert_int_equal(vm_get_arm_vcpu_reg(f->vcpu, 9, &word), 0);
    assert_int_equal(word, 0x77);
}

struct exceptions {
    unsigned calls;
    uint32_t hsr;
    seL4_Word pc;
    int result;
    bool advances;
    bool restarts;
};

static int on_exception(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie)
{
    struct exceptions *seen = cookie;
    seL4_UserContext context;
    seen->calls++;
    seen->hsr = hsr;
    seen->pc = get_vcpu_fault_ip(vcpu);
    assert_int_equal(vm_get_thread_context(vcpu, &context), 0);
    assert_int_equal(context.pc, seen->pc);
    context.R0 = context.R0 + context.R1;
    assert_int_equal(vm_set_thread_context(vcpu, context), 0);
    if (seen->advances) {
        advance_vcpu_fault(vcpu);
    }
    if (seen->restarts) {
        restart_vcpu_fault(vcpu);
    }
    return seen->result;
}

static void test_smc_and_hvc(void **state)
{
    struct fixture *f = *state;
    struct exceptions seen = { .advances = true };
    const uint64_t args[4] = { 40, 2, 7, 8 };
    uint64_t results[4] = { 0 };
    assert_int_equal(vm_register_unhandled_vcpu_fault_callback(NULL, on_exception, &seen), -1);
    assert_int_equal(vm_register_unhandled_vcpu_fault_callback(f->vcpu, on_exception, &seen), 0);

    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_smc(f->vcpu, args, results), SCRIPT_DONE);
    assert_int_equal(HSR_EXCEPTION_CLASS(seen.hsr), sizeof(seL4_Word) == 8 ? 0x17 : 0x13);
    assert_int_equal(seen.pc, pc);
    assert_int_equal(results[0], 42);
    assert_int_equal(results[1], 2);
    assert_int_equal(results[2], 7);
    assert_int_equal(results[3], 8);
    assert_int_equal(script_pc(f->vcpu), pc + 4);

    /* An HVC's return address is the next instruction: restarted, not advanced. */
    seen.advances = false;
    seen.restarts = true;
    assert_int_equal(script_hvc(f->vcpu, args, results), SCRIPT_DONE);
    assert_int_equal(HSR_EXCEPTION_CLASS(seen.hsr), sizeof(seL4_Word) == 8 ? 0x16 : 0x12);
    assert_int_equal(seen.pc, pc + 8);
    assert_int_equal(script_pc(f->vcpu), pc + 8);
    assert_int_equal(results[0], 42);
}

static void test_exceptions(void **state)
{
    struct fixture *f = *state;
    struct exceptions seen = { .advances = true };
    const uint32_t sysreg = UINT32_C(0x18) << 26;
    /* Nobody handles it. */
    assert_int_equal(script_exception(f->vcpu, sysreg), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(f, "exception class 0x18"));
    vm_register_unhandled_vcpu_fault_callback(f->vcpu, on_exception, &seen);
    /* A 16-bit instruction. */
    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_exception(f->vcpu, sysreg), SCRIPT_DONE);
    assert_int_equal(seen.hsr, sysreg);
    assert_int_equal(script_pc(f->vcpu), pc + 2);
    assert_int_equal(script_exception(f->vcpu, sysreg | 1u << 25), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), pc + 6);
    seen.result = -1;
    seen.advances = false;
    assert_int_equal(script_exception(f->vcpu, sysreg), SCRIPT_FAILED);
    assert_int_equal(script_pc(f->vcpu), pc + 6);
    /* Memory accessors make no sense here. */
    seen.result = 0;
    assert_int_equal(script_exception(f->vcpu, sysreg), SCRIPT_PENDING);
    get_vcpu_fault_data(f->vcpu);
    assert_int_equal(script_errors(&f->vm), 1);
    script_clear_errors(&f->vm);
    advance_vcpu_fault(f->vcpu);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), pc + 8);
}

static void test_wfi_waits_for_an_interrupt(void **state)
{
    struct fixture *f = *state;
    struct exceptions seen = { 0 };
    const uint32_t wfi = UINT32_C(1) << 26 | 1u << 25;
    vm_register_unhandled_vcpu_fault_callback(f->vcpu, on_exception, &seen);
    assert_int_equal(vm_register_irq(f->vcpu, FIXTURE_IRQ, NULL, NULL), 0);
    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_exception(f->vcpu, wfi), SCRIPT_PENDING);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_PENDING);
    assert_int_equal(vm_inject_irq(f->vcpu, FIXTURE_IRQ), 0);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_DONE);
    assert_int_equal(script_pc(f->vcpu), pc + 4);
    assert_int_equal(script_exception(f->vcpu, wfi), SCRIPT_PENDING);
    assert_int_equal(vm_set_irq_level(f->vcpu, FIXTURE_IRQ, 0), 0);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_PENDING);
    assert_int_equal(vm_set_irq_level(f->vcpu, FIXTURE_IRQ, 1), 0);
    assert_int_equal(script_finish(f->vcpu, NULL), SCRIPT_DONE);
}

static int my_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs)
{
    (void)vcpu;
    (void)regs;
    return 3;
}

static void test_smc_handler(void **state)
{
    struct fixture *f = *state;
    assert_true(f->vm.arch.vm_smc_handler == vm_smc_handle_default);
    assert_int_equal(vm_register_smc_handler_callback(&f->vm, my_smc), 0);
    assert_true(f->vm.arch.vm_smc_handler == my_smc);
    assert_int_equal(vm_register_smc_handler_callback(NULL, my_smc), -1);
    assert_non_null(f->vcpu->vcpu_arch.fault);
}

static void test_ipa_to_pa(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vm_arm_ipa_to_pa(&f->vm, FIXTURE_RAM_BASE + 0x1000, 0x1000),
                     FIXTURE_RAM_BASE + 0x1000);
    assert_int_equal(vm_arm_ipa_to_pa(&f->vm, WINDOW, 1), 0);
    assert_int_equal(vm_arm_ipa_to_pa(&f->vm, FIXTURE_RAM_BASE + FIXTURE_RAM_SIZE - 0x1000, 0x1001),
                     0);
}

static void no_ack(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)vcpu;
    (void)irq;
    ++*(unsigned *)cookie;
}

static void test_irq_registration(void **state)
{
    struct fixture f;
    struct fixture_options two = { .vcpus = 2 };
    unsigned first = 0;
    unsigned second = 0;
    (void)state;
    fixture_init(&f, &two);
    vm_vcpu_t *other = f.vm.vcpus[1];
    /* Below 32: once per vCPU. */
    assert_int_equal(vm_register_irq(f.vcpu, 27, no_ack, &first), 0);
    assert_int_equal(vm_register_irq(f.vcpu, 27, no_ack, &first), -1);
    assert_int_equal(vm_register_irq(other, 27, no_ack, &second), 0);
    script_irq_eoi(other, 27);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    /* Others: the first one stays. */
    assert_int_equal(vm_register_irq(f.vcpu, 40, no_ack, &first), 0);
    assert_int_equal(vm_register_irq(other, 40, no_ack, &second), 0);
    script_irq_eoi(other, 40);
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    assert_int_equal(vm_register_irq(f.vcpu, -1, no_ack, &first), -1);
    assert_int_equal(vm_register_irq(f.vcpu, 1020, no_ack, &first), -1);
    /* 200 of them. */
    int accepted = 1;
    for (int irq = 32; irq < SCRIPT_IRQS; irq++) {
        accepted += irq != 40 && vm_register_irq(f.vcpu, irq, no_ack, &first) == 0;
    }
    assert_int_equal(accepted, 200);
    fixture_fini(&f);
}

static void test_irq_injection(void **state)
{
    struct fixture *f = *state;
    unsigned acks = 0;
    assert_int_equal(vm_inject_irq(f->vcpu, 40), -1);
    vm_register_irq(f->vcpu, 40, no_ack, &acks);
    assert_int_equal(vm_inject_irq(f->vcpu, 40), 0);
    /* Pending already: coalesced. */
    assert_int_equal(vm_inject_irq(f->vcpu, 40), 0);
    assert_true(script_irq_take(f->vcpu, 40));
    assert_false(script_irq_take(f->vcpu, 40));
    script_irq_eoi(f->vcpu, 40);
    assert_int_equal(acks, 1);
    assert_false(script_irq_take(f->vcpu, 40));
    /* Disabled: refused; enabling it says so. */
    script_irq_enable(f->vcpu, 40, false);
    assert_int_equal(acks, 1);
    assert_int_equal(vm_inject_irq(f->vcpu, 40), -1);
    script_irq_enable(f->vcpu, 40, true);
    assert_int_equal(acks, 2);
    struct script_irq irq = script_irq(f->vcpu, 40);
    assert_int_equal(irq.injections, 2);
    assert_int_equal(irq.rejections, 1);
    assert_int_equal(irq.acks, 2);
    /* Enabling one that is pending is no acknowledgement. */
    assert_int_equal(vm_inject_irq(f->vcpu, 40), 0);
    script_irq_enable(f->vcpu, 40, true);
    assert_int_equal(acks, 2);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_arm(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_read_merges_into_the_register),
        WITH_FIXTURE(test_read_without_data_gives_zero),
        WITH_FIXTURE(test_restart),
        WITH_FIXTURE(test_restart_for_ever_is_an_offence),
        WITH_FIXTURE(test_registers),
        WITH_FIXTURE(test_smc_and_hvc),
        WITH_FIXTURE(test_exceptions),
        WITH_FIXTURE(test_wfi_waits_for_an_interrupt),
        WITH_FIXTURE(test_smc_handler),
        WITH_FIXTURE(test_ipa_to_pa),
        cmocka_unit_test(test_irq_registration),
        WITH_FIXTURE(test_irq_injection),
    };
    return cmocka_run_group_tests_name("hosted_arm", tests, NULL, NULL);
}
