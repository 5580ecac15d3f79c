/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter Mobile Storage Host; names are the manual's. */
#include <sel4vmmplatsupport/vmmp/exynos_sdhc.h>

#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define CTRL    0x00
#define TMOUT   0x14
#define BLKSIZ  0x1c
#define BYTCNT  0x20
#define INTMASK 0x24
#define CMD     0x2c
#define RESP0   0x30 /* Four of them. */
#define MINTSTS 0x40
#define RINTSTS 0x44
#define STATUS  0x48
#define FIFOTH  0x4c
#define CDETECT 0x50
#define WRTPRT  0x54
#define TCBCNT  0x5c
#define TBBCNT  0x60
#define DEBNCE  0x64
#define VERID   0x6c
#define HCON    0x70
#define RST_N   0x78
#define LAST    0xfc
#define DATA    0x200 /* The FIFO, to the window's end. */

#define CTRL_RESETS     0x7u /* Of controller, FIFO and DMA: done at once. */
#define CTRL_INT_ENABLE (1u << 4)

#define CMD_START        (1u << 31)
#define CMD_UPDATE_CLOCK (1u << 21) /* Not a command to a card. */
#define CMD_RESPONSE     (1u << 6)

#define INT_COMMAND_DONE     (1u << 2)
#define INT_RESPONSE_TIMEOUT (1u << 8)

#define STATUS_EMPTY 0x106u /* DAT3 is high; the FIFO is empty and below its watermark. */
#define CDETECT_NONE 0x1u   /* Low active: no card. */
#define HCON_NO_DMA  (3u << 16)
#define HCON_DATA_32 (1u << 7)
#define VERID_250A   0x5342250au
#define FIFOTH_RESET 0x003f0000u /* 64 words. */
#define TMOUT_RESET  0xffffff40u
#define BLOCK_RESET  0x200u
#define DEBNCE_RESET 0xffffffu

static uint32_t *word(struct vmmp_exynos_sdhc *sdhc, uint32_t offset)
{
    return &sdhc->words[offset / 4];
}

static void update_irq(struct vmmp_exynos_sdhc *sdhc)
{
    bool high =
        (*word(sdhc, CTRL) & CTRL_INT_ENABLE) && (*word(sdhc, RINTSTS) & *word(sdhc, INTMASK));
    if (high != sdhc->irq_high) {
        sdhc->irq_high = high;
        vmmp_irq_source_set(&sdhc->irq, high);
    }
}

static void command(struct vmmp_exynos_sdhc *sdhc, uint32_t value)
{
    *word(sdhc, CMD) = value & ~CMD_START;
    if (!(value & CMD_START) || (value & CMD_UPDATE_CLOCK)) {
        return;
    }
    *word(sdhc, RINTSTS) |= INT_COMMAND_DONE;
    *word(sdhc, RINTSTS) |= value & CMD_RESPONSE ? INT_RESPONSE_TIMEOUT : 0;
}

static bool is_read_only(uint32_t offset)
{
    return (offset >= RESP0 && offset <= MINTSTS) || offset == STATUS || offset == CDETECT ||
           offset == WRTPRT || offset == TCBCNT || offset == TBBCNT || offset == VERID ||
           offset == HCON;
}

static void say_unknown(struct vmmp_exynos_sdhc *sdhc, uint32_t offset)
{
    vmmp_log_guest(sdhc->config.log, &sdhc->unknown, "exynos-sdhc: no register at 0x%03x",
                   (unsigned)offset);
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_sdhc *sdhc = device;
    (void)lanes;
    if (offset > LAST) {
        if (offset < DATA) {
            say_unknown(sdhc, offset);
        }
        return 0;
    }
    return offset == MINTSTS ? *word(sdhc, RINTSTS) & *word(sdhc, INTMASK) : *word(sdhc, offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_sdhc *sdhc = device;
    if (offset > LAST) {
        if (offset < DATA) {
            say_unknown(sdhc, offset);
        }
        return;
    }
    if (is_read_only(offset)) {
        return;
    }
    uint32_t *stored = word(sdhc, offset);
    uint32_t merged = words_merge(*stored, value, lanes, UINT32_MAX);
    if (offset == CMD) {
        command(sdhc, merged);
    } else if (offset == RINTSTS) {
        *stored &= ~value;
    } else {
        *stored = offset == CTRL ? merged & ~CTRL_RESETS : merged;
    }
    update_irq(sdhc);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

static void reset(struct vmmp_exynos_sdhc *sdhc)
{
    static const struct {
        uint32_t offset, value;
    } values[] = {
        { TMOUT, TMOUT_RESET },
        { BLKSIZ, BLOCK_RESET },
        { BYTCNT, BLOCK_RESET },
        { STATUS, STATUS_EMPTY },
        { FIFOTH, FIFOTH_RESET },
        { CDETECT, CDETECT_NONE },
        { DEBNCE, DEBNCE_RESET },
        { VERID, VERID_250A },
        { RST_N, 1 },
        { HCON, HCON_NO_DMA | HCON_DATA_32 },
    };
    memset(sdhc->words, 0, sizeof(sdhc->words));
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        *word(sdhc, values[i].offset) = values[i].value;
    }
    update_irq(sdhc);
}

int vmmp_exynos_sdhc_init(struct vmmp_exynos_sdhc *sdhc,
                          const struct vmmp_exynos_sdhc_config *config)
{
    memset(sdhc, 0, sizeof(*sdhc));
    sdhc->config = *config;
    int err = device_life_begin(&config->host, &sdhc->context, &sdhc->irq, config->irq);
    if (err) {
        return err;
    }
    sdhc->window = (struct vmmp_window){
        .name = "exynos-sdhc",
        .words = &word_ops,
        .device = sdhc,
        .size = VMMP_EXYNOS_SDHC_WINDOW_SIZE,
        .context = &sdhc->context,
    };
    reset(sdhc);
    return 0;
}

void vmmp_exynos_sdhc_fini(struct vmmp_exynos_sdhc *sdhc)
{
    device_life_end(&sdhc->config.host, &sdhc->context, &sdhc->irq);
}

void vmmp_exynos_sdhc_reset(struct vmmp_exynos_sdhc *sdhc)
{
    vmmp_context_enter(&sdhc->context);
    reset(sdhc);
    vmmp_context_leave(&sdhc->context);
}
