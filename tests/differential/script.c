/* SPDX-License-Identifier: BSD-2-Clause */
#include "script.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

const char *const machine_devices[DEVICES] = { "rng", "blk", "net", "console", "balloon" };
const char *const machine_faces[FACES] = { "modern", "legacy", "mmio" };
const uint8_t machine_mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };

#define ON(device) (1u << (device))
#define PCI        (1u << FACE_MODERN | 1u << FACE_LEGACY)

/* What is behind the transports is the same whatever they are: MMIO plays no requests. */
const struct script scripts[] = {
    { "identity", 0, 0, play_identity },
    { "features", 0, 0, play_features },
    { "status", 0, 0, play_status },
    { "registers", 0, 1u << FACE_MODERN, play_registers },
    { "ports", 0, 1u << FACE_LEGACY, play_legacy_registers },
    { "registers", 0, 1u << FACE_MMIO, play_mmio_registers },
    { "configuration", 0, 0, play_configuration },
    { "interrupts", ON(DEVICE_RNG), 0, play_interrupts },
    { "events", ON(DEVICE_RNG), 0, play_events },
    { "chains", ON(DEVICE_RNG), PCI, play_chains },
    { "hostile", ON(DEVICE_RNG), 0, play_hostile },
    { "blk", ON(DEVICE_BLK), PCI, play_blk },
    { "net", ON(DEVICE_NET), PCI, play_net },
    { "control", ON(DEVICE_NET), PCI, play_net_control },
    { "console", ON(DEVICE_CONSOLE), PCI, play_console },
    { "balloon", ON(DEVICE_BALLOON), PCI, play_balloon },
};
const unsigned script_count = sizeof(scripts) / sizeof(scripts[0]);

const char *step(const char *format, ...)
{
    static char text[100];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

void note(struct run *run, const char *name, const char *format, ...)
{
    struct notes *notes = run->notes;
    if (notes->count == notes->room) {
        notes->room = notes->room ? 2 * notes->room : 256;
        notes->list = realloc(notes->list, notes->room * sizeof(*notes->list));
        if (!notes->list) {
            perror("differential");
            exit(1);
        }
    }
    struct note *new = &notes->list[notes->count];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(new->value, sizeof(new->value), format, arguments);
    va_end(arguments);
    if (run->machine->lost) {
        snprintf(new->value, sizeof(new->value), "%s", run->machine->lost);
        run->machine->lost = NULL;
        run->lost = true;
    }
    snprintf(new->step, sizeof(new->step), "%s: %s%s%s", run->script, run->way,
             run->way[0] ? ": " : "", name);
    for (size_t i = 0; i < notes->count; i++) {
        if (strcmp(notes->list[i].step, new->step) == 0) {
            fprintf(stderr, "differential: step \"%s\" is there twice\n", new->step);
            exit(1);
        }
    }
    notes->count++;
}

/* For what ends the program in the midst of a script. */
static const struct run *playing;

static void say_where(void)
{
    if (playing) {
        const struct notes *notes = playing->notes;
        fprintf(stderr, "differential: %s behind %s: %s: %s (after \"%s\")\n",
                machine_devices[playing->machine->device], machine_faces[playing->machine->face],
                playing->script, playing->way,
                notes->count ? notes->list[notes->count - 1].step : "");
    }
}

_Noreturn static void failed(const char *what)
{
    fprintf(stderr, "differential: the driver: %s\n", what);
    exit(1);
}

void scripts_play(struct machine *machine, struct notes *notes)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run) {
        perror("differential");
        exit(1);
    }
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(say_where);
    }
    playing = run;
    run->machine = machine;
    run->notes = notes;
    run->data = machine->ram;
    run->mark = machine->ram + 0x10000;
    for (unsigned i = 0; i < script_count; i++) {
        const struct script *script = &scripts[i];
        if ((script->devices && !(script->devices & ON(machine->device))) ||
            (script->faces && !(script->faces & 1u << machine->face))) {
            continue;
        }
        vmmp_virtio_driver_init(&run->driver, machine->transport, machine->registers,
                                machine->memory, run->mark, MACHINE_RAM_SIZE - 0x10000);
        run->driver.fail = failed;
        run->driver.ids_everywhere = true; /* play_ids() has the others. */
        run->script = script->name;
        run->way[0] = '\0';
        reset(run);
        script->play(run);
        reset(run);
    }
    playing = NULL;
    free(run);
}

/* ---- For scripts ---- */

uint64_t peek(struct run *run, uint64_t offset, unsigned size)
{
    return vmmp_window_read(run->machine->registers, offset, size);
}

void poke(struct run *run, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(run->machine->registers, offset, size, value);
}

uint8_t status(struct run *run)
{
    return run->machine->transport->status(run->machine->registers);
}

void set_status(struct run *run, uint8_t value)
{
    run->machine->transport->set_status(run->machine->registers, value);
}

void reset(struct run *run)
{
    vmmp_virtio_driver_reset(&run->driver);
    run->machine->settle(run->machine);
    run->machine->transport->isr(run->machine->registers);
    run->driver.next_gpa = run->mark;
}

bool start(struct run *run, uint64_t features, unsigned queues)
{
    run->lost = false;
    reset(run);
    memset(at(run, run->data, 0x10000), 0, 0x10000);
    run->driver.queue_limit = MACHINE_QUEUE_SIZE;
    run->driver.rings = features & (BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER));
    if (!vmmp_virtio_driver_start(&run->driver, features, queues)) {
        note(run, "features", "refused");
        return false;
    }
    run->machine->settle(run->machine);
    return true;
}

bool works(struct run *run)
{
    return !run->lost && !(status(run) & VIRTIO_STATUS_NEEDS_RESET);
}

uint8_t *at(struct run *run, uint64_t gpa, size_t len)
{
    return vmmp_virtio_driver_at(&run->driver, gpa, len);
}

/* What the ring says: a device may leave out the flag without which the length does not count. */
static uint32_t length_of_next(const struct run *run, unsigned queue)
{
    const struct vmmp_virtio_driver_queue *rings = &run->driver.queues[queue];
    if (!vmmp_virtio_driver_has(&run->driver, VIRTIO_F_RING_PACKED)) {
        return vmmp_le32_get(rings->used->ring[rings->last_used % rings->size].len);
    }
    return vmmp_le32_get(rings->packed.ring[rings->packed.used].len);
}

bool await(struct run *run, unsigned queue, uint32_t *id, uint32_t *len)
{
    for (unsigned i = 0;; i++) {
        run->machine->settle(run->machine);
        uint32_t written = length_of_next(run, queue);
        if (vmmp_virtio_driver_used(&run->driver, queue, id, len)) {
            *len = written;
            return true;
        }
        if (i >= run->machine->patience_ms || run->machine->lost ||
            (status(run) & VIRTIO_STATUS_NEEDS_RESET)) {
            return false;
        }
        poll(NULL, 0, 1);
    }
}

bool strike(struct run *run, unsigned queue, uint32_t *id, uint32_t *len)
{
    run->machine->transport->kick(run->machine->registers, queue);
    return await(run, queue, id, len);
}

bool strike_and_note(struct run *run, unsigned queue, const char *name)
{
    uint32_t id, len;
    bool used = strike(run, queue, &id, &len);
    uint8_t now = status(run);
    const char *broken = now & VIRTIO_STATUS_NEEDS_RESET ? " needs reset" : "";
    if (used) {
        note(run, name, "used %u%s", len, broken);
    } else {
        note(run, name, "nothing%s", broken);
    }
    return used;
}

bool next_way(struct run *run, struct ways *ways)
{
    static const struct {
        const char *name;
        uint64_t features;
        bool legacy;
        bool always;
    } all[] = {
        { "split", 0, true, true },
        { "split events", BIT(VIRTIO_F_EVENT_IDX), true, false },
        { "packed", BIT(VIRTIO_F_RING_PACKED), false, false },
        { "packed events", BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_EVENT_IDX), false, true },
    };
    while (ways->next < sizeof(all) / sizeof(all[0])) {
        unsigned i = ways->next++;
        if ((run->machine->transport->legacy && !all[i].legacy) || (!ways->all && !all[i].always)) {
            continue;
        }
        snprintf(run->way, sizeof(run->way), "%s", all[i].name);
        ways->features = all[i].features | BIT(VIRTIO_F_INDIRECT_DESC) |
                         (run->machine->transport->legacy ? 0 : BIT(VIRTIO_F_VERSION_1));
        return true;
    }
    run->way[0] = '\0';
    return false;
}
