/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of a virtio console (virtio 1.2, 5.3.6) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include "support/console_bench.h"

#define RX CONSOLE_RX(0)
#define TX CONSOLE_TX(0)

int test_virtio_console_input(void);

/* ---- Input ---- */

static void input_arrives(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    console_post(bench, 0, 4, 5);
    virtio_driver_kick(&bench->driver, RX);
    assert_int_equal(console_type(bench, 0, "hello, world"), 12);
    assert_string_equal(console_read(bench, 0), "hello, world");
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->port[0].ready, 0);
    assert_int_equal(bench->console.port.received, 12);
    assert_int_equal(console_type(bench, 0, ""), 0);
}

/* Defect row 6: a short buffer is the end of it, whatever `next` says. */
static void input_stays_inside_its_buffer(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    struct virtq_desc *desc = bench->driver.queues[RX].desc;
    char *memory = virtio_driver_at(&bench->driver, bench->buffers, 64);
    memset(memory, '.', 64);
    virtio_driver_put(&desc[0], bench->buffers, 4, VIRTQ_DESC_F_WRITE, 1);
    virtio_driver_put(&desc[1], bench->buffers + 16, 4, VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_offer(&bench->driver, RX, 0);
    assert_int_equal(console_type(bench, 0, "overflow"), 4);
    assert_memory_equal(memory, "over................", 20);
}

static void input_waits_for_the_guest(void **state)
{
    struct console_bench *bench = *state;
    /* Even before there is a driver. */
    assert_int_equal(console_type(bench, 0, "early"), 0);
    console_start(bench);
    assert_int_equal(bench->port[0].ready, 1); /* A driver has come: try again. */
    assert_int_equal(console_type(bench, 0, "early"), 0);
    console_post(bench, 0, 1, 3);
    assert_true(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(bench->port[0].ready, 2);
    assert_int_equal(console_type(bench, 0, "early"), 3);
    assert_string_equal(console_read(bench, 0), "ear");
    /* From within the callback, until all is there. */
    bench->port[0].input = "ly bird";
    for (unsigned i = 0; i < 4 && *bench->port[0].input; i++) {
        console_post(bench, 0, 1, 2);
        assert_true(virtio_driver_kick(&bench->driver, RX));
    }
    assert_string_equal(bench->port[0].input, "");
    assert_string_equal(console_read(bench, 0), "ly bird");
    assert_int_equal(bench->port[0].ready, 6);
    /* Nothing is waited for: no callback. */
    console_post(bench, 0, 1, 2);
    bench->driver.transport->kick(bench->driver.device, RX);
    assert_int_equal(bench->port[0].ready, 6);
}

static void no_kicks_while_input_has_room(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    console_post(bench, 0, 3, 4);
    virtio_driver_kick(&bench->driver, RX);
    console_post(bench, 0, 1, 4);
    assert_false(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(console_type(bench, 0, "0123456789abcdefXYZ"), 16);
    assert_string_equal(console_read(bench, 0), "0123456789abcdef");
    console_post(bench, 0, 1, 4);
    assert_true(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(bench->port[0].ready, 1);
}

static void output_is_echoed_from_inside_write(void **state)
{
    struct console_bench *bench = *state;
    console_start(bench);
    console_post(bench, 0, 8, 16);
    bench->port[0].echo = true;
    console_print(bench, 0, "ping ", 1);
    console_print(bench, 0, "pong", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    assert_string_equal(console_read(bench, 0), "ping pong");
    assert_int_equal(console_finished(bench, TX), 2);
}

static void buffers_across_regions(void **state)
{
    struct console_bench *bench = *state;
    uint8_t *second = calloc(1, 4096);
    uint64_t border = VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE;
    assert_int_equal(vmmp_guest_memory_add(&bench->rig.memory, vmmp_gpa(border), 4096, second), 0);
    console_start(bench);
    const struct virtio_driver_buffer out = { border - 3, 6, false };
    const struct virtio_driver_buffer in = { border - 2, 8, true };
    memcpy(bench->rig.ram + VIRTIO_RIG_RAM_SIZE - 3, "abc", 3);
    memcpy(second, "def", 3);
    virtio_driver_add(&bench->driver, TX, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    console_expect(bench, 0, "abcdef");
    virtio_driver_add(&bench->driver, RX, &in, 1);
    assert_int_equal(console_type(bench, 0, "12345"), 5);
    assert_memory_equal(bench->rig.ram + VIRTIO_RIG_RAM_SIZE - 2, "12", 2);
    assert_memory_equal(second, "345", 3);
    free(second);
}

int test_virtio_console_input(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE_EVERYWHERE(input_arrives),
        CONSOLE_SPLIT(input_stays_inside_its_buffer),
        CONSOLE_EVERYWHERE(input_waits_for_the_guest),
        CONSOLE_TEST(console_setup, no_kicks_while_input_has_room),
        CONSOLE_TEST(console_setup_legacy, no_kicks_while_input_has_room),
        CONSOLE_EVERYWHERE(output_is_echoed_from_inside_write),
        CONSOLE_EVERYWHERE(buffers_across_regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
