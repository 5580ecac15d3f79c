/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory BAR (virtio 1.2, 4.1.4.3 to 4.1.4.6): a page each for four structures. */
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "virtio/virtio_pci_registers.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_register.h"
#include "virtio/virtio_register_hooks.h"

/* ---- Common configuration ---- */

static uint32_t queue_count_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->queue_count;
}

static void queue_enable_write(void *cookie, uint32_t value)
{
    struct vmmp_virtio_device *device = cookie;
    /* 4.1.4.3.2: the driver must not write 0. */
    if (value == 1) {
        vmmp_virtio_queue_enable(device, device->queue_select);
    }
}

static uint32_t queue_notify_off_read(void *device)
{
    return vmmp_vreg_selected(device) ? vmmp_vreg_queue_select_read(device) : 0;
}

static struct vmmp_virtio_pci *pci_of(void *device)
{
    return ((struct vmmp_virtio_device *)device)->transport;
}

static uint16_t existing_vector(void *device, uint32_t vector)
{
    return vector < pci_of(device)->msix.count ? (uint16_t)vector : VMMP_VIRTIO_NO_VECTOR;
}

uint32_t vmmp_virtio_pci_config_vector_read(void *device)
{
    return pci_of(device)->config_vector;
}

void vmmp_virtio_pci_config_vector_write(void *device, uint32_t value)
{
    pci_of(device)->config_vector = existing_vector(device, value);
}

uint32_t vmmp_virtio_pci_queue_vector_read(void *device)
{
    const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    return queue ? queue->vector : VMMP_VIRTIO_NO_VECTOR;
}

void vmmp_virtio_pci_queue_vector_write(void *device, uint32_t value)
{
    struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    if (queue) {
        queue->vector = existing_vector(device, value);
    }
}

static const struct virtio_register common[] = {
    { VIRTIO_PCI_COMMON_DFSELECT, 4, VIRTIO_RW, 0, vmmp_vreg_device_feature_select_read,
      vmmp_vreg_device_feature_select_write },
    { VIRTIO_PCI_COMMON_DF, 4, VIRTIO_RO, 0, vmmp_vreg_device_feature_read, NULL },
    { VIRTIO_PCI_COMMON_GFSELECT, 4, VIRTIO_RW, 0, vmmp_vreg_driver_feature_select_read,
      vmmp_vreg_driver_feature_select_write },
    { VIRTIO_PCI_COMMON_GF, 4, VIRTIO_RW, 0, vmmp_vreg_driver_feature_read,
      vmmp_vreg_driver_feature_write },
    { VIRTIO_PCI_COMMON_MSIX, 2, VIRTIO_WHOLE, 0, vmmp_virtio_pci_config_vector_read,
      vmmp_virtio_pci_config_vector_write },
    { VIRTIO_PCI_COMMON_NUMQ, 2, VIRTIO_RO, 0, queue_count_read, NULL },
    { VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_WHOLE, 0, vmmp_vreg_status_read, vmmp_vreg_status_write },
    { VIRTIO_PCI_COMMON_CFGGENERATION, 1, VIRTIO_RO, 0, vmmp_vreg_generation_read, NULL },
    { VIRTIO_PCI_COMMON_Q_SELECT, 2, VIRTIO_RW, 0, vmmp_vreg_queue_select_read,
      vmmp_vreg_queue_select_write },
    { VIRTIO_PCI_COMMON_Q_SIZE, 2, VIRTIO_RW, 0, vmmp_vreg_queue_size_read,
      vmmp_vreg_queue_size_write },
    { VIRTIO_PCI_COMMON_Q_MSIX, 2, VIRTIO_WHOLE, 0, vmmp_virtio_pci_queue_vector_read,
      vmmp_virtio_pci_queue_vector_write },
    { VIRTIO_PCI_COMMON_Q_ENABLE, 2, VIRTIO_WHOLE, 0, vmmp_vreg_queue_enabled_read,
      queue_enable_write },
    { VIRTIO_PCI_COMMON_Q_NOFF, 2, VIRTIO_RO, 0, queue_notify_off_read, NULL },
    { VIRTIO_PCI_COMMON_Q_DESCLO, 4, VIRTIO_RW, 0, vmmp_vreg_queue_desc_lo_read,
      vmmp_vreg_queue_desc_lo_write },
    { VIRTIO_PCI_COMMON_Q_DESCHI, 4, VIRTIO_RW, 0, vmmp_vreg_queue_desc_hi_read,
      vmmp_vreg_queue_desc_hi_write },
    { VIRTIO_PCI_COMMON_Q_AVAILLO, 4, VIRTIO_RW, 0, vmmp_vreg_queue_driver_lo_read,
      vmmp_vreg_queue_driver_lo_write },
    { VIRTIO_PCI_COMMON_Q_AVAILHI, 4, VIRTIO_RW, 0, vmmp_vreg_queue_driver_hi_read,
      vmmp_vreg_queue_driver_hi_write },
    { VIRTIO_PCI_COMMON_Q_USEDLO, 4, VIRTIO_RW, 0, vmmp_vreg_queue_device_lo_read,
      vmmp_vreg_queue_device_lo_write },
    { VIRTIO_PCI_COMMON_Q_USEDHI, 4, VIRTIO_RW, 0, vmmp_vreg_queue_device_hi_read,
      vmmp_vreg_queue_device_hi_write },
    { VIRTIO_PCI_COMMON_Q_NDATA, 2, VIRTIO_RO, 0, NULL, NULL },
    /* A reset is done when the write returns, so it always reads 0 (2.6.1.1). */
    { VIRTIO_PCI_COMMON_Q_RESET, 2, VIRTIO_WHOLE, 0, NULL, vmmp_vreg_queue_reset_write },
};

/* ---- The other three ---- */

static const struct virtio_register isr[] = {
    { 0, 1, VIRTIO_RO, 0, vmmp_vreg_isr_take, NULL },
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Which queue is told by the address (4.1.4.4); a wide write may cover several. */
static void notify(struct vmmp_virtio_pci *pci, uint32_t offset, unsigned size)
{
    uint32_t end = offset + size;
    uint32_t slot = (offset + MODERN_NOTIFY_MULTIPLIER - 1) / MODERN_NOTIFY_MULTIPLIER;
    for (; slot * MODERN_NOTIFY_MULTIPLIER < end; slot++) {
        vmmp_virtio_pci_kick(pci, slot);
    }
}

static uint64_t notify_read(const struct vmmp_virtio_device *dev, uint32_t offset, unsigned size)
{
    uint32_t end = dev->queue_count * MODERN_NOTIFY_MULTIPLIER;
    uint64_t value = UINT64_MAX;
    for (unsigned i = 0; i < size; i++) {
        if (offset + i < end) {
            value &= ~(UINT64_C(0xff) << (8 * i));
        }
    }
    return value;
}

static uint64_t page_read(struct vmmp_virtio_pci *pci, unsigned page, uint32_t offset,
                          unsigned size)
{
    switch (page) {
    case MODERN_COMMON:
        return vmmp_virtio_registers_read(common, ROWS(common), pci->device, offset, size);
    case MODERN_ISR:
        return vmmp_virtio_registers_read(isr, ROWS(isr), pci->device, offset, size);
    case MODERN_DEVICE:
        return vmmp_virtio_config_read(pci->device, offset, size);
    default:
        return notify_read(pci->device, offset, size);
    }
}

static void page_write(struct vmmp_virtio_pci *pci, unsigned page, uint32_t offset, unsigned size,
                       uint64_t value)
{
    switch (page) {
    case MODERN_COMMON:
        vmmp_virtio_registers_write(common, ROWS(common), pci->device, offset, size, value);
        break;
    case MODERN_ISR:
        break;
    case MODERN_DEVICE:
        vmmp_virtio_config_write(pci->device, offset, size, value);
        break;
    default:
        notify(pci, offset, size);
        break;
    }
}

/* How many of the access's bytes lie in the page it begins in. */
static unsigned in_page(uint64_t offset, unsigned size)
{
    uint64_t left = MODERN_PAGE - offset % MODERN_PAGE;
    return size < left ? size : (unsigned)left;
}

static uint64_t modern_read(void *cookie, uint64_t offset, unsigned size)
{
    unsigned first = in_page(offset, size);
    uint64_t value = page_read(cookie, (unsigned)(offset / MODERN_PAGE),
                               (uint32_t)(offset % MODERN_PAGE), first);
    if (first < size) {
        unsigned page = (unsigned)(offset / MODERN_PAGE) + 1;
        value &= (UINT64_C(1) << (8 * first)) - 1;
        value |= page_read(cookie, page, 0, size - first) << (8 * first);
    }
    return value;
}

static void modern_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned first = in_page(offset, size);
    page_write(cookie, (unsigned)(offset / MODERN_PAGE), (uint32_t)(offset % MODERN_PAGE), first,
               value);
    if (first < size) {
        unsigned page = (unsigned)(offset / MODERN_PAGE) + 1;
        page_write(cookie, page, 0, size - first, value >> (8 * first));
    }
}

const struct vmmp_window_ops vmmp_virtio_pci_modern_ops = { modern_read, modern_write };
