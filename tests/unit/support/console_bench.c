/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/console_bench.h"

#include <stdarg.h>

#include "vmmp_test.h"

#define BUFFERS        0x20000u /* Per queue. */
#define BUFFER         1024u
#define CONTROL_BUFFER 128u

/* ---- The host's side ---- */

size_t console_backend_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct console_bench_port *port = cookie;
    struct vmmp_virtio_console *console = &port->bench->console;
    size_t taken = 0;
    size_t bytes = 0;
    port->writes++;
    for (unsigned i = 0; i < count; i++) {
        assert_int_not_equal(iov[i].len, 0);
        bytes += iov[i].len;
        size_t piece = iov[i].len < port->room ? iov[i].len : port->room;
        for (size_t b = 0; b < piece && port->length < sizeof(port->output); b++) {
            port->output[port->length++] = ((const char *)iov[i].base)[b];
        }
        if (port->echo) {
            assert_int_equal(
                vmmp_virtio_console_port_receive(console, port->id, iov[i].base, piece), piece);
        }
        port->room -= piece;
        taken += piece;
    }
    port->total += taken;
    port->largest = bytes > port->largest ? bytes : port->largest;
    if (port->wake) {
        port->room = 3;
        vmmp_virtio_console_port_writable(console, port->id);
    }
    if (port->inside) {
        port->inside(port);
    }
    return taken;
}

static void backend_ready(void *cookie)
{
    struct console_bench_port *port = cookie;
    port->ready++;
    if (port->input) {
        port->input += vmmp_virtio_console_port_receive(&port->bench->console, port->id,
                                                        port->input, strlen(port->input));
    }
}

static void backend_open(void *cookie, bool open)
{
    struct console_bench_port *port = cookie;
    assert_int_not_equal(port->open, open);
    assert_int_equal(vmmp_virtio_console_port_guest_open(&port->bench->console, port->id), open);
    port->open = open;
    port->opens++;
}

struct vmmp_virtio_console_backend console_backend(struct console_bench *bench, unsigned id)
{
    return (struct vmmp_virtio_console_backend){
        .write = console_backend_write,
        .input_ready = backend_ready,
        .cookie = &bench->port[id],
        .guest_open = backend_open,
    };
}

static int init(struct console_bench *bench, unsigned ports)
{
    static const struct vmmp_virtio_console_options options = { 80, 25, 0 };
    struct virtio_rig *rig = &bench->rig;
    if (ports == 0) {
        const struct vmmp_virtio_console_backend backend = console_backend(bench, 0);
        return vmmp_virtio_console_init(&bench->console, &backend, &options, &rig->memory,
                                        &rig->log, &rig->host);
    }
    const struct vmmp_virtio_console_ports memory = { bench->memory, bench->queues, ports, false };
    return vmmp_virtio_console_init_multiport(&bench->console, &memory, &options, &rig->memory,
                                              &rig->log, &rig->host);
}

void console_bench_make(struct console_bench *bench, bool defers, unsigned ports,
                        const struct virtio_driver_transport *transport)
{
    memset(bench, 0, sizeof(*bench));
    for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
        bench->port[id].bench = bench;
        bench->port[id].id = id;
        bench->port[id].room = SIZE_MAX;
    }
    virtio_rig_init(&bench->rig, defers, false);
    assert_int_equal(init(bench, ports), 0);
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->console.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.ordered = true;
    bench->buffers = virtio_driver_alloc(&bench->driver, 2 * CONSOLE_PORTS * BUFFERS, 4096);
    bench->control = virtio_driver_alloc(&bench->driver, 2 * 128 * CONTROL_BUFFER, 4096);
    bench->rings = bench->driver.next_gpa;
}

void console_bench_unmake(struct console_bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_console_fini(&bench->console);
    virtio_rig_fini(&bench->rig);
}

static int make(void **state, bool defers, unsigned ports,
                const struct virtio_driver_transport *transport)
{
    struct console_bench *bench = malloc(sizeof(*bench));
    console_bench_make(bench, defers, ports, transport);
    *state = bench;
    return 0;
}

int console_setup(void **state)
{
    return make(state, true, 0, &virtio_driver_pci_modern);
}

int console_setup_direct(void **state)
{
    return make(state, false, 0, &virtio_driver_pci_modern);
}

int console_setup_mmio(void **state)
{
    return make(state, true, 0, &virtio_driver_mmio);
}

static int make_packed(void **state, unsigned ports)
{
    make(state, true, ports, &virtio_driver_pci_modern);
    ((struct console_bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

int console_setup_packed(void **state)
{
    return make_packed(state, 0);
}

int console_setup_ports_packed(void **state)
{
    return make_packed(state, CONSOLE_PORTS);
}

int console_setup_legacy(void **state)
{
    return make(state, true, 0, &virtio_driver_pci_legacy);
}

int console_setup_legacy_direct(void **state)
{
    return make(state, false, 0, &virtio_driver_pci_legacy);
}

int console_setup_ports(void **state)
{
    return make(state, true, CONSOLE_PORTS, &virtio_driver_pci_modern);
}

int console_setup_ports_direct(void **state)
{
    return make(state, false, CONSOLE_PORTS, &virtio_driver_pci_modern);
}

int console_setup_ports_legacy(void **state)
{
    return make(state, true, CONSOLE_PORTS, &virtio_driver_pci_legacy);
}

int console_setup_ports_legacy_direct(void **state)
{
    return make(state, false, CONSOLE_PORTS, &virtio_driver_pci_legacy);
}

int console_teardown(void **state)
{
    console_bench_unmake(*state);
    free(*state);
    return 0;
}

void console_enter(struct console_bench *bench)
{
    vmmp_context_enter(&bench->console.virtio.context);
}

void console_leave(struct console_bench *bench)
{
    vmmp_context_leave(&bench->console.virtio.context);
}

size_t console_type(struct console_bench *bench, unsigned id, const char *text)
{
    console_enter(bench);
    size_t taken = vmmp_virtio_console_port_receive(&bench->console, id, text, strlen(text));
    console_leave(bench);
    return taken;
}

void console_writable(struct console_bench *bench, unsigned id, size_t room)
{
    bench->port[id].room = room;
    console_enter(bench);
    vmmp_virtio_console_port_writable(&bench->console, id);
    console_leave(bench);
}

void console_expect(struct console_bench *bench, unsigned id, const char *text)
{
    const struct console_bench_port *port = &bench->port[id];
    assert_int_equal(port->length, strlen(text));
    assert_memory_equal(port->output, text, port->length);
}

void console_add(struct console_bench *bench, unsigned id, bool is_console, const char *name)
{
    const struct vmmp_virtio_console_port_options options = {
        .backend = console_backend(bench, id),
        .name = name,
        .is_console = is_console,
    };
    console_enter(bench);
    assert_int_equal(vmmp_virtio_console_port_add(&bench->console, id, &options), 0);
    console_leave(bench);
}

void console_remove(struct console_bench *bench, unsigned id)
{
    console_enter(bench);
    assert_int_equal(vmmp_virtio_console_port_remove(&bench->console, id), 0);
    console_leave(bench);
    bench->port[id].open = false;
}

void console_set_open(struct console_bench *bench, unsigned id, bool open)
{
    console_enter(bench);
    vmmp_virtio_console_port_set_open(&bench->console, id, open);
    console_leave(bench);
}

/* ---- The guest's data ---- */

void console_start(struct console_bench *bench)
{
    bool ports = bench->console.multiport;
    bench->driver.next_gpa = bench->rings;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX,
                                    ports ? bench->console.virtio.queue_count : 2));
}

void console_print(struct console_bench *bench, unsigned id, const char *text, unsigned pieces)
{
    struct virtio_driver_buffer buffers[16];
    size_t length = strlen(text);
    unsigned slot = bench->driver.queues[CONSOLE_TX(id)].avail_idx % 128u;
    uint64_t at = bench->buffers + id * BUFFERS + slot * BUFFER;
    memcpy(virtio_driver_at(&bench->driver, at, length), text, length);
    for (unsigned i = 0; i < pieces; i++) {
        size_t from = length * i / pieces;
        size_t to = length * (i + 1) / pieces;
        buffers[i] = (struct virtio_driver_buffer){ at + from, (uint32_t)(to - from), false };
    }
    virtio_driver_add(&bench->driver, CONSOLE_TX(id), buffers, pieces);
}

unsigned console_finished(struct console_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->driver, queue, &id, &len)) {
        count++;
    }
    return count;
}

void console_post(struct console_bench *bench, unsigned id, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned slot = bench->driver.queues[CONSOLE_RX(id)].avail_idx % 128u;
        const struct virtio_driver_buffer buffer = {
            bench->buffers + (CONSOLE_PORTS + id) * BUFFERS + slot * BUFFER, size, true
        };
        virtio_driver_add(&bench->driver, CONSOLE_RX(id), &buffer, 1);
    }
}

/* Takes one used buffer of `queue`; its bytes, or NULL if there is none. */
static const uint8_t *take(struct console_bench *bench, unsigned queue, uint32_t *len)
{
    uint32_t head;
    if (!virtio_driver_used(&bench->driver, queue, &head, len)) {
        return NULL;
    }
    uint64_t gpa = vmmp_le64_get(bench->driver.queues[queue].desc[head].addr);
    return virtio_driver_at(&bench->driver, gpa, *len ? *len : 1);
}

const char *console_read(struct console_bench *bench, unsigned id)
{
    static char text[4096];
    size_t length = 0;
    uint32_t len;
    const uint8_t *bytes;
    while ((bytes = take(bench, CONSOLE_RX(id), &len))) {
        assert_true(length + len < sizeof(text));
        memcpy(text + length, bytes, len);
        length += len;
    }
    text[length] = 0;
    return text;
}

/* ---- Control ---- */

void console_post_control(struct console_bench *bench, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned slot = bench->driver.queues[CONSOLE_CONTROL_RX].avail_idx % 128u;
        const struct virtio_driver_buffer buffer = { bench->control + slot * CONTROL_BUFFER, size,
                                                     true };
        virtio_driver_add(&bench->driver, CONSOLE_CONTROL_RX, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, CONSOLE_CONTROL_RX);
}

void console_say_bytes(struct console_bench *bench, const void *bytes, size_t size)
{
    unsigned slot = bench->driver.queues[CONSOLE_CONTROL_TX].avail_idx % 128u;
    uint64_t at = bench->control + (128 + slot) * CONTROL_BUFFER;
    const struct virtio_driver_buffer buffer = { at, (uint32_t)size, false };
    memcpy(virtio_driver_at(&bench->driver, at, size), bytes, size);
    virtio_driver_add(&bench->driver, CONSOLE_CONTROL_TX, &buffer, 1);
    bench->driver.transport->kick(bench->driver.device, CONSOLE_CONTROL_TX);
    /* Linux waits for it, spinning. */
    assert_int_equal(console_finished(bench, CONSOLE_CONTROL_TX), 1);
}

void console_say(struct console_bench *bench, uint32_t id, unsigned event, unsigned value)
{
    const uint8_t message[8] = { (uint8_t)id,         (uint8_t)(id >> 8),   (uint8_t)(id >> 16),
                                 (uint8_t)(id >> 24), (uint8_t)event,       (uint8_t)(event >> 8),
                                 (uint8_t)value,      (uint8_t)(value >> 8) };
    console_say_bytes(bench, message, sizeof(message));
}

static VMMP_PRINTF(2, 3) void append(char text[4096], const char *format, ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, 4096 - length, format, args);
    va_end(args);
}

static unsigned le16(const uint8_t *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

static void describe(char *text, const uint8_t *message, uint32_t len)
{
    if (len < 8) {
        append(text, "%u bytes", len);
        return;
    }
    unsigned id = le16(message);
    unsigned value = le16(message + 6);
    assert_int_equal(le16(message + 2), 0);
    switch (le16(message + 4)) {
    case CONSOLE_ADD:
        append(text, "add %u", id);
        break;
    case CONSOLE_REMOVE:
        append(text, "remove %u", id);
        break;
    case CONSOLE_IS_CONSOLE:
        append(text, "console %u", id);
        assert_int_equal(value, 1);
        break;
    case CONSOLE_RESIZE:
        assert_int_equal(len, 12);
        append(text, "size %u %u %u", id, le16(message + 8), le16(message + 10));
        break;
    case CONSOLE_OPEN:
        append(text, "open %u %u", id, value);
        break;
    case CONSOLE_NAME:
        append(text, "name %u %.*s", id, (int)(len - 8), (const char *)message + 8);
        break;
    default:
        fail_msg("event %u", le16(message + 4));
    }
}

static void append_heard(struct console_bench *bench, char *text)
{
    uint32_t len;
    const uint8_t *message;
    while ((message = take(bench, CONSOLE_CONTROL_RX, &len))) {
        append(text, "%s", *text ? ", " : "");
        describe(text, message, len);
    }
}

const char *console_heard(struct console_bench *bench)
{
    static char text[4096];
    *text = 0;
    append_heard(bench, text);
    return text;
}

void console_probe(struct console_bench *bench)
{
    console_start(bench);
    console_post_control(bench, 32, CONTROL_BUFFER);
    console_say(bench, UINT32_MAX, CONSOLE_DEVICE_READY, 1);
}

/* What Linux does with a message: virtio_console.c, as its behaviour shows from outside. */
static void answer(struct console_bench *bench, const char *heard)
{
    unsigned id;
    if (sscanf(heard, "add %u", &id) == 1) {
        const struct virtio_driver_queue *queue = &bench->driver.queues[CONSOLE_RX(id)];
        /* Buffers of an earlier port of this number are still there. */
        console_post(bench, id, queue->avail_idx == queue->last_used ? 8 : 0, 64);
        virtio_driver_kick(&bench->driver, CONSOLE_RX(id));
        console_say(bench, id, CONSOLE_PORT_READY, 1);
    } else if (sscanf(heard, "console %u", &id) == 1) {
        console_say(bench, id, CONSOLE_OPEN, 1);
    }
}

const char *console_settle(struct console_bench *bench)
{
    static char text[4096];
    size_t done = 0;
    *text = 0;
    for (;;) {
        append_heard(bench, text);
        if (!text[done]) {
            return text;
        }
        while (text[done]) {
            const char *message = text + done;
            const char *comma = strchr(message, ',');
            done = comma ? (size_t)(comma + 2 - text) : strlen(text);
            answer(bench, message);
            console_post_control(bench, 1, CONTROL_BUFFER);
        }
    }
}
