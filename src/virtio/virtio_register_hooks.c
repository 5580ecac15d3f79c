/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/virtio_register_hooks.h"

#include "virtio/virtio_spec.h"

/* How many of the access's bytes are registers. */
static unsigned register_bytes(uint32_t config, uint32_t offset, unsigned size)
{
    if (offset >= config) {
        return 0;
    }
    return size < config - offset ? size : config - offset;
}

uint64_t vmmp_vreg_file_read(const struct vmmp_vreg_file *file, struct vmmp_virtio_device *device,
                             uint32_t config, uint32_t offset, unsigned size)
{
    unsigned first = register_bytes(config, offset, size);
    uint64_t value = 0;
    if (first > 0) {
        value = vmmp_virtio_registers_read(file->rows, file->count, device, offset, first);
        value &= UINT64_MAX >> (64 - 8 * first);
    }
    if (first < size) {
        value |= vmmp_virtio_config_read(device, offset + first - config, size - first)
                 << (8 * first);
    }
    return value;
}

void vmmp_vreg_file_write(const struct vmmp_vreg_file *file, struct vmmp_virtio_device *device,
                          uint32_t config, uint32_t offset, unsigned size, uint64_t value)
{
    unsigned first = register_bytes(config, offset, size);
    if (first > 0) {
        vmmp_virtio_registers_write(file->rows, file->count, device, offset, first, value);
    }
    if (first < size) {
        vmmp_virtio_config_write(device, offset + first - config, size - first,
                                 value >> (8 * first));
    }
}

struct vmmp_virtio_queue *vmmp_vreg_selected(struct vmmp_virtio_device *device)
{
    return vmmp_virtio_queue(device, device->queue_select);
}

/* The registers of the queue that is selected, if the driver may write them now. */
static struct vmmp_virtqueue_config *writable(struct vmmp_virtio_device *device)
{
    if (!vmmp_virtio_queue_writable(device, device->queue_select)) {
        vmmp_virtio_misuse(device, "write to a register of a queue in use or absent",
                           device->queue_select);
        return NULL;
    }
    return &vmmp_vreg_selected(device)->registers;
}

/* ---- Features ---- */

uint32_t vmmp_vreg_device_feature_select_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->device_feature_select;
}

void vmmp_vreg_device_feature_select_write(void *device, uint32_t value)
{
    ((struct vmmp_virtio_device *)device)->device_feature_select = value;
}

uint32_t vmmp_vreg_device_feature_read(void *device)
{
    uint32_t word = vmmp_vreg_device_feature_select_read(device);
    return word < 2 ? (uint32_t)(vmmp_virtio_offered(device, false) >> (32 * word)) : 0;
}

uint32_t vmmp_vreg_driver_feature_select_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->driver_feature_select;
}

void vmmp_vreg_driver_feature_select_write(void *device, uint32_t value)
{
    ((struct vmmp_virtio_device *)device)->driver_feature_select = value;
}

uint32_t vmmp_vreg_driver_feature_read(void *cookie)
{
    const struct vmmp_virtio_device *device = cookie;
    uint32_t word = device->driver_feature_select;
    return word < 2 ? (uint32_t)(device->driver_features >> (32 * word)) : 0;
}

void vmmp_vreg_driver_feature_write(void *device, uint32_t value)
{
    vmmp_virtio_set_driver_features(device, vmmp_vreg_driver_feature_select_read(device), value);
}

/* ---- The device ---- */

uint32_t vmmp_vreg_status_read(void *device)
{
    return vmmp_virtio_status(device);
}

void vmmp_vreg_status_write(void *device, uint32_t value)
{
    /* Where the register has 32 bits: only a 0 in all of them is a reset. */
    if (value > UINT8_MAX) {
        vmmp_virtio_misuse(device, "status of more than 8 bits", value);
        return;
    }
    vmmp_virtio_set_status(device, (uint8_t)value, false);
}

uint32_t vmmp_vreg_generation_read(void *device)
{
    return vmmp_virtio_config_generation(device);
}

uint32_t vmmp_vreg_isr_take(void *device)
{
    return vmmp_virtio_isr_take(device);
}

/* ---- The selected queue ---- */

uint32_t vmmp_vreg_queue_select_read(void *device)
{
    return ((struct vmmp_virtio_device *)device)->queue_select;
}

void vmmp_vreg_queue_select_write(void *device, uint32_t value)
{
    ((struct vmmp_virtio_device *)device)->queue_select = value;
}

uint32_t vmmp_vreg_queue_max_size_read(void *device)
{
    const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    return queue ? queue->max_size : 0;
}

uint32_t vmmp_vreg_queue_size_read(void *device)
{
    const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    return queue ? queue->registers.size : 0;
}

void vmmp_vreg_queue_size_write(void *device, uint32_t value)
{
    struct vmmp_virtqueue_config *registers = writable(device);
    if (registers) {
        registers->size = value;
    }
}

uint32_t vmmp_vreg_queue_enabled_read(void *device)
{
    const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device);
    return queue && queue->vq.enabled;
}

void vmmp_vreg_queue_reset_write(void *device, uint32_t value)
{
    if (value == 1 && vmmp_virtio_has_feature(device, VIRTIO_F_RING_RESET)) {
        vmmp_virtio_queue_reset(device, vmmp_vreg_queue_select_read(device));
    }
}

void vmmp_vreg_notify_write(void *device, uint32_t value)
{
    vmmp_virtio_kick(device, value);
}

static uint64_t with_low(uint64_t address, uint32_t value)
{
    return (address & ~(uint64_t)UINT32_MAX) | value;
}

static uint64_t with_high(uint64_t address, uint32_t value)
{
    return (address & UINT32_MAX) | (uint64_t)value << 32;
}

/* Two registers of four bytes each: drivers write 64-bit fields so (4.1.3.1, 4.2.2). */
#define ADDRESS(area)                                                       \
    uint32_t vmmp_vreg_queue_##area##_lo_read(void *device)                 \
    {                                                                       \
        const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device); \
        return queue ? (uint32_t)queue->registers.area.gpa : 0;             \
    }                                                                       \
    uint32_t vmmp_vreg_queue_##area##_hi_read(void *device)                 \
    {                                                                       \
        const struct vmmp_virtio_queue *queue = vmmp_vreg_selected(device); \
        return queue ? (uint32_t)(queue->registers.area.gpa >> 32) : 0;     \
    }                                                                       \
    void vmmp_vreg_queue_##area##_lo_write(void *device, uint32_t value)    \
    {                                                                       \
        struct vmmp_virtqueue_config *registers = writable(device);         \
        if (registers) {                                                    \
            registers->area.gpa = with_low(registers->area.gpa, value);     \
        }                                                                   \
    }                                                                       \
    void vmmp_vreg_queue_##area##_hi_write(void *device, uint32_t value)    \
    {                                                                       \
        struct vmmp_virtqueue_config *registers = writable(device);         \
        if (registers) {                                                    \
            registers->area.gpa = with_high(registers->area.gpa, value);    \
        }                                                                   \
    }

/* clang-format off */
ADDRESS(desc)
ADDRESS(driver)
ADDRESS(device)
/* clang-format on */
