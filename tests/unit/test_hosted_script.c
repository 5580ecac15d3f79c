/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: interrupts, host operations and failures of the scripted engine; memory services. */
#include "support/fixture.h"

#include <errno.h>
#include <string.h>

#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>

#include "sel4/irq.h"
#include "sel4/memory.h"

#define PAGE ((size_t)0x1000)
#define FREE 0x10000000u

/* ---- interrupts ---- */

static void test_irq_needs_a_controller(void **state)
{
    vm_t vm;
    simple_t simple;
    vspace_t vspace = { NULL };
    (void)state;
    hosted_simple_script(&simple, NULL, NULL);
    assert_int_equal(vm_init(&vm, NULL, &simple, vspace, NULL, 0, "x"), 0);
    vm_vcpu_t *vcpu = vm_create_vcpu(&vm, 0);
    assert_int_equal(vm_register_irq(vcpu, FIXTURE_IRQ, NULL, NULL), -1);
    assert_int_equal(vm_inject_irq(vcpu, FIXTURE_IRQ), -1);
    assert_int_equal(vm_set_irq_level(vcpu, FIXTURE_IRQ, 1), -1);
    assert_int_equal(vm_create_default_irq_controller(&vm), 0);
    assert_int_equal(vm_create_default_irq_controller(&vm), -1);
    assert_int_equal(vm_register_irq(vcpu, FIXTURE_IRQ, NULL, NULL), 0);
    hosted_vm_destroy(&vm);
}

static void test_levels(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vm_register_irq(f->vcpu, FIXTURE_IRQ, NULL, NULL), 0);
    assert_true(script_irq(f->vcpu, FIXTURE_IRQ).registered);
    assert_int_equal(vm_set_irq_level(f->vcpu, FIXTURE_IRQ, 1), 0);
    assert_int_equal(vm_set_irq_level(f->vcpu, FIXTURE_IRQ, 1), 0);
    struct script_irq irq = script_irq(f->vcpu, FIXTURE_IRQ);
    assert_true(irq.level);
    assert_true(irq.pending);
    assert_int_equal(irq.rises, 1);
    assert_int_equal(irq.falls, 0);
    /* High all the while: pending again after the EOI. */
    assert_true(script_irq_take(f->vcpu, FIXTURE_IRQ));
    assert_false(script_irq(f->vcpu, FIXTURE_IRQ).pending);
    script_irq_eoi(f->vcpu, FIXTURE_IRQ);
    assert_true(script_irq(f->vcpu, FIXTURE_IRQ).pending);
    assert_int_equal(script_irq(f->vcpu, FIXTURE_IRQ).acks, 1);
    assert_int_equal(vm_set_irq_level(f->vcpu, FIXTURE_IRQ, 0), 0);
    irq = script_irq(f->vcpu, FIXTURE_IRQ);
    assert_false(irq.pending);
    assert_int_equal(irq.falls, 1);
    assert_false(script_irq_take(f->vcpu, FIXTURE_IRQ));
    assert_int_equal(vm_set_irq_level(f->vcpu, -1, 1), -1);
    script_fail(&f->vm, HOSTED_CALL_IRQ_REGISTER, 1);
    assert_int_equal(vm_register_irq(f->vcpu, FIXTURE_IRQ + 1, NULL, NULL), -1);
    /* No such input. */
    script_irq_eoi(f->vcpu, SCRIPT_IRQS);
    assert_int_equal(script_errors(&f->vm), 1);
    script_clear_errors(&f->vm);
}

/** vmmp/irq.h over the binding that sets levels. */
static void test_line_by_level(void **state)
{
    struct fixture *f = *state;
    struct vmmp_irq_line line;
    struct vmmp_irq_source a;
    struct vmmp_irq_source b;
    assert_int_equal(vmmp_sys_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ), 0);
    assert_int_equal(vmmp_irq_source_init(&a, &line), 0);
    assert_int_equal(vmmp_irq_source_init(&b, &line), 0);
    vmmp_irq_source_set(&a, true);
    vmmp_irq_source_set(&b, true);
    vmmp_irq_source_set(&a, false);
    assert_true(script_irq(f->vcpu, FIXTURE_IRQ).level);
    assert_true(script_irq_take(f->vcpu, FIXTURE_IRQ));
    script_irq_eoi(f->vcpu, FIXTURE_IRQ);
    vmmp_irq_source_set(&b, false);
    struct script_irq irq = script_irq(f->vcpu, FIXTURE_IRQ);
    assert_false(irq.level);
    assert_int_equal(irq.rises, 1);
    assert_int_equal(irq.falls, 1);
    assert_int_equal(irq.injections, 0);
    vmmp_irq_line_fini(&line);
}

/** And over the one that seL4 has on ARM. */
static void test_line_by_injection(void **state)
{
    struct fixture f;
    struct fixture_options options = { .script = { .inject_binding = true } };
    struct vmmp_irq_line line;
    struct vmmp_irq_source source;
    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(vmmp_sys_irq_line_init(&f.vmmp, &line, FIXTURE_IRQ), 0);
    assert_int_equal(vmmp_irq_source_init(&source, &line), 0);
    vmmp_irq_source_set(&source, true);
    struct script_irq irq = script_irq(f.vcpu, FIXTURE_IRQ);
    assert_int_equal(irq.injections, 1);
    assert_int_equal(irq.rises, 0);
    /* Still high when the guest is done: injected again. */
    assert_true(script_irq_take(f.vcpu, FIXTURE_IRQ));
    script_irq_eoi(f.vcpu, FIXTURE_IRQ);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).injections, 2);
    assert_true(script_irq_take(f.vcpu, FIXTURE_IRQ));
    vmmp_irq_source_set(&source, false);
    script_irq_eoi(f.vcpu, FIXTURE_IRQ);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).injections, 2);
#ifdef CONFIG_ARCH_ARM
    /* Raised while disabled: enabling it makes up for that. */
    script_irq_enable(f.vcpu, FIXTURE_IRQ, false);
    vmmp_irq_source_set(&source, true);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).rejections, 1);
    assert_false(script_irq(f.vcpu, FIXTURE_IRQ).pending);
    script_irq_enable(f.vcpu, FIXTURE_IRQ, true);
    assert_true(script_irq(f.vcpu, FIXTURE_IRQ).pending);
#endif
    vmmp_irq_line_fini(&line);
    fixture_fini(&f);
}

static void test_line_refuses(void **state)
{
    struct fixture *f = *state;
    struct vmmp_irq_line line;
    assert_int_equal(vmmp_sys_irq_line_init(&f->vmmp, &line, -1), -EINVAL);
    script_fail(&f->vm, HOSTED_CALL_IRQ_REGISTER, 1);
    assert_int_equal(vmmp_sys_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ), -EBUSY);
    script_fail(&f->vm, HOSTED_CALL_CONTEXT, 1);
    assert_int_equal(vmmp_sys_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ), -ENOMEM);
    assert_int_equal(vmmp_sys_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ), 0);
    vmmp_irq_line_fini(&line);
}

/* ---- host operations ---- */

struct job {
    struct vmmp_host host;
    struct vmmp_work work;
    struct vmmp_timer timer;
    unsigned runs;
    uint64_t at;
    bool again;
};

static void job_run(void *cookie)
{
    struct job *job = cookie;
    job->runs++;
    job->at = job->host.ops->now(job->host.cookie);
    if (job->again) {
        vmmp_host_defer(&job->host, &job->work);
    }
}

static void job_init(struct job *job, struct fixture *f)
{
    memset(job, 0, sizeof(*job));
    job->host = f->host;
    job->work.run = job_run;
    job->work.cookie = job;
    job->timer.work.run = job_run;
    job->timer.work.cookie = job;
}

static void test_deferred_work(void **state)
{
    struct fixture *f = *state;
    struct job a;
    struct job b;
    job_init(&a, f);
    job_init(&b, f);
    assert_true(vmmp_host_defer(&f->host, &a.work));
    assert_true(vmmp_host_defer(&f->host, &b.work));
    assert_true(vmmp_host_defer(&f->host, &a.work));
    assert_int_equal(script_deferred(&f->vm), 2);
    assert_int_equal(a.runs, 0);
    assert_int_equal(script_run_deferred(&f->vm), 2);
    assert_int_equal(a.runs, 1);
    assert_int_equal(b.runs, 1);
    assert_int_equal(script_run_deferred(&f->vm), 0);
    /* Taken back, from the end and from the start. */
    vmmp_host_defer(&f->host, &a.work);
    vmmp_host_defer(&f->host, &b.work);
    vmmp_host_cancel(&f->host, &b.work);
    vmmp_host_cancel(&f->host, &b.work);
    vmmp_host_defer(&f->host, &b.work);
    vmmp_host_cancel(&f->host, &a.work);
    assert_int_equal(script_run_deferred(&f->vm), 1);
    assert_int_equal(a.runs, 1);
    assert_int_equal(b.runs, 2);
    /* Work that defers itself for ever. */
    a.again = true;
    vmmp_host_defer(&f->host, &a.work);
    script_run_deferred(&f->vm);
    assert_int_equal(script_errors(&f->vm), 1);
    script_clear_errors(&f->vm);
    vmmp_host_cancel(&f->host, &a.work);
}

static void test_time_and_timers(void **state)
{
    struct fixture *f = *state;
    struct job a;
    struct job b;
    const struct vmmp_host_ops *ops = f->host.ops;
    job_init(&a, f);
    job_init(&b, f);
    uint64_t start = ops->now(f->host.cookie);
    assert_int_equal(start, 1000000000);
    ops->timer_arm(f->host.cookie, &a.timer, start + 200);
    ops->timer_arm(f->host.cookie, &b.timer, start + 100);
    script_advance_time(&f->vm, 50);
    assert_int_equal(a.runs + b.runs, 0);
    assert_true(a.timer.armed);
    /* In the order of their deadlines, each at its time. */
    script_advance_time(&f->vm, 1000);
    assert_int_equal(b.at, start + 100);
    assert_int_equal(a.at, start + 200);
    assert_false(a.timer.armed);
    assert_int_equal(ops->now(f->host.cookie), start + 1050);
    /* Armed again, the last time counts; in the past, at once. */
    ops->timer_arm(f->host.cookie, &a.timer, start + 5000);
    ops->timer_arm(f->host.cookie, &a.timer, start + 1);
    script_advance_time(&f->vm, 0);
    assert_int_equal(a.runs, 2);
    assert_int_equal(a.at, start + 1050);
    script_advance_time(&f->vm, 10000);
    assert_int_equal(a.runs, 2);
    ops->timer_arm(f->host.cookie, &a.timer, UINT64_MAX / 2);
    ops->timer_arm(f->host.cookie, &b.timer, start);
    ops->timer_cancel(f->host.cookie, &a.timer);
    ops->timer_cancel(f->host.cookie, &b.timer);
    ops->timer_cancel(f->host.cookie, &b.timer);
    script_advance_time(&f->vm, 10000);
    assert_int_equal(b.runs, 1);
}

static void check_inside(void *cookie)
{
    /* Work runs inside its context: entering it again is the offence. */
    vmmp_context_enter(cookie);
    vmmp_context_leave(cookie);
}

static void test_contexts(void **state)
{
    struct fixture *f = *state;
    struct vmmp_context context;
    struct vmmp_work work = { .run = check_inside, .cookie = &context, .context = &context };
    script_fail(&f->vm, HOSTED_CALL_CONTEXT, 1);
    assert_int_equal(vmmp_host_context_init(&f->host, &context), -ENOMEM);
    assert_int_equal(vmmp_host_context_init(&f->host, &context), 0);
    vmmp_context_enter(&context);
    vmmp_context_leave(&context);
    assert_int_equal(script_errors(&f->vm), 0);
    vmmp_host_defer(&f->host, &work);
    assert_int_equal(script_run_deferred(&f->vm), 1);
    assert_int_equal(script_errors(&f->vm), 1);
    vmmp_context_leave(&context);
    assert_int_equal(script_errors(&f->vm), 2);
    script_clear_errors(&f->vm);
    /* It is as good as new. */
    vmmp_context_enter(&context);
    vmmp_context_leave(&context);
    assert_int_equal(script_errors(&f->vm), 0);
    vmmp_host_context_fini(&f->host, &context);
}

/* ---- offences and failures ---- */

static void test_offences(void **state)
{
    struct fixture *f = *state;
    assert_true(script_check(&f->vm));
    for (unsigned i = 0; i < 20; i++) {
        script_record(&f->vm, "number %u", i);
    }
    assert_int_equal(script_errors(&f->vm), 20);
    assert_string_equal(script_error(&f->vm, 15), "number 15");
    assert_null(script_error(&f->vm, 16));
    assert_false(script_check(&f->vm));
    assert_non_null(fixture_log_find(f, "offence 3 of 20: number 2"));
    script_clear_errors(&f->vm);
    assert_null(script_error(&f->vm, 0));
}

static void test_the_nth_call_fails(void **state)
{
    struct fixture *f = *state;
    unsigned before = script_calls(&f->vm, HOSTED_CALL_PAGES);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 3);
    uintptr_t at = FIXTURE_RAM_BASE + FIXTURE_RAM_SIZE;
    assert_int_equal(vm_ram_register_at(&f->vm, at, PAGE, true), 0);
    assert_int_equal(vm_ram_register_at(&f->vm, at + PAGE, PAGE, true), 0);
    assert_int_equal(vm_ram_register_at(&f->vm, at + 2 * PAGE, PAGE, true), -1);
    assert_int_equal(vm_ram_register_at(&f->vm, at + 2 * PAGE, PAGE, true), 0);
    assert_int_equal(script_calls(&f->vm, HOSTED_CALL_PAGES), before + 4);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 1);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 0);
    assert_int_equal(vm_ram_register_at(&f->vm, at + 3 * PAGE, PAGE, true), 0);
}

static void test_fails_from_the_start(void **state)
{
    simple_t simple;
    vm_t vm;
    vspace_t vspace = { NULL };
    struct script_config config = { .fail = { [HOSTED_CALL_VCPU] = 2 } };
    (void)state;
    hosted_simple_script(&simple, &config, NULL);
    assert_int_equal(vm_init(&vm, NULL, &simple, vspace, NULL, 0, "x"), 0);
    assert_non_null(vm_create_vcpu(&vm, 0));
    assert_null(vm_create_vcpu(&vm, 0));
    assert_non_null(vm_create_vcpu(&vm, 0));
    hosted_vm_destroy(&vm);
}

/* ---- src/sel4/memory.h ---- */

static memory_fault_result_t count_fault(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                         void *cookie)
{
    (void)vm;
    (void)addr;
    (void)size;
    ++*(unsigned *)cookie;
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void test_map_ram(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0x100;
    uint8_t *host = vmmp_sys_map_ram(&f->vm, FIXTURE_RAM_BASE + 0x10, 1, &size);
    assert_non_null(host);
    assert_int_equal(size, 0x100);
    script_put(f->vcpu, FIXTURE_RAM_BASE + 0x10, 1, 0x5c);
    assert_int_equal(host[0], 0x5c);
    size = UINT64_MAX;
    assert_non_null(vmmp_sys_map_ram(&f->vm, FIXTURE_RAM_BASE + PAGE, 1, &size));
    assert_int_equal(size, FIXTURE_RAM_SIZE - PAGE);
    assert_null(vmmp_sys_map_ram(&f->vm, FREE, 1, &size));
    script_fail(&f->vm, HOSTED_CALL_MAP_RAM, 1);
    assert_null(vmmp_sys_map_ram(&f->vm, FIXTURE_RAM_BASE, 1, &size));
    vmmp_sys_clean_cache(&f->vm, FIXTURE_RAM_BASE, host, 1);
}

static void test_back_reservation(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    vm_memory_reservation_t *plain =
        vm_reserve_memory_at(&f->vm, FREE, 2 * PAGE - 8, count_fault, &hits);
    assert_int_equal(vmmp_sys_back_reservation(&f->vm, plain, VMMP_SYS_FRAMES_ANONYMOUS, 0), 0);
    assert_int_equal(script_get(f->vcpu, FREE + PAGE, 4), 0);
    script_put(f->vcpu, FREE + PAGE, 4, 0x1234);
    assert_int_equal(script_get(f->vcpu, FREE + PAGE, 4), 0x1234);
    assert_int_equal(hits, 0);
    assert_int_equal(vmmp_sys_back_reservation(&f->vm, plain, VMMP_SYS_FRAMES_ANONYMOUS, 0), -1);

    vm_memory_reservation_t *odd =
        vm_reserve_memory_at(&f->vm, FREE + 0x10008, PAGE, count_fault, &hits);
    assert_int_equal(vmmp_sys_back_reservation(&f->vm, odd, VMMP_SYS_FRAMES_ANONYMOUS, 0), -1);

    vm_memory_reservation_t *device =
        vm_reserve_memory_at(&f->vm, FREE + 0x20000, 2 * PAGE, count_fault, &hits);
    assert_int_equal(vmmp_sys_back_reservation(&f->vm, device, VMMP_SYS_FRAMES_PHYSICAL, 0x7001000),
                     0);
    script_put(f->vcpu, FREE + 0x20000 + PAGE, 4, 0xfeed);
    uint32_t word;
    memcpy(&word, script_physical(&f->vm, 0x7002000, 4), 4);
    assert_int_equal(word, 0xfeed);
}

static void test_back_reservation_failures(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    uint64_t size;
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, FREE, PAGE, count_fault, &hits);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 1);
    assert_int_equal(
        vmmp_sys_back_reservation(&f->vm, reservation, VMMP_SYS_FRAMES_MAYBE_DEVICE, 0), -1);
    script_fail(&f->vm, HOSTED_CALL_MAP, 1);
    assert_int_equal(
        vmmp_sys_back_reservation(&f->vm, reservation, VMMP_SYS_FRAMES_MAYBE_DEVICE, 0), -1);
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_int_equal(vmmp_sys_back_reservation(&f->vm, reservation, VMMP_SYS_FRAMES_PHYSICAL, FREE),
                     -1);
    assert_null(hosted_vm_memory(&f->vm, FREE, &size));
    script_put(f->vcpu, FREE, 4, 0);
    assert_int_equal(hits, 1);
}

static void test_shared_page(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    uint32_t *page = vmmp_sys_shared_page(&f->vm, FREE, seL4_CanRead, VMMP_SYS_FRAMES_ANONYMOUS,
                                          count_fault, &hits);
    assert_non_null(page);
    assert_int_equal(page[0], 0);
    page[1] = 77;
    assert_int_equal(script_get(f->vcpu, FREE + 4, 4), 77);
    script_put(f->vcpu, FREE + 4, 4, 78);
    assert_int_equal(hits, 1);
    assert_int_equal(page[1], 77);

    /* A device's page at its own address, for the guest to write as well. */
    uint32_t *device = vmmp_sys_shared_page(&f->vm, FREE + PAGE, seL4_AllRights,
                                            VMMP_SYS_FRAMES_PHYSICAL, NULL, NULL);
    assert_ptr_equal(device, script_physical(&f->vm, FREE + PAGE, 4));
    script_put(f->vcpu, FREE + PAGE, 4, 9);
    assert_int_equal(device[0], 9);

    assert_null(vmmp_sys_shared_page(&f->vm, FREE, seL4_AllRights, VMMP_SYS_FRAMES_ANONYMOUS,
                                     count_fault, &hits));
    assert_null(vmmp_sys_shared_page(&f->vm, FREE + 0x10001, seL4_AllRights,
                                     VMMP_SYS_FRAMES_ANONYMOUS, count_fault, &hits));
}

static void test_shared_page_undoes_failures(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    const enum hosted_call calls[] = { HOSTED_CALL_RESERVE, HOSTED_CALL_PAGES, HOSTED_CALL_MAP };
    for (unsigned i = 0; i < 3; i++) {
        script_fail(&f->vm, calls[i], 1);
        assert_null(vmmp_sys_shared_page(&f->vm, FREE, seL4_AllRights, VMMP_SYS_FRAMES_ANONYMOUS,
                                         count_fault, &hits));
    }
    assert_non_null(vmmp_sys_shared_page(&f->vm, FREE, seL4_AllRights, VMMP_SYS_FRAMES_ANONYMOUS,
                                         count_fault, &hits));
}

static void *fake_map(void *cookie, uintptr_t paddr, size_t size, int cached, ps_mem_flags_t flags)
{
    (void)paddr;
    assert_int_equal(size, 0x20);
    assert_int_equal(cached, 0);
    assert_int_equal(flags, PS_MEM_NORMAL);
    return cookie;
}

static void test_map_registers(void **state)
{
    struct fixture *f = *state;
    uint32_t registers[8];
    volatile uint32_t *mapped = vmmp_sys_map_registers(&f->vm, 0x9000104, 0x20);
    assert_non_null(mapped);
    mapped[0] = 0xabc;
    assert_ptr_equal((const void *)mapped, script_physical(&f->vm, 0x9000104, 4));
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_null((const void *)vmmp_sys_map_registers(&f->vm, 0x9000104, 0x20));
    assert_null((const void *)vmmp_sys_map_registers(&f->vm, 0x9000104, SIZE_MAX));
    assert_null((const void *)vmmp_sys_map_registers(&f->vm, 0x9000104, 0));
    /* A client's own mapper. */
    f->io_ops.io_mapper.cookie = registers;
    f->io_ops.io_mapper.io_map_fn = fake_map;
    assert_ptr_equal((const void *)vmmp_sys_map_registers(&f->vm, 0x9000000, 0x20), registers);
}

static void test_physical(void **state)
{
    struct fixture *f = *state;
    uint8_t *low = script_physical(&f->vm, 0x3000000, 16);
    assert_non_null(low);
    assert_ptr_equal(script_physical(&f->vm, 0x3000000 + PAGE, 16), low + PAGE);
    assert_null(script_physical(&f->vm, 0x3fffff0, 32));
    assert_null(script_memory(&f->vm, 0x3000000, 1));
    assert_null(script_memory(&f->vm, FIXTURE_RAM_BASE + FIXTURE_RAM_SIZE - 4, 5));
}

static void test_fixture_log(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2 * FIXTURE_LOG_LINES; i++) {
        vmmp_log(&f->log, VMMP_LOG_INFO, VMMP_LOG_CLIENT, "line %u.", i);
    }
    assert_int_equal(f->line_count, 2 * FIXTURE_LOG_LINES);
    assert_int_equal(fixture_log_matches(f, "line"), FIXTURE_LOG_LINES);
    assert_null(fixture_log_find(f, "line 63."));
    assert_string_equal(fixture_log_find(f, "line 64."), "line 64.");
    assert_string_equal(fixture_log_find(f, "line"), "line 127.");
    fixture_log_clear(f);
    assert_int_equal(fixture_log_matches(f, "line"), 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_script(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_irq_needs_a_controller),
        WITH_FIXTURE(test_levels),
        WITH_FIXTURE(test_line_by_level),
        cmocka_unit_test(test_line_by_injection),
        WITH_FIXTURE(test_line_refuses),
        WITH_FIXTURE(test_deferred_work),
        WITH_FIXTURE(test_time_and_timers),
        WITH_FIXTURE(test_contexts),
        WITH_FIXTURE(test_offences),
        WITH_FIXTURE(test_the_nth_call_fails),
        cmocka_unit_test(test_fails_from_the_start),
        WITH_FIXTURE(test_map_ram),
        WITH_FIXTURE(test_back_reservation),
        WITH_FIXTURE(test_back_reservation_failures),
        WITH_FIXTURE(test_shared_page),
        WITH_FIXTURE(test_shared_page_undoes_failures),
        WITH_FIXTURE(test_map_registers),
        WITH_FIXTURE(test_physical),
        WITH_FIXTURE(test_fixture_log),
    };
    return cmocka_run_group_tests_name("hosted_script", tests, NULL, NULL);
}
