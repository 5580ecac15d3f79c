/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter Interrupt Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_ictlr.h>

#include <string.h>

#include "bus/words.h"

/* Of a bank: the registers below FIR show what is pending. */
#define FIR           0x14
#define CPU_IEP_CLASS 0x2c
#define COP_IEP_CLASS 0x3c

static const struct word_bits bits[] = {
    { FIR, 0x18, 0x1c },  /* Forced */
    { 0x20, 0x24, 0x28 }, /* CPU_IER */
    { 0x30, 0x34, 0x38 }, /* COP_IER */
};

static const struct word_bits *bits_at(uint32_t reg)
{
    return word_bits_at(bits, sizeof(bits) / sizeof(bits[0]), reg);
}

static uint32_t *word(struct vmmp_tegra_ictlr *ictlr, uint32_t offset)
{
    return &ictlr->words[offset / 4];
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    uint32_t reg = offset % VMMP_TEGRA_ICTLR_BANK_SIZE;
    const struct word_bits *row = bits_at(reg);
    (void)lanes;
    return *word(device, row ? offset - reg + row->state : offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    uint32_t reg = offset % VMMP_TEGRA_ICTLR_BANK_SIZE;
    const struct word_bits *row = bits_at(reg);
    uint32_t *state = word(device, row ? offset - reg + row->state : offset);
    if (row) {
        *state = word_bits_merge(row, reg, *state, value, lanes);
    } else if (reg == CPU_IEP_CLASS || reg == COP_IEP_CLASS) {
        *state = words_merge(*state, value, lanes, UINT32_MAX);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

int vmmp_tegra_ictlr_init(struct vmmp_tegra_ictlr *ictlr, const struct vmmp_host *host)
{
    static const struct vmmp_host no_host;

    memset(ictlr, 0, sizeof(*ictlr));
    ictlr->host = host ? *host : no_host;
    ictlr->window = (struct vmmp_window){
        .name = "tegra-ictlr",
        .words = &word_ops,
        .device = ictlr,
        .size = VMMP_TEGRA_ICTLR_WINDOW_SIZE,
        .context = &ictlr->context,
    };
    return vmmp_host_context_init(&ictlr->host, &ictlr->context);
}

void vmmp_tegra_ictlr_fini(struct vmmp_tegra_ictlr *ictlr)
{
    vmmp_host_context_fini(&ictlr->host, &ictlr->context);
}
