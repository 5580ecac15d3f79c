/* SPDX-License-Identifier: BSD-2-Clause */
/* The compatible access-controlled and forwarding devices. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vmmplatsupport/arch/ac_device.h>
#include <sel4vmmplatsupport/arch/generic_forward_device.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define BASE 0x10030000
#define SIZE 0x3000

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

static void actions(void **state)
{
    struct fixture *f = *state;
    static uint32_t mask[4] = { 0xffffffff, 0x000000ff, 0, 0 };
    struct device d = { .name = "uart", .pstart = BASE, .size = SIZE };

    for (int action = VACDEV_REPORT_ONLY; action <= VACDEV_REPORT_AND_MASK; action++) {
        d.pstart = BASE + (unsigned)action * 0x10000;
        uint32_t *registers = script_physical(&f->vm, d.pstart, SIZE);
        fixture_log_clear(f);
        assert_int_equal(vm_install_generic_ac_device(&f->vm, &d, mask, sizeof(mask),
                                                      (enum vacdev_action)action),
                         0);
        script_put(f->vcpu, d.pstart, 4, 0x11223344);
        assert_int_equal(registers[0], 0x11223344);
        assert_int_equal(fixture_log_matches(f, "[ac/uart]"), 0);
        script_put(f->vcpu, d.pstart + 4, 4, 0x55667788);
        assert_int_equal(registers[1], action == VACDEV_REPORT_ONLY ? 0x55667788 : 0x88);
        assert_int_equal(fixture_log_matches(f, "[ac/uart] pc 0x10"),
                         action == VACDEV_MASK_ONLY ? 0 : 1);
        assert_int_equal(fixture_log_matches(f, "denied bits 0x55667700 of 0x55667788"),
                         action == VACDEV_MASK_ONLY ? 0 : 1);
        /* Beyond the mask, and beyond the first page. */
        script_put(f->vcpu, d.pstart + 0x20, 4, 1);
        assert_int_equal(registers[8], 0);
        registers[0x2ffc / 4] = 0x99;
        assert_int_equal(script_get(f->vcpu, d.pstart + 0x2ffc, 4), 0x99);
    }
    assert_int_equal(vm_install_generic_ac_device(&f->vm, &d, mask, 4, VACDEV_MASK_ONLY), -1);
    assert_int_equal(vm_install_generic_ac_device(&f->vm, NULL, mask, 4, VACDEV_MASK_ONLY), -1);
    assert_int_equal(vm_install_generic_ac_device(NULL, &d, mask, 4, VACDEV_MASK_ONLY), -1);
    assert_int_equal(vm_install_generic_ac_device(&f->vm, &d, NULL, 4, VACDEV_MASK_ONLY), -1);
}

static uint32_t written_at, written_value, read_at;

static void forward_write(uint32_t addr, uint32_t value)
{
    written_at = addr;
    written_value = value;
}

static uint32_t forward_read(uint32_t addr)
{
    read_at = addr;
    return 0x44332211;
}

static void forwarding(void **state)
{
    struct fixture *f = *state;
    struct device d = { .name = "clkcar", .pstart = BASE, .size = 0x1002 };
    const struct generic_forward_cfg cfg = { forward_write, forward_read };
    const struct generic_forward_cfg nothing = { NULL, NULL };

    assert_int_equal(vm_install_generic_forward_device(&f->vm, &d, cfg), 0);
    assert_int_equal(script_get(f->vcpu, BASE + 8, 4), 0x44332211);
    assert_int_equal(read_at, 8);
    assert_int_equal(script_get(f->vcpu, BASE + 10, 2), 0x4433);
    assert_int_equal(script_get(f->vcpu, BASE + 9, 1), 0x22);
    script_put(f->vcpu, BASE + 0x1000, 2, 0xabcd);
    assert_int_equal(written_at, 0x1000);
    assert_int_equal(written_value, 0xabcd);
    d.pstart += 0x10000;
    assert_int_equal(vm_install_generic_forward_device(&f->vm, &d, nothing), 0);
    assert_int_equal(script_get(f->vcpu, d.pstart, 4), 0);
    script_put(f->vcpu, d.pstart, 4, 1);
    assert_int_equal(vm_install_generic_forward_device(&f->vm, &d, cfg), -1);
    assert_int_equal(vm_install_generic_forward_device(NULL, &d, cfg), -1);
    d.size = 0;
    assert_int_equal(vm_install_generic_forward_device(&f->vm, &d, cfg), -1);
}

int test_generic_devices(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(actions, setup, teardown),
        cmocka_unit_test_setup_teardown(forwarding, setup, teardown),
    };
    return cmocka_run_group_tests_name("generic_devices", tests, NULL, NULL);
}
