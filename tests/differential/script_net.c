/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames and control commands of a network device. */
#include <string.h>

#include "script.h"
#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define RX      0u
#define TX      1u
#define CONTROL 2u

/* Places in the run's data. */
#define FRAME   0x2000u
#define COMMAND 0x8000u
#define ANSWER  0x8100u

static unsigned header_bytes(const struct run *run)
{
    return run->machine->transport->legacy ? HDR_LEGACY_SIZE : HDR_SIZE;
}

static void fill_frame(uint8_t *frame, unsigned len, uint8_t mark)
{
    memset(frame, mark, len);
    memset(frame, 0xff, len < 6 ? len : 6);
}

/* ---- From the guest ---- */

static void play_frame(struct run *run, const char *name, unsigned header, unsigned len,
                       unsigned piece)
{
    struct vmmp_virtio_driver_buffer buffers[32];
    uint8_t seen[4096];
    unsigned total = header + len;
    unsigned count = 0;

    memset(at(run, run->data + FRAME, 4096), 0, 4096);
    fill_frame(at(run, run->data + FRAME + header, 4000), len, 0x31);
    for (unsigned done = 0; done < total || count == 0; count++) {
        unsigned bytes = total - done < piece ? total - done : piece;
        buffers[count] =
            (struct vmmp_virtio_driver_buffer){ run->data + FRAME + done, bytes, false };
        done += bytes;
    }
    vmmp_virtio_driver_add(&run->driver, TX, buffers, count);
    bool used = strike_and_note(run, TX, name);
    note(run, step("sent of %s", name), "%zu bytes",
         run->machine->output(run->machine, seen, 4096));
    if (!used || !works(run)) {
        start(run, run->driver.features, 2);
    }
}

static void play_sending(struct run *run)
{
    unsigned header = header_bytes(run);
    play_frame(run, "a frame", header, 60, 4096);
    play_frame(run, "a frame of 1514 bytes", header, 1514, 4096);
    play_frame(run, "a header of its own", header, 60, header);
    play_frame(run, "a frame in pieces of 5", header, 100, 5);
    play_frame(run, "a frame of 14 bytes", header, 14, 4096);
    play_frame(run, "a header without a frame", header, 0, 4096);
    play_frame(run, "half a header", header / 2, 0, 4096);
    play_frame(run, "a frame of 1 byte", header, 1, 4096);
    const struct vmmp_virtio_driver_buffer writable = { run->data + FRAME, 64, true };
    vmmp_virtio_driver_add(&run->driver, TX, &writable, 1);
    strike_and_note(run, TX, "a frame that can only be written");
}

/* ---- To the guest ---- */

static void receive(struct run *run, const char *name, const unsigned *buffers, unsigned count,
                    unsigned len)
{
    uint8_t frame[2048];
    uint32_t id, used;
    for (unsigned i = 0; i < count; i++) {
        const struct vmmp_virtio_driver_buffer buffer = { run->data + FRAME + UINT64_C(0x800) * i,
                                                          buffers[i], true };
        memset(at(run, buffer.gpa, 0x800), 0xee, 0x800);
        vmmp_virtio_driver_add(&run->driver, RX, &buffer, 1);
    }
    run->machine->transport->kick(run->machine->registers, RX);
    run->machine->settle(run->machine);
    fill_frame(frame, len, 0x42);
    run->machine->input(run->machine, frame, len);
    for (unsigned i = 0; i < count; i++) {
        bool got = await(run, RX, &id, &used);
        note(run, step("%s buffer %u", name, i), "%s %u", got ? "used" : "nothing", got ? used : 0);
        if (!got) {
            break;
        }
    }
    const uint8_t *header = at(run, run->data + FRAME, 12);
    note(run, step("%s header", name), "%x %x %x %x", header[0], header[1], header[10], header[11]);
    note(run, step("%s status", name), "%x", status(run));
}

static void play_receiving(struct run *run, uint64_t features)
{
    const unsigned large[] = { 2000 };
    const unsigned exact[] = { header_bytes(run) + 60 };
    const unsigned small[] = { 40, 2000 };
    const unsigned tiny[] = { 4 };
    receive(run, "a frame in", large, 1, 60);
    receive(run, "a large frame in", large, 1, 1514);
    receive(run, "a frame that just fits", exact, 1, 60);
    start(run, features, 2);
    receive(run, "a frame for two buffers", small, 2, 60);
    start(run, features, 2);
    receive(run, "a frame for less than a header", tiny, 1, 60);
    start(run, features | BIT(VIRTIO_NET_F_MRG_RXBUF), 2);
    receive(run, "a merged frame", small, 2, 60);
    /* No buffers: it waits for one, or is lost. */
    start(run, features, 2);
    receive(run, "a frame without buffers", NULL, 0, 60);
    receive(run, "the frame after it", large, 1, 61);
}

void play_net(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        if (start(run, ways.features, 2)) {
            play_sending(run);
            start(run, ways.features, 2);
            play_receiving(run, ways.features);
        }
    }
}

/* ---- Control ---- */

struct command {
    const char *name;
    uint8_t bytes[24];
    unsigned len;
    unsigned answer; /* Bytes that there are for it. */
};

/* 5.1.6.5; numbers are its class and command. */
static const struct command commands[] = {
    { "promiscuous on", { 0, 0, 1 }, 3, 1 },
    { "promiscuous off", { 0, 0, 0 }, 3, 1 },
    { "promiscuous 2", { 0, 0, 2 }, 3, 1 },
    { "promiscuous without a value", { 0, 0 }, 2, 1 },
    { "promiscuous with too much", { 0, 0, 1, 1, 1, 1 }, 6, 1 },
    { "all multicast", { 0, 1, 1 }, 3, 1 },
    { "no broadcast", { 0, 5, 0 }, 3, 1 },
    { "receive command 9", { 0, 9, 1 }, 3, 1 },
    { "empty address tables", { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, 1 },
    { "one address", { 1, 0, 1, 0, 0, 0, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0 }, 16, 1 },
    { "a table that is cut", { 1, 0, 2, 0, 0, 0, 2, 1, 1, 1, 1, 1 }, 12, 1 },
    { "a table of very many", { 1, 0, 0xff, 0xff, 0xff, 0xff }, 6, 1 },
    { "its address", { 1, 1, 2, 9, 9, 9, 9, 9 }, 8, 1 },
    { "its address of 5 bytes", { 1, 1, 2, 9, 9, 9, 9 }, 7, 1 },
    { "address command 7", { 1, 7, 2 }, 3, 1 },
    { "add VLAN 5", { 2, 0, 5, 0 }, 4, 1 },
    { "remove VLAN 5", { 2, 1, 5, 0 }, 4, 1 },
    { "add VLAN 4096", { 2, 0, 0, 0x10 }, 4, 1 },
    { "announced", { 3, 0 }, 2, 1 },
    { "one pair", { 4, 0, 1, 0 }, 4, 1 },
    { "no pair", { 4, 0, 0, 0 }, 4, 1 },
    { "class 77", { 77, 0 }, 2, 1 },
    { "half a command", { 0 }, 1, 1 },
    { "no room for an answer", { 0, 0, 1 }, 3, 0 },
    { "an answer of 4 bytes", { 0, 0, 1 }, 3, 4 },
};

void play_net_control(struct run *run)
{
    const uint64_t features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_CTRL_VQ) |
                              BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
                              BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |
                              BIT(VIRTIO_NET_F_STATUS);
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        if (!start(run, ways.features | features, 3)) {
            continue;
        }
        for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
            const struct command *command = &commands[i];
            uint32_t id, len;
            memcpy(at(run, run->data + COMMAND, 24), command->bytes, 24);
            *at(run, run->data + ANSWER, 1) = 0xff;
            const struct vmmp_virtio_driver_buffer buffers[2] = {
                { run->data + COMMAND, command->len, false },
                { run->data + ANSWER, command->answer, true },
            };
            vmmp_virtio_driver_add(&run->driver, CONTROL, buffers, command->answer ? 2 : 1);
            bool used = strike(run, CONTROL, &id, &len);
            unsigned broken = status(run) & VIRTIO_STATUS_NEEDS_RESET;
            note(run, command->name, "%s answer %x used %u%s", used ? "used" : "nothing",
                 *at(run, run->data + ANSWER, 1), used ? len : 0, broken ? " needs reset" : "");
            if (!works(run) || !used) {
                start(run, ways.features | features, 3);
            }
        }
    }
}
