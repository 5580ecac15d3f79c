/* SPDX-License-Identifier: BSD-2-Clause */
/* Where older clients look for forwarding devices. */
#pragma once

#include <sel4vmmplatsupport/arch/generic_forward_device.h>
