/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "device.h"

extern const struct device_kind device_vsock;
