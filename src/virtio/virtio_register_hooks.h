/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks for register tables that several transports share. The cookie is the device, which is also
 * where a driver's selections are kept; a transport's own hooks find themselves in its `transport`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/virtio.h>

#include "virtio/virtio_register.h"

/*
 * Registers with device configuration behind them, from `config` on: the legacy PCI face and MMIO.
 * An access may straddle the border.
 */
struct vmmp_vreg_file {
    const struct virtio_register *rows;
    size_t count;
};

uint64_t vmmp_vreg_file_read(const struct vmmp_vreg_file *file, struct vmmp_virtio_device *device,
                             uint32_t config, uint32_t offset, unsigned size);
void vmmp_vreg_file_write(const struct vmmp_vreg_file *file, struct vmmp_virtio_device *device,
                          uint32_t config, uint32_t offset, unsigned size, uint64_t value);

/* The queue that is selected, or NULL. */
struct vmmp_virtio_queue *vmmp_vreg_selected(struct vmmp_virtio_device *device);

uint32_t vmmp_vreg_device_feature_select_read(void *device);
void vmmp_vreg_device_feature_select_write(void *device, uint32_t value);
uint32_t vmmp_vreg_device_feature_read(void *device);
uint32_t vmmp_vreg_driver_feature_select_read(void *device);
void vmmp_vreg_driver_feature_select_write(void *device, uint32_t value);
uint32_t vmmp_vreg_driver_feature_read(void *device);
void vmmp_vreg_driver_feature_write(void *device, uint32_t value);

uint32_t vmmp_vreg_status_read(void *device);
void vmmp_vreg_status_write(void *device, uint32_t value); /* Not the legacy face's. */
uint32_t vmmp_vreg_generation_read(void *device);
uint32_t vmmp_vreg_isr_take(void *device); /* Read to clear. */

uint32_t vmmp_vreg_queue_select_read(void *device);
void vmmp_vreg_queue_select_write(void *device, uint32_t value);
uint32_t vmmp_vreg_queue_max_size_read(void *device);
uint32_t vmmp_vreg_queue_size_read(void *device);
void vmmp_vreg_queue_size_write(void *device, uint32_t value);
uint32_t vmmp_vreg_queue_enabled_read(void *device);
void vmmp_vreg_queue_reset_write(void *device, uint32_t value);
void vmmp_vreg_notify_write(void *device, uint32_t value); /* The value is the queue. */

/* The three areas of a queue, each a register for the low and one for the high 32 bits. */
#define VMMP_VREG_ADDRESS(area)                                           \
    uint32_t vmmp_vreg_queue_##area##_lo_read(void *device);              \
    uint32_t vmmp_vreg_queue_##area##_hi_read(void *device);              \
    void vmmp_vreg_queue_##area##_lo_write(void *device, uint32_t value); \
    void vmmp_vreg_queue_##area##_hi_write(void *device, uint32_t value);

/* clang-format off */
VMMP_VREG_ADDRESS(desc)
VMMP_VREG_ADDRESS(driver)
VMMP_VREG_ADDRESS(device)
/* clang-format on */

#undef VMMP_VREG_ADDRESS
