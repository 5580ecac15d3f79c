/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on x86 adds nothing to guest memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>
