/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: making, running, stopping and destroying VMs and vCPUs. */
#include "support/fixture.h"

#include <string.h>

#include <sel4vm/guest_iospace.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vm_util.h>

static const struct fixture_options bare = { .no_vmmp = true, .no_ram = true };

static void test_init_fills_the_vm(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    assert_true(f.vm.vm_initialised);
    assert_string_equal(f.vm.vm_name, "guest");
    assert_ptr_equal(f.vm.simple, &f.simple);
    assert_ptr_equal(f.vm.io_ops, &f.io_ops);
    assert_non_null(f.vm.mem.reservation_cookie);
    assert_int_equal(f.vm.mem.num_ram_regions, 0);
    assert_int_equal(f.vm.num_vcpus, 1);
    assert_int_equal(vm_memory_init(&f.vm), 0);
    fixture_fini(&f);
}

static void test_init_refuses_bad_arguments(void **state)
{
    vm_t vm;
    simple_t simple;
    vspace_t vspace = { NULL };
    (void)state;
    memset(&simple, 0, sizeof(simple));
    hosted_simple_script(&simple, NULL, NULL);
    assert_int_equal(vm_init(NULL, NULL, &simple, vspace, NULL, 0, "x"), -1);
    assert_int_equal(vm_init(&vm, NULL, NULL, vspace, NULL, 0, "x"), -1);
    memset(&simple, 0, sizeof(simple));
    assert_int_equal(vm_init(&vm, NULL, &simple, vspace, NULL, 0, "x"), -1);
}

static void test_init_without_log_and_name(void **state)
{
    vm_t vm;
    simple_t simple;
    vspace_t vspace = { NULL };
    (void)state;
    hosted_simple_script(&simple, NULL, NULL);
    assert_int_equal(vm_init(&vm, NULL, &simple, vspace, NULL, 0, NULL), 0);
    assert_string_equal(vm.vm_name, "");
    /* A message with nobody to read it. */
    assert_null(vm_reserve_memory_at(&vm, 0, 0, NULL, NULL));
    hosted_vm_destroy(&vm);
}

static void test_destroy_zeroes_and_may_be_repeated(void **state)
{
    struct fixture f;
    vm_t zero;
    (void)state;
    memset(&zero, 0, sizeof(zero));
    fixture_init(&f, &bare);
    fixture_fini(&f);
    assert_memory_equal(&f.vm, &zero, sizeof(zero));
    hosted_vm_destroy(&f.vm);
    /* The same structure again. */
    fixture_init(&f, NULL);
    script_put(f.vcpu, FIXTURE_RAM_BASE, 4, 7);
    assert_int_equal(script_get(f.vcpu, FIXTURE_RAM_BASE, 4), 7);
    fixture_fini(&f);
}

static void test_two_vms_share_nothing(void **state)
{
    struct fixture a;
    struct fixture b;
    (void)state;
    fixture_init(&a, NULL);
    fixture_init(&b, NULL);
    script_put(a.vcpu, FIXTURE_RAM_BASE, 4, 0x11111111);
    script_put(b.vcpu, FIXTURE_RAM_BASE, 4, 0x22222222);
    assert_int_equal(script_get(a.vcpu, FIXTURE_RAM_BASE, 4), 0x11111111);
    assert_int_equal(a.vcpu->vcpu_id, 0);
    assert_int_equal(b.vcpu->vcpu_id, 0);
    script_record(&a.vm, "only here");
    assert_int_equal(script_errors(&b.vm), 0);
    script_clear_errors(&a.vm);
    fixture_fini(&a);
    assert_int_equal(script_get(b.vcpu, FIXTURE_RAM_BASE, 4), 0x22222222);
    fixture_fini(&b);
}

static void test_vcpus(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    for (unsigned i = 1; i < CONFIG_MAX_NUM_NODES; i++) {
        vm_vcpu_t *vcpu = vm_create_vcpu(&f.vm, (int)i);
        assert_non_null(vcpu);
        assert_ptr_equal(f.vm.vcpus[i], vcpu);
        assert_ptr_equal(vcpu->vm, &f.vm);
        assert_int_equal(vcpu->vcpu_id, i);
        assert_int_equal(vcpu->target_cpu, -1);
        assert_int_equal(vcpu->tcb.priority, i);
        assert_false(is_vcpu_online(vcpu));
    }
    assert_null(vm_create_vcpu(&f.vm, 0));
    char limit[32];
    snprintf(limit, sizeof(limit), "at most %d vCPUs", CONFIG_MAX_NUM_NODES);
    assert_non_null(fixture_log_find(&f, limit));
    assert_int_equal(f.vm.num_vcpus, CONFIG_MAX_NUM_NODES);
    fixture_fini(&f);
}

static void test_vcpu_creation_can_fail(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    script_fail(&f.vm, HOSTED_CALL_VCPU, 1);
    assert_null(vm_create_vcpu(&f.vm, 0));
    assert_int_equal(f.vm.num_vcpus, 1);
    assert_non_null(vm_create_vcpu(&f.vm, 0));
    fixture_fini(&f);
}

static void test_targets(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    vm_vcpu_t *second = vm_create_vcpu(&f.vm, 0);
    vm_vcpu_t *third = vm_create_vcpu(&f.vm, 0);
    assert_ptr_equal(vm_find_free_unassigned_vcpu(&f.vm), second);
    assert_int_equal(vm_assign_vcpu_target(second, 0), -1);
    assert_int_equal(second->target_cpu, -1);
    assert_int_equal(vm_assign_vcpu_target(second, 3), 0);
    assert_int_equal(vm_assign_vcpu_target(second, 3), 0);
    assert_int_equal(vm_assign_vcpu_target(third, 3), -1);
    assert_ptr_equal(vm_vcpu_for_target_cpu(&f.vm, 3), second);
    assert_null(vm_vcpu_for_target_cpu(&f.vm, 5));
    assert_ptr_equal(vm_find_free_unassigned_vcpu(&f.vm), third);
    /* Upstream refuses this while another vCPU has no target either. */
    assert_int_equal(vm_assign_vcpu_target(second, -1), 0);
    assert_int_equal(second->target_cpu, -1);
    assert_int_equal(vm_assign_vcpu_target(second, -2), -1);
    assert_int_equal(vm_assign_vcpu_target(NULL, 1), -1);
    fixture_fini(&f);
}

static void test_util(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    assert_ptr_equal(vm_get_vspace(&f.vm), &f.vm.mem.vm_vspace);
    assert_ptr_equal(vm_get_vmm_vspace(&f.vm), &f.vm.mem.vmm_vspace);
    assert_int_equal(vm_get_vcpu(&f.vm, CONFIG_MAX_NUM_NODES - 1), seL4_CapNull);
    assert_int_equal(vm_get_vcpu(&f.vm, -1), seL4_CapNull);
    assert_int_equal(vm_get_vcpu(&f.vm, 0), f.vcpu->vcpu.cptr);
    assert_int_equal(vm_get_vcpu_tcb(f.vcpu), f.vcpu->tcb.tcb.cptr);
    assert_int_equal(vcpu_start(f.vcpu), 0);
    assert_true(is_vcpu_online(f.vcpu));
    assert_int_equal(vcpu_start(f.vcpu), 0);
    assert_int_equal(vcpu_start(NULL), -1);
    fixture_fini(&f);
}

static void test_stop_before_run(void **state)
{
    struct fixture f;
    uint64_t value;
    (void)state;
    fixture_init(&f, NULL);
    hosted_vm_stop(&f.vm, 17);
    hosted_vm_stop(&f.vm, 18);
    /* A guest that is being stopped gets no further. */
    assert_int_equal(script_read(f.vcpu, 0x10, 4, &value), SCRIPT_STOPPED);
    assert_int_equal(vm_run(&f.vm), 17);
    /* And again, afterwards. */
    hosted_vm_stop(&f.vm, -1);
    assert_int_equal(vm_run(&f.vm), -1);
    fixture_fini(&f);
}

static void *run_vm(void *cookie)
{
    return (void *)(intptr_t)vm_run(cookie);
}

static void test_stop_from_another_thread(void **state)
{
    struct fixture f;
    pthread_t thread;
    void *result;
    (void)state;
    fixture_init(&f, NULL);
    assert_int_equal(pthread_create(&thread, NULL, run_vm, &f.vm), 0);
    hosted_vm_stop(&f.vm, 5);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, 5);
    fixture_fini(&f);
}

static int on_notification(vm_t *vm, seL4_Word badge, seL4_MessageInfo_t tag, void *cookie)
{
    assert_non_null(vm);
    assert_int_equal(tag.words[0], 0);
    *(seL4_Word *)cookie = badge;
    return 4;
}

static void test_notification(void **state)
{
    struct fixture f;
    seL4_Word seen = 0;
    (void)state;
    fixture_init(&f, &bare);
    assert_int_equal(hosted_vm_notify(&f.vm, 3), 0);
    assert_int_equal(vm_register_notification_callback(&f.vm, on_notification, &seen), 0);
    assert_int_equal(hosted_vm_notify(&f.vm, 0x30), 4);
    assert_int_equal(seen, 0x30);
    assert_int_equal(vm_register_notification_callback(NULL, on_notification, &seen), -1);
    assert_int_equal(vm_register_unhandled_mem_fault_callback(NULL, NULL, NULL), -1);
    fixture_fini(&f);
}

static void test_client_lock_excludes(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    hosted_vm_lock(&f.vm);
    hosted_vm_unlock(&f.vm);
    hosted_vm_lock(&f.vm);
    hosted_vm_unlock(&f.vm);
    fixture_fini(&f);
}

static void test_iospace_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, &bare);
    assert_int_equal(vm_guest_add_iospace(&f.vm, &f.vm.mem.vmm_vspace, 1), -1);
    assert_non_null(fixture_log_find(&f, "IOMMU"));
    fixture_fini(&f);
}

static void test_io_ops(void **state)
{
    ps_io_ops_t io_ops;
    void *memory = NULL;
    (void)state;
    hosted_io_ops_init(&io_ops);
    assert_int_equal(ps_calloc(&io_ops.malloc_ops, 3, 5, &memory), 0);
    for (unsigned i = 0; i < 15; i++) {
        assert_int_equal(((uint8_t *)memory)[i], 0);
    }
    assert_int_equal(ps_free(&io_ops.malloc_ops, 15, memory), 0);
    assert_int_equal(ps_malloc(&io_ops.malloc_ops, 8, &memory), 0);
    assert_int_equal(ps_free(&io_ops.malloc_ops, 8, memory), 0);
    assert_int_equal(ps_malloc(&io_ops.malloc_ops, 0, &memory), -1);
    assert_int_equal(ps_free(&io_ops.malloc_ops, 0, NULL), -1);
    assert_null(io_ops.io_mapper.io_map_fn);
}

int test_hosted_vm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_fills_the_vm),
        cmocka_unit_test(test_init_refuses_bad_arguments),
        cmocka_unit_test(test_init_without_log_and_name),
        cmocka_unit_test(test_destroy_zeroes_and_may_be_repeated),
        cmocka_unit_test(test_two_vms_share_nothing),
        cmocka_unit_test(test_vcpus),
        cmocka_unit_test(test_vcpu_creation_can_fail),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_util),
        cmocka_unit_test(test_stop_before_run),
        cmocka_unit_test(test_stop_from_another_thread),
        cmocka_unit_test(test_notification),
        cmocka_unit_test(test_client_lock_excludes),
        cmocka_unit_test(test_iospace_is_refused),
        cmocka_unit_test(test_io_ops),
    };
    return cmocka_run_group_tests_name("hosted_vm", tests, NULL, NULL);
}
