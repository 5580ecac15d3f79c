/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter Clock Management Unit. */
#include <sel4vmmplatsupport/vmmp/exynos_cmu.h>

#include <stdbool.h>
#include <string.h>

#include "bus/words.h"

/* CON0 of a PLL: its output is crystal * M / (P * 2^S). */
#define PLL_ENABLE  (1u << 31)
#define PLL_LOCKED  (1u << 29)
#define PLL_M_SHIFT 16
#define PLL_M_BITS  0x3ffu
#define PLL_P_SHIFT 8
#define PLL_P_BITS  0x3fu
#define PLL_S_BITS  0x7u

struct pll {
    const char *name;
    uint32_t con0;
    uint16_t m;
    uint8_t p;
    uint8_t s;
};

/* At rest: what firmware leaves on an ODROID-XU4, in MHz behind. */
static const struct pll plls[] = {
    { "apll", 0x00100, 200, 3, 1 }, /* 800 */
    { "cpll", 0x10120, 222, 4, 1 }, /* 666 */
    { "dpll", 0x10128, 200, 4, 1 }, /* 600 */
    { "epll", 0x10130, 200, 3, 2 }, /* 400 */
    { "rpll", 0x10140, 133, 3, 2 }, /* 266 */
    { "ipll", 0x10150, 432, 6, 2 }, /* 432 */
    { "spll", 0x10160, 200, 3, 2 }, /* 400 */
    { "vpll", 0x10170, 350, 6, 2 }, /* 350 */
    { "mpll", 0x10180, 266, 3, 2 }, /* 532 */
    { "bpll", 0x20110, 275, 4, 1 }, /* 825 */
    { "kpll", 0x28100, 200, 4, 1 }, /* 600 */
};

/*
 * Multiplexers of the two CPU clusters, whose state drivers wait for: SEL fields in SRC, a bit for
 * the input that is in use in STAT.
 */
struct mux {
    uint32_t src;
    uint32_t stat;
};

static const struct mux muxes[] = {
    { 0x00200, 0x00400 }, /* CPU */
    { 0x28200, 0x28400 }, /* KFC */
};

static uint32_t *word(struct vmmp_exynos_cmu *cmu, uint32_t offset)
{
    return &cmu->words[offset / 4];
}

static const struct pll *pll_at(uint32_t offset)
{
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        if (plls[i].con0 == offset) {
            return &plls[i];
        }
    }
    return NULL;
}

static const struct mux *stat_at(uint32_t offset)
{
    for (size_t i = 0; i < sizeof(muxes) / sizeof(muxes[0]); i++) {
        if (muxes[i].stat == offset) {
            return &muxes[i];
        }
    }
    return NULL;
}

static uint32_t mux_states(uint32_t selections)
{
    uint32_t states = 0;
    for (unsigned field = 0; field < 32; field += 4) {
        states |= 1u << (selections >> field & 1) << field;
    }
    return states;
}

/* DIV_STAT is 0, as nothing ever changes: it is not stored. */
static bool is_div_stat(uint32_t offset)
{
    uint32_t reg = offset & 0x3fff;
    return reg >= 0x600 && reg < 0x700;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_cmu *cmu = device;
    const struct mux *mux = stat_at(offset);
    (void)lanes;
    return mux ? mux_states(*word(cmu, mux->src)) : *word(cmu, offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    uint32_t *stored = word(device, offset);

    if (stat_at(offset) || is_div_stat(offset)) {
        return;
    }
    *stored = words_merge(*stored, value, lanes, UINT32_MAX);
    if (pll_at(offset)) {
        *stored &= ~PLL_LOCKED;
        *stored |= *stored & PLL_ENABLE ? PLL_LOCKED : 0;
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

uint64_t vmmp_exynos_cmu_pll_rate(const struct vmmp_exynos_cmu *cmu, const char *name)
{
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        uint32_t con0 = cmu->words[plls[i].con0 / 4];
        uint32_t p = con0 >> PLL_P_SHIFT & PLL_P_BITS;
        uint64_t m = con0 >> PLL_M_SHIFT & PLL_M_BITS;
        if (strcmp(plls[i].name, name) == 0) {
            return con0 & PLL_ENABLE && p > 0
                       ? (VMMP_EXYNOS_CMU_CRYSTAL * m / p) >> (con0 & PLL_S_BITS)
                       : 0;
        }
    }
    return 0;
}

static void reset(struct vmmp_exynos_cmu *cmu)
{
    memset(cmu->words, 0, sizeof(cmu->words));
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        const struct pll *pll = &plls[i];
        *word(cmu, pll->con0) = PLL_ENABLE | PLL_LOCKED | (uint32_t)pll->m << PLL_M_SHIFT |
                                (uint32_t)pll->p << PLL_P_SHIFT | pll->s;
    }
}

int vmmp_exynos_cmu_init(struct vmmp_exynos_cmu *cmu, const struct vmmp_host *host)
{
    static const struct vmmp_host no_host;

    cmu->host = host ? *host : no_host;
    cmu->window = (struct vmmp_window){
        .name = "exynos-cmu",
        .words = &word_ops,
        .device = cmu,
        .size = VMMP_EXYNOS_CMU_WINDOW_SIZE,
        .context = &cmu->context,
    };
    reset(cmu);
    return vmmp_host_context_init(&cmu->host, &cmu->context);
}

void vmmp_exynos_cmu_fini(struct vmmp_exynos_cmu *cmu)
{
    vmmp_host_context_fini(&cmu->host, &cmu->context);
}

void vmmp_exynos_cmu_reset(struct vmmp_exynos_cmu *cmu)
{
    vmmp_context_enter(&cmu->context);
    reset(cmu);
    vmmp_context_leave(&cmu->context);
}
