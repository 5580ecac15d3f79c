/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter Flow Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_flow.h>

#include <string.h>

#include "bus/words.h"

/* HALT_CPUn_EVENTS */
#define MODE           (7u << 29)
#define MODE_WAITEVENT (2u << 29)
#define EVENT_SCLK     (1u << 27)

/* CPUn_CSR */
#define INTR_FLAG  (1u << 15) /* Written 1: cleared. */
#define EVENT_FLAG (1u << 14)
#define WFI_SHIFT  8 /* Power gate a CPU in its WFI, a bit each; */
#define WFE_SHIFT  4 /* in its WFE. */
#define ENABLE     (1u << 0)
#define FLAGS      (INTR_FLAG | EVENT_FLAG)

static const struct {
    uint16_t halt, csr;
} cpus[VMMP_TEGRA_FLOW_CPUS] = {
    { 0x00, 0x08 },
    { 0x14, 0x18 },
    { 0x1c, 0x20 },
    { 0x24, 0x28 },
};

static uint32_t *word(struct vmmp_tegra_flow *flow, uint32_t offset)
{
    return &flow->words[offset / 4];
}

static void halt(struct vmmp_tegra_flow *flow, unsigned cpu, uint32_t events)
{
    uint32_t csr = *word(flow, cpus[cpu].csr);
    if ((events & MODE) != MODE_WAITEVENT || !(csr & ENABLE)) {
        return;
    }
    bool on = events & EVENT_SCLK;
    bool gated = (csr >> WFI_SHIFT | csr >> WFE_SHIFT) >> cpu & 1;
    if (on) { /* The event has come: the CPU goes on. */
        *word(flow, cpus[cpu].halt) &= ~MODE;
        *word(flow, cpus[cpu].csr) |= EVENT_FLAG;
    }
    if ((on || gated) && flow->config.cpu_power) {
        flow->config.cpu_power(flow->config.cookie, cpu, on);
    }
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    (void)lanes;
    return *word(device, offset);
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_tegra_flow *flow = device;
    uint32_t old = *word(flow, offset);
    uint32_t merged = words_merge(old, value, lanes, UINT32_MAX);

    *word(flow, offset) = merged;
    for (unsigned cpu = 0; cpu < VMMP_TEGRA_FLOW_CPUS; cpu++) {
        if (offset == cpus[cpu].csr) {
            *word(flow, offset) = (merged & ~FLAGS) | (old & FLAGS & ~value);
        } else if (offset == cpus[cpu].halt) {
            halt(flow, cpu, merged);
        }
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

int vmmp_tegra_flow_init(struct vmmp_tegra_flow *flow, const struct vmmp_tegra_flow_config *config)
{
    memset(flow, 0, sizeof(*flow));
    flow->config = *config;
    flow->window = (struct vmmp_window){
        .name = "tegra-flow",
        .words = &word_ops,
        .device = flow,
        .size = VMMP_TEGRA_FLOW_WINDOW_SIZE,
        .context = &flow->context,
    };
    return vmmp_host_context_init(&config->host, &flow->context);
}

void vmmp_tegra_flow_fini(struct vmmp_tegra_flow *flow)
{
    vmmp_host_context_fini(&flow->config.host, &flow->context);
}

void vmmp_tegra_flow_reset(struct vmmp_tegra_flow *flow)
{
    vmmp_context_enter(&flow->context);
    memset(flow->words, 0, sizeof(flow->words));
    vmmp_context_leave(&flow->context);
}
