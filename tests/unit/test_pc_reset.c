/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/pc_reset.h>

struct machine {
    struct vmmp_pc_reset device;
    unsigned resets;
    unsigned exits;
    uint32_t code;
};

static void on_reset(void *cookie)
{
    ((struct machine *)cookie)->resets++;
}

static void on_exit_code(void *cookie, uint32_t code)
{
    struct machine *m = cookie;
    m->exits++;
    m->code = code;
}

static void make(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    const struct vmmp_pc_reset_config config = { .reset = on_reset,
                                                 .debug_exit = on_exit_code,
                                                 .cookie = m };
    assert_int_equal(vmmp_pc_reset_init(&m->device, &config), 0);
}

static unsigned in(struct vmmp_window *window)
{
    return (unsigned)vmmp_window_read(window, 0, 1);
}

static void out(struct vmmp_window *window, unsigned value)
{
    vmmp_window_write(window, 0, 1, value);
}

static void port_92_resets_when_its_bit_rises(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    struct vmmp_window *port = &m.device.port_a;
    assert_int_equal(in(port), 2);
    out(port, 0xfe);
    assert_int_equal(in(port), 2);
    assert_int_equal(m.resets, 0);
    out(port, 1);
    assert_int_equal(m.resets, 1);
    out(port, 1);
    assert_int_equal(m.resets, 1);
    out(port, 0);
    out(port, 3);
    assert_int_equal(m.resets, 2);
    vmmp_pc_reset_fini(&m.device);
}

static void port_cf9_resets_when_its_bit_rises(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    struct vmmp_window *port = &m.device.control;
    assert_int_equal(in(port), 0);
    out(port, 0x02); /* As Linux does: the kind of reset, then the reset. */
    assert_int_equal(in(port), 0x02);
    assert_int_equal(m.resets, 0);
    out(port, 0x06);
    out(port, 0x06);
    assert_int_equal(m.resets, 1);
    vmmp_pc_reset_restart(&m.device);
    assert_int_equal(in(port), 0);
    out(port, 0xff);
    assert_int_equal(in(port), 0x0e);
    assert_int_equal(m.resets, 2);
    vmmp_pc_reset_fini(&m.device);
}

static void the_8042_answers_and_resets(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    struct vmmp_window *data = &m.device.keyboard_data;
    struct vmmp_window *command = &m.device.keyboard_command;
    assert_int_equal(in(command), 0x10);
    out(command, 0xaa);
    assert_int_equal(in(command), 0x15);
    assert_int_equal(in(data), 0x55);
    assert_int_equal(in(command), 0x14);
    out(command, 0x60);
    assert_int_equal(in(command), 0x1c);
    out(data, 0x47);
    out(command, 0xad);
    out(command, 0xa7);
    out(command, 0x20);
    assert_int_equal(in(data), 0x77);
    out(command, 0xae);
    out(command, 0xa8);
    out(command, 0x20);
    assert_int_equal(in(data), 0x47);
    for (unsigned test = 0xa9; test <= 0xab; test += 2) {
        out(command, test);
        assert_int_equal(in(data), 1); /* Neither mouse nor keyboard. */
    }
    out(command, 0xd3); /* Linux tries a mouse's port with 5a, and is told at once. */
    out(data, 0x5a);
    unsigned status = in(command);
    assert_int_equal(status & 1, 1);
    assert_int_not_equal(in(data), 0x5a);
    out(data, 0xff); /* Nobody hears it. */
    assert_int_equal(in(command), 0x14);
    out(command, 0xd0);
    assert_int_equal(in(data), 3);
    out(command, 0xd1);
    out(data, 1);
    out(command, 0xd0);
    assert_int_equal(in(data), 1);
    assert_int_equal(m.resets, 0);
    out(command, 0xff); /* Pulses nothing. */
    assert_int_equal(m.resets, 0);
    out(command, 0xfe);
    assert_int_equal(m.resets, 1);
    out(command, 0xd1);
    out(data, 0);
    assert_int_equal(m.resets, 2);
    vmmp_pc_reset_fini(&m.device);
}

static void debug_exit_tells_its_value(void **state)
{
    struct machine m;

    (void)state;
    make(&m);
    vmmp_window_write(&m.device.debug_exit, 0, 4, 0xdeadbeef);
    assert_int_equal(m.exits, 1);
    assert_int_equal(m.code, 0xdeadbeef);
    assert_int_equal(vmmp_window_read(&m.device.debug_exit, 0, 4), 0);
    vmmp_window_write(&m.device.debug_exit, 0, 8, 1); /* Leaves the window. */
    assert_int_equal(m.exits, 1);
    m.device.config.debug_exit = NULL;
    out(&m.device.debug_exit, 1);
    assert_int_equal(m.resets, 0);
    vmmp_pc_reset_fini(&m.device);
}

static void a_machine_must_be_able_to_reset(void **state)
{
    struct vmmp_pc_reset device;
    const struct vmmp_pc_reset_config config = { .cookie = NULL };

    (void)state;
    assert_int_equal(vmmp_pc_reset_init(&device, &config), -EINVAL);
}

int test_pc_reset(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_92_resets_when_its_bit_rises),
        cmocka_unit_test(port_cf9_resets_when_its_bit_rises),
        cmocka_unit_test(the_8042_answers_and_resets),
        cmocka_unit_test(debug_exit_tells_its_value),
        cmocka_unit_test(a_machine_must_be_able_to_reset),
    };
    return cmocka_run_group_tests_name("pc_reset", tests, NULL, NULL);
}
