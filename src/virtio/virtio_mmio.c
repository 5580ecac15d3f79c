/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virtio/virtio_doorbell.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_register_hooks.h"

static struct vmmp_virtio_mmio *mmio_of(void *device)
{
    return ((struct vmmp_virtio_device *)device)->transport;
}

/* ---- Registers ---- */

static uint32_t device_id_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->ops->type;
}

static uint32_t vendor_id_read(void *device)
{
    return mmio_of(device)->vendor;
}

/* Unlike PCI's, this one can stop a queue too, to be set up anew (4.2.2.2). */
static void queue_ready_write(void *cookie, uint32_t value)
{
    struct vmmp_virtio_device *device = cookie;
    struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    if (value == 1) {
        vmmp_virtio_queue_enable(device, device->queue_select);
    } else if (value == 0 && queue) {
        struct vmmp_virtqueue_config kept = queue->registers;
        vmmp_virtio_queue_reset(device, device->queue_select);
        queue->registers = kept;
    }
}

static uint32_t interrupt_status_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->isr;
}

static void interrupt_ack_write(void *device, uint32_t value)
{
    vmmp_virtio_isr_clear(device, (uint8_t)value);
}

static void ignore_write(void *device, uint32_t value)
{
    (void)device;
    (void)value;
}

static const struct virtio_register registers[] = {
    { VIRTIO_MMIO_MAGIC, 4, VIRTIO_RO, VIRTIO_MMIO_MAGIC_VALUE, NULL, NULL },
    { VIRTIO_MMIO_VERSION, 4, VIRTIO_RO, VIRTIO_MMIO_VERSION_VALUE, NULL, NULL },
    { VIRTIO_MMIO_DEVICE_ID, 4, VIRTIO_RO, 0, device_id_read, NULL },
    { VIRTIO_MMIO_VENDOR_ID, 4, VIRTIO_RO, 0, vendor_id_read, NULL },
    { VIRTIO_MMIO_DEVICE_FEATURES, 4, VIRTIO_RO, 0, vmmp_vreg_device_feature_read, NULL },
    { VIRTIO_MMIO_DEVICE_FEATURES_SEL, 4, VIRTIO_RW, 0, vmmp_vreg_device_feature_select_read,
      vmmp_vreg_device_feature_select_write },
    { VIRTIO_MMIO_DRIVER_FEATURES, 4, VIRTIO_RW, 0, vmmp_vreg_driver_feature_read,
      vmmp_vreg_driver_feature_write },
    { VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, VIRTIO_RW, 0, vmmp_vreg_driver_feature_select_read,
      vmmp_vreg_driver_feature_select_write },
    { VIRTIO_MMIO_QUEUE_SEL, 4, VIRTIO_RW, 0, vmmp_vreg_queue_select_read,
      vmmp_vreg_queue_select_write },
    { VIRTIO_MMIO_QUEUE_NUM_MAX, 4, VIRTIO_RO, 0, vmmp_vreg_queue_max_size_read, NULL },
    { VIRTIO_MMIO_QUEUE_NUM, 4, VIRTIO_RW, 0, vmmp_vreg_queue_size_read,
      vmmp_vreg_queue_size_write },
    { VIRTIO_MMIO_QUEUE_READY, 4, VIRTIO_WHOLE, 0, vmmp_vreg_queue_enabled_read,
      queue_ready_write },
    { VIRTIO_MMIO_QUEUE_NOTIFY, 4, VIRTIO_WHOLE, 0, NULL, vmmp_vreg_notify_write },
    { VIRTIO_MMIO_INTERRUPT_STATUS, 4, VIRTIO_RO, 0, interrupt_status_read, NULL },
    { VIRTIO_MMIO_INTERRUPT_ACK, 4, VIRTIO_WHOLE, 0, NULL, interrupt_ack_write },
    { VIRTIO_MMIO_STATUS, 4, VIRTIO_WHOLE, 0, vmmp_vreg_status_read, vmmp_vreg_status_write },
    { VIRTIO_MMIO_QUEUE_DESC_LOW, 4, VIRTIO_RW, 0, vmmp_vreg_queue_desc_lo_read,
      vmmp_vreg_queue_desc_lo_write },
    { VIRTIO_MMIO_QUEUE_DESC_HIGH, 4, VIRTIO_RW, 0, vmmp_vreg_queue_desc_hi_read,
      vmmp_vreg_queue_desc_hi_write },
    { VIRTIO_MMIO_QUEUE_DRIVER_LOW, 4, VIRTIO_RW, 0, vmmp_vreg_queue_driver_lo_read,
      vmmp_vreg_queue_driver_lo_write },
    { VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 4, VIRTIO_RW, 0, vmmp_vreg_queue_driver_hi_read,
      vmmp_vreg_queue_driver_hi_write },
    { VIRTIO_MMIO_QUEUE_DEVICE_LOW, 4, VIRTIO_RW, 0, vmmp_vreg_queue_device_lo_read,
      vmmp_vreg_queue_device_lo_write },
    { VIRTIO_MMIO_QUEUE_DEVICE_HIGH, 4, VIRTIO_RW, 0, vmmp_vreg_queue_device_hi_read,
      vmmp_vreg_queue_device_hi_write },
    { VIRTIO_MMIO_SHM_SEL, 4, VIRTIO_WHOLE, 0, NULL, ignore_write },
    /* No region: length and base are -1, whichever is selected. */
    { VIRTIO_MMIO_SHM_LEN_LOW, 4, VIRTIO_RO, UINT32_MAX, NULL, NULL },
    { VIRTIO_MMIO_SHM_LEN_HIGH, 4, VIRTIO_RO, UINT32_MAX, NULL, NULL },
    { VIRTIO_MMIO_SHM_BASE_LOW, 4, VIRTIO_RO, UINT32_MAX, NULL, NULL },
    { VIRTIO_MMIO_SHM_BASE_HIGH, 4, VIRTIO_RO, UINT32_MAX, NULL, NULL },
    /* A reset is done when the write returns, so it always reads 0 (2.6.1.1). */
    { VIRTIO_MMIO_QUEUE_RESET, 4, VIRTIO_WHOLE, 0, NULL, vmmp_vreg_queue_reset_write },
    { VIRTIO_MMIO_CONFIG_GENERATION, 4, VIRTIO_RO, 0, vmmp_vreg_generation_read, NULL },
};

static const struct vmmp_vreg_file file = { registers, sizeof(registers) / sizeof(registers[0]) };

static uint64_t window_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_virtio_mmio *mmio = cookie;
    return vmmp_vreg_file_read(&file, mmio->device, VIRTIO_MMIO_CONFIG, (uint32_t)offset, size);
}

static void window_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    const struct vmmp_virtio_mmio *mmio = cookie;
    vmmp_vreg_file_write(&file, mmio->device, VIRTIO_MMIO_CONFIG, (uint32_t)offset, size, value);
}

static const struct vmmp_window_ops window_ops = { window_read, window_write };

/* ---- Interrupts ---- */

static void interrupt(void *transport, int queue)
{
    struct vmmp_virtio_mmio *mmio = transport;
    (void)queue;
    if (mmio->edge) {
        vmmp_irq_line_pulse(mmio->irq.line);
    } else {
        vmmp_irq_source_set(&mmio->irq, true);
    }
}

static void interrupt_clear(void *transport)
{
    struct vmmp_virtio_mmio *mmio = transport;
    vmmp_irq_source_set(&mmio->irq, false);
}

/* A window that no VM has is a test's, and nobody else's writes can be taken. */
static void queue_changed(void *transport, unsigned queue)
{
    struct vmmp_virtio_mmio *mmio = transport;
    struct virtio_doorbell_place place = {
        .address = mmio->window.base + VIRTIO_MMIO_QUEUE_NOTIFY,
        .size = 4,
        .match = true,
    };
    bool there = mmio->window.vm && mmio->device->queues[queue].vq.enabled;
    vmmp_virtio_doorbell_set(mmio->device, queue, &mmio->doorbells, there ? &place : NULL);
}

static const struct vmmp_virtio_transport_ops transport_ops = {
    .interrupt = interrupt,
    .interrupt_clear = interrupt_clear,
    .queue_changed = queue_changed,
};

/* ---- Setting up ---- */

int vmmp_virtio_mmio_init(struct vmmp_virtio_mmio *mmio, struct vmmp_virtio_device *device,
                          struct vmmp_irq_line *line,
                          const struct vmmp_virtio_mmio_options *options)
{
    static const struct vmmp_virtio_mmio_options defaults;

    memset(mmio, 0, sizeof(*mmio));
    if (!device || !device->ops ||
        device->ops->config_size > VMMP_VIRTIO_MMIO_SIZE - VIRTIO_MMIO_CONFIG) {
        return -EINVAL;
    }
    options = options ? options : &defaults;
    mmio->window = (struct vmmp_window){
        .name = device->ops->name,
        .ops = &window_ops,
        .device = mmio,
        .size = VMMP_VIRTIO_MMIO_SIZE,
        .context = &device->context,
    };
    mmio->edge = options->edge;
    if (options->doorbells) {
        mmio->doorbells = *options->doorbells;
    }
    mmio->vendor = options->vendor ? options->vendor : VIRTIO_MMIO_VENDOR_VALUE;
    int result = vmmp_irq_source_init(&mmio->irq, line);
    if (result == 0) {
        mmio->device = device;
        vmmp_virtio_set_transport(device, &transport_ops, mmio);
    }
    return result;
}

void vmmp_virtio_mmio_fini(struct vmmp_virtio_mmio *mmio)
{
    if (mmio->device && mmio->device->transport == mmio) {
        vmmp_context_enter(&mmio->device->context);
        for (unsigned i = 0; i < mmio->device->queue_count; i++) {
            vmmp_virtio_doorbell_set(mmio->device, i, &mmio->doorbells, NULL);
        }
        vmmp_virtio_set_transport(mmio->device, NULL, NULL);
        vmmp_context_leave(&mmio->device->context);
    }
    vmmp_irq_source_fini(&mmio->irq);
    mmio->device = NULL;
}

int vmmp_virtio_mmio_command_line(char *text, size_t size, uint64_t base, uint32_t irq)
{
    char line[VMMP_VIRTIO_MMIO_COMMAND_LINE];
    int length = snprintf(line, sizeof(line), "virtio_mmio.device=0x%x@0x%llx:%u",
                          VMMP_VIRTIO_MMIO_SIZE, (unsigned long long)base, irq);
    if (length < 0 || (size_t)length >= sizeof(line) || (size_t)length >= size) {
        return -ENOSPC;
    }
    memcpy(text, line, (size_t)length + 1);
    return length;
}
