/* SPDX-License-Identifier: BSD-2-Clause */
/* Packed rings (2.8) with a driver that keeps to the rules. */
#include "vmmp_test.h"

#include "support/packed_rig.h"

int test_virtqueue_packed(void);

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
    for (unsigned s = 0; s < PACKED_SIZES && packed_sizes[s] <= 16; s++) {
        packed_remake(rig, packed_sizes[s], PACKED);
        for (unsigned step = 0; step < packed_sizes[s] * packed_sizes[s] * 4; step++) {
            unsigned count = 1 + step % packed_sizes[s];
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

struct flight {
    struct vmmp_virtqueue_token token;
    uint16_t id;
    uint32_t writable;
};

/* Adds, pops, pushes in any order, flushes; the driver keeps the books. */
static void chains_come_back_in_any_order(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned s = 0; s < PACKED_SIZES; s++) {
        struct flight flights[256];
        uint16_t expected[256];
        uint16_t waiting[256];
        unsigned in_flight = 0, pushed = 0, added = 0, popped = 0;
        uint32_t seed = 12345 + s;

        packed_remake(rig, packed_sizes[s], PACKED);
        for (unsigned step = 0; step < 6000; step++) {
            struct virtio_driver_packed *packed = &rig->driver.queues[0].packed;
            switch (packed_random_below(&seed, 5)) {
            case 0:
            case 1: {
                unsigned count = 1 + packed_random_below(&seed, 6);
                if (count <= packed->free) {
                    struct virtio_driver_buffer buffers[6];
                    for (unsigned i = 0; i < count; i++) {
                        buffers[i] = packed_one;
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
                    unsigned i = packed_random_below(&seed, in_flight);
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
    packed_add(rig, 2);
    packed_add(rig, 1);
    packed_add(rig, 3);
    unsigned before = vmmp_le16_get(ring[0].flags);
    for (unsigned i = 0; i < 3; i++) {
        packed_pop_and_push(rig);
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
    assert_int_equal(packed_collect(rig), 3);
}

/* 2.8.4: the write flag of a used entry says whether anything was written. */
static void the_write_flag_of_used_entries(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned i = 0; i < 4; i++) {
        packed_add(rig, 1);
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
        packed_pop_and_push(rig);
        assert_true(vmmp_virtqueue_flush(&rig->vq));
        assert_int_equal(vmmp_le16_get(ring[at].id), id);
        assert_int_equal(vmmp_le16_get(ring[at].flags),
                         wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);
    }
}

static void tokens_are_good_once(void **state)
{
    struct virtqueue_rig *rig = *state;
    packed_add(rig, 3);
    packed_add(rig, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    struct vmmp_virtqueue_token old = rig->chain.token;
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(packed_collect(rig), 1);

    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    old = rig->chain.token;
    vmmp_virtqueue_disable(&rig->vq);
    vmmp_virtqueue_push(&rig->vq, &old, 0);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
    virtqueue_rig_restart(rig);
    packed_add(rig, 1);
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
        packed_advance(rig, at);
        packed_add(rig, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    }
}

static void geometry_is_frozen(void **state)
{
    struct virtqueue_rig *rig = *state;
    packed_add(rig, 1);
    memset(&rig->config, 0xff, sizeof(rig->config));
    packed_pop_and_push(rig);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(packed_collect(rig), 1);
}

static void a_device_can_fail_its_queue(void **state)
{
    struct virtqueue_rig *rig = *state;
    packed_add(rig, 1);
    packed_add(rig, 1);
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
    packed_add(rig, 2);
    packed_add(rig, 3);
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
    packed_remake(rig, 8, PACKED | INDIRECT);
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
            assert_int_equal(packed_collect(rig), 1);
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
        assert_int_equal(packed_collect(rig), 1);
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
        assert_int_equal(packed_collect(rig), 1);
    }
    free(second);
}

int test_virtqueue_packed(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, packed_setup, packed_teardown)
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
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
