/* SPDX-License-Identifier: BSD-2-Clause */
/* A console with two ports. */
#include <stdio.h>
#include <string.h>

#include "script.h"
#include "virtio/virtio_console_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

/* 5.3.2 */
#define RX         0u
#define TX         1u
#define CONTROL_RX 2u
#define CONTROL_TX 3u
#define QUEUES     4u

#define EMERGENCY_WRITE 8u /* 5.3.4 */

/* Events of control messages (5.3.6.2). */
enum { DEVICE_READY = 0, PORT_READY = 3, PORT_OPEN = 6 };

#define BUFFERS     8u
#define FROM_DEVICE 0x4000u /* Those buffers of 64 bytes for control messages. */
#define TO_DEVICE   0x5000u

static void offer_control(struct run *run, unsigned i)
{
    const struct vmmp_virtio_driver_buffer buffer = { run->data + FROM_DEVICE + UINT64_C(64) * i,
                                                      64, true };
    vmmp_virtio_driver_add(&run->driver, CONTROL_RX, &buffer, 1);
}

static void note_messages(struct run *run, const char *name)
{
    uint32_t id, len;
    unsigned count = 0;
    while (count < BUFFERS && await(run, CONTROL_RX, &id, &len)) {
        const uint64_t gpa = vmmp_le64_get(run->driver.queues[CONTROL_RX].desc[id].addr);
        const uint8_t *bytes = at(run, gpa, 64);
        note(run, step("%s message %u", name, count), "port %u event %u value %u and %u bytes",
             bytes[0], bytes[4], bytes[6], len - 8);
        count++;
        offer_control(run, (unsigned)((gpa - run->data - FROM_DEVICE) / 64));
    }
    note(run, step("messages after %s", name), "%u", count);
}

static void tell(struct run *run, const char *name, unsigned port, unsigned event, unsigned value,
                 unsigned len)
{
    uint8_t *message = at(run, run->data + TO_DEVICE, 8);
    memset(message, 0, 8);
    message[0] = (uint8_t)port;
    message[4] = (uint8_t)event;
    message[6] = (uint8_t)value;
    const struct vmmp_virtio_driver_buffer buffer = { run->data + TO_DEVICE, len, false };
    vmmp_virtio_driver_add(&run->driver, CONTROL_TX, &buffer, 1);
    run->machine->transport->kick(run->machine->registers, CONTROL_RX);
    strike_and_note(run, CONTROL_TX, name);
    unsigned patience = run->machine->patience_ms;
    run->machine->patience_ms = patience / 20;
    note_messages(run, name);
    run->machine->patience_ms = patience;
}

static bool begin(struct run *run, uint64_t features)
{
    if (!start(run, features, QUEUES)) {
        return false;
    }
    for (unsigned i = 0; i < BUFFERS; i++) {
        offer_control(run, i);
    }
    return true;
}

static void play_control(struct run *run, uint64_t features)
{
    static const struct {
        const char *name;
        unsigned port, event, value, len;
    } rows[] = {
        { "device ready", 0, DEVICE_READY, 1, 8 },     { "port 0 ready", 0, PORT_READY, 1, 8 },
        { "port 1 ready", 1, PORT_READY, 1, 8 },       { "port 0 open", 0, PORT_OPEN, 1, 8 },
        { "port 7 ready", 7, PORT_READY, 1, 8 },       { "event 99", 0, 99, 1, 8 },
        { "half a message", 0, PORT_OPEN, 1, 4 },      { "port 1 closed", 1, PORT_OPEN, 0, 8 },
        { "device not ready", 0, DEVICE_READY, 0, 8 },
    };
    if (!begin(run, features)) {
        return;
    }
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tell(run, rows[i].name, rows[i].port, rows[i].event, rows[i].value, rows[i].len);
    }
}

static void open_port(struct run *run)
{
    tell(run, "device ready", 0, DEVICE_READY, 1, 8);
    tell(run, "port 0 ready", 0, PORT_READY, 1, 8);
    tell(run, "port 0 open", 0, PORT_OPEN, 1, 8);
}

static void play_bytes(struct run *run)
{
    char seen[256];
    run->machine->output(run->machine, seen, sizeof(seen));
    run->machine->transport->config_write(run->machine->registers, EMERGENCY_WRITE, 4, 'E');
    run->machine->settle(run->machine);
    size_t urgent = run->machine->output(run->machine, seen, sizeof(seen));
    note(run, "emergency write", "%.*s", (int)urgent, seen);
    memcpy(at(run, run->data, 16), "guest to outside", 16);
    const struct vmmp_virtio_driver_buffer out[2] = { { run->data, 6, false },
                                                      { run->data + 6, 10, false } };
    vmmp_virtio_driver_add(&run->driver, TX, out, 2);
    strike_and_note(run, TX, "output");
    size_t len = run->machine->output(run->machine, seen, sizeof(seen));
    note(run, "what came out", "%.*s", (int)len, seen);
    const struct vmmp_virtio_driver_buffer empty = { run->data, 0, false };
    vmmp_virtio_driver_add(&run->driver, TX, &empty, 1);
    strike_and_note(run, TX, "output of nothing");
    const struct vmmp_virtio_driver_buffer writable = { run->data, 8, true };
    vmmp_virtio_driver_add(&run->driver, TX, &writable, 1);
    strike_and_note(run, TX, "output that can only be written");
}

static void play_input(struct run *run)
{
    uint32_t id, len;
    const struct vmmp_virtio_driver_buffer in = { run->data + 0x1000, 64, true };
    vmmp_virtio_driver_add(&run->driver, RX, &in, 1);
    run->machine->transport->kick(run->machine->registers, RX);
    run->machine->settle(run->machine);
    run->machine->input(run->machine, "outside", 7);
    bool got = await(run, RX, &id, &len);
    note(run, "input", "%s %u", got ? "used" : "nothing", got ? len : 0);
    note(run, "what came in", "%.7s", (const char *)at(run, in.gpa, 8));
}

void play_console(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        uint64_t features = ways.features | BIT(VIRTIO_CONSOLE_F_MULTIPORT);
        play_control(run, features);
        if (begin(run, features)) {
            run->script = "output";
            open_port(run);
            play_bytes(run);
        }
        if (begin(run, features)) {
            run->script = "input";
            open_port(run);
            play_input(run);
        }
        run->script = "console";
    }
}
