/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio console with one port (virtio 1.2, 5.3): its life and its configuration, on both faces,
 * with and without deferral. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/console_bench.h"

#define BIT(n) (UINT64_C(1) << (n))
#define RX     CONSOLE_RX(0)
#define TX     CONSOLE_TX(0)

int test_virtio_console(void);

/* ---- Reset ---- */

static void reset_in_the_middle_of_everything(void **state)
{
    struct console_bench *bench = *state;
    for (unsigned round = 0; round < 4; round++) {
        console_start(bench);
        bench->port[0].length = 0;
        bench->port[0].room = 2;
        console_print(bench, 0, "lost", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        console_expect(bench, 0, "lo");
        assert_int_equal(console_type(bench, 0, "x"), 0);
        virtio_driver_reset(&bench->driver);
        /* The backend comes back when there is nothing to write from. */
        console_writable(bench, 0, SIZE_MAX);
        console_expect(bench, 0, "lo");
        assert_int_equal(console_type(bench, 0, "y"), 0);
        console_start(bench);
        console_post(bench, 0, 1, 16);
        console_print(bench, 0, "found", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        console_expect(bench, 0, "lofound");
        assert_int_equal(console_type(bench, 0, "z"), 1);
        assert_string_equal(console_read(bench, 0), "z");
    }
}

static void a_queue_is_reset_while_output_waits(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    bench->port[0].room = 1;
    console_print(bench, 0, "lost", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_enter(bench);
    vmmp_virtio_queue_reset(&bench->console.virtio, TX);
    console_leave(bench);
    console_writable(bench, 0, SIZE_MAX);
    console_expect(bench, 0, "l");
    virtio_driver_set_up_queue(&bench->driver, TX);
    console_print(bench, 0, "ast", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "last");
}

static void re_initialisation(void **state)
{
    struct console_bench *bench = *state;
    for (unsigned round = 0; round < 3; round++) {
        console_start(bench);
        console_print(bench, 0, "again", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        console_expect(bench, 0, "again");
        bool defers = vmmp_host_can_defer(&bench->rig.host);
        const struct virtio_driver_transport *transport = bench->driver.transport;
        console_bench_unmake(bench);
        console_bench_make(bench, defers, 0, transport);
    }
}

/* ---- Configuration ---- */

static void size_and_resize(void **state)
{
    struct console_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    console_start(bench);
    assert_true(bench->driver.features & BIT(0));
    assert_int_equal(transport->config_read(bench->driver.device, 0, 2), 80);
    assert_int_equal(transport->config_read(bench->driver.device, 2, 2), 25);
    console_enter(bench);
    vmmp_virtio_console_resize(&bench->console, 80, 25);
    console_leave(bench);
    assert_int_equal(bench->rig.pulses, 0);
    console_enter(bench);
    vmmp_virtio_console_resize(&bench->console, 300, 100);
    console_leave(bench);
    assert_int_equal(transport->isr(bench->driver.device), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(transport->config_read(bench->driver.device, 0, 4), 300 | 100 << 16);
    assert_int_equal(transport->config_read(bench->driver.device, 4, 4), 0);
}

static void without_a_size(void **state)
{
    struct vmmp_virtio_console *console = malloc(sizeof(*console));
    const struct vmmp_virtio_console_backend backend = { .write = NULL };
    struct console_bench *bench = *state;
    assert_int_equal(vmmp_virtio_console_init(console, NULL, NULL, &bench->rig.memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_console_init(console, &backend, NULL, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(
        vmmp_virtio_console_init(console, &backend, NULL, &bench->rig.memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_offered(&console->virtio, false) & 0xf, 4);
    vmmp_virtio_console_resize(console, 1, 2);
    assert_int_equal(vmmp_virtio_config_read(&console->virtio, 0, 4), 0);
    vmmp_virtio_console_fini(console);
    free(console);
}

/* Defect row 27: MULTIPORT (bit 1) is not needed, nor is any other. */
static void emergency_output(void **state)
{
    struct console_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    transport->config_write(bench->driver.device, 8, 4, 'e');
    transport->config_write(bench->driver.device, 8, 1, 'm');
    for (unsigned i = 0; i < 4; i++) { /* As legacy drivers write 32 bits. */
        transport->config_write(bench->driver.device, 8 + i, 1, i == 0 ? 'e' : 0);
    }
    transport->config_write(bench->driver.device, 6, 4, (uint64_t)'r' << 16);
    transport->config_write(bench->driver.device, 0, 8, 0x4141414141414141);
    console_expect(bench, 0, "emer");
    assert_int_equal(bench->console.virtio.status, 0);
    bench->console.port.backend.write = NULL;
    transport->config_write(bench->driver.device, 8, 4, 'x');
}

int test_virtio_console(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE_EVERYWHERE(reset_in_the_middle_of_everything),
        CONSOLE_EVERYWHERE(a_queue_is_reset_while_output_waits),
        CONSOLE_EVERYWHERE(re_initialisation),
        CONSOLE_EVERYWHERE(size_and_resize),
        CONSOLE_TEST(console_setup, without_a_size),
        CONSOLE_EVERYWHERE(emergency_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
