/* SPDX-License-Identifier: BSD-2-Clause */
/* The MMIO transport, for virtio_driver.h. */
#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

#include "virtio/virtio_mmio_spec.h"

static uint64_t get(struct vmmp_window *window, uint64_t offset, unsigned size)
{
    return vmmp_window_read(window, offset, size);
}

static void put(struct vmmp_window *window, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(window, offset, size, value);
}

static uint8_t status(struct vmmp_window *window)
{
    return (uint8_t)get(window, VIRTIO_MMIO_STATUS, 4);
}

static void set_status(struct vmmp_window *window, uint8_t value)
{
    put(window, VIRTIO_MMIO_STATUS, 4, value);
}

static uint64_t features(struct vmmp_window *window)
{
    uint64_t value = 0;
    for (unsigned word = 0; word < 2; word++) {
        put(window, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 4, word);
        value |= get(window, VIRTIO_MMIO_DEVICE_FEATURES, 4) << (32 * word);
    }
    return value;
}

static void set_features(struct vmmp_window *window, uint64_t value)
{
    for (unsigned word = 0; word < 2; word++) {
        put(window, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, word);
        put(window, VIRTIO_MMIO_DRIVER_FEATURES, 4, value >> (32 * word) & UINT32_MAX);
    }
}

static uint32_t queue_size(struct vmmp_window *window, unsigned queue)
{
    put(window, VIRTIO_MMIO_QUEUE_SEL, 4, queue);
    return (uint32_t)get(window, VIRTIO_MMIO_QUEUE_NUM_MAX, 4);
}

static void put64(struct vmmp_window *window, uint64_t offset, uint64_t value)
{
    put(window, offset, 4, value & UINT32_MAX);
    put(window, offset + 4, 4, value >> 32);
}

static void set_queue(struct vmmp_window *window, unsigned queue, uint32_t size, uint64_t desc,
                      uint64_t avail, uint64_t used)
{
    put(window, VIRTIO_MMIO_QUEUE_SEL, 4, queue);
    put(window, VIRTIO_MMIO_QUEUE_NUM, 4, size);
    put64(window, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
    put64(window, VIRTIO_MMIO_QUEUE_DRIVER_LOW, avail);
    put64(window, VIRTIO_MMIO_QUEUE_DEVICE_LOW, used);
    put(window, VIRTIO_MMIO_QUEUE_READY, 4, 1);
}

static void kick(struct vmmp_window *window, unsigned queue)
{
    put(window, VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue);
}

static uint8_t isr(struct vmmp_window *window)
{
    uint32_t value = (uint32_t)get(window, VIRTIO_MMIO_INTERRUPT_STATUS, 4);
    put(window, VIRTIO_MMIO_INTERRUPT_ACK, 4, value);
    return (uint8_t)value;
}

static uint64_t config_read(struct vmmp_window *window, uint32_t offset, unsigned size)
{
    return get(window, VIRTIO_MMIO_CONFIG + offset, size);
}

static void config_write(struct vmmp_window *window, uint32_t offset, unsigned size, uint64_t value)
{
    put(window, VIRTIO_MMIO_CONFIG + offset, size, value);
}

const struct vmmp_virtio_driver_transport vmmp_virtio_driver_mmio = {
    .status = status,
    .set_status = set_status,
    .features = features,
    .set_features = set_features,
    .queue_size = queue_size,
    .set_queue = set_queue,
    .kick = kick,
    .isr = isr,
    .config_read = config_read,
    .config_write = config_write,
};
