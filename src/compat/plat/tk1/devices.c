/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the board's devices are. */
#include <sel4vmmplatsupport/plat/devices.h>

/* What seL4's platform library says of its own drivers: UARTD_PADDR and TK1_CLKCAR_PADDR there. */
#define UARTS  0x70006000
#define CLKCAR 0x60006000

#define DEVICE(symbol, label, address) \
    const struct device symbol = { .name = (label), .pstart = (address), .size = 0x1000 }

DEVICE(dev_uartd, "uartd", UARTS);
DEVICE(dev_clkcar, "clkcar", CLKCAR);
DEVICE(dev_usb1, "usb1", USB1_PADDR);
DEVICE(dev_usb3, "usb3", USB3_PADDR);
DEVICE(dev_sdmmc, "sdmmc", SDMMC_PADDR);
DEVICE(dev_rtc_kbc_pmc, "rtc_kbc_pmc", RTC_PADDR);
DEVICE(dev_data_memory, "data_memory", DATA_MEMORY_PADDR);
DEVICE(dev_exception_vectors, "exception_vectors", EXCEPTION_VECTORS_PADDR);
DEVICE(dev_system_registers, "system_registers", SYSTEM_REGISTERS_PADDR);
DEVICE(dev_ictlr, "ictlr", ICTLR_PADDR);
DEVICE(dev_apb_misc, "apb_misc", APB_MISC_PADDR);
DEVICE(dev_fuse, "fuse", FUSE_PADDR);
DEVICE(dev_gpios, "gpios", GPIOS_PADDR);
