/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux rtc/arm,pl031.yaml. */
#include "fdt/fdt_internal.h"

void vmmp_fdt_pl031(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";

    vmmp_fdt_begin_at(fdt, "rtc", base);
    vmmp_fdt_strings(fdt, "compatible", compatible, sizeof(compatible));
    vmmp_fdt_reg(fdt, base, 0x1000);
    vmmp_fdt_spi(fdt, spi, false);
    vmmp_fdt_u32(fdt, "clocks", clock);
    vmmp_fdt_string(fdt, "clock-names", "apb_pclk");
    vmmp_fdt_end(fdt);
}
