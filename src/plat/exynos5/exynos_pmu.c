/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter Power Management Unit. */
#include <sel4vmmplatsupport/vmmp/exynos_pmu.h>

#include <string.h>

#include "bus/words.h"

#define SWRESET 0x0400
#define INFORM0 \
    0x0800 /* Eight of them, four bytes each: what firmware and kernel tell each other. */
#define INFORMS         8
#define PS_HOLD_CONTROL 0x330c

#define SWRESET_SYSTEM (1u << 0)

#define PS_HOLD_DIR   (1u << 9)
#define PS_HOLD_DATA  (1u << 8)  /* High: the supply stays on. */
#define PS_HOLD_RESET 0x00005300 /* An output that is high. */

/* Things with power: CONFIGURATION, STATUS, OPTION. */
#define CONFIGURATION 0x0
#define STATUS        0x4

struct powered {
    uint16_t first;
    uint8_t stride;
    uint8_t count;
    uint8_t mask;  /* Of CONFIGURATION and STATUS: all bits set is on. */
    uint8_t reset; /* Of both. */
};

static const struct powered powered[] = {
    { 0x2000, 0x80, VMMP_EXYNOS_PMU_CPUS, 0x3, 0x0 }, /* ARM_CORE: reset by config.cpus_on. */
    { 0x2500, 0x80, 2, 0x3, 0x3 },                    /* ARM_COMMON, a cluster each */
    { 0x2600, 0x80, 2, 0x7, 0x7 },                    /* ARM_L2 */
    { 0x4000, 0x20, 16, 0x7, 0x7 },                   /* Domains: GSCL, ISP, MFC, G3D, DISP … */
    { 0x5100, 0x20, 1, 0x7, 0x7 },                    /* CAM */
};

#define CORES (&powered[0])

static uint32_t *word(struct vmmp_exynos_pmu *pmu, uint32_t offset)
{
    return &pmu->words[offset / 4];
}

/* ---- CPUs and domains ---- */

/* Which one a register is of, NULL if it is none's. */
static const struct powered *find(uint32_t offset, unsigned *n, uint32_t *reg)
{
    for (size_t i = 0; i < sizeof(powered) / sizeof(powered[0]); i++) {
        const struct powered *row = &powered[i];
        if (offset >= row->first && offset < row->first + (uint32_t)row->stride * row->count) {
            *n = (offset - row->first) / row->stride;
            *reg = (offset - row->first) % row->stride;
            return row;
        }
    }
    return NULL;
}

static void configure(struct vmmp_exynos_pmu *pmu, const struct powered *row, unsigned n,
                      uint32_t value)
{
    uint32_t base = row->first + n * row->stride;
    uint32_t *status = word(pmu, base + STATUS);
    bool was_on = *status == row->mask;
    bool on = (value & row->mask) == row->mask;

    *word(pmu, base + CONFIGURATION) = value & row->mask;
    if (on != was_on && row == CORES && pmu->config.cpu_power) {
        pmu->config.cpu_power(pmu->config.cookie, n, on);
    }
    *status = on ? row->mask : 0;
}

/* ---- The machine's end ---- */

static void end(struct vmmp_exynos_pmu *pmu, void (*callback)(void *cookie), const char *what)
{
    if (callback) {
        callback(pmu->config.cookie);
    } else {
        vmmp_log_guest(pmu->config.log, &pmu->ignored,
                       "exynos-pmu: the guest asks for %s, which nobody does", what);
    }
}

static void hold_power(struct vmmp_exynos_pmu *pmu, uint32_t value)
{
    *word(pmu, PS_HOLD_CONTROL) = value;
    /* An output that is driven low; Linux writes the reset value less DATA. */
    if ((value & (PS_HOLD_DIR | PS_HOLD_DATA)) == PS_HOLD_DIR) {
        end(pmu, pmu->config.power_off, "power off");
    }
}

/* ---- Registers ---- */

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    (void)lanes;
    return offset == SWRESET ? 0 : *word(device, offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_pmu *pmu = device;
    uint32_t merged = words_merge(*word(pmu, offset), value, lanes, UINT32_MAX);
    unsigned n;
    uint32_t reg;

    if (offset == SWRESET) {
        if (value & SWRESET_SYSTEM) {
            end(pmu, pmu->config.reset, "a reset");
        }
        return;
    }
    if (offset == PS_HOLD_CONTROL) {
        hold_power(pmu, merged);
        return;
    }
    const struct powered *row = find(offset, &n, &reg);
    if (row && reg == CONFIGURATION) {
        configure(pmu, row, n, merged);
    } else if (!row || reg != STATUS) {
        *word(pmu, offset) = merged;
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(struct vmmp_exynos_pmu *pmu)
{
    uint32_t inform[INFORMS];

    memcpy(inform, word(pmu, INFORM0), sizeof(inform));
    memset(pmu->words, 0, sizeof(pmu->words));
    memcpy(word(pmu, INFORM0), inform, sizeof(inform));
    *word(pmu, PS_HOLD_CONTROL) = PS_HOLD_RESET;
    for (size_t i = 0; i < sizeof(powered) / sizeof(powered[0]); i++) {
        const struct powered *row = &powered[i];
        for (unsigned n = 0; n < row->count; n++) {
            bool on = row == CORES && pmu->config.cpus_on >> n & 1;
            uint32_t state = on ? row->mask : row->reset;
            *word(pmu, row->first + n * row->stride + CONFIGURATION) = state;
            *word(pmu, row->first + n * row->stride + STATUS) = state;
        }
    }
}

int vmmp_exynos_pmu_init(struct vmmp_exynos_pmu *pmu, const struct vmmp_exynos_pmu_config *config)
{
    memset(pmu, 0, sizeof(*pmu));
    pmu->config = *config;
    int err = vmmp_host_context_init(&config->host, &pmu->context);
    if (err) {
        return err;
    }
    pmu->window = (struct vmmp_window){
        .name = "exynos-pmu",
        .words = &word_ops,
        .device = pmu,
        .size = VMMP_EXYNOS_PMU_WINDOW_SIZE,
        .context = &pmu->context,
    };
    reset(pmu);
    return 0;
}

void vmmp_exynos_pmu_fini(struct vmmp_exynos_pmu *pmu)
{
    vmmp_host_context_fini(&pmu->config.host, &pmu->context);
}

void vmmp_exynos_pmu_reset(struct vmmp_exynos_pmu *pmu)
{
    vmmp_context_enter(&pmu->context);
    reset(pmu);
    vmmp_context_leave(&pmu->context);
}
