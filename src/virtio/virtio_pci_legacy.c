/* SPDX-License-Identifier: BSD-2-Clause */
/* The port BAR: the legacy interface (virtio 1.2, 4.1.4.10), little-endian as its guests are. */
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "virtio/virtio_pci_registers.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_register_hooks.h"
#include "virtio/virtqueue_split.h"

static uint32_t host_features_read(void *cookie)
{
    return (uint32_t)vmmp_virtio_offered(cookie, true);
}

static uint32_t guest_features_read(void *cookie)
{
    return (uint32_t)((struct vmmp_virtio_device *)cookie)->driver_features;
}

static void guest_features_write(void *cookie, uint32_t value)
{
    vmmp_virtio_set_driver_features(cookie, 0, value);
}

static uint32_t queue_pfn_read(void *cookie)
{
    const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(cookie);
    return queue ? queue->legacy_pfn : 0;
}

/* 2.7.2: the driver chooses one address, the layout behind it is fixed. */
static void queue_pfn_write(void *cookie, uint32_t value)
{
    struct vmmp_virtio_device *device = cookie;
    struct vmmp_virtio_queue *queue = vmmp_vreg_selected(cookie);
    if (value == 0) {
        vmmp_virtio_queue_reset(device, device->queue_select);
        return;
    }
    if (!queue || !vmmp_virtio_queue_writable(device, device->queue_select)) {
        vmmp_virtio_misuse(device, "PFN written for a queue in use or absent",
                           device->queue_select);
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
    vmmp_virtio_queue_enable(device, device->queue_select);
}

static void status_write(void *device, uint32_t value)
{
    vmmp_virtio_set_status(device, (uint8_t)value, true);
}

static const struct virtio_register registers[] = {
    { VIRTIO_PCI_HOST_FEATURES, 4, VIRTIO_RO, 0, host_features_read, NULL },
    { VIRTIO_PCI_GUEST_FEATURES, 4, VIRTIO_RW, 0, guest_features_read, guest_features_write },
    { VIRTIO_PCI_QUEUE_PFN, 4, VIRTIO_WHOLE, 0, queue_pfn_read, queue_pfn_write },
    { VIRTIO_PCI_QUEUE_NUM, 2, VIRTIO_RO, 0, vmmp_vreg_queue_max_size_read, NULL },
    { VIRTIO_PCI_QUEUE_SEL, 2, VIRTIO_RW, 0, vmmp_vreg_queue_select_read,
      vmmp_vreg_queue_select_write },
    { VIRTIO_PCI_QUEUE_NOTIFY, 2, VIRTIO_WHOLE, 0, NULL, vmmp_vreg_notify_write },
    { VIRTIO_PCI_STATUS, 1, VIRTIO_WHOLE, 0, vmmp_vreg_status_read, status_write },
    { VIRTIO_PCI_ISR, 1, VIRTIO_RO, 0, vmmp_vreg_isr_take, NULL },
    { VIRTIO_PCI_CONFIG_VECTOR, 2, VIRTIO_WHOLE, 0, vmmp_virtio_pci_config_vector_read,
      vmmp_virtio_pci_config_vector_write },
    { VIRTIO_PCI_QUEUE_VECTOR, 2, VIRTIO_WHOLE, 0, vmmp_virtio_pci_queue_vector_read,
      vmmp_virtio_pci_queue_vector_write },
};

static const struct vmmp_vreg_file file = { registers, sizeof(registers) / sizeof(registers[0]) };

/* 4.1.4.10: vectors come before the device's configuration, but only while MSI-X is enabled. */
static uint32_t config_start(const struct vmmp_virtio_pci *pci)
{
    return vmmp_pci_msix_enabled(&pci->msix) ? VIRTIO_PCI_CONFIG_MSIX : VIRTIO_PCI_CONFIG;
}

static uint64_t legacy_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_virtio_pci *pci = cookie;
    return vmmp_vreg_file_read(&file, pci->device, config_start(pci), (uint32_t)offset, size);
}

static void legacy_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    const struct vmmp_virtio_pci *pci = cookie;
    vmmp_vreg_file_write(&file, pci->device, config_start(pci), (uint32_t)offset, size, value);
}

const struct vmmp_window_ops vmmp_virtio_pci_legacy_ops = { legacy_read, legacy_write };
