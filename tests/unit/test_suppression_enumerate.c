/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether an interrupt is sent and a kick asked for, in all states of small queues: every place of
 * the ring, every batch, every event that the other side may have written, sensible or not. The
 * expected answer is found entry by entry: is the one that is waited for among those just shown?
 */
#include "vmmp_test.h"

#include "support/virtqueue_rig.h"

#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define PACKED    (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define IN_ORDER  (UINT64_C(1) << VIRTIO_F_IN_ORDER)
#define BUFFER    (RIG_RAM + 0x8000)

int test_suppression_enumerate(void);

static void add(struct virtqueue_rig *rig, unsigned entries)
{
    const struct virtio_driver_buffer buffers[] = {
        { BUFFER, 8, true }, { BUFFER, 8, true }, { BUFFER, 8, true }, { BUFFER, 8, true },
        { BUFFER, 8, true }, { BUFFER, 8, true }, { BUFFER, 8, true }, { BUFFER, 8, true },
    };
    virtio_driver_add(&rig->driver, 0, buffers, entries);
}

/* The device takes what there is and pushes it, without showing it. */
static void take(struct virtqueue_rig *rig)
{
    while (vmmp_virtqueue_pop(&rig->vq, &rig->chain)) {
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, rig->chain.writable_bytes);
    }
}

static void collect(struct virtqueue_rig *rig)
{
    uint32_t id;
    uint32_t len;
    while (virtio_driver_used(&rig->driver, 0, &id, &len)) {
    }
}

/* ---- Interrupts, split: used_event against the indices just shown ---- */

static bool among(uint16_t event, uint16_t before, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if ((uint16_t)(before + i) == event) {
            return true;
        }
    }
    return false;
}

/* Every used_event there is, for batches of 1 to 4 at indices around each power of two. */
static void every_used_event(void **state)
{
    static const uint16_t places[] = { 0, 1, 0x00ff, 0x7ffd, 0x7fff, 0x8000, 0xfffd, 0xffff };
    struct virtqueue_rig *rig = malloc(sizeof(*rig));

    (void)state;
    virtqueue_rig_init(rig, 4, EVENT_IDX);
    for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        for (unsigned count = 1; count <= 4; count++) {
            for (unsigned event = 0; event < 0x10000; event++) {
                uint16_t before = places[p];
                /* As after so many buffers: the flush looks at nothing else. */
                rig->vq.published = before;
                rig->vq.next_used = (uint32_t)before + count;
                virtio_driver_set_used_event(&rig->driver, 0, (uint16_t)event);
                if (vmmp_virtqueue_flush(&rig->vq) != among((uint16_t)event, before, count)) {
                    fail_msg("%u from index %u on, used_event %u", count, before, event);
                }
            }
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

/* ---- Interrupts, packed: an entry, its lap, and whether it counts ---- */

/* The entries of the batch, one by one. */
static bool event_passed(uint32_t size, uint32_t at, bool wrap, unsigned entries, uint16_t off_wrap)
{
    for (unsigned i = 0; i < entries; i++) {
        if ((off_wrap & 0x7fff) == at && (off_wrap >> 15 != 0) == wrap) {
            return true;
        }
        if (++at == size) {
            at = 0;
            wrap = !wrap;
        }
    }
    return false;
}

static void check_packed(struct virtqueue_rig *rig, unsigned start, unsigned chains,
                         unsigned entries, uint16_t off_wrap, unsigned flags)
{
    uint32_t size = rig->config.size;
    struct virtio_driver_packed *packed = &rig->driver.queues[0].packed;

    virtqueue_rig_restart(rig);
    for (unsigned i = 0; i < start; i++) { /* To the place. */
        add(rig, 1);
        take(rig);
        vmmp_virtqueue_flush(&rig->vq);
        collect(rig);
    }
    for (unsigned i = 0; i < chains; i++) {
        add(rig, entries);
    }
    take(rig);
    vmmp_guest_store_le16(&packed->driver_event->off_wrap, off_wrap);
    vmmp_guest_store_le16(&packed->driver_event->flags, (uint16_t)flags);
    bool expected =
        event_passed(size, start % size, start / size % 2 == 0, chains * entries, off_wrap);
    expected = flags == RING_EVENT_FLAGS_DESC ? expected || !rig->vq.event_idx
                                              : flags != RING_EVENT_FLAGS_DISABLE;
    bool interrupt = vmmp_virtqueue_flush(&rig->vq);
    if ((off_wrap & 0x7fffu) >= size && flags == RING_EVENT_FLAGS_DESC) {
        return; /* There is no such entry: an interrupt too many is what the driver asks for. */
    }
    if (interrupt != expected) {
        fail_msg("ring of %u at %u: %u chains of %u, event %#x, flags %u", size, start, chains,
                 entries, off_wrap, flags);
    }
    if (expected) {
        return;
    }
    /* Nothing new, nothing to interrupt for. */
    if (vmmp_virtqueue_flush(&rig->vq)) {
        fail_msg("an interrupt for nothing");
    }
}

static void every_event_of_packed_rings(void **state)
{
    static const uint64_t features[] = { PACKED | EVENT_IDX, PACKED,
                                         PACKED | EVENT_IDX | IN_ORDER };
    (void)state;
    for (unsigned f = 0; f < 3; f++) {
        for (uint32_t size = 1; size <= 5; size++) {
            struct virtqueue_rig *rig = malloc(sizeof(*rig));
            virtqueue_rig_init(rig, size, features[f]);
            for (unsigned start = 0; start < 2 * size; start++) {
                for (unsigned entries = 1; entries <= size; entries++) {
                    for (unsigned chains = 1; chains * entries <= size; chains++) {
                        for (unsigned event = 0; event < 2 * (size + 2); event++) {
                            uint16_t off = (uint16_t)(event / 2 | (event & 1 ? 0x8000 : 0));
                            for (unsigned flags = 0; flags < 4; flags++) {
                                check_packed(rig, start, chains, entries, off, flags);
                            }
                        }
                    }
                }
            }
            virtqueue_rig_fini(rig);
            free(rig);
        }
    }
}

/* ---- Kicks: what the device asks for, and what a driver makes of it ---- */

static void count_kick(struct vmmp_window *window, unsigned queue)
{
    (void)queue;
    ++*(unsigned *)window->device;
}

/*
 * Every history of four steps: the driver adds a buffer and considers a kick, or two before it
 * does; the device listens, is quiet, or takes what there is. A device that listens and was told
 * that there was nothing is kicked for the next buffer; what it is told there is, is there.
 */
static void histories_of_kicks(uint32_t size, uint64_t features)
{
    static const struct virtio_driver_transport transport = { .kick = count_kick };
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    const unsigned steps = 5;
    unsigned total = 1;

    virtqueue_rig_init(rig, size, features);
    for (unsigned i = 0; i < 6; i++) {
        total *= steps;
    }
    for (unsigned history = 0; history < total; history++) {
        unsigned kicks = 0;
        struct vmmp_window window = { .device = &kicks };
        bool listens = false;
        unsigned waiting = 0; /* Buffers that the device has not taken. */
        unsigned room = size;
        virtqueue_rig_restart(rig);
        rig->driver.transport = &transport;
        rig->driver.device = &window;
        vmmp_virtqueue_disable_notifications(&rig->vq);
        for (unsigned i = 0, rest = history; i < 6; i++, rest /= steps) {
            unsigned before = kicks;
            bool right = true;
            switch (rest % steps) {
            case 0:
            case 1: {
                unsigned count = rest % steps + 1;
                if (room < count) {
                    break;
                }
                for (unsigned added = 0; added < count; added++) {
                    add(rig, 1);
                }
                room -= count;
                waiting += count;
                virtio_driver_kick(&rig->driver, 0);
                right = !listens || kicks == before + 1;
                listens = listens && kicks == before;
                break;
            }
            case 2:
                listens = !vmmp_virtqueue_enable_notifications(&rig->vq);
                right = listens == (waiting == 0);
                break;
            case 3:
                vmmp_virtqueue_disable_notifications(&rig->vq);
                listens = false;
                break;
            default:
                take(rig);
                vmmp_virtqueue_flush(&rig->vq);
                collect(rig);
                room += waiting;
                waiting = 0;
                break;
            }
            if (!right) {
                fail_msg("queue of %u, features %llx, history %u fails at step %u", size,
                         (unsigned long long)features, history, i);
            }
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

static void kicks_split(void **state)
{
    (void)state;
    histories_of_kicks(2, 0);
    histories_of_kicks(2, EVENT_IDX);
    histories_of_kicks(4, EVENT_IDX);
}

static void kicks_packed(void **state)
{
    (void)state;
    histories_of_kicks(1, PACKED | EVENT_IDX);
    histories_of_kicks(2, PACKED);
    histories_of_kicks(3, PACKED | EVENT_IDX);
}

int test_suppression_enumerate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_used_event),
        cmocka_unit_test(every_event_of_packed_rings),
        cmocka_unit_test(kicks_split),
        cmocka_unit_test(kicks_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
