/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the board's devices (Tegra K1 Technical Reference Manual, address map). */
#pragma once

#define USB1_PADDR              0x7d000000
#define USB3_PADDR              0x7d008000
#define SDMMC_PADDR             0x700b0000
#define RTC_PADDR               0x7000e000
#define DATA_MEMORY_PADDR       0x40000000
#define EXCEPTION_VECTORS_PADDR 0x6000f000
#define SYSTEM_REGISTERS_PADDR  0x6000c000
#define ICTLR_PADDR             0x60004000
#define APB_MISC_PADDR          0x70000000
#define FUSE_PADDR              0x7000f000
#define GPIOS_PADDR             0x6000d000
