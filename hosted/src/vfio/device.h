/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that the kernel's VFIO has opened for this program. */
#pragma once

#include "vfio/vfio_internal.h"

struct vfio_device {
    int fd; /**< -1: closed; everything fails then. */
    bool can_reset;
    uint64_t offsets[VFIO_CONFIG_REGION + 1]; /**< Where each region is behind `fd`. */
    uint64_t sizes[VFIO_CONFIG_REGION + 1];
};

/** The cookie is the struct vfio_device. */
extern const struct vfio_physical_ops vfio_device_ops;

/** `fd` is the device's from now on. 0 or -errno; vfio_device_close() in any case. */
int vfio_device_init(struct vfio_device *device, int fd);
void vfio_device_close(struct vfio_device *device);
/** The eventfd is signalled when the host wants the device back or the device is beyond repair. */
int vfio_device_events(const struct vfio_device *device, int fd);
