/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtqueues with a driver that keeps to the rules; test_virtqueue_hostile.c has the others. */
#include "vmmp_test.h"

#include "support/virtqueue_rig.h"

#define INDIRECT  (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)

static int setup(void **state)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    virtqueue_rig_init(rig, 8, 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    virtqueue_rig_fini(*state);
    free(*state);
    return 0;
}

/* Replaces the rig's queue by one with another size or features. */
static void remake(struct virtqueue_rig *rig, uint32_t size, uint64_t features)
{
    virtqueue_rig_fini(rig);
    virtqueue_rig_init(rig, size, features);
}

static void *at(struct virtqueue_rig *rig, uint64_t gpa)
{
    return rig->ram + (gpa - RIG_RAM);
}

/* ---- Geometry ---- */

static void sizes_are_powers_of_two_up_to_32768(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct vmmp_virtqueue_config config = rig->config;
    /* Room for the largest: 512 KiB of descriptors, 64 KiB + 256 KiB of rings. */
    config.desc = vmmp_gpa(RIG_RAM);
    config.driver = vmmp_gpa(RIG_RAM + 0x80000);
    config.device = vmmp_gpa(RIG_RAM + 0xa0000);
    for (uint32_t size = 0; size <= 70000; size++) {
        config.size = size;
        bool valid = size && size <= 32768 && (size & (size - 1)) == 0;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), valid);
        assert_int_equal(vmmp_virtqueue_error(&rig->vq) == NULL, valid);
    }
    config.size = UINT32_C(0x80000000);
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
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), off % 2 == 0);
        config = rig->config;
        config.device.gpa = RIG_RAM + 0x1000 + off;
        assert_int_equal(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config), off % 4 == 0);
    }
}

static void areas_lie_in_ram_to_the_last_byte(void **state)
{
    struct virtqueue_rig *rig = *state;
    const uint64_t end = RIG_RAM + RIG_RAM_SIZE;
    const uint64_t bad[] = { 0, 16, RIG_RAM - 16, end, end - 16, UINT64_MAX - 15, UINT64_MAX - 7 };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (unsigned which = 0; which < 3; which++) {
            struct vmmp_virtqueue_config config = rig->config;
            vmmp_gpa_t *areas[] = { &config.desc, &config.driver, &config.device };
            *areas[which] = vmmp_gpa(bad[i]);
            assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
            assert_non_null(vmmp_virtqueue_error(&rig->vq));
            assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        }
    }
    /* The exact fit: 8 entries of 16 bytes; 6 + 2 * 8; 6 + 8 * 8 rounded to the alignment. */
    struct vmmp_virtqueue_config config = rig->config;
    config.desc = vmmp_gpa(end - 128);
    assert_true(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
    config.driver = vmmp_gpa(end - 22);
    assert_true(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
    config.driver = vmmp_gpa(end - 20);
    assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
    config.driver = rig->config.driver;
    config.device = vmmp_gpa(end - 72);
    assert_true(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
    config.device = vmmp_gpa(end - 68);
    assert_false(vmmp_virtqueue_enable(&rig->vq, &rig->memory, &config));
}

/* ---- Chains ---- */

static void a_chain_is_readable_then_writable(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffers[] = { { RIG_RAM + 0x8000, 16, false },
                                                    { RIG_RAM + 0x9000, 512, false },
                                                    { RIG_RAM + 0xa000, 100, true },
                                                    { RIG_RAM + 0xb000, 1, true } };
    uint32_t id;
    uint32_t len;
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    /* Twice: the first chain finds out where the buffers are, the second takes the short way. */
    for (unsigned round = 0; round < 2; round++) {
        uint16_t head = virtio_driver_add(&rig->driver, 0, buffers, 4);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 2);
        assert_int_equal(rig->chain.writable, 2);
        assert_int_equal(rig->chain.readable_bytes, 528);
        assert_int_equal(rig->chain.writable_bytes, 101);
        for (unsigned i = 0; i < 4; i++) {
            assert_ptr_equal(rig->iov[i].base, at(rig, buffers[i].gpa));
            assert_int_equal(rig->iov[i].len, buffers[i].len);
        }
        assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 77);
        /* Nothing is seen before the flush. */
        assert_false(virtio_driver_used(&rig->driver, 0, &id, &len));
        assert_true(vmmp_virtqueue_flush(&rig->vq));
        assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
        assert_int_equal(id, head);
        assert_int_equal(len, 77);
        assert_false(vmmp_virtqueue_flush(&rig->vq));
    }
}

static void chains_of_one_direction_only(void **state)
{
    struct virtqueue_rig *rig = *state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned writable = 0; writable < 2; writable++) {
            const struct virtio_driver_buffer buffers[] = {
                { RIG_RAM + 0x8000, 3, writable != 0 }, { RIG_RAM + 0x9000, 4, writable != 0 }
            };
            virtio_driver_add(&rig->driver, 0, buffers, 2);
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            assert_int_equal(rig->chain.readable, writable ? 0 : 2);
            assert_int_equal(rig->chain.writable, writable ? 2 : 0);
            assert_int_equal(rig->chain.readable_bytes, writable ? 0 : 7);
            assert_int_equal(rig->chain.writable_bytes, writable ? 7 : 0);
            assert_int_equal(rig->chain.token.writable, writable ? 7 : 0);
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
            vmmp_virtqueue_flush(&rig->vq);
        }
    }
}

static void a_chain_may_be_as_long_as_the_queue(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtio_driver_buffer buffers[8];
    for (unsigned i = 0; i < 8; i++) {
        buffers[i] = (struct virtio_driver_buffer){ RIG_RAM + 0x8000 + i * 64, 64, false };
    }
    for (unsigned round = 0; round < 3; round++) {
        virtio_driver_add(&rig->driver, 0, buffers, 8);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 8);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
}

static void indices_wrap_around(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    uint32_t id;
    uint32_t len;
    /* More than 65536 chains, in batches that do not divide the queue's size. */
    for (unsigned batch = 0; batch < 25000; batch++) {
        uint16_t heads[3];
        for (unsigned i = 0; i < 3; i++) {
            heads[i] = virtio_driver_add(&rig->driver, 0, &buffer, 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
            vmmp_virtqueue_push(&rig->vq, &rig->chain.token, i + 1);
        }
        assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_true(vmmp_virtqueue_flush(&rig->vq));
        for (unsigned i = 0; i < 3; i++) {
            assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
            assert_int_equal(id, heads[i]);
            assert_int_equal(len, i + 1);
        }
    }
}

static void chains_come_back_in_any_order(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    struct vmmp_virtqueue_token tokens[8];
    uint32_t id;
    uint32_t len;
    for (unsigned i = 0; i < 8; i++) {
        virtio_driver_add(&rig->driver, 0, &buffer, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        tokens[i] = rig->chain.token;
    }
    for (unsigned i = 8; i-- > 0;) {
        vmmp_virtqueue_push(&rig->vq, &tokens[i], i);
    }
    /* There is nothing more in flight. */
    vmmp_virtqueue_push(&rig->vq, &tokens[0], 1);
    vmmp_virtqueue_flush(&rig->vq);
    for (unsigned i = 8; i-- > 0;) {
        assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
        assert_int_equal(id, i);
        assert_int_equal(len, i);
    }
    assert_false(virtio_driver_used(&rig->driver, 0, &id, &len));
}

static void no_more_is_reported_than_there_was_room_for(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffers[] = { { RIG_RAM + 0x8000, 100, false },
                                                    { RIG_RAM + 0x9000, 10, true } };
    uint32_t id;
    uint32_t len;
    virtio_driver_add(&rig->driver, 0, buffers, 2);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 4096);
    vmmp_virtqueue_flush(&rig->vq);
    assert_true(virtio_driver_used(&rig->driver, 0, &id, &len));
    assert_int_equal(len, 10);
}

static void tokens_end_with_the_queue(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    struct vmmp_virtqueue_token old = rig->chain.token;

    vmmp_virtqueue_disable(&rig->vq);
    vmmp_virtqueue_push(&rig->vq, &old, 8);
    assert_false(vmmp_virtqueue_flush(&rig->vq));

    virtqueue_rig_restart(rig);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &old, 8);
    assert_false(vmmp_virtqueue_flush(&rig->vq));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 8);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(vmmp_le16_get(rig->driver.queues[0].used->idx), 1);
}

static void geometry_is_frozen(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    /* What was passed to enable is not looked at again. */
    memset(&rig->config, 0xff, sizeof(rig->config));
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 8);
    assert_true(vmmp_virtqueue_flush(&rig->vq));
    assert_int_equal(vmmp_le16_get(rig->driver.queues[0].used->idx), 1);
}

static void a_disabled_queue_gives_nothing(void **state)
{
    struct vmmp_virtqueue vq;
    struct virtqueue_rig *rig = *state;
    memset(&vq, 0, sizeof(vq));
    assert_false(vmmp_virtqueue_pop(&vq, &rig->chain));
    assert_false(vmmp_virtqueue_flush(&vq));
    assert_false(vmmp_virtqueue_enable_notifications(&vq));
    vmmp_virtqueue_disable_notifications(&vq);
    assert_int_equal(vmmp_virtqueue_pending(&vq), 0);
    assert_null(vmmp_virtqueue_error(&vq));
}

static void a_device_can_fail_its_queue(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    vmmp_virtqueue_fail(&rig->vq, "no header");
    vmmp_virtqueue_fail(&rig->vq, "something later");
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), "no header");
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    virtqueue_rig_restart(rig);
    assert_null(vmmp_virtqueue_error(&rig->vq));
}

static void indirect_tables(void **state)
{
    struct virtqueue_rig *rig = *state;
    remake(rig, 8, INDIRECT);
    struct virtio_driver_buffer buffers[8];
    for (unsigned i = 0; i < 8; i++) {
        buffers[i] = (struct virtio_driver_buffer){ RIG_RAM + 0x8000 + i * 256, i + 1, i >= 5 };
    }
    for (unsigned count = 1; count <= 8; count++) {
        uint16_t head = virtio_driver_add_indirect(&rig->driver, 0, buffers, count);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, count < 5 ? count : 5);
        assert_int_equal(rig->chain.writable, count < 5 ? 0 : count - 5);
        for (unsigned i = 0; i < count; i++) {
            assert_ptr_equal(rig->iov[i].base, at(rig, buffers[i].gpa));
            assert_int_equal(rig->iov[i].len, i + 1);
        }
        assert_int_equal(rig->chain.token.id, head);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
}

/* 2.7.5.3.2: "zero or more normal chained descriptors followed by a single" indirect one. */
static void descriptors_then_an_indirect_table(void **state)
{
    struct virtqueue_rig *rig = *state;
    remake(rig, 8, INDIRECT);
    struct virtio_driver_queue *queue = &rig->driver.queues[0];
    struct virtq_desc *table = at(rig, RIG_RAM + 0x7001); /* No alignment is asked for. */
    virtio_driver_put(&queue->desc[3], RIG_RAM + 0x8000, 16, VIRTQ_DESC_F_NEXT, 6);
    /* 2.7.5.3.2: the write flag of the descriptor that refers to the table is ignored. */
    virtio_driver_put(&queue->desc[6], RIG_RAM + 0x7001, 32,
                      VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_put(&table[0], RIG_RAM + 0x9000, 32, VIRTQ_DESC_F_NEXT, 1);
    virtio_driver_put(&table[1], RIG_RAM + 0xa000, 64, VIRTQ_DESC_F_WRITE, 77);
    for (unsigned round = 0; round < 2; round++) {
        virtio_driver_offer(&rig->driver, 0, 3);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 2);
        assert_int_equal(rig->chain.writable, 1);
        assert_int_equal(rig->chain.readable_bytes, 48);
        assert_int_equal(rig->chain.writable_bytes, 64);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
}

/* 2.7.5: `next` means nothing without the flag, whatever it holds. */
static void a_stale_next_is_not_followed(void **state)
{
    struct virtqueue_rig *rig = *state;
    struct virtio_driver_queue *queue = &rig->driver.queues[0];
    for (unsigned next = 0; next < 65536; next += 257) {
        virtio_driver_put(&queue->desc[2], RIG_RAM + 0x8000, 16, VIRTQ_DESC_F_WRITE, next);
        virtio_driver_put(&queue->desc[0], RIG_RAM + 0x9000, 16, VIRTQ_DESC_F_WRITE, 0);
        virtio_driver_offer(&rig->driver, 0, 2);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.writable, 1);
        assert_int_equal(rig->chain.writable_bytes, 16);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
}

static void empty_descriptors_are_left_out(void **state)
{
    struct virtqueue_rig *rig = *state;
    /* Their address does not matter. */
    const struct virtio_driver_buffer buffers[] = { { 0, 0, false },
                                                    { RIG_RAM + 0x8000, 5, false },
                                                    { UINT64_MAX, 0, false },
                                                    { RIG_RAM + 0x8000, 0, true },
                                                    { RIG_RAM + 0x9000, 6, true } };
    virtio_driver_add(&rig->driver, 0, buffers, 5);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_int_equal(rig->chain.readable, 1);
    assert_int_equal(rig->chain.writable, 1);
    assert_int_equal(rig->iov[0].len, 5);
    assert_int_equal(rig->iov[1].len, 6);
    vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
    vmmp_virtqueue_flush(&rig->vq);
    virtio_driver_add(&rig->driver, 0, buffers, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_int_equal(rig->chain.readable + rig->chain.writable, 0);
}

/* ---- Memory in pieces ---- */

static void buffers_across_regions_become_several_elements(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint8_t *second = calloc(1, 0x2000);
    uint64_t border = RIG_RAM + RIG_RAM_SIZE;
    assert_int_equal(vmmp_guest_memory_add(&rig->memory, vmmp_gpa(border), 0x2000, second), 0);
    const struct virtio_driver_buffer buffers[] = { { border - 0x10, 0x30, false },
                                                    { border - 1, 0x2001, true } };
    for (unsigned round = 0; round < 2; round++) {
        virtio_driver_add(&rig->driver, 0, buffers, 2);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_int_equal(rig->chain.readable, 2);
        assert_int_equal(rig->chain.writable, 2);
        assert_int_equal(rig->chain.readable_bytes, 0x30);
        assert_int_equal(rig->chain.writable_bytes, 0x2001);
        assert_ptr_equal(rig->iov[0].base, rig->ram + RIG_RAM_SIZE - 0x10);
        assert_int_equal(rig->iov[0].len, 0x10);
        assert_ptr_equal(rig->iov[1].base, second);
        assert_int_equal(rig->iov[1].len, 0x20);
        assert_int_equal(rig->iov[2].len, 1);
        assert_int_equal(rig->iov[3].len, 0x2000);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
    /* One byte more is no RAM. */
    const struct virtio_driver_buffer beyond = { border - 1, 0x2002, true };
    virtio_driver_add(&rig->driver, 0, &beyond, 1);
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), "buffer is not in RAM");
    free(second);
}

struct pages {
    uint8_t *pages[4]; /* At PAGES_AT; in no order that the host would call contiguous. */
};

#define PAGES_AT UINT64_C(0x80000000)

static void *resolve_page(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    struct pages *pages = cookie;
    uint64_t offset = gpa.gpa - PAGES_AT;
    if (offset >= 4 * 4096 || len > 4096 - offset % 4096) {
        return NULL;
    }
    return pages->pages[offset / 4096] + offset % 4096;
}

static void pages_registered_one_by_one(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint8_t *host = calloc(4, 4096);
    /* Pages 1 and 2 are neighbours on the host too. */
    struct pages pages = { { host + 3 * 4096, host, host + 4096, host + 2 * 4096 } };
    pages.pages[3] = host + 2 * 4096;
    rig->memory.resolve = resolve_page;
    rig->memory.resolve_cookie = &pages;
    const struct virtio_driver_buffer buffer = { PAGES_AT + 4000, 2 * 4096 + 96 + 10, true };
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_int_equal(rig->chain.writable, 2);
    assert_ptr_equal(rig->iov[0].base, host + 3 * 4096 + 4000);
    assert_int_equal(rig->iov[0].len, 96);
    assert_ptr_equal(rig->iov[1].base, host);
    assert_int_equal(rig->iov[1].len, 2 * 4096 + 10);
    free(host);
}

static void *resolve_anything(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    (void)gpa;
    return len <= 4096 ? cookie : NULL;
}

static void buffers_do_not_wrap_around(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer to_the_end = { UINT64_MAX - 4095, 4096, true };
    const struct virtio_driver_buffer beyond = { UINT64_MAX - 99, 200, true };
    rig->memory.resolve = resolve_anything;
    rig->memory.resolve_cookie = rig->ram;
    virtio_driver_add(&rig->driver, 0, &to_the_end, 1);
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    virtio_driver_add(&rig->driver, 0, &beyond, 1);
    assert_false(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_string_equal(vmmp_virtqueue_error(&rig->vq), "buffer is not in RAM");
}

static void regions_are_found_wherever_buffers_go(void **state)
{
    struct virtqueue_rig *rig = *state;
    uint8_t *high = calloc(1, 0x1000);
    assert_int_equal(
        vmmp_guest_memory_add(&rig->memory, vmmp_gpa(UINT64_C(0x100000000)), 0x1000, high), 0);
    for (unsigned i = 0; i < 8; i++) {
        const struct virtio_driver_buffer buffers[] = {
            { i & 1 ? RIG_RAM + 0x8000 : UINT64_C(0x100000000), 7, false },
            { i & 2 ? RIG_RAM + 0x9000 : UINT64_C(0x100000ffe), 2, true },
        };
        virtio_driver_add(&rig->driver, 0, buffers, 2);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        assert_ptr_equal(rig->iov[0].base, i & 1 ? rig->ram + 0x8000 : high);
        assert_ptr_equal(rig->iov[1].base, i & 2 ? rig->ram + 0x9000 : high + 0xffe);
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
        vmmp_virtqueue_flush(&rig->vq);
    }
    free(high);
}

/* ---- Interrupts wanted (2.7.7.2) ---- */

/* Pops and pushes `count` chains, flushes once. */
static bool complete(struct virtqueue_rig *rig, unsigned count)
{
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_add(&rig->driver, 0, &buffer, 1);
        assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
        vmmp_virtqueue_push(&rig->vq, &rig->chain.token, 0);
    }
    return vmmp_virtqueue_flush(&rig->vq);
}

static void no_interrupt_flag_is_honoured(void **state)
{
    struct virtqueue_rig *rig = *state;
    assert_true(complete(rig, 1));
    virtio_driver_set_no_interrupt(&rig->driver, 0, true);
    assert_false(complete(rig, 1));
    virtio_driver_set_no_interrupt(&rig->driver, 0, false);
    assert_true(complete(rig, 3));
}

static void used_event_is_honoured(void **state)
{
    struct virtqueue_rig *rig = *state;
    remake(rig, 8, EVENT_IDX);
    /* The flag means nothing with EVENT_IDX (2.7.7.2). */
    virtio_driver_set_no_interrupt(&rig->driver, 0, true);
    virtio_driver_set_used_event(&rig->driver, 0, 0);
    assert_true(complete(rig, 1)); /* 0 -> 1 passes 0 */
    assert_false(complete(rig, 1));
    virtio_driver_set_used_event(&rig->driver, 0, 4);
    assert_false(complete(rig, 2)); /* 2 -> 4 */
    assert_true(complete(rig, 1));  /* 4 -> 5 */
    virtio_driver_set_used_event(&rig->driver, 0, 6);
    assert_true(complete(rig, 8)); /* 5 -> 13 passes 6 */
    virtio_driver_set_used_event(&rig->driver, 0, 12);
    assert_false(complete(rig, 1)); /* 13 -> 14: 12 is past */
}

static void used_event_works_at_every_index(void **state)
{
    struct virtqueue_rig *rig = *state;
    remake(rig, 8, EVENT_IDX);
    for (uint32_t i = 0; i < 66000; i++) {
        uint16_t event = (uint16_t)(i + i % 3);
        virtio_driver_set_used_event(&rig->driver, 0, event);
        assert_int_equal(complete(rig, 1), i % 3 == 0);
    }
}

/* ---- Kicks wanted (2.7.10) ---- */

static void no_notify_flag_is_set_and_cleared(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    struct virtq_used *used = rig->driver.queues[0].used;
    vmmp_virtqueue_disable_notifications(&rig->vq);
    assert_int_equal(vmmp_le16_get(used->flags), VIRTQ_USED_F_NO_NOTIFY);
    assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_int_equal(vmmp_le16_get(used->flags), 0);
    vmmp_virtqueue_disable_notifications(&rig->vq);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    /* The driver left the kick out: enabling says that there is something. */
    assert_true(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_int_equal(vmmp_virtqueue_pending(&rig->vq), 1);
}

static uint16_t avail_event(struct virtqueue_rig *rig)
{
    const struct virtio_driver_queue *queue = &rig->driver.queues[0];
    const vmmp_le16_t *event = (const void *)&queue->used->ring[queue->size];
    return vmmp_guest_load_le16(event);
}

static void avail_event_says_when_to_kick(void **state)
{
    struct virtqueue_rig *rig = *state;
    const struct virtio_driver_buffer buffer = { RIG_RAM + 0x8000, 8, true };
    remake(rig, 8, EVENT_IDX);
    assert_false(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_int_equal(avail_event(rig), 0);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    virtio_driver_add(&rig->driver, 0, &buffer, 1);
    /* Two of three are still there to pop, and the next one is to be kicked for. */
    assert_true(vmmp_virtqueue_pop(&rig->vq, &rig->chain));
    assert_true(vmmp_virtqueue_enable_notifications(&rig->vq));
    assert_int_equal(avail_event(rig), 3);
    /* Flags stay 0 with EVENT_IDX (2.7.10.1). */
    vmmp_virtqueue_disable_notifications(&rig->vq);
    assert_int_equal(vmmp_le16_get(rig->driver.queues[0].used->flags), 0);
}

/* ---- Copies ---- */

static void copies_cross_elements(void **state)
{
    char a[] = "abc";
    char b[] = "defgh";
    char c[] = "i";
    const struct vmmp_iovec iov[] = { { a, 3 }, { b, 5 }, { c, 1 } };
    (void)state;
    for (unsigned offset = 0; offset <= 10; offset++) {
        for (unsigned len = 0; len <= 10; len++) {
            char to[16] = "................";
            size_t expected = offset >= 9 ? 0 : (len < 9 - offset ? len : 9 - offset);
            assert_int_equal(vmmp_iovec_read(iov, 3, offset, to, len), expected);
            assert_memory_equal(to, &"abcdefghi"[offset < 9 ? offset : 9], expected);
            assert_int_equal(to[expected], '.');
        }
    }
    assert_int_equal(vmmp_iovec_read(iov, 3, UINT64_MAX, a, 1), 0);
    assert_int_equal(vmmp_iovec_write(iov, 3, 2, "XYZ", 3), 3);
    assert_string_equal(a, "abX");
    assert_string_equal(b, "YZfgh");
    assert_int_equal(vmmp_iovec_write(iov, 3, 7, "12345", 5), 2);
    assert_string_equal(b, "YZfg1");
    assert_string_equal(c, "2");
}

int test_virtqueue(void);

int test_virtqueue(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_powers_of_two_up_to_32768),
        TEST(areas_are_aligned),
        TEST(areas_lie_in_ram_to_the_last_byte),
        TEST(a_chain_is_readable_then_writable),
        TEST(chains_of_one_direction_only),
        TEST(a_chain_may_be_as_long_as_the_queue),
        TEST(indices_wrap_around),
        TEST(chains_come_back_in_any_order),
        TEST(no_more_is_reported_than_there_was_room_for),
        TEST(tokens_end_with_the_queue),
        TEST(geometry_is_frozen),
        TEST(a_disabled_queue_gives_nothing),
        TEST(a_device_can_fail_its_queue),
        TEST(indirect_tables),
        TEST(descriptors_then_an_indirect_table),
        TEST(a_stale_next_is_not_followed),
        TEST(empty_descriptors_are_left_out),
        TEST(buffers_across_regions_become_several_elements),
        TEST(pages_registered_one_by_one),
        TEST(buffers_do_not_wrap_around),
        TEST(regions_are_found_wherever_buffers_go),
        TEST(no_interrupt_flag_is_honoured),
        TEST(used_event_is_honoured),
        TEST(used_event_works_at_every_index),
        TEST(no_notify_flag_is_set_and_cleared),
        TEST(avail_event_says_when_to_kick),
        cmocka_unit_test(copies_cross_elements),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
