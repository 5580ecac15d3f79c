/* SPDX-License-Identifier: BSD-2-Clause */
/* Packed rings (2.8) with a driver that keeps to the rules, and VIRTIO_F_IN_ORDER on both kinds. */
#include "vmmp_test.h"

#include "support/virtqueue_rig.h"

#define INDIRECT  (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define PACKED    (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define IN_ORDER  (UINT64_C(1) << VIRTIO_F_IN_ORDER)
#define BUFFER    (RIG_RAM + 0x8000)

static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 100, 256 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static int setup(void **state)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    virtqueue_rig_init(rig, 8, PACKED);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    virtqueue_rig_fini(*state);
    free(*state);
    return 0;
}

static void remake(struct virtqueue_rig *rig, uint32_t size, uint64_t features)
{
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, size, features);
}

static const struct virtio_driver_buffer one = { BUFFER, 8, true };

static void add(struct virtqueue_rig *rig, unsigned entries)
{
    struct virtio_driver_buffer buffers[16];
    for (unsigned i = 0; i < entries; i++) {
        buffers[i] = one;
    }
    virtio_driver_add(&rig->driver, 0, buffers, entries);
}

static void pop_and_push(struct virtqueue_rig *rig)
{
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 8);
}

static unsigned collect(struct virtqueue_rig *rig)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&rig->driver, 0, &id, &len)) {
        count++;
    }
    return count;
}

/* Moves the ring on by `entries`. */
static void advance(struct virtqueue_rig *rig, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        add(rig, 1);
        pop_and_push(rig);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(collect(rig), 1);
    }
    rig->driver.queues[0].packed.unkicked = 0;
}

/* ---- Geometry ---- */

static void sizes_are_1_to_32768(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct vmmp_virtqueue_config config = rig->config;
    config.desc = vmmp_gpa(RIG_RAM);
    config.driver = vmmp_gpa(RIG_RAM + 0x80000);
    config.device = vmmp_gpa(RIG_RAM + 0x80004);
    for (uint32_t size = 0; size <= 70000; size++) {
        config.size = size;
        bool valid = size >= 1 && size <= 32768;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), valid);
        assert_int_equal(vmmp_virtqueue_error(&rig->vq) == NULL, valid);
    }
    config.size = UINT32_MAX;
    assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
}

static void areas_are_aligned(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned off = 0; off < 32; off++) {
        struct vmmp_virtqueue_config config = rig->config;
        config.desc.gpa = RIG_RAM + 0x1000 + off;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), off % 16 == 0);
        config = rig->config;
        config.driver.gpa = RIG_RAM + 0x1000 + off;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), off % 4 == 0);
        config = rig->config;
        config.device.gpa = RIG_RAM + 0x1000 + off;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), off % 4 == 0);
    }
}

static void areas_lie_in_ram_to_the_last_byte(void **state)
{
    struct virtqueue_rig *rig = *state;
    const uint64_t end = RIG_RAM + RIG_RAM_SIZE;
    const uint64_t bad[] = { 0, 16, RIG_RAM - 16, end, UINT64_MAX - 15, UINT64_MAX - 3 };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (unsigned which = 0; which < 3; which++) {
            struct vmmp_virtqueue_config config = rig->config;
            vmmp_gpa_t *areas[] = { &config.desc, &config.driver, &config.device };
            *areas[which] = vmmp_gpa(bad[i]);
            assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
            assert_non_null(vmmp_virtqueue_error(&rig->vq));
            assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 0);
        }
    }
    struct vmmp_virtqueue_config config = rig->config;
    config.size = 7;
    config.desc = vmmp_gpa(end - 112);
    config.driver = vmmp_gpa(end - 4);
    config.device = vmmp_gpa(end - 8);
    assert_true(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
    config.size = 8;
    assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
}

/* ---- Chains ---- */

/* Every length at every place of the ring, over several laps. */
static void all_lengths_everywhere(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned s = 0; s < SIZES && sizes[s] <= 16; s++) {
        remake(rig, sizes[s], PACKED);
        for (unsigned step = 0; step < sizes[s] * sizes[s] * 4; step++) {
            unsigned count = 1 + step % sizes[s];
            unsigned readable = step / 3 % (count + 1);
            struct virtio_driver_buffer buffers[16];
            uint32_t bytes[2] = { 0, 0 };
            for (unsigned i = 0; i < count; i++) {
                buffers[i] = (struct virtio_driver_buffer){ BUFFER + i * 512, step % 7 + i + 1,
                                                            i >= readable };
                bytes[i >= readable] += buffers[i].len;
            }
            uint16_t id = virtio_driver_add(&rig->driver, 0, buffers, count);
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            assert_int_equal(rig->chain.readable, readable);
            assert_int_equal(rig->chain.writable, count - readable);
            assert_int_equal(rig->chain.readable_bytes, bytes[0]);
            assert_int_equal(rig->chain.writable_bytes, bytes[1]);
            for (unsigned i = 0; i < count; i++) {
                assert_ptr_equal(rig->iov[i].base, rig->ram + (buffers[i].gpa - RIG_RAM));
                assert_int_equal(rig->iov[i].len, buffers[i].len);
            }
            assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            assert_null(vmmp_virtqueue_error(&rig->vq));

            uint32_t used_id;
            uint32_t len;
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, UINT32_MAX);
            assert_false(virtio_driver_used(&rig->driver, 0, &used_id, &len));
            assert_true(vmmp_virtqueue_flush(&rig->vq));
            assert_true(virtio_driver_used(&rig->driver, 0, &used_id, &len));
            assert_int_equal(used_id, id);
            assert_int_equal(len, bytes[1]); /* No more than there was room for. */
            assert_false(virtio_driver_used(&rig->driver, 0, &used_id, &len));
            assert_false(vmmp_virtqueue_flush(&rig->vq));
        }
    }
}

/* A little generator of its own, so that a failure can be had again. */
static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % limit;
}

struct flight {
    struct vmmp_virtqueue_token token;
    uint16_t id;
    uint32_t writable;
};

/* Adds, pops, pushes in any order, flushes; the driver keeps the books. */
static void chains_come_back_in_any_order(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned s = 0; s < SIZES; s++) {
        struct flight flights[256];
        uint16_t expected[256];
        uint16_t waiting[256];
        unsigned in_flight = 0, pushed = 0, added = 0, popped = 0;
        uint32_t seed = 12345 + s;

        remake(rig, sizes[s], PACKED);
        for (unsigned step = 0; step < 6000; step++) {
            struct virtio_driver_packed *packed = &rig->driver.queues[0].packed;
            switch (random_below(&seed, 5)) {
            case 0:
            case 1: {
                unsigned count = 1 + random_below(&seed, 6);
                if (count <= packed->free) {
                    struct virtio_driver_buffer buffers[6];
                    for (unsigned i = 0; i < count; i++) {
                        buffers[i] = one;
                    }
                    waiting[added++ % 256] = virtio_driver_add(&rig->driver, 0, buffers, count);
                }
                break;
            }
            case 2:
                assert_int_equal(vmmp_virtqueue_pop(&rig->vq, &rig->chain), popped < added);
                if (popped < added) {
                    flights[in_flight++] =
                        (struct flight){ rig->chain.token, waiting[popped++ % 256],
                                         rig->chain.writable_bytes };
                }
                break;
            case 3:
                if (in_flight > 0) {
                    unsigned i = random_below(&seed, in_flight);
                    vmmp_virtqueue_push(&rig->vq, &flights[i].token, flights[i].id);
                    expected[pushed++] = flights[i].id;
                    flights[i] = flights[--in_flight];
                }
                break;
            default:
                assert_int_equal(vmmp_virtqueue_flush(&rig->vq), pushed > 0);
                for (unsigned i = 0; i < pushed; i++) {
                    uint32_t id;
                    uint32_t len;
                    assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
                    assert_int_equal(id, expected[i]);
                }
                pushed = 0;
                break;
            }
            uint32_t id;
            uint32_t len;
            assert_false(virtio_driver_used(&rig->driver, 0, &id, &len));
            assert_null(vmmp_virtqueue_error(&rig->vq));
        }
    }
}

/* A batch becomes visible in one go: its first entry gets its flags last (2.8.2). */
static void a_batch_is_shown_at_once(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    add(rig, 2);
    add(rig, 1);
    add(rig, 3);
    unsigned before = vmmp_le16_get(ring[0].flags);
    for (unsigned i = 0; i < 3; i++) {
        pop_and_push(rig);
        assert_int_equal(vmmp_le16_get(ring[0].flags), before);
    }
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    const unsigned used = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED | VIRTQ_DESC_F_WRITE;
    assert_int_equal(vmmp_le16_get(ring[0].flags), used);
    assert_int_equal(vmmp_le16_get(ring[2].flags), used);
    assert_int_equal(vmmp_le16_get(ring[3].flags), used);
    /* What lies between is skipped, not written. */
    assert_int_equal(vmmp_le16_get(ring[1].flags) & VIRTQ_DESC_F_USED, 0);
    assert_int_equal(vmmp_le16_get(ring[4].flags) & VIRTQ_DESC_F_USED, 0);
    assert_int_equal(collect(rig), 3);
}

/* 2.8.4: the write flag of a used entry says whether anything was written. */
static void the_write_flag_of_used_entries(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned i = 0; i < 4; i++) {
        add(rig, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, i);
    }
    vmmp_virtqueue_flush(&rig->vq);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vmmp_le16_get(ring[i].flags) & VIRTQ_DESC_F_WRITE,
                         i ? VIRTQ_DESC_F_WRITE : 0);
        assert_int_equal(vmmp_le32_get(ring[i].len), i);
    }
}

/* Ids are the driver's own; they are given back as they came. */
static void any_id_comes_back(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned id = 0; id < 65536; id++) {
        uint32_t at = id % 8;
        bool wrap = id / 8 % 2 == 0;
        virtio_driver_put_packed(&ring[at], BUFFER, 8, id, virtio_driver_available(wrap));
        pop_and_push(rig);
        assert_true(vmmp_virtqueue_flush(&rig->vq));
        assert_int_equal(vmmp_le16_get(ring[at].id), id);
        assert_int_equal(vmmp_le16_get(ring[at].flags),
                         wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);
    }
}

static void tokens_are_good_once(void **state)
{
    struct virtqueue_rig *rig = *state;
    add(rig, 3);
    add(rig, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    struct vmmp_virtqueue_token old = rig->chain.token;
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(collect(rig), 1);

    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    old = rig->chain.token;
    vmmp_virtqueue_disable(&rig->vq);
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
    virtqueue_rig_restart(rig);
    add(rig, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
}

/* As after VIRTIO_F_RING_RESET: both wrap counters begin with 1 again. */
static void a_queue_begins_anew(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned at = 0; at < 20; at++) {
        virtqueue_rig_restart(rig);
        advance(rig, at);
        add(rig, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    }
}

static void geometry_is_frozen(void **state)
{
    struct virtqueue_rig *rig = *state;
    add(rig, 1);
    memset(&rig->config, 0xff, sizeof(rig->config));
    pop_and_push(rig);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(collect(rig), 1);
}

static void a_device_can_fail_its_queue(void **state)
{
    struct virtqueue_rig *rig = *state;
    add(rig, 1);
    add(rig, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_fail(&rig->vq, "no header");
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), "no header");
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 0);
}

static void pending_is_what_fits(void **state)
{
    struct virtqueue_rig *rig = *state;
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 0);
    add(rig, 2);
    add(rig, 3);
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 8);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 6);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 0);
}

/* 2.8.7: entries in their order, as many as there are; of their flags only WRITE counts. */
static void indirect_tables(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtio_driver_buffer buffers[8];
    for (unsigned i = 0; i < 8; i++) {
        buffers[i] = (struct virtio_driver_buffer){ BUFFER + i * 256, i + 1, i >= 5 };
    }
    remake(rig, 8, PACKED | INDIRECT);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned count = 1; count <= 8; count++) {
            uint32_t at = rig->driver.queues[0].packed.next;
            uint16_t id = virtio_driver_add_indirect(&rig->driver, 0, buffers, count);
            uint64_t gpa = vmmp_le64_get(rig->driver.queues[0].packed.ring[at].addr);
            struct virtq_packed_desc *table = virtio_driver_at(&rig->driver, gpa, 16 * count);
            for (unsigned i = 0; round > 0 && i < count; i++) {
                unsigned junk = round == 1 ? VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT : 0xfffd;
                table[i].flags = vmmp_le16(vmmp_le16_get(table[i].flags) | (uint16_t)junk);
            }
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            assert_int_equal(rig->chain.readable, count < 5 ? count : 5);
            assert_int_equal(rig->chain.writable, count < 5 ? 0 : count - 5);
            for (unsigned i = 0; i < count; i++) {
                assert_ptr_equal(rig->iov[i].base, rig->ram + (buffers[i].gpa - RIG_RAM));
                assert_int_equal(rig->iov[i].len, i + 1);
            }
            assert_int_equal(rig->chain.token.id, id);
            assert_int_equal(rig->chain.token.entries, 1);
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
            vmmp_virtqueue_flush(&rig->vq);
            assert_int_equal(collect(rig), 1);
        }
    }
}

static void empty_descriptors_are_left_out(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffers[] = { { 0, 0, false },
                                                    { BUFFER, 5, false },
                                                    { UINT64_MAX, 0, false },
                                                    { BUFFER, 0, true },
                                                    { BUFFER + 64, 6, true } };
    for (unsigned round = 0; round < 20; round++) {
        virtio_driver_add(&rig->driver, 0, buffers, 5);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 1);
        assert_int_equal(rig->chain.writable, 1);
        assert_int_equal(rig->iov[0].len, 5);
        assert_int_equal(rig->iov[1].len, 6);
        assert_int_equal(rig->chain.token.entries, 5);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(collect(rig), 1);
    }
}

static void buffers_across_regions_become_several_elements(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint8_t *second = calloc(1, 0x20000);
    uint64_t border = RIG_RAM + RIG_RAM_SIZE;
    assert_int_equal(vmmp_guest_memory_add(&rig->memory, vmmp_gpa(border), 0x20000, second), 0);
    const struct virtio_driver_buffer buffers[] = { { border - 0x10, 0x30, false },
                                                    { border + 0x100, 4, false },
                                                    { border - 1, 0x20001, true } };
    for (unsigned round = 0; round < 9; round++) {
        virtio_driver_add(&rig->driver, 0, buffers, 3);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 3);
        assert_int_equal(rig->chain.writable, 2);
        assert_int_equal(rig->chain.readable_bytes, 0x34);
        assert_int_equal(rig->chain.writable_bytes, 0x20001);
        assert_ptr_equal(rig->iov[1].base, second);
        assert_ptr_equal(rig->iov[2].base, second + 0x100);
        assert_ptr_equal(rig->iov[4].base, second);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(collect(rig), 1);
    }
    free(second);
}

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
            add(rig, 1);
            pop_and_push(rig);
            assert_int_equal(vmmp_virtqueue_flush(&rig->vq), wanted[value]);
            assert_int_equal(collect(rig), 1);
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
        remake(rig, size, PACKED | EVENT_IDX);
        for (uint32_t start = 0; start < 2 * size; start++) {
            for (uint32_t count = 1; count <= size; count++) {
                for (uint32_t event = 0; event < 2 * size; event++) {
                    virtqueue_rig_restart(rig);
                    advance(rig, start);
                    uint32_t off = event % size;
                    bool off_wrap = event < size;
                    virtio_driver_set_used_event(&rig->driver, 0,
                                                 (uint16_t)(off | (off_wrap ? 0x8000u : 0)));
                    add(rig, count);
                    pop_and_push(rig);
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
    remake(rig, 5, PACKED | EVENT_IDX);
    for (uint32_t event = 0; event < 65536; event++) {
        virtio_driver_set_used_event(&rig->driver, 0, (uint16_t)event);
        add(rig, 1);
        pop_and_push(rig);
        vmmp_virtqueue_flush(&rig->vq);
        assert_int_equal(collect(rig), 1);
    }
}

/* ---- Kicks wanted ---- */

static void kicks_are_switched_off_and_on(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned idx = 0; idx < 2; idx++) {
        remake(rig, 8, PACKED | (idx ? EVENT_IDX : 0));
        const struct virtq_packed_event *event = rig->driver.queues[0].packed.device_event;
        vmmp_virtqueue_disable_notifications(&rig->vq);
        assert_int_equal(vmmp_le16_get(event->flags), RING_EVENT_FLAGS_DISABLE);
        assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
        assert_int_equal(vmmp_le16_get(event->flags),
                         idx ? RING_EVENT_FLAGS_DESC : RING_EVENT_FLAGS_ENABLE);
        vmmp_virtqueue_disable_notifications(&rig->vq);
        add(rig, 1);
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
    for (unsigned s = 0; s < SIZES; s++) {
        unsigned kicks = 0;
        struct vmmp_window window = { .device = &kicks };
        remake(rig, sizes[s], PACKED | EVENT_IDX);
        rig->driver.transport = &transport;
        rig->driver.device = &window;
        for (unsigned at = 0; at < 3 * sizes[s]; at++) {
            assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
            unsigned before = kicks;
            add(rig, 1);
            assert_true(virtio_driver_kick(&rig->driver, 0));
            if (sizes[s] > 1) {
                add(rig, 1);
                assert_false(virtio_driver_kick(&rig->driver, 0));
                pop_and_push(rig);
            }
            assert_int_equal(kicks, before + 1);
            pop_and_push(rig);
            vmmp_virtqueue_flush(&rig->vq);
            collect(rig);
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

    remake(rig, 8, PACKED | IN_ORDER);
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned i = 0; i < 4; i++) {
        last = virtio_driver_add(&rig->driver, 0, &one, 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        pop_and_push(rig);
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

    remake(rig, 8, IN_ORDER);
    for (unsigned i = 0; i < 4; i++) {
        last = virtio_driver_add(&rig->driver, 0, &one, 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        pop_and_push(rig);
    }
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    const struct virtq_used *used = rig->driver.queues[0].used;
    assert_int_equal(vmmp_le16_get(used->idx), 4);
    assert_int_equal(vmmp_le32_get(used->ring[0].id), last);
    assert_int_equal(vmmp_le32_get(used->ring[1].len), 0);
    assert_int_equal(collect(rig), 4);
}

/* Any mix of complete and incomplete chains, batches and lengths: the driver learns all lengths. */
static void lengths_in_order(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned kind = 0; kind < 2; kind++) {
        uint32_t seed = 99 + kind;
        remake(rig, 16, (kind ? PACKED : 0) | IN_ORDER);
        for (unsigned round = 0; round < 20000; round++) {
            unsigned batch = 1 + random_below(&seed, 4);
            uint16_t ids[4];
            uint32_t lens[4];
            for (unsigned i = 0; i < batch; i++) {
                const struct virtio_driver_buffer buffers[] = { one, one, one };
                unsigned count = 1 + random_below(&seed, 3);
                lens[i] = random_below(&seed, 2) ? 8 * count : random_below(&seed, 8 * count);
                ids[i] = virtio_driver_add(&rig->driver, 0, buffers, count);
            }
            for (unsigned i = 0; i < batch; i++) {
                assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
                vmmp_virtqueue_push(&rig->vq, &rig->chain.token, lens[i]);
                if (random_below(&seed, 4) == 0) {
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
            assert_int_equal(collect(rig), 0);
        }
    }
}

int test_virtqueue_packed(void);

int test_virtqueue_packed(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_1_to_32768),
        TEST(areas_are_aligned),
        TEST(areas_lie_in_ram_to_the_last_byte),
        TEST(all_lengths_everywhere),
        TEST(chains_come_back_in_any_order),
        TEST(a_batch_is_shown_at_once),
        TEST(the_write_flag_of_used_entries),
        TEST(any_id_comes_back),
        TEST(tokens_are_good_once),
        TEST(a_queue_begins_anew),
        TEST(geometry_is_frozen),
        TEST(a_device_can_fail_its_queue),
        TEST(pending_is_what_fits),
        TEST(indirect_tables),
        TEST(empty_descriptors_are_left_out),
        TEST(buffers_across_regions_become_several_elements),
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
