/* SPDX-License-Identifier: BSD-2-Clause */
/* Output of a virtio console (virtio 1.2, 5.3.6) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include "support/console_bench.h"

#define RX CONSOLE_RX(0)
#define TX CONSOLE_TX(0)

int test_virtio_console_output(void);

/* ---- Output ---- */

static void output_arrives(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    console_print(bench, 0, "hello, ", 1);
    console_print(bench, 0, "world of many pieces\n", 7);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "hello, world of many pieces\n");
    assert_int_equal(bench->port[0].writes, 2); /* Not one per byte (P4). */
    assert_int_equal(console_finished(bench, TX), 2);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->console.port.transmitted, bench->port[0].length);
}

static void output_waits_for_the_backend(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    bench->port[0].room = 5;
    console_print(bench, 0, "abcdefgh", 3);
    console_print(bench, 0, "ijkl", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "abcde");
    assert_int_equal(console_finished(bench, TX), 0);
    bench->driver.transport->kick(bench->driver.device, TX);
    assert_int_equal(bench->port[0].writes, 1); /* A kick is no reason to try again. */
    for (size_t i = 0; i < 7; i++) {
        console_writable(bench, 0, 1);
        assert_int_equal(bench->port[0].length, 6 + i);
    }
    console_expect(bench, 0, "abcdefghijkl");
    assert_int_equal(console_finished(bench, TX), 2);
    console_writable(bench, 0, SIZE_MAX);
    console_writable(bench, 0, SIZE_MAX);
    console_print(bench, 0, "m", 1);
    virtio_driver_kick(&bench->driver, TX);
    console_expect(bench, 0, "abcdefghijklm");
}

static void a_backend_that_wakes_us_inside_write(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    bench->port[0].room = 2;
    bench->port[0].wake = true;
    console_print(bench, 0, "abcdefghijk", 4);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "abcdefghijk");
    assert_int_equal(console_finished(bench, TX), 1);
}

static size_t never(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct console_bench_port *port = cookie;
    (void)iov;
    (void)count;
    port->writes++;
    vmmp_virtio_console_writable(&port->bench->console);
    return 0;
}

static void a_backend_that_wakes_us_and_takes_nothing(void **state)
{
    struct console_bench *bench = *state;
    bench->console.port.backend.write = never;
    console_start(bench);
    console_print(bench, 0, "abc", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_in_range(bench->port[0].writes, 1, 4);
    bench->console.port.backend.write = console_backend_write;
    console_writable(bench, 0, SIZE_MAX);
    console_expect(bench, 0, "abc");
}

static size_t boast(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    console_backend_write(cookie, iov, count);
    return SIZE_MAX;
}

static void a_backend_that_claims_too_much(void **state)
{
    struct console_bench *bench = *state;
    bench->console.port.backend.write = boast;
    console_start(bench);
    console_print(bench, 0, "abcdef", 3);
    console_print(bench, 0, "ghi", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "abcdefghi");
    assert_int_equal(console_finished(bench, TX), 2);
    assert_int_equal(bench->console.port.transmitted, 9);
}

static void without_a_backend_output_is_dropped(void **state)
{
    struct console_bench *bench = *state;
    bench->console.port.backend.write = NULL;
    console_start(bench);
    console_print(bench, 0, "abc", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    assert_int_equal(console_finished(bench, TX), 1);
}

/* Defect row 1: chains of any size, in slices; 64 KiB and 1 MiB descriptors. */
static void large_chains_come_in_slices(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    struct virtio_driver_buffer buffers[128];
    for (unsigned i = 0; i < 128; i++) {
        buffers[i] =
            (struct virtio_driver_buffer){ bench->buffers, i % 3 ? 0x100000 : 0x10000, false };
    }
    virtio_driver_add(&bench->driver, TX, buffers, 128);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    uint64_t expected = UINT64_C(43) * 0x10000 + UINT64_C(85) * 0x100000;
    if (vmmp_host_can_defer(&bench->rig.host)) {
        /* One turn is bounded, and the rest is done later. */
        assert_in_range(bench->port[0].total, 1, 2 << 20);
        assert_int_equal(console_finished(bench, TX), 0);
        unsigned turns = 0;
        while (virtio_rig_run(&bench->rig)) {
            turns++;
        }
        assert_in_range(turns, 20, 100);
    }
    assert_true(bench->port[0].total == expected);
    assert_int_equal(bench->port[0].largest, VMMP_VIRTIO_CONSOLE_SLICE);
    assert_int_equal(console_finished(bench, TX), 1);
}

/* Defect rows 24 and 25. */
static void hostile_chains(void **state)
{
    struct console_bench *bench = *state;
    for (unsigned queue = 0; queue < 2; queue++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            console_start(bench);
            bench->port[0].writes = 0;
            struct virtq_desc *desc = bench->driver.queues[queue].desc;
            unsigned w = queue == RX ? VIRTQ_DESC_F_WRITE : 0;
            switch (kind) {
            case 0: /* A loop with bytes. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 0);
                break;
            case 1: /* A loop without. */
                virtio_driver_put(&desc[0], bench->buffers, 0, w | VIRTQ_DESC_F_NEXT, 0);
                break;
            case 2: /* Not RAM. */
                virtio_driver_put(&desc[0], UINT64_MAX - 3, 8, w, 0);
                break;
            default: /* A chain beyond the table. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 128);
                break;
            }
            virtio_driver_offer(&bench->driver, queue, 0);
            bench->driver.transport->kick(bench->driver.device, queue);
            console_type(bench, 0, "x");
            assert_true(bench->driver.transport->status(bench->driver.device) &
                        VIRTIO_STATUS_NEEDS_RESET);
            assert_int_equal(bench->port[0].writes, 0);
            assert_int_equal(console_finished(bench, queue), 0);
        }
    }
    console_start(bench);
    console_print(bench, 0, "fine", 1);
    virtio_driver_kick(&bench->driver, TX);
    console_expect(bench, 0, "fine");
}

/* Buffers of the wrong direction carry nothing and come back. */
static void buffers_of_the_wrong_direction(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    const struct virtio_driver_buffer to_device = { bench->buffers, 8, false };
    const struct virtio_driver_buffer from_device = { bench->buffers, 8, true };
    memset(virtio_driver_at(&bench->driver, bench->buffers, 8), '.', 8);
    virtio_driver_add(&bench->driver, TX, &from_device, 1);
    virtio_driver_kick(&bench->driver, TX);
    assert_int_equal(bench->port[0].length, 0);
    assert_int_equal(console_finished(bench, TX), 1);
    for (unsigned i = 0; i < 128; i++) {
        virtio_driver_add(&bench->driver, RX, &to_device, 1);
    }
    assert_int_equal(console_type(bench, 0, "secret"), 0);
    assert_memory_equal(virtio_driver_at(&bench->driver, bench->buffers, 8), "........", 8);
    assert_int_equal(console_finished(bench, RX), 128);
}

int test_virtio_console_output(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE_EVERYWHERE(output_arrives),
        CONSOLE_EVERYWHERE(output_waits_for_the_backend),
        CONSOLE_EVERYWHERE(a_backend_that_wakes_us_inside_write),
        CONSOLE_EVERYWHERE(a_backend_that_wakes_us_and_takes_nothing),
        CONSOLE_EVERYWHERE(a_backend_that_claims_too_much),
        CONSOLE_EVERYWHERE(without_a_backend_output_is_dropped),
        CONSOLE_EVERYWHERE(large_chains_come_in_slices),
        CONSOLE_SPLIT(hostile_chains),
        CONSOLE_EVERYWHERE(buffers_of_the_wrong_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
