/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/toy_device.h"

#include "vmmp_test.h"

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

const struct vmmp_virtio_ops toy_ops = {
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

const uint16_t toy_sizes[QUEUES] = { 16, 16, 16 };

void toy_make(struct toy_bench *bench, bool defers, bool pulse,
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

void toy_unmake(struct toy_bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_fini(&bench->toy.virtio);
    virtio_rig_fini(&bench->rig);
}

int toy_setup(void **state)
{
    struct toy_bench *bench = malloc(sizeof(*bench));
    toy_make(bench, true, false, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

int toy_setup_mmio(void **state)
{
    struct toy_bench *bench = malloc(sizeof(*bench));
    toy_make(bench, true, false, &virtio_driver_mmio);
    *state = bench;
    return 0;
}

int toy_setup_no_defer(void **state)
{
    struct toy_bench *bench = malloc(sizeof(*bench));
    toy_make(bench, false, false, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

int toy_setup_packed(void **state)
{
    toy_setup(state);
    ((struct toy_bench *)*state)->ring = PACKED;
    ((struct toy_bench *)*state)->driver.rings = PACKED;
    return 0;
}

int toy_setup_packed_no_defer(void **state)
{
    toy_setup_no_defer(state);
    ((struct toy_bench *)*state)->ring = PACKED | EVENT_IDX;
    ((struct toy_bench *)*state)->driver.rings = PACKED;
    return 0;
}

int toy_setup_legacy(void **state)
{
    struct toy_bench *bench = malloc(sizeof(*bench));
    toy_make(bench, true, false, &virtio_driver_pci_legacy);
    *state = bench;
    return 0;
}

int toy_teardown(void **state)
{
    toy_unmake(*state);
    free(*state);
    return 0;
}

void toy_enter(struct toy_bench *bench)
{
    vmmp_context_enter(&bench->toy.virtio.context);
}

void toy_leave(struct toy_bench *bench)
{
    vmmp_context_leave(&bench->toy.virtio.context);
}

bool toy_negotiate(struct toy_bench *bench, uint64_t features)
{
    return virtio_driver_negotiate(&bench->driver, features | bench->ring);
}

bool toy_start(struct toy_bench *bench, uint64_t features, unsigned queues)
{
    return virtio_driver_start(&bench->driver, features | bench->ring, queues);
}

uint8_t toy_status(struct toy_bench *bench)
{
    return bench->driver.transport->status(bench->driver.device);
}

void toy_set_status(struct toy_bench *bench, uint8_t value)
{
    bench->driver.transport->set_status(bench->driver.device, value);
}

void toy_add(struct toy_bench *bench, unsigned queue, unsigned count)
{
    const struct virtio_driver_buffer buffer = { bench->buffer, 64, true };
    for (unsigned i = 0; i < count; i++) {
        virtio_driver_add(&bench->driver, queue, &buffer, 1);
    }
}

unsigned toy_used(struct toy_bench *bench, unsigned queue)
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
uint8_t toy_isr(struct toy_bench *bench)
{
    return bench->driver.transport->isr(bench->driver.device);
}

void toy_kick(struct toy_bench *bench, unsigned queue)
{
    bench->driver.transport->kick(bench->driver.device, queue);
}
