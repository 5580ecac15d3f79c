/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux serial/cdns,uart.yaml. */
#include "fdt/fdt_internal.h"

void vmmp_fdt_cadence_uart(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock)
{
    static const char compatible[] = "xlnx,zynqmp-uart\0cdns,uart-r1p12";
    static const char clocks[] = "uart_clk\0pclk";
    uint32_t cells[] = { clock, clock };

    vmmp_fdt_begin_at(fdt, "serial", base);
    vmmp_fdt_strings(fdt, "compatible", compatible, sizeof(compatible));
    vmmp_fdt_reg(fdt, base, 0x1000);
    vmmp_fdt_spi(fdt, spi, false);
    vmmp_fdt_cells(fdt, "clocks", cells, 2);
    vmmp_fdt_strings(fdt, "clock-names", clocks, sizeof(clocks));
    vmmp_fdt_end(fdt);
}
