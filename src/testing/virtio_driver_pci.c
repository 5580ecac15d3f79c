/* SPDX-License-Identifier: BSD-2-Clause */
/* The two faces of a virtio PCI function, for virtio_driver.h. */
#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

#include "virtio/virtio_pci_spec.h"

#define PAGE(page) ((uint64_t)(page)*MODERN_PAGE)

static uint64_t get(struct vmmp_window *window, uint64_t offset, unsigned size)
{
    return vmmp_window_read(window, offset, size);
}

static void put(struct vmmp_window *window, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(window, offset, size, value);
}

static uint8_t modern_status(struct vmmp_window *window)
{
    return (uint8_t)get(window, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void modern_set_status(struct vmmp_window *window, uint8_t status)
{
    put(window, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

static uint64_t modern_features(struct vmmp_window *window)
{
    uint64_t features = 0;
    for (unsigned word = 0; word < 2; word++) {
        put(window, VIRTIO_PCI_COMMON_DFSELECT, 4, word);
        features |= get(window, VIRTIO_PCI_COMMON_DF, 4) << (32 * word);
    }
    return features;
}

static void modern_set_features(struct vmmp_window *window, uint64_t features)
{
    for (unsigned word = 0; word < 2; word++) {
        put(window, VIRTIO_PCI_COMMON_GFSELECT, 4, word);
        put(window, VIRTIO_PCI_COMMON_GF, 4, features >> (32 * word) & UINT32_MAX);
    }
}

static uint32_t modern_queue_size(struct vmmp_window *window, unsigned queue)
{
    put(window, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    return (uint32_t)get(window, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

static void put64(struct vmmp_window *window, uint64_t offset, uint64_t value)
{
    put(window, offset, 4, value & UINT32_MAX);
    put(window, offset + 4, 4, value >> 32);
}

static void modern_set_queue(struct vmmp_window *window, unsigned queue, uint32_t size,
                             uint64_t desc, uint64_t avail, uint64_t used)
{
    put(window, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    put(window, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
    put64(window, VIRTIO_PCI_COMMON_Q_DESCLO, desc);
    put64(window, VIRTIO_PCI_COMMON_Q_AVAILLO, avail);
    put64(window, VIRTIO_PCI_COMMON_Q_USEDLO, used);
    put(window, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static void modern_kick(struct vmmp_window *window, unsigned queue)
{
    put(window, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    uint64_t off = get(window, VIRTIO_PCI_COMMON_Q_NOFF, 2) * (uint64_t)MODERN_NOTIFY_MULTIPLIER;
    put(window, PAGE(MODERN_NOTIFY) + off, 2, queue);
}

static uint8_t modern_isr(struct vmmp_window *window)
{
    return (uint8_t)get(window, PAGE(MODERN_ISR), 1);
}

static uint64_t modern_config_read(struct vmmp_window *window, uint32_t offset, unsigned size)
{
    return get(window, PAGE(MODERN_DEVICE) + offset, size);
}

static void modern_config_write(struct vmmp_window *window, uint32_t offset, unsigned size,
                                uint64_t value)
{
    put(window, PAGE(MODERN_DEVICE) + offset, size, value);
}

const struct vmmp_virtio_driver_transport vmmp_virtio_driver_pci_modern = {
    .status = modern_status,
    .set_status = modern_set_status,
    .features = modern_features,
    .set_features = modern_set_features,
    .queue_size = modern_queue_size,
    .set_queue = modern_set_queue,
    .kick = modern_kick,
    .isr = modern_isr,
    .config_read = modern_config_read,
    .config_write = modern_config_write,
};

static uint64_t in(struct vmmp_window *window, uint64_t offset, unsigned size)
{
    return vmmp_window_read(window, offset, size);
}

static void out(struct vmmp_window *window, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(window, offset, size, value);
}

static uint8_t legacy_status(struct vmmp_window *window)
{
    return (uint8_t)in(window, VIRTIO_PCI_STATUS, 1);
}

static void legacy_set_status(struct vmmp_window *window, uint8_t status)
{
    out(window, VIRTIO_PCI_STATUS, 1, status);
}

static uint64_t legacy_features(struct vmmp_window *window)
{
    return in(window, VIRTIO_PCI_HOST_FEATURES, 4);
}

static void legacy_set_features(struct vmmp_window *window, uint64_t features)
{
    out(window, VIRTIO_PCI_GUEST_FEATURES, 4, features & UINT32_MAX);
}

static uint32_t legacy_queue_size(struct vmmp_window *window, unsigned queue)
{
    out(window, VIRTIO_PCI_QUEUE_SEL, 2, queue);
    return (uint32_t)in(window, VIRTIO_PCI_QUEUE_NUM, 2);
}

static void legacy_set_queue(struct vmmp_window *window, unsigned queue, uint32_t size,
                             uint64_t desc, uint64_t avail, uint64_t used)
{
    (void)size;
    (void)avail;
    (void)used;
    out(window, VIRTIO_PCI_QUEUE_SEL, 2, queue);
    out(window, VIRTIO_PCI_QUEUE_PFN, 4, desc >> VIRTIO_PCI_QUEUE_ADDR_SHIFT);
}

static void legacy_kick(struct vmmp_window *window, unsigned queue)
{
    out(window, VIRTIO_PCI_QUEUE_NOTIFY, 2, queue);
}

static uint8_t legacy_isr(struct vmmp_window *window)
{
    return (uint8_t)in(window, VIRTIO_PCI_ISR, 1);
}

static uint64_t legacy_config_read(struct vmmp_window *window, uint32_t offset, unsigned size)
{
    return in(window, VIRTIO_PCI_CONFIG + offset, size);
}

static void legacy_config_write(struct vmmp_window *window, uint32_t offset, unsigned size,
                                uint64_t value)
{
    out(window, VIRTIO_PCI_CONFIG + offset, size, value);
}

const struct vmmp_virtio_driver_transport vmmp_virtio_driver_pci_legacy = {
    .legacy = true,
    .status = legacy_status,
    .set_status = legacy_set_status,
    .features = legacy_features,
    .set_features = legacy_set_features,
    .queue_size = legacy_queue_size,
    .set_queue = legacy_set_queue,
    .kick = legacy_kick,
    .isr = legacy_isr,
    .config_read = legacy_config_read,
    .config_write = legacy_config_write,
};
