/* SPDX-License-Identifier: BSD-2-Clause */
/* /cpus, /psci and /timer (Linux arm/cpus.yaml, arm/psci.yaml, timer/arm,arch_timer.yaml). */
#include "fdt/fdt_internal.h"

/* Affinity fields of MPIDR_EL1; only the highest needs a second cell. */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* CPUs that a GICv2 can name in an interrupt specifier. */
#define GICV2_CPUS 8

void vmmp_fdt_cpus(struct vmmp_fdt *fdt, const struct vmmp_fdt_cpus *cpus)
{
    bool wide = false;

    for (size_t i = 0; i < cpus->count; i++) {
        wide = wide || (cpus->mpidr[i] & MPIDR_AFFINITY) > UINT32_MAX;
    }
    vmmp_fdt_begin(fdt, "cpus");
    vmmp_fdt_u32(fdt, "#address-cells", wide ? 2 : 1);
    vmmp_fdt_u32(fdt, "#size-cells", 0);
    for (size_t i = 0; i < cpus->count; i++) {
        uint64_t affinity = cpus->mpidr[i] & MPIDR_AFFINITY;
        vmmp_fdt_begin_at(fdt, "cpu", affinity);
        vmmp_fdt_string(fdt, "device_type", "cpu");
        vmmp_fdt_string(fdt, "compatible", cpus->compatible);
        if (wide) {
            vmmp_fdt_u64(fdt, "reg", affinity);
        } else {
            vmmp_fdt_u32(fdt, "reg", (uint32_t)affinity);
        }
        if (cpus->psci) {
            vmmp_fdt_string(fdt, "enable-method", "psci");
        }
        vmmp_fdt_end(fdt);
    }
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_psci(struct vmmp_fdt *fdt, bool hvc)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    vmmp_fdt_begin(fdt, "psci");
    vmmp_fdt_strings(fdt, "compatible", compatible, sizeof(compatible));
    vmmp_fdt_string(fdt, "method", hvc ? "hvc" : "smc");
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_timer(struct vmmp_fdt *fdt, bool arm64, unsigned cpus)
{
    static const char arm64_compatible[] = "arm,armv8-timer\0arm,armv7-timer";
    static const char arm32_compatible[] = "arm,armv7-timer";
    static const uint32_t ppis[] = { 13, 14, 11, 10 };
    uint32_t targets = cpus < GICV2_CPUS ? (1u << cpus) - 1 : (1u << GICV2_CPUS) - 1;
    uint32_t cells[12];

    for (size_t i = 0; i < 4; i++) {
        cells[3 * i] = GIC_PPI;
        cells[3 * i + 1] = ppis[i];
        cells[3 * i + 2] = targets << 8 | IRQ_LEVEL_HIGH;
    }
    vmmp_fdt_begin(fdt, "timer");
    if (arm64) {
        vmmp_fdt_strings(fdt, "compatible", arm64_compatible, sizeof(arm64_compatible));
    } else {
        vmmp_fdt_strings(fdt, "compatible", arm32_compatible, sizeof(arm32_compatible));
    }
    vmmp_fdt_cells(fdt, "interrupts", cells, 12);
    vmmp_fdt_empty(fdt, "always-on");
    vmmp_fdt_end(fdt);
}
