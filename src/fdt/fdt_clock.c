/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux clock/fixed-clock.yaml. */
#include "fdt/fdt_internal.h"

void vmmp_fdt_fixed_clock(struct vmmp_fdt *fdt, const char *name, uint32_t phandle,
                          uint32_t frequency_hz)
{
    vmmp_fdt_begin(fdt, "%s", name);
    vmmp_fdt_string(fdt, "compatible", "fixed-clock");
    vmmp_fdt_u32(fdt, "#clock-cells", 0);
    vmmp_fdt_u32(fdt, "clock-frequency", frequency_hz);
    vmmp_fdt_string(fdt, "clock-output-names", name);
    vmmp_fdt_u32(fdt, "phandle", phandle);
    vmmp_fdt_end(fdt);
}
