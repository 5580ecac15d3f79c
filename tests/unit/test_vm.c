/* SPDX-License-Identifier: BSD-2-Clause */
/* The binding of native objects to a libsel4vm VM, on the scripted engine. */
#include "support/fixture.h"

#include <errno.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_ram.h>

#define BASE UINT64_C(0x0b000000)

struct model {
    struct vmmp_window window;
    struct vmmp_context context;
    uint8_t bytes[64];
    uint64_t offset;
    unsigned size;
    uint64_t value;
    uint64_t pc;
};

static uint64_t model_read(void *device, uint64_t offset, unsigned size)
{
    struct model *model = device;
    uint64_t value = 0;

    model->offset = offset;
    model->size = size;
    model->pc = vmmp_vm_access_pc(&model->window);
    memcpy(&value, model->bytes + offset, size);
    return value | ~vmmp_all_ones(size); /* what lies above the size must not matter */
}

static void model_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct model *model = device;

    model->offset = offset;
    model->size = size;
    model->value = value;
    memcpy(model->bytes + offset, &value, size);
}

static void model_init(struct model *model)
{
    static const struct vmmp_window_ops ops = { model_read, model_write };

    memset(model, 0, sizeof(*model));
    for (unsigned i = 0; i < sizeof(model->bytes); i++) {
        model->bytes[i] = (uint8_t)(0x80 + i);
    }
    model->window = (struct vmmp_window){ .name = "model",
                                          .ops = &ops,
                                          .device = model,
                                          .size = sizeof(model->bytes),
                                          .context = &model->context };
}

/* Lanes, masks and completion: what the guest's registers hold is what the bytes say. */
static void every_width_and_lane_is_right(void **state)
{
    struct fixture *f = *state;
    struct model model;
    unsigned widest = sizeof(seL4_Word);

    model_init(&model);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE)), 0);
    for (unsigned size = 1; size <= widest; size *= 2) {
        for (uint64_t offset = 0; offset < sizeof(model.bytes); offset += size) {
            uint64_t expected = 0;
            memcpy(&expected, model.bytes + offset, size);
            assert_true(script_get(f->vcpu, BASE + offset, size) == expected);
            assert_true(model.offset == offset && model.size == size);

            script_put(f->vcpu, BASE + offset, size, UINT64_C(0x0123456789abcdef));
            assert_true(model.offset == offset && model.size == size);
            assert_true(model.value == (UINT64_C(0x0123456789abcdef) & vmmp_all_ones(size)));
        }
    }
    assert_int_equal(model.window.reads, model.window.writes);
    vmmp_vm_detach_window(&model.window);
}

static void the_pc_is_known_during_the_access(void **state)
{
    struct fixture *f = *state;
    struct model model;

    model_init(&model);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE)), 0);
    uint64_t pc = script_pc(f->vcpu);
    script_get(f->vcpu, BASE, 4);
    assert_true(model.pc == pc);
    assert_true(script_pc(f->vcpu) == pc + 4);
    assert_true(vmmp_vm_access_pc(&model.window) == 0);
    vmmp_vm_detach_window(&model.window);
}

static void attaching_checks_its_arguments(void **state)
{
    struct fixture *f = *state;
    struct model model;
    struct model other;

    model_init(&model);
    model_init(&other);
    other.window.size = 0;
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &other.window, vmmp_gpa(BASE)), -EINVAL);
    model_init(&other);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &other.window, vmmp_gpa(UINT64_MAX - 7)),
                     -EINVAL);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE)), 0);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE + 0x1000)),
                     -EINVAL);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &other.window, vmmp_gpa(BASE + 63)), -EBUSY);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &other.window, vmmp_gpa(BASE + 64)), 0);
    script_get(f->vcpu, BASE + 64, 1);
    assert_int_equal(other.window.reads, 1);
    assert_int_equal(model.window.reads, 0);

    /* Detached, the range is free, and a detached window is left alone. */
    vmmp_vm_detach_window(&model.window);
    vmmp_vm_detach_window(&model.window);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE)), 0);
    vmmp_vm_fini(&f->vmmp);
    assert_null(model.window.vm);
    assert_null(other.window.vm);
    assert_null(vm_reserve_memory_at(&f->vm, 0, 0, default_error_fault_callback, NULL));
}

static void a_failing_host_is_reported(void **state)
{
    struct fixture *f = *state;
    struct model model;
    struct vmmp_irq_line line;

    model_init(&model);
    script_fail(&f->vm, HOSTED_CALL_RESERVE, 1);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &model.window, vmmp_gpa(BASE)), -EBUSY);
    assert_null(model.window.vm);
    script_fail(&f->vm, HOSTED_CALL_IRQ_REGISTER, 1);
    assert_true(vmmp_vm_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ) < 0);
    assert_int_equal(vmmp_vm_init(NULL, &f->vm, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_vm_init(&f->vmmp, NULL, NULL, NULL), -EINVAL);
}

static void an_irq_line_reaches_the_controller(void **state)
{
    struct fixture *f = *state;
    struct vmmp_irq_line line;
    struct vmmp_irq_source source;

    assert_int_equal(vmmp_vm_irq_line_init(&f->vmmp, &line, FIXTURE_IRQ), 0);
    assert_int_equal(vmmp_irq_source_init(&source, &line), 0);
    vmmp_irq_source_set(&source, true);
    assert_true(script_irq(f->vcpu, FIXTURE_IRQ).level);
    vmmp_irq_source_set(&source, false);
    assert_false(script_irq(f->vcpu, FIXTURE_IRQ).level);
    vmmp_irq_source_fini(&source);
    vmmp_irq_line_fini(&line);
}

#ifdef CONFIG_ARCH_ARM
/* As on seL4: no levels, but an injection, and another at EOI while the line is still high. */
static void an_injecting_host_injects_again_at_eoi(void **state)
{
    struct fixture_options options = { .script = { .inject_binding = true } };
    struct fixture f;
    struct vmmp_irq_line line;
    struct vmmp_irq_source source;

    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(vmmp_vm_irq_line_init(&f.vmmp, &line, FIXTURE_IRQ), 0);
    assert_int_equal(vmmp_irq_source_init(&source, &line), 0);
    vmmp_irq_source_set(&source, true);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).injections, 1);
    assert_true(script_irq_take(f.vcpu, FIXTURE_IRQ));
    script_irq_eoi(f.vcpu, FIXTURE_IRQ);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).injections, 2);
    vmmp_irq_source_set(&source, false);
    assert_true(script_irq_take(f.vcpu, FIXTURE_IRQ));
    script_irq_eoi(f.vcpu, FIXTURE_IRQ);
    assert_int_equal(script_irq(f.vcpu, FIXTURE_IRQ).injections, 2);
    vmmp_irq_source_fini(&source);
    vmmp_irq_line_fini(&line);
    fixture_fini(&f);
}
#endif

/* libsel4vm splits its regions wherever something was allocated; a span knows no such borders. */
static void ram_is_one_piece_however_it_was_allocated(void **state)
{
    struct fixture *f = *state;

    vm_ram_mark_allocated(&f->vm, FIXTURE_RAM_BASE + 0x3000, 0x2000);
    assert_true(f->vm.mem.num_ram_regions > 1);
    uint8_t *all =
        vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(FIXTURE_RAM_BASE), FIXTURE_RAM_SIZE);
    assert_ptr_equal(all, fixture_ram(f, 0, FIXTURE_RAM_SIZE));
    assert_int_equal(f->vmmp.memory.region_count, 1);
    assert_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(FIXTURE_RAM_BASE - 1), 2));
}

static void ram_registered_late_is_found(void **state)
{
    struct fixture *f = *state;
    uint64_t late = FIXTURE_RAM_BASE + 2 * (uint64_t)FIXTURE_RAM_SIZE;

    assert_non_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(FIXTURE_RAM_BASE), 1));
    assert_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(late), 1));
    assert_int_equal(vm_ram_register_at(&f->vm, (uintptr_t)late, 0x10000, false), 0);
    assert_non_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(late), 0x10000));
    assert_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(late), 0x10001));

    /* Once all of it is mapped, a look-up changes nothing any more. */
    assert_int_equal(vmmp_vm_map_ram(&f->vmmp), 0);
    assert_null(f->vmmp.memory.resolve);
    assert_non_null(vmmp_guest_memory_span(&f->vmmp.memory, vmmp_gpa(late + 0xffff), 1));
}

static void ram_in_pages_is_mapped_where_it_is_touched(void **state)
{
    struct fixture_options options = { .script = { .ram_in_pages = true } };
    struct fixture f;
    const uint64_t base = FIXTURE_RAM_BASE;

    (void)state;
    fixture_init(&f, &options);
    assert_non_null(vmmp_guest_memory_span(&f.vmmp.memory, vmmp_gpa(base + 0x5ff8), 8));
    unsigned first = script_ram_pages(&f.vm);
    /* The page, and the first of the stretch, by which it is seen that there are only pages. */
    assert_in_range(first, 1, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(vmmp_guest_memory_span(&f.vmmp.memory, vmmp_gpa(base + 0x5010), 0x100));
        assert_int_equal(script_ram_pages(&f.vm), first);
    }
    assert_non_null(vmmp_guest_memory_span(&f.vmmp.memory, vmmp_gpa(base + 0x8ffc), 8));
    assert_int_equal(script_ram_pages(&f.vm), first + 2);
    const uint8_t *bytes = vmmp_guest_memory_span(&f.vmmp.memory, vmmp_gpa(base + 0x10000), 0x3001);
    assert_ptr_equal(bytes, fixture_ram(&f, 0x10000, 0x3001));
    assert_int_equal(script_ram_pages(&f.vm), first + 6);
    assert_null(vmmp_guest_memory_span(&f.vmmp.memory, vmmp_gpa(base + FIXTURE_RAM_SIZE - 1), 2));
    assert_int_equal(script_ram_pages(&f.vm), first + 6);
    /* It stays the host's to map: asking for all maps no more of it. */
    assert_int_equal(vmmp_vm_map_ram(&f.vmmp), 0);
    assert_non_null(f.vmmp.memory.resolve);
    assert_int_equal(script_ram_pages(&f.vm), first + 6);
    fixture_fini(&f);
}

static void ram_that_cannot_be_mapped_is_said(void **state)
{
    struct fixture_options options = { .no_ram = true };
    struct fixture f;

    (void)state;
    fixture_init(&f, &options);
    assert_int_equal(vm_ram_register_at(&f.vm, FIXTURE_RAM_BASE, 0x10000, false), 0);
    script_fail(&f.vm, HOSTED_CALL_MAP_RAM, 1);
    assert_int_equal(vmmp_vm_map_ram(&f.vmmp), -ENOMEM);
    assert_int_equal(fixture_log_matches(&f, "cannot be mapped into the VMM"), 1);
    assert_int_equal(vmmp_vm_map_ram(&f.vmmp), 0);
    fixture_fini(&f);
}

static void two_vms_do_not_see_each_other(void **state)
{
    struct fixture *a = *state;
    struct fixture b;
    struct model in_a;
    struct model in_b;

    fixture_init(&b, NULL);
    model_init(&in_a);
    model_init(&in_b);
    in_b.bytes[0] = 0x11;
    assert_int_equal(vmmp_vm_attach_window(&a->vmmp, &in_a.window, vmmp_gpa(BASE)), 0);
    assert_int_equal(vmmp_vm_attach_window(&b.vmmp, &in_b.window, vmmp_gpa(BASE)), 0);
    assert_true(script_get(a->vcpu, BASE, 1) == 0x80);
    assert_true(script_get(b.vcpu, BASE, 1) == 0x11);
    memset(fixture_ram(a, 0, 1), 0xaa, 1);
    assert_true(script_get(b.vcpu, FIXTURE_RAM_BASE, 1) == 0);
    vmmp_vm_detach_window(&in_b.window);
    fixture_fini(&b);
    assert_true(script_get(a->vcpu, BASE, 1) == 0x80);
    vmmp_vm_detach_window(&in_a.window);
}

int test_vm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_width_and_lane_is_right, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_pc_is_known_during_the_access, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(attaching_checks_its_arguments, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_failing_host_is_reported, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_irq_line_reaches_the_controller, fixture_setup,
                                        fixture_teardown),
#ifdef CONFIG_ARCH_ARM
        cmocka_unit_test(an_injecting_host_injects_again_at_eoi),
#endif
        cmocka_unit_test_setup_teardown(ram_is_one_piece_however_it_was_allocated, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(ram_in_pages_is_mapped_where_it_is_touched),
        cmocka_unit_test_setup_teardown(ram_registered_late_is_found, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(ram_that_cannot_be_mapped_is_said),
        cmocka_unit_test_setup_teardown(two_vms_do_not_see_each_other, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
