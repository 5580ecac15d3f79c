/* SPDX-License-Identifier: BSD-2-Clause */
/* Packed rings: which interrupts and kicks are wanted (virtio 1.2, 2.8.10), and use in order. */
#include "vmmp_test.h"

#include "support/packed_rig.h"

int test_virtqueue_packed_notify(void);

/* ---- Interrupts wanted (2.8.10) ---- */

static void interrupt_flags_are_honoured(void **state)
{
    struct virtqueue_rig *rig = *state;
    vmmp_le16_t *flags = &rig->driver.queues[0].packed.driver_event->flags;
    /* Upper bits are reserved. DESC was not negotiated, 3 is reserved: better one too many. */
    const bool wanted[] = { true, false, true, true, true, false, true, true };
    for (unsigned value = 0; value < 8; value++) {
        for (unsigned upper = 0; upper < 65536; upper += 0x1234 & 0xfffc) {
            vmmp_guest_store_le16(flags, (uint16_t)((upper & ~3u) | (value & 3)));
            packed_add(rig, 1);
            packed_pop_and_push(rig);
            assert_int_equal(vmmp_virtqueue_flush(&rig->vq), wanted[value]);
            assert_int_equal(packed_collect(rig), 1);
        }
    }
}

/* Whether one of the `count` entries before `at` (of the next one used) is the one waited for. */
static bool event_model(uint32_t size, uint32_t at, bool wrap, uint32_t count, uint32_t off,
                        bool off_wrap)
{
    for (uint32_t i = 0; i < count; i++) {
        wrap = at == 0 ? !wrap : wrap;
        at = at == 0 ? size - 1 : at - 1;
        if (at == off && wrap == off_wrap) {
            return true;
        }
    }
    return false;
}

/* Every place, batch and event of rings of up to 6 entries. */
static void events_of_all_small_rings(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (uint32_t size = 1; size <= 6; size++) {
        packed_remake(rig, size, PACKED | EVENT_IDX);
        for (uint32_t start = 0; start < 2 * size; start++) {
            for (uint32_t count = 1; count <= size; count++) {
                for (uint32_t event = 0; event < 2 * size; event++) {
                    virtqueue_rig_restart(rig);
                    packed_advance(rig, start);
                    uint32_t off = event % size;
                    bool off_wrap = event < size;
                    virtio_driver_set_used_event(&rig->driver, 0,
                                                 (uint16_t)(off | (off_wrap ? 0x8000u : 0)));
                    packed_add(rig, count);
                    packed_pop_and_push(rig);
                    uint32_t end = start + count;
                    bool expected =
                        event_model(size, end % size, end / size % 2 == 0, count, off, off_wrap);
                    if (vmmp_virtqueue_flush(&rig->vq) != expected) {
                        fail_msg("size %u, %u entries at %u, event %u wrap %d: expected %d", size,
                                 count, start, off, off_wrap, expected);
                    }
                }
            }
        }
    }
}

/* An event beyond the ring is answered, and harms nobody. */
static void events_beyond_the_ring(void **state)
{
    struct virtqueue_rig *rig = *state;
    packed_remake(rig, 5, PACKED | EVENT_IDX);
    for (uint32_t event = 0; event < 65536; event++) {
        virtio_driver_set_used_event(&rig->driver, 0, (uint16_t)event);
        packed_add(rig, 1);
        packed_pop_and_push(rig);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(packed_collect(rig), 1);
    }
}

/* ---- Kicks wanted ---- */

static void kicks_are_switched_off_and_on(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned idx = 0; idx < 2; idx++) {
        packed_remake(rig, 8, PACKED | (idx ? EVENT_IDX : 0));
        const struct virtq_packed_event *event = rig->driver.queues[0].packed.device_event;
        vmmp_virtqueue_disable_notifications(&rig->vq);
        assert_int_equal(vmmp_le16_get(event->flags), RING_EVENT_FLAGS_DISABLE);
        assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
        assert_int_equal(vmmp_le16_get(event->flags),
                         idx ? RING_EVENT_FLAGS_DESC : RING_EVENT_FLAGS_ENABLE);
        vmmp_virtqueue_disable_notifications(&rig->vq);
        packed_add(rig, 1);
        /* The driver left the kick out: enabling says that there is something. */
        assert_true(vmmp_virtqueue_enable_notifications(&rig->vq));
        assert_int_equal(vmmp_le16_get(event->flags), RING_EVENT_FLAGS_ENABLE);
    }
}

static void kick(struct vmmp_window *window, unsigned queue)
{
    assert_int_equal(queue, 0);
    (*(unsigned *)window->device)++;
}

/* One kick for what comes next, none for what follows, at every place of the ring. */
static void the_next_entry_is_kicked_for(void **state)
{
    static const struct virtio_driver_transport transport = { .kick = kick };
    struct virtqueue_rig *rig = *state;
    for (unsigned s = 0; s < PACKED_SIZES; s++) {
        unsigned kicks = 0;
        packed_remake(rig, packed_sizes[s], PACKED | EVENT_IDX);
        rig->driver.transport = &transport;
        struct vmmp_window window = { .device = &kicks };
        rig->driver.device = &window;
        for (unsigned at = 0; at < 3 * packed_sizes[s]; at++) {
            assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
            unsigned before = kicks;
            packed_add(rig, 1);
            assert_true(virtio_driver_kick(&rig->driver, 0));
            if (packed_sizes[s] > 1) {
                packed_add(rig, 1);
                assert_false(virtio_driver_kick(&rig->driver, 0));
                packed_pop_and_push(rig);
            }
            assert_int_equal(kicks, before + 1);
            packed_pop_and_push(rig);
            vmmp_virtqueue_flush(&rig->vq);
            packed_collect(rig);
        }
    }
}

/* ---- VIRTIO_F_IN_ORDER (2.7.9, 2.8.8) ---- */

/* Four chains that are used completely need one entry: where the first would have had its own. */
static void one_entry_stands_for_a_batch(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint16_t last = 0;
    uint32_t id;
    uint32_t len;

    packed_remake(rig, 8, PACKED | IN_ORDER);
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned i = 0; i < 4; i++) {
        last = virtio_driver_add(&rig->driver, 0, &packed_one, 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        packed_pop_and_push(rig);
    }
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(vmmp_le16_get(ring[0].id), last);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(vmmp_le16_get(ring[i].flags) & VIRTQ_DESC_F_USED, 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
        assert_int_equal(len, 8);
    }
    assert_false(virtio_driver_used(&rig->driver, 0, &id, &len));

    packed_remake(rig, 8, IN_ORDER);
    for (unsigned i = 0; i < 4; i++) {
        last = virtio_driver_add(&rig->driver, 0, &packed_one, 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        packed_pop_and_push(rig);
    }
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    const struct virtq_used *used = rig->driver.queues[0].used;
    assert_int_equal(vmmp_le16_get(used->idx), 4);
    assert_int_equal(vmmp_le32_get(used->ring[0].id), last);
    assert_int_equal(vmmp_le32_get(used->ring[1].len), 0);
    assert_int_equal(packed_collect(rig), 4);
}

/* Any mix of complete and incomplete chains, batches and lengths: the driver learns all lengths. */
static void lengths_in_order(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned kind = 0; kind < 2; kind++) {
        uint32_t seed = 99 + kind;
        packed_remake(rig, 16, (kind ? PACKED : 0) | IN_ORDER);
        for (unsigned round = 0; round < 20000; round++) {
            unsigned batch = 1 + packed_random_below(&seed, 4);
            uint16_t ids[4];
            uint32_t lens[4];
            for (unsigned i = 0; i < batch; i++) {
                const struct virtio_driver_buffer buffers[] = { packed_one, packed_one,
                                                                packed_one };
                unsigned count = 1 + packed_random_below(&seed, 3);
                lens[i] = packed_random_below(&seed, 2) ? 8 * count
                                                        : packed_random_below(&seed, 8 * count);
                ids[i] = virtio_driver_add(&rig->driver, 0, buffers, count);
            }
            for (unsigned i = 0; i < batch; i++) {
                assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
                vmmp_virtqueue_push(&rig->vq, &rig->chain.token, lens[i]);
                if (packed_random_below(&seed, 4) == 0) {
                    vmmp_virtqueue_flush(&rig->vq);
                }
            }
            vmmp_virtqueue_flush(&rig->vq);
            for (unsigned i = 0; i < batch; i++) {
                uint32_t id;
                uint32_t len;
                assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
                assert_int_equal(id, ids[i]);
                assert_int_equal(len, lens[i]);
            }
            assert_int_equal(packed_collect(rig), 0);
        }
    }
}

int test_virtqueue_packed_notify(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, packed_setup, packed_teardown)
    const struct CMUnitTest tests[] = {
        TEST(interrupt_flags_are_honoured),
        TEST(events_of_all_small_rings),
        TEST(events_beyond_the_ring),
        TEST(kicks_are_switched_off_and_on),
        TEST(the_next_entry_is_kicked_for),
        TEST(one_entry_stands_for_a_batch),
        TEST(lengths_in_order),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
