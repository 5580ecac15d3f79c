/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of the guest's second virtio console, each an option --console beside the first: generic
 * ones, /dev/vportNpM, or consoles, /dev/hvcN. All of them are one device.
 */
#pragma once

#include "device.h"

extern const struct device_kind device_port;
