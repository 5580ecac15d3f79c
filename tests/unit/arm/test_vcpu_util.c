/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <libfdt.h>

#include <sel4vm/guest_irq_controller.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/irq_defs.h>
#include <sel4vmmplatsupport/arch/service.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/addr.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

static uint8_t tree[8192];

static int setup(void **state)
{
    if (fixture_setup(state)) {
        return -1;
    }
    struct fixture *f = *state;
    return vmmp_compat_set_log(&f->vm, &f->log);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_compat_release(&f->vm);
    return fixture_teardown(state);
}

static uint32_t cell(const char *path, const char *name)
{
    int length = 0;
    vmmp_be32_t value;
    const void *raw = fdt_getprop(tree, fdt_path_offset(tree, path), name, &length);
    if (!raw || length != 4) {
        fail_msg("%s has no cell %s", path, name);
    }
    memcpy(&value, raw, 4);
    return vmmp_be32_get(value);
}

static void expect_text(const char *path, const char *name, const void *text, size_t size)
{
    int length = 0;
    const void *raw = fdt_getprop(tree, fdt_path_offset(tree, path), name, &length);
    if (!raw) {
        fail_msg("%s has no %s", path, name);
    }
    assert_int_equal(length, size);
    assert_memory_equal(raw, text, size);
}

#define EXPECT_TEXT(path, name, text) expect_text(path, name, text, sizeof(text))

static void a_vcpu_is_ready_to_run(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu = create_vmm_plat_vcpu(&f->vm, 0);

    assert_non_null(vcpu);
    assert_ptr_equal(vcpu->vm, &f->vm);
    assert_ptr_equal(vcpu->vcpu_arch.unhandled_vcpu_callback, vmm_handle_arm_vcpu_exception);
    assert_true(script_irq(vcpu, PPI_VTIMER_IRQ).registered);
    assert_true(script_irq(vcpu, SGI_RESCHEDULE_IRQ).registered);
    assert_true(script_irq(vcpu, SGI_FUNC_CALL).registered);
    assert_int_equal(vm_inject_irq(vcpu, PPI_VTIMER_IRQ), 0);
    assert_true(script_irq_take(vcpu, PPI_VTIMER_IRQ));
    script_irq_eoi(vcpu, PPI_VTIMER_IRQ);
    assert_int_equal(script_irq(vcpu, PPI_VTIMER_IRQ).acks, 1);
    assert_null(create_vmm_plat_vcpu(NULL, 0));
}

static void no_more_vcpus_than_nodes(void **state)
{
    struct fixture *f = *state;

    while (f->vm.num_vcpus < CONFIG_MAX_NUM_NODES) {
        assert_non_null(create_vmm_plat_vcpu(&f->vm, 0));
    }
    assert_null(create_vmm_plat_vcpu(&f->vm, 0));
    assert_non_null(fixture_log_find(f, "cannot be created"));
}

static void one_cpu_has_psci_as_well(void **state)
{
    struct fixture *f = *state;

    f->vm.vcpus[0]->vcpu_id = 0;
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    assert_int_equal(fdt_generate_plat_vcpu_node(&f->vm, tree), 0);
    assert_int_equal(cell("/cpus", "#address-cells"), 1);
    assert_int_equal(cell("/cpus", "#size-cells"), 0);
    EXPECT_TEXT("/cpus/cpu@0", "device_type", "cpu");
    EXPECT_TEXT("/cpus/cpu@0", "compatible", PLAT_CPU_COMPAT);
    assert_int_equal(cell("/cpus/cpu@0", "reg"), 0);
    EXPECT_TEXT("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
    EXPECT_TEXT("/psci", "method", "smc");
    EXPECT_TEXT("/psci", "status", "okay");
    assert_int_equal(cell("/psci", "cpu_off"), 0x84000002);
#if defined(CONFIG_ARCH_AARCH64)
    assert_int_equal(cell("/psci", "cpu_on"), 0xc4000003);
    assert_int_equal(cell("/psci", "cpu_suspend"), 0xc4000001);
#else
    assert_int_equal(cell("/psci", "cpu_on"), 0x84000003);
    assert_int_equal(cell("/psci", "cpu_suspend"), 0x84000001);
#endif
}

static void many_cpus_with_large_numbers(void **state)
{
    static const char *const paths[] = { "/cpus/cpu@0", "/cpus/cpu@1", "/cpus/cpu@1234abcd",
                                         "/cpus/cpu@ffffffff" };
    struct fixture *f = *state;

    while (f->vm.num_vcpus < 4) {
        assert_non_null(create_vmm_plat_vcpu(&f->vm, 0));
    }
    f->vm.vcpus[0]->vcpu_id = 0;
    f->vm.vcpus[1]->vcpu_id = 1;
    f->vm.vcpus[2]->vcpu_id = 0x1234abcd;
    f->vm.vcpus[3]->vcpu_id = UINT32_MAX;
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    assert_int_equal(fdt_generate_plat_vcpu_node(&f->vm, tree), 0);
    int node = fdt_first_subnode(tree, fdt_path_offset(tree, "/cpus"));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(node, fdt_path_offset(tree, paths[i])); /* In order. */
        assert_int_equal(cell(paths[i], "reg"), f->vm.vcpus[i]->vcpu_id);
        EXPECT_TEXT(paths[i], "enable-method", "psci");
        node = fdt_next_subnode(tree, node);
    }
    assert_int_equal(node, -FDT_ERR_NOTFOUND);
}

static void what_the_tree_has_is_kept(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    int psci = fdt_add_subnode(tree, 0, "psci");
    assert_int_equal(fdt_setprop_string(tree, psci, "method", "hvc"), 0);
    assert_int_equal(fdt_generate_plat_vcpu_node(&f->vm, tree), 0);
    EXPECT_TEXT("/psci", "method", "hvc");
    assert_null(fdt_getprop(tree, fdt_path_offset(tree, "/psci"), "cpu_on", NULL));
    /* A second time there are CPUs already: an error, not an abort. */
    assert_int_equal(fdt_generate_plat_vcpu_node(&f->vm, tree), -FDT_ERR_EXISTS);
    assert_int_equal(fixture_log_matches(f, "/cpus and /psci cannot be added"), 1);
}

static void a_tree_without_room_is_an_error(void **state)
{
    struct fixture *f = *state;

    for (int room = 64; room < 1000; room++) {
        memset(tree, 0xee, sizeof(tree));
        if (fdt_create_empty_tree(tree, room)) {
            continue;
        }
        int err = fdt_generate_plat_vcpu_node(&f->vm, tree);
        assert_true(err == 0 || err == -FDT_ERR_NOSPACE);
        assert_true(err == 0 || room < 700);
        assert_int_equal(tree[room], 0xee);
    }
    memset(tree, 0, sizeof(tree));
    assert_true(fdt_generate_plat_vcpu_node(&f->vm, tree) < 0);
    assert_true(fdt_generate_plat_vcpu_node(NULL, tree) < 0);
    assert_true(fdt_generate_plat_vcpu_node(&f->vm, NULL) < 0);
}

static void a_service_needs_sel4(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vmm_install_service(NULL, 1, 9, 0), seL4_InvalidArgument);
    assert_int_equal(vmm_install_service(&f->vm, 1, -1, 0), seL4_InvalidArgument);
    assert_int_equal(vmm_install_service(&f->vm, 1, 16, 0), seL4_InvalidArgument);
    assert_int_equal(vmm_install_service(&f->vm, 1, 15, 0), seL4_IllegalOperation);
    assert_int_equal(fixture_log_matches(f, "has no capabilities to call services by"), 1);
}

int test_vcpu_util(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_vcpu_is_ready_to_run, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_vcpus_than_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_cpu_has_psci_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(many_cpus_with_large_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_tree_has_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_without_room_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_service_needs_sel4, setup, teardown),
    };
    return cmocka_run_group_tests_name("vcpu_util", tests, NULL, NULL);
}
