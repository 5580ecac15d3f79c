/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types for what is read from or written to guest memory.
 *
 * A guest-physical address and a little- or big-endian field each have a one-member structure, so
 * that using one as a host pointer or a host integer by accident does not compile. The functions
 * below are the only conversions.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A guest-physical address; 64 bits on every host, whatever the size of a host word. */
typedef struct {
    uint64_t gpa;
} vmmp_gpa_t;

/** Fields of guest structures, in the byte order of their specification. */
typedef struct {
    uint16_t le;
} vmmp_le16_t;
typedef struct {
    uint32_t le;
} vmmp_le32_t;
typedef struct {
    uint64_t le;
} vmmp_le64_t;
typedef struct {
    uint32_t be;
} vmmp_be32_t;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VMMP_LE_SWAP(bits, x) (x)
#define VMMP_BE_SWAP(bits, x) __builtin_bswap##bits(x)
#else
#define VMMP_LE_SWAP(bits, x) __builtin_bswap##bits(x)
#define VMMP_BE_SWAP(bits, x) (x)
#endif

static inline vmmp_gpa_t vmmp_gpa(uint64_t address)
{
    vmmp_gpa_t gpa = { address };
    return gpa;
}

static inline uint16_t vmmp_le16_get(vmmp_le16_t field)
{
    return VMMP_LE_SWAP(16, field.le);
}

static inline uint32_t vmmp_le32_get(vmmp_le32_t field)
{
    return VMMP_LE_SWAP(32, field.le);
}

static inline uint64_t vmmp_le64_get(vmmp_le64_t field)
{
    return VMMP_LE_SWAP(64, field.le);
}

static inline uint32_t vmmp_be32_get(vmmp_be32_t field)
{
    return VMMP_BE_SWAP(32, field.be);
}

static inline vmmp_le16_t vmmp_le16(uint16_t value)
{
    vmmp_le16_t field = { VMMP_LE_SWAP(16, value) };
    return field;
}

static inline vmmp_le32_t vmmp_le32(uint32_t value)
{
    vmmp_le32_t field = { VMMP_LE_SWAP(32, value) };
    return field;
}

static inline vmmp_le64_t vmmp_le64(uint64_t value)
{
    vmmp_le64_t field = { VMMP_LE_SWAP(64, value) };
    return field;
}

static inline vmmp_be32_t vmmp_be32(uint32_t value)
{
    vmmp_be32_t field = { VMMP_BE_SWAP(32, value) };
    return field;
}

#ifdef __cplusplus
}
#endif
