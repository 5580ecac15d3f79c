/* SPDX-License-Identifier: BSD-2-Clause */
/* device.h, device_utils.h, guest_memory_util.h and vmmp/compat.h on the scripted engine. */
#include "support/fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/device.h>
#include <sel4vmmplatsupport/device_utils.h>
#include <sel4vmmplatsupport/guest_memory_util.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define BASE 0x0b000000

static void a_list_is_sorted_and_searched(void **state)
{
    device_list_t list;
    struct device devices[] = {
        { .name = "c", .pstart = 0x3000, .size = 0x1000 },
        { .name = "a", .pstart = 0x1000, .size = 0x10 },
        { .name = "b", .pstart = 0x2000, .size = 0x1000 },
        { .name = "top", .pstart = (seL4_Word)-0x1000, .size = 0x1000 },
    };

    (void)state;
    assert_int_equal(device_list_init(NULL), -1);
    assert_int_equal(device_list_init(&list), 0);
    assert_null(find_device_by_pa(&list, 0x1000));
    assert_int_equal(add_device(&list, NULL), -1);
    assert_int_equal(add_device(NULL, &devices[0]), -1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(add_device(&list, &devices[i]), 0);
    }
    assert_int_equal(list.num_devices, 4);
    assert_string_equal(list.devices[0].name, "a");
    assert_string_equal(list.devices[2].name, "c");
    assert_string_equal(find_device_by_pa(&list, 0x100f)->name, "a");
    assert_null(find_device_by_pa(&list, 0x1010));
    assert_null(find_device_by_pa(&list, 0xfff));
    assert_string_equal(find_device_by_pa(&list, 0x2fff)->name, "b");
    assert_string_equal(find_device_by_pa(&list, UINTPTR_MAX)->name, "top");
    assert_null(find_device_by_pa(NULL, 0));
    free(list.devices);
}

static void passthrough_shows_the_device(void **state)
{
    struct fixture *f = *state;
    struct device device = { .name = "dev", .pstart = BASE, .size = 0x1800 };
    uint8_t *registers = script_physical(&f->vm, BASE, 0x2000);

    registers[0x1ffc] = 0x5a;
    assert_int_equal(vm_install_passthrough_device(&f->vm, &device), 0);
    assert_true(script_get(f->vcpu, BASE + 0x1ffc, 1) == 0x5a);
    script_put(f->vcpu, BASE + 8, 4, 0x11223344);
    assert_int_equal(registers[8], 0x44);
    assert_int_equal(vm_install_passthrough_device(&f->vm, &device), -1);
    assert_int_equal(vm_install_passthrough_device(NULL, &device), -1);
    assert_int_equal(vm_install_passthrough_device(&f->vm, NULL), -1);
    device.size = 0;
    assert_int_equal(vm_install_passthrough_device(&f->vm, &device), 0);
    device.size = (seL4_Word)-1;
    assert_int_equal(vm_install_passthrough_device(&f->vm, &device), -1);
}

static void a_failed_installation_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct device device = { .name = "dev", .pstart = BASE, .size = 0x1000 };

    assert_int_equal(vmmp_compat_set_log(&f->vm, &f->log), 0);
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_int_equal(vm_install_passthrough_device(&f->vm, &device), -1);
    assert_int_equal(fixture_log_matches(f, "device dev at 0xb000000"), 1);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 1);
    assert_int_equal(vm_install_ram_only_device(&f->vm, &device), -1);
    script_fail(&f->vm, HOSTED_CALL_RESERVE, 1);
    assert_int_equal(vm_install_listening_device(&f->vm, &device), -1);
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_int_equal(vm_install_listening_device(&f->vm, &device), -1);
    assert_int_equal(vm_install_ram_only_device(&f->vm, &device), 0);
}

static void ram_only_is_zeroed_memory(void **state)
{
    struct fixture *f = *state;
    struct device device = { .name = "ram", .pstart = BASE, .size = 0x1000 };

    assert_int_equal(vm_install_ram_only_device(&f->vm, &device), 0);
    assert_true(script_get(f->vcpu, BASE + 0xffc, 4) == 0);
    script_put(f->vcpu, BASE + 0x10, 2, 0xbeef);
    assert_true(script_get(f->vcpu, BASE + 0x10, 4) == 0xbeef);
}

/* defects.md 16: the whole size is there, also of a device that is no multiple of a page. */
static void listening_performs_and_reports(void **state)
{
    struct fixture *f = *state;
    struct device device = { .name = "timer", .pstart = BASE, .size = 0x2800 };
    struct vmmp_log log = f->log;
    uint8_t *registers = script_physical(&f->vm, BASE, 0x3000);

    log.level = VMMP_LOG_INFO;
    assert_int_equal(vmmp_compat_set_log(&f->vm, &log), 0);
    assert_int_equal(vm_install_listening_device(&f->vm, &device), 0);
    memcpy(registers + 0x27f8, "\x78\x56\x34\x12", 4);
    assert_true(script_get(f->vcpu, BASE + 0x27f8, 4) == 0x12345678);
    assert_int_equal(
        fixture_log_matches(f, "[Listener/timer] read 0x12345678 address 0xb0027f8 @ pc 0x1000"),
        1);
    script_put(f->vcpu, BASE + 0x27fa, 2, 0xffffbeef);
    assert_memory_equal(registers + 0x27f8, "\x78\x56\xef\xbe", 4);
    assert_int_equal(fixture_log_matches(f, "write 0xbeef address 0xb0027fa"), 1);
    script_put(f->vcpu, BASE + 3, 1, 0x77);
    assert_int_equal(registers[3], 0x77);
    assert_int_equal(vm_install_listening_device(&f->vm, &device), -1);
    assert_int_equal(vm_install_listening_device(NULL, &device), -1);
    device.size = 0;
    assert_int_equal(vm_install_listening_device(&f->vm, &device), 0);
}

static memory_fault_result_t count_fault(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t length,
                                         void *cookie)
{
    (void)vm;
    (void)addr;
    (void)length;
    ++*(unsigned *)cookie;
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void a_shared_page_reads_and_traps(void **state)
{
    struct fixture *f = *state;
    unsigned faults = 0;
    uint8_t *page =
        create_allocated_reservation_frame(&f->vm, BASE, seL4_CanRead, count_fault, &faults);

    assert_non_null(page);
    assert_int_equal(page[0] | page[4095], 0);
    page[5] = 0x42;
    assert_true(script_get(f->vcpu, BASE + 5, 1) == 0x42);
    assert_int_equal(faults, 0);
    script_put(f->vcpu, BASE + 5, 1, 0);
    assert_int_equal(faults, 1);
    assert_int_equal(page[5], 0x42);
    assert_null(
        create_allocated_reservation_frame(&f->vm, BASE, seL4_AllRights, count_fault, NULL));
    assert_null(create_allocated_reservation_frame(&f->vm, BASE + 0x1004, seL4_AllRights,
                                                   count_fault, NULL));

    uint8_t *registers = script_physical(&f->vm, BASE + 0x2000, 0x1000);
    volatile uint8_t *device =
        create_device_reservation_frame(&f->vm, BASE + 0x2000, seL4_CanRead, count_fault, &faults);
    assert_non_null(device);
    device[1] = 9;
    assert_int_equal(registers[1], 9);
    assert_true(script_get(f->vcpu, BASE + 0x2001, 1) == 9);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 1);
    assert_null(
        create_allocated_reservation_frame(&f->vm, BASE + 0x4000, seL4_CanRead, count_fault, NULL));
    assert_non_null(
        create_allocated_reservation_frame(&f->vm, BASE + 0x4000, seL4_CanRead, count_fault, NULL));
}

static vm_memory_reservation_t *reserve(struct fixture *f, uintptr_t at)
{
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, at, 0x2000, default_error_fault_callback, NULL);
    assert_non_null(reservation);
    return reservation;
}

static void reservations_are_backed(void **state)
{
    struct fixture *f = *state;
    uint8_t *registers = script_physical(&f->vm, 0x0c000000, 0x4000);

    registers[0x1000] = 1;
    registers[0x3000] = 3;
    assert_int_equal(map_ut_alloc_reservation(&f->vm, reserve(f, 0x0c000000)), 0);
    assert_true(script_get(f->vcpu, 0x0c001000, 1) == 1);
    /* The page of the given address counts. */
    assert_int_equal(map_ut_alloc_reservation_with_base_paddr(&f->vm, 0x0c002123, reserve(f, BASE)),
                     0);
    assert_true(script_get(f->vcpu, BASE + 0x1000, 1) == 3);
    assert_int_equal(map_frame_alloc_reservation(&f->vm, reserve(f, BASE + 0x10000)), 0);
    script_put(f->vcpu, BASE + 0x11ff8, 4, 7);
    assert_true(script_get(f->vcpu, BASE + 0x11ff8, 4) == 7);
    assert_int_equal(map_maybe_device_reservation(&f->vm, reserve(f, BASE + 0x20000)), 0);
    assert_true(script_get(f->vcpu, BASE + 0x20000, 4) == 0);
    script_fail(&f->vm, HOSTED_CALL_PAGES, 1);
    assert_int_equal(map_frame_alloc_reservation(&f->vm, reserve(f, BASE + 0x30000)), -1);
}

static void the_native_side_of_a_vm_is_found_again(void **state)
{
    struct fixture *f = *state;
    struct fixture other;

    fixture_init(&other, NULL);
    struct vmmp_vm *native = vmmp_compat_vm(&f->vm);
    assert_non_null(native);
    assert_ptr_equal(native->vm, &f->vm);
    assert_ptr_equal(vmmp_compat_vm(&f->vm), native);
    assert_ptr_not_equal(vmmp_compat_vm(&other.vm), native);
    assert_null(vmmp_compat_vm(NULL));
    vmmp_compat_release(&other.vm);
    vmmp_compat_release(&other.vm);
    vmmp_compat_release(NULL);
    assert_ptr_equal(vmmp_compat_vm(&f->vm), native);
    fixture_fini(&other);
}

static void places_are_limited_and_come_back(void **state)
{
    static vm_t vms[VMMP_COMPAT_VMS + 1];
    unsigned made = 0;

    (void)state;
    while (made <= VMMP_COMPAT_VMS && vmmp_compat_vm(&vms[made])) {
        made++;
    }
    assert_int_equal(made, VMMP_COMPAT_VMS);
    assert_int_equal(vmmp_compat_set_log(&vms[made], NULL), -ENOSPC);
    vmmp_compat_release(&vms[0]);
    assert_non_null(vmmp_compat_vm(&vms[made]));
    for (unsigned i = 0; i <= VMMP_COMPAT_VMS; i++) {
        vmmp_compat_release(&vms[i]);
    }
}

int test_compat_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_sorted_and_searched),
        cmocka_unit_test_setup_teardown(passthrough_shows_the_device, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_failed_installation_leaves_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(ram_only_is_zeroed_memory, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(listening_performs_and_reports, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_shared_page_reads_and_traps, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reservations_are_backed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_native_side_of_a_vm_is_found_again, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(places_are_limited_and_come_back),
    };
    return cmocka_run_group_tests_name("compat_memory", tests, NULL, NULL);
}
