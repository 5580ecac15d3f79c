/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio core with a device made for the purpose, through PCI and MMIO. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define INDIRECT  BIT(VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX BIT(VIRTIO_F_EVENT_IDX)
#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define PACKED    BIT(VIRTIO_F_RING_PACKED)
#define FEATURE_A BIT(3)
#define FEATURE_B BIT(5) /* Needs A. */

int test_virtio(void);

#define QUEUES 3

/* Queue 0 and 1 are answered at once; queue 2 keeps what it gets until it is told. */
struct toy {
    struct vmmp_virtio_device virtio;
    struct vmmp_virtio_queue queues[QUEUES];
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(16)];
    uint8_t config[6];
    unsigned processed[QUEUES];
    unsigned driver_oks;
    unsigned resets;
    unsigned queue_resets;
    bool slow_reset;
    bool idle; /* Leaves everything where it is. */
    struct vmmp_virtqueue_token kept[16];
    unsigned kept_count;
    void (*inside)(struct toy *toy, unsigned queue); /* Called for every chain. */
    void (*after)(struct toy *toy, unsigned queue);  /* Called when there was none. */
};

static struct toy *toy_of(struct vmmp_virtio_device *dev)
{
    return (struct toy *)(void *)dev;
}

static uint64_t toy_features(struct vmmp_virtio_device *dev)
{
    (void)dev;
    return FEATURE_A | FEATURE_B | BIT(30); /* 30 is not a device's to offer. */
}

static bool toy_accept(struct vmmp_virtio_device *dev, uint64_t features)
{
    (void)dev;
    return !(features & FEATURE_B) || (features & FEATURE_A);
}

static void toy_config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to,
                            unsigned size)
{
    assert_true(offset + size <= sizeof(toy_of(dev)->config));
    memcpy(to, toy_of(dev)->config + offset, size);
}

static void toy_config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                             unsigned size)
{
    assert_true(offset + size <= sizeof(toy_of(dev)->config));
    memcpy(toy_of(dev)->config + offset, from, size);
}

static void toy_driver_ok(struct vmmp_virtio_device *dev)
{
    assert_true(vmmp_virtio_live(dev));
    toy_of(dev)->driver_oks++;
}

static enum vmmp_virtio_progress toy_process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct toy *toy = toy_of(dev);
    struct vmmp_virtqueue_chain chain = { .iov = toy->iov, .capacity = VMMP_VIRTQUEUE_IOVECS(16) };
    toy->processed[queue]++;
    while (!toy->idle && vmmp_virtio_pop(dev, queue, &chain)) {
        if (toy->inside) {
            toy->inside(toy, queue);
        }
        if (queue == 2) {
            toy->kept[toy->kept_count++] = chain.token;
        } else {
            vmmp_virtio_push(dev, queue, &chain.token, chain.writable_bytes);
        }
    }
    if (toy->after) {
        toy->after(toy, queue);
    }
    return VMMP_VIRTIO_DRAINED;
}

static bool toy_reset(struct vmmp_virtio_device *dev)
{
    toy_of(dev)->resets++;
    return !toy_of(dev)->slow_reset;
}

static void toy_queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    (void)queue;
    toy_of(dev)->queue_resets++;
}

static const struct vmmp_virtio_ops toy_ops = {
    .name = "toy",
    .type = VIRTIO_ID_ENTROPY,
    .features = toy_features,
    .accept = toy_accept,
    .config_size = 6,
    .config_read = toy_config_read,
    .config_write = toy_config_write,
    .driver_ok = toy_driver_ok,
    .process = toy_process,
    .reset = toy_reset,
    .queue_reset = toy_queue_reset,
};

static const uint16_t toy_sizes[QUEUES] = { 16, 16, 16 };

struct bench {
    struct virtio_rig rig;
    struct toy toy;
    struct virtio_driver driver;
    uint64_t buffer;
    uint64_t ring; /* Features of rings that the driver wants as well. */
};

static void make(struct bench *bench, bool defers, bool pulse,
                 const struct virtio_driver_transport *transport)
{
    memset(bench, 0, sizeof(*bench));
    virtio_rig_init(&bench->rig, defers, pulse);
    assert_int_equal(vmmp_virtio_init(&bench->toy.virtio, &toy_ops, bench->toy.queues, toy_sizes,
                                      QUEUES, &bench->rig.memory, &bench->rig.log,
                                      &bench->rig.host),
                     0);
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->toy.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->buffer = virtio_driver_alloc(&bench->driver, 4096, 4096);
}

static void unmake(struct bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_fini(&bench->toy.virtio);
    virtio_rig_fini(&bench->rig);
}

static int setup(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, false, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

static int setup_mmio(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, false, &virtio_driver_mmio);
    *state = bench;
    return 0;
}

static int setup_no_defer(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, false, false, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

static int setup_packed(void **state)
{
    setup(state);
    ((struct bench *)*state)->ring = PACKED;
    ((struct bench *)*state)->driver.rings = PACKED;
    return 0;
}

static int setup_packed_no_defer(void **state)
{
    setup_no_defer(state);
    ((struct bench *)*state)->ring = PACKED | EVENT_IDX;
    ((struct bench *)*state)->driver.rings = PACKED;
    return 0;
}

static int setup_legacy(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, false, &virtio_driver_pci_legacy);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static void enter(struct bench *bench)
{
    vmmp_context_enter(&bench->toy.virtio.context);
}

static void leave(struct bench *bench)
{
    vmmp_context_leave(&bench->toy.virtio.context);
}

static bool negotiate(struct bench *bench, uint64_t features)
{
    return virtio_driver_negotiate(&bench->driver, features | bench->ring);
}

static bool start(struct bench *bench, uint64_t features, unsigned queues)
{
    return virtio_driver_start(&bench->driver, features | bench->ring, queues);
}

static uint8_t status(struct bench *bench)
{
    return bench->driver.transport->status(bench->driver.device);
}

static void set_status(struct bench *bench, uint8_t value)
{
    bench->driver.transport->set_status(bench->driver.device, value);
}

static void add(struct bench *bench, unsigned queue, unsigned count)
{
    const struct virtio_driver_buffer buffer = { bench->buffer, 64, true };
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_add(&bench->driver, queue, &buffer, 1);
    }
}

static unsigned used(struct bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->driver, queue, &id, &len)) {
        count++;
    }
    return count;
}

/* Reads ISR, as a driver's interrupt handler does. */
static uint8_t isr(struct bench *bench)
{
    return bench->driver.transport->isr(bench->driver.device);
}

static void kick(struct bench *bench, unsigned queue)
{
    bench->driver.transport->kick(bench->driver.device, queue);
}

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
    struct bench *bench = *state;
    for (unsigned good = 0; good < 2; good++) {
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned second = 0; second < 256; second++) {
                set_status(bench, 0);
                bench->driver.transport->set_features(bench->driver.device, good ? VERSION_1 : 0);
                set_status(bench, (uint8_t)first);
                uint8_t expected = status_model(0, (uint8_t)first, good);
                if (status(bench) != expected) {
                    fail_msg("%02x gave %02x, not %02x", first, status(bench), expected);
                }
                /* A reset forgets the features too, but then status 0 cannot be left well. */
                bool still = good && first != 0;
                set_status(bench, (uint8_t)second);
                expected = status_model(expected, (uint8_t)second, still);
                if (status(bench) != expected) {
                    fail_msg("%02x %02x gave %02x, not %02x", first, second, status(bench),
                             expected);
                }
            }
        }
    }
}

static void features_ok_is_refused(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    uint64_t offered = transport->features(bench->driver.device);
    assert_int_equal(offered, FEATURE_A | FEATURE_B | INDIRECT | EVENT_IDX | VERSION_1 | PACKED |
                                  BIT(VIRTIO_F_RING_RESET));
    for (unsigned bit = 0; bit < 64; bit++) {
        set_status(bench, 0);
        set_status(bench, 3);
        transport->set_features(bench->driver.device, VERSION_1 | BIT(bit));
        set_status(bench, 11);
        /* B alone is offered, but the device does not work with it. */
        bool good = (offered & BIT(bit)) && BIT(bit) != FEATURE_B;
        assert_int_equal(status(bench), good ? 11 : 3);
        /* DRIVER_OK does not go around it. */
        set_status(bench, 15);
        assert_int_equal(status(bench), good ? 15 : 3);
        assert_int_equal(vmmp_virtio_live(&bench->toy.virtio), good);
    }
    set_status(bench, 0);
    set_status(bench, 3);
    transport->set_features(bench->driver.device, offered & ~VERSION_1);
    set_status(bench, 11);
    assert_int_equal(status(bench), 3);
}

/* Every subset of what is offered is a driver that works (defect row 27). */
static void negotiation_matrix(void **state)
{
    struct bench *bench = *state;
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
        assert_int_equal(start(bench, features, 2), possible);
        if (!possible) {
            continue;
        }
        assert_int_equal(bench->driver.features, features);
        add(bench, 1, 3);
        assert_true(virtio_driver_kick(&bench->driver, 1));
        assert_int_equal(used(bench, 1), 3);
        assert_int_equal(isr(bench), 1);
    }
}

static void features_are_final_after_features_ok(void **state)
{
    struct bench *bench = *state;
    assert_true(negotiate(bench, VERSION_1 | FEATURE_A));
    bench->driver.transport->set_features(bench->driver.device, UINT64_MAX);
    assert_true(vmmp_virtio_has_feature(&bench->toy.virtio, 3));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, 5));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, 64));
    assert_int_equal(bench->toy.virtio.driver_features, VERSION_1 | FEATURE_A);
}

static void features_can_be_switched_off(void **state)
{
    struct bench *bench = *state;
    bench->toy.virtio.features_off = EVENT_IDX | FEATURE_B;
    assert_int_equal(bench->driver.transport->features(bench->driver.device),
                     FEATURE_A | INDIRECT | VERSION_1 | PACKED | BIT(VIRTIO_F_RING_RESET));
    bench->toy.virtio.features_off = PACKED;
    bench->driver.rings = PACKED;
    assert_false(bench->driver.transport->features(bench->driver.device) & PACKED);
    assert_true(start(bench, VERSION_1 | PACKED, 2));
    assert_false(vmmp_virtio_has_feature(&bench->toy.virtio, VIRTIO_F_RING_PACKED));
}

static void nothing_happens_before_driver_ok(void **state)
{
    struct bench *bench = *state;
    assert_true(negotiate(bench, VERSION_1));
    virtio_driver_set_up_queue(&bench->driver, 0);
    virtio_driver_set_up_queue(&bench->driver, 1);
    add(bench, 1, 2);
    kick(bench, 1);
    assert_int_equal(bench->toy.processed[1], 0);
    assert_int_equal(used(bench, 1), 0);
    assert_int_equal(bench->rig.pulses, 0);
    /* What was there already is looked at then. */
    virtio_driver_ready(&bench->driver);
    assert_int_equal(bench->toy.driver_oks, 1);
    assert_int_equal(used(bench, 1), 2);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->toy.processed[2], 0); /* Not enabled. */
}

static void a_failed_driver_is_left_alone(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    set_status(bench, status(bench) | VIRTIO_STATUS_FAILED);
    add(bench, 1, 1);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 0);
}

static void queues_are_not_enabled_before_features_ok(void **state)
{
    struct bench *bench = *state;
    virtio_driver_reset(&bench->driver);
    set_status(bench, 3);
    virtio_driver_set_up_queue(&bench->driver, 0);
    assert_false(bench->toy.queues[0].vq.enabled);
}

/* ---- Broken devices (2.1.2) ---- */

static void a_bad_chain_breaks_the_device(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    add(bench, 1, 1);
    virtio_driver_put(&bench->driver.queues[1].desc[7], bench->buffer, 8, VIRTQ_DESC_F_NEXT, 7);
    virtio_driver_offer(&bench->driver, 1, 7);
    add(bench, 1, 1);
    kick(bench, 1);
    assert_int_equal(status(bench), 15 | VIRTIO_STATUS_NEEDS_RESET);
    assert_string_equal(bench->rig.last_message, "toy: chain is longer than the queue, or loops; "
                                                 "the device needs a reset");
    assert_int_equal(bench->rig.messages, 1);
    /* No used-buffer interrupt from a device that is not live. */
    assert_int_equal(isr(bench), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(used(bench, 1), 1); /* The good one before. */
    /* No queue works any more, and nothing is logged again. */
    add(bench, 0, 1);
    kick(bench, 0);
    kick(bench, 1);
    assert_int_equal(used(bench, 0), 0);
    assert_int_equal(bench->rig.messages, 1);
    /* The driver cannot take the bit away, only reset. */
    set_status(bench, 15);
    assert_int_equal(status(bench), 15 | VIRTIO_STATUS_NEEDS_RESET);
    assert_true(start(bench, VERSION_1, 2));
    assert_int_equal(status(bench), 15);
    add(bench, 1, 2);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 2);
}

static void messages_about_broken_devices_are_limited(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < 1000; i++) {
        bench->driver.next_gpa = bench->buffer + 4096;
        assert_true(start(bench, VERSION_1, 1));
        virtio_driver_offer(&bench->driver, 0, 99);
        kick(bench, 0);
        assert_true(status(bench) & VIRTIO_STATUS_NEEDS_RESET);
        kick(bench, 5); /* Does not exist. */
    }
    assert_in_range(bench->rig.messages, 2, 40);
}

static void queues_with_bad_registers_break_the_device(void **state)
{
    struct bench *bench = *state;
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
        assert_true(negotiate(bench, VERSION_1));
        transport->set_queue(bench->driver.device, 1, rows[i].size, ok + rows[i].desc,
                             ok + 0x1000 + rows[i].avail, ok + 0x2000 + rows[i].used);
        assert_true(status(bench) & VIRTIO_STATUS_NEEDS_RESET);
        assert_false(bench->toy.queues[1].vq.enabled);
        virtio_driver_ready(&bench->driver);
        kick(bench, 1);
        assert_int_equal(bench->toy.processed[1], 0);
        /* DRIVER_OK was not set when it broke: no interrupt. */
        assert_int_equal(bench->rig.pulses, 0);
    }
}

/* CVE-2026-5747: registers written after validation have no effect. */
static void queue_registers_are_read_only_while_enabled(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    assert_true(start(bench, VERSION_1, 2));
    struct vmmp_virtqueue_config before = bench->toy.queues[1].registers;
    const uint32_t sizes[] = { 0, 1, 3, 65535 };
    for (unsigned i = 0; i < 4; i++) {
        transport->set_queue(bench->driver.device, 1, sizes[i], 0, 1, UINT64_MAX);
        assert_memory_equal(&bench->toy.queues[1].registers, &before, sizeof(before));
        add(bench, 1, 2);
        kick(bench, 1);
        assert_int_equal(used(bench, 1), 2);
    }
    assert_int_equal(status(bench), 15);
}

/* ---- Reset ---- */

static void reset_forgets_everything(void **state)
{
    struct bench *bench = *state;
    for (unsigned round = 0; round < 3; round++) {
        assert_true(start(bench, VERSION_1 | FEATURE_A, 3));
        add(bench, 1, 5);
        kick(bench, 1);
        assert_int_equal(used(bench, 1), 5);
        assert_true(bench->rig.high);
        virtio_driver_reset(&bench->driver);
        assert_int_equal(status(bench), 0);
        assert_false(bench->rig.high);
        assert_int_equal(isr(bench), 0);
        assert_int_equal(bench->toy.virtio.driver_features, 0);
        for (unsigned q = 0; q < QUEUES; q++) {
            assert_false(bench->toy.queues[q].vq.enabled);
            assert_int_equal(bench->toy.queues[q].registers.size, 16);
            assert_int_equal(bench->toy.queues[q].registers.desc.gpa, 0);
        }
        kick(bench, 1);
    }
    /* Once by virtio_driver_start() too. */
    assert_int_equal(bench->toy.resets, 6);
}

static void requests_in_flight_end_with_a_reset(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 3));
    add(bench, 2, 4);
    kick(bench, 2);
    assert_int_equal(bench->toy.kept_count, 4);
    virtio_driver_reset(&bench->driver);
    assert_true(start(bench, VERSION_1, 3));
    add(bench, 2, 1);
    kick(bench, 2);
    assert_int_equal(bench->toy.kept_count, 5);
    enter(bench);
    for (unsigned i = 0; i < 4; i++) {
        vmmp_virtio_push(&bench->toy.virtio, 2, &bench->toy.kept[i], 64);
    }
    vmmp_virtio_flush(&bench->toy.virtio, 2);
    leave(bench);
    assert_int_equal(used(bench, 2), 0);
    assert_int_equal(bench->rig.pulses, 0);
    enter(bench);
    vmmp_virtio_push(&bench->toy.virtio, 2, &bench->toy.kept[4], 64);
    vmmp_virtio_flush(&bench->toy.virtio, 2);
    leave(bench);
    assert_int_equal(used(bench, 2), 1);
    assert_int_equal(bench->rig.pulses, 1);
}

static void a_slow_reset_shows_in_the_status(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 3));
    bench->toy.slow_reset = true;
    set_status(bench, 0);
    assert_int_not_equal(status(bench), 0);
    assert_false(vmmp_virtio_live(&bench->toy.virtio));
    /* Nothing can be done meanwhile. */
    set_status(bench, 0);
    set_status(bench, 1);
    bench->driver.transport->set_features(bench->driver.device, VERSION_1);
    kick(bench, 1);
    vmmp_virtio_broken(&bench->toy.virtio, "late");
    assert_int_equal(bench->toy.resets, 2);
    assert_int_equal(bench->toy.virtio.driver_features, 0);
    enter(bench);
    vmmp_virtio_reset_done(&bench->toy.virtio);
    vmmp_virtio_reset_done(&bench->toy.virtio);
    leave(bench);
    assert_int_equal(status(bench), 0);
    bench->toy.slow_reset = false;
    assert_true(start(bench, VERSION_1, 3));
}

static void one_queue_is_reset_alone(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1 | BIT(VIRTIO_F_RING_RESET), 2));
    add(bench, 1, 1);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 1);
    vmmp_window_write(&bench->rig.pci.modern, 22, 2, 1);
    vmmp_window_write(&bench->rig.pci.modern, 58, 2, 1);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 58, 2), 0);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 28, 2), 0);
    assert_int_equal(bench->toy.queue_resets, 1);
    add(bench, 0, 1);
    kick(bench, 0);
    assert_int_equal(used(bench, 0), 1);
    virtio_driver_set_up_queue(&bench->driver, 1);
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 3);
    /* Not without the feature. */
    assert_true(start(bench, VERSION_1, 2));
    vmmp_window_write(&bench->rig.pci.modern, 22, 2, 1);
    vmmp_window_write(&bench->rig.pci.modern, 58, 2, 1);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.modern, 28, 2), 1);
}

/* ---- Taking the transport away ---- */

/* The toy's context, and what was so when it was left. */
struct watched_context {
    struct vmmp_context own;
    struct bench *bench;
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
    struct bench *bench = *state;
    struct vmmp_context *context = &bench->toy.virtio.context;
    struct watched_context watched = { .own = *context, .bench = bench };
    assert_true(start(bench, VERSION_1, 2));
    *context = (struct vmmp_context){ watched_enter, watched_leave, &watched };
    virtio_rig_disconnect(&bench->rig);
    *context = watched.own;
    assert_true(watched.let_go);
    assert_true(watched.had_line);
}

/* ---- Budgets and deferral ---- */

static void what_the_budget_leaves_is_deferred(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 5;
    add(bench, 1, 12);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 5);
    /* Kicks are off, for the work goes on anyway. */
    assert_false(virtio_driver_kick(&bench->driver, 1));
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(used(bench, 1), 5);
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(used(bench, 1), 2);
    assert_false(virtio_rig_run(&bench->rig));
    add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 1);

    bench->toy.virtio.budget = (struct vmmp_virtio_budget){ 100, 3, 1 << 20 };
    add(bench, 1, 4);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 3);
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(used(bench, 1), 1);
    bench->toy.virtio.budget = (struct vmmp_virtio_budget){ 100, 100, 65 };
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 2);
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_int_equal(used(bench, 1), 1);
}

static void deferred_work_ends_with_a_reset(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 1;
    add(bench, 1, 4);
    kick(bench, 1);
    virtio_driver_reset(&bench->driver);
    unsigned processed = bench->toy.processed[1];
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(bench->toy.processed[1], processed);
    assert_int_equal(used(bench, 1), 1);
    /* Work that is queued when the device goes is taken back. */
    assert_true(start(bench, VERSION_1, 2));
    add(bench, 1, 4);
    kick(bench, 1);
    assert_non_null(bench->rig.queued);
}

static void refill(struct toy *toy, unsigned queue)
{
    struct bench *bench = (struct bench *)(void *)((char *)toy - offsetof(struct bench, toy));
    /* Another vCPU is faster than we are. */
    if (used(bench, queue) || bench->driver.queues[queue].avail_idx < 8) {
        add(bench, queue, 1);
    }
}

static void add_after(struct toy *toy, unsigned queue)
{
    struct bench *bench = (struct bench *)(void *)((char *)toy - offsetof(struct bench, toy));
    if (bench->driver.queues[queue].avail_idx < 5) {
        add(bench, queue, 1);
        /* The driver is told not to kick, and does not. */
        assert_false(virtio_driver_kick(&bench->driver, queue));
    }
}

/* What comes between the last look and the end of "do not kick" is found. */
static void nothing_is_missed_when_kicks_come_back_on(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.after = add_after;
    add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 5);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->rig.deferrals, 0);
}

/* So it is when the walk had nothing to do at all: a kick too many, or the backend's. */
static void nothing_is_missed_by_a_walk_in_vain(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.after = add_after;
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 5);
    assert_int_equal(bench->rig.pulses, 1);
    /* One that leaves what is there is not asked for ever. */
    bench->toy.after = NULL;
    bench->toy.idle = true;
    add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 0);
    assert_int_equal(bench->rig.deferrals, 0);
}

static void without_deferral_one_snapshot_is_drained(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 1;
    bench->toy.inside = refill;
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 3);
    /* The others were kicked for: kicks stay on all the time. */
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 3);
}

static void without_deferral_nothing_is_forgotten(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1 | EVENT_IDX, 2));
    bench->toy.inside = refill;
    add(bench, 1, 3);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 3);
    /* Added during the walk; the driver now looks whether a kick is wanted. */
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(used(bench, 1), 3);
}

/* ---- Interrupts ---- */

static void one_interrupt_per_batch(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    add(bench, 1, 10);
    kick(bench, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->toy.queues[1].interrupts, 1);
    assert_int_equal(bench->toy.queues[1].chains, 10);
    assert_int_equal(isr(bench), VMMP_VIRTIO_ISR_QUEUE);
    assert_false(bench->rig.high);
    assert_int_equal(isr(bench), 0);
    virtio_driver_set_no_interrupt(&bench->driver, 1, true);
    add(bench, 1, 5);
    kick(bench, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(isr(bench), 0);
}

static void a_pulse_line_pulses_for_every_batch(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    (void)state;
    make(bench, true, true, &virtio_driver_pci_modern);
    assert_true(start(bench, VERSION_1, 2));
    for (unsigned i = 1; i <= 5; i++) {
        add(bench, 1, 2);
        kick(bench, 1);
        assert_int_equal(bench->rig.pulses, i); /* ISR is set, and has not been read. */
    }
    assert_int_equal(isr(bench), 1);
    assert_int_equal(bench->rig.pulses, 5);
    unmake(bench);
    free(bench);
}

static void two_devices_share_a_line(void **state)
{
    struct bench *a = *state;
    struct toy *b = calloc(1, sizeof(*b));
    struct vmmp_virtio_pci *pci = calloc(1, sizeof(*pci));
    struct virtio_driver driver;
    uint32_t id;
    uint32_t len;

    assert_int_equal(vmmp_virtio_init(&b->virtio, &toy_ops, b->queues, toy_sizes, QUEUES,
                                      &a->rig.memory, &a->rig.log, &a->rig.host),
                     0);
    assert_int_equal(vmmp_virtio_pci_init(pci, &b->virtio, NULL), 0);
    virtio_rig_plug(&a->rig, pci);
    virtio_driver_init(&driver, &virtio_driver_pci_legacy, &pci->legacy, &a->rig.memory,
                       VIRTIO_RIG_RAM + 0x200000, 0x100000);
    assert_true(virtio_driver_start(&a->driver, VERSION_1, 2));
    assert_true(virtio_driver_start(&driver, FEATURE_A, 2));

    const struct virtio_driver_buffer buffer = { a->buffer, 16, true };
    add(a, 1, 1);
    kick(a, 1);
    virtio_driver_add(&driver, 0, &buffer, 1);
    assert_true(virtio_driver_kick(&driver, 0));
    assert_true(a->rig.high);
    assert_int_equal(a->rig.pulses, 1);
    assert_int_equal(isr(a), 1);
    assert_true(a->rig.high); /* The other one still wants it. */
    assert_int_equal(driver.transport->isr(driver.device), 1);
    assert_false(a->rig.high);
    assert_int_equal(used(a, 1), 1);
    assert_true(virtio_driver_used(&driver, 0, &id, &len));
    assert_int_equal(len, 16);
    /* Each breaks by itself. */
    virtio_driver_offer(&driver, 0, 1000);
    driver.transport->kick(driver.device, 0);
    assert_true(driver.transport->status(driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    assert_int_equal(status(a), 15);
    vmmp_virtio_pci_fini(pci);
    vmmp_virtio_fini(&b->virtio);
    free(pci);
    free(b);
}

/* ---- Callbacks inside callbacks ---- */

static void inside_deliver(struct toy *toy, unsigned queue)
{
    struct bench *bench = (struct bench *)(void *)((char *)toy - offsetof(struct bench, toy));
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(16)];
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = VMMP_VIRTQUEUE_IOVECS(16) };
    if (queue != 1) {
        return;
    }
    /* A delivery to another queue is seen at once. */
    assert_true(vmmp_virtio_pop(&toy->virtio, 0, &chain));
    vmmp_virtio_push(&toy->virtio, 0, &chain.token, 5);
    vmmp_virtio_flush(&toy->virtio, 0);
    assert_int_equal(used(bench, 0), 1);
    /* A completion of this queue is not, and a resume of it does not recurse. */
    vmmp_virtio_flush(&toy->virtio, 1);
    unsigned processed = toy->processed[1];
    vmmp_virtio_resume(&toy->virtio, 1);
    assert_int_equal(toy->processed[1], processed);
    assert_int_equal(used(bench, 1), 0);
}

static void callbacks_inside_callbacks(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    enter(bench);
    bench->toy.inside = inside_deliver;
    leave(bench);
    add(bench, 0, 4);
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 3);
    bench->toy.inside = NULL;
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_int_equal(used(bench, 0) + used(bench, 1), 0);
}

static void inside_reset(struct toy *toy, unsigned queue)
{
    (void)queue;
    vmmp_virtio_set_status(&toy->virtio, 0, false);
}

static void a_reset_from_inside_ends_the_walk(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    bench->toy.inside = inside_reset;
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(bench->toy.queues[1].chains, 1);
    assert_int_equal(used(bench, 1), 0);
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(status(bench), 0);
}

/* ---- Configuration (2.5) ---- */

static void configuration_bytes(void **state)
{
    struct bench *bench = *state;
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
    struct bench *bench = *state;
    struct vmmp_virtio_device *dev = &bench->toy.virtio;
    assert_true(negotiate(bench, VERSION_1));
    enter(bench);
    vmmp_virtio_config_changed(dev);
    leave(bench);
    assert_int_equal(bench->rig.pulses, 0); /* Not live. */
    virtio_driver_ready(&bench->driver);
    bench->driver.transport->config_read(bench->driver.device, 0, 1);
    uint8_t before = vmmp_virtio_config_generation(dev);
    enter(bench);
    for (unsigned i = 0; i < 256; i++) {
        vmmp_virtio_config_changed(dev);
    }
    leave(bench);
    assert_int_not_equal(vmmp_virtio_config_generation(dev), before);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(isr(bench), VMMP_VIRTIO_ISR_CONFIG);
}

static void isr_bits_are_cleared_one_by_one(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, VERSION_1, 2));
    add(bench, 1, 1);
    kick(bench, 1);
    enter(bench);
    vmmp_virtio_config_changed(&bench->toy.virtio);
    assert_int_equal(bench->toy.virtio.isr, 3);
    vmmp_virtio_isr_clear(&bench->toy.virtio, VMMP_VIRTIO_ISR_QUEUE);
    assert_true(bench->rig.high);
    vmmp_virtio_isr_clear(&bench->toy.virtio, VMMP_VIRTIO_ISR_CONFIG);
    assert_false(bench->rig.high);
    leave(bench);
}

/* ---- The legacy interface (3.1.2) ---- */

static void legacy_features_need_no_acceptance(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    assert_int_equal(transport->features(bench->driver.device),
                     FEATURE_A | FEATURE_B | INDIRECT | EVENT_IDX | BIT(VIRTIO_F_ANY_LAYOUT));
    set_status(bench, 3);
    transport->set_features(bench->driver.device, UINT32_MAX);
    set_status(bench, 7);
    assert_int_equal(status(bench), 7);
    assert_int_equal(bench->toy.virtio.driver_features, transport->features(bench->driver.device));
    assert_true(vmmp_virtio_live(&bench->toy.virtio));
    /* FEATURES_OK is not of this interface. */
    set_status(bench, 15);
    assert_int_equal(status(bench), 7);
    /* Features that do not go together. */
    set_status(bench, 0);
    set_status(bench, 3);
    transport->set_features(bench->driver.device, FEATURE_B);
    set_status(bench, 7);
    assert_int_equal(status(bench), 7 | VIRTIO_STATUS_NEEDS_RESET);
}

/* Old drivers set queues up, and use them, before features and DRIVER_OK. */
static void legacy_queues_before_features(void **state)
{
    struct bench *bench = *state;
    virtio_driver_reset(&bench->driver);
    virtio_driver_set_up_queue(&bench->driver, 1);
    bench->driver.features = EVENT_IDX;
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 0);
    set_status(bench, 3);
    bench->driver.transport->set_features(bench->driver.device, EVENT_IDX);
    virtio_driver_set_used_event(&bench->driver, 1, 100);
    set_status(bench, 7);
    assert_int_equal(used(bench, 1), 3);
    assert_int_equal(bench->rig.pulses, 0); /* used_event counts: EVENT_IDX is known. */
}

static void legacy_pfn_zero_resets_a_queue(void **state)
{
    struct bench *bench = *state;
    assert_true(start(bench, 0, 2));
    add(bench, 1, 3);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 3);
    vmmp_window_write(&bench->rig.pci.legacy, 14, 2, 1);
    assert_int_not_equal(vmmp_window_read(&bench->rig.pci.legacy, 8, 4), 0);
    vmmp_window_write(&bench->rig.pci.legacy, 8, 4, 0);
    assert_int_equal(vmmp_window_read(&bench->rig.pci.legacy, 8, 4), 0);
    assert_int_equal(bench->toy.queue_resets, 1);
    kick(bench, 1);
    virtio_driver_set_up_queue(&bench->driver, 1);
    add(bench, 1, 2);
    kick(bench, 1);
    assert_int_equal(used(bench, 1), 2);
}

static void legacy_reset_and_again(void **state)
{
    struct bench *bench = *state;
    for (unsigned round = 0; round < 5; round++) {
        assert_true(start(bench, FEATURE_A | INDIRECT, 2));
        for (unsigned i = 0; i < 20; i++) {
            add(bench, 1, 3);
            assert_true(virtio_driver_kick(&bench->driver, 1));
            assert_int_equal(used(bench, 1), 3);
        }
    }
}

int test_virtio(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define MMIO(name)   cmocka_unit_test_setup_teardown(name, setup_mmio, teardown)
#define DIRECT(name) cmocka_unit_test_setup_teardown(name, setup_no_defer, teardown)
#define LEGACY(name) cmocka_unit_test_setup_teardown(name, setup_legacy, teardown)
/* On packed rings, with deferral, and without it but with EVENT_IDX. */
#define BOTH_PACKED(name)                                          \
    cmocka_unit_test_setup_teardown(name, setup_packed, teardown), \
        cmocka_unit_test_setup_teardown(name, setup_packed_no_defer, teardown)
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
        TEST(what_the_budget_leaves_is_deferred),
        MMIO(what_the_budget_leaves_is_deferred),
        TEST(deferred_work_ends_with_a_reset),
        MMIO(deferred_work_ends_with_a_reset),
        TEST(nothing_is_missed_when_kicks_come_back_on),
        MMIO(nothing_is_missed_when_kicks_come_back_on),
        TEST(nothing_is_missed_by_a_walk_in_vain),
        MMIO(nothing_is_missed_by_a_walk_in_vain),
        DIRECT(without_deferral_one_snapshot_is_drained),
        DIRECT(without_deferral_nothing_is_forgotten),
        TEST(one_interrupt_per_batch),
        MMIO(one_interrupt_per_batch),
        DIRECT(one_interrupt_per_batch),
        cmocka_unit_test(a_pulse_line_pulses_for_every_batch),
        TEST(two_devices_share_a_line),
        MMIO(two_devices_share_a_line),
        TEST(callbacks_inside_callbacks),
        MMIO(callbacks_inside_callbacks),
        DIRECT(callbacks_inside_callbacks),
        TEST(a_reset_from_inside_ends_the_walk),
        MMIO(a_reset_from_inside_ends_the_walk),
        DIRECT(a_reset_from_inside_ends_the_walk),
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
        BOTH_PACKED(queue_registers_are_read_only_while_enabled),
        BOTH_PACKED(reset_forgets_everything),
        BOTH_PACKED(requests_in_flight_end_with_a_reset),
        BOTH_PACKED(a_slow_reset_shows_in_the_status),
        BOTH_PACKED(one_queue_is_reset_alone),
        BOTH_PACKED(one_interrupt_per_batch),
        BOTH_PACKED(callbacks_inside_callbacks),
        BOTH_PACKED(a_reset_from_inside_ends_the_walk),
        cmocka_unit_test_setup_teardown(what_the_budget_leaves_is_deferred, setup_packed, teardown),
        cmocka_unit_test_setup_teardown(deferred_work_ends_with_a_reset, setup_packed, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_missed_when_kicks_come_back_on, setup_packed,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_missed_by_a_walk_in_vain, setup_packed,
                                        teardown),
    };
#undef TEST
#undef MMIO
#undef DIRECT
#undef LEGACY
#undef BOTH_PACKED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
