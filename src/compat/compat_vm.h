/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4vmmplatsupport/vmmp/compat.h>

/** Where messages go that belong to no VM: standard error, from level WARNING on. */
extern const struct vmmp_log vmmp_compat_default_log;
