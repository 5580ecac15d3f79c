/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux virtio/mmio.yaml. */
#include "fdt/fdt_internal.h"

void vmmp_fdt_virtio_mmio(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi)
{
    vmmp_fdt_begin_at(fdt, "virtio_mmio", base);
    vmmp_fdt_string(fdt, "compatible", "virtio,mmio");
    vmmp_fdt_reg(fdt, base, 0x200);
    vmmp_fdt_spi(fdt, spi, false);
    vmmp_fdt_empty(fdt, "dma-coherent");
    vmmp_fdt_end(fdt);
}
