/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter Power Management Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_pmc.h>

#include <string.h>

#include "bus/words.h"

#define CNTRL           0x000
#define PWRGATE_TOGGLE  0x030
#define REMOVE_CLAMPING 0x034
#define PWRGATE_STATUS  0x038
#define SCRATCH0        0x050 /* To SCRATCH23; */
#define SCRATCH0_COUNT  24
#define SCRATCH24       0x0fc /* to SCRATCH42. */
#define SCRATCH24_COUNT 19
#define IO_DPD_REQ      0x1b8
#define IO_DPD_STATUS   0x1bc
#define IO_DPD2_REQ     0x1c0
#define IO_DPD2_STATUS  0x1c4

#define CNTRL_MAIN_RST (1u << 4)

#define TOGGLE_START     (1u << 8)
#define TOGGLE_PARTITION 0x1fu

/* IO_DPD_REQ: what is done to the pads whose bits are set. */
#define DPD_CODE (3u << 30)
#define DPD_OFF  (1u << 30)
#define DPD_ON   (2u << 30)
#define DPD_PADS (~DPD_CODE)

/* Power gates. */
#define PARTITIONS 0x01ffffffu
#define CRAIL      0 /* What the CPUs have in common, and */
#define C0NC       15
static const uint8_t cpu_partitions[VMMP_TEGRA_PMC_CPUS] = { 14, 9, 10, 11 };

static uint32_t *word(struct vmmp_tegra_pmc *pmc, uint32_t offset)
{
    return &pmc->words[offset / 4];
}

static void toggle(struct vmmp_tegra_pmc *pmc, unsigned partition)
{
    uint32_t bit = 1u << partition & PARTITIONS;
    *word(pmc, PWRGATE_STATUS) ^= bit;
    bool on = *word(pmc, PWRGATE_STATUS) & bit;
    for (unsigned cpu = 0; cpu < VMMP_TEGRA_PMC_CPUS; cpu++) {
        if (cpu_partitions[cpu] == partition && pmc->config.cpu_power) {
            pmc->config.cpu_power(pmc->config.cookie, cpu, on);
        }
    }
}

/* Pads go into deep power-down and come out of it at once. */
static void power_pads(struct vmmp_tegra_pmc *pmc, uint32_t status, uint32_t request)
{
    if ((request & DPD_CODE) == DPD_ON) {
        *word(pmc, status) |= request & DPD_PADS;
    } else if ((request & DPD_CODE) == DPD_OFF) {
        *word(pmc, status) &= ~(request & DPD_PADS);
    }
}

static void end(struct vmmp_tegra_pmc *pmc)
{
    if (pmc->config.reset) {
        pmc->config.reset(pmc->config.cookie);
    } else {
        vmmp_log_guest(pmc->config.log, &pmc->ignored,
                       "tegra-pmc: the guest asks for a reset, which nobody does");
    }
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    (void)lanes;
    return *word(device, offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_tegra_pmc *pmc = device;
    uint32_t merged = words_merge(*word(pmc, offset), value, lanes, UINT32_MAX);

    switch (offset) {
    case CNTRL:
        *word(pmc, CNTRL) = merged & ~CNTRL_MAIN_RST;
        if (merged & CNTRL_MAIN_RST) {
            end(pmc);
        }
        break;
    case PWRGATE_TOGGLE: /* START is done, and reads as 0. */
        *word(pmc, PWRGATE_TOGGLE) = merged & TOGGLE_PARTITION;
        if (merged & TOGGLE_START) {
            toggle(pmc, merged & TOGGLE_PARTITION);
        }
        break;
    case IO_DPD_REQ:
    case IO_DPD2_REQ:
        *word(pmc, offset) = merged;
        power_pads(pmc, offset + 4, merged);
        break;
    case REMOVE_CLAMPING: /* Commands, which are done. */
    case PWRGATE_STATUS:
    case IO_DPD_STATUS:
    case IO_DPD2_STATUS:
        break;
    default:
        *word(pmc, offset) = merged;
        break;
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

static void reset(struct vmmp_tegra_pmc *pmc)
{
    uint32_t low[SCRATCH0_COUNT];
    uint32_t high[SCRATCH24_COUNT];

    memcpy(low, word(pmc, SCRATCH0), sizeof(low));
    memcpy(high, word(pmc, SCRATCH24), sizeof(high));
    memset(pmc->words, 0, sizeof(pmc->words));
    memcpy(word(pmc, SCRATCH0), low, sizeof(low));
    memcpy(word(pmc, SCRATCH24), high, sizeof(high));
    *word(pmc, PWRGATE_STATUS) = 1u << CRAIL | 1u << C0NC | 1u << cpu_partitions[0];
}

int vmmp_tegra_pmc_init(struct vmmp_tegra_pmc *pmc, const struct vmmp_tegra_pmc_config *config)
{
    memset(pmc, 0, sizeof(*pmc));
    pmc->config = *config;
    pmc->window = (struct vmmp_window){
        .name = "tegra-pmc",
        .words = &word_ops,
        .device = pmc,
        .size = VMMP_TEGRA_PMC_WINDOW_SIZE,
        .context = &pmc->context,
    };
    reset(pmc);
    return vmmp_host_context_init(&config->host, &pmc->context);
}

void vmmp_tegra_pmc_fini(struct vmmp_tegra_pmc *pmc)
{
    vmmp_host_context_fini(&pmc->config.host, &pmc->context);
}

void vmmp_tegra_pmc_reset(struct vmmp_tegra_pmc *pmc)
{
    vmmp_context_enter(&pmc->context);
    reset(pmc);
    vmmp_context_leave(&pmc->context);
}
