/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings, on the entropy device: whatever is writable comes back full. */
#include <stdio.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/testing/virtio_hostile.h>

#include "script.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

#define WRITABLE VMMP_VIRTIO_DRIVER_WRITABLE

static void add(struct run *run, const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    vmmp_virtio_driver_add(&run->driver, 0, buffers, count);
}

static void add_one(struct run *run)
{
    const struct vmmp_virtio_driver_buffer buffer = { run->data, 16, true };
    add(run, &buffer, 1);
}

static unsigned isr(struct run *run)
{
    return run->machine->transport->isr(run->machine->registers);
}

/* INTx as the status register shows it (PCI 3.0, 6.2.3). */
static void note_line(struct run *run, const char *name)
{
    if (run->machine->config) {
        note(run, name, "%u", (unsigned)(vmmp_window_read(run->machine->config, 6, 2) >> 3 & 1));
    }
}

void play_interrupts(struct run *run)
{
    struct ways ways = { .all = true };
    uint32_t id, len;
    while (next_way(run, &ways)) {
        if (!start(run, ways.features, 1)) {
            continue;
        }
        note_line(run, "line when started");
        add_one(run);
        strike_and_note(run, 0, "a buffer");
        note_line(run, "line after a buffer");
        note(run, "ISR", "%u", isr(run));
        note(run, "ISR read again", "%u", isr(run));
        note_line(run, "line after the ISR was read");
        vmmp_virtio_driver_set_no_interrupt(&run->driver, 0, true);
        add_one(run);
        strike(run, 0, &id, &len);
        note(run, "ISR with interrupts off", "%u", isr(run));
        add_one(run);
        run->machine->transport->kick(run->machine->registers, 0);
        run->machine->settle(run->machine);
        reset(run);
        note_line(run, "line after a reset");
        note(run, "ISR after a reset", "%u", isr(run));
    }
}

/* When the device wants kicks, and when it interrupts, buffer by buffer. */
void play_events(struct run *run)
{
    struct ways ways = { .all = true };
    uint32_t id, len;
    while (next_way(run, &ways)) {
        if (!(ways.features & BIT(VIRTIO_F_EVENT_IDX)) || !start(run, ways.features, 1)) {
            continue;
        }
        bool packed = vmmp_virtio_driver_has(&run->driver, VIRTIO_F_RING_PACKED);
        unsigned first = 3;
        /* After the fourth buffer; packed: where that one ends. */
        vmmp_virtio_driver_set_used_event(&run->driver, 0,
                                          (uint16_t)(packed ? 0x8000u | first : first));
        for (unsigned i = 0; i < 8; i++) {
            add_one(run);
            note(run, step("buffer %u: kick wanted", i), "%u",
                 vmmp_virtio_driver_kick(&run->driver, 0));
            note(run, step("buffer %u: used", i), "%u", await(run, 0, &id, &len));
            note(run, step("buffer %u: ISR", i), "%u", isr(run));
        }
        for (unsigned i = 0; i < 4; i++) {
            add_one(run);
        }
        vmmp_virtio_driver_set_used_event(&run->driver, 0, (uint16_t)(packed ? 0x8000u | 10 : 10));
        note(run, "four at once: kick wanted", "%u", vmmp_virtio_driver_kick(&run->driver, 0));
        unsigned used = 0;
        while (used < 4 && await(run, 0, &id, &len)) {
            used++;
        }
        note(run, "four at once: used", "%u", used);
        note(run, "four at once: ISR", "%u", isr(run));
    }
}

/* ---- Chains that are unusual ---- */

struct chain {
    const char *name;
    struct vmmp_virtio_driver_buffer buffers[4]; /* Addresses from the run's data on. */
    unsigned count;
};

static const struct chain chains[] = {
    { "one writable", { { 0, 64, true } }, 1 },
    { "two writable", { { 0, 64, true }, { 4096, 32, true } }, 2 },
    { "readable before writable", { { 0, 16, false }, { 4096, 32, true } }, 2 },
    { "readable alone", { { 0, 16, false } }, 1 },
    { "a byte", { { 1, 1, true } }, 1 },
    { "of length 0", { { 0, 0, true } }, 1 },
    { "a piece of length 0", { { 0, 8, true }, { 64, 0, true }, { 128, 8, true } }, 3 },
    { "writable before readable", { { 0, 16, true }, { 4096, 16, false } }, 2 },
    { "60000 bytes", { { 0, 60000, true } }, 1 },
};

static void play_chain(struct run *run, const struct ways *ways, const struct chain *chain,
                       bool indirect)
{
    struct vmmp_virtio_driver_buffer buffers[4];
    memcpy(buffers, chain->buffers, sizeof(buffers));
    for (unsigned i = 0; i < chain->count; i++) {
        buffers[i].gpa += run->data;
    }
    if (!start(run, ways->features, 1)) {
        return;
    }
    if (indirect) {
        vmmp_virtio_driver_add_indirect(&run->driver, 0, buffers, chain->count);
    } else {
        add(run, buffers, chain->count);
    }
    strike_and_note(run, 0, step("%s%s", chain->name, indirect ? " in a table" : ""));
}

static void play_stretch(struct run *run)
{
    uint32_t id, len, total = 0;
    unsigned used = 0;
    /* Around the ring more than once. */
    for (unsigned i = 0; i < 3 * MACHINE_QUEUE_SIZE; i++) {
        const struct vmmp_virtio_driver_buffer buffers[2] = { { run->data, 8, true },
                                                              { run->data + 64, i % 32, true } };
        add(run, buffers, 1 + i % 2);
        if (strike(run, 0, &id, &len)) {
            used++;
            total += len;
        }
    }
    note(run, "three times around", "%u used %u bytes", used, total);
}

static void play_full(struct run *run)
{
    uint32_t id, len;
    unsigned used = 0;
    unsigned size = run->driver.queues[0].size;
    for (unsigned i = 0; i < size; i++) {
        add_one(run);
    }
    while (used < size && strike(run, 0, &id, &len)) {
        used++;
    }
    note(run, "a full ring", "%s used", used == size ? "all" : "not all");
}

/* 2.8.6: only the id in the last descriptor of a chain counts. */
static void play_ids(struct run *run, const struct ways *ways)
{
    const struct vmmp_virtio_driver_buffer buffers[2] = { { run->data, 8, true },
                                                          { run->data + 64, 8, true } };
    if (!(ways->features & BIT(VIRTIO_F_RING_PACKED)) || !start(run, ways->features, 1)) {
        return;
    }
    run->driver.ids_everywhere = false;
    uint16_t id = vmmp_virtio_driver_add(&run->driver, 0, buffers, 2);
    run->driver.ids_everywhere = true;
    run->machine->transport->kick(run->machine->registers, 0);
    run->machine->settle(run->machine);
    const struct virtq_packed_desc *ring = run->driver.queues[0].packed.ring;
    unsigned used = vmmp_le16_get(ring[0].id);
    note(run, "flags of a used descriptor", "%x", vmmp_le16_get(ring[0].flags));
    note(run, "id of a chain with different ones", "%s", used == id ? "its last" : "another");
}

static void play_queue_reset(struct run *run)
{
    if (run->machine->face != FACE_MODERN || !start(run, BIT(40) | BIT(32), 1)) {
        return;
    }
    const struct vmmp_virtio_driver_transport *transport = run->machine->transport;
    add_one(run);
    strike_and_note(run, 0, "before a reset of the queue");
    poke(run, 22, 2, 0);
    poke(run, 58, 2, 1);
    note(run, "queue reset", "%x", (unsigned)peek(run, 58, 2));
    note(run, "queue enabled after its reset", "%x", (unsigned)peek(run, 28, 2));
    note(run, "queue size after its reset", "%x",
         transport->queue_size(run->machine->registers, 0));
    run->driver.queue_limit = 32;
    vmmp_virtio_driver_set_up_queue(&run->driver, 0);
    add_one(run);
    strike_and_note(run, 0, "after a reset of the queue");
}

void play_chains(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        for (unsigned i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
            play_chain(run, &ways, &chains[i], false);
            play_chain(run, &ways, &chains[i], true);
        }
        if (start(run, ways.features, 1)) {
            play_stretch(run);
        }
        if (start(run, ways.features, 1)) {
            play_full(run);
        }
        play_ids(run, &ways);
        if (start(run, ways.features, 1)) {
            reset(run);
            add_one(run);
            run->machine->transport->kick(run->machine->registers, 0);
            run->machine->settle(run->machine);
            note(run, "a kick after a reset", "%x", status(run));
        }
    }
    play_queue_reset(run);
}

/* ---- The library's table of hostile drivers ---- */

static void settle(void *cookie)
{
    struct machine *machine = cookie;
    machine->settle(machine);
}

void play_hostile(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        reset(run);
        struct vmmp_virtio_hostile hostile = {
            .driver = &run->driver,
            .wanted = ways.features,
            .queues = 1,
            .looks = true,
            .buffer = run->data,
            .ram_end = run->machine->ram_end,
            .nowhere = run->machine->nowhere,
            .settle = settle,
            .cookie = run->machine,
        };
        run->driver.rings = ways.features & BIT(VIRTIO_F_RING_PACKED);
        run->driver.queue_limit = MACHINE_QUEUE_SIZE;
        for (unsigned i = 0; i < vmmp_virtio_hostile_count; i++) {
            const struct vmmp_virtio_hostile_case *row = &vmmp_virtio_hostile_cases[i];
            if (!vmmp_virtio_hostile_applies(&hostile, row) ||
                (run->machine->face == FACE_MMIO && row->category == VMMP_VIRTIO_HOSTILE_RING)) {
                continue;
            }
            const char *wrong = vmmp_virtio_hostile_run(&hostile, row);
            note(run, row->name, "%s", wrong ? wrong : "right");
        }
    }
}
