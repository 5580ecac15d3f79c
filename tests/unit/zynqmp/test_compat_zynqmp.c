/* SPDX-License-Identifier: BSD-2-Clause */
/* The board's compatible interface: the console that is not the real one. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define CR   0x00
#define IER  0x08
#define ISR  0x14
#define RXTO 0x1c
#define SR   0x2c
#define FIFO 0x30

static char printed[64];
static size_t printed_count;

static void print(int c)
{
    assert_true(printed_count < sizeof(printed));
    printed[printed_count++] = (char)c;
}

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    printed_count = 0;
    return vmmp_compat_set_log(&f->vm, &f->log);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_compat_release(&f->vm);
    return fixture_teardown(state);
}

static void out(struct fixture *f, uint32_t offset, uint32_t value)
{
    script_put(f->vcpu, UART0_PADDR + offset, 4, value);
}

static uint32_t in(struct fixture *f, uint32_t offset)
{
    return (uint32_t)script_get(f->vcpu, UART0_PADDR + offset, 4);
}

static void the_board(void **state)
{
    (void)state;
    assert_string_equal(dev_uart0.name, "uart0");
    assert_int_equal(dev_uart0.pstart, 0xff000000);
    assert_int_equal(dev_uart0.size, 0x1000);
    assert_int_equal(dev_uart1.pstart, 0xff010000);
    assert_ptr_equal(&dev_vconsole, &dev_uart0);
    assert_int_equal(VCONSOLE_IRQ, 53);
}

static void what_the_guest_prints(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vm_install_vconsole(&f->vm, print), 0);
    for (const char *c = "hello\n"; *c; c++) {
        out(f, FIFO, (uint8_t)*c);
    }
    assert_int_equal(printed_count, 6); /* Without a host that defers, each at once. */
    assert_memory_equal(printed, "hello\n", 6);
}

static void what_is_typed(void **state)
{
    struct fixture *f = *state;

    vuart_handle_irq('!'); /* Nobody is there. */
    assert_int_equal(vm_install_vconsole(&f->vm, print), 0);
    out(f, CR, 0x14);
    out(f, RXTO, 10);
    out(f, ISR, UINT32_MAX);
    out(f, IER, 0x100);
    assert_false(script_irq(f->vcpu, VCONSOLE_IRQ).level);
    vuart_handle_irq('a');
    vuart_handle_irq(0);
    vuart_handle_irq('b');
    assert_true(script_irq(f->vcpu, VCONSOLE_IRQ).level);
    assert_int_equal(in(f, FIFO), 'a');
    assert_int_equal(in(f, FIFO), 0);
    assert_int_equal(in(f, SR) & 2, 0);
    assert_int_equal(in(f, FIFO), 'b');
    assert_int_equal(in(f, SR) & 2, 2);
    out(f, ISR, 0x100);
    assert_false(script_irq(f->vcpu, VCONSOLE_IRQ).level);
}

static void typed_ahead(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vm_install_vconsole(&f->vm, NULL), 0);
    for (int i = 0; i < 600; i++) {
        vuart_handle_irq(i);
    }
    out(f, FIFO, 'x'); /* To nobody. */
    out(f, CR, 0x14);
    for (int i = 0; i < 512; i++) {
        assert_int_equal(in(f, FIFO), i & 0xff);
    }
    assert_int_equal(in(f, SR) & 2, 2);
}

static void one_console(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vm_install_vconsole(NULL, print), -1);
    assert_int_equal(vm_install_vconsole(&f->vm, print), 0);
    assert_int_equal(vm_install_vconsole(&f->vm, print), -1);
    out(f, FIFO, 'x');
    assert_int_equal(printed_count, 1);
}

/* After a reboot of the client, which zeroes .bss or releases the VM, there is room for one. */
static void another_life(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vm_install_vconsole(&f->vm, print), 0);
    fixture_fini(f);
    vmmp_compat_release(&f->vm);
    fixture_init(f, NULL);
    assert_int_equal(vmmp_compat_set_log(&f->vm, &f->log), 0);
    assert_int_equal(vm_install_vconsole(&f->vm, print), 0);
    out(f, FIFO, 'y');
    assert_int_equal(printed_count, 1);
}

static void a_place_that_is_taken(void **state)
{
    struct fixture *f = *state;
    vm_memory_reservation_t *taken =
        vm_reserve_memory_at(&f->vm, UART0_PADDR, 0x1000, default_error_fault_callback, NULL);

    assert_non_null(taken);
    assert_int_equal(vm_install_vconsole(&f->vm, print), -1);
    vuart_handle_irq('x'); /* Still nobody. */
}

int test_compat_zynqmp(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_board),
        TEST(what_the_guest_prints),
        TEST(what_is_typed),
        TEST(typed_ahead),
        TEST(one_console),
        TEST(another_life),
        TEST(a_place_that_is_taken),
    };
    return cmocka_run_group_tests_name("compat_zynqmp", tests, NULL, NULL);
}
