/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio console with ports (virtio 1.2, 5.3.6.2), driven as Linux drives it. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/console_bench.h"

#define AGENT "org.example.agent"

int test_virtio_console_ports(void);

/* A console and two ports with names, as a VMM would have them. */
static void three(struct console_bench *bench)
{
    console_add(bench, 0, true, NULL);
    console_add(bench, 1, false, AGENT);
    console_add(bench, 3, false, "log");
}

/* ---- Handshake ---- */

static void the_handshake_of_linux(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    assert_true(bench->driver.features >> 1 & 1);
    assert_int_equal(bench->driver.transport->config_read(bench->driver.device, 4, 4),
                     CONSOLE_PORTS);
    assert_string_equal(console_settle(bench), "add 0, add 1, add 3, "
                                               "console 0, size 0 80 25, open 0 1, "
                                               "name 1 " AGENT ", open 1 1, name 3 log, open 3 1");
    assert_true(bench->port[0].open);
    assert_false(bench->port[1].open);
    assert_int_equal(bench->rig.messages, 0);
}

/* Every port's messages come in an order that drivers can use, one port after the other. */
static void control_messages_cost_one_interrupt(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_start(bench);
    console_post_control(bench, 32, 128);
    uint64_t before = bench->console.virtio.queues[CONSOLE_CONTROL_RX].interrupts;
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    assert_int_equal(bench->console.virtio.queues[CONSOLE_CONTROL_RX].interrupts, before + 1);
    assert_string_equal(console_heard(bench), "add 0, add 1, add 3");
}

/* Defects, section 3: "a second console driver probe breaks numbering". */
static void a_second_probe_starts_afresh(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    for (unsigned round = 0; round < 3; round++) {
        console_probe(bench);
        const char *heard = console_settle(bench);
        assert_non_null(strstr(heard, "add 0, add 1, add 3, console 0"));
        assert_non_null(strstr(heard, "name 1 " AGENT ", open 1 1"));
        console_say(bench, 1, CONSOLE_OPEN, 1);
        assert_true(bench->port[1].open);
        assert_int_equal(console_type(bench, 1, "in"), 2);
        assert_string_equal(console_read(bench, 1), "in");
        virtio_driver_reset(&bench->driver);
        assert_false(bench->port[0].open);
        assert_false(bench->port[1].open);
        assert_int_equal(console_type(bench, 1, "lost?"), 0);
    }
    /* A reset before the driver has answered. */
    console_probe(bench);
    console_probe(bench);
    assert_string_equal(console_heard(bench), "add 0, add 1, add 3");
}

static void device_ready_again_without_a_reset(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    console_say(bench, 77, CONSOLE_DEVICE_READY, 0x8000);
    assert_string_equal(console_settle(bench), "add 0, add 1, add 3, "
                                               "console 0, size 0 80 25, open 0 1, "
                                               "name 1 " AGENT ", open 1 1, name 3 log, open 3 1");
}

static void nothing_is_said_to_a_driver_that_failed(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    assert_string_equal(console_heard(bench), "add 0, add 1, add 3");
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 0);
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    console_add(bench, 2, false, NULL);
    console_remove(bench, 3);
    assert_string_equal(console_heard(bench), "");
    assert_int_equal(bench->rig.messages, 2);
    /* Until it says that it is there. */
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    assert_string_equal(console_heard(bench), "add 0, add 1, add 2");
}

static void a_port_that_failed_is_told_nothing(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_heard(bench);
    console_say(bench, 1, CONSOLE_PORT_READY, 0);
    console_set_open(bench, 1, false);
    assert_string_equal(console_heard(bench), "");
    console_say(bench, 1, CONSOLE_PORT_READY, 2);
    assert_string_equal(console_heard(bench), "name 1 " AGENT);
    console_set_open(bench, 1, true);
    assert_string_equal(console_heard(bench), "open 1 1");
}

/* ---- Data ---- */

static void data_of_four_ports(void **state)
{
    static const char *const text[] = { "zero", "first", "second one", "3" };
    struct console_bench *bench = *state;
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        console_add(bench, id, id < 2, NULL);
    }
    console_probe(bench);
    console_settle(bench);
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        console_say(bench, id, CONSOLE_OPEN, 1);
        console_print(bench, id, text[id], 2);
        assert_true(virtio_driver_kick(&bench->driver, CONSOLE_TX(id)));
        assert_int_equal(console_type(bench, id, text[3 - id]), strlen(text[3 - id]));
    }
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        console_expect(bench, id, text[id]);
        assert_string_equal(console_read(bench, id), text[3 - id]);
        assert_int_equal(bench->memory[id].transmitted, strlen(text[id]));
        assert_int_equal(bench->memory[id].received, strlen(text[3 - id]));
    }
}

static void a_port_that_waits_holds_up_no_other(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    bench->port[1].room = 2;
    console_print(bench, 1, "held", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    console_print(bench, 3, "free", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(3));
    console_expect(bench, 1, "he");
    console_expect(bench, 3, "free");
    console_writable(bench, 0, SIZE_MAX);
    console_expect(bench, 1, "he");
    console_writable(bench, 1, SIZE_MAX);
    console_expect(bench, 1, "held");
}

static void input_waits_until_the_guest_opens_the_port(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    assert_int_equal(console_type(bench, 1, "early"), 0);
    console_probe(bench);
    console_settle(bench);
    assert_int_equal(bench->port[1].ready, 0);
    assert_int_equal(console_type(bench, 1, "early"), 0);
    bench->port[1].input = "early";
    console_say(bench, 1, CONSOLE_OPEN, 1);
    assert_int_equal(bench->port[1].ready, 1);
    assert_string_equal(console_read(bench, 1), "early");
    /* Linux: the process has closed the port (defect row 28). */
    console_say(bench, 1, CONSOLE_OPEN, 0);
    assert_false(bench->port[1].open);
    assert_int_equal(console_type(bench, 1, "late"), 0);
    console_post(bench, 1, 1, 16);
    bench->driver.transport->kick(bench->driver.device, CONSOLE_RX(1));
    assert_int_equal(bench->port[1].ready, 1);
    bench->port[1].input = "late";
    console_say(bench, 1, CONSOLE_OPEN, 1);
    assert_string_equal(console_read(bench, 1), "late");
    assert_int_equal(bench->port[1].opens, 3);
}

static void input_for_a_closed_port_is_dropped_if_so_configured(void **state)
{
    struct console_bench *bench = *state;
    const struct vmmp_virtio_console_port_options options = {
        .backend = console_backend(bench, 2),
        .drop_when_closed = true,
    };
    console_enter(bench);
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 2, &options), 0);
    console_leave(bench);
    console_probe(bench);
    console_settle(bench);
    assert_int_equal(console_type(bench, 2, "nobody"), 6);
    console_say(bench, 2, CONSOLE_OPEN, 1);
    assert_int_equal(console_type(bench, 2, "somebody"), 8);
    assert_string_equal(console_read(bench, 2), "somebody");
    assert_int_equal(bench->memory[2].received, 8);
}

/* Output that was sent before its process closed the port still goes out. */
static void output_survives_the_closing_of_its_port(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    console_say(bench, 1, CONSOLE_OPEN, 1);
    bench->port[1].room = 0;
    console_print(bench, 1, "last words", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    console_say(bench, 1, CONSOLE_OPEN, 0);
    console_writable(bench, 1, SIZE_MAX);
    console_expect(bench, 1, "last words");
}

/* ---- Opening and closing on this side ---- */

static void the_host_opens_and_closes(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_set_open(bench, 1, false);
    console_probe(bench);
    assert_null(strstr(console_settle(bench), "open 1"));
    console_set_open(bench, 1, true);
    console_set_open(bench, 1, true);
    assert_string_equal(console_heard(bench), "open 1 1");
    console_set_open(bench, 1, false);
    console_set_open(bench, 1, true);
    assert_string_equal(console_heard(bench), "open 1 0, open 1 1");
    console_set_open(bench, 2, true); /* There is none. */
    console_set_open(bench, 99, true);
    assert_string_equal(console_heard(bench), "");
}

static void a_port_that_starts_closed(void **state)
{
    struct console_bench *bench = *state;
    const struct vmmp_virtio_console_port_options options = { .closed = true, .name = "shy" };
    console_enter(bench);
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 1, &options), 0);
    console_leave(bench);
    console_probe(bench);
    assert_string_equal(console_settle(bench), "add 1, name 1 shy");
    console_set_open(bench, 1, true);
    assert_string_equal(console_heard(bench), "open 1 1");
}

/* ---- Ports that come and go ---- */

static void ports_come_and_go(void **state)
{
    struct console_bench *bench = *state;
    console_probe(bench);
    assert_string_equal(console_settle(bench), "");
    console_add(bench, 2, false, "two");
    assert_string_equal(console_settle(bench), "add 2, name 2 two, open 2 1");
    console_say(bench, 2, CONSOLE_OPEN, 1);
    console_remove(bench, 2);
    assert_string_equal(console_settle(bench), "remove 2");
    assert_int_equal(console_type(bench, 2, "x"), 0);
    console_say(bench, 2, CONSOLE_OPEN, 0); /* Linux does not, others may. */
    console_add(bench, 2, true, NULL);
    assert_false(bench->port[2].open);
    assert_string_equal(console_settle(bench), "add 2, console 2, open 2 1");
    assert_true(bench->port[2].open);
    console_remove(bench, 2);
    console_add(bench, 2, false, "again");
    assert_string_equal(console_settle(bench), "remove 2, add 2, name 2 again, open 2 1");
}

/* Before there is a driver nobody is told of ports that were there once. */
static void ports_that_went_before_the_driver_came(void **state)
{
    struct console_bench *bench = *state;
    console_add(bench, 1, false, "early");
    console_remove(bench, 1);
    console_add(bench, 0, true, NULL);
    console_probe(bench);
    assert_string_equal(console_heard(bench), "add 0");
    console_remove(bench, 0);
    virtio_driver_reset(&bench->driver);
    console_probe(bench);
    assert_string_equal(console_heard(bench), "");
}

static void output_of_a_removed_port_is_dropped(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    bench->port[1].room = 1;
    for (unsigned i = 0; i < 5; i++) {
        console_print(bench, 1, "abc", 1);
    }
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    console_expect(bench, 1, "a");
    console_remove(bench, 1);
    /* The driver that waits for its buffers gets them. */
    assert_int_equal(console_finished(bench, CONSOLE_TX(1)), 5);
    console_print(bench, 1, "def", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    assert_int_equal(console_finished(bench, CONSOLE_TX(1)), 1);
    console_writable(bench, 1, SIZE_MAX);
    console_expect(bench, 1, "a");
    console_add(bench, 1, false, NULL);
    console_print(bench, 1, "ghi", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    console_expect(bench, 1, "aghi");
}

static void remove_self(struct console_bench_port *port)
{
    port->inside = NULL;
    assert_int_equal(vmmp_virtio_console_port_remove(&port->bench->console, port->id), 0);
}

static void replace_self(struct console_bench_port *port)
{
    const struct vmmp_virtio_console_port_options options = {
        .backend = console_backend(port->bench, port->id),
        .name = "new",
    };
    remove_self(port);
    assert_int_equal(vmmp_virtio_console_port_add(&port->bench->console, port->id, &options), 0);
}

static void a_port_is_removed_from_inside_its_backend(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    bench->port[1].inside = remove_self;
    for (unsigned i = 0; i < 3; i++) {
        console_print(bench, 1, "abc", 1);
    }
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    while (virtio_rig_run(&bench->rig)) {
    }
    console_expect(bench, 1, "abc");
    assert_int_equal(console_finished(bench, CONSOLE_TX(1)), 3);
    assert_string_equal(console_settle(bench), "remove 1");

    bench->port[3].inside = replace_self;
    for (unsigned i = 0; i < 3; i++) {
        console_print(bench, 3, "abc", 1);
    }
    virtio_driver_kick(&bench->driver, CONSOLE_TX(3));
    while (virtio_rig_run(&bench->rig)) {
    }
    /* What comes after the replacement is the new port's. */
    console_expect(bench, 3, "abcabcabc");
    assert_int_equal(console_finished(bench, CONSOLE_TX(3)), 3);
    assert_string_equal(console_settle(bench), "remove 3, add 3, name 3 new, open 3 1");
}

/* ---- Sizes ---- */

static void consoles_are_resized(void **state)
{
    struct console_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    transport->isr(bench->driver.device);
    console_enter(bench);
    vmmp_virtio_console_resize(&bench->console, 132, 50);
    vmmp_virtio_console_resize(&bench->console, 132, 50);
    vmmp_virtio_console_port_resize(&bench->console, 1, 1, 1); /* No console. */
    console_leave(bench);
    assert_string_equal(console_heard(bench), "size 0 132 50");
    assert_true(transport->isr(bench->driver.device) & VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(transport->config_read(bench->driver.device, 0, 4), 132 | 50 << 16);
    /* Another console: a message, and configuration is port 0's alone. */
    console_add(bench, 2, true, NULL);
    assert_string_equal(console_settle(bench), "add 2, console 2, open 2 1");
    console_enter(bench);
    vmmp_virtio_console_port_resize(&bench->console, 2, 300, 100);
    console_leave(bench);
    assert_string_equal(console_heard(bench), "size 2 300 100");
    assert_int_equal(transport->config_read(bench->driver.device, 0, 4), 132 | 50 << 16);
}

/* Older versions of Linux read rows first. */
static void sizes_as_older_linux_reads_them(void **state)
{
    struct console_bench *bench = *state;
    bench->console.rows_first = true;
    console_add(bench, 0, true, NULL);
    console_probe(bench);
    assert_string_equal(console_settle(bench), "add 0, console 0, size 0 25 80, open 0 1");
}

/* ---- A driver without buffers ---- */

/* Uses up the control buffers that are there. */
static void use_up_control_buffers(struct console_bench *bench)
{
    const struct virtio_driver_queue *queue = &bench->driver.queues[CONSOLE_CONTROL_RX];
    console_add(bench, 2, false, NULL);
    console_settle(bench);
    for (bool open = false; (uint16_t)(queue->avail_idx - queue->last_used) > 0; open = !open) {
        console_set_open(bench, 2, open);
        console_heard(bench);
    }
}

static void nothing_is_lost_without_control_buffers(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    console_probe(bench);
    console_settle(bench);
    use_up_control_buffers(bench);
    console_set_open(bench, 1, false);
    console_set_open(bench, 1, true);
    console_set_open(bench, 1, false);
    console_set_open(bench, 1, true);
    console_set_open(bench, 3, false);
    console_remove(bench, 2);
    console_enter(bench);
    vmmp_virtio_console_resize(&bench->console, 100, 30);
    vmmp_virtio_console_resize(&bench->console, 200, 60);
    console_leave(bench);
    assert_string_equal(console_heard(bench), "");
    /* One buffer, one message; the kicks are wanted. */
    static const char *const expected[] = { "open 1 0", "open 1 1", "remove 2", "open 3 0",
                                            "size 0 200 60" };
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        console_post_control(bench, 1, 128);
        assert_string_equal(console_heard(bench), expected[i]);
    }
    console_post_control(bench, 1, 128);
    assert_string_equal(console_heard(bench), "");
}

static void a_handshake_buffer_by_buffer(void **state)
{
    struct console_bench *bench = *state;
    char all[512] = "";
    three(bench);
    console_start(bench);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        console_post_control(bench, 1, 128);
        const char *heard = console_heard(bench);
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s;", heard);
        if (*heard) {
            console_say(bench, (uint32_t)(heard[4] - '0'), CONSOLE_PORT_READY, 1);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        console_post_control(bench, 1, 128);
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s;", console_heard(bench));
    }
    /* The order of ports is free, that of a port's messages is not. */
    static const char *const each[] = { "add 0;",    "console 0;", "size 0 80 25;",
                                        "open 0 1;", "add 1;",     "name 1 " AGENT ";",
                                        "open 1 1;", "add 3;",     "name 3 log;",
                                        "open 3 1;" };
    const char *last = all;
    for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        const char *found = strstr(all, each[i]);
        assert_non_null(found);
        assert_true(strncmp(each[i], "add", 3) == 0 || found > last);
        last = found;
    }
}

/* ---- Drivers that do with less ---- */

static void a_driver_without_multiport_has_port_0(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    assert_int_equal(console_type(bench, 0, "early"), 0);
    bench->driver.next_gpa = bench->rings;
    assert_true(virtio_driver_start(&bench->driver, ~UINT64_C(2), 2));
    assert_true(bench->port[0].open);
    assert_int_equal(bench->port[0].ready, 1);
    console_post(bench, 0, 1, 16);
    virtio_driver_kick(&bench->driver, CONSOLE_RX(0));
    assert_int_equal(console_type(bench, 0, "in"), 2);
    assert_string_equal(console_read(bench, 0), "in");
    console_print(bench, 0, "out", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(0));
    console_expect(bench, 0, "out");
    for (unsigned queue = 2; queue < 10; queue++) {
        bench->driver.transport->kick(bench->driver.device, queue);
    }
    assert_int_equal(console_type(bench, 1, "x"), 0);
    console_enter(bench);
    vmmp_virtio_console_resize(&bench->console, 132, 50);
    console_leave(bench);
    assert_int_equal(bench->driver.transport->config_read(bench->driver.device, 0, 4),
                     132 | 50 << 16);
    /* Unplugged and plugged in again, which such a driver does not notice. */
    console_remove(bench, 0);
    console_print(bench, 0, "lost", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(0));
    assert_int_equal(console_finished(bench, CONSOLE_TX(0)), 2);
    console_add(bench, 0, true, NULL);
    console_print(bench, 0, "!", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(0));
    console_expect(bench, 0, "out!");
    virtio_driver_reset(&bench->driver);
    assert_false(bench->port[0].open);
}

/* More ports than the driver has queues for: the others work. */
static void a_driver_with_few_queues(void **state)
{
    struct console_bench *bench = *state;
    three(bench);
    bench->driver.next_gpa = bench->rings;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 6));
    console_post_control(bench, 32, 128);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
    assert_string_equal(console_heard(bench), "add 0, add 1, add 3");
    console_say(bench, 1, CONSOLE_PORT_READY, 1);
    console_say(bench, 3, CONSOLE_PORT_READY, 1);
    console_say(bench, 3, CONSOLE_OPEN, 1);
    assert_int_equal(console_type(bench, 3, "nowhere"), 0);
    bench->driver.transport->kick(bench->driver.device, CONSOLE_RX(3));
    bench->driver.transport->kick(bench->driver.device, CONSOLE_TX(3));
    console_remove(bench, 3);
    console_print(bench, 1, "fine", 1);
    virtio_driver_kick(&bench->driver, CONSOLE_TX(1));
    console_expect(bench, 1, "fine");
    assert_int_equal(
        bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET, 0);
}

static void emergency_output_goes_to_port_0(void **state)
{
    struct console_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    transport->config_write(bench->driver.device, 8, 4, 'x'); /* There is no port 0. */
    three(bench);
    transport->config_write(bench->driver.device, 8, 4, 'y');
    console_expect(bench, 0, "y");
}

/* ---- The client's mistakes ---- */

static void mistakes_of_the_client(void **state)
{
    struct console_bench *bench = *state;
    struct vmmp_virtio_console *console = malloc(sizeof(*console));
    struct vmmp_virtio_console_port_options options = { .name = AGENT };
    const struct vmmp_virtio_console_backend backend = { .write = NULL };
    const struct vmmp_guest_memory *memory = &bench->rig.memory;
    struct vmmp_virtio_console_ports ports = { bench->memory, bench->queues, 0, false };
    char name[VMMP_VIRTIO_CONSOLE_NAME + 1];

    assert_int_equal(vmmp_virtio_console_init_multiport(console, NULL, NULL, memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_console_init_multiport(console, &ports, NULL, memory, NULL, NULL),
                     -EINVAL);
    ports.max = VMMP_VIRTIO_CONSOLE_PORTS_MAX + 1;
    assert_int_equal(vmmp_virtio_console_init_multiport(console, &ports, NULL, memory, NULL, NULL),
                     -EINVAL);

    bench->console.virtio.log = NULL; /* The bench expects the guest's mistakes alone. */
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 0, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, CONSOLE_PORTS, &options),
                     -EINVAL);
    memset(name, 'n', sizeof(name));
    name[VMMP_VIRTIO_CONSOLE_NAME] = 0;
    options.name = name;
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 1, &options), -ENAMETOOLONG);
    name[VMMP_VIRTIO_CONSOLE_NAME - 1] = 0;
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 1, &options), 0);
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, 1, &options), -EEXIST);
    assert_int_equal(vmmp_virtio_console_port_remove(&bench->console, 2), -ENOENT);
    assert_int_equal(vmmp_virtio_console_port_remove(&bench->console, CONSOLE_PORTS), -ENOENT);

    assert_int_equal(vmmp_virtio_console_init(console, &backend, NULL, memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_console_port_add(console, 0, &options), -EINVAL);
    assert_int_equal(vmmp_virtio_console_port_remove(console, 0), -EINVAL);
    vmmp_virtio_console_fini(console);
    free(console);
}

/* As many ports as there can be. */
static void most_ports(void **state)
{
    enum { MOST = VMMP_VIRTIO_CONSOLE_PORTS_MAX };
    struct console_bench *bench = *state;
    struct vmmp_virtio_console *console = malloc(sizeof(*console));
    struct vmmp_virtio_console_ports ports = {
        .ports = malloc(MOST * sizeof(*ports.ports)),
        .queues = malloc(VMMP_VIRTIO_CONSOLE_QUEUES(MOST) * sizeof(*ports.queues)),
        .max = MOST,
    };
    const struct vmmp_virtio_console_port_options options = { .is_console = true };
    assert_int_equal(
        vmmp_virtio_console_init_multiport(console, &ports, NULL, &bench->rig.memory, NULL, NULL),
        0);
    for (unsigned id = 0; id < MOST; id++) {
        assert_int_equal(vmmp_virtio_console_port_add(console, id, &options), 0);
        assert_int_equal(console->ports[id].tx_queue, CONSOLE_TX(id));
    }
    assert_int_equal(vmmp_virtio_config_read(&console->virtio, 4, 4), MOST);
    /* The sizes are unknown as yet, but there may be some: F_SIZE. */
    assert_int_equal(vmmp_virtio_offered(&console->virtio, false) & 7, 7);
    assert_int_equal(vmmp_virtio_config_read(&console->virtio, 0, 4), 0);
    assert_int_equal(console->virtio.queue_count, CONSOLE_TX(MOST - 1) + 1);
    vmmp_virtio_console_fini(console);
    free(ports.ports);
    free(ports.queues);
    free(console);
}

int test_virtio_console_ports(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE_PORTS_EVERYWHERE(the_handshake_of_linux),
        CONSOLE_PORTS_EVERYWHERE(control_messages_cost_one_interrupt),
        CONSOLE_PORTS_EVERYWHERE(a_second_probe_starts_afresh),
        CONSOLE_PORTS_EVERYWHERE(device_ready_again_without_a_reset),
        CONSOLE_PORTS_EVERYWHERE(nothing_is_said_to_a_driver_that_failed),
        CONSOLE_PORTS_EVERYWHERE(a_port_that_failed_is_told_nothing),
        CONSOLE_PORTS_EVERYWHERE(data_of_four_ports),
        CONSOLE_PORTS_EVERYWHERE(a_port_that_waits_holds_up_no_other),
        CONSOLE_PORTS_EVERYWHERE(input_waits_until_the_guest_opens_the_port),
        CONSOLE_PORTS_EVERYWHERE(input_for_a_closed_port_is_dropped_if_so_configured),
        CONSOLE_PORTS_EVERYWHERE(output_survives_the_closing_of_its_port),
        CONSOLE_PORTS_EVERYWHERE(the_host_opens_and_closes),
        CONSOLE_PORTS_EVERYWHERE(a_port_that_starts_closed),
        CONSOLE_PORTS_EVERYWHERE(ports_come_and_go),
        CONSOLE_PORTS_EVERYWHERE(ports_that_went_before_the_driver_came),
        CONSOLE_PORTS_EVERYWHERE(output_of_a_removed_port_is_dropped),
        CONSOLE_PORTS_EVERYWHERE(a_port_is_removed_from_inside_its_backend),
        CONSOLE_PORTS_EVERYWHERE(consoles_are_resized),
        CONSOLE_TEST(console_setup_ports, sizes_as_older_linux_reads_them),
        CONSOLE_PORTS_EVERYWHERE(nothing_is_lost_without_control_buffers),
        CONSOLE_PORTS_EVERYWHERE(a_handshake_buffer_by_buffer),
        CONSOLE_PORTS_EVERYWHERE(a_driver_without_multiport_has_port_0),
        CONSOLE_PORTS_EVERYWHERE(a_driver_with_few_queues),
        CONSOLE_PORTS_EVERYWHERE(emergency_output_goes_to_port_0),
        CONSOLE_TEST(console_setup_ports, mistakes_of_the_client),
        CONSOLE_TEST(console_setup_ports, most_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
