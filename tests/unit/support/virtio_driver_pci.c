/* SPDX-License-Identifier: BSD-2-Clause */
/* The two faces of a virtio PCI function, for virtio_driver.h. */
#include "support/virtio_driver.h"

#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "virtio/virtio_pci_spec.h"

#define PAGE(page) ((page)*MODERN_PAGE)

static uint64_t get(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_virtio_pci *pci = device;
    return vmmp_window_read(&pci->modern, offset, size);
}

static void put(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_virtio_pci *pci = device;
    vmmp_window_write(&pci->modern, offset, size, value);
}

static uint8_t modern_status(void *device)
{
    return (uint8_t)get(device, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void modern_set_status(void *device, uint8_t status)
{
    put(device, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

static uint64_t modern_features(void *device)
{
    uint64_t features = 0;
    for (unsigned word = 0; word < 2; word++) {
        put(device, VIRTIO_PCI_COMMON_DFSELECT, 4, word);
        features |= get(device, VIRTIO_PCI_COMMON_DF, 4) << (32 * word);
    }
    return features;
}

static void modern_set_features(void *device, uint64_t features)
{
    for (unsigned word = 0; word < 2; word++) {
        put(device, VIRTIO_PCI_COMMON_GFSELECT, 4, word);
        put(device, VIRTIO_PCI_COMMON_GF, 4, features >> (32 * word) & UINT32_MAX);
    }
}

static uint32_t modern_queue_size(void *device, unsigned queue)
{
    put(device, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    return (uint32_t)get(device, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

static void put64(void *device, uint64_t offset, uint64_t value)
{
    put(device, offset, 4, value & UINT32_MAX);
    put(device, offset + 4, 4, value >> 32);
}

static void modern_set_queue(void *device, unsigned queue, uint32_t size, uint64_t desc,
                             uint64_t avail, uint64_t used)
{
    put(device, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    put(device, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
    put64(device, VIRTIO_PCI_COMMON_Q_DESCLO, desc);
    put64(device, VIRTIO_PCI_COMMON_Q_AVAILLO, avail);
    put64(device, VIRTIO_PCI_COMMON_Q_USEDLO, used);
    put(device, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static void modern_kick(void *device, unsigned queue)
{
    put(device, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    uint64_t off = get(device, VIRTIO_PCI_COMMON_Q_NOFF, 2) * MODERN_NOTIFY_MULTIPLIER;
    put(device, PAGE(MODERN_NOTIFY) + off, 2, queue);
}

static uint8_t modern_isr(void *device)
{
    return (uint8_t)get(device, PAGE(MODERN_ISR), 1);
}

static uint64_t modern_config_read(void *device, uint32_t offset, unsigned size)
{
    return get(device, PAGE(MODERN_DEVICE) + offset, size);
}

static void modern_config_write(void *device, uint32_t offset, unsigned size, uint64_t value)
{
    put(device, PAGE(MODERN_DEVICE) + offset, size, value);
}

const struct virtio_driver_transport virtio_driver_pci_modern = {
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

static uint64_t in(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_virtio_pci *pci = device;
    return vmmp_window_read(&pci->legacy, offset, size);
}

static void out(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_virtio_pci *pci = device;
    vmmp_window_write(&pci->legacy, offset, size, value);
}

static uint8_t legacy_status(void *device)
{
    return (uint8_t)in(device, VIRTIO_PCI_STATUS, 1);
}

static void legacy_set_status(void *device, uint8_t status)
{
    out(device, VIRTIO_PCI_STATUS, 1, status);
}

static uint64_t legacy_features(void *device)
{
    return in(device, VIRTIO_PCI_HOST_FEATURES, 4);
}

static void legacy_set_features(void *device, uint64_t features)
{
    out(device, VIRTIO_PCI_GUEST_FEATURES, 4, features & UINT32_MAX);
}

static uint32_t legacy_queue_size(void *device, unsigned queue)
{
    out(device, VIRTIO_PCI_QUEUE_SEL, 2, queue);
    return (uint32_t)in(device, VIRTIO_PCI_QUEUE_NUM, 2);
}

static void legacy_set_queue(void *device, unsigned queue, uint32_t size, uint64_t desc,
                             uint64_t avail, uint64_t used)
{
    (void)size;
    (void)avail;
    (void)used;
    out(device, VIRTIO_PCI_QUEUE_SEL, 2, queue);
    out(device, VIRTIO_PCI_QUEUE_PFN, 4, desc >> VIRTIO_PCI_QUEUE_ADDR_SHIFT);
}

static void legacy_kick(void *device, unsigned queue)
{
    out(device, VIRTIO_PCI_QUEUE_NOTIFY, 2, queue);
}

static uint8_t legacy_isr(void *device)
{
    return (uint8_t)in(device, VIRTIO_PCI_ISR, 1);
}

static uint64_t legacy_config_read(void *device, uint32_t offset, unsigned size)
{
    return in(device, VIRTIO_PCI_CONFIG + offset, size);
}

static void legacy_config_write(void *device, uint32_t offset, unsigned size, uint64_t value)
{
    out(device, VIRTIO_PCI_CONFIG + offset, size, value);
}

const struct virtio_driver_transport virtio_driver_pci_legacy = {
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
