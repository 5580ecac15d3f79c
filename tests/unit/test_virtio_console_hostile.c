/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages and queues of a virtio console that no good driver has. */
#include "vmmp_test.h"

#include "support/console_bench.h"

int test_virtio_console_hostile(void);

static void three(struct console_bench *bench)
{
    console_add(bench, 0, true, NULL);
    console_add(bench, 1, false, "one");
    console_add(bench, 3, false, "three");
    console_probe(bench);
}

static bool broken(struct console_bench *bench)
{
    return bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET;
}

/* The device still does all it should. */
static void expect_sound(struct console_bench *bench)
{
    assert_false(broken(bench));
    virtio_driver_reset(&bench->driver);
    console_probe(bench);
    assert_string_equal(console_settle(bench),
                        "add 0, add 1, add 3, console 0, size 0 80 25, open 0 1, "
                        "name 1 one, open 1 1, name 3 three, open 3 1");
}

/* Every event with every kind of port and value: nothing but what drivers may say has an effect. */
static void every_event_port_and_value(void **state)
{
    static const uint32_t ids[] = { 0, 1, 2, 3, 4, 255, 0x10000, 0x80000001, UINT32_MAX };
    static const unsigned values[] = { 0, 1, 2, 0x8000, 0xffff };
    struct console_bench *bench = *state;
    three(bench);
    console_settle(bench);
    for (unsigned event = 0; event < 20; event++) {
        for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                console_say(bench, ids[i], event, values[v]);
                console_settle(bench);
            }
        }
    }
    console_say(bench, 0, 0xffff, 1);
    assert_false(bench->port[2].open);
    assert_true(bench->port[1].open);
    /* 20 × 45 messages, and a dozen lines about them. */
    assert_in_range(bench->rig.messages, 1, 30);
    expect_sound(bench);
}

/* Defect row 2: port numbers that come from the guest, in messages and as queues. */
static void ports_that_do_not_exist(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_settle(bench);
    for (uint32_t id = 4; id < 0x12000; id += 3) {
        console_say(bench, id, CONSOLE_OPEN, 1);
        console_say(bench, id, CONSOLE_PORT_READY, 1);
    }
    console_say(bench, 2, CONSOLE_PORT_READY, 1); /* Possible, not there. */
    for (unsigned queue = 0; queue < 0x10000; queue += 5) {
        bench->driver.transport->kick(bench->driver.device, queue);
    }
    assert_string_equal(console_heard(bench), "");
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        assert_int_equal(bench->port[id].writes, 0);
    }
    assert_in_range(bench->rig.messages, 1, 40);
    expect_sound(bench);
}

/* Before DEVICE_READY, before ADD. */
static void messages_in_the_wrong_order(void **state)
{
    struct console_bench *bench = *state;
    console_add(bench, 1, false, "one");
    console_start(bench);
    console_post_control(bench, 8, 128);
    console_say(bench, 1, CONSOLE_OPEN, 1);
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    assert_string_equal(console_heard(bench), "");
    assert_false(bench->port[1].open);
    assert_int_equal(bench->rig.messages, 2);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    /* Open before it is ready does no harm, nor does twice. */
    console_say(bench, 1, CONSOLE_OPEN, 1);
    console_say(bench, 1, CONSOLE_OPEN, 1);
    assert_int_equal(bench->port[1].opens, 1);
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    assert_string_equal(console_heard(bench), "add 1, name 1 one, open 1 1, name 1 one, open 1 1");
}

static void short_and_long_messages(void **state)
{
    struct console_bench *bench = *state;
    const uint8_t message[100] = { 1, 0, 0, 0, CONSOLE_OPEN, 0, 1, 0, 99, 99 };
    three(bench);
    console_settle(bench);
    for (size_t size = 0; size < 8; size++) {
        console_say_bytes(bench, message, size);
        assert_false(bench->port[1].open);
    }
    assert_int_equal(bench->rig.messages, 8);
    console_say_bytes(bench, message, sizeof(message));
    assert_true(bench->port[1].open);
    assert_int_equal(bench->rig.messages, 8);
}

/* In pieces of a byte each, and through an indirect table. */
static void messages_in_pieces(void **state)
{
    struct console_bench *bench = *state;
    const uint8_t message[8] = { 3, 0, 0, 0, CONSOLE_OPEN, 0, 1, 0 };
    struct virtio_driver_buffer pieces[8];
    three(bench);
    console_settle(bench);
    uint64_t at = virtio_driver_alloc(&bench->driver, 8, 8);
    memcpy(virtio_driver_at(&bench->driver, at, 8), message, 8);
    for (unsigned i = 0; i < 8; i++) {
        pieces[i] = (struct virtio_driver_buffer){ at + i, 1, false };
    }
    virtio_driver_add(&bench->driver, CONSOLE_CONTROL_TX, pieces, 8);
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_TX);
    assert_true(bench->port[3].open);
    *(uint8_t *)virtio_driver_at(&bench->driver, at + 6, 1) = 0;
    virtio_driver_add_indirect(&bench->driver, CONSOLE_CONTROL_TX, pieces, 8);
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_TX);
    assert_false(bench->port[3].open);
    assert_int_equal(console_finished(bench, CONSOLE_CONTROL_TX), 2);
}

/* Buffers too small for a message come back empty, and what waits still waits. */
static void small_control_buffers(void **state)
{
    struct console_bench *bench = *state;
    console_add(bench, 0, true, NULL);
    console_add(bench, 1, false, "a long name");
    console_start(bench);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    console_post_control(bench, 4, 7);
    assert_string_equal(console_heard(bench), "0 bytes, 0 bytes, 0 bytes, 0 bytes");
    console_post_control(bench, 2, 8);
    assert_string_equal(console_heard(bench), "add 0, add 1");
    /* A name is cut; a size that does not fit is left out. */
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    console_say(bench, 0, CONSOLE_PORT_READY, 1);
    console_post_control(bench, 1, 8 + 6);
    console_post_control(bench, 4, 8);
    assert_string_equal(console_heard(bench),
                        "name 1 a long, open 1 1, console 0, 0 bytes, open 0 1");
    assert_false(broken(bench));
}

/* Nothing may be written into what the driver has for reading only. */
static void control_buffers_of_the_wrong_direction(void **state)
{
    struct console_bench *bench = *state;
    console_add(bench, 0, true, NULL);
    console_start(bench);
    uint64_t at = virtio_driver_alloc(&bench->driver, 64, 8);
    const struct virtio_driver_buffer to_device = { at, 64, false };
    const struct virtio_driver_buffer from_device = { at, 64, true };
    virtio_driver_add(&bench->driver, CONSOLE_CONTROL_RX, &to_device, 1);
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_RX);
    virtio_driver_add(&bench->driver, CONSOLE_CONTROL_TX, &from_device, 1);
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_TX);
    assert_int_equal(console_finished(bench, CONSOLE_CONTROL_TX), 1);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    assert_string_equal(console_heard(bench), "0 bytes");
    assert_int_equal(*(uint32_t *)virtio_driver_at(&bench->driver, at, 4), 0);
    console_post_control(bench, 1, 128);
    assert_string_equal(console_heard(bench), "add 0");
}

/* Defect rows 24 and 25, on the control queues and on those of a port that is not there. */
static void hostile_chains_on_other_queues(void **state)
{
    static const unsigned queues[] = { CONSOLE_CONTROL_RX, CONSOLE_CONTROL_TX, CONSOLE_TX(2) };
    struct console_bench *bench = *state;
    console_add(bench, 0, true, NULL);
    for (unsigned q = 0; q < 3; q++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            console_start(bench);
            struct virtq_desc *desc = bench->driver.queues[queues[q]].desc;
            unsigned w = queues[q] == CONSOLE_CONTROL_RX ? VIRTQ_DESC_F_WRITE : 0;
            if (kind == 0) { /* A loop. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 0);
            } else if (kind == 1) { /* Not RAM. */
                virtio_driver_put(&desc[0], UINT64_MAX - 3, 8, w, 0);
            } else { /* A chain beyond the table. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 128);
            }
            virtio_driver_offer(&bench->driver, queues[q], 0);
            bench->driver.transport->kick(bench->driver.device, queues[q]);
            if (queues[q] == CONSOLE_CONTROL_RX) {
                /* Looked at when there is something to say. */
                console_say(bench, 0, CONSOLE_DEVICE_READY, 1);
            }
            assert_true(broken(bench));
        }
    }
    console_probe(bench);
    assert_string_equal(console_heard(bench), "add 0");
}

/* A flood of messages in one kick: bounded work per turn, and all of it done in the end. */
static void a_flood_of_messages(void **state)
{
    struct console_bench *bench = *state;
    const uint8_t message[8] = { 1, 0, 0, 0, CONSOLE_OPEN, 0, 1, 0 };
    three(bench);
    console_settle(bench);
    uint64_t at = virtio_driver_alloc(&bench->driver, 16, 8);
    memcpy(virtio_driver_at(&bench->driver, at, 8), message, 8);
    memcpy(virtio_driver_at(&bench->driver, at + 8, 8), message, 8);
    *(uint8_t *)virtio_driver_at(&bench->driver, at + 14, 1) = 0;
    bench->console.virtio.budget.chains = 50;
    for (unsigned i = 0; i < 128; i++) {
        const struct virtio_driver_buffer buffer = { at + i % 2 * 8, 8, false };
        virtio_driver_add(&bench->driver, CONSOLE_CONTROL_TX, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_TX);
    unsigned turns = 1;
    while (virtio_rig_run(&bench->rig)) {
        turns++;
    }
    assert_int_equal(turns, vmmp_host_can_defer(&bench->rig.host) ? 3 : 1);
    assert_int_equal(bench->port[1].opens, 128);
    assert_int_equal(console_finished(bench, CONSOLE_CONTROL_TX), 128);
}

static void reset_inside(struct console_bench_port *port)
{
    port->inside = NULL;
    vmmp_virtio_set_status(&port->bench->console.virtio, 0, port->bench->console.virtio.legacy);
}

static void a_reset_from_inside_a_backend(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_settle(bench);
    console_say(bench, 3, CONSOLE_OPEN, 1);
    bench->port[3].inside = reset_inside;
    console_print(bench, 3, "abc", 1);
    console_print(bench, 3, "def", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(3));
    console_expect(bench, 3, "abc");
    assert_false(bench->port[0].open);
    assert_false(bench->port[3].open);
    expect_sound(bench);
}

int test_virtio_console_hostile(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE_PORTS_EVERYWHERE(every_event_port_and_value),
        CONSOLE_PORTS_EVERYWHERE(ports_that_do_not_exist),
        CONSOLE_PORTS_EVERYWHERE(messages_in_the_wrong_order),
        CONSOLE_PORTS_EVERYWHERE(short_and_long_messages),
        CONSOLE_PORTS_EVERYWHERE(messages_in_pieces),
        CONSOLE_PORTS_EVERYWHERE(small_control_buffers),
        CONSOLE_PORTS_EVERYWHERE(control_buffers_of_the_wrong_direction),
        CONSOLE_PORTS_SPLIT(hostile_chains_on_other_queues),
        CONSOLE_PORTS_EVERYWHERE(a_flood_of_messages),
        CONSOLE_PORTS_EVERYWHERE(a_reset_from_inside_a_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
