/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/trng.h"

#include <string.h>

/* Function identifiers (DEN0098 2.1 to 2.5). */
#define SMC64         UINT32_C(0x40000000)
#define TRNG_VERSION  UINT32_C(0x84000050)
#define TRNG_FEATURES UINT32_C(0x84000051)
#define TRNG_GET_UUID UINT32_C(0x84000052)
#define TRNG_RND      UINT32_C(0x84000053)
#define TRNG_LAST     UINT32_C(0x8400005f)

#define VERSION_1_0        UINT64_C(0x10000)
#define SUCCESS            UINT64_C(0)
#define NOT_SUPPORTED      ((uint64_t)-1)
#define INVALID_PARAMETERS ((uint64_t)-2)
#define NO_ENTROPY         ((uint64_t)-3)

/* Results are in three registers, the lowest bits in the last (2.5). */
#define RESULTS 3

/* This implementation's name, made at random: 7b1f5b0e-23c1-4f5a-8d0b-6a3f0c94e7d2. */
static const uint32_t uuid[4] = { 0x0e5b1f7b, 0x5a4fc123, 0x3f6a0b8d, 0xd2e7940c };

bool vmmp_trng_owns(uint32_t function)
{
    return (function & ~SMC64) >= TRNG_VERSION && (function & ~SMC64) <= TRNG_LAST;
}

static uint64_t features(uint32_t function)
{
    bool there = function == TRNG_VERSION || function == TRNG_FEATURES ||
                 function == TRNG_GET_UUID || (function & ~SMC64) == TRNG_RND;
    return there ? SUCCESS : NOT_SUPPORTED;
}

/* A source that has few bytes at a time fills the pool over several calls. */
static bool fill_pool(struct vmmp_smccc *smccc, unsigned bytes)
{
    if (smccc->pooled < bytes) {
        size_t room = sizeof(smccc->pool) - smccc->pooled;
        size_t got = smccc->entropy.fill(smccc->entropy.cookie, smccc->pool + smccc->pooled, room);
        smccc->pooled += (unsigned)(got < room ? got : room);
    }
    return smccc->pooled >= bytes;
}

/* `bits` of the pool to the three registers, of `width` bytes each, and then gone from it. */
static void take(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call, unsigned bits,
                 unsigned width)
{
    unsigned bytes = (bits + 7) / 8;

    for (unsigned i = 0; i < RESULTS; i++) {
        call->x[RESULTS - i] = 0;
    }
    for (unsigned i = 0; i < bytes; i++) {
        uint64_t byte = smccc->pool[smccc->pooled - bytes + i];
        if (i == bytes - 1 && bits % 8) {
            byte &= (1u << bits % 8) - 1;
        }
        call->x[RESULTS - i / width] |= byte << i % width * 8;
    }
    smccc->pooled -= bytes;
    memset(smccc->pool + smccc->pooled, 0, bytes);
    smccc->random += bytes;
}

static void rnd(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    unsigned width = call->x[0] & SMC64 ? 8 : 4;
    uint64_t bits = width == 8 ? call->x[1] : (uint32_t)call->x[1];

    if (bits == 0 || bits > UINT64_C(8) * RESULTS * width) {
        call->x[0] = INVALID_PARAMETERS;
    } else if (!fill_pool(smccc, (unsigned)(bits + 7) / 8)) {
        call->x[0] = NO_ENTROPY;
        for (unsigned i = 1; i <= RESULTS; i++) {
            call->x[i] = 0;
        }
    } else {
        take(smccc, call, (unsigned)bits, width);
        call->x[0] = SUCCESS;
    }
}

void vmmp_trng_call(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    uint32_t function = (uint32_t)call->x[0];

    if (!smccc->entropy.fill || features(function) == NOT_SUPPORTED) {
        call->x[0] = NOT_SUPPORTED;
    } else if (function == TRNG_VERSION) {
        call->x[0] = VERSION_1_0;
    } else if (function == TRNG_FEATURES) {
        call->x[0] = features((uint32_t)call->x[1]);
    } else if (function == TRNG_GET_UUID) {
        for (unsigned i = 0; i < 4; i++) {
            call->x[i] = uuid[i];
        }
    } else {
        rnd(smccc, call);
    }
}
