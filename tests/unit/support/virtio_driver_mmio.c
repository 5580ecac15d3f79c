/* SPDX-License-Identifier: BSD-2-Clause */
/* The MMIO transport, for virtio_driver.h. */
#include "support/virtio_driver.h"

#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>

#include "virtio/virtio_mmio_spec.h"

static uint64_t get(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_virtio_mmio *mmio = device;
    return vmmp_window_read(&mmio->window, offset, size);
}

static void put(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_virtio_mmio *mmio = device;
    vmmp_window_write(&mmio->window, offset, size, value);
}

static uint8_t status(void *device)
{
    return (uint8_t)get(device, VIRTIO_MMIO_STATUS, 4);
}

static void set_status(void *device, uint8_t value)
{
    put(device, VIRTIO_MMIO_STATUS, 4, value);
}

static uint64_t features(void *device)
{
    uint64_t value = 0;
    for (unsigned word = 0; word < 2; word++) {
        put(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 4, word);
        value |= get(device, VIRTIO_MMIO_DEVICE_FEATURES, 4) << (32 * word);
    }
    return value;
}

static void set_features(void *device, uint64_t value)
{
    for (unsigned word = 0; word < 2; word++) {
        put(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, word);
        put(device, VIRTIO_MMIO_DRIVER_FEATURES, 4, value >> (32 * word) & UINT32_MAX);
    }
}

static uint32_t queue_size(void *device, unsigned queue)
{
    put(device, VIRTIO_MMIO_QUEUE_SEL, 4, queue);
    return (uint32_t)get(device, VIRTIO_MMIO_QUEUE_NUM_MAX, 4);
}

static void put64(void *device, uint64_t offset, uint64_t value)
{
    put(device, offset, 4, value & UINT32_MAX);
    put(device, offset + 4, 4, value >> 32);
}

static void set_queue(void *device, unsigned queue, uint32_t size, uint64_t desc, uint64_t avail,
                      uint64_t used)
{
    put(device, VIRTIO_MMIO_QUEUE_SEL, 4, queue);
    put(device, VIRTIO_MMIO_QUEUE_NUM, 4, size);
    put64(device, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
    put64(device, VIRTIO_MMIO_QUEUE_DRIVER_LOW, avail);
    put64(device, VIRTIO_MMIO_QUEUE_DEVICE_LOW, used);
    put(device, VIRTIO_MMIO_QUEUE_READY, 4, 1);
}

static void kick(void *device, unsigned queue)
{
    put(device, VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue);
}

static uint8_t isr(void *device)
{
    uint32_t value = (uint32_t)get(device, VIRTIO_MMIO_INTERRUPT_STATUS, 4);
    put(device, VIRTIO_MMIO_INTERRUPT_ACK, 4, value);
    return (uint8_t)value;
}

static uint64_t config_read(void *device, uint32_t offset, unsigned size)
{
    return get(device, VIRTIO_MMIO_CONFIG + offset, size);
}

static void config_write(void *device, uint32_t offset, unsigned size, uint64_t value)
{
    put(device, VIRTIO_MMIO_CONFIG + offset, size, value);
}

const struct virtio_driver_transport virtio_driver_mmio = {
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
