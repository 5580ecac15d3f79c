/* SPDX-License-Identifier: BSD-2-Clause */
/* The board's compatible interface, against pages of registers that the test made up. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <stdlib.h>

#include <sel4vmmplatsupport/arch/generic_forward_device.h>
#include <sel4vmmplatsupport/device_utils.h>
#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/plat/usb.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define USB2   0x7d004000
#define USBCMD 0x130

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

static void the_board(void **state)
{
    static const struct {
        const struct device *device;
        uint32_t at;
    } devices[] = {
        { &dev_uartd, 0x70006000 },
        { &dev_clkcar, 0x60006000 },
        { &dev_usb1, 0x7d000000 },
        { &dev_usb3, 0x7d008000 },
        { &dev_sdmmc, 0x700b0000 },
        { &dev_rtc_kbc_pmc, 0x7000e000 },
        { &dev_data_memory, 0x40000000 },
        { &dev_exception_vectors, 0x6000f000 },
        { &dev_system_registers, 0x6000c000 },
        { &dev_ictlr, 0x60004000 },
        { &dev_apb_misc, 0x70000000 },
        { &dev_fuse, 0x7000f000 },
        { &dev_gpios, 0x6000d000 },
    };
    struct fixture *f = *state;

    assert_ptr_equal(&dev_vconsole, &dev_uartd);
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        const struct device *device = devices[i].device;
        assert_int_equal(device->pstart, devices[i].at);
        assert_int_equal(device->size, 0x1000);
        assert_non_null(device->name);
        uint32_t *registers = script_physical(&f->vm, devices[i].at, 0x1000);
        assert_non_null(registers);
        /* They do not overlap: each can be a guest's. */
        assert_int_equal(vm_install_passthrough_device(&f->vm, device), 0);
        registers[3] = 0x1234 + (uint32_t)i;
        assert_int_equal(script_get(f->vcpu, devices[i].at + 12, 4), 0x1234 + i);
    }
}

static uint32_t last_write;

static void forward_write(uint32_t addr, uint32_t value)
{
    last_write = addr << 16 | value;
}

static uint32_t forward_read(uint32_t addr)
{
    return addr + 1;
}

static void clocks_and_uarts_are_forwarded(void **state)
{
    static const struct device *const devices[] = { &dev_vconsole, &dev_clkcar };
    const struct generic_forward_cfg forward = { forward_write, forward_read };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(vm_install_generic_forward_device(&f->vm, devices[i], forward), 0);
        script_put(f->vcpu, devices[i]->pstart + 0x300, 4, 0x41);
        assert_int_equal(last_write, 0x03000041);
        assert_int_equal(script_get(f->vcpu, devices[i]->pstart + 0x314, 4), 0x315);
    }
}

static void usb_is_the_guests_until_it_is_reset(void **state)
{
    struct fixture *f = *state;
    reboot_hooks_list_t hooks = { NULL, 0 };
    uint32_t *registers = script_physical(&f->vm, USB2, 0x1000);

    assert_non_null(registers);
    assert_int_equal(vm_install_tk1_usb_passthrough_device(&f->vm, &hooks), 0);
    assert_int_equal(hooks.nhooks, 1);
    script_put(f->vcpu, USB2 + USBCMD, 4, 0x80001);
    assert_int_equal(registers[USBCMD / 4], 0x80001);
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, &hooks), 0);
    assert_int_equal(registers[USBCMD / 4], 0x80003); /* The other bits stay. */
    /* The page is taken. */
    assert_int_equal(vm_install_tk1_usb_passthrough_device(&f->vm, &hooks), -1);
    assert_int_equal(hooks.nhooks, 1);
    assert_int_equal(vm_install_tk1_usb_passthrough_device(&f->vm, NULL), -1);
    assert_int_equal(vm_install_tk1_usb_passthrough_device(NULL, &hooks), -1);
    free(hooks.rb_hooks);
}

int test_compat_tk1(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_board),
        TEST(clocks_and_uarts_are_forwarded),
        TEST(usb_is_the_guests_until_it_is_reset),
    };
    return cmocka_run_group_tests_name("compat_tk1", tests, NULL, NULL);
}
