/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio core with a device made for the purpose, through PCI and MMIO. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/toy_device.h"

int test_virtio(void);

/* ---- Making one ---- */

static void init_checks_its_arguments(void **state)
{
    struct vmmp_virtio_device dev;
    struct vmmp_virtio_queue queues[2];
    struct vmmp_guest_memory memory;
    const uint16_t good[] = { 16, 32768 };
    const uint16_t bad[][2] = { { 0, 16 }, { 16, 3 }, { 32769, 16 }, { 65535, 16 } };
    struct vmmp_virtio_ops nameless = toy_ops;
    nameless.name = NULL;
    (void)state;
    vmmp_guest_memory_init(&memory, NULL, NULL);
    assert_int_equal(vmmp_virtio_init(&dev, NULL, queues, good, 2, &memory, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_init(&dev, &nameless, queues, good, 2, &memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_init(&dev, &toy_ops, queues, good, 2, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_init(&dev, &toy_ops, NULL, good, 2, &memory, NULL, NULL), -EINVAL);
    assert_int_equal(vmmp_virtio_init(&dev, &toy_ops, queues, NULL, 2, &memory, NULL, NULL),
                     -EINVAL);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vmmp_virtio_init(&dev, &toy_ops, queues, bad[i], 2, &memory, NULL, NULL),
                         -EINVAL);
    }
    assert_int_equal(vmmp_virtio_init(&dev, &toy_ops, queues, good, 2, &memory, NULL, NULL), 0);
    /* Without a transport nothing happens, and nothing is missed. */
    vmmp_virtio_set_status(&dev, 0xff, false);
    vmmp_virtio_broken(&dev, "test");
    vmmp_virtio_config_changed(&dev);
    assert_int_equal(vmmp_virtio_isr_take(&dev), 0);
    vmmp_virtio_kick(&dev, 1);
    assert_null(vmmp_virtio_queue(&dev, 2));
    vmmp_virtio_fini(&dev);
}

/* ---- Status (2.1, 3.1) ---- */

/* What the status register must do, in a few lines. */
static uint8_t status_model(uint8_t before, uint8_t written, bool features_good)
{
    if (written == 0) {
        return 0;
    }
    uint8_t after = before | (written & 0x83);
    if ((written & VIRTIO_STATUS_FEATURES_OK) && (after & VIRTIO_STATUS_DRIVER) && features_good) {
        after |= VIRTIO_STATUS_FEATURES_OK;
    }
    if ((written & VIRTIO_STATUS_DRIVER_OK) && (after & VIRTIO_STATUS_FEATURES_OK)) {
        after |= VIRTIO_STATUS_DRIVER_OK;
    }
    return after;
}

static void all_sequences_of_two_status_writes(void **state)
{
    struct toy_bench *bench = *state;
    for (unsigned good = 0; good < 2; good++) {
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned second = 0; second < 256; second++) {
                toy_set_status(bench, 0);
                bench->driver.transport->set_features(bench->driver.device, good ? VERSION_1 : 0);
                toy_set_status(bench, (uint8_t)first);
                uint8_t expected = status_model(0, (uint8_t)first, good);
                if (toy_status(bench) != expected) {
                    fail_msg("%02x gave %02x, not %02x", first, toy_status(bench), expected);
                }
                /* A reset forgets the features too, but then status 0 cannot be left well. */
                bool still = good && first != 0;
                toy_set_status(bench, (uint8_t)second);
                expected = status_model(expected, (uint8_t)second, still);
                if (toy_status(bench) != expected) {
                    fail_msg("%02x %02x gave %02x, not %02x", first, second, toy_status(bench),
                             expected);
                }
            }
        }
    }
}

static void features_ok_is_refused(void **state)
{
    struct toy_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    uint64_t offered = transport->features(bench->driver.device);
    assert_int_equal(offered, FEATURE_A | FEATURE_B | INDIRECT | EVENT_IDX | VERSION_1 | PACKED |
                                  BIT(VIRTIO_F_RING_RESET));
    for (unsigned bit = 0; bit < 64; bit++) {
        toy_set_status(bench, 0);
        toy_set_status(bench, 3);
        transport->set_features(bench->driver.device, VERSION_1 | BIT(bit));
        toy_set_status(bench, 11);
        /* B alone is offered, but the device does not work with it. */
        bool good = (offered & BIT(bit)) && BIT(bit) != FEATURE_B;
        assert_int_equal(toy_status(bench), good ? 11 : 3);
        /* DRIVER_OK does not go around it. */
        toy_set_status(bench, 15);
        assert_int_equal(toy_status(bench), good ? 15 : 3);
        assert_int_equal(vmmp_virtio_live(&bench->toy.virtio), good);
    }
    toy_set_status(bench, 0);
    toy_set_status(bench, 3);
    transport->set_features(bench->driver.device, offered & ~VERSION_1);
    toy_set_status(bench, 11);
    assert_int_equal(toy_status(bench), 3);
}

/* Every subset of what is offered is a driver that works (defect row 27). */
static void negotiation_matrix(void **state)
{
    struct toy_bench *bench = *state;
    const uint64_t bits[] = { FEATURE_A, FEATURE_B, INDIRECT,
                              EVENT_IDX, PACKED,    BIT(VIRTIO_F_RING_RESET) };
    bench->driver.rings = PACKED;
    for (unsigned subset = 0; subset < 64; subset++) {
        uint64_t features = VERSION_1;
        for (unsigned i = 0; i < 6; i++) {
            features |= subset >> i & 1 ? bits[i] : 0;
        }
        bench->driver.next_gpa = bench->buffer + 4096;
        bool possible = (subset & 3) != 2;
        assert_int_equal(toy_start(bench, features, 2), possible);
        if (!possible) {
            continue;
        }
        assert_int_equal(bench->driver.features, features);
        toy_add(bench, 1, 3);
        assert_true(virtio_driver_kick(&bench->driver, 1));
        assert_int_equal(toy_used(bench, 1), 3);
        assert_int_equal(toy_isr(bench), 1);
    }
}

static void features_are_final_after_features_ok(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_negotiate(bench, VERSION_1 | FEATURE_A));
    bench->driver.transport->set_features(bench->driver.device, UINT64_MAX);
    assert_true(vmmp_virtio_has_feature(&bench->toy.virtio, 3));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, 5));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, 64));
    assert_int_equal(bench->toy.virtio.driver_features, VERSION_1 | FEATURE_A);
}

static void features_can_be_switched_off(void **state)
{
    struct toy_bench *bench = *state;
    bench->toy.virtio.features_off = EVENT_IDX | FEATURE_B;
    assert_int_equal(bench->driver.transport->features(bench->driver.device),
                     FEATURE_A | INDIRECT | VERSION_1 | PACKED | BIT(VIRTIO_F_RING_RESET));
    bench->toy.virtio.features_off = PACKED;
    bench->driver.rings = PACKED;
    assert_false(bench->driver.transport->features(bench->driver.device) & PACKED);
    assert_true(toy_start(bench, VERSION_1 | PACKED, 2));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, VIRTIO_F_RING_PACKED));
}

static void nothing_happens_before_driver_ok(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_negotiate(bench, VERSION_1));
    virtio_driver_set_up_queue(&bench->driver, 0);
    virtio_driver_set_up_queue(&bench->driver, 1);
    toy_add(bench, 1, 2);
    toy_kick(bench, 1);
    assert_int_equal(bench->toy.processed[1], 0);
    assert_int_equal(toy_used(bench, 1), 0);
    assert_int_equal(bench->rig.pulses, 0);
    /* What was there already is looked at then. */
    virtio_driver_ready(&bench->driver);
    assert_int_equal(bench->toy.driver_oks, 1);
    assert_int_equal(toy_used(bench, 1), 2);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->toy.processed[2], 0); /* Not enabled. */
}

static void a_failed_driver_is_left_alone(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_set_status(bench, toy_status(bench) | VIRTIO_STATUS_FAILED);
    toy_add(bench, 1, 1);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 0);
}

static void queues_are_not_enabled_before_features_ok(void **state)
{
    struct toy_bench *bench = *state;
    virtio_driver_reset(&bench->driver);
    toy_set_status(bench, 3);
    virtio_driver_set_up_queue(&bench->driver, 0);
    assert_false(bench->toy.queues[0].vq.enabled);
}

/* ---- Configuration (2.5) ---- */

static void configuration_bytes(void **state)
{
    struct toy_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    for (unsigned i = 0; i < 6; i++) {
        bench->toy.config[i] = (uint8_t)(0xa0 + i);
    }
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    for (unsigned s = 0; s < 4; s++) {
        for (uint32_t offset = 0; offset < 40; offset++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < sizes[s]; i++) {
                uint64_t byte = offset + i < 6 ? 0xa0 + offset + i : 0xff;
                expected |= byte << (8 * i);
            }
            assert_int_equal(transport->config_read(bench->driver.device, offset, sizes[s]),
                             expected);
        }
    }
    transport->config_write(bench->driver.device, 4, 8, UINT64_C(0x8877665544332211));
    assert_int_equal(bench->toy.config[4], 0x11);
    assert_int_equal(bench->toy.config[5], 0x22);
    transport->config_write(bench->driver.device, 6, 1, 0x33);
    transport->config_write(bench->driver.device, 3000, 4, 0x33);
    assert_int_equal(bench->toy.config[0], 0xa0);
}

static void configuration_changes(void **state)
{
    struct toy_bench *bench = *state;
    struct vmmp_virtio_device *dev = &bench->toy.virtio;
    assert_true(toy_negotiate(bench, VERSION_1));
    toy_enter(bench);
    vmmp_virtio_config_changed(dev);
    toy_leave(bench);
    assert_int_equal(bench->rig.pulses, 0); /* Not live. */
    virtio_driver_ready(&bench->driver);
    bench->driver.transport->config_read(bench->driver.device, 0, 1);
    uint8_t before = vmmp_virtio_config_generation(dev);
    toy_enter(bench);
    for (unsigned i = 0; i < 256; i++) {
        vmmp_virtio_config_changed(dev);
    }
    toy_leave(bench);
    assert_int_not_equal(vmmp_virtio_config_generation(dev), before);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(toy_isr(bench), VMMP_VIRTIO_ISR_CONFIG);
}

static void isr_bits_are_cleared_one_by_one(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_add(bench, 1, 1);
    toy_kick(bench, 1);
    toy_enter(bench);
    vmmp_virtio_config_changed(&bench->toy.virtio);
    assert_int_equal(bench->toy.virtio.isr, 3);
    vmmp_virtio_isr_clear(&bench->toy.virtio, VMMP_VIRTIO_ISR_QUEUE);
    assert_true(bench->rig.high);
    vmmp_virtio_isr_clear(&bench->toy.virtio, VMMP_VIRTIO_ISR_CONFIG);
    assert_false(bench->rig.high);
    toy_leave(bench);
}

/* ---- The legacy interface (3.1.2) ---- */

static void legacy_features_need_no_acceptance(void **state)
{
    struct toy_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    assert_int_equal(transport->features(bench->driver.device),
                     FEATURE_A | FEATURE_B | INDIRECT | EVENT_IDX | BIT(VIRTIO_F_ANY_LAYOUT));
    toy_set_status(bench, 3);
    transport->set_features(bench->driver.device, UINT32_MAX);
    toy_set_status(bench, 7);
    assert_int_equal(toy_status(bench), 7);
    assert_int_equal(bench->toy.virtio.driver_features, transport->features(bench->driver.device));
    assert_true(vmmp_virtio_live(&bench->toy.virtio));
    /* FEATURES_OK is not of this interface. */
    toy_set_status(bench, 15);
    assert_int_equal(toy_status(bench), 7);
    /* Features that do not go together. */
    toy_set_status(bench, 0);
    toy_set_status(bench, 3);
    transport->set_features(bench->driver.device, FEATURE_B);
    toy_set_status(bench, 7);
    assert_int_equal(toy_status(bench), 7 | VIRTIO_STATUS_NEEDS_RESET);
}

/* Old drivers set queues up, and use them, before features and DRIVER_OK. */
static void legacy_queues_before_features(void **state)
{
    struct toy_bench *bench = *state;
    virtio_driver_reset(&bench->driver);
    virtio_driver_set_up_queue(&bench->driver, 1);
    bench->driver.features = EVENT_IDX;
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 0);
    toy_set_status(bench, 3);
    bench->driver.transport->set_features(bench->driver.device, EVENT_IDX);
    virtio_driver_set_used_event(&bench->driver, 1, 100);
    toy_set_status(bench, 7);
    assert_int_equal(toy_used(bench, 1), 3);
    assert_int_equal(bench->rig.pulses, 0); /* used_event counts: EVENT_IDX is known. */
}

static void legacy_pfn_zero_resets_a_queue(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, 0, 2));
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 3);
    vmmp_window_write(&bench->rig.pci.legacy, 14, 2, 1);
    assert_int_not_equal(vmmp_window_read(&bench->rig.pci.legacy, 8, 4), 0);
    vmmp_window_write(&bench->rig.pci.legacy, 8, 4, 0);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.legacy, 8, 4), 0);
    assert_int_equal(bench->toy.queue_resets, 1);
    toy_kick(bench, 1);
    virtio_driver_set_up_queue(&bench->driver, 1);
    toy_add(bench, 1, 2);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 2);
}

static void legacy_reset_and_again(void **state)
{
    struct toy_bench *bench = *state;
    for (unsigned round = 0; round < 5; round++) {
        assert_true(toy_start(bench, FEATURE_A | INDIRECT, 2));
        for (unsigned i = 0; i < 20; i++) {
            toy_add(bench, 1, 3);
            assert_true(virtio_driver_kick(&bench->driver, 1));
            assert_int_equal(toy_used(bench, 1), 3);
        }
    }
}

int test_virtio(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
#define MMIO(name)   cmocka_unit_test_setup_teardown(name, toy_setup_mmio, toy_teardown)
#define DIRECT(name) cmocka_unit_test_setup_teardown(name, toy_setup_no_defer, toy_teardown)
#define LEGACY(name) cmocka_unit_test_setup_teardown(name, toy_setup_legacy, toy_teardown)
/* On packed rings, with deferral, and without it but with EVENT_IDX. */
#define BOTH_PACKED(name)                                                  \
    cmocka_unit_test_setup_teardown(name, toy_setup_packed, toy_teardown), \
        cmocka_unit_test_setup_teardown(name, toy_setup_packed_no_defer, toy_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_checks_its_arguments),
        TEST(all_sequences_of_two_status_writes),
        MMIO(all_sequences_of_two_status_writes),
        TEST(features_ok_is_refused),
        MMIO(features_ok_is_refused),
        TEST(negotiation_matrix),
        MMIO(negotiation_matrix),
        DIRECT(negotiation_matrix),
        TEST(features_are_final_after_features_ok),
        MMIO(features_are_final_after_features_ok),
        TEST(features_can_be_switched_off),
        MMIO(features_can_be_switched_off),
        TEST(nothing_happens_before_driver_ok),
        MMIO(nothing_happens_before_driver_ok),
        DIRECT(nothing_happens_before_driver_ok),
        TEST(a_failed_driver_is_left_alone),
        MMIO(a_failed_driver_is_left_alone),
        TEST(queues_are_not_enabled_before_features_ok),
        MMIO(queues_are_not_enabled_before_features_ok),
        TEST(configuration_bytes),
        MMIO(configuration_bytes),
        LEGACY(configuration_bytes),
        TEST(configuration_changes),
        MMIO(configuration_changes),
        TEST(isr_bits_are_cleared_one_by_one),
        MMIO(isr_bits_are_cleared_one_by_one),
        LEGACY(legacy_features_need_no_acceptance),
        LEGACY(legacy_queues_before_features),
        LEGACY(legacy_pfn_zero_resets_a_queue),
        LEGACY(legacy_reset_and_again),
        BOTH_PACKED(nothing_happens_before_driver_ok),
        BOTH_PACKED(a_failed_driver_is_left_alone),
    };
#undef TEST
#undef MMIO
#undef DIRECT
#undef LEGACY
#undef BOTH_PACKED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
