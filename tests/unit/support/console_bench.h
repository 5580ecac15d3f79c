/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio console on a bench: up to four ports with backends that record, a PCI transport, and
 * a guest's driver that does with them what Linux does.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_spec.h"

#define CONSOLE_PORTS 4

/** Queues of a port (5.3.2). */
#define CONSOLE_RX(port)   ((port) == 0 ? 0u : 2u * (port) + 2u)
#define CONSOLE_TX(port)   ((port) == 0 ? 1u : 2u * (port) + 3u)
#define CONSOLE_CONTROL_RX 2u
#define CONSOLE_CONTROL_TX 3u

/** Events of control messages (5.3.6.2). */
enum {
    CONSOLE_DEVICE_READY = 0,
    CONSOLE_ADD = 1,
    CONSOLE_REMOVE = 2,
    CONSOLE_PORT_READY = 3,
    CONSOLE_IS_CONSOLE = 4,
    CONSOLE_RESIZE = 5,
    CONSOLE_OPEN = 6,
    CONSOLE_NAME = 7,
};

/** The backend of a port: takes `room` bytes, then refuses. */
struct console_bench_port {
    struct console_bench *bench;
    unsigned id;
    char output[1 << 17];
    size_t length;  /* Of the output kept, */
    uint64_t total; /* and all there was. */
    size_t room;
    size_t largest;  /* Bytes in one call. */
    unsigned writes; /* Calls. */
    unsigned ready;
    const char *input; /* Given from within input_ready. */
    bool echo;         /* `write` sends everything back. */
    bool wake;         /* `write` says writable, and has room again. */
    void (*inside)(struct console_bench_port *port); /* Called by `write`. */
    bool open;                                       /* What `guest_open` said last, */
    unsigned opens;                                  /* and how often it said anything. */
};

struct console_bench {
    struct virtio_rig rig;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_console_port memory[CONSOLE_PORTS];
    struct vmmp_virtio_queue queues[VMMP_VIRTIO_CONSOLE_QUEUES(CONSOLE_PORTS)];
    struct virtio_driver driver;
    uint64_t buffers; /* 128 KiB for each direction of each port, */
    uint64_t control; /* buffers of the control queues, */
    uint64_t rings;   /* and the rings after them. */
    struct console_bench_port port[CONSOLE_PORTS];
};

/** `ports` 0: one port without F_MULTIPORT, 80 by 25. Otherwise room for so many, none there. */
void console_bench_make(struct console_bench *bench, bool defers, unsigned ports,
                        const struct virtio_driver_transport *transport);
void console_bench_unmake(struct console_bench *bench);
/** The backend of port `id`. */
struct vmmp_virtio_console_backend console_backend(struct console_bench *bench, unsigned id);
size_t console_backend_write(void *cookie, const struct vmmp_iovec *iov, unsigned count);

/** cmocka's setup and teardown: a console with one port, or four that are not there yet. */
int console_setup(void **state);
int console_setup_direct(void **state);
int console_setup_mmio(void **state);
int console_setup_packed(void **state);
int console_setup_legacy(void **state);
int console_setup_legacy_direct(void **state);
int console_setup_ports(void **state);
int console_setup_ports_direct(void **state);
int console_setup_ports_packed(void **state);
int console_setup_ports_legacy(void **state);
int console_setup_ports_legacy_direct(void **state);
int console_teardown(void **state);

#define CONSOLE_TEST(how, name) cmocka_unit_test_setup_teardown(name, how, console_teardown)
/** For tests that write descriptors of split rings themselves. */
#define CONSOLE_SPLIT(name)                                                               \
    CONSOLE_TEST(console_setup, name), CONSOLE_TEST(console_setup_direct, name),          \
        CONSOLE_TEST(console_setup_mmio, name), CONSOLE_TEST(console_setup_legacy, name), \
        CONSOLE_TEST(console_setup_legacy_direct, name)
#define CONSOLE_PORTS_SPLIT(name)                                                            \
    CONSOLE_TEST(console_setup_ports, name), CONSOLE_TEST(console_setup_ports_direct, name), \
        CONSOLE_TEST(console_setup_ports_legacy, name),                                      \
        CONSOLE_TEST(console_setup_ports_legacy_direct, name)
/** On both faces, with and without deferral, and on both kinds of rings. */
#define CONSOLE_EVERYWHERE(name) CONSOLE_SPLIT(name), CONSOLE_TEST(console_setup_packed, name)
#define CONSOLE_PORTS_EVERYWHERE(name) \
    CONSOLE_PORTS_SPLIT(name), CONSOLE_TEST(console_setup_ports_packed, name)

void console_enter(struct console_bench *bench);
void console_leave(struct console_bench *bench);

/** Starts the driver; it has port 0's queues only, or with ports all of them. */
void console_start(struct console_bench *bench);
/** The guest prints: one chain of `pieces` buffers. The kick is the caller's. */
void console_print(struct console_bench *bench, unsigned id, const char *text, unsigned pieces);
/** How many chains have come back since the last call. */
unsigned console_finished(struct console_bench *bench, unsigned queue);
/** The guest makes `count` input buffers of `size` bytes available. The kick is the caller's. */
void console_post(struct console_bench *bench, unsigned id, unsigned count, uint32_t size);
/** What arrived in the guest since the last call. */
const char *console_read(struct console_bench *bench, unsigned id);

/** The host types; says it has room for output; expects all the output there was. */
size_t console_type(struct console_bench *bench, unsigned id, const char *text);
void console_writable(struct console_bench *bench, unsigned id, size_t room);
void console_expect(struct console_bench *bench, unsigned id, const char *text);

/** Adds a port with the bench's backend: a console, or one with a name. */
void console_add(struct console_bench *bench, unsigned id, bool is_console, const char *name);
void console_remove(struct console_bench *bench, unsigned id);
void console_set_open(struct console_bench *bench, unsigned id, bool open);

/** The guest makes `count` buffers for control messages available, and kicks. */
void console_post_control(struct console_bench *bench, unsigned count, uint32_t size);
/** The guest says something. */
void console_say(struct console_bench *bench, uint32_t id, unsigned event, unsigned value);
/** `size` bytes of a control message, as they are. */
void console_say_bytes(struct console_bench *bench, const void *bytes, size_t size);
/**
 * The control messages that arrived since the last call: "add 0, console 0, name 1 text,
 * size 0 80 25, open 1 1, remove 1".
 */
const char *console_heard(struct console_bench *bench);
/** Starts as Linux does: everything but the ports' own messages. */
void console_probe(struct console_bench *bench);
/** Answers as Linux does until nothing more comes; returns all that was heard. */
const char *console_settle(struct console_bench *bench);
