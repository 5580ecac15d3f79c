/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that break, are reset, or lose their transport (virtio 1.2, 2.1.2, 2.4). */
#include "vmmp_test.h"

#include <errno.h>

#include "support/toy_device.h"

int test_virtio_reset(void);

/* ---- Broken devices (2.1.2) ---- */

static void a_bad_chain_breaks_the_device(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_add(bench, 1, 1);
    virtio_driver_put(&bench->driver.queues[1].desc[7], bench->buffer, 8, VIRTQ_DESC_F_NEXT, 7);
    virtio_driver_offer(&bench->driver, 1, 7);
    toy_add(bench, 1, 1);
    toy_kick(bench, 1);
    assert_int_equal(toy_status(bench), 15 | VIRTIO_STATUS_NEEDS_RESET);
    assert_string_equal(bench->rig.last_message, "toy: chain is longer than the queue, or loops; "
                                                 "the device needs a reset");
    assert_int_equal(bench->rig.messages, 1);
    /* No used-buffer interrupt from a device that is not live. */
    assert_int_equal(toy_isr(bench), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(toy_used(bench, 1), 1); /* The good one before. */
    /* No queue works any more, and nothing is logged again. */
    toy_add(bench, 0, 1);
    toy_kick(bench, 0);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 0), 0);
    assert_int_equal(bench->rig.messages, 1);
    /* The driver cannot take the bit away, only reset. */
    toy_set_status(bench, 15);
    assert_int_equal(toy_status(bench), 15 | VIRTIO_STATUS_NEEDS_RESET);
    assert_true(toy_start(bench, VERSION_1, 2));
    assert_int_equal(toy_status(bench), 15);
    toy_add(bench, 1, 2);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 2);
}

static void messages_about_broken_devices_are_limited(void **state)
{
    struct toy_bench *bench = *state;
    for (unsigned i = 0; i < 1000; i++) {
        bench->driver.next_gpa = bench->buffer + 4096;
        assert_true(toy_start(bench, VERSION_1, 1));
        virtio_driver_offer(&bench->driver, 0, 99);
        toy_kick(bench, 0);
        assert_true(toy_status(bench) & VIRTIO_STATUS_NEEDS_RESET);
        toy_kick(bench, 5); /* Does not exist. */
    }
    assert_in_range(bench->rig.messages, 2, 40);
}

static void queues_with_bad_registers_break_the_device(void **state)
{
    struct toy_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    const uint64_t ok = VIRTIO_RIG_RAM + 0x10000;
    static const struct {
        uint32_t size;
        uint64_t desc;
        uint64_t avail;
        uint64_t used;
    } rows[] = {
        { 0, 0, 0, 0 },         { 3, 0, 0, 0 },
        { 32, 0, 0, 0 },        { 65535, 0, 0, 0 },
        { 32768, 0, 0, 0 },     { 16, 8, 0, 0 },
        { 16, 0, 1, 0 },        { 16, 0, 0, 2 },
        { 16, 1u << 30, 0, 0 }, { 16, 0, 1u << 30, 0 },
        { 16, 0, 0, 1u << 30 }, { 16, UINT64_C(0) - 0x40010010, 0, 0 }, /* 2^64 - 16 */
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(toy_negotiate(bench, VERSION_1));
        transport->set_queue(bench->driver.device, 1, rows[i].size, ok + rows[i].desc,
                             ok + 0x1000 + rows[i].avail, ok + 0x2000 + rows[i].used);
        assert_true(toy_status(bench) & VIRTIO_STATUS_NEEDS_RESET);
        assert_false(bench->toy.queues[1].vq.enabled);
        virtio_driver_ready(&bench->driver);
        toy_kick(bench, 1);
        assert_int_equal(bench->toy.processed[1], 0);
        /* DRIVER_OK was not set when it broke: no interrupt. */
        assert_int_equal(bench->rig.pulses, 0);
    }
}

/* CVE-2026-5747: registers written after validation have no effect. */
static void queue_registers_are_read_only_while_enabled(void **state)
{
    struct toy_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    assert_true(toy_start(bench, VERSION_1, 2));
    struct vmmp_virtqueue_config before = bench->toy.queues[1].registers;
    const uint32_t sizes[] = { 0, 1, 3, 65535 };
    for (unsigned i = 0; i < 4; i++) {
        transport->set_queue(bench->driver.device, 1, sizes[i], 0, 1, UINT64_MAX);
        assert_memory_equal(&bench->toy.queues[1].registers, &before, sizeof(before));
        toy_add(bench, 1, 2);
        toy_kick(bench, 1);
        assert_int_equal(toy_used(bench, 1), 2);
    }
    assert_int_equal(toy_status(bench), 15);
}

/* ---- Reset ---- */

static void reset_forgets_everything(void **state)
{
    struct toy_bench *bench = *state;
    for (unsigned round = 0; round < 3; round++) {
        assert_true(toy_start(bench, VERSION_1 | FEATURE_A, 3));
        toy_add(bench, 1, 5);
        toy_kick(bench, 1);
        assert_int_equal(toy_used(bench, 1), 5);
        assert_true(bench->rig.high);
        virtio_driver_reset(&bench->driver);
        assert_int_equal(toy_status(bench), 0);
        assert_false(bench->rig.high);
        assert_int_equal(toy_isr(bench), 0);
        assert_int_equal(bench->toy.virtio.driver_features, 0);
        for (unsigned q = 0; q < QUEUES; q++) {
            assert_false(bench->toy.queues[q].vq.enabled);
            assert_int_equal(bench->toy.queues[q].registers.size, 16);
            assert_int_equal(bench->toy.queues[q].registers.desc.gpa, 0);
        }
        toy_kick(bench, 1);
    }
    /* Once by virtio_driver_start() too. */
    assert_int_equal(bench->toy.resets, 6);
}

static void requests_in_flight_end_with_a_reset(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 3));
    toy_add(bench, 2, 4);
    toy_kick(bench, 2);
    assert_int_equal(bench->toy.kept_count, 4);
    virtio_driver_reset(&bench->driver);
    assert_true(toy_start(bench, VERSION_1, 3));
    toy_add(bench, 2, 1);
    toy_kick(bench, 2);
    assert_int_equal(bench->toy.kept_count, 5);
    toy_enter(bench);
    for (unsigned i = 0; i < 4; i++) {
        vmmp_virtio_push(&bench->toy.virtio, 2, &bench->toy.kept[i], 64);
    }
    vmmp_virtio_flush(&bench->toy.virtio, 2);
    toy_leave(bench);
    assert_int_equal(toy_used(bench, 2), 0);
    assert_int_equal(bench->rig.pulses, 0);
    toy_enter(bench);
    vmmp_virtio_push(&bench->toy.virtio, 2, &bench->toy.kept[4], 64);
    vmmp_virtio_flush(&bench->toy.virtio, 2);
    toy_leave(bench);
    assert_int_equal(toy_used(bench, 2), 1);
    assert_int_equal(bench->rig.pulses, 1);
}

static void a_slow_reset_shows_in_the_status(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 3));
    bench->toy.slow_reset = true;
    toy_set_status(bench, 0);
    assert_int_not_equal(toy_status(bench), 0);
    assert_false(vmmp_virtio_live(&bench->toy.virtio));
    /* Nothing can be done meanwhile. */
    toy_set_status(bench, 0);
    toy_set_status(bench, 1);
    bench->driver.transport->set_features(bench->driver.device, VERSION_1);
    toy_kick(bench, 1);
    vmmp_virtio_broken(&bench->toy.virtio, "late");
    assert_int_equal(bench->toy.resets, 2);
    assert_int_equal(bench->toy.virtio.driver_features, 0);
    toy_enter(bench);
    vmmp_virtio_reset_done(&bench->toy.virtio);
    vmmp_virtio_reset_done(&bench->toy.virtio);
    toy_leave(bench);
    assert_int_equal(toy_status(bench), 0);
    bench->toy.slow_reset = false;
    assert_true(toy_start(bench, VERSION_1, 3));
}

static void one_queue_is_reset_alone(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1 | BIT(VIRTIO_F_RING_RESET), 2));
    toy_add(bench, 1, 1);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 1);
    vmmp_window_write(&bench->rig.pci.modern, 22, 2, 1);
    vmmp_window_write(&bench->rig.pci.modern, 58, 2, 1);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 58, 2), 0);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 28, 2), 0);
    assert_int_equal(bench->toy.queue_resets, 1);
    toy_add(bench, 0, 1);
    toy_kick(bench, 0);
    assert_int_equal(toy_used(bench, 0), 1);
    virtio_driver_set_up_queue(&bench->driver, 1);
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 3);
    /* Not without the feature. */
    assert_true(toy_start(bench, VERSION_1, 2));
    vmmp_window_write(&bench->rig.pci.modern, 22, 2, 1);
    vmmp_window_write(&bench->rig.pci.modern, 58, 2, 1);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 28, 2), 1);
}

/* ---- Taking the transport away ---- */

/* The toy's context, and what was so when it was left. */
struct watched_context {
    struct vmmp_context own;
    struct toy_bench *bench;
    bool let_go;   /* There was no transport any more, */
    bool had_line; /* and the way to the line had been there until then. */
};

static void watched_enter(void *cookie)
{
    const struct watched_context *watched = cookie;
    vmmp_context_enter(&watched->own);
}

static void watched_leave(void *cookie)
{
    struct watched_context *watched = cookie;
    const struct virtio_rig *rig = &watched->bench->rig;
    if (!watched->let_go && !watched->bench->toy.virtio.transport_ops) {
        watched->let_go = true;
        watched->had_line = rig->pci.function.irq.line || rig->mmio.irq.line;
    }
    vmmp_context_leave(&watched->own);
}

/* Completions come from other threads until the device goes; they find it whole or not at all. */
static void a_transport_goes_inside_the_context(void **state)
{
    struct toy_bench *bench = *state;
    struct vmmp_context *context = &bench->toy.virtio.context;
    struct watched_context watched = { .own = *context, .bench = bench };
    assert_true(toy_start(bench, VERSION_1, 2));
    *context = (struct vmmp_context){ watched_enter, watched_leave, &watched };
    virtio_rig_disconnect(&bench->rig);
    *context = watched.own;
    assert_true(watched.let_go);
    assert_true(watched.had_line);
}

int test_virtio_reset(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
#define MMIO(name)   cmocka_unit_test_setup_teardown(name, toy_setup_mmio, toy_teardown)
#define DIRECT(name) cmocka_unit_test_setup_teardown(name, toy_setup_no_defer, toy_teardown)
/* On packed rings, with deferral, and without it but with EVENT_IDX. */
#define BOTH_PACKED(name)                                                  \
    cmocka_unit_test_setup_teardown(name, toy_setup_packed, toy_teardown), \
        cmocka_unit_test_setup_teardown(name, toy_setup_packed_no_defer, toy_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_bad_chain_breaks_the_device),
        MMIO(a_bad_chain_breaks_the_device),
        DIRECT(a_bad_chain_breaks_the_device),
        TEST(messages_about_broken_devices_are_limited),
        MMIO(messages_about_broken_devices_are_limited),
        TEST(queues_with_bad_registers_break_the_device),
        MMIO(queues_with_bad_registers_break_the_device),
        TEST(queue_registers_are_read_only_while_enabled),
        MMIO(queue_registers_are_read_only_while_enabled),
        TEST(reset_forgets_everything),
        MMIO(reset_forgets_everything),
        DIRECT(reset_forgets_everything),
        TEST(requests_in_flight_end_with_a_reset),
        MMIO(requests_in_flight_end_with_a_reset),
        TEST(a_slow_reset_shows_in_the_status),
        MMIO(a_slow_reset_shows_in_the_status),
        TEST(one_queue_is_reset_alone),
        TEST(a_transport_goes_inside_the_context),
        MMIO(a_transport_goes_inside_the_context),
        BOTH_PACKED(queue_registers_are_read_only_while_enabled),
        BOTH_PACKED(reset_forgets_everything),
        BOTH_PACKED(requests_in_flight_end_with_a_reset),
        BOTH_PACKED(a_slow_reset_shows_in_the_status),
        BOTH_PACKED(one_queue_is_reset_alone),
    };
#undef TEST
#undef MMIO
#undef DIRECT
#undef BOTH_PACKED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
