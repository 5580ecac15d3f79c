/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on ARM: guest-physical to host-physical addresses. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <hosted/handles.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A program on Linux has no physical addresses: `ipa_base` itself if the range is mapped memory,
 * else 0.
 */
uintptr_t vm_arm_ipa_to_pa(vm_t *vm, uintptr_t ipa_base, size_t size);

#ifdef __cplusplus
}
#endif
