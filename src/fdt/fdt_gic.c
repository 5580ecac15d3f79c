/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt controllers (Linux interrupt-controller/arm,gic.yaml, arm,gic-v3.yaml). */
#include "fdt/fdt_internal.h"

static void begin_gic(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic, const char *compatible,
                      const struct vmmp_fdt_range *second)
{
    vmmp_fdt_begin_at(fdt, "interrupt-controller", gic->distributor.start);
    vmmp_fdt_string(fdt, "compatible", compatible);
    uint8_t *at = vmmp_fdt_space(fdt, "reg", 32);
    if (at) {
        at = vmmp_fdt_put64(vmmp_fdt_put64(at, gic->distributor.start), gic->distributor.size);
        vmmp_fdt_put64(vmmp_fdt_put64(at, second->start), second->size);
    }
    vmmp_fdt_empty(fdt, "interrupt-controller");
    vmmp_fdt_u32(fdt, "#interrupt-cells", 3);
    vmmp_fdt_u32(fdt, "#address-cells", 2);
    vmmp_fdt_u32(fdt, "#size-cells", 2);
    vmmp_fdt_empty(fdt, "ranges");
    vmmp_fdt_u32(fdt, "phandle", gic->phandle);
}

static void put_v2m(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic)
{
    vmmp_fdt_begin_at(fdt, "v2m", gic->msi.start);
    vmmp_fdt_string(fdt, "compatible", "arm,gic-v2m-frame");
    vmmp_fdt_empty(fdt, "msi-controller");
    vmmp_fdt_reg(fdt, gic->msi.start, gic->msi.size);
    if (gic->msi_spi_count) {
        /* Unlike interrupt specifiers, these are counted from INTID 0. */
        vmmp_fdt_u32(fdt, "arm,msi-base-spi", 32 + gic->msi_spi_base);
        vmmp_fdt_u32(fdt, "arm,msi-num-spis", gic->msi_spi_count);
    }
    vmmp_fdt_u32(fdt, "phandle", gic->msi_phandle);
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_gic_v2(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic)
{
    begin_gic(fdt, gic, "arm,cortex-a15-gic", &gic->cpu_interface);
    if (gic->msi_phandle) {
        put_v2m(fdt, gic);
    }
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_gic_v3(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic)
{
    begin_gic(fdt, gic, "arm,gic-v3", &gic->redistributors);
    if (gic->msi_phandle && gic->msi_v2m) {
        put_v2m(fdt, gic);
    } else if (gic->msi_phandle) {
        vmmp_fdt_begin_at(fdt, "msi-controller", gic->msi.start);
        vmmp_fdt_string(fdt, "compatible", "arm,gic-v3-its");
        vmmp_fdt_empty(fdt, "msi-controller");
        vmmp_fdt_u32(fdt, "#msi-cells", 1);
        vmmp_fdt_reg(fdt, gic->msi.start, gic->msi.size);
        vmmp_fdt_u32(fdt, "phandle", gic->msi_phandle);
        vmmp_fdt_end(fdt);
    }
    vmmp_fdt_end(fdt);
}
