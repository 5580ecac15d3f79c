/* SPDX-License-Identifier: BSD-2-Clause */
/* What the decoders of loads and stores share. */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/arm_load_store.h>

static inline unsigned vmmp_bits(uint32_t value, unsigned low, unsigned count)
{
    return value >> low & ((UINT32_C(1) << count) - 1);
}

static inline int32_t vmmp_sign_extend(uint32_t value, unsigned bits)
{
    return (int32_t)(value << (32 - bits)) >> (32 - bits);
}

static inline void vmmp_add_transfer(struct vmmp_arm_load_store *ls,
                                     const struct vmmp_arm_transfer *transfer)
{
    if (ls->count < VMMP_ARM_TRANSFERS) {
        ls->transfers[ls->count++] = *transfer;
    }
}
