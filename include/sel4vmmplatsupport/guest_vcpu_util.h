/* SPDX-License-Identifier: BSD-2-Clause */
/* vCPUs and their device tree nodes: ARM only. */
#pragma once

#include <sel4vmmplatsupport/arch/guest_vcpu_util.h>
