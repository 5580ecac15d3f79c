/* SPDX-License-Identifier: BSD-2-Clause */
/* The port BAR: the legacy interface (virtio 1.2, 4.1.4.10), little-endian as its guests are. */
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "virtio/virtio_pci_registers.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_register.h"
#include "virtio/virtqueue_split.h"

static struct vmmp_virtio_device *device(void *cookie)
{
    return ((struct vmmp_virtio_pci *)cookie)->device;
}

static struct vmmp_virtio_queue *selected(void *cookie)
{
    const struct vmmp_virtio_pci *pci = cookie;
    return vmmp_virtio_queue(pci->device, pci->queue_select);
}

static uint32_t host_features_read(void *cookie)
{
    return (uint32_t)vmmp_virtio_offered(device(cookie), true);
}

static uint32_t guest_features_read(void *cookie)
{
    return (uint32_t)device(cookie)->driver_features;
}

static void guest_features_write(void *cookie, uint32_t value)
{
    vmmp_virtio_set_driver_features(device(cookie), 0, value);
}

static uint32_t queue_pfn_read(void *cookie)
{
    const struct vmmp_virtio_queue *queue = selected(cookie);
    return queue ? queue->legacy_pfn : 0;
}

/* 2.7.2: the driver chooses one address, the layout behind it is fixed. */
static void queue_pfn_write(void *cookie, uint32_t value)
{
    const struct vmmp_virtio_pci *pci = cookie;
    struct vmmp_virtio_queue *queue = selected(cookie);
    if (value == 0) {
        vmmp_virtio_queue_reset(pci->device, pci->queue_select);
        return;
    }
    if (!queue || !vmmp_virtio_queue_writable(pci->device, pci->queue_select)) {
        vmmp_virtio_misuse(pci->device, "PFN written for a queue in use or absent",
                           pci->queue_select);
        return;
    }
    uint32_t size = queue->max_size;
    uint64_t desc = (uint64_t)value << VIRTIO_PCI_QUEUE_ADDR_SHIFT;
    uint64_t avail = desc + virtq_desc_bytes(size);
    uint64_t used = avail + virtq_avail_bytes(size) + VIRTIO_PCI_VRING_ALIGN - 1;
    used -= used % VIRTIO_PCI_VRING_ALIGN;
    queue->legacy_pfn = value;
    queue->registers.size = size;
    queue->registers.desc = vmmp_gpa(desc);
    queue->registers.driver = vmmp_gpa(avail);
    queue->registers.device = vmmp_gpa(used);
    vmmp_virtio_queue_enable(pci->device, pci->queue_select);
}

static uint32_t queue_num_read(void *cookie)
{
    const struct vmmp_virtio_queue *queue = selected(cookie);
    return queue ? queue->max_size : 0;
}

static uint32_t queue_sel_read(void *cookie)
{
    return ((struct vmmp_virtio_pci *)cookie)->queue_select;
}

static void queue_sel_write(void *cookie, uint32_t value)
{
    ((struct vmmp_virtio_pci *)cookie)->queue_select = (uint16_t)value;
}

static void queue_notify_write(void *cookie, uint32_t value)
{
    vmmp_virtio_kick(device(cookie), value);
}

static uint32_t status_read(void *cookie)
{
    return vmmp_virtio_status(device(cookie));
}

static void status_write(void *cookie, uint32_t value)
{
    vmmp_virtio_set_status(device(cookie), (uint8_t)value, true);
}

static uint32_t isr_read(void *cookie)
{
    return vmmp_virtio_isr_take(device(cookie));
}

static const struct virtio_register registers[] = {
    { VIRTIO_PCI_HOST_FEATURES, 4, VIRTIO_RO, 0, host_features_read, NULL },
    { VIRTIO_PCI_GUEST_FEATURES, 4, VIRTIO_RW, 0, guest_features_read, guest_features_write },
    { VIRTIO_PCI_QUEUE_PFN, 4, VIRTIO_WHOLE, 0, queue_pfn_read, queue_pfn_write },
    { VIRTIO_PCI_QUEUE_NUM, 2, VIRTIO_RO, 0, queue_num_read, NULL },
    { VIRTIO_PCI_QUEUE_SEL, 2, VIRTIO_RW, 0, queue_sel_read, queue_sel_write },
    { VIRTIO_PCI_QUEUE_NOTIFY, 2, VIRTIO_WHOLE, 0, NULL, queue_notify_write },
    { VIRTIO_PCI_STATUS, 1, VIRTIO_WHOLE, 0, status_read, status_write },
    { VIRTIO_PCI_ISR, 1, VIRTIO_RO, 0, isr_read, NULL },
};

#define ROWS (sizeof(registers) / sizeof(registers[0]))

/* How many of the access's bytes are registers; the others are device configuration. */
static unsigned register_bytes(uint64_t offset, unsigned size)
{
    if (offset >= VIRTIO_PCI_CONFIG) {
        return 0;
    }
    uint64_t left = VIRTIO_PCI_CONFIG - offset;
    return size < left ? size : (unsigned)left;
}

static uint64_t legacy_read(void *cookie, uint64_t offset, unsigned size)
{
    unsigned first = register_bytes(offset, size);
    uint64_t value = 0;
    if (first > 0) {
        value = vmmp_virtio_registers_read(registers, ROWS, cookie, (uint32_t)offset, first);
        value &= vmmp_all_ones(8) >> (64 - 8 * first);
    }
    if (first < size) {
        uint32_t config = (uint32_t)(offset + first - VIRTIO_PCI_CONFIG);
        value |= vmmp_virtio_config_read(device(cookie), config, size - first) << (8 * first);
    }
    return value;
}

static void legacy_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned first = register_bytes(offset, size);
    if (first > 0) {
        vmmp_virtio_registers_write(registers, ROWS, cookie, (uint32_t)offset, first, value);
    }
    if (first < size) {
        uint32_t config = (uint32_t)(offset + first - VIRTIO_PCI_CONFIG);
        vmmp_virtio_config_write(device(cookie), config, size - first, value >> (8 * first));
    }
}

const struct vmmp_window_ops vmmp_virtio_pci_legacy_ops = { legacy_read, legacy_write };
