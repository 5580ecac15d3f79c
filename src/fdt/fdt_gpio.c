/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux gpio/pl061-gpio.yaml, input/gpio-keys.yaml. */
#include "fdt/fdt_internal.h"

void vmmp_fdt_pl061(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock,
                    uint32_t phandle)
{
    static const char compatible[] = "arm,pl061\0arm,primecell";

    vmmp_fdt_begin_at(fdt, "gpio", base);
    vmmp_fdt_strings(fdt, "compatible", compatible, sizeof(compatible));
    vmmp_fdt_reg(fdt, base, 0x1000);
    vmmp_fdt_spi(fdt, spi, false);
    vmmp_fdt_u32(fdt, "clocks", clock);
    vmmp_fdt_string(fdt, "clock-names", "apb_pclk");
    vmmp_fdt_empty(fdt, "gpio-controller");
    vmmp_fdt_u32(fdt, "#gpio-cells", 2);
    vmmp_fdt_u32(fdt, "phandle", phandle);
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_gpio_key(struct vmmp_fdt *fdt, const char *label, uint32_t gpio, uint32_t pin,
                       uint32_t code)
{
    const uint32_t cells[] = { gpio, pin, 0 /* GPIO_ACTIVE_HIGH */ };

    vmmp_fdt_begin(fdt, "gpio-keys");
    vmmp_fdt_string(fdt, "compatible", "gpio-keys");
    vmmp_fdt_begin(fdt, "key");
    vmmp_fdt_string(fdt, "label", label);
    vmmp_fdt_u32(fdt, "linux,code", code);
    vmmp_fdt_cells(fdt, "gpios", cells, 3);
    vmmp_fdt_end(fdt);
    vmmp_fdt_end(fdt);
}
